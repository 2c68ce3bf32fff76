using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace DrainProxy.Proxy.Tests.Supervision;

/// <summary>A process that listens on a port of its own; ended by its id. Python, since every machine that builds has it; missing, the test is skipped, or fails where CI=true.</summary>
internal sealed class ListeningChild : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private readonly Process process;

    private ListeningChild(Process process, int port) => (this.process, Port) = (process, port);

    public int Port { get; }

    public bool HasExited => process.HasExited;

    /// <param name="port">Null: a free one.</param>
    /// <param name="ignoresSigterm">It listens on when told to go.</param>
    public static async Task<ListeningChild> Start(int? port = null, bool ignoresSigterm = false)
    {
        var at = port ?? FreePort();
        var script = $"import signal, socket\n{(ignoresSigterm ? "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" : "")}"
            + $"s = socket.create_server(('127.0.0.1', {at}))\nwhile True: s.accept()[0].close()\n";
        var child = new ListeningChild(Launch(["-c", script]), at);
        await Eventually(() => Answers(at), "the process listens");
        return child;
    }

    /// <summary>The exit code; 128 + signal when one ended it.</summary>
    public async Task<int> Exit()
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        await process.WaitForExitAsync(limit.Token);
        return process.ExitCode;
    }

    public void Dispose()
    {
        if (!process.HasExited) process.Kill();
        process.WaitForExit();
        process.Dispose();
    }

    public static async Task Eventually(Func<bool> happened, string what)
    {
        var since = TimeProvider.System.GetTimestamp();
        while (!happened())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(since) < Limit, $"not within {Limit.TotalSeconds} s: {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    /// <summary>Below the ephemeral range.</summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(10_000, 32_000);
            try
            {
                using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken: the next one.
            }
        }
    }

    private static bool Answers(int port)
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static Process Launch(IEnumerable<string> arguments)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("python3", arguments))!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", "python3 is not installed (Debian: python3)");
            throw;
        }
    }
}
