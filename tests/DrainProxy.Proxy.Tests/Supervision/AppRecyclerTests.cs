using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Supervision;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;
using OsProcess = DrainProxy.Proxy.Pressure.AppProcess;

namespace DrainProxy.Proxy.Tests.Supervision;

/// <summary>The app is told to stop by a process that did not start it, and comes back: requests wait meanwhile.</summary>
public sealed class AppRecyclerTests : IDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly TargetUse use = new();
    private bool mayCut;

    [Fact]
    public async Task It_is_told_when_nothing_is_under_way_and_requests_wait_until_it_is_back()
    {
        using var app = await ListeningChild.Start();
        var (target, recycler) = await Watched(app.Port);
        using var _ = recycler;
        use.Enter();
        var recycling = Recycle(recycler);
        Assert.False(target.Monitor.Breaker.Admits);
        await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, stop.Token);
        Assert.False(app.HasExited);
        Assert.False(recycling.IsCompleted);
        use.Leave();
        Assert.Equal(Recycled.Done, await recycling);
        // Ended by the signal: 128 + 15.
        Assert.Equal(143, await app.Exit());
        Assert.False(target.Monitor.Breaker.Admits);
        using var again = await ListeningChild.Start(app.Port);
        await ListeningChild.Eventually(() => target.Monitor.Breaker.Admits, "requests are let go");
    }

    [Fact]
    public async Task Who_never_ends_keeps_it_from_being_told()
    {
        using var app = await ListeningChild.Start();
        var (target, recycler) = await Watched(app.Port, drainLimit: TimeSpan.FromMilliseconds(200));
        using var _ = recycler;
        use.Enter();
        Assert.Equal(Recycled.NotQuiet, await Recycle(recycler));
        Assert.False(app.HasExited);
        await ListeningChild.Eventually(() => target.Monitor.Breaker.Admits, "requests go on");
        Assert.True(target.Monitor.IsSameAsBefore);
    }

    [Fact]
    public async Task Near_the_limit_it_is_told_although_somebody_never_ends()
    {
        using var app = await ListeningChild.Start();
        var (target, recycler) = await Watched(app.Port, drainLimit: TimeSpan.FromMilliseconds(200));
        using var _ = recycler;
        use.Enter();
        mayCut = true;
        Assert.Equal(Recycled.Done, await Recycle(recycler));
        Assert.Equal(143, await app.Exit());
        using var again = await ListeningChild.Start(app.Port);
        await ListeningChild.Eventually(() => target.Monitor.IsUp, "the next one is seen");
        Assert.False(target.Monitor.IsSameAsBefore);
    }

    [Fact]
    public async Task One_that_ignores_the_signal_is_killed()
    {
        using var app = await ListeningChild.Start(ignoresSigterm: true);
        var (_, recycler) = await Watched(app.Port, appStop: TimeSpan.FromMilliseconds(500));
        using var __ = recycler;
        Assert.Equal(Recycled.Done, await Recycle(recycler));
        Assert.Equal(137, await app.Exit());
    }

    [Fact]
    public async Task Nobody_to_be_seen_is_nobody_to_be_told()
    {
        var (target, recycler) = Make(ListeningChild.FreePort(), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5));
        using var _ = recycler;
        Assert.Equal(Recycled.NotSeen, await Recycle(recycler));
        Assert.False(target.Monitor.IsUp);
    }

    [Theory]
    // A worker of a master that init, another container's runtime, or we ourselves have started.
    [InlineData(30, 20, 1, 20)]
    [InlineData(30, 20, 0, 20)]
    [InlineData(30, 20, 10, 20)]
    [InlineData(30, 10, 1, 30)]
    public void The_main_process_is_the_topmost_that_is_not_of_our_own_line(int listens, int parent, int grandparent, int main)
    {
        // Numbers that no process has: only the walk counts.
        const int Offset = int.MaxValue / 2;
        int Shift(int id) => id <= 1 ? id : id + Offset;
        var parents = new Dictionary<int, int> { [Shift(listens)] = Shift(parent), [Shift(parent)] = Shift(grandparent) };
        var asked = new List<int>();
        var found = MainProcess.Topmost(new OsProcess(Shift(listens), 0), id => { asked.Add(id); return parents.GetValueOrDefault(id); }, new HashSet<int> { Shift(10) });
        Assert.Equal(Shift(main), asked[^1]);
        Assert.Equal(main == listens, found is not null);
    }

    public void Dispose()
    {
        stop.Cancel();
        stop.Dispose();
    }

    private async Task<Recycled> Recycle(AppRecycler recycler) => (await recycler.Recycle(() => mayCut, stop.Token)).How;

    private async Task<(AppTarget Target, AppRecycler Recycler)> Watched(int port, TimeSpan? drainLimit = null, TimeSpan? appStop = null)
    {
        var (target, recycler) = Make(port, drainLimit ?? TimeSpan.FromSeconds(20), appStop ?? TimeSpan.FromSeconds(10));
        _ = target.Monitor.Run(stop.Token);
        await ListeningChild.Eventually(() => target.Monitor.IsUp, "the app is seen");
        return (target, recycler);
    }

    private (AppTarget Target, AppRecycler Recycler) Make(int port, TimeSpan drainLimit, TimeSpan appStop)
    {
        var (address, time, log) = (new AppAddress(AppScheme.Http, "127.0.0.1", port), TimeProvider.System, NullLogger.Instance);
        var target = new AppTarget(
            address, TimeSpan.Zero, new UpstreamPool(address, TimeSpan.FromSeconds(4), new ProxyCounters(), time, log), new AppMonitor(address, null, time, log), use);
        return (target, new([target], new StreamRegistry(), drainLimit, appStop, time, log));
    }
}
