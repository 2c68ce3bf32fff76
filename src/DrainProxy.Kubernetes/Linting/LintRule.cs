namespace DrainProxy.Kubernetes.Linting;

/// <summary>One rule: what it looks for, why that causes 5xx, and where this is written.</summary>
/// <param name="id">In lower case with hyphens; users write it into suppressions.</param>
/// <param name="severity">The worst that the rule reports.</param>
/// <param name="title">What is wrong, in a few words.</param>
/// <param name="why">How it loses requests.</param>
/// <param name="remedy">What to do, in general.</param>
/// <param name="source">An address or the name of a text.</param>
internal abstract class LintRule(string id, Severity severity, string title, string why, string remedy, string source)
{
    protected const string Termination = "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination";
    protected const string HooksPage = "https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/";
    protected const string ProbesPage = "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/";
    protected const string ServicePage = "https://kubernetes.io/docs/concepts/services-networking/service/";
    protected const string DeploymentPage = "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy";
    protected const string PdbPage = "https://kubernetes.io/docs/tasks/run-application/configure-pdb/";
    protected const string HpaPage = "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/";
    protected const string GkePage = "https://cloud.google.com/kubernetes-engine/docs/how-to/ingress-configuration";
    protected const string AwsPage = "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/";
    protected const string SidecarPage = "docs/sidecar.md";

    public string Id => id;

    public Severity Severity => severity;

    public string Title => title;

    public string Why => why;

    public string Remedy => remedy;

    public string Source => source;

    public abstract IEnumerable<Finding> Check(LintModel model);

    protected Finding At(Field field, string message, string? fix = null, Severity? grade = null) => new(
        id, grade ?? severity, field.Object.Source.File, field.Line, $"{field.Object.Kind}/{field.Object.Namespace}/{field.Object.Name}", field.Path.ToString(), message, fix ?? remedy, source);
}
