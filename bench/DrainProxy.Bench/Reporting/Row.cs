using System.Text.Encodings.Web;
using System.Text.Json;
using DrainProxy.Bench.Measuring;
using DrainProxy.Bench.Peers;

namespace DrainProxy.Bench.Reporting;

/// <summary>One figure of one peer. <see cref="RatioToReference"/> is the median of the ratios within each round.</summary>
internal sealed record Row(string Peer, string Metric, string Unit, IReadOnlyList<double> Values, double Median, double Min, double Max, Spread? RatioToReference, Spread? RatioToBaseline)
{
    public static IReadOnlyList<Row> From(Samples samples, IEnumerable<string> peers) =>
        [.. from metric in Measuring.Metric.All
            from peer in peers
            let values = samples.Of(peer, metric)
            where values.Count > 0
            let spread = Spread.Of(values)
            select new Row(
                peer, metric.Key, metric.Unit, values, spread.Median, spread.Min, spread.Max,
                Ratio(samples, peer, PeerTable.Reference, metric), Ratio(samples, peer, PeerTable.Baseline, metric))];

    private static Spread? Ratio(Samples samples, string peer, string reference, Metric metric) =>
        samples.Ratios(peer, reference, metric) is { Count: > 0 } ratios && ratios.All(double.IsFinite) ? Spread.Of(ratios) : null;
}

/// <summary>A whole run, as it is kept in JSON.</summary>
internal sealed record Run(
    DateTimeOffset Date, string Command, Machine Machine, RunSettings Settings, IReadOnlyDictionary<string, string> Peers, IReadOnlyList<Row> Rows, IReadOnlyList<string> Notes)
{
    private static readonly JsonSerializerOptions Format = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // µ as it is
    };

    public void Save(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Format) + "\n");

    public static Run Load(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Run>(File.ReadAllText(path), Format) ?? throw new UsageException($"{path} is empty");
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new UsageException($"{path} cannot be read as rows of an earlier run: {e.Message}");
        }
    }
}

internal sealed record RunSettings(int Runs, double Seconds, int Rate, int Connections, int Idle, bool Pin);

internal sealed record Machine(string Processor, int Processors, string Kernel)
{
    public static Machine This() => new(
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name"))?.Split(':')[1].Trim() ?? "unknown",
        Environment.ProcessorCount,
        File.ReadAllText("/proc/sys/kernel/osrelease").Trim());
}
