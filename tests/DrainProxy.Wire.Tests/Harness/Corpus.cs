using System.Collections.Concurrent;

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>All cases with their results: the first that is asked for starts all of its folder, as many at once as there are lanes.</summary>
internal static class Corpus
{
    private static readonly ConcurrentDictionary<(WireProxy, string, bool), Lazy<Dictionary<string, Task<string?>>>> Runs = new();

    /// <summary>Cases that fail today, with the reason; each must still fail, or its line has to go. With `? ` before it: fails sometimes.</summary>
    public static IReadOnlyDictionary<string, string> KnownGaps { get; } = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "known-gaps.txt"))
        .Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => line.Split(" -- ", 2))
        .ToDictionary(line => line[0], line => line[1]);

    public static IReadOnlyList<WireCase> Cases(string folder) =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Corpus", folder), "*.txt").Order(StringComparer.Ordinal).SelectMany(WireCase.Read)];

    public static TheoryData<string> Names(string folder) => [.. Cases(folder).Select(c => c.Name)];

    public static async Task Check(WireProxy proxy, string folder, string name, bool tls = false)
    {
        var run = Runs.GetOrAdd((proxy, folder, tls), key => new(() => Cases(folder).ToDictionary(c => c.Name, c => tls ? proxy.UseTls(Run(c)) : proxy.Use(Run(c)))));
        await Gapped(name, async () =>
        {
            if (await run.Value[name] is { } problem) Assert.Fail(problem);
        });
    }

    private static Func<Lane, Task<string?>> Run(WireCase test) => lane => CaseRunner.Run(test, lane);

    /// <summary>Runs a check that may be listed as a gap; one that is listed has to fail, so that the list only shrinks.</summary>
    public static async Task Gapped(string name, Func<Task> check)
    {
        try
        {
            await check();
        }
        catch (Xunit.Sdk.XunitException e)
        {
            if (Environment.GetEnvironmentVariable("WIRE_GAPS") is { Length: > 0 } list)
                await File.AppendAllTextAsync(list, $"{name} -- {KnownGaps.GetValueOrDefault(name) ?? e.Message.Split('\n')[0]}\n");
            else if (!KnownGaps.ContainsKey(name) && !KnownGaps.ContainsKey("? " + name))
                throw;
            return;
        }

        if (KnownGaps.TryGetValue(name, out var reason) && Environment.GetEnvironmentVariable("WIRE_GAPS") is null or "")
            Assert.Fail($"{name} holds now: take its line out of known-gaps.txt ({reason})");
    }
}
