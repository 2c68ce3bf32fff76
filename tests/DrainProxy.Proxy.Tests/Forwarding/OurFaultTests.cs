using System.Net;
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

/// <summary>The whole data path over real sockets, with a fault in it: nothing from outside is known to cause one.</summary>
public sealed class OurFaultTests
{
    [Theory(Timeout = 30_000)]
    [Trait("cause", "internal")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Our_fault_is_one_clear_500_with_its_cause_and_the_next_request_is_served(bool inForwarder)
    {
        await using var proxy = await Proxy.Start((context, times) =>
        {
            if (times > 1) return Task.FromResult(ForwarderError.None);
            if (inForwarder) return Task.FromResult(ForwarderError.RequestCreation);
            throw new InvalidOperationException("a fault");
        });
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };
        using var failed = await http.GetAsync("/", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.InternalServerError, failed.StatusCode);
        Assert.Contains("error=proxy_internal_error", failed.Headers.GetValues("Proxy-Status").Single(), StringComparison.Ordinal);
        using var next = await http.GetAsync("/", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
        Assert.Equal(1, proxy.Counters.UpstreamErrors(UpstreamCause.Internal));
        // The client may have its answer before we have closed the books.
        while (proxy.Counters.InFlight > 0) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task An_answer_that_has_begun_is_broken_off_by_our_fault()
    {
        await using var proxy = await Proxy.Start(static async (context, _) =>
        {
            context.Response.ContentLength = 10;
            await context.Response.WriteAsync("half");
            throw new InvalidOperationException("a fault");
        });
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("/", TestContext.Current.CancellationToken));
        Assert.Equal(1, proxy.Counters.UpstreamErrors(UpstreamCause.Internal));
    }

    private sealed class Proxy : IHttpForwarder, IAsyncDisposable
    {
        private readonly Func<HttpContext, int, Task<ForwarderError>> forward;
        private readonly DataServer data;
        private readonly ConnectionRegistry connections;
        private readonly AppMonitor monitor;
        private readonly UpstreamPool pool;
        private readonly ProxyApplication application;
        private int times;

        private Proxy(Func<HttpContext, int, Task<ForwarderError>> forward)
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
                new(settings, lifecycle, Counters, log), new(sampler, Counters, log), OwnMemory.Open(alone: false, log), this, new(), 1000, time);
            application = new(path, log, new(path, log));
            data = new(settings, [new(app, TimeSpan.Zero, pool, monitor)], TimeSpan.FromSeconds(60), connections, null, OwnBuffers.For(long.MaxValue), time, NullLoggerFactory.Instance);
        }

        public ProxyCounters Counters { get; } = new();

        public int Port => data.Ports[0];

        public static async Task<Proxy> Start(Func<HttpContext, int, Task<ForwarderError>> forward)
        {
            var proxy = new Proxy(forward);
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
}
