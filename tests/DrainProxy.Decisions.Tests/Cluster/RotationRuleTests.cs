using DrainProxy.Decisions.Cluster;

namespace DrainProxy.Decisions.Tests.Cluster;

public sealed class RotationRuleTests
{
    private static readonly RotationTimes Times = RotationTimes.Default;
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);
    private static readonly CertificateSight Steady = new(Days(-100, 265), 0, Days(-5, 25), true, true, 2, 2, TimeSpan.FromDays(5));

    [Fact]
    public void What_is_fine_is_left_alone() => Assert.Equal(RotationStep.Nothing, Decide(Steady));

    [Fact]
    public void A_cluster_without_anything_gets_first_a_CA_then_trust_then_a_certificate()
    {
        var seen = new CertificateSight(null, 0, null, false, false, 2, 0, null);
        Assert.Equal(RotationStep.MakeAuthority, Decide(seen));
        seen = seen with { Authority = Days(0, 365) };
        Assert.Equal(RotationStep.TrustAuthorities, Decide(seen));
        seen = seen with { EntriesTrusting = 2, TrustedFor = TimeSpan.Zero };
        Assert.Equal(RotationStep.IssueLeaf, Decide(seen));
        Assert.Equal(RotationStep.Nothing, Decide(seen with { Leaf = Days(0, 30), LeafIsNewest = true, LeafFits = true }));
    }

    [Fact]
    public void A_CA_is_replaced_without_a_moment_in_which_the_certificate_served_is_not_trusted()
    {
        var seen = Steady with { Authority = Days(-306, 59.9) };
        Assert.Equal(RotationStep.MakeAuthority, Decide(seen));
        seen = seen with { Authority = Days(0, 365), OldAuthorities = 1, LeafIsNewest = false, EntriesTrusting = 0, TrustedFor = null };
        Assert.Equal(RotationStep.TrustAuthorities, Decide(seen));
        Assert.Equal(RotationStep.TrustAuthorities, Decide(seen with { EntriesTrusting = 1 }));
        seen = seen with { EntriesTrusting = 2, TrustedFor = Times.Spreading - TimeSpan.FromTicks(1) };
        Assert.Equal(RotationStep.Nothing, Decide(seen));
        seen = seen with { TrustedFor = Times.Spreading };
        Assert.Equal(RotationStep.IssueLeaf, Decide(seen));
        seen = seen with { Leaf = Days(0, 30), LeafIsNewest = true };
        Assert.Equal(RotationStep.Nothing, Decide(seen));
        Assert.Equal(RotationStep.DropOldAuthorities, RotationRule.Decide(seen, Times, Now + Times.Overlap));
    }

    [Theory]
    [InlineData(10.1, RotationStep.Nothing)]
    [InlineData(9.9, RotationStep.IssueLeaf)]
    public void A_certificate_is_renewed_before_it_ends(double daysLeft, RotationStep step) => Assert.Equal(step, Decide(Steady with { Leaf = Days(-20, daysLeft) }));

    [Fact]
    public void One_that_nobody_can_use_is_replaced_without_a_pause()
    {
        var fresh = Steady with { TrustedFor = TimeSpan.Zero };
        Assert.Equal(RotationStep.IssueLeaf, Decide(fresh with { Leaf = Days(-30, 0) }));
        Assert.Equal(RotationStep.IssueLeaf, Decide(fresh with { Leaf = Days(1, 30) }));
        Assert.Equal(RotationStep.IssueLeaf, Decide(fresh with { LeafFits = false }));
    }

    [Fact]
    public void Entries_that_somebody_has_changed_are_mended_first() => Assert.Equal(RotationStep.TrustAuthorities, Decide(Steady with { EntriesTrusting = 1, TrustedFor = null, Leaf = null }));

    [Fact]
    public void Without_entries_nobody_calls() => Assert.Equal(RotationStep.Nothing, Decide(Steady with { Entries = 0, EntriesTrusting = 0, TrustedFor = null, Leaf = null }));

    /// <summary>From any state, as long as steps succeed, it comes to rest: no two steps undo each other.</summary>
    [Fact]
    public void From_every_state_it_comes_to_rest()
    {
        Validity?[] authorities = [null, Days(-400, -35), Days(-330, 35), Days(-10, 355)];
        Validity?[] leaves = [null, Days(-40, -10), Days(-25, 5), Days(-5, 25), Days(1, 30)];
        foreach (var authority in authorities)
            foreach (var leaf in leaves)
                for (var bits = 0; bits < 4; bits++)
                    for (var trusting = 0; trusting < 3; trusting++)
                        ComesToRest(new(authority, bits, leaf, (bits & 1) != 0, (bits & 2) != 0, 2, trusting, trusting == 2 ? TimeSpan.FromDays(1) : null));
    }

    private static void ComesToRest(CertificateSight seen)
    {
        var now = Now;
        for (var i = 0; i < 10; i++)
        {
            seen = RotationRule.Decide(seen, Times, now) switch
            {
                RotationStep.MakeAuthority => seen with { Authority = new(now, now + Times.AuthorityLife), OldAuthorities = seen.OldAuthorities + 1, LeafIsNewest = false, EntriesTrusting = 0, TrustedFor = null },
                RotationStep.TrustAuthorities => seen with { EntriesTrusting = seen.Entries, TrustedFor = TimeSpan.Zero },
                RotationStep.IssueLeaf => seen with { Leaf = new(now, now + Times.LeafLife), LeafIsNewest = true, LeafFits = true },
                RotationStep.DropOldAuthorities => seen with { OldAuthorities = 0, EntriesTrusting = 0, TrustedFor = null },
                _ => seen with { TrustedFor = seen.TrustedFor + Times.Overlap },
            };
            now += Times.Overlap;
        }

        Assert.Equal(RotationStep.Nothing, RotationRule.Decide(seen, Times, now));
        Assert.Equal((0, 2, true), (seen.OldAuthorities, seen.EntriesTrusting, seen.LeafIsNewest));
    }

    private static RotationStep Decide(CertificateSight seen) => RotationRule.Decide(seen, Times, Now);

    private static Validity Days(double from, double until) => new(Now.AddDays(from), Now.AddDays(until));
}
