using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace DrainProxy.Repo.Tests;

/// <summary>`drainproxy run` without an app, on free loopback ports, until disposed.</summary>
internal sealed class RunningProgram : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private readonly Process process;
    private readonly HttpClient client;

    private RunningProgram(int adminPort)
    {
        var admin = $"127.0.0.1:{adminPort}";
        process = Process.Start(new ProcessStartInfo(
            Path.Combine(AppContext.BaseDirectory, "drainproxy"),
            ["run", "--listen", "127.0.0.1:0", "--admin", admin, "--linger", "0", "--quiet", "0", "--log-level", "error"])
        { RedirectStandardOutput = true })!;
        client = new HttpClient { BaseAddress = new Uri($"http://{admin}"), Timeout = Limit };
    }

    public static async Task<RunningProgram> StartAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            var program = new RunningProgram(FreePort());
            if (await program.AnswersAsync()) return program;
            await program.DisposeAsync();
            // Somebody may have taken the port in between.
            Assert.True(attempt < 3, "the program did not start");
        }
    }

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path) =>
        client.SendAsync(new HttpRequestMessage(method, path), TestContext.Current.CancellationToken);

    /// <summary>Sends SIGTERM; returns what the program has written until its end.</summary>
    public async Task<string> TerminateAsync()
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        Assert.Equal(0, Command.Run("/bin/sh", ["-c", $"kill -TERM {process.Id}"], "/").ExitCode);
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        if (!process.HasExited) process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private async Task<bool> AnswersAsync()
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        while (!process.HasExited && !limit.IsCancellationRequested)
        {
            try
            {
                using var answer = await SendAsync(HttpMethod.Get, "/livez");
                return true;
            }
            catch (HttpRequestException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
            }
        }

        return false;
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
