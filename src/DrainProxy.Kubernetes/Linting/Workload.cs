using System.Text.Json.Nodes;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Linting;

/// <summary>An object that makes pods, with what belongs to it in the same input.</summary>
internal sealed class Workload
{
    private const string SidecarVariables = "DRAINPROXY_";

    /// <summary>PostgreSQL, MySQL, SQL Server, Oracle, Redis, memcached, MongoDB, Cassandra, AMQP, Kafka, ZooKeeper, NATS, etcd, MQTT, DNS, SMTP, LDAP.</summary>
    private static readonly HashSet<long> OtherProtocols = [5432, 3306, 1433, 1521, 6379, 11211, 27017, 9042, 5672, 9092, 2181, 4222, 2379, 1883, 53, 25, 389];

    private static readonly string[] Observed = ["metrics", "prom", "monitoring", "health", "probe", "debug", "pprof", "profil", "jmx"];

    public Workload(KubeObject o, LintModel model)
    {
        Object = o;
        Root = Field.Of(o);
        Pod = new(o, o.Pod, o.PodPath!);
        Spec = Pod["spec"];
        var labels = Pod["metadata"]["labels"].Json;
        Services = [.. model.Of("Service", "").Where(s => s.Object.Namespace == o.Namespace && PodPorts.Selects(s.Object.Json, labels))];
        Hpa = model.Of("HorizontalPodAutoscaler").FirstOrDefault(h => h.Object.Namespace == o.Namespace
            && h.To("spec.scaleTargetRef.kind").Text == o.Kind && h.To("spec.scaleTargetRef.name").Text == o.Name);
        Budgets = [.. model.Of("PodDisruptionBudget").Where(b => b.Object.Namespace == o.Namespace && Matches(b.To("spec.selector").Json, labels))];
        Ingresses = [.. model.Of("Ingress").Where(i => i.Object.Namespace == o.Namespace && LintModel.Backends(i).Any(name => Services.Any(s => s.Object.Name == name)))];
    }

    public KubeObject Object { get; }

    public Field Root { get; }

    public Field Pod { get; }

    public Field Spec { get; }

    public IReadOnlyList<Field> Services { get; }

    /// <summary>Not there: a field whose Object is null.</summary>
    public Field Hpa { get; }

    public bool HasHpa => Hpa.Exists;

    public IReadOnlyList<Field> Budgets { get; }

    public IReadOnlyList<Field> Ingresses { get; }

    public IReadOnlyList<Field> Containers => Spec["containers"].Items;

    public IReadOnlyList<Field> AllContainers => [.. Containers, .. Spec["initContainers"].Items];

    public Field? Sidecar => AllContainers.Where(c => c["name"].Text == InjectionNames.Container).Select(c => (Field?)c).FirstOrDefault();

    public bool SidecarIsNative => Sidecar is { } sidecar && sidecar["restartPolicy"].Text == "Always";

    /// <summary>Containers that are neither ours nor a mesh's.</summary>
    public IReadOnlyList<Field> Apps =>
        [.. Containers.Where(c => c["name"].Text != InjectionNames.Container && !InjectionNames.MeshProxies.Contains(c["name"].Text))];

    /// <summary>Runs for good and gets requests, as far as the input shows; being scraped and probed is no service.</summary>
    public bool Serves => Object.Kind is not ("Job" or "CronJob") && (Services.Any(s => Requested(s.To("spec.ports"))) || Apps.Any(c => Requested(c["ports"])));

    /// <summary>Not a database or a queue on its usual port: its clients have reconnecting of their own, and a proxy for HTTP in front of it would be wrong.</summary>
    public bool SpeaksHttp
    {
        get
        {
            var numbers = Apps.SelectMany(c => c["ports"].Items).Select(p => p["containerPort"].Whole).Concat(Services.SelectMany(s => s.To("spec.ports").Items).Select(p => p["port"].Whole)).OfType<long>().ToList();
            return numbers.Count == 0 || !numbers.Exists(OtherProtocols.Contains);
        }
    }

    /// <summary>Gets requests from outside of its pod: a container without ports beside one with ports is reached through that one.</summary>
    public bool IsReached(Field app) => app["ports"].Items.Count > 0 || Apps.All(a => a["ports"].Items.Count == 0);

    public TimeSpan Grace => GraceBudget.Of(Pod.Json ?? []);

    public long Replicas => HasHpa ? Hpa.To("spec.minReplicas").Whole ?? 1 : Root.To("spec.replicas").Whole ?? 1;

    public bool IsReplicated => Object.Kind is "Deployment" or "StatefulSet" or "ReplicaSet";

    public string? Annotation(string name) => Pod.To("metadata.annotations")[name].Text;

    /// <summary>A setting of the sidecar in its environment.</summary>
    public Field SidecarSetting(string name) =>
        (Sidecar?["env"].Items ?? []).Where(e => e["name"].Text == SidecarVariables + name).Select(e => e["value"]).FirstOrDefault();

    /// <summary>The load balancer that the annotation, the sidecar, an Ingress or a Service names; null: nobody says.</summary>
    public LoadBalancer? Lb
    {
        get
        {
            var named = Annotation(InjectionNames.Prefix + "lb") ?? SidecarSetting("LB").Text;
            if (Enum.TryParse<LoadBalancer>(named, ignoreCase: true, out var lb) && lb != LoadBalancer.Auto) return lb;
            foreach (var ingress in Ingresses)
            {
                var name = LintModel.IngressClass(ingress);
                if (name.StartsWith("alb", StringComparison.Ordinal)) return LoadBalancer.Alb;
                if (name.StartsWith("gce", StringComparison.Ordinal)) return LoadBalancer.Gclb;
                if (name.Contains("nginx", StringComparison.Ordinal)) return LoadBalancer.Nginx;
                if (name.Contains("traefik", StringComparison.Ordinal)) return LoadBalancer.Traefik;
                if (name.Contains("haproxy", StringComparison.Ordinal)) return LoadBalancer.Haproxy;
            }

            return Services.Any(LintModel.IsNlb) ? LoadBalancer.Nlb : null;
        }
    }

    /// <summary>A label selector with matchLabels and matchExpressions; an empty one matches all.</summary>
    public static bool Matches(JsonObject? selector, JsonObject? labels)
    {
        if (selector is null) return false;
        return (selector.Object("matchLabels") ?? []).All(pair => labels.Text(pair.Key) == pair.Value.AsText())
            && selector.Objects("matchExpressions").All(e =>
            {
                var (value, values) = (labels.Text(e.Text("key") ?? ""), (e["values"] as JsonArray ?? []).Select(v => v.AsText()).ToList());
                return e.Text("operator") switch
                {
                    "In" => value is not null && values.Contains(value),
                    "NotIn" => value is null || !values.Contains(value),
                    "Exists" => value is not null,
                    "DoesNotExist" => value is null,
                    _ => false,
                };
            });
    }

    private static bool Requested(Field ports) =>
        ports.Items.Any(p => p["name"].Text is not { } name || !Array.Exists(Observed, o => name.Contains(o, StringComparison.OrdinalIgnoreCase)));
}
