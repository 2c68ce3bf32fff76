using DrainProxy.Decisions.SlowPeers;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Listening.Http2;

namespace DrainProxy.Proxy.Tests.Listening;

/// <summary>Who of the streams waits when too many begin at once, and what lets them go.</summary>
public sealed class NewStreamsTests : IDisposable
{
    private readonly HandTime time = new();
    private readonly StreamCrowd crowd;
    private readonly Backlog all = new();
    private readonly Backlog mine;
    private readonly NewStreams streams;

    public NewStreamsTests()
    {
        crowd = new(time);
        mine = new(all);
        streams = new(crowd, mine);
        all.Hold(Backlog.Allowed);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => crowd.Dispose();

    [Fact]
    public async Task An_answer_that_is_taken_lets_all_of_its_connection_go_and_none_waits_afterwards()
    {
        var entering = Open(20);
        Assert.Equal(StreamStarts.PerConnection, entering.Count(e => e.IsCompleted));
        streams.Prove();
        Assert.All(await Task.WhenAll(entering), Assert.True);
        Assert.True(await streams.Enter(Cancel));
    }

    [Fact]
    public async Task When_the_crowd_is_over_those_that_wait_go_by_themselves()
    {
        var entering = Open(20);
        time.Pass(TimeSpan.FromMilliseconds(200));
        Assert.Equal(StreamStarts.PerConnection, entering.Count(e => e.IsCompleted));
        all.Release(Backlog.Allowed);
        time.Pass(TimeSpan.FromMilliseconds(100));
        Assert.All(await Task.WhenAll(entering), Assert.True);
        Assert.False(time.IsRunning);
    }

    [Fact]
    public async Task A_stream_that_is_reset_waits_no_longer_and_takes_nobodys_place()
    {
        using var reset = new CancellationTokenSource();
        var first = Open(StreamStarts.PerConnection);
        var gone = streams.Enter(reset.Token).AsTask();
        var other = streams.Enter(Cancel).AsTask();
        await reset.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        Assert.False(other.IsCompleted);
        streams.Prove();
        Assert.True(await other);
        Assert.All(first, e => Assert.True(e.IsCompletedSuccessfully));
    }

    [Fact]
    public async Task A_client_that_leaves_all_answers_where_they_are_is_refused()
    {
        mine.Hold(StreamStarts.Stalls);
        var entering = Open(3);
        time.Pass(StreamStarts.StalledPatience - TimeSpan.FromMilliseconds(1));
        Assert.All(entering, e => Assert.False(e.IsCompleted));
        time.Pass(TimeSpan.FromMilliseconds(1));
        Assert.All(await Task.WhenAll(entering), Assert.False);
    }

    [Fact]
    public async Task A_few_more_begin_with_each_window()
    {
        var entering = Open(StreamStarts.PerConnection * 3);
        time.Pass(StreamStarts.Window);
        Assert.All(await Task.WhenAll(entering[..(StreamStarts.PerConnection * 2)]), Assert.True);
        Assert.All(entering[(StreamStarts.PerConnection * 2)..], e => Assert.False(e.IsCompleted));
        time.Pass(StreamStarts.Window);
        Assert.All(await Task.WhenAll(entering), Assert.True);
    }

    [Fact]
    public async Task Each_answer_without_content_lets_others_go_at_once()
    {
        var entering = Open(20);
        Assert.Equal(StreamStarts.PerConnection, entering.Count(e => e.IsCompleted));
        // One place is free again, and one more was earned.
        streams.Leave(isAnswered: true);
        await Begin(entering, StreamStarts.PerConnection + 2);
        streams.Leave(isAnswered: false);
        await Begin(entering, StreamStarts.PerConnection + 3);
        for (var i = 0; i < 10; i++) streams.Leave(isAnswered: true);
        Assert.All(await Task.WhenAll(entering), Assert.True);
    }

    [Fact]
    public async Task A_stream_that_is_reset_while_it_waits_keeps_no_place()
    {
        using var reset = new CancellationTokenSource();
        var first = Open(StreamStarts.PerConnection);
        var gone = streams.Enter(reset.Token).AsTask();
        await reset.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        streams.Leave(isAnswered: false);
        Assert.True(await streams.Enter(Cancel));
        Assert.All(first, e => Assert.True(e.IsCompletedSuccessfully));
        Assert.False(streams.Enter(Cancel).AsTask().IsCompleted);
    }

    /// <summary>So many have begun, and no more.</summary>
    private static async Task Begin(Task<bool>[] entering, int count)
    {
        Assert.All(await Task.WhenAll(entering[..count]), Assert.True);
        Assert.All(entering[count..], e => Assert.False(e.IsCompleted));
    }

    private Task<bool>[] Open(int count) => [.. Enumerable.Range(0, count).Select(_ => streams.Enter(Cancel).AsTask())];

    /// <summary>Stands still until it is told to pass; its one timer fires once then, if it runs.</summary>
    private sealed class HandTime : TimeProvider, ITimer
    {
        private TimerCallback? callback;
        private long ticks;

        public bool IsRunning { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            this.callback = callback;
            return this;
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => IsRunning = dueTime != Timeout.InfiniteTimeSpan;

        public void Pass(TimeSpan time)
        {
            ticks += time.Ticks;
            if (IsRunning) callback!(null);
        }

        public void Dispose() => IsRunning = false;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
