using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Peers;

/// <summary>JupyterHub's proxy, pinned by bench/peers/package-lock.json.</summary>
internal sealed class ConfigurableHttpProxy(string repository) : Peer
{
    private static readonly Tool Node = new("node", "nodejs");
    private readonly string script = Path.Combine(repository, "bench/peers/node_modules/configurable-http-proxy/bin/configurable-http-proxy");

    public override string Name => "chp";

    public override string? Missing => Node.Missing
        ?? (File.Exists(script) ? null : "configurable-http-proxy is missing (npm package configurable-http-proxy: npm ci --prefix bench/peers)");

    public override async Task<string> Version() => $"configurable-http-proxy {await Node.FirstLine(script, "--version")}, node {await Node.FirstLine("--version")}";

    public override Launch Configure(Place place) => new Launch(
        Node.Path!, script, "--ip", "127.0.0.1", "--port", $"{place.Port}", "--api-ip", "127.0.0.1", "--api-port", $"{place.AdminPort}",
        "--default-target", $"http://127.0.0.1:{place.AppPort}", "--keep-alive-timeout", "300000", "--log-level", "error")
        .With("NODE_ENV", "production")
        .With("CONFIGPROXY_AUTH_TOKEN", "bench");
}
