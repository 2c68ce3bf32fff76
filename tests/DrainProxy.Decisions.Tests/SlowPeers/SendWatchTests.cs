using DrainProxy.Decisions.SlowPeers;

namespace DrainProxy.Decisions.Tests.SlowPeers;

/// <summary>Seconds as the registry's tick counts them; the least rate is 240 bytes a second over 30 s: 7,200 bytes.</summary>
public sealed class SendWatchTests
{
    private static readonly SlowPeerLimits Limits = new(TimeSpan.FromSeconds(30), 240, TimeSpan.FromSeconds(10));
    private SendWatch watch;

    [Fact]
    public void A_peer_without_room_that_takes_nothing_is_ended_after_the_window()
    {
        Assert.All(Enumerable.Range(0, 31), second => Assert.Equal(SlowPeer.Goes, Look(second, taken: 1000, noRoom: true)));
        Assert.Equal(SlowPeer.EndConnection, Look(31, taken: 1000, noRoom: true));
    }

    [Theory]
    [InlineData(16, SlowPeer.EndConnection)]
    [InlineData(230, SlowPeer.EndConnection)]
    [InlineData(240, SlowPeer.Goes)]
    [InlineData(100_000, SlowPeer.Goes)]
    public void A_trickle_counts_by_its_rate_over_the_window(int rate, SlowPeer after)
    {
        var verdict = SlowPeer.Goes;
        for (var second = 0; second <= 120 && verdict == SlowPeer.Goes; second++) verdict = Look(second, taken: second * rate, noRoom: true);
        Assert.Equal(after, verdict);
    }

    [Fact]
    public void Small_messages_that_are_acknowledged_are_no_slow_reading()
    {
        // One byte a second, and the newest is on its way whenever somebody looks.
        Assert.All(Enumerable.Range(0, 300), second => Assert.Equal(SlowPeer.Goes, Look(second, taken: second, noRoom: false)));
    }

    [Fact]
    public void A_peer_that_acknowledges_nothing_at_all_is_ended()
    {
        Look(0, taken: 5, noRoom: false);
        Assert.Equal(SlowPeer.EndConnection, Look(31, taken: 5, noRoom: false));
    }

    [Fact]
    public void Waiting_for_the_app_is_not_the_peers_fault()
    {
        Look(0, taken: 5, noRoom: true);
        Assert.Equal(SlowPeer.Goes, watch.Look(new(5, Outstanding: false, NoRoom: false, LeftEarly: false), At(29), Limits));
        Assert.Equal(SlowPeer.Goes, Look(59, taken: 5, noRoom: true));
        Assert.Equal(SlowPeer.EndConnection, Look(60, taken: 5, noRoom: true));
    }

    [Fact]
    public void What_was_seen_of_one_exchange_is_not_held_against_the_next()
    {
        Look(0, taken: 5, noRoom: true);
        watch.Forget();
        Assert.Equal(SlowPeer.Goes, Look(1000, taken: 5, noRoom: true));
        Assert.Equal(SlowPeer.Goes, Look(1030, taken: 5, noRoom: true));
        Assert.Equal(SlowPeer.EndConnection, Look(1031, taken: 5, noRoom: true));
    }

    [Fact]
    public void A_window_of_zero_is_no_limit()
    {
        var none = Limits with { Window = TimeSpan.Zero };
        var still = new Sending(5, Outstanding: true, NoRoom: true, LeftEarly: false);
        watch.Look(still, At(0), none);
        Assert.Equal(SlowPeer.Goes, watch.Look(still, At(1_000_000), none));
    }

    [Fact]
    public void A_peer_that_ended_its_half_waits_so_long_for_its_first_byte()
    {
        var left = new Sending(0, Outstanding: false, NoRoom: false, LeftEarly: true);
        Assert.Equal(SlowPeer.Goes, watch.Look(left, At(0), Limits));
        Assert.Equal(SlowPeer.Goes, watch.Look(left, At(10), Limits));
        Assert.Equal(SlowPeer.EndExchange, watch.Look(left, At(11), Limits));
    }

    [Fact]
    public void A_first_byte_starts_the_wait_of_a_half_closed_peer_anew()
    {
        var left = new Sending(0, Outstanding: false, NoRoom: false, LeftEarly: true);
        watch.Look(left, At(0), Limits);
        Look(9, taken: 100, noRoom: false);
        Assert.Equal(SlowPeer.Goes, watch.Look(left, At(15), Limits));
        Assert.Equal(SlowPeer.EndExchange, watch.Look(left, At(26), Limits));
    }

    private static TimeSpan At(int second) => TimeSpan.FromSeconds(second);

    private SlowPeer Look(int second, long taken, bool noRoom) => watch.Look(new(taken, Outstanding: true, noRoom, LeftEarly: false), At(second), Limits);
}
