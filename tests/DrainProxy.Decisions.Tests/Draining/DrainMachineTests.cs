using DrainProxy.Decisions.Draining;

namespace DrainProxy.Decisions.Tests.Draining;

public class DrainMachineTests
{
    /// <summary>Every pair of phase and event with the phase after it; a dot is "stays as it is".</summary>
    private const string Table = """
                  AppUp    AppDown  Terminate  LingerOver  TrafficGone  DrainDeadline  ConnectionsGone  ClosingDeadline  Cut
        Starting  Serving  .        Lingering  .           .            .              .                .                .
        Serving   .        Unready  Lingering  .           .            .              .                .                .
        Unready   Serving  .        Lingering  .           .            .              .                .                .
        Lingering .        .        .          Draining    .            Closing        .                .                Drained
        Draining  .        .        .          .           Closing      Closing        .                .                Drained
        Closing   .        .        .          .           .            .              Drained          Drained          Drained
        Drained   .        .        .          .           .            .              .                .                .
        """;

    private static readonly TimeSpan Before = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Now = TimeSpan.FromSeconds(17);

    [Fact]
    public void Every_pair_of_phase_and_event_leads_where_the_table_says()
    {
        var pairs = Rows().ToList();
        Assert.Equal(Enum.GetValues<Phase>().Length * Enum.GetValues<DrainEvent>().Length, pairs.Distinct().Count());

        var wrong = pairs
            .Select(pair => (pair.From, pair.Event, pair.To, Actual: Next(In(pair.From), pair.Event).Phase))
            .Where(pair => pair.Actual != pair.To);
        Assert.Empty(wrong);
    }

    [Fact]
    public void Since_changes_exactly_with_the_phase()
    {
        foreach (var (from, drainEvent, to) in Rows())
        {
            var before = In(from);
            var after = Next(before, drainEvent);
            if (from == to) Assert.Equal(before, after);
            else Assert.Equal(Now, after.Since);
        }
    }

    [Fact]
    public void Trigger_and_t0_are_set_by_the_first_terminate_and_kept_to_the_end()
    {
        var state = DrainMachine.Next(In(Phase.Serving), DrainEvent.Terminate, Trigger.Http, Now);
        Assert.Equal(new DrainState(Phase.Lingering, Now, Trigger.Http, Now), state);

        var later = Now;
        foreach (var drainEvent in (DrainEvent[])[DrainEvent.Terminate, DrainEvent.AppDown, DrainEvent.LingerOver, DrainEvent.Terminate,
            DrainEvent.TrafficGone, DrainEvent.AppUp, DrainEvent.ConnectionsGone, DrainEvent.Terminate])
        {
            later += TimeSpan.FromSeconds(1);
            state = DrainMachine.Next(state, drainEvent, Trigger.Sigterm, later);
            Assert.Equal(Trigger.Http, state.Trigger);
            Assert.Equal(Now, state.TerminatedAt);
            Assert.True(state.Terminating);
        }

        Assert.Equal(Phase.Drained, state.Phase);
    }

    [Theory]
    [InlineData(Phase.Starting, false)]
    [InlineData(Phase.Serving, false)]
    [InlineData(Phase.Unready, false)]
    [InlineData(Phase.Lingering, true)]
    [InlineData(Phase.Draining, true)]
    [InlineData(Phase.Closing, true)]
    [InlineData(Phase.Drained, true)]
    public void Terminating_from_t0_on(Phase phase, bool terminating) => Assert.Equal(terminating, new DrainState(phase, Before).Terminating);

    [Fact]
    public void Process_begins_in_Starting() => Assert.Equal(new DrainState(Phase.Starting, Now), DrainMachine.Initial(Now));

    [Fact]
    public void Terminate_without_a_trigger_is_a_mistake_of_the_caller() =>
        Assert.Throws<ArgumentNullException>(() => DrainMachine.Next(In(Phase.Serving), DrainEvent.Terminate, null, Now));

    private static DrainState Next(DrainState state, DrainEvent drainEvent) => DrainMachine.Next(state, drainEvent, Trigger.Command, Now);

    private static DrainState In(Phase phase) =>
        phase < Phase.Lingering ? new(phase, Before) : new(phase, Before, Trigger.Sigint, TimeSpan.FromSeconds(5));

    private static IEnumerable<(Phase From, DrainEvent Event, Phase To)> Rows()
    {
        var lines = Table.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToList();
        var events = lines[0].Select(Enum.Parse<DrainEvent>).ToList();
        foreach (var line in lines.Skip(1))
        {
            var from = Enum.Parse<Phase>(line[0]);
            for (var i = 0; i < events.Count; i++) yield return (from, events[i], line[i + 1] == "." ? from : Enum.Parse<Phase>(line[i + 1]));
        }
    }
}
