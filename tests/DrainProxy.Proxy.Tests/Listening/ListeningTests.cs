using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using DrainProxy.Proxy.Listening;

namespace DrainProxy.Proxy.Tests.Listening;

/// <summary>The pieces of the listening side that decide without a socket.</summary>
public sealed class ListeningTests
{
    [Theory]
    [InlineData("keep-alive", "keep-alive")]
    [InlineData("Close", "Close")]
    [InlineData("Upgrade, keep-alive", "Upgrade, keep-alive")]
    [InlineData("TE, close", "TE, close")]
    [InlineData("", "")]
    [InlineData("close, X-A", "close, X-A, close, keep-alive")]
    [InlineData("X-A", "X-A, close, keep-alive")]
    public void A_line_that_nominates_fields_survives_as_more_than_one_word(string line, string decoded) =>
        Assert.Equal(decoded, ConnectionFieldEncoding.Instance.GetString(Encoding.Latin1.GetBytes(line)));

    [Theory]
    [InlineData("   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 1", 8080, 3)]
    [InlineData("   1: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000", 8081, 0)]
    public void The_accept_queue_is_the_receive_queue_of_a_listener(string line, int port, int queued) =>
        Assert.Equal((port, queued), AcceptQueue.Parse(line));

    [Theory]
    [InlineData("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode")]
    [InlineData("   2: 0100007F:1F90 0100007F:A001 01 00000000:00000003 00:00000000")]
    [InlineData("   3: 0100007F 0A")]
    [InlineData("   4: nonsense 00000000:0000 0A nonsense")]
    [InlineData("")]
    public void Other_states_headings_and_short_lines_count_nothing(string line) => Assert.Null(AcceptQueue.Parse(line));

    [Fact]
    public async Task Goaway_waits_for_the_first_flush_and_never_stands_inside_a_frame()
    {
        var pipe = new Pipe();
        var writer = new GoAwayWriter(pipe.Writer, takesTurns: true);
        writer.Announce();
        Assert.False(pipe.Reader.TryRead(out _));

        Encoding.ASCII.GetBytes("SETTINGS").CopyTo(writer.GetMemory(8));
        writer.Advance(8);
        await writer.FlushAsync(TestContext.Current.CancellationToken);
        Assert.True(pipe.Reader.TryRead(out var result));
        var bytes = result.Buffer.ToArray();
        Assert.Equal("SETTINGS", Encoding.ASCII.GetString(bytes, 0, 8));
        Assert.Equal([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], bytes[8..]);
    }

    [Fact]
    public async Task Goaway_on_a_quiet_connection_goes_out_at_once_and_once()
    {
        var pipe = new Pipe();
        var writer = new GoAwayWriter(pipe.Writer, takesTurns: true);
        writer.GetMemory(1);
        writer.Advance(1);
        await writer.FlushAsync(TestContext.Current.CancellationToken);
        writer.Announce();
        writer.Announce();
        Assert.True(pipe.Reader.TryRead(out var result));
        Assert.Equal(18, result.Buffer.Length);
    }
}
