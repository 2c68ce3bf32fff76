using DrainProxy.Demo.Load;

namespace DrainProxy.Demo.Scenarios;

/// <summary>
/// An export that takes memory is asked for by many at once, beside the usual requests: together they need half as much again as the apps may take. The bare
/// app is killed with everything that it had in its hands; DrainProxy lets in as many as fit.
/// </summary>
internal sealed class MemorySpike : Scenario
{
    private const int Clients = 20;
    private const double RequestsPerSecond = 100;
    private const int Exports = 16;
    private const long MiB = 1 << 20;

    /// <summary>Larger than what malloc takes from its heap (32 MiB, M_MMAP_THRESHOLD_MAX of glibc), so that it is given back when it is freed.</summary>
    private const int MegabytesOfAnExport = 48;
    private const int MillisecondsOfAnExport = 400;
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(1);

    /// <summary>Both arms are loaded this long, or their counts could not be compared: the bare app loses its exports at once.</summary>
    private static readonly TimeSpan AtLeast = TimeSpan.FromSeconds(5);

    public override string Name => "memory spike";

    public override TimeSpan AppIdleTimeout => TimeSpan.FromSeconds(5);

    /// <summary>Four exports beside what the app itself takes (some 20 MiB).</summary>
    public override long? AppMemoryLimit => 260 * MiB;

    public override async Task PlayAsync(Stage stage, CancellationToken cancel)
    {
        await Task.WhenAll(stage.StartPodAsync("pod 1", cancel), stage.StartPodAsync("pod 2", cancel));
        stage.Say($"load: {RequestsPerSecond:0} GETs a second");
        var load = new SteadyLoad(Clients, RequestsPerSecond, stage.Port, stage.Tally, stage.Settings, stage.Time, readOnly: true);
        await load.DuringAsync(
            async () =>
            {
                var started = stage.Time.GetTimestamp();
                await Task.Delay(Before, stage.Time, cancel);
                stage.Say($"{Exports} exports of {MegabytesOfAnExport} MiB at once");
                await Task.WhenAll(Enumerable.Range(0, Exports).Select(n => ExportAsync(stage, n, cancel)));
                stage.Say("the exports are over");
                var rest = AtLeast - stage.Time.GetElapsedTime(started);
                await Task.Delay(rest > Afterwards ? rest : Afterwards, stage.Time, cancel);
            },
            cancel);
    }

    private static async Task ExportAsync(Stage stage, int number, CancellationToken cancel)
    {
        using var client = new LoadClient(stage.Port, stage.Tally, stage.Settings.ClientTimeout, stage.Time);
        await client.GetAsync($"/export?mb={MegabytesOfAnExport}&work={MillisecondsOfAnExport}&n={number}", cancel);
    }
}
