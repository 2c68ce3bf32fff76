using System.Text;
using DrainProxy.Proxy.Forwarding.Streams;

namespace DrainProxy.Proxy.Tests.Forwarding;

/// <summary>Where a stream may be cut, whatever pieces it comes in.</summary>
public sealed class BoundariesTests
{
    [Theory]
    [InlineData("", true)]
    [InlineData("data: 1", false)]
    [InlineData("data: 1\n", false)]
    [InlineData("data: 1\n\n", true)]
    [InlineData("data: 1\r\n\r\n", true)]
    [InlineData("data: 1\r\r", true)]
    [InlineData("data: 1\n\ndata", false)]
    [InlineData(": ping\n\n", true)]
    [InlineData("data: 1\r\ndata: 2\r\n", false)]
    public void Events_end_with_an_empty_line(string text, bool atBoundary)
    {
        foreach (var boundary in InPieces(() => new SseBoundary(), Encoding.UTF8.GetBytes(text))) Assert.Equal(atBoundary, boundary.AtBoundary);
    }

    [Fact]
    public void The_first_boundary_of_a_piece_is_told()
    {
        Assert.Equal(9, new SseBoundary().Advance("data: 1\n\ndata: 2\n\n"u8));
        Assert.Equal(-1, new SseBoundary().Advance("data: 1\n"u8));
        Assert.Equal(6, new GrpcBoundary().Advance([0, 0, 0, 0, 1, 42, 0, 0]));
    }

    [Fact]
    public void Grpc_messages_end_after_their_length()
    {
        byte[] empty = [0, 0, 0, 0, 0];
        byte[] three = [0, 0, 0, 0, 3, 1, 2, 3];
        foreach (var boundary in InPieces(() => new GrpcBoundary(), [.. empty, .. three])) Assert.True(boundary.AtBoundary);
        foreach (var boundary in InPieces(() => new GrpcBoundary(), [.. three, 0])) Assert.False(boundary.AtBoundary);
        foreach (var boundary in InPieces(() => new GrpcBoundary(), three[..^1])) Assert.False(boundary.AtBoundary);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(125, false)]
    [InlineData(126, true)]
    [InlineData(65_536, true)]
    public void WebSocket_frames_end_after_their_payload(int length, bool masked)
    {
        var frame = Frame(1, length, masked);
        foreach (var boundary in InPieces(() => new WebSocketBoundary(), frame)) Assert.True(boundary.AtBoundary);
        foreach (var boundary in InPieces(() => new WebSocketBoundary(), frame[..^1])) Assert.False(boundary.AtBoundary);
        foreach (var boundary in InPieces(() => new WebSocketBoundary(), [.. frame, .. Frame(8, 2, masked)]))
        {
            Assert.True(((WebSocketBoundary)boundary).CloseSeen);
            Assert.True(boundary.AtBoundary);
        }
    }

    /// <summary>The same bytes at once, byte by byte and in uneven pieces.</summary>
    private static IEnumerable<IMessageBoundary> InPieces(Func<IMessageBoundary> create, byte[] bytes)
    {
        foreach (var size in new[] { int.MaxValue, 1, 7 })
        {
            var boundary = create();
            foreach (var piece in bytes.Chunk(Math.Min(size, Math.Max(1, bytes.Length)))) boundary.Advance(piece);
            yield return boundary;
        }
    }

    private static byte[] Frame(byte opcode, int length, bool masked)
    {
        var mask = (byte)(masked ? 0x80 : 0);
        byte[] head = length switch
        {
            < 126 => [(byte)(0x80 | opcode), (byte)(mask | length)],
            < 65_536 => [(byte)(0x80 | opcode), (byte)(mask | 126), (byte)(length >> 8), (byte)length],
            _ => [(byte)(0x80 | opcode), (byte)(mask | 127), 0, 0, 0, 0, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length],
        };
        return [.. head, .. new byte[masked ? 4 : 0], .. new byte[length]];
    }
}
