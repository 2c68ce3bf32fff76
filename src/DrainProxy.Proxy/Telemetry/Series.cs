using System.Diagnostics.Metrics;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>Every combination of a closed label set with the function that reads its value, so that all are there, at 0, from the start.</summary>
internal sealed class Series
{
    private readonly List<(KeyValuePair<string, object?>[] Labels, Func<long> Read)> all = [];

    public static Series Of<T>(string label, Func<T, long> read)
        where T : struct, Enum
    {
        var series = new Series();
        foreach (var value in Enum.GetValues<T>()) series.Add(() => read(value), (label, LabelNames.Of(value)));
        return series;
    }

    public static Series Of<TFirst, TSecond>(string first, string second, Func<TFirst, TSecond, long> read)
        where TFirst : struct, Enum
        where TSecond : struct, Enum
    {
        var series = new Series();
        foreach (var a in Enum.GetValues<TFirst>())
            foreach (var b in Enum.GetValues<TSecond>())
                series.Add(() => read(a, b), (first, LabelNames.Of(a)), (second, LabelNames.Of(b)));
        return series;
    }

    public Series Add(Func<long> read, params (string Name, string Value)[] labels)
    {
        all.Add((Array.ConvertAll(labels, l => KeyValuePair.Create(l.Name, (object?)l.Value)), read));
        return this;
    }

    public IEnumerable<Measurement<long>> Observe()
    {
        foreach (var (labels, read) in all) yield return new Measurement<long>(read(), labels);
    }
}
