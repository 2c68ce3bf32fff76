using System.Globalization;
using System.Text.RegularExpressions;

namespace DrainProxy.Proxy.Tests.Telemetry;

/// <summary>A strict reader of both text formats: what a line may look like is written down here once more, apart from the writer.</summary>
internal sealed partial class Exposition
{
    public List<Family> Families { get; } = [];

    public double this[string series] => Find(series) ?? throw new KeyNotFoundException($"no series {series}");

    public Family this[string name, string type] => Families.Single(f => f.Name == name && f.Type == type);

    public double? Find(string series) => Families.SelectMany(f => f.Samples).Where(s => s.Series == series).Select(s => (double?)s.Value).SingleOrDefault();

    /// <summary>Format 0.0.4: heads name the samples, counters end in _total.</summary>
    public static Exposition Parse(string text)
    {
        var exposition = new Exposition();
        Assert.EndsWith("\n", text);
        Assert.DoesNotContain("# EOF", text);
        foreach (var line in text[..^1].Split('\n')) exposition.Read(line, openMetrics: false);
        exposition.CheckFamilies(openMetrics: false);
        return exposition;
    }

    /// <summary>OpenMetrics 1.0: EOF ends it, units are suffixes, heads name the family and the samples carry the suffix of their type.</summary>
    public static Exposition ParseOpenMetrics(string text)
    {
        var exposition = new Exposition();
        Assert.EndsWith("\n# EOF\n", text);
        foreach (var line in text[..^"\n# EOF\n".Length].Split('\n')) exposition.Read(line, openMetrics: true);
        exposition.CheckFamilies(openMetrics: true);
        return exposition;
    }

    private void Read(string line, bool openMetrics)
    {
        Assert.NotEqual("", line);
        Assert.False(line.StartsWith("# EOF", StringComparison.Ordinal), "EOF before the end");
        if (HeadLine().Match(line) is { Success: true } head)
        {
            var (keyword, name, rest) = (head.Groups[1].Value, head.Groups[2].Value, head.Groups[3].Value);
            if (Families.Count == 0 || Families[^1].Name != name) Families.Add(new Family { Name = name });
            Assert.Empty(Families[^1].Samples);
            Families[^1].Set(keyword, rest, openMetrics);
            return;
        }

        var sample = SampleLine().Match(line);
        Assert.True(sample.Success, $"neither head nor sample: {line}");
        var value = sample.Groups["value"].Value switch
        {
            "+Inf" => double.PositiveInfinity,
            var number => double.Parse(number, NumberStyles.Float, CultureInfo.InvariantCulture),
        };
        Families[^1].Samples.Add(new Sample(sample.Groups["name"].Value, sample.Groups["labels"].Value, value));
    }

    private void CheckFamilies(bool openMetrics)
    {
        Assert.Equal(Families.Count, Families.Select(f => f.Name).Distinct().Count());
        var series = Families.SelectMany(f => f.Samples).Select(s => s.Series).ToList();
        Assert.Equal(series.Count, series.Distinct().Count());
        foreach (var family in Families)
        {
            Assert.False(string.IsNullOrEmpty(family.Help), family.Name);
            string[] suffixes = family.Type switch
            {
                "counter" => openMetrics ? ["_total"] : [""],
                "histogram" => ["_bucket", "_sum", "_count"],
                "gauge" => [""],
                _ => throw new InvalidOperationException($"{family.Name} has type {family.Type}"),
            };
            Assert.All(family.Samples, s => Assert.Contains(s.Name, suffixes.Select(suffix => family.Name + suffix)));
            Assert.Equal(family.Type == "counter" && !openMetrics, family.Name.EndsWith("_total", StringComparison.Ordinal));
            if (family.Unit is { } unit) Assert.EndsWith("_" + unit, family.Name);
        }
    }

    [GeneratedRegex("^# (HELP|TYPE|UNIT) ([a-z_][a-z0-9_]*) (.+)$")]
    private static partial Regex HeadLine();

    [GeneratedRegex("""^(?<name>[a-z_][a-z0-9_]*)(?:\{(?<labels>[a-z_]+="(?:[^"\\]|\\[\\n"])*"(?:,[a-z_]+="(?:[^"\\]|\\[\\n"])*")*)\})? (?<value>-?[0-9]+(?:\.[0-9]+)?(?:E[+-][0-9]+)?|\+Inf)$""")]
    private static partial Regex SampleLine();
}

internal sealed record Sample(string Name, string Labels, double Value)
{
    public string Series => Labels.Length == 0 ? Name : $"{Name}{{{Labels}}}";
}

internal sealed class Family
{
    public required string Name { get; init; }

    public string Type { get; private set; } = "";

    public string Help { get; private set; } = "";

    public string? Unit { get; private set; }

    public List<Sample> Samples { get; } = [];

    public void Set(string keyword, string value, bool openMetrics)
    {
        switch (keyword)
        {
            case "TYPE":
                Assert.Equal("", Type);
                Type = value;
                break;
            case "HELP":
                Assert.Equal("", Help);
                Help = value;
                break;
            default:
                Assert.True(openMetrics, "the text format has no UNIT");
                Assert.Null(Unit);
                Unit = value;
                break;
        }
    }
}
