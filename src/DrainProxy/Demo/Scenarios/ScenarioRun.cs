using DrainProxy.Demo.Load;
using DrainProxy.Demo.Results;

namespace DrainProxy.Demo.Scenarios;

/// <summary>Plays one scenario on two stages side by side; when one breaks, the other is stopped too.</summary>
internal static class ScenarioRun
{
    public static async Task<ScenarioResult> PlayBothAsync(
        Scenario scenario, DemoSettings settings, TimeProvider time, DemoView view, CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var bare = PlayAsync(Arm.BareApp);
        var behind = PlayAsync(Arm.BehindDrainProxy);
        Task both = Task.WhenAll(bare, behind);
        await both.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancel.ThrowIfCancellationRequested();

        // The first cause, not the cancellation that followed from it.
        if (both.Exception?.InnerExceptions.FirstOrDefault(e => e is not OperationCanceledException) is { } cause)
            throw cause is DemoFailedException ? cause : new DemoFailedException(cause.ToString());
        await both;
        return new ScenarioResult(scenario.Name, await bare, await behind);

        async Task<Outcome> PlayAsync(Arm arm)
        {
            var progress = new ArmProgress(scenario.Name, arm);
            view.Add(progress);
            await using var stage = new Stage(arm, scenario.AppIdleTimeout, scenario.AppMemoryLimit, settings, time, text => view.Say(progress, text));
            progress.Tally = stage.Tally;
            try
            {
                await scenario.PlayAsync(stage, either.Token);
                stage.CheckPods();
            }
            catch
            {
                await either.CancelAsync();
                throw;
            }

            view.Say(progress, "done");
            return stage.Tally.Snapshot();
        }
    }
}
