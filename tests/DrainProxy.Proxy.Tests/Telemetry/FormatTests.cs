using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using DrainProxy.Proxy.Telemetry;
using DrainProxy.Proxy.Telemetry.Prometheus;

namespace DrainProxy.Proxy.Tests.Telemetry;

public sealed class FormatTests
{
    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("*/*", false)]
    [InlineData("text/plain", false)]
    [InlineData("text/html,application/xhtml+xml,*/*;q=0.8", false)]
    [InlineData("application/json", false)]
    [InlineData("application/openmetrics-text", true)]
    [InlineData("Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8", true)]
    [InlineData("application/openmetrics-text;version=\"1.0.0\"", true)]
    [InlineData("application/openmetrics-text, */*", true)]
    [InlineData("application/*", true)]
    // What Prometheus sends, before and since version 3.
    [InlineData("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true)]
    [InlineData("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1", true)]
    // Prometheus with scrape_protocols: [PrometheusText0.0.4].
    [InlineData("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", false)]
    [InlineData("application/openmetrics-text;q=0.2, text/plain;q=0.7", false)]
    [InlineData("text/plain;q=0.2, application/openmetrics-text;q=0.7", true)]
    [InlineData("text/plain, application/openmetrics-text", false)]
    [InlineData("application/openmetrics-text;q=0", false)]
    [InlineData("application/openmetrics-text;q=0, */*", false)]
    [InlineData("application/openmetrics-text;q=0.5, application/openmetrics-text;version=1.0.0;q=0, */*;q=0.1", false)]
    [InlineData("application/openmetrics-text;version=0.0.1", false)]
    [InlineData("application/openmetrics-text;version=2.0.0, text/plain;q=0.1", false)]
    [InlineData("application/openmetrics-text;q=nonsense", false)]
    [InlineData("application/openmetrics-text;q=NaN, text/plain", false)]
    [InlineData(";;,,=;q", false)]
    public void Accept_chooses_the_format(string? accept, bool openMetrics)
    {
        using var bench = new MetricsBench();
        Assert.Equal(openMetrics ? PrometheusExporter.OpenMetricsContentType : PrometheusExporter.TextContentType, bench.Exporter.Negotiate(accept));
    }

    [Fact]
    public void Label_values_are_escaped_in_both_formats()
    {
        using var bench = new MetricsBench("1\\2\"3\n4é");
        Assert.Contains("""drainproxy_build_info{version="1\\2\"3\n4é",runtime=""", bench.Text());
        Assert.Contains("""drainproxy_build_info{version="1\\2\"3\n4é",runtime=""", bench.Text(openMetrics: true));
        Exposition.Parse(bench.Text());
        Exposition.ParseOpenMetrics(bench.Text(openMetrics: true));
    }

    [Theory]
    [InlineData("", "", "")]
    [InlineData("plain", "plain", "plain")]
    [InlineData("a\\b", "a\\\\b", "a\\\\b")]
    [InlineData("a\nb", "a\\nb", "a\\nb")]
    [InlineData("\"q\"", "\"q\"", "\\\"q\\\"")]
    [InlineData("\\\n\"", "\\\\\\n\"", "\\\\\\n\\\"")]
    [InlineData("→ é", "→ é", "→ é")]
    public void Escaping_leaves_quotes_alone_only_in_help_texts_of_the_text_format(string text, string withoutQuotes, string withQuotes)
    {
        Assert.Equal(withoutQuotes, Escaped(text, quotes: false));
        Assert.Equal(withQuotes, Escaped(text, quotes: true));
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(0.25, "0.25")]
    [InlineData(1e-9, "1E-09")]
    [InlineData(1e300, "1E+300")]
    [InlineData(-1.5, "-1.5")]
    [InlineData(double.PositiveInfinity, "+Inf")]
    [InlineData(double.NegativeInfinity, "-Inf")]
    [InlineData(double.NaN, "NaN")]
    public void Numbers_are_written_as_the_formats_spell_them(double value, string expected)
    {
        Span<byte> buffer = stackalloc byte[32];
        Assert.Equal(expected, Encoding.ASCII.GetString(buffer[..ExpositionWriter.Format(value, buffer)]));
    }

    [Fact]
    public void OpenMetrics_names_families_without_total_and_states_units()
    {
        using var bench = new MetricsBench();
        var text = bench.Text(openMetrics: true);
        Assert.Contains("# TYPE drainproxy_requests counter\n", text);
        Assert.Contains("# TYPE process_cpu_seconds counter\n# UNIT process_cpu_seconds seconds\nprocess_cpu_seconds_total ", text);
        Assert.Contains("# UNIT process_resident_memory_bytes bytes\n", text);
        Assert.DoesNotContain("# TYPE drainproxy_requests_total", text);
        Assert.Contains("# TYPE drainproxy_requests_total counter\n", bench.Text());
    }

    [Fact]
    public async Task A_pipe_takes_it_in_pieces()
    {
        using var bench = new MetricsBench();
        var pipe = new Pipe(new PipeOptions(minimumSegmentSize: 64, pauseWriterThreshold: 0));
        bench.Exporter.Write(pipe.Writer, openMetrics: true);
        await pipe.Writer.CompleteAsync();
        using var reader = new StreamReader(pipe.Reader.AsStream());
        Exposition.ParseOpenMetrics(await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_writer_that_hands_out_an_empty_span_unless_asked_for_room_is_asked()
    {
        using var bench = new MetricsBench();
        var stingy = new StingyWriter();
        bench.Exporter.Write(stingy, openMetrics: false);
        Exposition.Parse(Encoding.UTF8.GetString(stingy.Written.WrittenSpan));
    }

    [Fact]
    public void A_scrape_allocates_little()
    {
        using var bench = new MetricsBench();
        var output = new ArrayBufferWriter<byte>(64 * 1024);
        Scrape();
        Scrape();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Scrape();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 32 * 1024);

        void Scrape()
        {
            output.ResetWrittenCount();
            bench.Exporter.Write(output, openMetrics: true, "a");
        }
    }

    private static string Escaped(string text, bool quotes)
    {
        var output = new ArrayBufferWriter<byte>();
        ExpositionWriter.Escape(text, quotes, output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    /// <summary>Kestrel's response writer does this between two of its buffers.</summary>
    private sealed class StingyWriter : IBufferWriter<byte>
    {
        public ArrayBufferWriter<byte> Written { get; } = new();

        public void Advance(int count) => Written.Advance(count);

        public Memory<byte> GetMemory(int sizeHint = 0) => Written.GetMemory(sizeHint)[..sizeHint];

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }
}
