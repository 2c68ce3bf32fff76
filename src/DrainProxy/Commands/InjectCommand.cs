using System.CommandLine;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;
using DrainProxy.Proxy.Settings;

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
        var notice = NodeNoticeOption.Create();
        command.Add(notice);
        command.SetAction(result =>
        {
            var errors = new List<SettingError>();
            var request = InjectionRequest.Default with
            {
                Version = KubernetesVersionOption.Read(result.GetValue(version)),
                Image = result.GetValue(image) ?? InjectionRequest.Default.Image,
                NodeNotice = NodeNoticeOption.Read(result.GetValue(notice), errors),
            };
            return errors.Count > 0 ? ConfigurationErrors.Print(errors, []) : Change(manifests.Read(result), injection => injection.Inject(request));
        });
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
