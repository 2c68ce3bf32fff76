using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Planning;

/// <summary>The plan as YAML that pastes: the timeline as comments, then the fields that follow from it.</summary>
public static class PlanText
{
    /// <summary>Of the settings.</summary>
    private static readonly TimeSpan DefaultQuiet = TimeSpan.FromSeconds(3);

    public static string Write(TerminationPlan plan)
    {
        var text = new StringBuilder();
        text.Append($"# Termination behind {plan.LbName} with a grace of {TerminationPlan.Seconds(plan.Parts.Grace)}. Seconds are the latest ones; evidence ends a phase earlier.\n#\n");
        foreach (var (phase, start, end, what) in plan.Timeline)
            text.Append($"# {TerminationPlan.Seconds(start),9} to {TerminationPlan.Seconds(end),9}  {phase,-9}  {what}\n");
        text.Append("#\n");
        var idle = plan.Lb.LbIdle is { } lbIdle ? $"{plan.LbName}'s own idle timeout is {TerminationPlan.Seconds(lbIdle)}" : "longer than any fixed idle timeout known";
        text.Append($"# Idle connections of the load balancer are kept for {TerminationPlan.Seconds(plan.Lb.ServerIdle)}: {idle}.\n");
        if (plan.Longest is { } longest)
            text.Append($"# The longest request is to take {TerminationPlan.Seconds(longest)}; one that begins at the end of linger has {TerminationPlan.Seconds(plan.Parts.DrainTimeout + plan.Parts.Closing)}.\n");
        foreach (var warning in plan.Warnings) text.Append($"# warning: {warning}\n");
        text.Append("#\n# By hand, in a Deployment (docs/sidecar.md has the rest of the container); `drainproxy inject` does it from the annotations alone.\n");
        text.Append(YamlWriter.Write(Workload(plan)));
        foreach (var (comment, manifest) in LoadBalancerSide(plan)) text.Append($"---\n# {comment}\n").Append(YamlWriter.Write(manifest));
        return text.ToString();
    }

    private static JsonObject Workload(TerminationPlan plan)
    {
        var (annotations, variables) = (new JsonObject(), new JsonArray());
        Both("lb", "LB", plan.LbName);
        Variable("GRACE", Durations.Format(plan.Parts.Grace));
        if (plan.Request.Linger is { } linger) Both("linger", "LINGER", Durations.Format(linger));
        if (plan.Request.Quiet != DefaultQuiet) Variable("QUIET", Durations.Format(plan.Request.Quiet));
        if (plan.Request.AnnounceDelay > TimeSpan.Zero) Variable("ANNOUNCE_DELAY", Durations.Format(plan.Request.AnnounceDelay));
        if (plan.Request.DrainTimeout is { } drain) Both("drain-timeout", "DRAIN_TIMEOUT", Durations.Format(drain));
        if (plan.Request.AppStop is { } stop) Both("app-stop", "APP_STOP", Durations.Format(stop));
        Variable("AFTER_DRAIN", "stay");
        var sidecar = new JsonObject
        {
            ["name"] = InjectionNames.Container,
            ["restartPolicy"] = "Always",
            ["env"] = variables,
            ["lifecycle"] = new JsonObject
            {
                ["preStop"] = new JsonObject { ["exec"] = new JsonObject { ["command"] = new JsonArray(InjectionNames.Program, "signal", "terminating") } },
            },
        };
        var app = new JsonObject
        {
            ["name"] = "app",
            ["lifecycle"] = new JsonObject
            {
                ["preStop"] = new JsonObject { ["httpGet"] = new JsonObject { ["path"] = "/drain/wait", ["port"] = InjectionNames.AdminPort } },
            },
        };
        var spec = new JsonObject
        {
            ["terminationGracePeriodSeconds"] = (long)Math.Ceiling(plan.Parts.Grace.TotalSeconds),
            ["initContainers"] = new JsonArray(sidecar),
            ["containers"] = new JsonArray(app),
        };
        return new() { ["spec"] = new JsonObject { ["template"] = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = annotations }, ["spec"] = spec } } };

        void Variable(string name, string value) => variables.Add((JsonNode)new JsonObject { ["name"] = "DRAINPROXY_" + name, ["value"] = value });

        void Both(string annotation, string variable, string value)
        {
            annotations[InjectionNames.Prefix + annotation] = value;
            Variable(variable, value);
        }
    }

    /// <summary>What the load balancer's own manifests should say for this plan.</summary>
    private static IEnumerable<(string Comment, JsonObject Manifest)> LoadBalancerSide(TerminationPlan plan)
    {
        // Not longer than the pod lives; what is in flight at the end of closing is cut anyway.
        var delay = (long)Math.Ceiling(plan.Parts.ClosingDeadline.TotalSeconds);
        switch (plan.Request.Lb)
        {
            case LoadBalancer.Alb:
                yield return ("The Ingress: straight to pods, deregistered within the pod's life.", Annotated("networking.k8s.io/v1", "Ingress",
                    ("alb.ingress.kubernetes.io/target-type", "ip"),
                    ("alb.ingress.kubernetes.io/target-group-attributes", $"deregistration_delay.timeout_seconds={delay}")));
                break;
            case LoadBalancer.Nlb:
                yield return ("The Service: straight to pods, deregistered within the pod's life.", Annotated("v1", "Service",
                    ("service.beta.kubernetes.io/aws-load-balancer-nlb-target-type", "ip"),
                    ("service.beta.kubernetes.io/aws-load-balancer-target-group-attributes", $"deregistration_delay.timeout_seconds={delay}")));
                break;
            case LoadBalancer.Gclb:
                yield return ("The Service: straight to pods.", Annotated("v1", "Service",
                    ("cloud.google.com/neg", "{\"ingress\": true}"), ("cloud.google.com/backend-config", "{\"default\": \"app\"}")));
                var spec = new JsonObject { ["connectionDraining"] = new JsonObject { ["drainingTimeoutSec"] = Math.Min(delay, 3600) } };
                // 30 s by default; an answer that takes longer is a 502 at Google.
                if (plan.Longest is { } time) spec["timeoutSec"] = Math.Max(30, (long)Math.Ceiling(time.TotalSeconds));
                yield return ("Requests in flight are not cut when an endpoint goes; answers may take as long as the longest one.", new()
                {
                    ["apiVersion"] = "cloud.google.com/v1",
                    ["kind"] = "BackendConfig",
                    ["metadata"] = new JsonObject { ["name"] = "app" },
                    ["spec"] = spec,
                });
                break;
            case LoadBalancer.Nginx when plan.Longest is { } silent:
                // 60 s by default: between two reads or writes.
                var seconds = $"{Math.Max(60, (long)Math.Ceiling(silent.TotalSeconds))}";
                yield return ("The Ingress, with ingress-nginx: an answer may be silent as long as the longest request takes.", Annotated("networking.k8s.io/v1", "Ingress",
                    ("nginx.ingress.kubernetes.io/proxy-read-timeout", seconds), ("nginx.ingress.kubernetes.io/proxy-send-timeout", seconds)));
                break;
        }
    }

    private static JsonObject Annotated(string version, string kind, params (string Name, string Value)[] annotations) => new()
    {
        ["apiVersion"] = version,
        ["kind"] = kind,
        ["metadata"] = new JsonObject { ["annotations"] = new JsonObject(annotations.Select(a => KeyValuePair.Create(a.Name, (JsonNode?)a.Value))) },
    };
}
