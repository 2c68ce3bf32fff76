using System.Buffers.Binary;
using DrainProxy.Decisions.Framing;

namespace DrainProxy.Decisions.Tests.Framing;

public sealed class FrameFloodTests
{
    private const byte Data = 0, Headers = 1, Priority = 2, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8, Continuation = 9, PriorityUpdate = 0x10, Unknown = 0x77;

    /// <summary>The client's preface: 24 bytes, then SETTINGS (RFC 9113 section 3.4).</summary>
    private static byte[] Opening => [.. new byte[24], .. Frame(Settings, 0)];

    [Theory]
    [InlineData(Ping, 8, 5001)]
    [InlineData(Settings, 0, 1001)]
    [InlineData(Continuation, 0, 1001)]
    [InlineData(Data, 0, 1001)]
    [InlineData(Data, 1, 10_001)]
    [InlineData(Data, 4, 10_001)]
    [InlineData(Headers, 0, 1001)]
    [InlineData(Priority, 5, 5001)]
    [InlineData(PriorityUpdate, 8, 5001)]
    [InlineData(Reset, 4, FrameFlood.Burst + 1)]
    [InlineData(WindowUpdate, 4, 5001)]
    [InlineData(GoAway, 8, 1001)]
    [InlineData(Continuation, 16_384, 10_001)]
    [InlineData(Unknown, 5, 1001)]
    public void Frames_that_cost_only_us_are_too_many_at_their_count(byte type, int length, int count)
    {
        var flood = new FrameFlood();
        Assert.False(flood.Advance(Opening, TimeSpan.Zero));
        for (var i = 1; i < count; i++) Assert.False(flood.Advance(Frame(type, length), TimeSpan.FromSeconds(1)));
        Assert.True(flood.Advance(Frame(type, length), TimeSpan.FromSeconds(1)));
    }

    [Theory]
    [InlineData(Ping, 8, 0, true)]
    [InlineData(Headers, 30, 0, true)]
    [InlineData(Settings, 0, 1, true)]
    [InlineData(Settings, 6, 0, false)]
    public void Who_does_not_begin_with_settings_is_no_client(byte type, int length, byte flags, bool bad)
    {
        var flood = new FrameFlood();
        Assert.Equal(bad, flood.Advance([.. new byte[24], .. Frame(type, length, flags)], TimeSpan.Zero));
        Assert.Equal(bad, flood.HasBadPreface);
    }

    [Theory]
    [InlineData(0, 1001)]
    [InlineData(1, 10_001)]
    public void Padding_is_no_content(byte content, int count)
    {
        const byte Padded = 8;
        var flood = new FrameFlood();
        flood.Advance(Opening, TimeSpan.Zero);
        var frame = Frame(Data, content + 21, Padded);
        frame[9] = 20;
        for (var i = 1; i < count; i++) Assert.False(flood.Advance(frame, TimeSpan.Zero));
        // Known once the length of the padding has come.
        Assert.False(flood.Advance(frame.AsSpan(0, 9), TimeSpan.Zero));
        Assert.True(flood.Advance(frame.AsSpan(9), TimeSpan.Zero));
    }

    [Fact]
    public void Work_is_no_flood()
    {
        var flood = new FrameFlood();
        flood.Advance(Opening, TimeSpan.Zero);
        for (var i = 0; i < 20_000; i++)
        {
            Assert.False(flood.Advance(Frame(Headers, 30), TimeSpan.Zero));
            Assert.False(flood.Advance(Frame(Data, FrameFlood.LeastContent), TimeSpan.Zero));
            Assert.False(flood.Advance(Frame(Data, 0, flags: 1), TimeSpan.Zero));
            Assert.False(flood.Advance(Frame(Continuation, 100, flags: 4), TimeSpan.Zero));
        }
    }

    /// <summary>A client that takes small messages as fast as they come acknowledges each, and measures the way.</summary>
    [Fact]
    public void What_answers_us_is_no_flood()
    {
        var flood = new FrameFlood();
        flood.Advance(Opening, TimeSpan.Zero);
        var written = 0L;
        for (var i = 0; i < 100_000; i++)
        {
            written += 10; // A DATA frame with one byte.
            Assert.False(flood.Advance(Frame(WindowUpdate, 4), TimeSpan.Zero, written));
            Assert.False(flood.Advance(Frame(WindowUpdate, 4), TimeSpan.Zero, written));
            written += 15 + 17; // A gRPC message, and the answer to the PING before.
            Assert.False(flood.Advance(Frame(Ping, 8), TimeSpan.Zero, written));
            written += 20; // An answer of which its client wants no more.
            Assert.False(flood.Advance(Frame(Reset, 4), TimeSpan.Zero, written));
            written += 10;
            Assert.False(flood.Advance(Frame(Data, 1), TimeSpan.Zero, written));
        }
    }

    [Theory]
    [InlineData(Ping, 8, 17, 5001)]
    [InlineData(Settings, 0, 9, 1001)]
    public void What_we_answer_pays_for_nothing(byte type, int length, int answer, int count)
    {
        var flood = new FrameFlood();
        flood.Advance(Opening, TimeSpan.Zero);
        var written = 0L;
        for (var i = 1; i < count; i++)
        {
            Assert.False(flood.Advance(Frame(type, length), TimeSpan.Zero, written));
            written += answer;
        }

        Assert.True(flood.Advance(Frame(type, length), TimeSpan.Zero, written));
    }

    [Fact]
    public void Clients_that_give_up_waiting_are_no_burst()
    {
        var flood = new FrameFlood();
        flood.Advance(Opening, TimeSpan.Zero);
        for (var round = 0; round < 50; round++)
        {
            var now = TimeSpan.FromMilliseconds(200 * round);
            for (var i = 0; i < 100; i++) Assert.False(flood.Advance(Frame(Headers, 30), now));
            for (var i = 0; i < 100; i++) Assert.False(flood.Advance(Frame(Reset, 4), now));
        }
    }

    [Fact]
    public void A_long_answer_pays_for_a_bounded_number()
    {
        var flood = new FrameFlood();
        flood.Advance(Opening, TimeSpan.Zero);
        var taken = 0;
        while (!flood.Advance(Frame(WindowUpdate, 4), TimeSpan.Zero, written: 1L << 40)) taken++;
        Assert.Equal((FrameFlood.MostCredit / 5) + 5000, taken);
    }

    [Fact]
    public void A_new_window_begins_anew()
    {
        var flood = new FrameFlood();
        flood.Advance(Opening, TimeSpan.Zero);
        for (var second = 0; second < 100; second += 11)
        {
            for (var i = 0; i < 5000; i++) Assert.False(flood.Advance(Frame(Ping, 8), TimeSpan.FromSeconds(second)));
        }
    }

    [Fact]
    public void Frames_are_followed_through_any_split()
    {
        byte[] stream = [.. Opening, .. Frame(Headers, 300), .. Frame(Data, 70_000), .. Enumerable.Range(0, 1001).SelectMany(_ => Frame(Settings, 6))];
        foreach (var size in (int[])[1, 2, 7, 9, 4096])
        {
            var flood = new FrameFlood();
            var found = -1;
            for (var at = 0; at < stream.Length && found < 0; at += size)
            {
                if (flood.Advance(stream.AsSpan(at, Math.Min(size, stream.Length - at)), TimeSpan.Zero)) found = at;
            }

            // Its header is enough to know the last frame.
            Assert.InRange(found, stream.Length - 15 - size, stream.Length - 1);
        }
    }

    private static byte[] Frame(byte type, int length, byte flags = 0)
    {
        var frame = new byte[9 + length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, (uint)length << 8);
        (frame[3], frame[4]) = (type, flags);
        return frame;
    }
}
