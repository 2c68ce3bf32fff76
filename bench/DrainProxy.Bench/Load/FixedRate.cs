using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace DrainProxy.Bench.Load;

/// <summary>
/// Open-loop load: requests fall due by the clock, whether or not earlier ones were answered, and each is timed from the moment it was due. So a
/// stall counts against every request that it delays (no coordinated omission). One thread and ppoll: a thread pool's own jitter would be
/// larger than what is measured.
/// </summary>
internal sealed partial class FixedRate : IDisposable
{
    private const short PollIn = 1;
    private const int SetTimerSlack = 29;
    private static readonly TimeProvider Clock = TimeProvider.System;
    private static readonly TimeSpan Straggling = TimeSpan.FromSeconds(2);

    private readonly int port;
    private readonly byte[] request;
    private readonly Connection[] connections;
    private readonly Queue<Connection> free = new();
    private readonly Queue<long> due = new();
    private readonly PollFd[] polled;
    private readonly List<long> latencies;
    private readonly List<long> late;
    private long failed;

    private FixedRate(int port, int connections, int expected)
    {
        this.port = port;
        request = HttpExchange.Request(port);
        this.connections = [.. Enumerable.Range(0, connections).Select(_ => new Connection())];
        polled = new PollFd[connections];
        latencies = new List<long>(expected);
        late = new List<long>(expected);
    }

    public static Task<FixedRateResult> Run(int port, int connections, int rate, double seconds) => Task.Factory.StartNew(
        () =>
        {
            using var load = new FixedRate(port, connections, (int)(rate * seconds) + 1);
            return load.Run(rate, seconds);
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    public void Dispose() => Array.ForEach(connections, connection => connection.Socket?.Dispose());

    private FixedRateResult Run(int rate, double seconds)
    {
        _ = PrCtl(SetTimerSlack, 1, 0, 0, 0); // the default of 50 µs would be part of every figure
        foreach (var connection in connections)
        {
            Open(connection);
            free.Enqueue(connection);
        }

        var interval = (double)Clock.TimestampFrequency / rate;
        var total = (long)(rate * seconds);
        var start = Clock.GetTimestamp();
        var giveUp = start + (long)((seconds + Straggling.TotalSeconds) * Clock.TimestampFrequency);
        long issued = 0;
        while (issued < total || due.Count > 0 || free.Count < connections.Length)
        {
            var now = Clock.GetTimestamp();
            if (now > giveUp)
            {
                failed += due.Count + connections.Length - free.Count;
                break;
            }

            for (; issued < total && start + (long)(issued * interval) <= now; issued++)
            {
                due.Enqueue(start + (long)(issued * interval));
            }

            while (due.Count > 0 && free.Count > 0)
            {
                Send(free.Dequeue(), due.Dequeue());
            }

            Receive(issued < total ? start + (long)(issued * interval) : giveUp);
        }

        return new FixedRateResult(total, failed, Quantile(latencies, 0.5), Quantile(latencies, 0.99), Quantile(late, 0.99));
    }

    private void Open(Connection connection)
    {
        connection.Socket?.Dispose();
        connection.Socket = HttpExchange.Connect(port);
        connection.Socket.Blocking = false;
        connection.Descriptor = (int)connection.Socket.Handle;
        connection.Busy = false;
    }

    private void Send(Connection connection, long dueAt)
    {
        connection.Filled = 0;
        connection.DueAt = dueAt;
        connection.Busy = true;
        late.Add(Clock.GetTimestamp() - dueAt);
        connection.Socket!.Send(request, SocketFlags.None, out var error);
        if (error != SocketError.Success)
        {
            Fail(connection);
        }
    }

    /// <summary>Takes what has arrived, or waits until the next request is due.</summary>
    private void Receive(long until)
    {
        var count = 0;
        foreach (var connection in connections)
        {
            if (connection.Busy)
            {
                connection.Slot = count;
                polled[count++] = new PollFd { Descriptor = connection.Descriptor, Events = PollIn };
            }
        }

        var wait = Math.Max(0, until - Clock.GetTimestamp());
        var time = new TimeSpec { Seconds = (nint)(wait / Clock.TimestampFrequency), Nanoseconds = (nint)(wait % Clock.TimestampFrequency * 1_000_000_000 / Clock.TimestampFrequency) };
        if (PPoll(polled, (nuint)count, time, 0) <= 0)
        {
            return;
        }

        foreach (var connection in connections)
        {
            if (connection.Busy && polled[connection.Slot].Returned != 0)
            {
                Take(connection);
            }
        }
    }

    private void Take(Connection connection)
    {
        var read = connection.Socket!.Receive(connection.Buffer.AsSpan(connection.Filled), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock)
        {
            return;
        }

        connection.Filled += read;
        if (read == 0 || error != SocketError.Success || HttpExchange.Complete(connection.Buffer.AsSpan(0, connection.Filled)) is false)
        {
            Fail(connection);
        }
        else if (HttpExchange.Complete(connection.Buffer.AsSpan(0, connection.Filled)) is true)
        {
            latencies.Add(Clock.GetTimestamp() - connection.DueAt);
            connection.Busy = false;
            free.Enqueue(connection);
        }
    }

    private void Fail(Connection connection)
    {
        failed++;
        Open(connection);
        free.Enqueue(connection);
    }

    private static double Quantile(List<long> ticks, double quantile)
    {
        if (ticks.Count == 0)
        {
            return double.NaN;
        }

        ticks.Sort();
        return ticks[(int)Math.Min(ticks.Count - 1, quantile * ticks.Count)] * 1e6 / Clock.TimestampFrequency;
    }

    [LibraryImport("libc", EntryPoint = "ppoll")]
    private static partial int PPoll([In, Out] PollFd[] descriptors, nuint count, in TimeSpec timeout, nint signals);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int PrCtl(int option, nuint a, nuint b, nuint c, nuint d);

    private struct PollFd
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    private sealed class Connection
    {
        public Socket? Socket { get; set; }
        public int Descriptor { get; set; }
        public byte[] Buffer { get; } = new byte[HttpExchange.BufferSize];
        public int Filled { get; set; }
        public int Slot { get; set; }
        public long DueAt { get; set; }
        public bool Busy { get; set; }
    }
}

/// <summary>Times in µs; <paramref name="LateP99"/> is how late the generator itself sent, part of the other two.</summary>
internal sealed record FixedRateResult(long Requests, long Failed, double P50, double P99, double LateP99);
