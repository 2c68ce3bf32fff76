using System.Net.Sockets;
using System.Text;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// Measures how long the app keeps an idle connection: one HEAD request (safe by RFC 9110 section 9.2.1; on `--app-health`, else `/`),
/// then silence until the app closes. Runs once, at start; an app that announces its timeout ends it early.
/// </summary>
internal static class IdleProbe
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(10);

    /// <summary>Beyond this the pool's own cap decides.</summary>
    private static readonly TimeSpan LongEnough = TimeSpan.FromSeconds(130);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(500);

    public static async Task Run(AppAddress app, string? healthPath, UpstreamPool pool, TimeProvider time, CancellationToken stop)
    {
        if (app.Scheme is not (AppScheme.Http or AppScheme.Unix)) return;
        try
        {
            using var socket = await AppSockets.Connect(app, stop);
            var host = app.Scheme == AppScheme.Unix ? "localhost" : $"{app.Host}:{app.Port}";
            await socket.SendAsync(Encoding.ASCII.GetBytes(
                $"HEAD {healthPath ?? "/"} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: drainproxy-idle-probe\r\n\r\n"), stop);
            if (await ReadHead(socket, time, stop) is not { } head) return;
            if (head.Contains("\r\nConnection: close", StringComparison.OrdinalIgnoreCase) || !head.StartsWith("HTTP/1.1 ", StringComparison.Ordinal))
                return;
            if (KeepAliveOf(head) is { } announced && UpstreamIdle.FromKeepAliveHeader(announced) is not null)
            {
                pool.Announced(announced);
                return;
            }

            await Watch(socket, pool, time, stop);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or TimeoutException or ObjectDisposedException)
        {
            // Nothing learned: the cautious timeout stays, and an announcement may still come with an answer.
        }
    }

    private static async Task Watch(Socket socket, UpstreamPool pool, TimeProvider time, CancellationToken stop)
    {
        var idleSince = time.GetTimestamp();
        var closed = socket.ReceiveAsync(new byte[1], stop).AsTask();
        while (!pool.Known)
        {
            var idle = time.GetElapsedTime(idleSince);
            if (idle > LongEnough)
            {
                pool.Measured(LongEnough);
                return;
            }

            pool.Proven(idle);
            try
            {
                await closed.WaitAsync(Step, time, stop);
            }
            catch (TimeoutException)
            {
                continue;
            }

            // Bytes are no end: an app that gives HEAD a body tells nothing of its idle connections.
            if (await closed == 0) pool.Measured(time.GetElapsedTime(idleSince));
            return;
        }
    }

    /// <summary>The answer's head; null when there is none, or when a body follows, which HEAD does not have.</summary>
    private static async Task<string?> ReadHead(Socket socket, TimeProvider time, CancellationToken stop)
    {
        var buffer = new byte[16 * 1024];
        var length = 0;
        while (length < buffer.Length)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(length), stop).AsTask().WaitAsync(AnswerLimit, time, stop);
            if (read == 0) return null;
            length += read;
            var end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0) return end + 4 == length ? Encoding.Latin1.GetString(buffer, 0, end + 2) : null;
        }

        return null;
    }

    private static string? KeepAliveOf(string head)
    {
        foreach (var line in head.Split("\r\n"))
        {
            if (line.StartsWith("Keep-Alive:", StringComparison.OrdinalIgnoreCase)) return line["Keep-Alive:".Length..].Trim();
        }

        return null;
    }
}
