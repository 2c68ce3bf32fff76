using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Linting;

/// <summary>All objects of the input, and what belongs together.</summary>
internal sealed class LintModel
{
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

    /// <summary>Those that get requests straight, without our sidecar, and for which no label asks the webhook to put it in.</summary>
    public IEnumerable<Workload> Bare => Serving.Where(w => w.Sidecar is null && !IsLabelled(w));

    private bool IsLabelled(Workload workload)
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

    public static string IngressClass(Field ingress) =>
        ingress.To("spec.ingressClassName").Text ?? ingress.To("metadata.annotations")["kubernetes.io/ingress.class"].Text ?? "";

    /// <summary>A Service that is given to AWS' network load balancer.</summary>
    public static bool IsNlb(Field service) =>
        service.To("spec.type").Text == "LoadBalancer"
        && (service.To("spec.loadBalancerClass").Text == "service.k8s.aws/nlb"
            || service.To("metadata.annotations")["service.beta.kubernetes.io/aws-load-balancer-type"].Text is "nlb" or "nlb-ip" or "external");
}
