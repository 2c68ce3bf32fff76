using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>More requests at once than memory: the puma rule.</summary>
internal sealed class MemoryConcurrency() : LintRule(
    "memory-concurrency", Severity.Error, "Workers x threads x memory per request is above the memory limit",
    "When all threads have an expensive request at the same time, the container is killed with every request in it. On Kubernetes 1.28 and newer one worker's excess kills the whole container.",
    "Lower workers or threads, raise limits.memory, or say what a request takes: annotation drainproxy.io/mb-per-request or --mb-per-request.", "docs/lint.md")
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var workload in model.Workloads)
        {
            var annotation = workload.Annotation("drainproxy.io/mb-per-request");
            var said = decimal.TryParse(annotation, System.Globalization.NumberStyles.AllowDecimalPoint, System.Globalization.CultureInfo.InvariantCulture, out var given);
            var mb = said ? given : model.Options.MbPerRequest;
            foreach (var app in workload.Apps)
            {
                if (Quantity.Of(app.To("resources.limits.memory").Node) is not { } limit || AppServers.Concurrency(app, workload, model) is not { } found) continue;
                var (needed, has) = (found.Workers * found.Threads * mb, limit / (1 << 20));
                if (needed <= has) continue;
                // 180 MB is what one app's exports took: what is only a little too much by that is a question, not a verdict.
                var guessed = !said && mb == LintOptions.Default.MbPerRequest && needed <= 2 * has;
                yield return At(found.Evidence, $"{found.Workers} workers x {found.Threads} threads x {mb:0.#} MB{(said || mb != LintOptions.Default.MbPerRequest ? "" : " (a guess)")} = {needed:0} MB, and the limit is {has:0} MB",
                    $"at most {Math.Floor(has / mb):0} requests at once fit into the limit; or set limits.memory: {Math.Ceiling(needed):0}Mi; or say what a request takes: annotation drainproxy.io/mb-per-request", guessed ? Severity.Warning : Severity.Error);
            }
        }
    }
}
