namespace DrainProxy.Decisions.KeepAlive;

/// <summary>What is known of a load balancer.</summary>
/// <param name="LbIdle">Its idle timeout towards us; null where it is a setting or unknown.</param>
/// <param name="ServerIdle">Our idle timeout: the patient side's, so longer than <paramref name="LbIdle"/>.</param>
/// <param name="LingerFloor">How long it may go on sending after the endpoint was removed.</param>
public sealed record LoadBalancerPreset(LoadBalancer Lb, TimeSpan? LbIdle, TimeSpan ServerIdle, TimeSpan LingerFloor);

/// <summary>
/// Idle timeouts as the providers document them (ALB 60 s, NLB 350 s, Classic ELB 60 s, Google external ALB 600 s fixed, Cloudflare 900 s,
/// OCI 300 s, Heroku router 90 s, nginx upstream 60 s, Envoy 1 h) plus a margin; linger floors from what users measured.
/// </summary>
public static class Presets
{
    /// <summary>Longer than every fixed idle timeout known; the longest is Cloudflare's 900 s. Envoy's hour is a default that users change.</summary>
    private const int LongerThanAnyFixed = 910;

    /// <exception cref="ArgumentOutOfRangeException">Not a known load balancer.</exception>
    public static LoadBalancerPreset Of(LoadBalancer lb) => lb switch
    {
        LoadBalancer.Auto => Preset(lb, null, LongerThanAnyFixed, 10),
        LoadBalancer.Alb => Preset(lb, 60, 75, 25),
        LoadBalancer.Nlb => Preset(lb, 350, 360, 120),
        LoadBalancer.Clb => Preset(lb, 60, 75, 25),
        LoadBalancer.Gclb => Preset(lb, 600, 620, 25),
        // Not documented: the value that is safe with all others.
        LoadBalancer.Appgw => Preset(lb, null, LongerThanAnyFixed, 25),
        // 90 s is widely said, not documented.
        LoadBalancer.Frontdoor => Preset(lb, 90, LongerThanAnyFixed, 25),
        LoadBalancer.Cloudflare => Preset(lb, 900, 910, 25),
        LoadBalancer.Oci => Preset(lb, 300, 315, 25),
        LoadBalancer.Heroku => Preset(lb, 90, 95, 10),
        LoadBalancer.Nginx => Preset(lb, 60, 75, 10),
        // Its timeouts are always set by its user: the value that is safe with all others.
        LoadBalancer.Haproxy => Preset(lb, null, LongerThanAnyFixed, 10),
        LoadBalancer.Envoy => Preset(lb, 3600, 3660, 10),
        // 90 s is Traefik's default, unverified: a wider margin.
        LoadBalancer.Traefik => Preset(lb, 90, 120, 10),
        // Clients directly: browsers and HTTP libraries keep idle connections for up to some minutes.
        LoadBalancer.None => Preset(lb, null, LongerThanAnyFixed, 0),
        _ => throw new ArgumentOutOfRangeException(nameof(lb), lb, "not a known load balancer"),
    };

    private static LoadBalancerPreset Preset(LoadBalancer lb, int? lbIdle, int serverIdle, int lingerFloor) => new(
        lb, lbIdle is { } idle ? TimeSpan.FromSeconds(idle) : null, TimeSpan.FromSeconds(serverIdle), TimeSpan.FromSeconds(lingerFloor));
}
