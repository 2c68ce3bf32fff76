using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Recycling;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Supervision;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Proxy.Tests.Supervision;

/// <summary>Readings in, recyclings out: one at a time, counted, and not of an app that only works hard.</summary>
public sealed class LeakWatchTests : IDisposable
{
    private const long Limit = 1_000_000_000;
    private static readonly TimeSpan Reading = TimeSpan.FromMilliseconds(100);
    private readonly FakeRecycler recycler = new();
    private readonly ProxyCounters counters = new();
    private readonly Lifecycle lifecycle = new(TimeProvider.System, NullLogger.Instance);
    private readonly LeakWatch watch;
    private int heavy;
    private TimeSpan at;
    private double used = 100e6;

    public LeakWatchTests() =>
        watch = new(new(0.75, 0, RecycleRule.SpacingSupervised), () => heavy, recycler, lifecycle, counters, NullLogger.Instance);

    [Fact]
    public async Task A_leak_is_recycled_once_and_again_when_the_next_process_has_leaked_as_much()
    {
        for (var i = 1; i <= 3; i++)
        {
            Climb(() => recycler.Begun < i);
            // What is read while it goes on begins no other.
            for (var more = 0; more < 50; more++) Observe();
            Assert.Equal(i, recycler.Begun);
            recycler.Finish(Recycled.Done);
            await Ended(i);
            used = 100e6;
            watch.AppReplaced();
        }

        Assert.Equal(RecycleReason.Quiet, watch.View.Last!.Why);
        Assert.Equal(3, counters.AppRecycles(RecycleReason.Quiet, Recycled.Done));
    }

    [Fact]
    public void Heavy_requests_at_work_are_no_leak()
    {
        heavy = 1;
        for (; used < 0.97 * Limit; used += 5e6)
        {
            Observe();
            // A moment between two of them, in which the app is as empty as before.
            if ((int)(used / 5e6) % 20 != 0) continue;
            (heavy, var full) = (0, used);
            used = 100e6;
            Observe();
            (heavy, used) = (1, full);
        }

        Assert.Equal(0, recycler.Begun);
    }

    [Fact]
    public async Task One_that_could_not_be_done_is_counted_and_tried_again()
    {
        Climb(() => recycler.Begun < 1);
        recycler.Finish(Recycled.NotQuiet);
        await Ended(1);
        Climb(() => recycler.Begun < 2);
        Assert.Equal(1, counters.AppRecycles(RecycleReason.Quiet, Recycled.NotQuiet));
    }

    [Fact]
    public void A_terminating_pod_restarts_no_app()
    {
        lifecycle.Apply(DrainEvent.Terminate, Trigger.Sigterm);
        Climb(() => used < 0.85 * Limit);
        Assert.Equal(0, recycler.Begun);
        Assert.True(watch.View.Verdict > RecycleVerdict.No);
    }

    public void Dispose()
    {
        watch.Dispose();
        lifecycle.Dispose();
    }

    private void Climb(Func<bool> goOn)
    {
        for (var i = 0; i < 2000 && goOn(); i++)
        {
            Observe();
            if (used < 0.85 * Limit) used += 2e6;
            // The recycling is begun on a thread of its own.
            if (watch.View.Verdict >= RecycleVerdict.Quiet && !lifecycle.Terminating) SpinWait.SpinUntil(() => recycler.Begun > recycler.Finished, TimeSpan.FromSeconds(10));
        }
    }

    /// <summary>The next reading after its end has taken notice of it.</summary>
    private async Task Ended(int times)
    {
        await ListeningChild.Eventually(() => Sum() == times, "the end is counted");
        await ListeningChild.Eventually(
            () =>
            {
                watch.Observe(Snapshot(MemoryMethod.None));
                return watch.View.Last is not null;
            },
            "the end is seen");
    }

    private long Sum() => Enum.GetValues<RecycleReason>().Sum(reason => Enum.GetValues<Recycled>().Sum(result => counters.AppRecycles(reason, result)));

    private void Observe()
    {
        at += Reading;
        watch.Observe(Snapshot(MemoryMethod.Cgroup));
    }

    private PressureSnapshot Snapshot(MemoryMethod method) => new(new(at, method, (long)used, Limit, 0, 0, 0, 0, int.MaxValue), default, "");

    private sealed class FakeRecycler : IRecycler
    {
        private TaskCompletionSource<(Recycled How, int Process)> running = new();
        private int begun;

        public int Begun => Volatile.Read(ref begun);

        public int Finished { get; private set; }

        public int UnderWay => 0;

        public Reach CanReach() => Reach.Reachable;

        public Task<(Recycled How, int Process)> Recycle(Func<bool> mayCut, CancellationToken cancel)
        {
            var task = running.Task;
            Interlocked.Increment(ref begun);
            return task;
        }

        public void Finish(Recycled how)
        {
            var ending = running;
            running = new();
            Finished++;
            ending.SetResult((how, 7));
        }
    }
}
