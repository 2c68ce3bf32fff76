using System.Diagnostics;

namespace DrainProxy.Process.Tests.Cli;

/// <summary>The built program as a process of its own, run to its end.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Error);

internal static class BuiltProgram
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    public static Task<Outcome> RunAsync(params string[] args) => RunAsync([], args);

    public static async Task<Outcome> RunAsync((string Name, string Value)[] environment, params string[] args)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "drainproxy"), args)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var inherited in start.Environment.Keys.Where(k => k.StartsWith("DRAINPROXY_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(inherited);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;

        using var process = System.Diagnostics.Process.Start(start)!;
        process.StandardInput.Close();
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return new(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"drainproxy {string.Join(' ', args)} did not end within {Limit}");
        }
    }
}
