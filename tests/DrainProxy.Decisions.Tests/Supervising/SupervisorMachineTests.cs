using DrainProxy.Decisions.Supervising;

namespace DrainProxy.Decisions.Tests.Supervising;

public class SupervisorMachineTests
{
    /// <summary>Every pair of phase and event with the phase after it, for an app that can run twice; a dot is "stays as it is".</summary>
    private const string Table = """
                   Answered  Exited      NewExited  Changed     OldGone   PauseOver  Stop      AllGone
        Starting   Healthy   BackingOff  .          Restarting  .         .          Stopping  .
        Healthy    .         BackingOff  .          Replacing   .         .          Stopping  .
        Replacing  Retiring  Starting    Healthy    .           .         .          Stopping  .
        Retiring   .         BackingOff  .          .           Healthy   .          Stopping  .
        Restarting .         .           .          .           Starting  .          Stopping  .
        BackingOff .         .           .          Starting    .         Starting   Stopping  .
        Stopping   .         .           .          .           .         .          .         Stopped
        Stopped    .         .           .          .           .         .          .         .
        """;

    public static TheoryData<AppPhase, AppEvent, AppPhase> Pairs()
    {
        var data = new TheoryData<AppPhase, AppEvent, AppPhase>();
        var lines = Table.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToList();
        foreach (var line in lines.Skip(1))
        {
            var from = Enum.Parse<AppPhase>(line[0]);
            for (var i = 0; i < lines[0].Length; i++)
                data.Add(from, Enum.Parse<AppEvent>(lines[0][i]), line[i + 1] == "." ? from : Enum.Parse<AppPhase>(line[i + 1]));
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Every_pair_of_phase_and_event_leads_where_the_table_says(AppPhase from, AppEvent appEvent, AppPhase to) =>
        Assert.Equal(to, SupervisorMachine.Next(new(from, SideBySide: true), appEvent).Phase);

    [Theory]
    [MemberData(nameof(Pairs))]
    public void An_app_that_runs_once_differs_in_one_pair_only(AppPhase from, AppEvent appEvent, AppPhase to)
    {
        var expected = (from, appEvent) == (AppPhase.Healthy, AppEvent.Changed) ? AppPhase.Restarting : to;
        Assert.Equal(expected, SupervisorMachine.Next(new(from, SideBySide: false), appEvent).Phase);
    }

    [Fact]
    public void The_table_is_complete() => Assert.Equal(Enum.GetValues<AppPhase>().Length * Enum.GetValues<AppEvent>().Length, Pairs().Count);

    [Fact]
    public void A_change_while_an_old_side_goes_is_due_once_it_is_gone()
    {
        var state = SupervisorMachine.Next(new(AppPhase.Retiring, SideBySide: true), AppEvent.Changed);
        Assert.Equal(new(AppPhase.Retiring, SideBySide: true, Stale: true), state);
        Assert.Equal(state, SupervisorMachine.Next(state, AppEvent.Changed));
        Assert.Equal(new(AppPhase.Replacing, SideBySide: true), SupervisorMachine.Next(state, AppEvent.OldGone));
    }

    [Theory]
    [InlineData(AppEvent.Exited)]
    [InlineData(AppEvent.Stop)]
    public void What_starts_anew_anyway_forgets_the_change(AppEvent appEvent) =>
        Assert.False(SupervisorMachine.Next(new(AppPhase.Retiring, SideBySide: true, Stale: true), appEvent).Stale);

    [Fact]
    public void Process_begins_in_Starting() => Assert.Equal(new(AppPhase.Starting, SideBySide: false), SupervisorMachine.Initial(sideBySide: false));

    [Theory]
    [InlineData(AppPhase.BackingOff, false)]
    [InlineData(AppPhase.Stopping, true)]
    [InlineData(AppPhase.Stopped, true)]
    public void Ending_from_the_stop_on(AppPhase phase, bool ending) => Assert.Equal(ending, new AppState(phase, SideBySide: true).Ending);
}
