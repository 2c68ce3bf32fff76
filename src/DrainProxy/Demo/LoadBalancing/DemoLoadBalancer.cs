using System.Text;
using DrainProxy.Demo.Http;

namespace DrainProxy.Demo.LoadBalancing;

/// <summary>
/// A small load balancer with the manners of an AWS Application Load Balancer: round robin, pooled keep-alive connections towards its targets,
/// never a second attempt, and 502 for whatever a target did not answer.
/// </summary>
internal sealed class DemoLoadBalancer : IAsyncDisposable
{
    /// <summary>Header of the load balancer's own answers: why.</summary>
    public const string ReasonHeader = "X-Demo-Reason";

    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(30);
    private readonly DemoSettings _settings;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _lock = new();
    private readonly HttpListenerLoop _loop;
    private List<Target> _targets = [];
    private uint _next;

    public DemoLoadBalancer(DemoSettings settings, TimeProvider time)
    {
        _settings = settings;
        _time = time;
        _loop = new HttpListenerLoop(0, ServeAsync);
    }

    public int Port => _loop.Port;

    public void Register(int port)
    {
        lock (_lock)
            _targets = [.. _targets, new Target(port, _settings.PoolIdle, _settings.NetworkDelay, _time)];
    }

    /// <summary>No new request goes there from now on; what is on its way gets its answer.</summary>
    public void Deregister(int port)
    {
        List<Target> gone;
        lock (_lock)
        {
            gone = _targets.FindAll(target => target.Port == port);
            _targets = _targets.FindAll(target => target.Port != port);
        }

        gone.ForEach(target => target.Dispose());
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _loop.StopAcceptingAsync();
        await _loop.WhenServedAsync();
        _targets.ForEach(target => target.Dispose());
        _loop.Dispose();
        _stopping.Dispose();
    }

    private async Task ServeAsync(HttpConnection client)
    {
        while (await client.WaitForDataAsync(_stopping.Token) && await client.ReadRequestAsync(_stopping.Token) is { } request)
        {
            await client.WriteAsync(await AnswerAsync(request), _stopping.Token);
            if (!request.KeepAlive)
                return;
        }
    }

    private async Task<HttpMessage> AnswerAsync(HttpMessage request)
    {
        if (Next() is not { } target)
            return OwnAnswer(503, "Service Unavailable", "no target registered");

        using var timeout = new CancellationTokenSource(AnswerTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stopping.Token);
        try
        {
            var exchange = await target.SendAsync(request.Forwarded(new KeyValuePair<string, string>("X-Forwarded-For", "127.0.0.1")), either.Token);
            return exchange.Response?.Forwarded() ?? OwnAnswer(502, "Bad Gateway", exchange.Failure ?? "no answer");
        }
        catch (OperationCanceledException) when (!_stopping.IsCancellationRequested)
        {
            return OwnAnswer(504, "Gateway Timeout", "no answer in time");
        }
    }

    private Target? Next()
    {
        var targets = _targets;
        return targets.Count == 0 ? null : targets[(int)(Interlocked.Increment(ref _next) % (uint)targets.Count)];
    }

    private static HttpMessage OwnAnswer(int status, string reason, string why) =>
        HttpMessage.Response(status, reason, Encoding.Latin1.GetBytes(why), new KeyValuePair<string, string>(ReasonHeader, why));
}
