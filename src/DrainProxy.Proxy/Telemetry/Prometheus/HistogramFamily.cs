using System.Diagnostics.Metrics;
using System.Numerics;
using System.Text;

namespace DrainProxy.Proxy.Telemetry.Prometheus;

/// <summary>
/// A histogram without labels. Recording is two interlocked additions on cells that belong to the processor it runs on, so that threads do
/// not fight for a cache line; the scrape adds the stripes up. The sum is kept in whole billionths: exact, and an addition instead of a retry loop.
/// </summary>
internal sealed class HistogramFamily : MetricFamily
{
    private const double Billion = 1e9;
    private const int MaxStripes = 16;
    private const int CellsPerCacheLine = 8;

    private readonly double[] bounds;
    private readonly byte[][] bucketLabels;
    private readonly byte[][] openMetricsBucketLabels;
    private readonly long[] cells;
    private readonly int stripeSize;
    private readonly int stripeMask;

    public HistogramFamily(Histogram<double> histogram)
        : base(histogram)
    {
        bounds = [.. histogram.Advice?.HistogramBucketBoundaries
            ?? throw new NotSupportedException($"Instrument {histogram.Name} does not advise its bucket boundaries.")];
        double[] labels = [.. bounds, double.PositiveInfinity];
        bucketLabels = Array.ConvertAll(labels, bound => BucketLabel(bound, openMetrics: false));
        openMetricsBucketLabels = Array.ConvertAll(labels, bound => BucketLabel(bound, openMetrics: true));
        // One cell for each bound, one for what is above all, one for the sum; whole cache lines and one more as a gap.
        stripeSize = ((bounds.Length + 2 + CellsPerCacheLine - 1) / CellsPerCacheLine * CellsPerCacheLine) + CellsPerCacheLine;
        var stripes = Math.Min((int)BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount), MaxStripes);
        stripeMask = stripes - 1;
        cells = new long[stripes * stripeSize];
    }

    public override void Measured(long value, ReadOnlySpan<KeyValuePair<string, object?>> labels) => Measured((double)value, labels);

    /// <summary>Hot path. Not a number is no duration and is dropped; below 0 counts as 0.</summary>
    public override void Measured(double value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        if (double.IsNaN(value)) return;
        var bucket = 0;
        while (bucket < bounds.Length && value > bounds[bucket]) bucket++;
        var stripe = (Thread.GetCurrentProcessorId() & stripeMask) * stripeSize;
        Interlocked.Increment(ref cells[stripe + bucket]);
        if (value > 0) Interlocked.Add(ref cells[stripe + bounds.Length + 1], (long)(value * Billion));
    }

    /// <summary>What was recorded stays: a histogram only grows.</summary>
    public override void Clear()
    {
    }

    protected override void WriteSamples(ExpositionWriter text)
    {
        var labels = text.OpenMetrics ? openMetricsBucketLabels : bucketLabels;
        long count = 0;
        for (var bucket = 0; bucket <= bounds.Length; bucket++)
        {
            count += Total(bucket);
            text.Raw(Name);
            text.Raw(labels[bucket]);
            text.Value(count);
        }

        text.Raw(Name);
        text.Raw("_sum"u8);
        text.Value(Total(bounds.Length + 1) / Billion);
        text.Raw(Name);
        text.Raw("_count"u8);
        // Not a cell of its own: a record between two reads must not make it differ from the last bucket.
        text.Value(count);
    }

    private long Total(int cell)
    {
        long total = 0;
        for (var at = cell; at < cells.Length; at += stripeSize) total += Volatile.Read(ref cells[at]);
        return total;
    }

    /// <summary>OpenMetrics writes bounds as floating-point numbers ("1.0"), the text format usually in short.</summary>
    private static byte[] BucketLabel(double bound, bool openMetrics)
    {
        Span<byte> number = stackalloc byte[32];
        var text = Encoding.ASCII.GetString(number[..ExpositionWriter.Format(bound, number)]);
        if (openMetrics && double.IsInteger(bound)) text += ".0";
        return Encoding.ASCII.GetBytes($"_bucket{{le=\"{text}\"}}");
    }
}
