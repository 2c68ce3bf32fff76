namespace DrainProxy.Bench.Attacks;

internal static class AttackTable
{
    public static readonly IReadOnlyList<Attack> All =
    [
        new SlowHeaders(500),
        new SlowBodies(500),
        new SlowReaders(200),
        new HeldConnections(4000),
        new ConnectionChurn(500),
        new RefusedRequests(200),
        new BigHeaders(100),
        new SlowHandshakes(500),
        new TinyChunks(20),
        new UnreadPipelines(20),
        new FrameFlood("h2-ping", FrameFlood.Ping),
        new FrameFlood("h2-settings", FrameFlood.Settings),
        new FrameFlood("h2-empty-data", FrameFlood.EmptyData),
        new FrameFlood("h2-continuation", FrameFlood.EmptyContinuation),
        new FrameFlood("h2-rapid-reset", FrameFlood.RapidReset),
        new FrameFlood("h2-small-data", FrameFlood.SmallData),
        new FrameFlood("h2-window-update", FrameFlood.WindowUpdate),
        new HeaderBombs(20),
        new ZeroWindows(50),
    ];

    /// <summary>All, or those named.</summary>
    public static IReadOnlyList<Attack> Select(IReadOnlyList<string> names) => names.Count == 0
        ? All
        : [.. names.Select(name => All.FirstOrDefault(attack => attack.Name == name)
            ?? throw new UsageException($"unknown attack {name}: {string.Join(", ", All.Select(attack => attack.Name))}"))];
}
