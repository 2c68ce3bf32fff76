namespace DrainProxy.Bench.Peers;

internal static class PeerTable
{
    /// <summary>What ratios are taken to.</summary>
    public const string Reference = "haproxy";
    public const string Baseline = "baseline";

    /// <summary>All peers in the order of a round, or those asked for in the order given.</summary>
    public static IReadOnlyList<Peer> Select(Options options, string repository)
    {
        foreach (var folder in new[] { options.DrainProxy, options.Baseline }.OfType<string>().Where(folder => !File.Exists(Path.Combine(folder, "drainproxy"))))
        {
            throw new UsageException($"{folder} is no publish of DrainProxy: there is no drainproxy in it");
        }

        List<Peer> all =
        [
            new Nginx(),
            new HaProxy(),
            new Caddy(),
            new ConfigurableHttpProxy(repository),
            new BareYarp(),
            new DrainProxyPeer("drainproxy", options.DrainProxy),
        ];
        if (options.Baseline is not null)
        {
            all.Add(new DrainProxyPeer(Baseline, options.Baseline));
        }

        // Only where they are asked for: what watching the app's memory costs, with a limit that is far away, and without watching.
        List<Peer> more =
        [
            .. all,
            new DrainProxyPeer("drainproxy-limit", options.DrainProxy, "--memory-limit", "16Gi"),
            new DrainProxyPeer("drainproxy-unwatched", options.DrainProxy, "--memory-source", "none"),
        ];
        return options.Peers is null ? all : [.. options.Peers.Select(name => more.Find(peer => peer.Name == name) ?? throw new UsageException(
            name == Baseline ? "the peer baseline needs --baseline DIR" : $"unknown peer {name}"))];
    }
}
