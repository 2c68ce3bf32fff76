using DrainProxy.Demo.Load;

namespace DrainProxy.Demo.Scenarios;

/// <summary>
/// The app of one of two pods is killed without a word and restarted, as after an OOM kill. GETs only: of a POST that was in the app's hands when
/// it died nobody can know whether it was executed, so that nobody may send it again.
/// </summary>
internal sealed class AppCrash : Scenario
{
    private const int Clients = 30;
    private const double RequestsPerSecond = 150;
    private static readonly TimeSpan Before = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Gone = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Afterwards = TimeSpan.FromSeconds(2);

    public override string Name => "app crash";

    public override TimeSpan AppIdleTimeout => TimeSpan.FromSeconds(5);

    public override async Task PlayAsync(Stage stage, CancellationToken cancel)
    {
        var pods = await Task.WhenAll(stage.StartPodAsync("pod 1", cancel), stage.StartPodAsync("pod 2", cancel));
        stage.Say($"load: {RequestsPerSecond:0} GETs a second");
        var load = new SteadyLoad(Clients, RequestsPerSecond, stage.Port, stage.Tally, stage.Settings, stage.Time, readOnly: true);
        await load.DuringAsync(
            async () =>
            {
                await Task.Delay(Before, stage.Time, cancel);
                stage.Say("the app of pod 1 is killed");
                await pods[0].CrashAsync(Gone, cancel);
                stage.Say("the app of pod 1 is back");
                await Task.Delay(Afterwards, stage.Time, cancel);
            },
            cancel);
    }
}
