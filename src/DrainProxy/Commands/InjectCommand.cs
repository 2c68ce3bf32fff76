using System.CommandLine;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Commands;

/// <summary>`drainproxy inject` and `drainproxy uninject`: manifests in, manifests out; what was skipped is told on standard error.</summary>
internal static class InjectCommand
{
    public static Command Create()
    {
        var command = new Command("inject", "adds the sidecar to manifests and prints the result");
        var manifests = ManifestArguments.AddTo(command);
        var version = KubernetesVersionOption.Create("of the cluster; from 1.29 on the sidecar is a native one [newest]");
        var image = new Option<string?>("--image") { Description = $"the sidecar's image, by digest if you like [{InjectionRequest.Default.Image}]", HelpName = "IMAGE" };
        command.Add(version);
        command.Add(image);
        command.SetAction(result => Change(manifests.Read(result), injection => injection.Inject(InjectionRequest.Default with
        {
            Version = KubernetesVersionOption.Read(result.GetValue(version)),
            Image = result.GetValue(image) ?? InjectionRequest.Default.Image,
        })));
        return command;
    }

    public static Command CreateInverse()
    {
        var command = new Command("uninject", "takes the sidecar out of manifests and prints the result");
        var manifests = ManifestArguments.AddTo(command);
        command.SetAction(result => Change(manifests.Read(result), injection => injection.Uninject()));
        return command;
    }

    private static int Change(List<Manifest>? manifests, Action<ManifestInjection> change)
    {
        if (manifests is null) return ExitCodes.Usage;
        var injection = new ManifestInjection(manifests);
        change(injection);
        foreach (var note in injection.Notes) Console.Error.WriteLine(note);
        using var output = new StreamWriter(Console.OpenStandardOutput());
        output.Write(ManifestWriter.Write(manifests));
        return ExitCodes.Ok;
    }
}
