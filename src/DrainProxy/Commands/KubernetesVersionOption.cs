using System.CommandLine;
using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Commands;

/// <summary>`--kubernetes-version`, of the cluster that the manifests are for.</summary>
internal static class KubernetesVersionOption
{
    public static Option<string?> Create(string description)
    {
        var option = new Option<string?>("--kubernetes-version") { Description = description, HelpName = "VERSION" };
        option.Validators.Add(found =>
        {
            if (found.Tokens is [var token, ..] && KubernetesVersion.TryParse(token.Value) is null)
                found.AddError($"--kubernetes-version '{token.Value}' is no version such as 1.29");
        });
        return option;
    }

    public static KubernetesVersion Read(string? given) => given is null ? KubernetesVersion.Newest : KubernetesVersion.TryParse(given)!;
}
