namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>What everything else needs, switched off.</summary>
internal sealed class ScaledToZero() : LintRule(
    "scaled-to-zero", Severity.Error, "Something that serves is scaled to zero",
    "With no pod there is no endpoint: every request is a 503 until somebody scales it up. A core service (DNS, ingress controller) takes all others with it; so does a cluster of which every node pool may go down to zero nodes.",
    "Set replicas, or the autoscaler's minReplicas, to at least 1; to 2 for core services. Let the pool of the core services keep a node per zone.", "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/")
{
    private const string ClusterApiMin = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size";

    public override IEnumerable<Finding> Check(LintModel model) => Workloads(model).Concat(Pools(model));

    private IEnumerable<Finding> Workloads(LintModel model) =>
        from workload in model.Workloads
        where workload.IsReplicated && workload.Replicas == 0 && (workload.Serves || workload.Object.Namespace == "kube-system")
        select At(workload.HasHpa ? workload.Hpa.To("spec.minReplicas") : workload.Root.To("spec.replicas"),
            workload.Object.Namespace == "kube-system" ? "a core service with no replica" : "no replica: every request is answered 503",
            grade: workload.HasHpa ? Severity.Warning : Severity.Error);

    /// <summary>A pool for batch work may be empty; only a cluster of which no pool keeps a node is one without a place for core services.</summary>
    private IEnumerable<Finding> Pools(LintModel model)
    {
        var google = model.Of("ContainerNodePool", "container.cnrm.cloud.google.com").Select(p => (Cluster: p.To("spec.clusterRef.name").Text,
            Least: First(p.To("spec.autoscaling.minNodeCount"), p.To("spec.autoscaling.totalMinNodeCount"), p.To("spec.nodeCount"), p.To("spec.initialNodeCount"))));
        var clusterApi = model.Of("MachineDeployment", "cluster.x-k8s.io").Select(p => (Cluster: p.To("spec.clusterName").Text,
            Least: First(p.To("metadata.annotations")[ClusterApiMin], p.To("spec.replicas"))));
        var eksctl = model.Of("ClusterConfig", "eksctl.io").SelectMany(c => c["nodeGroups"].Items.Concat(c["managedNodeGroups"].Items).Select(g => (Cluster: c.To("metadata.name").Text,
            Least: First(g["minSize"], g["desiredCapacity"]))));
        var clusters = google.Concat(clusterApi).Concat(eksctl).GroupBy(p => p.Cluster, p => p.Least);
        return from cluster in clusters
               where cluster.All(IsZero)
               from least in cluster
               select At(least, "every node pool here may go down to zero nodes: nothing is left for DNS and ingress controllers, and the first pod waits minutes for a node", grade: Severity.Warning);
    }

    private static Field First(params Field[] fields) => Array.Find(fields, f => f.Exists) is { Exists: true } found ? found : fields[0];

    private static bool IsZero(Field field) => field.Whole == 0 || field.Text == "0";
}
