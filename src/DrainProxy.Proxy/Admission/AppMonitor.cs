using System.Net.Sockets;
using System.Text;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Settings;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Admission;

/// <summary>
/// Knows whether the app answers: by looking while it is down (often) and while it is up (seldom), and by what the data path reports.
/// Requests wait on <see cref="WhenUp"/>.
/// </summary>
internal sealed partial class AppMonitor(AppAddress app, string? healthPath, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestLook = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LookWhileUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(2);
    private readonly Lock gate = new();
    private TaskCompletionSource up = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource down = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool isUp;

    /// <summary>Raised with the new state, outside the lock.</summary>
    public event Action<bool>? Changed;

    public bool IsUp => isUp;

    /// <summary>Completes when the app answers; a new task after each failure.</summary>
    public Task WhenUp
    {
        get { lock (gate) return up.Task; }
    }

    /// <summary>The data path could not connect.</summary>
    public void ReportDown() => Set(false);

    public async Task Run(CancellationToken stop)
    {
        var pause = FirstLook;
        while (!stop.IsCancellationRequested)
        {
            var answers = await Answers(stop);
            if (stop.IsCancellationRequested) return;
            Set(answers);
            pause = answers ? FirstLook : pause * 2 < LongestLook ? pause * 2 : LongestLook;
            Task wake;
            lock (gate) wake = answers ? down.Task : Task.Delay(pause, time, stop);
            try
            {
                await wake.WaitAsync(answers ? LookWhileUp : LookLimit, time, stop);
            }
            catch (Exception e) when (e is TimeoutException or OperationCanceledException)
            {
                // Time for the next look, or the end.
            }
        }
    }

    private void Set(bool answers)
    {
        lock (gate)
        {
            if (isUp == answers) return;
            isUp = answers;
            if (answers)
            {
                down = new(TaskCreationOptions.RunContinuationsAsynchronously);
                up.TrySetResult();
            }
            else
            {
                up = new(TaskCreationOptions.RunContinuationsAsynchronously);
                down.TrySetResult();
            }
        }

        LogApp(log, app, answers ? "answers" : "does not answer");
        Changed?.Invoke(answers);
    }

    private async Task<bool> Answers(CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var timer = time.CreateTimer(static s => ((CancellationTokenSource)s!).Cancel(), limit, LookLimit, Timeout.InfiniteTimeSpan);
        try
        {
            using var socket = await AppSockets.Connect(app, limit.Token);
            return healthPath is null || app.Scheme is AppScheme.H2c or AppScheme.Https || await IsHealthy(socket, healthPath, limit.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or IOException)
        {
            return false;
        }
    }

    /// <summary>Any status below 400 counts as healthy, as in Kubernetes' httpGet probes.</summary>
    private async Task<bool> IsHealthy(Socket socket, string path, CancellationToken cancel)
    {
        var host = app.Scheme == AppScheme.Unix ? "localhost" : $"{app.Host}:{app.Port}";
        await socket.SendAsync(Encoding.ASCII.GetBytes(
            $"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: drainproxy-health\r\nConnection: close\r\n\r\n"), cancel);
        var head = new byte[12];
        var read = 0;
        while (read < head.Length)
        {
            var n = await socket.ReceiveAsync(head.AsMemory(read), cancel);
            if (n == 0) return false;
            read += n;
        }

        return head.AsSpan().StartsWith("HTTP/1."u8) && head[9] is (byte)'2' or (byte)'3';
    }

    [LoggerMessage(200, LogLevel.Information, "App {App} {State}", EventName = "app")]
    private static partial void LogApp(ILogger log, AppAddress app, string state);
}
