using System.CommandLine;
using DrainProxy.Composition;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Commands;

/// <summary>`drainproxy webhook`: the server that puts the sidecar into pods while the cluster creates them.</summary>
internal static class WebhookCommand
{
    private const string DefaultListen = "0.0.0.0:9443";
    private static readonly string[] Shared = ["admin", "tls-cert", "tls-key", "log-level", "log-format"];
    private static readonly string[] Modes = ["files"];

    public static Command Create()
    {
        var command = new Command("webhook", "the mutating webhook server: puts the sidecar into pods while the cluster creates them");
        var listen = new Option<string?>("--listen") { Description = $"where the API server calls, over TLS [{DefaultListen}]", HelpName = "ADDR" };
        var tls = new Option<string?>("--tls") { Description = "where the certificate comes from: files (--tls-cert and --tls-key, reloaded on change)", HelpName = "MODE", Required = true };
        var image = new Option<string?>("--image") { Description = $"the sidecar's image, by digest if you like [{InjectionRequest.Default.Image}]", HelpName = "IMAGE" };
        command.Add(listen);
        command.Add(tls);
        var shared = SettingOptions.AddTo(command, row => Shared.Contains(row.Name));
        command.Add(image);
        command.SetAction((result, _) =>
        {
            var errors = new List<SettingError>();
            var mode = result.GetValue(tls)!;
            if (!Modes.Contains(mode)) errors.Add(new("tls", "command line", mode, "no such mode", string.Join(", ", Modes)));
            var given = shared.Read(result);
            if (!given.ContainsKey("tls-cert") && mode == "files") errors.Add(new("tls-cert", "default", null, "mode files needs it", "a readable PEM file"));
            var bound = Bind(given, result.GetValue(listen) ?? DefaultListen);
            if (bound.Settings is null || errors.Count > 0) return Task.FromResult(ConfigurationErrors.Print([.. errors, .. bound.Errors], bound.Warnings));
            return WebhookHost.RunAsync(new(bound.Settings, result.GetValue(image) ?? InjectionRequest.Default.Image));
        });
        return command;
    }

    /// <summary>By the rules of `run`: the same addresses, files and messages. Its environment is not ours; in a cluster it is full of names that Kubernetes makes for Services.</summary>
    private static BindResult Bind(Dictionary<string, IReadOnlyList<string>> given, string listen)
    {
        var secure = given.ContainsKey("tls-cert") || given.ContainsKey("tls-key");
        given["listen"] = [secure && !listen.StartsWith("https://", StringComparison.Ordinal) ? "https://" + listen : listen];
        // No app: nothing that could be one of the listeners.
        given["app"] = ["unix:/none"];
        return SettingsBinder.Bind(given, new Dictionary<string, string>());
    }
}
