using System.Net.Sockets;
using System.Text;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Admission;

/// <summary>One look at an app: connect, then its health path where there is one.</summary>
internal static class AppProbe
{
    public static async Task<bool> Answers(AppAddress app, string? healthPath, TimeSpan longest, TimeProvider time, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var timer = time.CreateTimer(static s => ((CancellationTokenSource)s!).Cancel(), limit, longest, Timeout.InfiniteTimeSpan);
        try
        {
            using var socket = await AppSockets.Connect(app, limit.Token);
            return healthPath is null || app.Scheme is AppScheme.H2c or AppScheme.Https || await IsHealthy(app, socket, healthPath, limit.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or IOException)
        {
            return false;
        }
    }

    /// <summary>Any status below 400 counts as healthy, as in Kubernetes' httpGet probes.</summary>
    private static async Task<bool> IsHealthy(AppAddress app, Socket socket, string path, CancellationToken cancel)
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
}
