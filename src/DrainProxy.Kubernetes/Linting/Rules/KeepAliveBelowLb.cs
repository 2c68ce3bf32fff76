using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>The app closes idle connections before its load balancer does.</summary>
internal sealed class KeepAliveBelowLb() : LintRule(
    "keepalive-below-lb", Severity.Error, "The app closes idle connections before the load balancer does",
    "The load balancer sends a request on a connection that the app closes in the same moment: 502, a few in ten thousand, at any time of the day, without a deploy.",
    "Set the server's idle timeout above the load balancer's, or put DrainProxy in front: it keeps connections longer than the load balancer and shorter than the app.", "docs/keepalive.md")
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var workload in model.Bare)
        {
            var lb = workload.Lb ?? LoadBalancer.Auto;
            var idle = Presets.Of(lb).LbIdle?.TotalSeconds;
            foreach (var app in workload.Apps.Where(workload.IsReached))
            {
                // Behind an unknown load balancer 60 s is what the most common ones have.
                if (AppServers.Of(app, workload, model) is not { } server || server.Idle > (idle ?? 60)) continue;
                var who = idle is null ? "most load balancers keep them for 60 s and more" : $"{PodOptions.Name(lb)} keeps them for {idle:0} s";
                // What is set in files of the image or in the app's code is not seen here; options would be.
                var guessed = server.IsDefault && !server.Setting.Contains("--", StringComparison.Ordinal);
                yield return At(server.Evidence, $"{server.Name} closes idle connections after {server.Idle:0.#} s{(guessed ? " unless its code or configuration says otherwise" : server.IsDefault ? " by default" : "")}; {who}",
                    $"set {server.Setting} above {idle ?? 60:0} s ({Presets.Of(lb).ServerIdle.TotalSeconds:0} s), or run `drainproxy inject`", idle is null || guessed ? Severity.Warning : Severity.Error);
            }
        }
    }
}
