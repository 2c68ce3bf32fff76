using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Tests.Api;

/// <summary>One verb on one object; without a name on any of its kind.</summary>
internal sealed record Right(string Verb, string Resource, string Name);

/// <summary>Rights as RBAC sees them.</summary>
internal static class Rights
{
    /// <summary>Those of the Roles and ClusterRoles of a file under deploy/kustomize, one by one.</summary>
    public static HashSet<Right> Of(string file) =>
    [
        .. from role in Given.Manifests(File.ReadAllText(Path.Combine(Source.Root, "deploy/kustomize", file)))
           where role.Root.Text("kind") is "Role" or "ClusterRole"
           from rule in role.Root.Objects("rules")
           from resource in rule["resources"]!.AsArray()
           from verb in rule["verbs"]!.AsArray()
           from name in rule["resourceNames"]?.AsArray().Select(n => (string)n!) ?? [""]
           select new Right((string)verb!, $"{rule["apiGroups"]![0]}/{resource}", name),
    ];

    /// <summary>
    /// The right that a request needs (Kubernetes' page "Authorization", "Determine the request verb"): a list or watch is for one object when its field
    /// selector names it, and a create has no name.
    /// </summary>
    public static Right? Asked(string method, string path, string selector, bool watching)
    {
        string[] steps = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (group, rest) = steps is ["api", "v1", .. var core] ? ("", core) : steps is ["apis", var named, "v1", .. var others] ? (named, others) : ("", []);
        if (rest is ["namespaces", FakeApiServer.Space, .. var inside]) rest = inside;
        if (rest is not [var resource, .. var names] || names.Length > 1) return null;
        var name = names is [var one] ? one : selector.StartsWith("metadata.name=", StringComparison.Ordinal) ? selector["metadata.name=".Length..] : "";
        var verb = (method, names.Length) switch
        {
            ("GET", 1) => "get",
            ("GET", 0) => watching ? "watch" : "list",
            ("POST", 0) => "create",
            ("PUT", 1) => "update",
            ("PATCH", 1) => "patch",
            _ => "none",
        };
        return new(verb, $"{group}/{resource}", name);
    }
}
