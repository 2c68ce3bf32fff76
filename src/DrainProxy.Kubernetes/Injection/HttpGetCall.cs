using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Decisions.Framing;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>A container's httpGet hook as text for DRAINPROXY_APP_PRESTOP: the URL, then its header fields line by line.</summary>
internal static class HttpGetCall
{
    /// <summary>The text, or why nobody but the kubelet could call it.</summary>
    public static (string? Call, string? Problem) Of(JsonObject container)
    {
        var get = container.Object("lifecycle").Object("preStop").Object("httpGet")!;
        if (get.Text("host") is { Length: > 0 } host) return (null, $"it goes to the host {host}");
        if (Port(container, get["port"]) is not { } port) return (null, $"its port {get["port"]?.ToJsonString() ?? "is missing and"} is no port of the container");
        var call = new StringBuilder(get.Text("scheme") == "HTTPS" ? "https" : "http").Append($"://127.0.0.1:{port}").Append(Path(get.Text("path") ?? ""));
        foreach (var field in get.Objects("httpHeaders"))
        {
            var (name, value) = (field.Text("name") ?? "", field.Text("value") ?? "");
            if (!FieldChars.IsName(name) || value.Any(char.IsControl))
                return (null, "one of its header fields cannot be sent");
            call.Append('\n').Append(name).Append(": ").Append(value);
        }

        // Kubernetes replaces $(NAME) in the environment, and not in hooks.
        return (call.Replace("$(", "$$(").ToString(), null);
    }

    /// <summary>A number, a number as text, or a name among the container's own ports: as the kubelet resolves it.</summary>
    private static long? Port(JsonObject container, JsonNode? port) => port.AsText() is { } text
        ? container.Objects("ports").FirstOrDefault(p => p.Text("name") == text).Whole("containerPort") ?? PodPorts.Number(text)
        : port.AsWhole() is >= 1 and <= 65535 and var number ? number : null;

    /// <summary>With its query; what cannot stand in a URL is escaped, what is escaped stays.</summary>
    private static string Path(string path)
    {
        var text = new StringBuilder(path.StartsWith('/') ? "" : "/");
        foreach (var rune in path.EnumerateRunes())
        {
            if (rune.Value is > ' ' and < 0x7f && rune.Value is not '#' and not '\\' and not '"' and not '<' and not '>') text.Append((char)rune.Value);
            else text.Append(Uri.EscapeDataString(rune.ToString()));
        }

        return text.ToString();
    }
}
