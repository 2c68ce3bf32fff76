namespace DrainProxy.Bench.Measuring;

/// <summary>Everything measured, by peer and metric, a list per round so that rounds can be compared with each other.</summary>
internal sealed class Samples
{
    private readonly Dictionary<(string Peer, Metric Metric), SortedDictionary<int, List<double>>> values = [];

    public void Add(string peer, Metric metric, int round, double value)
    {
        if (!values.TryGetValue((peer, metric), out var rounds))
        {
            values[(peer, metric)] = rounds = [];
        }

        (rounds.TryGetValue(round, out var list) ? list : rounds[round] = []).Add(value);
    }

    public IReadOnlyList<double> Of(string peer, Metric metric) => values.TryGetValue((peer, metric), out var rounds) ? [.. rounds.Values.SelectMany(list => list)] : [];

    /// <summary>The ratio to another peer round by round: what changed on the machine between rounds falls out.</summary>
    public IReadOnlyList<double> Ratios(string peer, string reference, Metric metric) =>
        values.TryGetValue((peer, metric), out var mine) && values.TryGetValue((reference, metric), out var theirs)
            ? [.. mine.Where(round => theirs.ContainsKey(round.Key)).Select(round => Spread.Of(round.Value).Median / Spread.Of(theirs[round.Key]).Median)]
            : [];
}

internal readonly record struct Spread(double Median, double Min, double Max)
{
    public static Spread Of(IReadOnlyList<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return new Spread(sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2, sorted[0], sorted[^1]);
    }
}
