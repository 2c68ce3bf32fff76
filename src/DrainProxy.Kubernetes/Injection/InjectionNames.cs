namespace DrainProxy.Kubernetes.Injection;

/// <summary>The names that users and manifests rely on (contract).</summary>
internal static class InjectionNames
{
    public const string Prefix = "drainproxy.io/";
    public const string InjectLabel = Prefix + "inject";
    public const string Status = Prefix + "status";
    public const string Container = "drainproxy";
    public const string DefaultContainer = "kubectl.kubernetes.io/default-container";

    /// <summary>The program in the image (Dockerfile).</summary>
    public const string Program = "/app/drainproxy";

    public const int DataPort = 8080;
    public const int AdminPort = 9180;

    /// <summary>Where the search begins when the pod itself uses <see cref="DataPort"/> or <see cref="AdminPort"/>.</summary>
    public const int OtherDataPort = 15080;
    public const int OtherAdminPort = 15090;

    /// <summary>Containers of service meshes: proxies themselves, not apps.</summary>
    public static readonly string[] MeshProxies = ["istio-proxy", "linkerd-proxy", "kuma-sidecar", "consul-dataplane"];

    /// <summary>Annotations of others' making in our name space: read by lint, not by the injection.</summary>
    public static readonly string[] OtherAnnotations = ["mb-per-request", "status", "inject", "lint-ignore"];
}
