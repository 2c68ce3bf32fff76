namespace DrainProxy.Decisions.Cluster;

/// <summary>What the leader does next about the webhook's certificate.</summary>
public enum RotationStep
{
    /// <summary>Nothing before the next look.</summary>
    Nothing,

    /// <summary>A new CA into the Secret, in front of those that are still valid.</summary>
    MakeAuthority,

    /// <summary>The Secret's CAs, old and new, into every entry of the webhook configuration.</summary>
    TrustAuthorities,

    /// <summary>A certificate by the newest CA into the Secret.</summary>
    IssueLeaf,

    /// <summary>CAs whose certificates nobody serves any more out of the Secret.</summary>
    DropOldAuthorities,
}

/// <summary>A certificate's times.</summary>
public readonly record struct Validity(DateTimeOffset From, DateTimeOffset Until);

/// <summary>What there is in the cluster.</summary>
/// <param name="Authority">The newest CA in the Secret, when its key is there too.</param>
/// <param name="OldAuthorities">CAs in the Secret beside it.</param>
/// <param name="Leaf">The certificate that replicas serve, when it is one.</param>
/// <param name="LeafIsNewest">It was signed by the newest CA.</param>
/// <param name="LeafFits">It names every host by which the API server calls.</param>
/// <param name="Entries">Entries in the webhook configuration.</param>
/// <param name="EntriesTrusting">Those whose caBundle is the Secret's.</param>
/// <param name="TrustedFor">How long the leader has seen all entries trust what the Secret has; null: they do not.</param>
public sealed record CertificateSight(
    Validity? Authority, int OldAuthorities, Validity? Leaf, bool LeafIsNewest, bool LeafFits, int Entries, int EntriesTrusting, TimeSpan? TrustedFor);

/// <summary>How long certificates live, and the pauses between steps.</summary>
/// <param name="AuthorityLife">A CA is made for so long.</param>
/// <param name="AuthorityRenewal">A new one is made when less is left: longer than a leaf lives, so that none is cut short.</param>
/// <param name="LeafLife">A certificate is made for so long.</param>
/// <param name="LeafRenewal">A new one is made when less is left.</param>
/// <param name="Spreading">From the caBundle in every entry to the first certificate that needs it: API servers learn of it by a watch.</param>
/// <param name="Overlap">From a new CA's first certificate to the end of the old CA: replicas learn of it by a watch, too.</param>
public sealed record RotationTimes(TimeSpan AuthorityLife, TimeSpan AuthorityRenewal, TimeSpan LeafLife, TimeSpan LeafRenewal, TimeSpan Spreading, TimeSpan Overlap)
{
    public static RotationTimes Default { get; } = new(
        TimeSpan.FromDays(365), TimeSpan.FromDays(60), TimeSpan.FromDays(30), TimeSpan.FromDays(10), TimeSpan.FromSeconds(30), TimeSpan.FromHours(1));
}

/// <summary>
/// The order in which a CA and a certificate are replaced so that no API server ever sees a certificate it does not trust: first trust, then use,
/// and the end of the old trust last. Each step is told by what there is, so a leader that dies between two is continued by the next.
/// </summary>
public static class RotationRule
{
    public static RotationStep Decide(CertificateSight seen, RotationTimes times, DateTimeOffset now)
    {
        if (seen.Authority is not { } authority || now < authority.From || authority.Until - now < times.AuthorityRenewal) return RotationStep.MakeAuthority;
        if (seen.EntriesTrusting < seen.Entries) return RotationStep.TrustAuthorities;
        // Nobody calls yet, and by which name they will is not known.
        if (seen.Entries == 0) return RotationStep.Nothing;
        // Nobody can call with what there is: nothing can become worse.
        if (seen.Leaf is not { } leaf || now < leaf.From || now >= leaf.Until || !seen.LeafFits) return RotationStep.IssueLeaf;
        if (!seen.LeafIsNewest || leaf.Until - now < times.LeafRenewal)
            return seen.TrustedFor >= times.Spreading ? RotationStep.IssueLeaf : RotationStep.Nothing;
        return seen.OldAuthorities > 0 && now - leaf.From >= times.Overlap ? RotationStep.DropOldAuthorities : RotationStep.Nothing;
    }
}
