using System.Text.RegularExpressions;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>The deregistration delay against the grace.</summary>
internal sealed partial class AwsDeregistration() : LintRule(
    "aws-deregistration", Severity.Warning, "The deregistration delay does not fit the pod's grace",
    "For that long the load balancer keeps connections to a target that goes (300 s by default), and the pod is gone at the end of its grace; with 0 the load balancer cuts requests in flight at once.",
    "Set deregistration_delay.timeout_seconds a little below terminationGracePeriodSeconds.", AwsPage)
{
    private const string AlbAttributes = "alb.ingress.kubernetes.io/target-group-attributes";
    private const string NlbAttributes = "service.beta.kubernetes.io/aws-load-balancer-target-group-attributes";

    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var workload in model.Serving)
        {
            var balancers = workload.Ingresses.Where(i => LintModel.IngressClass(i).StartsWith("alb", StringComparison.Ordinal)).Select(i => (Owner: i, Attributes: AlbAttributes))
                .Concat(workload.Services.Where(LintModel.IsNlb).Select(s => (Owner: s, Attributes: NlbAttributes)));
            foreach (var (owner, attributes) in balancers)
            {
                var field = owner.To("metadata.annotations")[attributes];
                var match = Delay().Match(field.Text ?? "");
                var fix = $"set {attributes}: deregistration_delay.timeout_seconds={Math.Max(1, workload.Grace.TotalSeconds - 5):0}";
                if (!match.Success) yield return At(field, $"no deregistration delay: 300 s against a grace of {workload.Grace.TotalSeconds:0} s", fix, Severity.Info);
                else if (int.Parse(match.Groups[1].Value) is var delay && delay == 0) yield return At(field, "a deregistration delay of 0 cuts requests in flight", fix);
                else if (delay > workload.Grace.TotalSeconds) yield return At(field, $"the deregistration delay of {delay} s is longer than the grace of {workload.Grace.TotalSeconds:0} s: what runs that long is cut", fix);
            }
        }
    }

    [GeneratedRegex(@"deregistration_delay\.timeout_seconds=([0-9]{1,6})")]
    private static partial Regex Delay();
}
