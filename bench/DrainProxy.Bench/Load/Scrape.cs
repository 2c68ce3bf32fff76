using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Bench.Load;

/// <summary>One read of a Prometheus endpoint.</summary>
internal static class Scrape
{
    private const int Largest = 1 << 20;

    /// <summary>The answer's text, or why there is none.</summary>
    public static (string? Text, string? Problem) Read((int Port, string Path) at)
    {
        try
        {
            using var socket = HttpExchange.Connect(at.Port);
            socket.Send(HttpExchange.Request(at.Port, at.Path));
            var buffer = new byte[Largest];
            for (var filled = 0; filled < Largest;)
            {
                var read = socket.Receive(buffer.AsSpan(filled));
                filled += read;
                if (HttpExchange.Complete(buffer.AsSpan(0, filled)) is { } ok)
                {
                    return ok ? (Encoding.UTF8.GetString(buffer, 0, filled), null) : (null, "did not answer 200");
                }

                if (read == 0)
                {
                    break;
                }
            }

            return (null, "gave no whole answer");
        }
        catch (SocketException e)
        {
            return (null, e.Message);
        }
    }

    /// <summary>The sum of a counter over its labels.</summary>
    public static double Sum(string text, string counter) => text.Split('\n')
        .Where(line => line.StartsWith(counter) && line.Length > counter.Length && line[counter.Length] is '{' or ' ')
        .Sum(line => double.TryParse(line[(line.LastIndexOf(' ') + 1)..], out var value) ? value : 0);
}
