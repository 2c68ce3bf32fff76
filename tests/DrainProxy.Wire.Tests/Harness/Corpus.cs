using System.Collections.Concurrent;

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>All cases with their results: the first that is asked for starts all of its folder, as many at once as there are lanes.</summary>
internal static class Corpus
{
    private static readonly ConcurrentDictionary<(WireProxy, string), Lazy<Dictionary<string, Task<string?>>>> Runs = new();

    /// <summary>Cases that fail today, with the reason; each must still fail, or its line has to go. With `? ` before it: fails sometimes.</summary>
    public static IReadOnlyDictionary<string, string> KnownGaps { get; } = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "known-gaps.txt"))
        .Where(line => line.Length > 0 && line[0] != '#')
        .ToDictionary(line => line.Split(": ")[0], line => line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..]);

    public static IReadOnlyList<WireCase> Cases(string folder) =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Corpus", folder), "*.txt").Order(StringComparer.Ordinal).SelectMany(WireCase.Read)];

    public static TheoryData<string> Names(string folder) => [.. Cases(folder).Select(c => c.Name)];

    public static async Task Check(WireProxy proxy, string folder, string name)
    {
        var run = Runs.GetOrAdd((proxy, folder), key => new(() => Cases(folder).ToDictionary(c => c.Name, c => proxy.Use(lane => CaseRunner.Run(c, lane)))));
        var problem = await run.Value[name];
        if (Environment.GetEnvironmentVariable("WIRE_GAPS") is { Length: > 0 } list)
        {
            // Writes the list anew instead of judging.
            if (problem is not null) await File.AppendAllTextAsync(list, $"{name}: {KnownGaps.GetValueOrDefault(name) ?? problem.Split('\n')[0].Split(": ", 2)[1]}\n");
            return;
        }

        if (KnownGaps.ContainsKey("? " + name)) return;
        if (KnownGaps.TryGetValue(name, out var reason))
            Assert.True(problem is not null, $"{name} holds now: take its line out of known-gaps.txt ({reason})");
        else if (problem is not null) Assert.Fail(problem);
    }
}
