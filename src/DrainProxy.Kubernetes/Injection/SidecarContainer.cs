using System.Globalization;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>The container that is put into the pod; deploy/sidecar has the same, by hand.</summary>
internal sealed class SidecarContainer
{
    /// <summary>The user of the image.</summary>
    private const int ImageUser = 1654;

    public required bool Native { get; init; }

    public required string Image { get; init; }

    public required int DataPort { get; init; }

    public required int AdminPort { get; init; }

    public required string PortName { get; init; }

    public required string AdminPortName { get; init; }

    public required string AppAddress { get; init; }

    public required TimeSpan Grace { get; init; }

    /// <summary>null: planned by DrainProxy from load balancer and grace.</summary>
    public required TimeSpan? Linger { get; init; }

    public required PodOptions Options { get; init; }

    /// <summary>The app's user where the pod declares one: the app's cgroup can be read by the same user only.</summary>
    public required long? AppUser { get; init; }

    public required bool Guaranteed { get; init; }

    /// <summary>Value of DRAINPROXY_APP_PRESTOP: the httpGet hooks whose place `/drain/wait` has taken; null: none.</summary>
    public required string? AppPrestop { get; init; }

    /// <summary>Value of DRAINPROXY_NODE_NOTICE; null: none.</summary>
    public required string? NodeNotice { get; init; }

    public JsonObject ToJson()
    {
        var container = new JsonObject { ["name"] = InjectionNames.Container, ["image"] = Image };
        if (Native) container["restartPolicy"] = "Always";
        container["args"] = new JsonArray("run");
        container["env"] = Environment();
        container["ports"] = new JsonArray(
            new JsonObject { ["name"] = PortName, ["containerPort"] = DataPort, ["protocol"] = "TCP" },
            new JsonObject { ["name"] = AdminPortName, ["containerPort"] = AdminPort, ["protocol"] = "TCP" });
        // The app starts once this answers. Not /readyz, which waits for the app: they would wait for each other.
        if (Native) container["startupProbe"] = Probe("/livez", 1, 30);
        container["readinessProbe"] = Probe("/readyz", 2, 1);
        container["livenessProbe"] = Probe("/livez", 10, 3);
        container["lifecycle"] = Lifecycle();
        container["resources"] = Resources();
        container["securityContext"] = SecurityContext();
        return container;
    }

    private JsonArray Environment()
    {
        var variables = new JsonArray();
        if (DataPort != InjectionNames.DataPort) Add("LISTEN", $"0.0.0.0:{DataPort}");
        Add("APP", AppAddress);
        if (AdminPort != InjectionNames.AdminPort) Add("ADMIN", $"0.0.0.0:{AdminPort}");
        if (Options.LbIsGiven) Add("LB", PodOptions.Name(Options.Lb));
        Add("GRACE", Durations.Format(Grace < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : Grace));
        if (Linger is { } linger) Add("LINGER", Durations.Format(linger));
        if (Options.DrainTimeout is { } drain) Add("DRAIN_TIMEOUT", Durations.Format(drain));
        if (Options.AppStop is { } stop) Add("APP_STOP", Durations.Format(stop));
        if (AppPrestop is not null) Add("APP_PRESTOP", AppPrestop);
        if (NodeNotice is not null) Add("NODE_NOTICE", NodeNotice);
        // A native sidecar gets its SIGTERM after the app has ended; one that exits earlier would be restarted.
        if (Native) Add("AFTER_DRAIN", "stay");
        return variables;

        void Add(string name, string value) => variables.Add((JsonNode)new JsonObject { ["name"] = "DRAINPROXY_" + name, ["value"] = value });
    }

    private JsonObject Probe(string path, int period, int failures) => new()
    {
        ["httpGet"] = new JsonObject { ["path"] = path, ["port"] = AdminPort },
        ["periodSeconds"] = period,
        ["failureThreshold"] = failures,
    };

    private JsonObject Lifecycle()
    {
        var hooks = new JsonObject { ["preStop"] = Exec("signal", "terminating") };
        // Containers start one after the other, each when the hook of the one before it has returned: the app then finds the proxy listening.
        if (!Native) hooks["postStart"] = Exec("signal", "started");
        return hooks;
    }

    private static JsonObject Exec(params string[] arguments) => new()
    {
        ["exec"] = new JsonObject { ["command"] = new JsonArray([InjectionNames.Program, .. arguments.Select(a => (JsonNode)a)]) },
    };

    private JsonObject Resources()
    {
        var limits = new JsonObject { ["memory"] = Options.Resources["limit-memory"] };
        if (Options.Resources.TryGetValue("limit-cpu", out var cpu)) limits["cpu"] = cpu;
        if (!Guaranteed)
            return new() { ["requests"] = new JsonObject { ["cpu"] = Options.Resources["cpu"], ["memory"] = Options.Resources["memory"] }, ["limits"] = limits };

        // One container without limits equal to its requests takes the class from the whole pod. A limit of 50m would throttle the start for seconds.
        limits["cpu"] ??= "250m";
        return new() { ["requests"] = limits.DeepClone(), ["limits"] = limits };
    }

    private JsonObject SecurityContext() => new()
    {
        ["runAsNonRoot"] = true,
        // Root would contradict the line above.
        ["runAsUser"] = AppUser is > 0 and var user ? user : ImageUser,
        ["allowPrivilegeEscalation"] = false,
        ["readOnlyRootFilesystem"] = true,
        ["capabilities"] = new JsonObject { ["drop"] = new JsonArray("ALL") },
        ["seccompProfile"] = new JsonObject { ["type"] = "RuntimeDefault" },
    };
}
