using System.Text;
using DrainProxy.Decisions.Framing;

namespace DrainProxy.Decisions.Tests.Framing;

public sealed class ChunkScannerTests
{
    [Theory]
    [InlineData("0\r\n\r\n")]
    [InlineData("5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("005;a=b;c=\"d e\"\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n")]
    [InlineData("1\r\na\r\n0\r\nT: v\r\nU:\t\u00e9\r\n\r\n")]
    public void Whole_bodies_end_where_they_end(string body)
    {
        var bytes = Encoding.Latin1.GetBytes(body + "GET / HTTP/1.1\r\n");
        var whole = new ChunkScanner();
        Assert.Equal(FramingFault.None, whole.Advance(bytes, out var taken));
        Assert.True(whole.Done);
        Assert.Equal((body.Length, 0), (taken, whole.Held));

        // The same in pieces of one byte.
        var pieces = new ChunkScanner();
        for (var i = 0; i < body.Length; i++)
        {
            Assert.False(pieces.Done);
            Assert.Equal(FramingFault.None, pieces.Advance(bytes.AsSpan(i, 1), out taken));
            Assert.Equal(1, taken);
        }

        Assert.True(pieces.Done);
    }

    [Theory]
    [InlineData("g\r\n", FramingFault.ChunkSize)]
    [InlineData("\r\n", FramingFault.ChunkSize)]
    [InlineData(";a\r\n", FramingFault.ChunkSize)]
    [InlineData("+5\r\n", FramingFault.ChunkSize)]
    [InlineData("0x5\r\n", FramingFault.ChunkSize)]
    [InlineData(" 5\r\n", FramingFault.ChunkSize)]
    [InlineData("5 \r\n", FramingFault.ChunkSize)]
    [InlineData("5 5;a\r\n", FramingFault.ChunkSize)]
    [InlineData("80000000 ;a\r\n", FramingFault.ChunkSize)]
    [InlineData("5\nhello", FramingFault.ChunkSize)]
    [InlineData("5\rhello", FramingFault.ChunkSize)]
    [InlineData("8000000000000000\r\n", FramingFault.ChunkSize)]
    [InlineData("000000005\r\n", FramingFault.ChunkSize)]
    [InlineData("80000000\r\n", FramingFault.ChunkSize)]
    [InlineData("80000000;a\r\n", FramingFault.ChunkSize)]
    [InlineData("7fffffff;a\r\n", FramingFault.None)]
    [InlineData("5;a\u0000\r\n", FramingFault.ChunkExtension)]
    [InlineData("5;a\nhello", FramingFault.ChunkExtension)]
    [InlineData("5\r\nhelloX", FramingFault.ChunkData)]
    [InlineData("5\r\nhello\n", FramingFault.ChunkData)]
    [InlineData("5\r\nhello\rX", FramingFault.ChunkData)]
    [InlineData("0\r\nX", FramingFault.None)]
    [InlineData("0\r\nA b: c\r\n\r\n", FramingFault.Trailer)]
    [InlineData("0\r\n A: c\r\n\r\n", FramingFault.Trailer)]
    [InlineData("0\r\nA: c\nB: d\r\n\r\n", FramingFault.Trailer)]
    [InlineData("0\r\nA: c\r\n\rX", FramingFault.Trailer)]
    public void Faults_are_named(string body, FramingFault fault)
    {
        var scanner = new ChunkScanner();
        Assert.Equal(fault, scanner.Advance(Encoding.Latin1.GetBytes(body), out _));
        Assert.False(scanner.Done);
    }

    [Fact]
    public void A_line_that_is_not_whole_is_held()
    {
        var scanner = new ChunkScanner();
        scanner.Advance("5;ext"u8.ToArray(), out var taken);
        Assert.Equal((5, 5), (taken, scanner.Held));
        scanner.Advance("\r\nhel"u8.ToArray(), out _);
        Assert.Equal(0, scanner.Held);
        scanner.Advance("lo\r\n0\r\nTrailer: x\r\n"u8.ToArray(), out _);
        Assert.Equal("Trailer: x\r\n".Length, scanner.Held);
        scanner.Advance("\r\n"u8.ToArray(), out _);
        Assert.True(scanner.Done);
        Assert.Equal(0, scanner.Held);
    }

    [Fact]
    public void Blanks_before_an_extension_become_part_of_it()
    {
        var bytes = "5 \t;a = b\r\nhello\r\n0 ;c\r\n\r\n"u8.ToArray();
        var scanner = new ChunkScanner();
        for (var i = 0; i < bytes.Length; i++) Assert.Equal(FramingFault.None, scanner.Advance(bytes.AsSpan(i, 1), out _));
        Assert.True(scanner.Done);
        Assert.Equal("5;;;a = b\r\nhello\r\n0;;c\r\n\r\n", Encoding.ASCII.GetString(bytes));
        var endless = new ChunkScanner();
        Assert.Equal(FramingFault.ChunkExtension, endless.Advance(Encoding.ASCII.GetBytes("5" + new string(' ', ChunkScanner.MaxSizeLine)), out _));
    }

    [Fact]
    public void Extensions_and_trailers_are_bounded()
    {
        var extension = new ChunkScanner();
        Assert.Equal(FramingFault.ChunkExtension, extension.Advance(Encoding.ASCII.GetBytes("5;" + new string('a', ChunkScanner.MaxSizeLine)), out _));
        var trailer = new ChunkScanner();
        Assert.Equal(FramingFault.Trailer, trailer.Advance(Encoding.ASCII.GetBytes("0\r\nA: " + new string('a', ChunkScanner.MaxTrailer)), out _));
    }
}
