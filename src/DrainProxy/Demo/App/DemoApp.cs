using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using DrainProxy.Demo.Http;

namespace DrainProxy.Demo.App;

/// <summary>
/// The built-in app. It behaves as app servers do by default: keep-alive connections that idle are closed after a short time, unannounced to
/// whoever is writing at that moment; on SIGTERM it stops listening at once, finishes what it is working on, and goes.
/// </summary>
internal sealed class DemoApp : IDisposable
{
    /// <summary>Largest export that is taken on: the demo must not take the machine's memory.</summary>
    private const int MostMegabytes = 64;
    private const int RowsAtOnce = 4;

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
        var work = TimeSpan.FromMilliseconds(NumberOf(target, "work=", 10_000));
        if (NumberOf(target, "mb=", MostMegabytes) is > 0 and var megabytes)
            await ExportAsync(megabytes, work);
        else if (work > TimeSpan.Zero)
            await Task.Delay(work, _time);
        var timeout = Math.Floor(_idleTimeout.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return HttpMessage.Response(
            200,
            "OK",
            Answer(method, target, request.Body),
            _stopping.IsCancellationRequested ? [new("Connection", "close")] : [new("Keep-Alive", $"timeout={timeout}")]);
    }

    /// <summary>`/export?mb=48&amp;work=400` reads rows into memory for half of its time, holds them for the other half, and lets go of them with its answer.</summary>
    private async Task ExportAsync(int megabytes, TimeSpan work)
    {
        using var rows = new Rows(megabytes);
        var step = work / (2.0 * megabytes);
        for (var read = 0; read < megabytes; read++)
        {
            rows.ReadMegabyte(read);
            if (read % RowsAtOnce == RowsAtOnce - 1)
                await Task.Delay(step * RowsAtOnce, _time);
        }

        await Task.Delay(work / 2, _time);
    }

    /// <summary>`/orders/7?work=40` takes 40 ms, as if a database were asked. Zero when the target does not say.</summary>
    private static int NumberOf(string target, string name, int most)
    {
        var at = target.IndexOf(name, StringComparison.Ordinal);
        if (at < 0)
            return 0;
        var digits = target.AsSpan(at + name.Length);
        var end = digits.IndexOf('&');
        return int.TryParse(end < 0 ? digits : digits[..end], CultureInfo.InvariantCulture, out var number) && number >= 0 && number <= most ? number : 0;
    }

    /// <summary>Memory outside the garbage collector's heap, so that it is the system's again when it is freed, as a runtime that returns its memory does.</summary>
    private sealed unsafe class Rows(int megabytes) : IDisposable
    {
        private const int Megabyte = 1 << 20;
        private byte* _memory = (byte*)NativeMemory.Alloc((nuint)megabytes, Megabyte);

        /// <summary>Only what is written to is really taken.</summary>
        public void ReadMegabyte(int index) => new Span<byte>(_memory + ((long)index * Megabyte), Megabyte).Fill(1);

        public void Dispose()
        {
            NativeMemory.Free(_memory);
            _memory = null;
        }
    }
}
