using DrainProxy.Wire.Tests.Harness;

namespace DrainProxy.Wire.Tests;

/// <summary>Raw messages from data files against the recording app, each with what has to come of it.</summary>
public sealed class CorpusTests(WireProxy proxy)
{
    public static TheoryData<string> Requests => Corpus.Names("Requests");

    public static TheoryData<string> Responses => Corpus.Names("Responses");

    [Theory]
    [MemberData(nameof(Requests))]
    public Task Request(string name) => Corpus.Check(proxy, "Requests", name);

    [Theory]
    [MemberData(nameof(Responses))]
    public Task Response(string name) => Corpus.Check(proxy, "Responses", name);

    /// <summary>An app that speaks HTTP/1.1 behind TLS is read as strictly as one in clear text.</summary>
    [Theory]
    [MemberData(nameof(Responses))]
    public Task Response_over_TLS(string name) => Corpus.Check(proxy, "Responses", name, tls: true);

    [Fact]
    public void Known_gaps_name_cases() =>
        Assert.Empty(Corpus.KnownGaps.Keys.Select(k => k.TrimStart('?', ' ')).Where(k => !k.StartsWith("h2 ", StringComparison.Ordinal)).Except(Corpus.Cases("Requests").Concat(Corpus.Cases("Responses")).Select(c => c.Name)));
}
