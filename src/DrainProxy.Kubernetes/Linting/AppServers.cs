using System.Globalization;
using System.Text.RegularExpressions;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Linting;

/// <summary>What a container's image, command, environment and mounted ConfigMaps tell of its app server.</summary>
/// <param name="Name">As users call it.</param>
/// <param name="Idle">Seconds after which it closes an idle connection.</param>
/// <param name="Evidence">The field that says so.</param>
/// <param name="Setting">How its idle timeout is set.</param>
/// <param name="IsDefault">Nobody has set it.</param>
internal sealed record AppServer(string Name, double Idle, Field Evidence, string Setting, bool IsDefault);

/// <summary>Knows the servers of facts.md. A guess from a name is told as one: only the server's defaults are known, not the app's code.</summary>
internal static partial class AppServers
{
    /// <summary>Pattern in image or command, name, default idle timeout in seconds, the pattern that sets it, how to set it.</summary>
    private static readonly (Regex Seen, string Name, double Idle, Regex? Set, string Setting)[] Known =
    [
        (Gunicorn(), "gunicorn", 2, GunicornSet(), "gunicorn --keep-alive"),
        (Uvicorn(), "uvicorn", 5, UvicornSet(), "uvicorn --timeout-keep-alive"),
        (Hypercorn(), "hypercorn", 5, HypercornSet(), "hypercorn --keep-alive"),
        (Puma(), "puma", 20, PumaSet(), "persistent_timeout in puma's configuration"),
        (Httpd(), "Apache httpd", 5, HttpdSet(), "KeepAliveTimeout"),
        (Nginx(), "nginx", 75, NginxSet(), "keepalive_timeout"),
        (Tomcat(), "Tomcat", 20, TomcatSet(), "keepAliveTimeout of its Connector"),
        (Jetty(), "Jetty", 30, JettySet(), "jetty.http.idleTimeout"),
        (Node(), "Node", 5, NodeSet(), "server.keepAliveTimeout in the app's code"),
    ];

    /// <summary>The server of a container; null when none is known by name.</summary>
    public static AppServer? Of(Field container, Workload workload, LintModel model)
    {
        var words = Words(container).ToList();
        var settings = words.Concat(MountedFiles(container, workload, model)).ToList();
        foreach (var (seen, name, idle, set, setting) in Known)
        {
            if (words.Where(w => w.Text is { } text && seen.IsMatch(text)).Select(w => (Field?)w).FirstOrDefault() is not { } evidence) continue;
            foreach (var field in settings)
            {
                if (field.Text is { } text && set?.Match(text) is { Success: true } match)
                    return new(name, Seconds(name, match.Groups[1].Value), field, setting, false);
            }

            // KEEP_ALIVE_TIMEOUT and its kin: somebody has thought of it, in a unit and at a place that only the code knows.
            if (container["env"].Items.Any(e => e["name"].Text is { } variable && KeepAliveVariable().IsMatch(variable))) return null;
            return new(name, idle, evidence, setting, true);
        }

        return null;
    }

    /// <summary>Processes and threads of each, where both can be read; threads of an event loop count as one each.</summary>
    public static (long Workers, long Threads, Field Evidence)? Concurrency(Field container, Workload workload, LintModel model)
    {
        var words = Words(container).ToList();
        var files = MountedFiles(container, workload, model).ToList();
        var command = string.Join(' ', words.Where(w => w.Path.Steps is [.., { Key: null }]).Select(w => w.Text));
        var workers = Variable("WEB_CONCURRENCY", "PUMA_WORKERS", "UNICORN_WORKERS", "GUNICORN_WORKERS") ?? Match(WorkersOption()) ?? InFiles(WorkersFile());
        var threads = Variable("RAILS_MAX_THREADS", "PUMA_MAX_THREADS", "MAX_THREADS", "PUMA_THREADS", "GUNICORN_THREADS") ?? Match(ThreadsOption()) ?? InFiles(ThreadsFile());
        if (workers is null && threads is null) return null;
        return (Math.Max(1, workers?.Value ?? 1), Math.Max(1, threads?.Value ?? 1), (threads ?? workers)!.Value.Field);

        (long Value, Field Field)? Variable(params string[] names) => container["env"].Items.Where(e => names.Contains(e["name"].Text) && Number(e["value"].Text) is not null)
            .Select(e => ((long, Field)?)(Number(e["value"].Text)!.Value, e["value"])).FirstOrDefault();

        (long Value, Field Field)? Match(Regex option) => option.Match(command) is { Success: true } m && Number(m.Groups[1].Value) is { } n
            ? (n, container["args"].Exists ? container["args"] : container["command"])
            : null;

        (long Value, Field Field)? InFiles(Regex setting) => files.Where(f => setting.IsMatch(f.Text!))
            .Select(f => ((long, Field)?)(Number(setting.Match(f.Text!).Groups[1].Value) ?? 1, f)).FirstOrDefault();
    }

    private static long? Number(string? text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and < 1_000_000 ? number : null;

    private static double Seconds(string server, string text)
    {
        var seconds = double.Parse(text, CultureInfo.InvariantCulture);
        // Tomcat, Jetty and Node are told in milliseconds.
        return server is "Tomcat" or "Jetty" or "Node" ? seconds / 1000 : seconds;
    }

    private static IEnumerable<Field> Words(Field container) =>
        new[] { container["image"] }.Concat(container["command"].Items).Concat(container["args"].Items).Concat(container["env"].Items.Select(e => e["value"]));

    /// <summary>The texts of ConfigMaps that the pod mounts or takes its environment from.</summary>
    private static IEnumerable<Field> MountedFiles(Field container, Workload workload, LintModel model)
    {
        var mounted = container["volumeMounts"].Items.Select(m => m["name"].Text).ToHashSet();
        var names = workload.Spec["volumes"].Items.Where(v => mounted.Contains(v["name"].Text)).Select(v => v.To("configMap.name").Text)
            .Concat(container["envFrom"].Items.Select(e => e.To("configMapRef.name").Text)).OfType<string>().ToHashSet();
        return model.Of("ConfigMap", "").Where(c => c.Object.Namespace == workload.Object.Namespace && names.Contains(c.Object.Name))
            .SelectMany(c => (c["data"].Json ?? []).Select(pair => c["data"][pair.Key])).Where(f => f.Text is not null);
    }

    [GeneratedRegex("KEEP_?ALIVE", RegexOptions.IgnoreCase)]
    private static partial Regex KeepAliveVariable();

    [GeneratedRegex(@"(^|[/\s])gunicorn\b")]
    private static partial Regex Gunicorn();

    [GeneratedRegex(@"--keep-alive[ =]?(\d+)|^\s*keepalive\s*=\s*(?<1>\d+)", RegexOptions.Multiline)]
    private static partial Regex GunicornSet();

    [GeneratedRegex(@"(^|[/\s])uvicorn\b")]
    private static partial Regex Uvicorn();

    [GeneratedRegex(@"--timeout-keep-alive[ =]?(\d+)")]
    private static partial Regex UvicornSet();

    [GeneratedRegex(@"(^|[/\s])hypercorn\b")]
    private static partial Regex Hypercorn();

    [GeneratedRegex(@"--keep-alive[ =]?(\d+)")]
    private static partial Regex HypercornSet();

    [GeneratedRegex(@"(^|[/\s])(puma|rails s(erver)?)\b")]
    private static partial Regex Puma();

    [GeneratedRegex(@"^\s*persistent_timeout[ (]+(\d+)", RegexOptions.Multiline)]
    private static partial Regex PumaSet();

    [GeneratedRegex(@"(^|/)(httpd|apache2?)([:@]|$)|\b(httpd-foreground|apache2ctl)\b")]
    private static partial Regex Httpd();

    [GeneratedRegex(@"^\s*KeepAliveTimeout\s+(\d+)", RegexOptions.Multiline)]
    private static partial Regex HttpdSet();

    [GeneratedRegex(@"(^|/)(nginx|nginx-unprivileged|openresty)([:@]|$)")]
    private static partial Regex Nginx();

    [GeneratedRegex(@"^\s*keepalive_timeout\s+(\d+)", RegexOptions.Multiline)]
    private static partial Regex NginxSet();

    [GeneratedRegex(@"(^|/)tomcat([:@]|$)|\bcatalina\.sh\b")]
    private static partial Regex Tomcat();

    [GeneratedRegex(@"keepAliveTimeout=""(\d+)""")]
    private static partial Regex TomcatSet();

    [GeneratedRegex(@"(^|/)jetty([:@]|$)")]
    private static partial Regex Jetty();

    [GeneratedRegex(@"jetty\.http\.idleTimeout=(\d+)")]
    private static partial Regex JettySet();

    [GeneratedRegex(@"(^|/)node([:@]|$)|^(npm|yarn|pnpm)$")]
    private static partial Regex Node();

    [GeneratedRegex(@"keepAliveTimeout[ =:]+(\d+)")]
    private static partial Regex NodeSet();

    [GeneratedRegex(@"(?:^|\s)(?:-w|--workers)[ =]?(\d+)")]
    private static partial Regex WorkersOption();

    [GeneratedRegex(@"(?:^|\s)(?:-t[ =]?\d+:|--threads[ =]?(?:\d+:)?)(\d+)")]
    private static partial Regex ThreadsOption();

    [GeneratedRegex(@"^\s*(?:workers|worker_processes)[ =(]+(\d+)", RegexOptions.Multiline)]
    private static partial Regex WorkersFile();

    [GeneratedRegex(@"^\s*threads[ =(]+(?:\d+\s*,\s*)?(\d+)", RegexOptions.Multiline)]
    private static partial Regex ThreadsFile();
}
