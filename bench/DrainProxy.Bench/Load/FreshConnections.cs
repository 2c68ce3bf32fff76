using System.Net.Sockets;

namespace DrainProxy.Bench.Load;

/// <summary>A client that opens a connection for each request, one after the other: what somebody new waits for.</summary>
internal static class FreshConnections
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Asks until cancelled; each time from before the connect to the whole answer, in µs.</summary>
    public static Task<FreshResult> Run(int port, CancellationToken until) => Task.Factory.StartNew(
        () =>
        {
            var request = HttpExchange.Request(port);
            var times = new List<double>();
            var failed = 0;
            while (!until.WaitHandle.WaitOne(Pause))
            {
                var started = TimeProvider.System.GetTimestamp();
                try
                {
                    using var socket = HttpExchange.Connect(port);
                    if (HttpExchange.Ask(socket, request)) times.Add(TimeProvider.System.GetElapsedTime(started).TotalMicroseconds);
                    else failed++;
                }
                catch (SocketException)
                {
                    failed++;
                }
            }

            times.Sort();
            return new FreshResult(times.Count, failed, times.Count == 0 ? double.NaN : times[(int)Math.Min(times.Count - 1, 0.99 * times.Count)]);
        },
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);
}

/// <summary>Requests answered and failed, and the p99 of the former in µs.</summary>
internal sealed record FreshResult(int Answered, int Failed, double P99);
