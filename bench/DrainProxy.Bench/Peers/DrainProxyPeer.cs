using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Peers;

/// <summary>DrainProxy with its defaults: metrics on, no access log. Without a folder, this tree is published.</summary>
internal sealed class DrainProxyPeer(string name, string? published, params string[] more) : Peer
{
    private readonly bool given = published is not null;
    private string? folder = published;

    public override string Name => name;

    public override string? Missing => null;

    public override Task<string> Version() => Task.FromResult(given ? $".NET {Environment.Version}, published {Path.GetFileName(folder)}" : $".NET {Environment.Version}, this tree");

    public override async Task<string?> Prepare(Workplace workplace)
    {
        if (folder is not null)
        {
            return null;
        }

        folder = Path.Combine(workplace.Temporary, "drainproxy");
        return await Publishing.Publish(workplace, "src/DrainProxy", folder);
    }

    public override Launch Configure(Place place) => new(
        Path.Combine(folder!, "drainproxy"), ["run", "--listen", $"127.0.0.1:{place.Port}", "--app", $"http://127.0.0.1:{place.AppPort}", "--admin", $"127.0.0.1:{place.AdminPort}", .. more])
    {
        StopAtOnce = true,
    };

    public override (int Port, string Path) Ready(Place place) => (place.AdminPort, "/readyz");

    public override (int Port, string Path)? Metrics(Place place) => (place.AdminPort, "/metrics");

    public override bool SpeaksHttp2 => true;

    public override string RequestCounter => "drainproxy_requests_total";
}
