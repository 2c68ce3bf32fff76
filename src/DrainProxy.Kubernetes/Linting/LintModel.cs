using System.Text.Json;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Linting;

/// <summary>All objects of the input, and what belongs together.</summary>
internal sealed class LintModel
{
    public const string NegAnnotation = "cloud.google.com/neg";

    /// <summary>Classes as they are called everywhere, and annotations that only their controllers read.</summary>
    private static readonly (string Class, string Annotations)[] Annotated =
    [
        ("alb", "alb.ingress.kubernetes.io/"), ("gce", "networking.gke.io/"), ("gce", "kubernetes.io/ingress.global-static-ip-name"), ("gce", "ingress.gcp.kubernetes.io/"),
        ("nginx", "nginx.ingress.kubernetes.io/"), ("traefik", "traefik.ingress.kubernetes.io/"), ("haproxy", "haproxy.org/"), ("haproxy", "haproxy-ingress.github.io/"),
    ];

    private readonly List<KubeObject> objects;

    public LintModel(IEnumerable<Manifest> manifests, LintOptions options)
    {
        Options = options;
        objects = [.. manifests.SelectMany(KubeObject.In)];
        Workloads = [.. objects.Where(o => o.Pod is not null).Select(o => new Workload(o, this))];
    }

    public LintOptions Options { get; }

    public IReadOnlyList<KubeObject> Objects => objects;

    public IReadOnlyList<Workload> Workloads { get; }

    public IEnumerable<Workload> Serving => Workloads.Where(w => w.Serves);

    /// <summary>Those that get HTTP requests straight, without our sidecar, and for which no label asks the webhook to put it in.</summary>
    public IEnumerable<Workload> Bare => Serving.Where(w => w.Sidecar is null && w.SpeaksHttp && !IsLabelled(w));

    public bool IsLabelled(Workload workload)
    {
        var label = workload.Pod.To("metadata.labels")[InjectionNames.InjectLabel].Text;
        var space = Of("Namespace", "").FirstOrDefault(n => n.Object.Name == workload.Object.Namespace).To("metadata.labels")[InjectionNames.InjectLabel].Text;
        return (label ?? space) == "enabled" && label != "disabled" && space != "disabled";
    }

    public IEnumerable<(Workload Workload, Field Sidecar)> WithSidecar => Workloads.Where(w => w.Sidecar is not null).Select(w => (w, w.Sidecar!.Value));

    public IEnumerable<Field> Of(string kind) => objects.Where(o => o.Kind == kind).Select(Field.Of);

    public IEnumerable<Field> Of(string kind, string group) => Of(kind).Where(f => f.Object.Group == group);

    /// <summary>The names of the Services that an Ingress leads to.</summary>
    public static IEnumerable<string> Backends(Field ingress) => ingress.To("spec.rules").Items
        .SelectMany(rule => rule.To("http.paths").Items).Select(path => path["backend"])
        .Append(ingress.To("spec.defaultBackend"))
        .Select(backend => backend.To("service.name").Text ?? backend["serviceName"].Text).OfType<string>();

    /// <summary>Whose Ingress it is: its class, or what its annotations are for where the class has a name of the cluster's own.</summary>
    public static string IngressClass(Field ingress)
    {
        var annotations = ingress.To("metadata.annotations");
        var named = ingress.To("spec.ingressClassName").Text ?? annotations["kubernetes.io/ingress.class"].Text ?? "";
        if (Array.Exists(Annotated, a => a.Class is "alb" or "gce" ? named.StartsWith(a.Class, StringComparison.Ordinal) : named.Contains(a.Class, StringComparison.Ordinal))) return named;
        return Array.Find(Annotated, a => annotations.Json?.Any(pair => pair.Key.StartsWith(a.Annotations, StringComparison.Ordinal)) == true).Class ?? named;
    }

    /// <summary>The Services that Ingresses of Google's controller lead to, with the Ingress.</summary>
    public IEnumerable<(Field Ingress, Field Service)> BehindGoogle =>
        from ingress in Of("Ingress")
        where IngressClass(ingress).StartsWith("gce", StringComparison.Ordinal)
        let names = Backends(ingress).ToHashSet()
        from service in Of("Service", "")
        where service.Object.Namespace == ingress.Object.Namespace && names.Contains(service.Object.Name)
        select (ingress, service);

    /// <summary>What the annotation for network endpoint groups asks for: behind an Ingress, or on ports of its own. Null: it is not there, or no JSON.</summary>
    public static (bool Ingress, bool Alone)? Neg(Field service)
    {
        if (service.To("metadata.annotations")[NegAnnotation].Text is not { } text) return null;
        try
        {
            return JsonNode.Parse(text) is JsonObject asked ? (asked.Flag("ingress") == true, asked.Object("exposed_ports") is { Count: > 0 }) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A Service that is given to AWS' network load balancer.</summary>
    public static bool IsNlb(Field service) =>
        service.To("spec.type").Text == "LoadBalancer"
        && (service.To("spec.loadBalancerClass").Text == "service.k8s.aws/nlb"
            || service.To("metadata.annotations")["service.beta.kubernetes.io/aws-load-balancer-type"].Text is "nlb" or "nlb-ip" or "external");
}
