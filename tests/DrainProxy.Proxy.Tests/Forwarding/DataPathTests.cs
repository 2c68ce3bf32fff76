using System.Net;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Tests.Forwarding;

/// <summary>Causes that no client and no app can bring about: a fault of ours, and our own memory.</summary>
public sealed class DataPathTests
{
    [Theory(Timeout = 30_000)]
    [Trait("cause", "internal")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Our_fault_is_one_clear_500_with_its_cause_and_the_next_request_is_served(bool inForwarder)
    {
        await using var proxy = await DataPathProxy.Start((context, times) =>
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
        await using var proxy = await DataPathProxy.Start(static async (context, _) =>
        {
            context.Response.ContentLength = 10;
            await context.Response.WriteAsync("half");
            throw new InvalidOperationException("a fault");
        });
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("/", TestContext.Current.CancellationToken));
        Assert.Equal(1, proxy.Counters.UpstreamErrors(UpstreamCause.Internal));
    }

    [Fact(Timeout = 30_000)]
    [Trait("cause", "own_memory")]
    public async Task Short_of_memory_it_refuses_and_with_room_again_it_serves()
    {
        const long MiB = 1 << 20;
        var folder = Directory.CreateTempSubdirectory("drainproxy-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "memory.max"), $"{100 * MiB}", TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(Path.Combine(folder, "memory.events"), "oom_kill 0\n", TestContext.Current.CancellationToken);
            using var own = Use(95);
            await using var proxy = await DataPathProxy.Start(static (_, _) => Task.FromResult(ForwarderError.None), own);
            own.Look(TimeSpan.FromSeconds(1));
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };
            using var refused = await http.GetAsync("/", TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Contains("own_memory", refused.Headers.GetValues("Proxy-Status").Single(), StringComparison.Ordinal);
            Assert.NotNull(refused.Headers.RetryAfter);
            Assert.Equal(1, proxy.Counters.Shed(ShedReason.OwnMemory));
            Fill(40);
            own.Look(TimeSpan.FromSeconds(2));
            using var served = await http.GetAsync("/", TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, served.StatusCode);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        OwnMemory Use(int mebibytes)
        {
            Fill(mebibytes);
            return new(CgroupMemory.Open(folder, "test", () => true), null, NullLogger.Instance);
        }

        void Fill(long mebibytes) => File.WriteAllText(Path.Combine(folder, "memory.stat"), $"anon {mebibytes * MiB}\nfile 0\nkernel 0\nshmem 0\nsock 0\n");
    }
}
