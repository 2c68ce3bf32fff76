using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Tests.Telemetry;

/// <summary>A peak is the highest value since the scraper's own last visit, however many scrapers there are.</summary>
public sealed class PeakTests
{
    private const string Peak = "drainproxy_in_flight_requests_peak";
    private readonly MetricsBench bench = new();

    [Fact]
    public void A_spike_between_two_scrapes_shows_once_to_the_only_scraper()
    {
        Visit("a");
        Spike(7);
        Assert.Equal(7, Visit("a"));
        Assert.Equal(0, Visit("a"));
    }

    [Fact]
    public void Two_scrapers_both_see_the_spike_and_each_only_once()
    {
        Visit("a");
        Visit("b");
        Spike(7);
        Assert.Equal(7, Visit("a"));
        Spike(3);
        Assert.Equal(3, Visit("a"));
        Assert.Equal(7, Visit("b"));
        Assert.Equal(0, Visit("b"));
        Assert.Equal(0, Visit("a"));
    }

    [Fact]
    public void A_slow_scraper_sees_a_spike_from_long_before_a_fast_one_came_again_and_again()
    {
        Visit("slow");
        Spike(9);
        for (var i = 0; i < 400; i++) Visit("fast");
        Assert.Equal(9, Visit("slow"));
        Assert.Equal(0, Visit("slow"));
    }

    [Fact]
    public void More_falling_spikes_than_are_remembered_never_report_less_than_the_highest()
    {
        Visit("slow");
        for (var height = 200; height > 0; height--)
        {
            Spike(height);
            Assert.InRange(Visit("fast" + height, advance: 0.5), height, 200);
        }

        Assert.Equal(200, Visit("slow"));
    }

    [Fact]
    public void A_scraper_without_a_name_sees_the_window_before_it()
    {
        Spike(5);
        Assert.Equal(5, Visit(null));
        Assert.Equal(5, Visit(null, advance: 30));
        Assert.Equal(0, Visit(null, advance: ScrapeMemory.Window.TotalSeconds));
    }

    [Fact]
    public void A_scraper_that_joins_midway_takes_nothing_from_the_one_that_was_there()
    {
        Visit("a", advance: 10);
        Visit("a", advance: 10);
        Spike(4);
        Assert.Equal(4, Visit("joined", advance: 1));
        Assert.Equal(4, Visit("a", advance: 1));
        Spike(2);
        Assert.Equal(2, Visit("joined", advance: 1));
        Assert.Equal(2, Visit("a", advance: 1));
    }

    [Fact]
    public void A_newcomer_sees_the_whole_window_although_known_scrapers_came_since()
    {
        Visit("a", advance: 10);
        Spike(6);
        for (var i = 0; i < 4; i++) Visit("a", advance: 10);
        Assert.Equal(6, Visit("new", advance: 0));
    }

    [Fact]
    public void Every_peak_is_kept_for_two_scrapers_at_different_rates()
    {
        var counters = bench.Counters;
        Visit("slow");
        Visit("fast");
        for (var i = 0; i < 5; i++) counters.ConnectionOpened(Side.Upstream);
        for (var i = 0; i < 5; i++) counters.ConnectionClosed(Side.Upstream, ClosedBy.Us);
        for (var i = 0; i < 4; i++) counters.QueueStarted(Lane.Heavy);
        for (var i = 0; i < 4; i++) counters.QueueEnded(Lane.Heavy);
        for (var i = 0; i < 3; i++) counters.HoldStarted();
        for (var i = 0; i < 3; i++) counters.HoldEnded();
        Assert.Equal((5, 4, 3), Peaks("fast"));
        Assert.Equal((0, 0, 0), Peaks("fast"));
        Assert.Equal((5, 4, 3), Peaks("slow"));
        Assert.Equal((0, 0, 0), Peaks("slow"));

        (double, double, double) Peaks(string scraper)
        {
            bench.Time.Advance(5);
            var scrape = bench.Scrape(scraper);
            return (scrape["drainproxy_connections_peak{side=\"upstream\"}"], scrape["drainproxy_queued_requests_peak{lane=\"heavy\"}"], scrape["drainproxy_held_requests_peak"]);
        }
    }

    [Fact]
    public void The_scraper_that_stayed_away_longest_is_forgotten_first_and_then_gets_the_window()
    {
        Visit("a");
        Spike(8);
        for (var i = 0; i <= ScrapeMemory.Capacity; i++) Visit("other" + i, advance: 0.01);
        Assert.Equal(8, Visit("a"));
        Assert.Equal(0, Visit("a"));
    }

    [Fact]
    public void What_is_still_in_flight_at_a_scrape_counts_for_the_next()
    {
        bench.Counters.RequestStarted();
        bench.Counters.RequestStarted();
        Assert.Equal(2, Visit("a"));
        bench.Counters.RequestEnded(200, Outcome.Ok);
        Assert.Equal(2, Visit("a"));
        Assert.Equal(1, Visit("a"));
    }

    [Fact]
    public void Held_requests_have_their_own_peak()
    {
        bench.Counters.HoldStarted();
        bench.Counters.HoldEnded();
        var scrape = bench.Scrape("a");
        Assert.Equal(1, scrape["drainproxy_held_requests_peak"]);
        Assert.Equal(0, scrape["drainproxy_held_requests"]);
        Assert.Equal(0, scrape[Peak]);
    }

    [Fact]
    public void Two_scrapers_both_see_how_near_the_wall_it_was_and_each_only_once()
    {
        var never = TimeSpan.MaxValue;
        bench.TimeToOom = never;
        Assert.Equal((85, double.PositiveInfinity), Lows("slow"));
        Assert.Equal((85, double.PositiveInfinity), Lows("fast"));
        Reading(used: 96, toOom: TimeSpan.FromSeconds(2.5));
        Reading(used: 15, never);
        Assert.Equal((4, 2.5), Lows("fast"));
        Reading(used: 40, toOom: TimeSpan.FromSeconds(30));
        Reading(used: 15, never);
        Assert.Equal((60, 30), Lows("fast"));
        Assert.Equal((85, double.PositiveInfinity), Lows("fast"));
        Assert.Equal((4, 2.5), Lows("slow"));
        Assert.Equal((85, double.PositiveInfinity), Lows("slow"));
    }

    [Fact]
    public void The_low_of_an_app_that_has_gone_is_still_told_and_none_where_no_limit_was_ever_known()
    {
        bench.Pressure = PressureSnapshot.Unknown;
        Assert.Empty(bench.Scrape("a")["drainproxy_memory_headroom_low_bytes", "gauge"].Samples);
        Assert.Empty(bench.Scrape("a")["drainproxy_time_to_oom_low_seconds", "gauge"].Samples);
        bench.Time.Advance(1);
        Reading(used: 99, toOom: TimeSpan.FromSeconds(0.1));
        Assert.Equal((1, 0.1), Lows("a"));
        Assert.Empty(bench.Scrape("a")["drainproxy_memory_headroom_low_bytes", "gauge"].Samples);
    }

    private void Reading(long used, TimeSpan toOom) => bench.Lows.Observe(MetricsBench.SomePressure.Sample with { UsedBytes = used }, toOom);

    private (double Headroom, double ToOom) Lows(string scraper)
    {
        bench.Time.Advance(1);
        var scrape = bench.Scrape(scraper);
        return (scrape["drainproxy_memory_headroom_low_bytes"], scrape["drainproxy_time_to_oom_low_seconds"]);
    }

    private void Spike(int height)
    {
        for (var i = 0; i < height; i++) bench.Counters.RequestStarted();
        for (var i = 0; i < height; i++) bench.Counters.RequestEnded(200, Outcome.Ok);
    }

    private double Visit(string? scraper, double advance = 1)
    {
        bench.Time.Advance(advance);
        return bench.Scrape(scraper)[Peak];
    }
}
