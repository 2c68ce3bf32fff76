using System.Text.Json;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>One injection, step by step; <see cref="Run"/> is the order.</summary>
internal sealed class SidecarInjection(JsonObject pod, PodOptions options, PodPorts ports, AppPort port, bool native, InjectionRequest request)
{
    private static readonly JsonSerializerOptions StatusFormat = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly string[] ContainerLists = ["containers", "initContainers"];
    private readonly PodEditor edit = new(pod);
    private readonly JsonObject status = [];
    private readonly JsonObject keptHooks = [];
    private readonly List<string> calls = [];
    private readonly bool guaranteed = PodTraits.IsGuaranteed(pod);
    private int dataPort;
    private int adminPort;
    private int appPort = port.Number;
    private TimeSpan? linger = options.Linger;
    private TimeSpan grace;

    public List<string> Warnings { get; } = [.. options.Warnings];

    /// <summary>Changes the pod; else says why it cannot be done, and the pod is then to be thrown away.</summary>
    public string? Run()
    {
        ChoosePorts();
        PlanGrace();
        if (DoesNotFit() is { } problem) return problem;
        if (options.TakeNumber && port.Container.Objects("env").Count(e => e.Text("name") == options.AppPortEnv) > 1)
            return $"environment variable {options.AppPortEnv} of container {port.ContainerName} is set more than once";
        TakeName();
        if (options.TakeNumber) TakeNumber();
        foreach (var container in ports.Apps) SetHook(container);
        AddSidecar();
        ShareProcesses();
        WarnOfMeshes();
        WarnOfServices();
        Annotate();
        return null;
    }

    private void ChoosePorts()
    {
        var used = ports.UsedNumbers();
        used.Add(port.Number);
        if (options.TakeNumber)
        {
            dataPort = port.Number;
            appPort = PodPorts.Free(used, 10_000 + port.Number <= 65_535 ? 10_000 + port.Number : InjectionNames.OtherDataPort, InjectionNames.OtherDataPort);
            if (dataPort < 1024) Warnings.Add($"port {dataPort} is below 1024: the sidecar is not root and needs net.ipv4.ip_unprivileged_port_start");
        }
        else
        {
            dataPort = PodPorts.Free(used, InjectionNames.DataPort, InjectionNames.OtherDataPort);
        }

        adminPort = PodPorts.Free(used, InjectionNames.AdminPort, InjectionNames.OtherAdminPort);
        if (port.Entry?["hostPort"] is { } hostPort) Warnings.Add($"hostPort {hostPort.ToJsonString()} of container {port.ContainerName} leads to the app and bypasses the sidecar");
    }

    /// <summary>A sleep that the pod has now says how late its load balancer is: the linger time takes its place, where the grace had room for it.</summary>
    private void PlanGrace()
    {
        var given = GraceBudget.Of(pod);
        var floor = linger ?? DrainProxy.Decisions.KeepAlive.Presets.Of(options.Lb).LingerFloor;
        var sleep = options.KeepHooks ? TimeSpan.Zero : ports.Apps.Select(Hooks.PreStop).Where(h => h.Kind == HookKind.Sleep && h.Sleep < given).Select(h => h.Sleep).DefaultIfEmpty().Max();
        if (linger is null && sleep > floor) linger = floor = sleep;
        var needed = GraceBudget.Needed(given, options, linger);
        grace = options.KeepGrace ? given : needed;
        if (needed > given && options.KeepGrace)
        {
            Warnings.Add(
                $"terminationGracePeriodSeconds {given.TotalSeconds:0} is kept (annotation {InjectionNames.Prefix}grace-mode) and too short for {floor.TotalSeconds:0.###} s of linger "
                + $"and the drain: {needed.TotalSeconds:0} would do");
        }
        else if (needed > given)
        {
            edit.Set((long)needed.TotalSeconds, "spec", "terminationGracePeriodSeconds");
        }
    }

    /// <summary>DrainProxy refuses to start with parts that the grace cannot hold.</summary>
    private string? DoesNotFit()
    {
        var annotated = new[] { ("linger", linger), ("app-stop", options.AppStop), ("drain-timeout", options.DrainTimeout) };
        foreach (var (name, part) in annotated)
        {
            if (part > grace || (part == grace && name != "drain-timeout"))
                return $"annotation {InjectionNames.Prefix}{name}: {Durations.Format(part.Value)} does not fit into the grace of {grace.TotalSeconds:0} s";
        }

        return linger + options.AppStop >= grace
            ? $"annotation {InjectionNames.Prefix}app-stop: together with linger it leaves nothing of the grace of {grace.TotalSeconds:0} s to drain in"
            : null;
    }

    /// <summary>The port's name becomes the sidecar's. It must be nobody else's: a named targetPort is searched in ordinary containers first.</summary>
    private void TakeName()
    {
        foreach (var (list, container) in ContainerLists.SelectMany(l => pod.Object("spec").Objects(l).Select(c => (l, c))).ToList())
        {
            var entry = container.Objects("ports").FirstOrDefault(p => p.Text("name") == port.Name);
            if (entry is null) continue;
            string[] place = ["spec", list, "name=" + container.Text("name")];
            foreach (var reference in PortReferences.To(container, port.Name, null).ToList())
                edit.Set(entry["containerPort"]?.DeepClone(), [.. place, .. reference.Path]);
            edit.Rename(entry, ports.NewName(port.Name), [.. place, "ports"]);
            if (container.Text("name") != port.ContainerName)
                Warnings.Add($"container {container.Text("name")} has a port called {port.Name} too: renamed, or traffic would go there");
        }
    }

    /// <summary>The sidecar gets the number, the app another one by its environment.</summary>
    private void TakeNumber()
    {
        string[] place = ["spec", "containers", "name=" + port.ContainerName];
        foreach (var reference in PortReferences.To(port.Container, null, port.Number).ToList()) edit.Set(appPort, [.. place, .. reference.Path]);
        if (port.Entry is { } entry)
        {
            if (entry.Text("name") is null) edit.Rename(entry, ports.NewName(port.Name), [.. place, "ports"]);
            string[] named = [.. place, "ports", "name=" + entry.Text("name")];
            edit.Set(appPort, [.. named, "containerPort"]);
        }

        var variable = port.Container.Objects("env").FirstOrDefault(e => e.Text("name") == options.AppPortEnv);
        if (variable is null)
        {
            edit.Insert(new JsonObject { ["name"] = options.AppPortEnv, ["value"] = $"{appPort}" }, -1, [.. place, "env"]);
            return;
        }

        if (variable.ContainsKey("valueFrom"))
        {
            Warnings.Add($"environment variable {options.AppPortEnv} of container {port.ContainerName} had a source of its own: replaced by {appPort}");
            edit.Remove([.. place, "env", "name=" + options.AppPortEnv, "valueFrom"]);
        }

        edit.Set($"{appPort}", [.. place, "env", "name=" + options.AppPortEnv, "value"]);
    }

    /// <summary>The app's preStop waits for the drain, so that its SIGTERM comes after the last answer.</summary>
    private void SetHook(JsonObject container)
    {
        var name = container.Text("name")!;
        var (kind, sleep) = Hooks.PreStop(container);
        if (kind != HookKind.None && options.KeepHooks) return;
        var lingers = GraceBudget.Plan(grace, options, linger).Linger;
        switch (kind)
        {
            case HookKind.Exec:
                Warnings.Add(
                    $"container {name} keeps its preStop command: it does not wait for the drain, so the app may stop before the last request; "
                    + $"let it end with a request to http://127.0.0.1:{adminPort}/drain/wait");
                return;
            case HookKind.Sleep when sleep > lingers:
                Warnings.Add(
                    $"container {name} keeps its preStop sleep of {sleep.TotalSeconds:0.###} s: it is longer than the linger time of {lingers.TotalSeconds:0.###} s; "
                    + $"annotation {InjectionNames.Prefix}linger: {Durations.Format(sleep)} would replace it");
                return;
            case HookKind.HttpGet:
                KeepHttpGet(container, name);
                break;
        }

        var wait = new JsonObject { ["httpGet"] = new JsonObject { ["path"] = "/drain/wait", ["port"] = adminPort } };
        edit.Set(wait, "spec", "containers", "name=" + name, "lifecycle", "preStop");
    }

    /// <summary>DrainProxy calls it after the drain. What it cannot call as the kubelet would is told.</summary>
    private void KeepHttpGet(JsonObject container, string name)
    {
        keptHooks[name] = container.Object("lifecycle")!["preStop"]!.DeepClone();
        var (call, problem) = HttpGetCall.Of(container);
        if (call is not null) calls.Add(call);
        Warnings.Add(
            $"container {name} had a preStop httpGet: /drain/wait takes its place, "
            + (problem is null ? "and DrainProxy calls the old one after the drain; " : $"and nobody calls the old one any more: {problem}; ")
            + $"annotation {InjectionNames.Prefix}prestop: keep leaves it");
    }

    private void AddSidecar()
    {
        var sidecar = new SidecarContainer
        {
            Native = native,
            Image = options.Image ?? request.Image,
            DataPort = dataPort,
            AdminPort = adminPort,
            PortName = port.Name,
            AdminPortName = ports.FreeName(InjectionNames.Container, but: port.Name),
            AppAddress = $"{port.Scheme}://127.0.0.1:{appPort}",
            Grace = grace,
            Linger = linger,
            Options = options,
            AppUser = PodTraits.UserOf(pod, port.Container),
            Guaranteed = guaranteed,
            AppPrestop = calls.Count > 0 ? string.Join('\n', calls) : null,
            NodeNotice = request.NodeNotice,
        }.ToJson();
        PodResources.MakeRoom(pod, sidecar.Object("resources")!, edit);
        if (native)
        {
            // Last: a mesh's proxy before it starts before it and stops after it.
            edit.Insert(sidecar, -1, "spec", "initContainers");
            return;
        }

        // First, but behind the proxies of a mesh that are first themselves.
        var place = pod.Object("spec").Objects("containers").TakeWhile(c => InjectionNames.MeshProxies.Contains(c.Text("name"))).Count();
        edit.Insert(sidecar, place, "spec", "containers");
    }

    private void ShareProcesses()
    {
        var spec = pod.Object("spec")!;
        if (options.WatchMemory && spec.Flag("shareProcessNamespace") is null && spec.Flag("hostPID") != true) edit.Set(true, "spec", "shareProcessNamespace");
    }

    private void WarnOfMeshes()
    {
        foreach (var name in pod.Object("spec").Objects("containers").Select(c => c.Text("name")).Where(n => InjectionNames.MeshProxies.Contains(n)))
        {
            Warnings.Add(
                $"{name} is an ordinary container: it gets its SIGTERM at the same time as the app and may stop before the drain is over; "
                + "run the mesh's proxy as a native sidecar, or let it wait at least as long as the drain");
        }
    }

    private void WarnOfServices()
    {
        foreach (var service in ports.Services)
        {
            foreach (var entry in service.Object("spec").Objects("ports"))
            {
                if (options.TakeNumber || PodPorts.Target(entry) is not long number || number != port.Number) continue;
                Warnings.Add($"Service {service.Object("metadata").Text("name") ?? "(no name)"} names port {number} by its number and bypasses the sidecar: set targetPort: {port.Name}");
            }
        }
    }

    private void Annotate()
    {
        var annotations = edit.Ensure("metadata", "annotations");
        if (!annotations.ContainsKey(InjectionNames.DefaultContainer)) edit.Set(port.ContainerName, "metadata", "annotations", InjectionNames.DefaultContainer);
        status["version"] = InjectionRequest.ProgramVersion;
        status["mode"] = native ? "native" : "plain";
        status["container"] = port.ContainerName;
        status["port"] = port.Name;
        status["app"] = appPort;
        status["listen"] = dataPort;
        status["admin"] = adminPort;
        if (keptHooks.Count > 0) status["preStop"] = keptHooks;
        status["undo"] = edit.Undo;
        annotations[InjectionNames.Status] = status.ToJsonString(StatusFormat);
    }

}
