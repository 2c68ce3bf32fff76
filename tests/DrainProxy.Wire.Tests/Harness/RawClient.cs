using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>What a client has received on one connection.</summary>
/// <param name="Finals">Final answers, each whole.</param>
/// <param name="Interims">1xx answers.</param>
/// <param name="Rest">Bytes that are no whole answer.</param>
/// <param name="Ended">The proxy has closed.</param>
/// <param name="Reset">It has closed by RST.</param>
/// <param name="Malformed">Why a byte is no part of an answer.</param>
internal sealed record Received(
    IReadOnlyList<Message> Finals, IReadOnlyList<Message> Interims, string Rest, bool Ended, bool Reset, string? Malformed, string Raw);

/// <summary>Sends bytes as they are and reads answers strictly. Every wait has a limit.</summary>
internal static class RawClient
{
    private static readonly TimeSpan LongPause = TimeSpan.FromMilliseconds(300);

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(4);

    /// <summary>Sends, then reads until the wanted number of final answers is there or the proxy closes.</summary>
    /// <param name="port">Of the proxy.</param>
    /// <param name="bytes">Latin-1 text; `{pause}` makes two writes of it; twice, it leaves the proxy time to answer first, on a busy machine too.</param>
    /// <param name="methods">Of the requests, in order.</param>
    /// <param name="untilEnd">Read on to the end of the connection.</param>
    /// <param name="leave">Close the sending side when all is sent.</param>
    public static async Task<Received> Exchange(int port, string bytes, IReadOnlyList<string> methods, bool untilEnd, bool leave)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port);
        var writing = Write(socket, bytes, leave);
        var raw = new StringBuilder();
        var buffer = new byte[64 * 1024];
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        var (ended, reset) = (false, false);
        var received = Parse("", methods, ended: false, reset: false);
        try
        {
            while (!ended && received.Malformed is null && (untilEnd || received.Finals.Count < methods.Count))
            {
                var count = await socket.ReceiveAsync(buffer, limit.Token);
                ended = count == 0;
                raw.Append(Encoding.Latin1.GetString(buffer, 0, count));
                received = Parse(raw.ToString(), methods, ended, reset);
            }
        }
        catch (SocketException)
        {
            (ended, reset) = (true, true);
        }
        catch (OperationCanceledException)
        {
            // Told by what is missing.
        }

        try
        {
            await writing;
        }
        catch (SocketException)
        {
            // Refused before all was sent.
        }

        return Parse(raw.ToString(), methods, ended, reset);
    }

    private static async Task Write(Socket socket, string bytes, bool leave)
    {
        foreach (var part in bytes.Split("{pause}"))
        {
            if (part.Length == 0)
            {
                await Task.Delay(LongPause, TimeProvider.System);
                continue;
            }

            await socket.SendAsync(Encoding.Latin1.GetBytes(part));
            if (part.Length < bytes.Length) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        if (leave) socket.Shutdown(SocketShutdown.Send);
    }

    private static Received Parse(string raw, IReadOnlyList<string> methods, bool ended, bool reset)
    {
        var (finals, interims) = (new List<Message>(), new List<Message>());
        var at = 0;
        try
        {
            while (at < raw.Length && Messages.Answer(raw[at..], methods[Math.Min(finals.Count, methods.Count - 1)], ended) is var (answer, length))
            {
                (answer.Status is >= 100 and < 200 and not 101 ? interims : finals).Add(answer);
                at += length;
                if (answer.Status == 101) break;
            }
        }
        catch (MalformedException e)
        {
            return new(finals, interims, raw[at..], ended, reset, e.Message, raw);
        }

        return new(finals, interims, raw[at..], ended, reset, null, raw);
    }
}
