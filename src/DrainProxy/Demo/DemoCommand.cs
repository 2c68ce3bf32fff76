using DrainProxy.Demo.Results;
using DrainProxy.Demo.Scenarios;

namespace DrainProxy.Demo;

/// <summary>
/// `drainproxy demo`: each scenario is played twice at the same time, against the bare app and behind DrainProxy, with real processes and real
/// signals; what counts is what the clients saw.
/// </summary>
internal static class DemoCommand
{
    private const int Failed = 1;
    private const int WrongCommandLine = 2;
    private const int Interrupted = 130;

    /// <param name="jsonFile">Where the table is written to as data; null: nowhere.</param>
    /// <param name="cancel">Ctrl-C: every child process is gone when this returns.</param>
    public static async Task<int> RunAsync(string? jsonFile, CancellationToken cancel)
    {
        ResultFile? file = null;
        try
        {
            file = jsonFile is null ? null : ResultFile.Prepare(jsonFile);
        }
        catch (DemoFailedException e)
        {
            await Console.Error.WriteLineAsync($"drainproxy: {e.Message}");
            return WrongCommandLine;
        }

        try
        {
            var result = await PlayAllAsync(new DemoSettings(), TimeProvider.System, cancel);
            Print(result);
            file?.Write(result);
            return result.ExitCode;
        }
        catch (DemoFailedException e)
        {
            await Console.Error.WriteLineAsync($"the demo failed: {e.Message}");
            return Failed;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("interrupted; every process of the demo has been stopped");
            return Interrupted;
        }
    }

    private static async Task<DemoResult> PlayAllAsync(DemoSettings settings, TimeProvider time, CancellationToken cancel)
    {
        Console.WriteLine(
            $"Two pods behind a load balancer ({settings.PoolIdle.TotalSeconds:0} s keep-alive pool, no retries, hears of a terminating pod "
            + $"{settings.RemovalLag.TotalSeconds:0} s late), with the bare app and behind DrainProxy at the same time.");
        var started = time.GetTimestamp();
        var view = new DemoView(time);
        var rows = new List<ScenarioResult>();
        await view.WatchAsync(PlayAsync());
        return new DemoResult(rows, time.GetElapsedTime(started));

        async Task PlayAsync()
        {
            foreach (var scenario in Scenario.All)
                rows.Add(await ScenarioRun.PlayBothAsync(scenario, settings, time, view, cancel));
        }
    }

    private static void Print(DemoResult result)
    {
        Console.WriteLine();
        Console.WriteLine(ResultTable.Render(result));
        Console.WriteLine(ResultTable.RenderFailures(result));
        Console.WriteLine(result.Verdict);
    }
}
