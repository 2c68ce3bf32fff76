using DrainProxy.Decisions.Draining;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Tests.Telemetry;

/// <summary>Each thing counted shows in its own series and nowhere else: the tables walk whole enums.</summary>
public sealed class CountsTests
{
    private readonly MetricsBench bench = new();

    [Fact]
    public void Requests_count_by_class_and_outcome()
    {
        var n = 0;
        int[] statuses = [0, 101, 200, 304, 404, 502];
        foreach (var status in statuses)
            foreach (var outcome in Enum.GetValues<Outcome>())
                Times(++n, () =>
                {
                    bench.Counters.RequestStarted();
                    bench.Counters.RequestEnded(status, outcome);
                });
        n = 0;
        var scrape = bench.Scrape();
        foreach (var codeClass in (string[])["none", "1xx", "2xx", "3xx", "4xx", "5xx"])
            foreach (var outcome in Enum.GetValues<Outcome>())
                Assert.Equal(++n, scrape[$"drainproxy_requests_total{{code_class=\"{codeClass}\",outcome=\"{LabelNames.Of(outcome)}\"}}"]);
        Assert.Equal(0, scrape["drainproxy_in_flight_requests"]);
    }

    [Fact]
    public void A_status_that_is_none_counts_as_none()
    {
        foreach (var status in (int[])[-1, 600, 999, int.MinValue, 42])
        {
            bench.Counters.RequestStarted();
            bench.Counters.RequestEnded(status, Outcome.Failed);
        }

        Assert.Equal(5, bench.Scrape()["drainproxy_requests_total{code_class=\"none\",outcome=\"failed\"}"]);
    }

    [Fact] public void Replays_count_by_reason() => Each<ReplayReason>(bench.Counters.RequestReplayed, "drainproxy_replayed_total", "reason");

    [Fact] public void Refusals_count_by_reason() => Each<ShedReason>(bench.Counters.RequestShed, "drainproxy_shed_total", "reason");

    [Fact] public void Upstream_errors_count_by_cause() => Each<UpstreamCause>(bench.Counters.UpstreamFailed, "drainproxy_upstream_errors_total", "cause");

    [Fact] public void Losses_count_by_reason() => Each<LossReason>(bench.Counters.RequestLost, "drainproxy_lost_requests_total", "reason");

    [Fact]
    public void Lost_responses_count()
    {
        Times(3, bench.Counters.ResponseLost);
        Assert.Equal(3, bench.Scrape()["drainproxy_responses_lost_total"]);
    }

    [Fact]
    public void Closed_connections_count_by_side_and_who_closed()
    {
        var n = 0;
        foreach (var side in Enum.GetValues<Side>())
            foreach (var by in Enum.GetValues<ClosedBy>())
                Times(++n, () => bench.Counters.ConnectionClosed(side, by));
        n = 0;
        var scrape = bench.Scrape();
        foreach (var side in Enum.GetValues<Side>())
            foreach (var by in Enum.GetValues<ClosedBy>())
                Assert.Equal(++n, scrape[$"drainproxy_connections_closed_total{{side=\"{LabelNames.Of(side)}\",by=\"{LabelNames.Of(by)}\"}}"]);
    }

    [Fact]
    public void Terminations_count_by_trigger_and_result()
    {
        var n = 0;
        foreach (var trigger in Enum.GetValues<Trigger>())
            foreach (var result in Enum.GetValues<DrainResult>())
                Times(++n, () => bench.Metrics.RecordTermination(trigger, result, TimeSpan.FromSeconds(n)));
        n = 0;
        var scrape = bench.Scrape();
        foreach (var trigger in Enum.GetValues<Trigger>())
            foreach (var result in Enum.GetValues<DrainResult>())
                Assert.Equal(++n, scrape[$"drainproxy_termination_total{{trigger=\"{LabelNames.Of(trigger)}\",result=\"{LabelNames.Of(result)}\"}}"]);
        Assert.Equal(15, scrape["drainproxy_drain_duration_seconds"]);
    }

    [Fact]
    public void Drain_duration_grows_while_terminating_and_stays_at_the_end()
    {
        Assert.Equal(0, bench.Scrape()["drainproxy_drain_duration_seconds"]);
        bench.DrainElapsed = TimeSpan.FromSeconds(7.25);
        Assert.Equal(7.25, bench.Scrape()["drainproxy_drain_duration_seconds"]);
        bench.DrainElapsed = null;
        bench.Metrics.RecordTermination(Trigger.Sigterm, DrainResult.Clean, TimeSpan.FromSeconds(12.5));
        Assert.Equal(12.5, bench.Scrape()["drainproxy_drain_duration_seconds"]);
    }

    [Fact]
    public void Exactly_the_current_phase_is_1()
    {
        foreach (var phase in Enum.GetValues<Phase>())
        {
            bench.Phase = phase;
            var one = Assert.Single(bench.Scrape()["drainproxy_phase", "gauge"].Samples, s => s.Value == 1);
            Assert.Equal($"phase=\"{phase.ToString().ToLowerInvariant()}\"", one.Labels);
        }
    }

    [Fact]
    public void Gauges_show_what_their_source_says()
    {
        (bench.AppUp, bench.Downstream, bench.Upstream, bench.AcceptQueueDepth) = (true, (1, 2), (3, 4), 5);
        bench.Counters.RequestStarted();
        bench.Counters.HoldStarted();
        bench.Counters.HoldStarted();
        var scrape = bench.Scrape();
        Assert.Equal(1, scrape["drainproxy_app_up"]);
        Assert.Equal(1, scrape["drainproxy_connections{side=\"downstream\",state=\"active\"}"]);
        Assert.Equal(2, scrape["drainproxy_connections{side=\"downstream\",state=\"idle\"}"]);
        Assert.Equal(3, scrape["drainproxy_connections{side=\"upstream\",state=\"active\"}"]);
        Assert.Equal(4, scrape["drainproxy_connections{side=\"upstream\",state=\"idle\"}"]);
        Assert.Equal(5, scrape["drainproxy_accept_queue_depth"]);
        Assert.Equal(1, scrape["drainproxy_in_flight_requests"]);
        Assert.Equal(2, scrape["drainproxy_held_requests"]);
    }

    [Fact]
    public void Two_proxies_in_one_process_do_not_mix()
    {
        using var other = new MetricsBench();
        other.Counters.ResponseLost();
        other.Metrics.RecordDuration(1);
        Assert.Equal(0, bench.Scrape()["drainproxy_responses_lost_total"]);
        Assert.Equal(0, bench.Scrape()["drainproxy_request_duration_seconds_count"]);
        Assert.Equal(1, other.Scrape()["drainproxy_request_duration_seconds_count"]);
    }

    private void Each<T>(Action<T> count, string family, string label)
        where T : struct, Enum
    {
        var values = Enum.GetValues<T>();
        for (var i = 0; i < values.Length; i++) Times(i + 1, () => count(values[i]));
        var scrape = bench.Scrape();
        for (var i = 0; i < values.Length; i++) Assert.Equal(i + 1, scrape[$"{family}{{{label}=\"{LabelNames.Of(values[i])}\"}}"]);
        Assert.Equal(values.Length, scrape[family, "counter"].Samples.Count);
    }

    private static void Times(int n, Action action)
    {
        for (var i = 0; i < n; i++) action();
    }
}
