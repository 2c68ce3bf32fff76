using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Tests.Telemetry;

public sealed class HistogramTests
{
    private const string Name = "drainproxy_request_duration_seconds";
    private readonly MetricsBench bench = new();

    [Fact]
    public void Buckets_are_cumulative_and_a_bound_belongs_to_its_own_bucket()
    {
        foreach (var seconds in (double[])[0, 0.0005, 0.0006, 0.001, 1, 1.0000001, 60, 61, 86_400]) bench.Metrics.RecordDuration(seconds);
        var scrape = bench.Scrape();
        Assert.Equal(2, Bucket(scrape, "0.0005"));
        Assert.Equal(4, Bucket(scrape, "0.001"));
        Assert.Equal(4, Bucket(scrape, "0.5"));
        Assert.Equal(5, Bucket(scrape, "1"));
        Assert.Equal(6, Bucket(scrape, "2.5"));
        Assert.Equal(7, Bucket(scrape, "60"));
        Assert.Equal(9, Bucket(scrape, "+Inf"));
        Assert.Equal(9, scrape[Name + "_count"]);
        Assert.Equal(0 + 0.0005 + 0.0006 + 0.001 + 1 + 1.0000001 + 60 + 61 + 86_400, scrape[Name + "_sum"], 6);
    }

    [Fact]
    public void Every_bound_rises_and_the_last_is_infinity()
    {
        var bounds = bench.Scrape()[Name, "histogram"].Samples.Where(s => s.Name == Name + "_bucket").Select(s => s.Labels).ToList();
        Assert.Equal("le=\"+Inf\"", bounds[^1]);
        var numbers = bounds[..^1].ConvertAll(b => double.Parse(b[4..^1], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(ProxyMetrics.DurationBuckets, numbers);
        Assert.Equal(numbers.Order(), numbers);
    }

    [Fact]
    public void OpenMetrics_writes_bounds_as_floating_point_numbers()
    {
        var text = bench.Text(openMetrics: true);
        Assert.Contains("_bucket{le=\"1.0\"} 0\n", text);
        Assert.Contains("_bucket{le=\"2.5\"} 0\n", text);
        Assert.Contains("_bucket{le=\"+Inf\"} 0\n", text);
    }

    [Fact]
    public void Not_a_number_is_dropped_and_below_zero_counts_as_zero()
    {
        bench.Metrics.RecordDuration(double.NaN);
        bench.Metrics.RecordDuration(-5);
        var scrape = bench.Scrape();
        Assert.Equal(1, scrape[Name + "_count"]);
        Assert.Equal(1, Bucket(scrape, "0.0005"));
        Assert.Equal(0, scrape[Name + "_sum"]);
    }

    [Fact]
    public async Task Nothing_is_lost_between_threads_and_scrapes()
    {
        const int Threads = 4;
        const int Each = 50_000;
        var recorders = Enumerable.Range(0, Threads).Select(_ => Task.Factory.StartNew(() =>
        {
            for (var i = 0; i < Each; i++) bench.Metrics.RecordDuration(0.002);
        }, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToArray();
        var last = 0.0;
        while (!Task.WhenAll(recorders).IsCompleted)
        {
            var during = bench.Scrape();
            Assert.Equal(during[Name + "_count"], Bucket(during, "+Inf"));
            Assert.InRange(during[Name + "_count"], last, Threads * Each);
            last = during[Name + "_count"];
        }

        await Task.WhenAll(recorders);
        var scrape = bench.Scrape();
        Assert.Equal(Threads * Each, scrape[Name + "_count"]);
        Assert.Equal(0, Bucket(scrape, "0.001"));
        Assert.Equal(Threads * Each, Bucket(scrape, "0.0025"));
        Assert.Equal(0.002 * Threads * Each, scrape[Name + "_sum"], 6);
    }

    [Fact]
    public void Recording_and_counting_allocate_nothing()
    {
        Work();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10_000; i++) Work();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Work()
        {
            bench.Counters.RequestStarted();
            bench.Counters.RequestEnded(200, Outcome.Ok);
            bench.Metrics.RecordDuration(0.003);
        }
    }

    [Fact]
    public void An_exporter_that_joins_midway_has_all_counts_and_the_durations_since()
    {
        bench.Counters.ResponseLost();
        bench.Metrics.RecordDuration(0.1);
        using var joined = new PrometheusExporter(bench.Metrics);
        bench.Metrics.RecordDuration(0.1);
        Assert.Equal(1, bench.Scrape(exporter: joined)["drainproxy_responses_lost_total"]);
        Assert.Equal(1, bench.Scrape(exporter: joined)[Name + "_count"]);
        Assert.Equal(2, bench.Scrape()[Name + "_count"]);
    }

    private static double Bucket(Exposition scrape, string bound) => scrape[$"{Name}_bucket{{le=\"{bound}\"}}"];
}
