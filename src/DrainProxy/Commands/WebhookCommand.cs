using System.CommandLine;
using System.Text.RegularExpressions;
using DrainProxy.Composition;
using DrainProxy.Kubernetes.Api;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Webhook.Certificates;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Commands;

/// <summary>`drainproxy webhook`: the server that puts the sidecar into pods while the cluster creates them.</summary>
internal static partial class WebhookCommand
{
    private const string DefaultSecret = "drainproxy-webhook-tls";
    private const string DefaultLease = "drainproxy-webhook";
    private const string DefaultConfiguration = "drainproxy";
    private const string NameRange = "lower-case letters, digits, - and ., 1 to 253 characters";
    private const string DefaultListen = "0.0.0.0:9443";
    private static readonly string[] Shared = ["admin", "tls-cert", "tls-key", "log-level", "log-format"];
    private static readonly string[] Modes = ["self", "cert-manager", "files"];

    public static Command Create()
    {
        var command = new Command("webhook", "the mutating webhook server: puts the sidecar into pods while the cluster creates them");
        var listen = new Option<string?>("--listen") { Description = $"where the API server calls, over TLS [{DefaultListen}]", HelpName = "ADDR" };
        var tls = new Option<string?>("--tls")
        {
            Description = "where the certificate comes from: self (made and renewed by one of the replicas), cert-manager (its Secret), files (--tls-cert and --tls-key, reloaded on change) [self]",
            HelpName = "MODE",
        };
        var space = Name("--namespace", "of Secret and Lease", "this pod's");
        var secret = Name("--secret", "Secret with the certificate", DefaultSecret);
        var lease = Name("--lease", "Lease that says which replica looks after the certificate", DefaultLease);
        var configuration = Name("--webhook-configuration", "MutatingWebhookConfiguration that calls this server", DefaultConfiguration);
        var account = new Option<string?>("--service-account-dir") { Description = $"token, ca.crt and namespace of the pod's service account [{ServiceAccount.DefaultFolder}]", HelpName = "DIR" };
        var image = new Option<string?>("--image") { Description = $"the sidecar's image, by digest if you like [{InjectionRequest.Default.Image}]", HelpName = "IMAGE" };
        command.Add(listen);
        command.Add(tls);
        var shared = SettingOptions.AddTo(command, row => Shared.Contains(row.Name));
        command.Add(image);
        var notice = NodeNoticeOption.Create();
        command.Add(notice);
        foreach (var option in new[] { space, secret, lease, configuration, account }) command.Add(option);
        command.SetAction((result, _) =>
        {
            var errors = new List<SettingError>();
            var mode = result.GetValue(tls) ?? Modes[0];
            if (!Modes.Contains(mode)) errors.Add(new("tls", "command line", mode, "no such mode", string.Join(", ", Modes)));
            var given = shared.Read(result);
            if (!given.ContainsKey("tls-cert") && mode == "files") errors.Add(new("tls-cert", "default", null, "mode files needs it", "a readable PEM file"));
            var pod = new ServiceAccount(result.GetValue(account) ?? ServiceAccount.DefaultFolder, TimeProvider.System);
            var server = Server();
            var names = new ClusterNames(
                result.GetValue(space) ?? pod.Namespace ?? "", result.GetValue(secret) ?? DefaultSecret, result.GetValue(lease) ?? DefaultLease, result.GetValue(configuration) ?? DefaultConfiguration);
            var nodeNotice = NodeNoticeOption.Read(result.GetValue(notice), errors);
            if (mode != "files") errors.AddRange(OutsideACluster(names, server));
            foreach (var option in new[] { space, secret, lease, configuration })
            {
                if (result.GetValue(option) is { } name && !ObjectName().IsMatch(name)) errors.Add(new(option.Name[2..], "command line", name, "no name of an object", NameRange));
            }

            var bound = Bind(given, result.GetValue(listen) ?? DefaultListen);
            if (bound.Settings is null || errors.Count > 0) return Task.FromResult(ConfigurationErrors.Print([.. errors, .. bound.Errors], bound.Warnings));
            return WebhookHost.RunAsync(new(bound.Settings, result.GetValue(image) ?? InjectionRequest.Default.Image, nodeNotice, mode, names, server, pod));
        });
        return command;
    }

    private static Option<string?> Name(string option, string meaning, string preset) => new(option) { Description = $"{meaning} [{preset}]", HelpName = "NAME" };

    /// <summary>As Kubernetes tells every pod; null elsewhere.</summary>
    private static Uri? Server()
    {
        var (host, port) = (Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST"), Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_PORT"));
        if (string.IsNullOrEmpty(host)) return null;
        if (host.Contains(':', StringComparison.Ordinal) && !host.StartsWith('[')) host = $"[{host}]";
        return Uri.TryCreate($"https://{host}:{(string.IsNullOrEmpty(port) ? "443" : port)}", UriKind.Absolute, out var server) ? server : null;
    }

    private static IEnumerable<SettingError> OutsideACluster(ClusterNames names, Uri? server)
    {
        if (server is null) yield return new("tls", "default", null, "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT name no API server: this is no pod", "files outside a cluster");
        if (names.Namespace.Length == 0) yield return new("namespace", "default", null, "the service account does not say which", NameRange);
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

    /// <summary>It goes into the path of calls: nothing but a name may stand there.</summary>
    [GeneratedRegex(@"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\z")]
    private static partial Regex ObjectName();
}
