using DrainProxy.Decisions.Draining;
using FsCheck;
using FsCheck.Fluent;

namespace DrainProxy.Decisions.Tests.Draining;

public class EvidenceTests
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan T0 = TimeSpan.FromSeconds(100);
    private static readonly TrafficEvidence Silence = new(0, T0, T0, 0);

    [Fact]
    public void Traffic_is_gone_once_it_was_quiet_for_the_quiet_time()
    {
        Assert.False(Evidence.TrafficGone(Silence, Quiet, T0 + Quiet - TimeSpan.FromTicks(1)));
        Assert.True(Evidence.TrafficGone(Silence, Quiet, T0 + Quiet));
    }

    [Fact]
    public void Each_kind_of_traffic_alone_holds_the_evidence_up()
    {
        var now = T0 + Quiet + Quiet;
        Assert.True(Evidence.TrafficGone(Silence, Quiet, now));

        Assert.False(Evidence.TrafficGone(Silence with { InFlight = 1 }, Quiet, now));
        Assert.False(Evidence.TrafficGone(Silence with { AcceptQueue = 1 }, Quiet, now));
        Assert.False(Evidence.TrafficGone(Silence with { LastConnection = now - Quiet + TimeSpan.FromTicks(1) }, Quiet, now));
        Assert.False(Evidence.TrafficGone(Silence with { LastRequest = now - Quiet + TimeSpan.FromTicks(1) }, Quiet, now));
    }

    [Fact]
    public void Unknown_accept_queue_counts_as_empty() => Assert.True(Evidence.TrafficGone(Silence with { AcceptQueue = -1 }, Quiet, T0 + Quiet));

    [Fact]
    public void Hint_is_the_rest_of_the_quiet_time_after_the_later_arrival()
    {
        var evidence = Silence with { LastConnection = T0 + TimeSpan.FromSeconds(2), LastRequest = T0 + TimeSpan.FromSeconds(1) };
        Assert.Equal(TimeSpan.FromSeconds(4), Evidence.WaitHint(evidence, Quiet, T0 + TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void Hint_is_zero_exactly_when_traffic_is_gone_and_right_when_nothing_else_arrives()
    {
        var cases =
            from inFlight in Gen.Choose(0, 2)
            from queue in Gen.Choose(-1, 2)
            from times in Gen.Choose(0, 100).ArrayOf(4)
            select (Evidence: new TrafficEvidence(inFlight, Tenths(times[0]), Tenths(times[1]), queue), Quiet: Tenths(times[2]), Now: Tenths(times[3]));

        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var hint = Evidence.WaitHint(c.Evidence, c.Quiet, c.Now);
            var settled = c.Evidence with { InFlight = 0, AcceptQueue = 0 };
            return hint >= TimeSpan.Zero
                && (hint == TimeSpan.Zero) == Evidence.TrafficGone(c.Evidence, c.Quiet, c.Now)
                && Evidence.TrafficGone(settled, c.Quiet, c.Now + hint);
        }).Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(2_000));
    }

    private static TimeSpan Tenths(int tenths) => TimeSpan.FromMilliseconds(100 * tenths);
}
