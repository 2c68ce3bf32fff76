using System.IO.Pipelines;
using System.Text;
using System.Threading.Channels;
using DrainProxy.Proxy.Listening;

namespace DrainProxy.Proxy.Tests.Listening;

/// <summary>Frames of ours between Kestrel's on a transport whose writer takes no byte while it flushes, as under TLS: none is lost, none is cut.</summary>
public sealed class GoAwayTurnsTests
{
    private const int Frame = 17;
    private readonly HeldStream stream = new();
    private readonly GoAwayWriter writer;

    public GoAwayTurnsTests() => writer = new(PipeWriter.Create(stream), takesTurns: true);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_written_while_ours_is_flushed_follows_it()
    {
        await First();
        writer.Announce();
        Put("DATA1");
        Put("DATA2");
        var flush = writer.FlushAsync(Cancel).AsTask();
        Assert.False(flush.IsCompleted);
        stream.LetGo(2);
        await flush;
        Assert.Equal("GDATA1DATA2", stream.Text);
    }

    [Fact]
    public async Task What_was_begun_while_ours_was_flushed_and_goes_on_behind_it_stays_in_order()
    {
        await First();
        writer.Announce();
        Put("DATA1");
        stream.LetGo(1);
        await stream.Empty(1 + Frame);
        Put("DATA2");
        stream.LetGo(2);
        await writer.FlushAsync(Cancel);
        Put("DATA3");
        await writer.FlushAsync(Cancel);
        Assert.Equal("GDATA1DATA2DATA3", stream.Text);
    }

    [Fact]
    public async Task Ours_waits_for_a_flush_that_is_under_way()
    {
        await First();
        Put("DATA1");
        var flush = writer.FlushAsync(Cancel).AsTask();
        writer.Announce();
        stream.LetGo(2);
        await flush;
        Put("DATA2");
        stream.LetGo(1);
        await writer.FlushAsync(Cancel);
        Assert.Equal("DATA1GDATA2", stream.Text);
    }

    [Fact]
    public async Task Two_of_ours_follow_each_other()
    {
        await First();
        writer.Announce();
        writer.Tell(isMalformed: true);
        stream.LetGo(2);
        await stream.Empty(1 + (2 * Frame));
        Assert.Equal("GG", stream.Text);
    }

    private async Task First()
    {
        Put("S");
        stream.LetGo(1);
        await writer.FlushAsync(Cancel);
    }

    private void Put(string text)
    {
        Encoding.ASCII.GetBytes(text, writer.GetSpan(text.Length));
        writer.Advance(text.Length);
    }

    /// <summary>Takes a write when it is let go.</summary>
    private sealed class HeldStream : MemoryStream
    {
        private readonly Channel<int> turns = Channel.CreateUnbounded<int>();

        /// <summary>What came behind the first byte, a GOAWAY as one letter.</summary>
        public string Text
        {
            get
            {
                var text = Encoding.Latin1.GetString(ToArray());
                for (int at; (at = text.IndexOf("\0\0\b\a", StringComparison.Ordinal)) >= 0;) text = text[..at] + "G" + text[(at + Frame)..];
                return text[1..];
            }
        }

        public void LetGo(int writes)
        {
            for (var i = 0; i < writes; i++) turns.Writer.TryWrite(i);
        }

        public async Task Empty(long bytes)
        {
            while (Length < bytes) await Task.Yield();
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await turns.Reader.ReadAsync(cancellationToken);
            await base.WriteAsync(buffer, cancellationToken);
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
