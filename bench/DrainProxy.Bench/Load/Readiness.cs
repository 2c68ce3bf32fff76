using System.Net.Sockets;
using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Load;

internal static class Readiness
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(1);

    /// <summary>Asks every millisecond or two until the first 200. Throws with the child's last lines when it ends or the limit passes.</summary>
    public static async Task Wait(Child child, (int Port, string Path) at, CancellationToken cancellation)
    {
        var request = HttpExchange.Request(at.Port, at.Path);
        var started = TimeProvider.System.GetTimestamp();
        while (!Answers(at.Port, request))
        {
            if (child.Exited || TimeProvider.System.GetElapsedTime(started) > Limit)
            {
                throw new PeerException($"{(child.Exited ? "ended" : "was not ready in 15 s")}; its last lines:{Environment.NewLine}{child.LastLines}");
            }

            await Task.Delay(Interval, TimeProvider.System, cancellation);
        }
    }

    private static bool Answers(int port, byte[] request)
    {
        try
        {
            using var socket = HttpExchange.Connect(port);
            return HttpExchange.Ask(socket, request);
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>A peer that does not do its part: it is noted and left out, the others go on.</summary>
internal sealed class PeerException(string message) : Exception(message);
