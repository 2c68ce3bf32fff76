using System.Net.Sockets;

namespace DrainProxy.Bench.Attacks;

/// <summary>Connections that say nothing and stay.</summary>
internal sealed class HeldConnections(int count) : Attack("held-connections", $"{count} connections that say nothing")
{
    private static readonly byte[] Nothing = new byte[512];
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    protected override Task Go(int port, Tally tally, CancellationToken cancel) => Keep(
        port, count, tally,
        async socket =>
        {
            while (IsOpen(socket, Nothing)) await Wait(Look, cancel);
        },
        cancel);
}

/// <summary>Connections that are opened and reset at once.</summary>
internal sealed class ConnectionChurn(int perSecond) : Attack("connection-churn", $"{perSecond} connections a second, reset at once")
{
    protected override async Task Go(int port, Tally tally, CancellationToken cancel)
    {
        using var pace = new Pace(perSecond);
        while (true)
        {
            for (var due = await pace.Next(cancel); due > 0; due--)
            {
                using var socket = NewSocket();
                socket.LingerState = new LingerOption(enable: true, seconds: 0);
                try
                {
                    await Connect(socket, port, cancel);
                    tally.Opened();
                }
                catch (SocketException)
                {
                    tally.Ended();
                }
            }
        }
    }
}

/// <summary>So many a second, a few at a time: how many are due is told every ten milliseconds.</summary>
internal sealed class Pace(int perSecond) : IDisposable
{
    private readonly PeriodicTimer timer = new(TimeSpan.FromMilliseconds(10), TimeProvider.System);
    private readonly long started = TimeProvider.System.GetTimestamp();
    private long taken;

    public async Task<int> Next(CancellationToken cancel)
    {
        await timer.WaitForNextTickAsync(cancel);
        var all = (long)(TimeProvider.System.GetElapsedTime(started).TotalSeconds * perSecond);
        // What the attacker could not send in time is not made up for in one burst.
        var due = (int)Math.Min(all - taken, perSecond / 20 + 1);
        taken = all;
        return due;
    }

    public void Dispose() => timer.Dispose();
}
