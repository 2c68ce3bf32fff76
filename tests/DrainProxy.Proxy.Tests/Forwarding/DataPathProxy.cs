using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Tests.Forwarding;

/// <summary>The whole data path over real sockets, in this process: what forwards is the test's, and so is what is known of our own memory.</summary>
internal sealed class DataPathProxy : IHttpForwarder, IAsyncDisposable
{
    private readonly Func<HttpContext, int, Task<ForwarderError>> forward;
    private readonly DataServer data;
    private readonly ConnectionRegistry connections;
    private readonly AppMonitor monitor;
    private readonly UpstreamPool pool;
    private readonly ProxyApplication application;
    private int times;

    private DataPathProxy(Func<HttpContext, int, Task<ForwarderError>> forward, OwnMemory own)
    {
        this.forward = forward;
        var (time, log) = (TimeProvider.System, NullLogger.Instance);
        var app = new AppAddress(AppScheme.Http, "127.0.0.1", 1);
        var settings = new ProxySettings { Ports = [new(new("127.0.0.1", 0), app)] };
        var lifecycle = new Lifecycle(time, log);
        connections = new(Counters, time, settings, TimeSpan.FromSeconds(60), new ConnectionLimits());
        var memory = new AppMemory(settings.MemorySource, null, () => app, time, log);
        var sampler = new PressureSampler(
            memory, new SocketSenses(() => app, memory.Processes, () => [], time, log), () => Counters.InFlight, Counters.AwaitWork, () => lifecycle.Now, time);
        monitor = new(app, null, time, log);
        pool = new(app, TimeSpan.FromSeconds(1), Counters, time, log);
        var metrics = new ProxyMetrics(
            Counters,
            new() { Phase = () => lifecycle.Phase, AppUp = () => true, Downstream = () => (0, 0), Upstream = () => (0, 0), AcceptQueueDepth = () => 0 },
            "0", time);
        var path = new DataPath(
            settings, new(settings), lifecycle, new(), Counters, metrics, new(settings.HoldTimeout, settings.HoldMax, lifecycle, Counters, time),
            new(settings, lifecycle, Counters, log), new(sampler, Counters, log), own, this, new(), 1000, null, time);
        var accounts = new ExchangeAccounts(path, log);
        application = new(path, accounts, new(path, log, accounts));
        data = new(settings, [new(app, TimeSpan.Zero, pool, monitor)], TimeSpan.FromSeconds(60), connections, null, OwnBuffers.For(long.MaxValue), time, NullLoggerFactory.Instance);
    }

    public ProxyCounters Counters { get; } = new();

    public int Port => data.Ports[0];

    /// <param name="forward">Called with the request and how many there were.</param>
    /// <param name="own">Our own memory; as the machine has it when none is given.</param>
    public static async Task<DataPathProxy> Start(Func<HttpContext, int, Task<ForwarderError>> forward, OwnMemory? own = null)
    {
        var proxy = new DataPathProxy(forward, own ?? OwnMemory.Open(alone: false, NullLogger.Instance));
        await proxy.data.Start(proxy.application, CancellationToken.None);
        // It is taken for there: whoever forwards is ours.
        proxy.monitor.Watch(new(AppScheme.Http, "127.0.0.1", 1));
        return proxy;
    }

    public async ValueTask<ForwarderError> SendAsync(
        HttpContext context, string destinationPrefix, HttpMessageInvoker httpClient, ForwarderRequestConfig requestConfig, HttpTransformer transformer) =>
        await forward(context, Interlocked.Increment(ref times));

    public ValueTask<ForwarderError> SendAsync(
        HttpContext context, string destinationPrefix, HttpMessageInvoker httpClient, ForwarderRequestConfig requestConfig, HttpTransformer transformer, CancellationToken cancellationToken) =>
        SendAsync(context, destinationPrefix, httpClient, requestConfig, transformer);

    public ValueTask DisposeAsync()
    {
        data.Dispose();
        connections.Dispose();
        monitor.Dispose();
        pool.Dispose();
        return ValueTask.CompletedTask;
    }
}
