using System.Globalization;
using System.Text;
using DrainProxy.Demo.Http;

namespace DrainProxy.Demo.App;

/// <summary>
/// The built-in app. It behaves as app servers do by default: keep-alive connections that idle are closed after a short time, unannounced to
/// whoever is writing at that moment; on SIGTERM it stops listening at once, finishes what it is working on, and goes.
/// </summary>
internal sealed class DemoApp : IDisposable
{
    private readonly TimeSpan _idleTimeout;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();
    private readonly HttpListenerLoop _loop;
    private int _working;

    public DemoApp(int port, TimeSpan idleTimeout, TimeProvider time)
    {
        _idleTimeout = idleTimeout;
        _time = time;
        _loop = new HttpListenerLoop(port, ServeAsync);
    }

    public int Port => _loop.Port;

    /// <summary>Requests under way.</summary>
    public int Working => Volatile.Read(ref _working);

    /// <summary>What the app answers; clients compare, so that an answer to somebody else's request counts as a failure.</summary>
    public static byte[] Answer(string method, string target, ReadOnlySpan<byte> body) =>
        [.. Encoding.Latin1.GetBytes($"{method} {target}\n"), .. body];

    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _loop.StopAcceptingAsync();
        await _loop.WhenServedAsync();
    }

    public void Dispose()
    {
        _loop.Dispose();
        _stopping.Dispose();
    }

    private async Task ServeAsync(HttpConnection connection)
    {
        while (await HasRequestAsync(connection) && await connection.ReadRequestAsync(CancellationToken.None) is { } request)
        {
            Interlocked.Increment(ref _working);
            var response = await AnswerAsync(request);
            Interlocked.Decrement(ref _working);
            await connection.WriteAsync(response, CancellationToken.None);
            if (!request.KeepAlive || !response.KeepAlive)
                return;
        }
    }

    /// <summary>Idle between two requests: ends by a request, the idle timeout, the client, or the app's own stop.</summary>
    private async Task<bool> HasRequestAsync(HttpConnection connection)
    {
        using var idle = new CancellationTokenSource(_idleTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(idle.Token, _stopping.Token);
        return await connection.WaitForDataAsync(either.Token);
    }

    private async Task<HttpMessage> AnswerAsync(HttpMessage request)
    {
        if (request.StartLine.Split(' ') is not [var method, var target, _])
            return HttpMessage.Response(400, "Bad Request", [], new KeyValuePair<string, string>("Connection", "close"));
        if (WorkOf(target) is { } work && work > TimeSpan.Zero)
            await Task.Delay(work, _time);
        var timeout = Math.Floor(_idleTimeout.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return HttpMessage.Response(
            200,
            "OK",
            Answer(method, target, request.Body),
            _stopping.IsCancellationRequested ? [new("Connection", "close")] : [new("Keep-Alive", $"timeout={timeout}")]);
    }

    /// <summary>`/orders/7?work=40` takes 40 ms, as if a database were asked.</summary>
    private static TimeSpan? WorkOf(string target)
    {
        var at = target.IndexOf("work=", StringComparison.Ordinal);
        return at >= 0 && int.TryParse(target.AsSpan(at + 5), CultureInfo.InvariantCulture, out var milliseconds) && milliseconds is >= 0 and <= 10_000
            ? TimeSpan.FromMilliseconds(milliseconds)
            : null;
    }
}
