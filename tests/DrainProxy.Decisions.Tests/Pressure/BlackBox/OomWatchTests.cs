using DrainProxy.Decisions.Pressure.BlackBox;
using static DrainProxy.Decisions.Tests.Pressure.BlackBox.Flight;

namespace DrainProxy.Decisions.Tests.Pressure.BlackBox;

public sealed class OomWatchTests
{
    private readonly Flight flight = new(1000 * MiB);

    [Fact]
    public void Kills_in_a_row_are_one_incident_told_when_they_have_ended()
    {
        Assert.Null(flight.Observe(100 * MiB));
        flight.Start("GET /export", 120 * MiB, 8);
        Assert.Null(flight.Observe(500 * MiB, 990 * MiB));
        flight.Kills = 1;
        Assert.Null(flight.Observe(600 * MiB, 600 * MiB));
        flight.Kills = 3;
        Assert.Null(flight.Observe(100 * MiB));
        var incident = Rest(60, 100 * MiB);
        Assert.Equal((3, OomEvidence.Counter, "GET /export", 8), (incident!.Kills, incident.Evidence, incident.Culprit!.Value.Route, incident.InFlight.Count));
        Assert.Null(Rest(500, 100 * MiB));
        Assert.Equal(0, flight.Watch.Concluded);
    }

    [Fact]
    public void Killing_without_end_is_told_after_a_while()
    {
        flight.Observe(990 * MiB);
        OomIncident? told = null;
        for (var i = 0; i < 250 && told is null; i++)
        {
            flight.Kills++;
            told = flight.Observe(990 * MiB);
        }

        Assert.InRange(told!.Kills, 200, 202);
    }

    [Fact]
    public void An_app_that_vanishes_at_its_limit_with_broken_exchanges_was_killed()
    {
        flight.Start("GET /export", 120 * MiB, 2);
        flight.Observe(500 * MiB, 950 * MiB);
        flight.Requests.Clear();
        flight.Broken = 2;
        flight.Observe(default(long?));
        var incident = Rest(60, null);
        Assert.Equal((1, OomEvidence.Vanished, 2), (incident!.Kills, incident.Evidence, incident.InFlight.Count));
        Assert.Equal(1, flight.Watch.Concluded);
        Assert.Null(Rest(500, null));
    }

    [Theory]
    // Far from the limit: a crash. Nothing broken: an app that was stopped in peace.
    [InlineData(500, 2)]
    [InlineData(990, 0)]
    public void A_crash_or_an_end_in_peace_is_no_kill(int used, int broken)
    {
        flight.Observe(used * MiB, used * MiB);
        flight.Broken = broken;
        Assert.Null(Rest(300, null));
        Assert.Equal(0, flight.Watch.Concluded);
    }

    [Fact]
    public void A_kill_that_was_counted_is_not_concluded_once_more_when_the_app_is_gone()
    {
        flight.Observe(990 * MiB, 995 * MiB);
        (flight.Kills, flight.Broken) = (1, 3);
        flight.Observe(995 * MiB);
        Assert.NotNull(Rest(60, null));
        Assert.Null(Rest(600, null));
        Assert.Equal(0, flight.Watch.Concluded);
    }

    [Fact]
    public void The_culprits_route_is_suspected_for_a_while_and_others_are_not()
    {
        flight.Start("GET /export", 120 * MiB);
        flight.Start("GET /light", 0);
        flight.Observe(500 * MiB, 990 * MiB);
        Assert.False(flight.Watch.IsSuspect("GET /export", flight.Now));
        flight.Kills = 1;
        flight.Observe(100 * MiB);
        Assert.True(flight.Watch.IsSuspect("GET /export", flight.Now));
        Assert.False(flight.Watch.IsSuspect("GET /light", flight.Now));
        Assert.True(flight.Watch.IsSuspect("GET /export", flight.Now + OomWatch.SuspectedFor));
        Assert.False(flight.Watch.IsSuspect("GET /export", flight.Now + OomWatch.SuspectedFor + Step));
    }

    private OomIncident? Rest(int readings, long? used)
    {
        OomIncident? found = null;
        for (var i = 0; i < readings; i++) found ??= flight.Observe(used);
        return found;
    }
}
