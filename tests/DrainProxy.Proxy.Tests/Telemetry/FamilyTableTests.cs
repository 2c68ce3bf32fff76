using System.Text.RegularExpressions;
using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Tests.Telemetry;

/// <summary>The families that users' dashboards rely on, with types and label sets, and the page that describes them.</summary>
public sealed partial class FamilyTableTests
{
    /// <summary>Family, type, series: closed label sets are spelled out here so that a renamed or new enum member shows.</summary>
    private static readonly (string Name, string Type, string[] Labels)[] Expected =
    [
        ("drainproxy_build_info", "gauge", [$"version=\"1.2.3\",runtime=\"{System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription}\""]),
        ("drainproxy_phase", "gauge", One("phase", "starting", "serving", "unready", "lingering", "draining", "closing", "drained")),
        ("drainproxy_app_up", "gauge", [""]),
        ("drainproxy_app_restarts_total", "counter", [""]),
        ("drainproxy_app_recycles_total", "counter",
            Two("reason", ["quiet", "overdue", "urgent"], "result", ["done", "not_seen", "not_permitted", "not_quiet", "not_started"])),
        ("drainproxy_requests_total", "counter", Two("code_class", ["none", "1xx", "2xx", "3xx", "4xx", "5xx"],
            "outcome", ["ok", "app_error", "refused", "failed", "client_gone"])),
        ("drainproxy_in_flight_requests", "gauge", [""]),
        ("drainproxy_in_flight_requests_peak", "gauge", [""]),
        ("drainproxy_held_requests", "gauge", [""]),
        ("drainproxy_held_requests_peak", "gauge", [""]),
        ("drainproxy_queued_requests", "gauge", One("lane", "light", "heavy")),
        ("drainproxy_queued_requests_peak", "gauge", One("lane", "light", "heavy")),
        ("drainproxy_shadow_shed_total", "counter",
            One("reason", "memory", "max_in_flight", "queue_full", "queue_timeout", "descriptors", "own_memory", "closing")),
        ("drainproxy_time_to_oom_seconds", "gauge", []),
        ("drainproxy_time_to_oom_low_seconds", "gauge", []),
        ("drainproxy_memory_pressure_step", "gauge", One("step", "none", "heavy_stopped", "sheddable_stopped", "only_critical")),
        ("drainproxy_route_memory_bytes", "gauge", []),
        ("drainproxy_replayed_total", "counter", One("reason", "connect_failed", "not_processed", "no_answer")),
        ("drainproxy_shed_total", "counter",
            One("reason", "memory", "max_in_flight", "queue_full", "queue_timeout", "descriptors", "own_memory", "closing")),
        ("drainproxy_upstream_errors_total", "counter", One("cause", "connect_refused", "connect_timeout", "connect_error", "closed_before_answer", "stale_connection",
            "closed_during_answer", "app_timeout", "app_protocol_error", "hold_exhausted", "breaker_open", "cut_at_deadline", "internal")),
        ("drainproxy_lost_requests_total", "counter", One("reason", "late_after_close", "cut_at_deadline", "app_gone", "hold_exhausted", "reset_by_us")),
        ("drainproxy_responses_lost_total", "counter", [""]),
        ("drainproxy_connections", "gauge", Two("side", ["downstream", "upstream"], "state", ["active", "idle"])),
        ("drainproxy_connections_peak", "gauge", One("side", "downstream", "upstream")),
        ("drainproxy_connections_closed_total", "counter", Two("side", ["downstream", "upstream"], "by", ["us", "peer"])),
        ("drainproxy_accept_queue_depth", "gauge", [""]),
        ("drainproxy_termination_total", "counter",
            Two("trigger", ["sigterm", "sigint", "command", "http", "node-notice"], "result", ["clean", "cut", "forced"])),
        ("drainproxy_drain_duration_seconds", "gauge", [""]),
        ("drainproxy_file_descriptors", "gauge", One("owner", "app", "drainproxy")),
        ("drainproxy_file_descriptors_limit", "gauge", One("owner", "app", "drainproxy")),
        ("drainproxy_accept_queue_depth_peak", "gauge", [""]),
        ("drainproxy_listen_overflows_total", "counter", [""]),
        ("drainproxy_app_accept_queue_depth", "gauge", [""]),
        ("drainproxy_app_accept_queue_depth_peak", "gauge", [""]),
        ("drainproxy_app_accept_queue_limit", "gauge", [""]),
        ("drainproxy_app_ports", "gauge", One("state", "time_wait", "range")),
        ("drainproxy_tcp_events_total", "counter", Two("event", ["listen_drop", "syn_queue_full", "retransmit", "memory_pressure", "abort_on_memory"], "scope", ["pod"])),
        ("drainproxy_tcp_memory_bytes", "gauge", ["scope=\"node\""]),
        ("drainproxy_socket_leak_suspected", "gauge", One("owner", "app", "drainproxy", "other")),
        ("drainproxy_sockets", "gauge",
        [
            .. Two("state", ["unknown", "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait", "last_ack", "listen", "closing"],
                "owner", ["app", "drainproxy", "other"]).Select(l => l + ",scope=\"pod\""),
            "state=\"orphan\",owner=\"other\",scope=\"node\"", "state=\"allocated\",owner=\"other\",scope=\"node\"",
        ]),
        ("drainproxy_app_memory_bytes", "gauge", One("kind", "used", "anon", "shared", "kernel", "socket", "reclaimable", "charged", "charged_peak")),
        ("drainproxy_app_memory_stalled_seconds_total", "counter", One("kind", "some", "full")),
        ("drainproxy_app_memory_peak_bytes", "gauge", [""]),
        ("drainproxy_app_memory_limit_bytes", "gauge", [""]),
        ("drainproxy_memory_headroom_bytes", "gauge", [""]),
        ("drainproxy_memory_headroom_low_bytes", "gauge", [""]),
        ("drainproxy_app_oom_kills_total", "counter", [""]),
        ("drainproxy_memory_source", "gauge", One("method", "none", "cgroup", "processes", "metrics")),
        ("process_cpu_seconds_total", "counter", [""]),
        ("process_resident_memory_bytes", "gauge", [""]),
        ("process_virtual_memory_bytes", "gauge", [""]),
        ("process_open_fds", "gauge", [""]),
        ("process_max_fds", "gauge", [""]),
        ("process_threads", "gauge", [""]),
        ("process_start_time_seconds", "gauge", [""]),
        ("dotnet_gc_collections_total", "counter", One("gc_heap_generation", "gen0", "gen1", "gen2")),
        ("dotnet_gc_heap_total_allocated_bytes_total", "counter", [""]),
        ("dotnet_gc_pause_time_seconds_total", "counter", [""]),
        ("dotnet_gc_last_collection_heap_size_bytes", "gauge", One("gc_heap_generation", "gen0", "gen1", "gen2", "loh", "poh")),
        ("dotnet_gc_last_collection_memory_committed_size_bytes", "gauge", [""]),
        ("dotnet_thread_pool_threads", "gauge", [""]),
        ("dotnet_thread_pool_queue_length", "gauge", [""]),
        ("dotnet_thread_pool_work_items_total", "counter", [""]),
        ("dotnet_monitor_lock_contentions_total", "counter", [""]),
        ("dotnet_exceptions_total", "counter", [""]),
    ];

    [Fact]
    public void Every_family_and_series_is_there_from_the_start()
    {
        using var bench = new MetricsBench();
        var scrape = bench.Scrape();
        var expected = Expected.Select(e => e.Name).Append("drainproxy_request_duration_seconds").Order();
        Assert.Equal(expected, scrape.Families.Select(f => f.Name).Order());
        foreach (var (name, type, labels) in Expected) Assert.Equal(labels.Order(), scrape[name, type].Samples.Select(s => s.Labels).Order());
        Assert.NotEmpty(scrape["drainproxy_request_duration_seconds", "histogram"].Samples);
    }

    [Fact]
    public void Memory_that_nobody_tells_has_no_sample()
    {
        using var bench = new MetricsBench { Pressure = PressureSnapshot.Unknown };
        var unknown = bench.Scrape();
        Assert.Empty(unknown["drainproxy_app_memory_bytes", "gauge"].Samples);
        Assert.Empty(unknown["drainproxy_app_memory_peak_bytes", "gauge"].Samples);
        Assert.Equal(1, unknown["drainproxy_memory_source{method=\"none\"}"]);

        bench.Pressure = MetricsBench.SomePressure with { Sample = MetricsBench.SomePressure.Sample with { LimitBytes = long.MaxValue } };
        var unlimited = bench.Scrape();
        Assert.Equal(15, unlimited["drainproxy_app_memory_bytes{kind=\"used\"}"]);
        Assert.Empty(unlimited["drainproxy_app_memory_limit_bytes", "gauge"].Samples);
        Assert.Empty(unlimited["drainproxy_memory_headroom_bytes", "gauge"].Samples);
        Assert.Equal(0, unlimited["drainproxy_memory_source{method=\"none\"}"]);
    }

    [Fact]
    public void Memory_is_told_in_parts_with_its_limit_and_headroom()
    {
        using var bench = new MetricsBench();
        var scrape = bench.Scrape();
        (string Kind, double Bytes)[] parts = [("used", 15), ("anon", 1), ("shared", 2), ("kernel", 4), ("socket", 8), ("reclaimable", 16)];
        Assert.All(parts, p => Assert.Equal(p.Bytes, scrape[$"drainproxy_app_memory_bytes{{kind=\"{p.Kind}\"}}"]));
        Assert.Equal(100, scrape["drainproxy_app_memory_limit_bytes"]);
        Assert.Equal(85, scrape["drainproxy_memory_headroom_bytes"]);
        Assert.Equal(1, scrape["drainproxy_memory_source{method=\"cgroup\"}"]);
    }

    [Fact]
    public void What_the_kernel_does_not_tell_has_no_sample()
    {
        using var bench = new MetricsBench { Pressure = MetricsBench.SomePressure with { Charge = default, Sockets = SocketSnapshot.Unknown } };
        var scrape = bench.Scrape();
        Assert.DoesNotContain(scrape["drainproxy_app_memory_bytes", "gauge"].Samples, s => s.Labels.Contains("charged", StringComparison.Ordinal));
        Assert.Empty(scrape["drainproxy_app_ports", "gauge"].Samples);
        Assert.Empty(scrape["drainproxy_tcp_memory_bytes", "gauge"].Samples);
        Assert.Equal(0, scrape["drainproxy_app_memory_stalled_seconds_total{kind=\"some\"}"]);
    }

    /// <summary>A gauge that rises and falls between two scrapes and has no twin must be listed here with its reason, so that a new one is not forgotten.</summary>
    [Fact]
    public void Every_gauge_that_can_spike_has_its_twin()
    {
        string[] slow =
        [
            // States and facts, of which the newest counts.
            "build_info", "phase", "app_up", "memory_source", "memory_pressure_step", "socket_leak_suspected", "drain_duration_seconds",
            // Limits.
            "app_memory_limit_bytes", "app_accept_queue_limit", "file_descriptors_limit",
            // What is learned over minutes.
            "route_memory_bytes",
            // Looked at a few times a minute: there is nothing in between to hold.
            "sockets", "app_ports", "tcp_memory_bytes", "file_descriptors",
        ];
        using var bench = new MetricsBench();
        var gauges = bench.Scrape().Families.Where(f => f.Type == "gauge" && f.Name.StartsWith("drainproxy_", StringComparison.Ordinal)).Select(f => f.Name["drainproxy_".Length..]).ToList();
        // What is bad when it is low has a twin with the lowest value.
        var peaks = gauges.Where(g => g.EndsWith("_peak", StringComparison.Ordinal) || g is "app_memory_peak_bytes" or "memory_headroom_low_bytes" or "time_to_oom_low_seconds").ToList();
        var twins = peaks.Select(p => p.Replace("_peak", "", StringComparison.Ordinal).Replace("_low", "", StringComparison.Ordinal)).ToList();
        Assert.Empty(twins.Except(gauges));
        Assert.Equal(gauges.Except(peaks).Except(twins).Order(), slow.Order());
    }

    [Fact]
    public void Counters_of_the_data_path_start_at_0()
    {
        using var bench = new MetricsBench();
        var counters = bench.Scrape().Families.Where(f => f.Name.StartsWith("drainproxy_", StringComparison.Ordinal) && f.Type == "counter");
        Assert.All(counters.SelectMany(f => f.Samples), s => Assert.Equal(0, s.Value));
    }

    [Fact]
    public void Both_formats_carry_the_same_series()
    {
        using var bench = new MetricsBench();
        var text = bench.Scrape().Families.SelectMany(f => f.Samples).Where(s => !s.Name.EndsWith("_bucket", StringComparison.Ordinal));
        var open = Exposition.ParseOpenMetrics(bench.Text(openMetrics: true)).Families.SelectMany(f => f.Samples)
            .Where(s => !s.Name.EndsWith("_bucket", StringComparison.Ordinal));
        Assert.Equal(text.Select(s => s.Series), open.Select(s => s.Series));
    }

    [Fact]
    public void The_metrics_page_has_a_row_for_each_family_and_no_other()
    {
        using var bench = new MetricsBench();
        var rows = Row().Matches(File.ReadAllText(Path.Combine(RepositoryRoot(), "docs", "metrics.md"))).Select(m => (m.Groups[1].Value, m.Groups[2].Value));
        Assert.Equal(bench.Scrape().Families.Select(f => (f.Name, f.Type)).Order(), rows.Order());
    }

    [Fact]
    public void Label_names_match_those_of_the_termination_report()
    {
        foreach (var reason in Enum.GetValues<LossReason>())
            Assert.Equal(DrainProxy.Proxy.Draining.TerminationReport.LossName(reason), LabelNames.Of(reason));
        foreach (var trigger in Enum.GetValues<Trigger>())
            Assert.Equal(DrainProxy.Proxy.Draining.TerminationReport.TriggerName(trigger), LabelNames.Of(trigger));
    }

    private static string[] One(string label, params string[] values) => Array.ConvertAll(values, v => $"{label}=\"{v}\"");

    private static string[] Two(string first, string[] firstValues, string second, string[] secondValues)
        => [.. firstValues.SelectMany(a => secondValues.Select(b => $"{first}=\"{a}\",{second}=\"{b}\""))];

    private static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "DrainProxy.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException("no DrainProxy.sln above the tests");
    }

    [GeneratedRegex(@"^\| `([a-z_0-9]+)` \| (\w+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
