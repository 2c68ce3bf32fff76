using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>A child process with its output; ended by its id when the test is over, whatever happened.</summary>
internal sealed partial class Child : IAsyncDisposable
{
    public const int Sigterm = 15;
    public const int Sigkill = 9;
    public const int Sighup = 1;
    public const int Sigcont = 18;
    public const int Sigstop = 19;
    private readonly Process process;
    private readonly ConcurrentQueue<string> lines = new();

    private Child(Process process) => this.process = process;

    public int Id => process.Id;

    public IReadOnlyCollection<string> Lines => lines;

    public string Output => string.Join('\n', lines);

    public bool HasExited => process.HasExited;

    public static Child Start(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var info = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) info.Environment[name] = value;
        var child = new Child(new Process { StartInfo = info });
        child.process.OutputDataReceived += (_, e) => child.Keep(e.Data);
        child.process.ErrorDataReceived += (_, e) => child.Keep(e.Data);
        child.process.Start();
        child.process.BeginOutputReadLine();
        child.process.BeginErrorReadLine();
        return child;
    }

    public void Signal(int signal)
    {
        if (!process.HasExited) _ = Kill(process.Id, signal);
    }

    /// <summary>The exit code; fails the test when the process has not ended in time.</summary>
    public async Task<int> Exit(TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit, TimeProvider.System);
        try
        {
            await process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"process {process.Id} did not end within {limit.TotalSeconds} s:\n{Output}");
        }

        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        Signal(Sigkill);
        await Exit(TimeSpan.FromSeconds(10));
        process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is not null && lines.Count < 20_000) lines.Enqueue(line);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}

/// <summary>Small things of every scenario.</summary>
internal static class Net
{
    private static readonly ConcurrentDictionary<int, bool> given = new();

    /// <summary>
    /// Ports below the ephemeral range, so that no outgoing connection takes one between the look and the bind, and none twice: a program
    /// may need seconds until it binds the port that it was given.
    /// </summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(10_000, 32_000);
            if (!given.TryAdd(port, true)) continue;
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Any, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken: the next one.
            }
        }
    }

    public static async Task Answers(int port, string path = "/", int status = 200, double seconds = 60)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        await Eventually(async () => (int)(await http.GetAsync($"http://127.0.0.1:{port}{path}")).StatusCode == status, $"port {port} answers {status}", seconds);
    }

    /// <summary>Waits for an event, with a limit; what it throws counts as not yet.</summary>
    public static async Task Eventually(Func<Task<bool>> happened, string what, double seconds = 30)
    {
        var deadline = TimeProvider.System.GetTimestamp() + (long)(seconds * TimeProvider.System.TimestampFrequency);
        while (true)
        {
            try
            {
                if (await happened()) return;
            }
            catch (Exception e) when (e is HttpRequestException or SocketException or IOException or OperationCanceledException)
            {
                // Not yet.
            }

            Assert.True(TimeProvider.System.GetTimestamp() < deadline, $"not within {seconds} s: {what}");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    public static Task Pause(double seconds) => Task.Delay(TimeSpan.FromSeconds(seconds), TimeProvider.System);
}

/// <summary>A folder of the test's own, gone with it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("drainproxy-").FullName;

    public string Write(string name, string text)
    {
        var file = System.IO.Path.Combine(Path, name);
        File.WriteAllText(file, text);
        return file;
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A dying child may still write there.
        }
    }
}
