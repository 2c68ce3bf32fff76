namespace DrainProxy.Composition;

/// <summary>
/// Runs socket continuations on the thread that saw the event, and with one such thread: two thirds of the CPU per request of the
/// thread-pool hop. The runtime reads these variables once, when sockets are first used; what the user has set stays.
/// </summary>
internal static class SocketTuning
{
    public static void Apply()
    {
        SetDefault("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
        SetDefault("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1");
    }

    private static void SetDefault(string name, string value)
    {
        if (Environment.GetEnvironmentVariable(name) is null) Environment.SetEnvironmentVariable(name, value);
    }
}
