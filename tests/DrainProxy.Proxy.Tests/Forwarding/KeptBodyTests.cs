using System.IO.Pipelines;
using System.Text;
using DrainProxy.Proxy.Forwarding;

namespace DrainProxy.Proxy.Tests.Forwarding;

/// <summary>Each attempt reads the body from its start; the client is read once.</summary>
public sealed class KeptBodyTests
{
    private readonly Pipe client = new();
    private readonly byte[] buffer = new byte[100_000];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_has_come_is_read_again_and_the_rest_from_the_client(bool lengthIsKnown)
    {
        var body = Begin(lengthIsKnown ? 10 : null);
        var first = body.Read();
        await Comes("hello");
        Assert.Equal("hello", await Read(first));
        var second = body.Read();
        Assert.Equal("hello", await Read(second));
        await Comes("world");
        Assert.Equal("world", await Read(second));
        await client.Writer.CompleteAsync();
        Assert.Equal("", await Read(second));
        var third = body.Read();
        Assert.Equal("helloworld", await Read(third));
        Assert.Equal("", await Read(third));
        Assert.False(body.IsLost);
        body.End();
    }

    [Fact]
    public async Task A_read_that_was_given_up_goes_to_the_next_attempt()
    {
        var body = Begin(5);
        using var refused = new CancellationTokenSource();
        var first = body.Read().ReadAsync(buffer, refused.Token).AsTask();
        await refused.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        var second = Read(body.Read());
        Assert.False(second.IsCompleted);
        await Comes("hello");
        Assert.Equal("hello", await second);
        body.End();
    }

    [Theory]
    [InlineData(5)]
    [InlineData(KeptBody.MostPerRequest)]
    public async Task Where_a_trailer_may_follow_the_end_is_waited_for(int length)
    {
        var body = KeptBody.Begin(client.Reader.AsStream(), length, mayHaveTrailer: true)!;
        var reader = body.Read();
        await Comes(new string('x', length));
        Assert.Equal(length, (await Read(reader)).Length);
        var end = Read(reader);
        Assert.False(end.IsCompleted);
        await client.Writer.CompleteAsync();
        Assert.Equal("", await end);
        Assert.False(body.IsLost);
        body.End();
    }

    [Fact]
    public async Task Beyond_its_bound_it_is_passed_on_and_lost()
    {
        var body = Begin(null);
        var reader = body.Read();
        var sent = new string('x', KeptBody.MostPerRequest + 1);
        await Comes(sent);
        await client.Writer.CompleteAsync();
        var read = "";
        for (var part = await Read(reader); part.Length > 0; part = await Read(reader)) read += part;
        Assert.Equal(sent, read);
        Assert.True(body.IsLost);
        body.End();
    }

    [Fact]
    public async Task The_last_attempt_keeps_nothing_more()
    {
        var body = Begin(null);
        var reader = body.Read();
        await Comes("hello");
        Assert.Equal("hello", await Read(reader));
        body.Last();
        await Comes("world");
        Assert.Equal("world", await Read(reader));
        Assert.True(body.IsLost);
        body.End();
    }

    [Fact]
    public void There_is_no_more_than_512_of_the_largest()
    {
        var kept = new List<KeptBody>();
        while (KeptBody.Begin(Stream.Null, KeptBody.MostPerRequest) is { } one && kept.Count < 1000) kept.Add(one);
        Assert.InRange(kept.Count, 500, KeptBody.MostInAll / KeptBody.MostPerRequest);
        foreach (var one in kept) one.End();
        var again = KeptBody.Begin(Stream.Null, KeptBody.MostPerRequest);
        Assert.NotNull(again);
        again.End();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(KeptBody.MostPerRequest + 1)]
    public void None_is_kept_of_this_length(long length) => Assert.Null(KeptBody.Begin(Stream.Null, length));

    private KeptBody Begin(long? length) => KeptBody.Begin(client.Reader.AsStream(), length)!;

    private async Task Comes(string text) => await client.Writer.WriteAsync(Encoding.ASCII.GetBytes(text));

    private async Task<string> Read(Stream reader) => Encoding.ASCII.GetString(buffer, 0, await reader.ReadAsync(buffer));
}
