using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Calls;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Pressure;

/// <summary>
/// Asks the app's own metrics for its memory, beside the sampler: a slow, endless or broken answer costs the sampler nothing and is no figure. Asked four times a second at most, and never for more than one part
/// in twenty of the time, since the app has to make the answer.
/// </summary>
internal sealed partial class AppMetrics : IDisposable
{
    /// <summary>A figure older than this tells nothing any more.</summary>
    public static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(15);

    /// <summary>From the question to the last byte.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>Bytes read of one answer: a large app's metrics are a tenth of it.</summary>
    public const long LargestBody = 8 << 20;

    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);
    private const int CostShare = 20;

    /// <summary>Readings come this close together while there is work (<see cref="SamplingPace"/>).</summary>
    private static readonly TimeSpan ReadingsOfWork = SamplingPace.Idle * 0.8;

    private readonly byte[] buffer = new byte[32 * 1024];
    private readonly CancellationTokenSource stop = new();
    private readonly HttpClient http;
    private readonly Uri address;
    private readonly bool bounded;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private volatile Figure? newest;
    private int asking;
    private long? askedAt;
    private long? polledAt;
    private TimeSpan took;
    private string? told;

    /// <param name="address">Where the app tells its metrics.</param>
    /// <param name="bounded">Whether a limit of the whole process is set.</param>
    /// <param name="time">Of the pauses and limits.</param>
    /// <param name="log">Told when the answer becomes useless, or useful again.</param>
    public AppMetrics(Uri address, bool bounded, TimeProvider time, ILogger log)
    {
        (this.address, this.bounded, this.time, this.log) = (address, bounded, time, log);
        var handler = OwnCalls.Handler();
        handler.MaxConnectionsPerServer = 1;
        // Below the shortest idle timeout of app servers (gunicorn, 2 s).
        handler.PooledConnectionIdleTimeout = TimeSpan.FromSeconds(1);
        handler.MaxResponseDrainSize = 0;
        if (address.IsLoopback) handler.SslOptions = OwnCalls.Unverified();
        http = OwnCalls.Client(handler);
        http.DefaultRequestHeaders.TryAddWithoutValidation("Accept", "text/plain;version=0.0.4,*/*;q=0.1");
        http.DefaultRequestHeaders.TryAddWithoutValidation("User-Agent", "drainproxy");
    }

    /// <summary>Without its query, which may hold a secret.</summary>
    public string Shown => address.GetLeftPart(UriPartial.Path);

    /// <summary>The newest figure; null when there was none of late.</summary>
    public RuntimeMemory? Newest => newest is { } figure && time.GetElapsedTime(figure.At) < StaleAfter ? figure.Memory : null;

    /// <summary>The question under way; completed when there is none.</summary>
    internal Task Asking { get; private set; } = Task.CompletedTask;

    /// <summary>Asks when it is due. On the sampler's turn; never waits.</summary>
    public void Poll()
    {
        var pause = polledAt is { } then && time.GetElapsedTime(then) < ReadingsOfWork ? Least : Longest;
        polledAt = time.GetTimestamp();
        if (newest is null) pause = Least;
        if (took * CostShare > pause) pause = took * CostShare < Longest ? took * CostShare : Longest;
        if (askedAt is { } asked && time.GetElapsedTime(asked) < pause) return;
        if (Interlocked.Exchange(ref asking, 1) == 1) return;
        askedAt = polledAt;
        Asking = Task.Run(Ask);
    }

    /// <summary>The figure is one of a process that has gone, and the next one is asked at once.</summary>
    public void Forget() => (newest, askedAt) = (null, null);

    public void Dispose()
    {
        stop.Cancel();
        http.Dispose();
    }

    private async Task Ask()
    {
        var began = time.GetTimestamp();
        string? problem;
        try
        {
            problem = await Fetch();
        }
        catch (OperationCanceledException)
        {
            problem = stop.IsCancellationRequested ? null : $"no whole answer within {Limit.TotalSeconds:0.#} s";
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException or ObjectDisposedException)
        {
            problem = stop.IsCancellationRequested ? null : (e.InnerException ?? e).Message;
        }

        took = time.GetElapsedTime(began);
        if (!stop.IsCancellationRequested) Tell(problem);
        Volatile.Write(ref asking, 0);
    }

    /// <summary>Null when it told the memory, else what is wrong.</summary>
    private async Task<string?> Fetch()
    {
        using var late = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop.Token);
        using var answer = await http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, either.Token);
        if ((int)answer.StatusCode != 200) return $"status {(int)answer.StatusCode}";
        if (answer.Content.Headers.ContentEncoding.Count > 0) return "the answer is compressed, which was not asked for";
        await using var body = await answer.Content.ReadAsStreamAsync(either.Token);
        var gauges = new RuntimeGauges();
        if (await Lines(body, gauges, either.Token) is { } problem) return problem;
        if (gauges.AreOurs) return "these are DrainProxy's own metrics";
        if (gauges.Samples == 0) return "no metrics in Prometheus' text format";
        if (gauges.Memory(bounded) is not { } memory) return "no metric of the memory of a known runtime";
        newest = new(memory, time.GetTimestamp());
        return null;
    }

    /// <summary>Line by line, without keeping the text. A line longer than the buffer is none of ours.</summary>
    private async Task<string?> Lines(Stream body, RuntimeGauges gauges, CancellationToken stop)
    {
        var (kept, all, cut) = (0, 0L, false);
        while (true)
        {
            // Off the thread of the sockets, which requests wait for.
            var read = await body.ReadAsync(buffer.AsMemory(kept), stop).AsTask().ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            if (read == 0) break;
            if ((all += read) > LargestBody) return $"longer than {LargestBody >> 20} MiB";
            kept = Take(gauges, kept + read, ref cut);
        }

        if (!cut) gauges.Take(buffer.AsSpan(0, kept));
        return null;
    }

    private int Take(RuntimeGauges gauges, int length, ref bool cut)
    {
        var text = buffer.AsSpan(0, length);
        for (var end = text.IndexOf((byte)'\n'); end >= 0; end = text.IndexOf((byte)'\n'))
        {
            if (!cut) gauges.Take(text[..end]);
            cut = false;
            text = text[(end + 1)..];
        }

        if (text.Length == buffer.Length) cut = true;
        if (cut) return 0;
        text.CopyTo(buffer);
        return text.Length;
    }

    private void Tell(string? problem)
    {
        if (problem == told) return;
        if (problem is not null) LogProblem(log, Shown, problem);
        else LogWell(log, Shown);
        told = problem;
    }

    [LoggerMessage(303, LogLevel.Warning, "The app's metrics at {Url} do not tell its memory: {Reason}", EventName = "memory_metrics_failed")]
    private static partial void LogProblem(ILogger log, string url, string reason);

    [LoggerMessage(304, LogLevel.Information, "The app's metrics at {Url} tell its memory again", EventName = "memory_metrics_well")]
    private static partial void LogWell(ILogger log, string url);

    private sealed record Figure(RuntimeMemory Memory, long At);
}
