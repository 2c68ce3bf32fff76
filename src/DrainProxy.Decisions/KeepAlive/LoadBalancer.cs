namespace DrainProxy.Decisions.KeepAlive;

/// <summary>The load balancers whose idle timeout and slowness to let go are known. Lower-case names are the values of `--lb`.</summary>
public enum LoadBalancer
{
    /// <summary>Unknown: longer than every fixed idle timeout known.</summary>
    Auto,
    Alb,
    Nlb,
    Clb,
    Gclb,
    Appgw,
    Frontdoor,
    Cloudflare,
    Oci,
    Heroku,
    Nginx,
    Haproxy,
    Envoy,
    Traefik,

    /// <summary>No load balancer: clients connect directly.</summary>
    None,
}
