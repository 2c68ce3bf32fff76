using System.Net.Sockets;
using System.Text;
using DrainProxy.Demo.App;
using DrainProxy.Demo.Http;
using DrainProxy.Demo.LoadBalancing;

namespace DrainProxy.Demo.Load;

/// <summary>One client with one keep-alive connection to the load balancer. Anything but the right answer with status 200 is a failure.</summary>
internal sealed class LoadClient(int port, Tally tally, TimeSpan timeout, TimeProvider time) : IDisposable
{
    private HttpConnection? _connection;

    public Task GetAsync(string target, CancellationToken cancel) => SendAsync("GET", target, [], cancel);

    public Task PostAsync(string target, string body, CancellationToken cancel) => SendAsync("POST", target, Encoding.Latin1.GetBytes(body), cancel);

    public void Dispose() => _connection?.Dispose();

    private async Task SendAsync(string method, string target, byte[] body, CancellationToken cancel)
    {
        using var tooLate = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(tooLate.Token, cancel);
        var started = time.GetTimestamp();
        var failure = await TrySendAsync(HttpMessage.Request(method, target, "demo.example", body), either.Token);
        cancel.ThrowIfCancellationRequested();
        tally.Add(time.GetElapsedTime(started), failure);
    }

    private async Task<string?> TrySendAsync(HttpMessage request, CancellationToken cancel)
    {
        try
        {
            _connection ??= await HttpConnection.ConnectAsync(port, cancel);
            await _connection.WriteAsync(request, cancel);
            var response = await _connection.ReadResponseAsync(cancel);
            if (!response.KeepAlive)
                Disconnect();
            return FailureOf(request, response);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            Disconnect();
            return $"connection to the load balancer: {(e as SocketException)?.SocketErrorCode.ToString() ?? e.Message}";
        }
        catch (OperationCanceledException)
        {
            Disconnect();
            return $"no answer within {timeout.TotalSeconds:0} s";
        }
    }

    private static string? FailureOf(HttpMessage request, HttpMessage response)
    {
        if (response.Status != 200)
            return response.Header(DemoLoadBalancer.ReasonHeader) is { } reason ? $"{response.Status}: {reason}" : $"{response.Status} from the target";
        var words = request.StartLine.Split(' ');
        return response.Body.AsSpan().SequenceEqual(DemoApp.Answer(words[0], words[1], request.Body)) ? null : "wrong body";
    }

    private void Disconnect()
    {
        _connection?.Dispose();
        _connection = null;
    }
}
