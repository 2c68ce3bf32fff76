using System.Collections.Concurrent;
using DrainProxy.Demo.Load;
using Spectre.Console;

namespace DrainProxy.Demo.Results;

/// <summary>What one arm is at, for whoever watches.</summary>
internal sealed class ArmProgress(string scenario, Arm arm)
{
    public string Scenario { get; } = scenario;

    public string ArmName { get; } = arm == Arm.BareApp ? "bare app" : "behind DrainProxy";

    public string Step { get; set; } = "";

    public Tally? Tally { get; set; }

    public Outcome Outcome => Tally?.Snapshot() ?? Outcome.None;
}

/// <summary>Progress while the demo runs: a live table on a terminal, one line per step elsewhere.</summary>
internal sealed class DemoView(TimeProvider time)
{
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(250);
    private readonly ConcurrentQueue<ArmProgress> _arms = new();
    private readonly bool _live = !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;
    private readonly long _started = time.GetTimestamp();

    public void Add(ArmProgress arm) => _arms.Enqueue(arm);

    public void Say(ArmProgress arm, string step)
    {
        arm.Step = step;
        if (!_live)
            Console.WriteLine($"{time.GetElapsedTime(_started).TotalSeconds,5:0.0} s  {arm.Scenario}, {arm.ArmName}: {step}");
    }

    /// <summary>Shows progress until <paramref name="work"/> has ended.</summary>
    public async Task WatchAsync(Task work)
    {
        if (_live)
            await AnsiConsole.Live(Draw()).AutoClear(true).StartAsync(context => DrawUntilAsync(context, work));
        await work;
    }

    private async Task DrawUntilAsync(LiveDisplayContext context, Task work)
    {
        while (!work.IsCompleted)
        {
            context.UpdateTarget(Draw());
            await Task.WhenAny(work, Task.Delay(Refresh, time));
        }
    }

    private Table Draw()
    {
        var table = new Table().RoundedBorder().Title($"drainproxy demo, {time.GetElapsedTime(_started).TotalSeconds:0} s")
            .AddColumns("scenario", "arm", "requests", "failed", "now");
        foreach (var arm in _arms)
        {
            var outcome = arm.Outcome;
            var failed = outcome.Failed == 0 ? "[green]0[/]" : $"[red]{outcome.Failed}[/]";
            table.AddRow(Markup.Escape(arm.Scenario), Markup.Escape(arm.ArmName), $"{outcome.Requests}", failed, Markup.Escape(arm.Step));
        }

        return table;
    }
}
