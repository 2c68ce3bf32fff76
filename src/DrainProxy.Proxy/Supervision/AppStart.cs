using System.Net;
using System.Net.Sockets;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Supervision;

/// <summary>Where a new process of the app is to listen, and whether it does.</summary>
internal static class AppStart
{
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestLook = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(2);

    /// <summary>A process that listens on another port for this long, and not on its own, has not looked at the variable.</summary>
    private static readonly TimeSpan ElsewhereAfter = TimeSpan.FromSeconds(2);

    /// <summary>A free port below the ephemeral range, so that no outgoing connection takes it before the app does.</summary>
    /// <exception cref="SocketException">No port could be bound in many attempts.</exception>
    public static AppAddress FreshAddress()
    {
        for (var attempt = 0; ; attempt++)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            try
            {
                using var probe = new Socket(SocketType.Stream, ProtocolType.Tcp);
                probe.Bind(new IPEndPoint(probe.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, port));
                // By name: many servers listen on ::1 alone when told `localhost`.
                return new(AppScheme.Http, "localhost", port);
            }
            catch (SocketException) when (attempt < 1000)
            {
                // Taken: another one.
            }
        }
    }

    /// <summary>
    /// Waits until the process answers; returns where: its own address, or another port on which its group listens instead. Null when it
    /// ended or was no longer waited for.
    /// </summary>
    /// <param name="mayBeElsewhere">The address was our choice, so the app may not have followed it.</param>
    public static async Task<AppAddress?> Answers(AppProcess process, string? healthPath, bool mayBeElsewhere, TimeProvider time, CancellationToken stop)
    {
        var pause = FirstLook;
        long? elsewhereSince = null;
        while (!stop.IsCancellationRequested && !process.Exited.IsCompleted)
        {
            if (await AppProbe.Answers(process.Address, healthPath, LookLimit, time, stop)) return process.Address;
            if (mayBeElsewhere && pause == LongestLook)
            {
                var ports = ListeningPorts.OfGroup(process.Id);
                if (ports.Count == 0 || ports.Contains(process.Address.Port)) elsewhereSince = null;
                else if ((elsewhereSince ??= time.GetTimestamp()) is { } since && time.GetElapsedTime(since) >= ElsewhereAfter)
                {
                    var other = process.Address with { Port = ports[0] };
                    if (await AppProbe.Answers(other, healthPath, LookLimit, time, stop)) return other;
                }
            }

            try
            {
                await Task.WhenAny(process.Exited, Task.Delay(pause, time, stop));
            }
            catch (OperationCanceledException)
            {
                break;
            }

            pause = pause * 2 < LongestLook ? pause * 2 : LongestLook;
        }

        return null;
    }
}
