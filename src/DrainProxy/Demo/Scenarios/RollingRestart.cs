using DrainProxy.Demo.Load;

namespace DrainProxy.Demo.Scenarios;

/// <summary>A deploy: each of two pods is replaced, a new one started first, under steady load.</summary>
internal sealed class RollingRestart : Scenario
{
    private const int Clients = 30;
    private const double RequestsPerSecond = 150;
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(3.5);
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(1);

    /// <summary>Both arms are loaded this long, or their counts could not be compared: the bare app is gone sooner than a drained pod.</summary>
    private static readonly TimeSpan AtLeast = TimeSpan.FromSeconds(14);

    public override string Name => "rolling restart";

    public override TimeSpan AppIdleTimeout => TimeSpan.FromSeconds(5);

    public override async Task PlayAsync(Stage stage, CancellationToken cancel)
    {
        var old = await Task.WhenAll(stage.StartPodAsync("pod 1", cancel), stage.StartPodAsync("pod 2", cancel));
        stage.Say($"load: {RequestsPerSecond:0} requests a second");
        var load = new SteadyLoad(Clients, RequestsPerSecond, stage.Port, stage.Tally, stage.Settings, stage.Time);
        await load.DuringAsync(
            async () =>
            {
                var started = stage.Time.GetTimestamp();
                await Task.Delay(Before, stage.Time, cancel);
                await stage.StartPodAsync("pod 3", cancel);
                var first = stage.TerminatePodAsync(old[0], cancel);
                await Task.Delay(Between, stage.Time, cancel);
                await stage.StartPodAsync("pod 4", cancel);
                await Task.WhenAll(first, stage.TerminatePodAsync(old[1], cancel));
                var rest = AtLeast - stage.Time.GetElapsedTime(started);
                await Task.Delay(rest > Afterwards ? rest : Afterwards, stage.Time, cancel);
            },
            cancel);
    }
}
