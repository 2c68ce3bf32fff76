using DrainProxy.Decisions.Pressure.BlackBox;
using static DrainProxy.Decisions.Tests.Pressure.BlackBox.Flight;

namespace DrainProxy.Decisions.Tests.Pressure.BlackBox;

public sealed class FlightRecorderTests
{
    private readonly Flight flight = new(1000 * MiB);

    [Fact]
    public void Growth_goes_to_who_was_expected_to_take_it()
    {
        flight.Record(100 * MiB);
        flight.Start("GET /export", 120 * MiB, 3);
        flight.Start("GET /light", 0, 5);
        flight.Record(300 * MiB, 600 * MiB, 950 * MiB);

        var incident = flight.Recorder.Incident(flight.Now + Step, 1, OomEvidence.Counter);
        Assert.Equal("GET /export", incident.Culprit!.Value.Route);
        Assert.InRange(incident.Culprit.Value.Share, 0.95, 1);
        Assert.Equal(8, incident.InFlight.Count);
    }

    [Fact]
    public void What_grew_long_ago_is_the_baseline_and_not_the_culprit()
    {
        flight.Start("GET /warm-up", 300 * MiB);
        flight.Record(100 * MiB, 700 * MiB);
        flight.Requests.Clear();
        for (var i = 0; i < 1000; i++) flight.Record(700 * MiB);
        flight.Start("GET /report", 0);
        flight.Record(800 * MiB, 900 * MiB, 990 * MiB);

        var shares = flight.Recorder.Shares();
        Assert.Equal("GET /report", shares[0].Route);
        Assert.InRange(shares[0].Share, 0.9, 1);
    }

    [Fact]
    public void The_fullest_set_of_the_last_second_is_told_since_connections_die_before_the_kill_is_seen()
    {
        flight.Start("GET /export", 120 * MiB, 4);
        flight.Record(400 * MiB, 900 * MiB);
        flight.Requests.Clear();
        flight.Record(200 * MiB, 200 * MiB);
        Assert.Equal(4, flight.Recorder.Incident(flight.Now, 1, OomEvidence.Counter).InFlight.Count);

        for (var i = 0; i < 101; i++) flight.Record(200 * MiB);
        Assert.Empty(flight.Recorder.Incident(flight.Now, 1, OomEvidence.Counter).InFlight);
    }

    [Fact]
    public void Growth_that_no_watched_request_was_there_for_has_no_culprit()
    {
        flight.Record(100 * MiB, 500 * MiB, 990 * MiB);
        var incident = flight.Recorder.Incident(flight.Now, 1, OomEvidence.Counter);
        Assert.Null(incident.Culprit);
        Assert.Contains("background", incident.Advice);
    }

    [Fact]
    public void Growth_without_requests_takes_its_share_from_those_that_came_later()
    {
        flight.Record(100 * MiB, 600 * MiB);
        flight.Start("GET /late", 50 * MiB);
        flight.Record(700 * MiB);
        Assert.InRange(flight.Recorder.Shares().Single().Share, 0.15, 0.2);
    }

    [Fact]
    public void The_curve_ends_with_the_kill_keeps_its_peaks_and_is_bounded()
    {
        for (var i = 0; i < 3000; i++) flight.Record((i % 100 == 50 ? 900 : 100) * MiB);
        var curve = flight.Recorder.Incident(flight.Now, 1, OomEvidence.Counter).MemoryCurve;
        Assert.InRange(curve.Count, FlightRecorder.CurvePoints / 2, FlightRecorder.CurvePoints + 1);
        Assert.Equal(curve.OrderByDescending(p => p.Ago), curve);
        Assert.InRange(curve[0].Ago, Step * (FlightRecorder.Readings - 20), Step * FlightRecorder.Readings);
        Assert.InRange(curve.Count(p => p.UsedBytes == 900 * MiB), 5, 6);
    }

    [Fact]
    public void Requests_beyond_what_is_kept_are_left_out()
    {
        flight.Start("GET /export", 1, 500);
        flight.Record(100 * MiB, 200 * MiB);
        Assert.Equal(FlightRecorder.MostRequests, flight.Recorder.Incident(flight.Now, 1, OomEvidence.Counter).InFlight.Count);
    }

    [Fact]
    public void Advice_names_the_limit_that_the_seen_concurrency_needs()
    {
        flight.Record(200 * MiB);
        flight.Start("GET /export", 180 * MiB, 6);
        flight.Record(600 * MiB, 990 * MiB);
        // (200 + 6 x 180) x 1.15
        var advice = flight.Recorder.Incident(flight.Now, 1, OomEvidence.Counter).Advice;
        Assert.Contains("about 1472 MiB, not 1000 MiB", advice);
        Assert.DoesNotContain("MALLOC_ARENA_MAX", advice);
    }

    [Theory]
    [InlineData(1, "larger limit; if")]
    [InlineData(3, "larger limit of about 1253 MiB; if")]
    public void Advice_for_a_few_requests_in_a_limit_that_was_half_full_names_arenas_concurrency_and_limit(int running, string limit)
    {
        // Puma with glibc's default arenas: garbage of ended exports fills more than those that run.
        flight.Record(700 * MiB);
        flight.Start("GET /export", 130 * MiB, running);
        flight.Record(990 * MiB);
        var advice = flight.Recorder.Incident(flight.Now, 1, OomEvidence.Counter).Advice;
        Assert.Contains($"700 MiB of 1000 MiB were held before these {running} of GET /export at about 130 MiB each", advice);
        Assert.Contains("MALLOC_ARENA_MAX=2, let fewer in at once", advice);
        Assert.Contains(limit, advice);
    }

    [Fact]
    public void Advice_for_a_new_route_goes_by_what_it_was_seen_to_take_and_not_by_what_was_assumed()
    {
        var flight = new Flight(256 * Flight.MiB);
        flight.Record(40 * Flight.MiB, 40 * Flight.MiB);
        flight.Requests.Add(new("GET /climb", flight.Now, 244 * Flight.MiB, IsAssumed: true));
        flight.Record(100 * Flight.MiB, 180 * Flight.MiB, 250 * Flight.MiB);
        var advice = flight.Recorder.Incident(flight.Now, 1, OomEvidence.Counter).Advice;
        Assert.Contains("GET /climb was new, and 1 of it had taken 210 MiB each when the limit of 256 MiB was reached", advice);
        Assert.DoesNotContain("244", advice);
    }

    [Fact]
    public void Advice_for_a_limit_that_was_full_before_is_about_what_the_app_keeps()
    {
        flight.Record(900 * MiB);
        flight.Start("GET /export", 120 * MiB);
        flight.Record(990 * MiB);
        Assert.Contains("MALLOC_ARENA_MAX=2", flight.Recorder.Incident(flight.Now, 1, OomEvidence.Counter).Advice);
    }
}
