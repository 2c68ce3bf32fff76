using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace DrainProxy.Demo.App;

/// <summary>
/// `drainproxy demo-app --port N --idle-timeout-ms N`: the app of one demo pod, a process of its own so that its signals are real. Hidden: only
/// `demo` starts it. It ends with its parent, whose death closes standard input, and takes the pod's sidecar along, of which the parent wrote the
/// process id there: so a demo that was killed leaves nothing behind.
/// </summary>
internal static class DemoAppCommand
{
    /// <summary>The first line on standard output, followed by the port.</summary>
    public const string ReadyLine = "listening on ";

    public static IReadOnlyList<string> Arguments(int port, TimeSpan idleTimeout) =>
    [
        "demo-app",
        "--port", port.ToString(CultureInfo.InvariantCulture),
        "--idle-timeout-ms", idleTimeout.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture),
    ];

    /// <param name="args">What follows `demo-app`.</param>
    public static async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        if (args is not ["--port", var portText, "--idle-timeout-ms", var idleText]
            || !ushort.TryParse(portText, CultureInfo.InvariantCulture, out var port)
            || !int.TryParse(idleText, CultureInfo.InvariantCulture, out var idle) || idle <= 0)
        {
            await Console.Error.WriteLineAsync("usage: drainproxy demo-app --port N --idle-timeout-ms N");
            return 2;
        }

        try
        {
            await ServeAsync(port, TimeSpan.FromMilliseconds(idle));
            return 0;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            await Console.Error.WriteLineAsync($"port {port}: {e.SocketErrorCode}");
            return 69;
        }
    }

    private static async Task ServeAsync(int port, TimeSpan idleTimeout)
    {
        var terminated = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var sigterm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            terminated.TrySetResult();
        });

        // Ctrl-C on a terminal reaches every process of the group; the parent decides when this one goes.
        using var sigint = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);

        using var app = new DemoApp(port, idleTimeout, TimeProvider.System);
        Console.WriteLine(ReadyLine + app.Port.ToString(CultureInfo.InvariantCulture));
        await Task.WhenAny(terminated.Task, ParentGoneAsync());
        await app.StopAsync();
    }

    private static async Task ParentGoneAsync()
    {
        using var input = new StreamReader(Console.OpenStandardInput());
        var sidecar = 0;
        while (await input.ReadLineAsync() is { } line)
            _ = int.TryParse(line, CultureInfo.InvariantCulture, out sidecar);
        if (sidecar > 0)
            KillIfOurs(sidecar);
    }

    /// <summary>A process id may have been given away again: only one that runs this same executable is ended.</summary>
    private static void KillIfOurs(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            if (process.MainModule?.FileName == Environment.ProcessPath)
                process.Kill();
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // Gone already, or not ours.
        }
    }
}
