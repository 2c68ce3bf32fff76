using System.IO.Pipelines;
using System.Text;
using DrainProxy.Decisions.Framing;
using DrainProxy.Proxy.Listening.Http1;

namespace DrainProxy.Proxy.Tests.Listening;

/// <summary>When an HTTP/1.x connection may rest: between two requests only, and without losing a byte.</summary>
public sealed class RestTests
{
    private const string Request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    private readonly Pipe pipe = new();
    private readonly StrictReader reader;

    public RestTests() => reader = new(pipe.Reader, new(32 * 1024, 8 * 1024, 100, 0), TimeProvider.System);

    [Fact]
    public async Task Between_requests_the_reader_ends_for_the_server_and_goes_on_with_the_next_bytes()
    {
        for (var i = 0; i < 3; i++)
        {
            var waiting = reader.ReadAsync(TestContext.Current.CancellationToken).AsTask();
            if (i == 0)
            {
                await Write(Request);
                await Take(await waiting);
                waiting = reader.ReadAsync(TestContext.Current.CancellationToken).AsTask();
            }

            reader.LetRest();
            var end = await waiting;
            Assert.True(end is { IsCompleted: true, IsCanceled: false, Buffer.IsEmpty: true });
            reader.AdvanceTo(end.Buffer.End);
            Assert.True(reader.Resting);
            Assert.True((await reader.ReadAsync(TestContext.Current.CancellationToken)).IsCompleted);

            var arrival = reader.Arrival().AsTask();
            Assert.False(arrival.IsCompleted);
            await Write(Request);
            Assert.True(reader.Wakes(await arrival));
            Assert.False(reader.Resting);
            await Take(await reader.ReadAsync(TestContext.Current.CancellationToken));
        }
    }

    [Fact]
    public async Task The_end_of_the_connection_ends_the_rest()
    {
        var waiting = reader.ReadAsync(TestContext.Current.CancellationToken).AsTask();
        reader.LetRest();
        Assert.True((await waiting).IsCompleted);
        await pipe.Writer.CompleteAsync();
        var arrival = await reader.Arrival();
        Assert.False(reader.Wakes(arrival));
        Assert.True(arrival.IsCompleted);
    }

    [Theory]
    [InlineData("\r\n")]
    [InlineData("GE")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12")]
    public async Task A_message_that_has_begun_is_not_disturbed(string begun)
    {
        await Write(begun);
        // What the server takes for now; a head that is not whole is not shown to it.
        if (begun.Contains("\r\n\r\n", StringComparison.Ordinal)) await Take(await reader.ReadAsync(TestContext.Current.CancellationToken));
        var waiting = reader.ReadAsync(TestContext.Current.CancellationToken).AsTask();
        reader.LetRest();
        Assert.False(waiting.IsCompleted);
        Assert.False(reader.Resting);
        await Write(begun.StartsWith("POST", StringComparison.Ordinal) ? "345\r\n0\r\n\r\n" : begun == "GE" ? Request[2..] : Request);
        var next = await waiting;
        Assert.True(next is { IsCanceled: false, IsCompleted: false, Buffer.IsEmpty: false });
    }

    [Fact]
    public async Task Bytes_that_come_with_the_question_are_the_next_request()
    {
        await Write(Request);
        reader.LetRest();
        await Take(await reader.ReadAsync(TestContext.Current.CancellationToken));
        Assert.False(reader.Resting);
    }

    [Fact]
    public async Task A_tunnel_is_not_disturbed()
    {
        await Write(Request);
        await Take(await reader.ReadAsync(TestContext.Current.CancellationToken));
        reader.Tunnel();
        var waiting = reader.ReadAsync(TestContext.Current.CancellationToken).AsTask();
        reader.LetRest();
        Assert.False(waiting.IsCompleted);
        await Write("frames");
        var read = await waiting;
        Assert.False(read.IsCanceled);
        Assert.Equal("frames", Encoding.ASCII.GetString(read.Buffer.FirstSpan));
    }

    [Fact]
    public async Task A_head_that_comes_too_slowly_is_refused_as_if_nobody_had_asked()
    {
        await Write("GET / HT");
        var waiting = reader.ReadAsync(TestContext.Current.CancellationToken).AsTask();
        reader.LetRest();
        reader.TimeOut();
        await waiting;
        Assert.Equal(FramingFault.SlowHeader, reader.Fault);
    }

    private async Task Write(string text) => await pipe.Writer.WriteAsync(Encoding.ASCII.GetBytes(text), TestContext.Current.CancellationToken);

    private Task Take(ReadResult read)
    {
        Assert.True(read is { IsCanceled: false, IsCompleted: false, Buffer.IsEmpty: false });
        reader.AdvanceTo(read.Buffer.End);
        return Task.CompletedTask;
    }
}
