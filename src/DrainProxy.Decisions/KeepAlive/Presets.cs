namespace DrainProxy.Decisions.KeepAlive;

/// <summary>What is known of a load balancer.</summary>
/// <param name="LbIdle">Its idle timeout towards us; null where it is a setting or unknown.</param>
/// <param name="ServerIdle">Our idle timeout: the patient side's, so longer than <paramref name="LbIdle"/>.</param>
/// <param name="LingerFloor">How long it may go on sending after the endpoint was removed.</param>
public sealed record LoadBalancerPreset(LoadBalancer Lb, TimeSpan? LbIdle, TimeSpan ServerIdle, TimeSpan LingerFloor);

/// <summary>
/// Idle timeouts as the providers document them plus a margin; linger floors from what users measured. An idle connection costs some
/// kilobytes, one that we close first costs a request: where a number is not sure the larger is taken.
/// </summary>
public static class Presets
{
    /// <summary>Longer than every fixed idle timeout known; the longest is Cloudflare's 900 s. Envoy's hour is a default that users change.</summary>
    private const int LongerThanAnyFixed = 910;

    /// <exception cref="ArgumentOutOfRangeException">Not a known load balancer.</exception>
    public static LoadBalancerPreset Of(LoadBalancer lb) => lb switch
    {
        LoadBalancer.Auto => Preset(lb, null, LongerThanAnyFixed, 10),
        // AWS: connection idle timeout 60 s by default; servers behind it are usually set to 75 s. Users needed 25 to 70 s of linger.
        LoadBalancer.Alb => Preset(lb, 60, 75, 25),
        // AWS: 350 s by default, fixed for TLS. Users saw new connections for 2 min and more, whatever the deregistration delay.
        LoadBalancer.Nlb => Preset(lb, 350, 360, 120),
        // AWS: 60 s as ALB; a server that closes first shows as 504.
        LoadBalancer.Clb => Preset(lb, 60, 75, 25),
        // Google: 600 s, fixed; its documentation asks 620 s of the server.
        LoadBalancer.Gclb => Preset(lb, 600, 620, 25),
        // Not documented: the value that is safe with all others.
        LoadBalancer.Appgw => Preset(lb, null, LongerThanAnyFixed, 25),
        // 90 s is widely said, not documented.
        LoadBalancer.Frontdoor => Preset(lb, 90, LongerThanAnyFixed, 25),
        // 900 s, fixed.
        LoadBalancer.Cloudflare => Preset(lb, 900, 910, 25),
        // Oracle: 300 s; its documentation asks at least 310 s of the server.
        LoadBalancer.Oci => Preset(lb, 300, 315, 25),
        // Router 2.0: 90 s; apps are told to keep 95 s.
        LoadBalancer.Heroku => Preset(lb, 90, 95, 10),
        // keepalive_timeout of the upstream block: 60 s by default, in ingress-nginx too.
        LoadBalancer.Nginx => Preset(lb, 60, 75, 10),
        // Its timeouts are always set by its user: the value that is safe with all others.
        LoadBalancer.Haproxy => Preset(lb, null, LongerThanAnyFixed, 10),
        // idle_timeout of its upstream connections: 1 h by default.
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
