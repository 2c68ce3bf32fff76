using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Text;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Commands;

/// <summary>
/// `drainproxy signal terminating`, the sidecar's preStop hook: tells the running sidecar that the pod goes, and returns. It runs in the sidecar's
/// container and so reads the same settings. A socket and one line do; a full HTTP client would take longer to load than the call takes.
/// </summary>
internal static class SignalCommand
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StartInterval = TimeSpan.FromMilliseconds(50);

    public static Command Create()
    {
        var terminating = new Command("terminating", "starts the drain of the sidecar that runs here");
        var options = SettingOptions.AddTo(terminating, row => row.Name is "admin" or "config");
        terminating.SetAction((result, cancel) => TerminatingAsync(options.Read(result), cancel));
        var started = new Command("started", "returns once the sidecar that runs here listens, for a postStart hook");
        var startedOptions = SettingOptions.AddTo(started, row => row.Name is "admin" or "config");
        started.SetAction((result, cancel) => StartedAsync(startedOptions.Read(result), cancel));
        return new Command("signal", "speaks to the sidecar that runs here, for its hooks") { terminating, started };
    }

    private static async Task<int> TerminatingAsync(IReadOnlyDictionary<string, IReadOnlyList<string>> options, CancellationToken cancel)
    {
        var (admin, errors) = SettingsBinder.BindAdmin(options, SettingsBinder.ReadEnvironment());
        if (admin is null)
            return ConfigurationErrors.Print(errors, []);
        if (admin.Port == 0)
            return Fail("the admin port is 0, so nobody knows where the sidecar listens: set --admin to a fixed port");

        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var target = new DnsEndPoint(Loopback(admin.Host), admin.Port);
        try
        {
            var status = await PostDrainAsync(target, both.Token);
            return status is >= 200 and < 300 ? ExitCodes.Ok : Fail($"the sidecar on {target.Host}:{target.Port} answered {status} to POST /drain");
        }
        catch (Exception e) when (e is SocketException or IOException or InvalidDataException)
        {
            return Fail($"no sidecar on {target.Host}:{target.Port}: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            return Fail($"the sidecar on {target.Host}:{target.Port} did not answer within {Limit.TotalSeconds:0} s");
        }
    }

    /// <summary>
    /// For the postStart hook of a plain container: the next container starts when it has returned, and then finds the proxy listening. It fails
    /// after <see cref="StartLimit"/>, and the kubelet restarts the container.
    /// </summary>
    private static async Task<int> StartedAsync(IReadOnlyDictionary<string, IReadOnlyList<string>> options, CancellationToken cancel)
    {
        var (admin, errors) = SettingsBinder.BindAdmin(options, SettingsBinder.ReadEnvironment());
        if (admin is null)
            return ConfigurationErrors.Print(errors, []);
        using var limit = new CancellationTokenSource(StartLimit, TimeProvider.System);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            while (true)
            {
                try
                {
                    // The data listeners are bound in the same breath as this one.
                    using var client = new TcpClient();
                    await client.ConnectAsync(Loopback(admin.Host), admin.Port, both.Token);
                    return ExitCodes.Ok;
                }
                catch (SocketException)
                {
                    await Task.Delay(StartInterval, TimeProvider.System, both.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine($"drainproxy: signal started: nothing listens on {Loopback(admin.Host)}:{admin.Port} after {StartLimit.TotalSeconds:0} s");
            return ExitCodes.Failed;
        }
    }

    /// <summary>POST /drain is taken from loopback only; a listener on every address listens there too.</summary>
    private static string Loopback(string host) => host switch
    {
        "0.0.0.0" => "127.0.0.1",
        _ when IPAddress.TryParse(host, out var ip) && ip.Equals(IPAddress.IPv6Any) => "::1",
        _ => host,
    };

    private static async Task<int> PostDrainAsync(DnsEndPoint target, CancellationToken cancel)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(target.Host, target.Port, cancel);
        var stream = client.GetStream();
        var host = target.Host.Contains(':') ? $"[{target.Host}]" : target.Host;
        var request = $"POST /drain?trigger=command HTTP/1.1\r\nHost: {host}:{target.Port}\r\nUser-Agent: drainproxy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), cancel);
        return await ReadStatusAsync(stream, cancel);
    }

    private static async Task<int> ReadStatusAsync(NetworkStream stream, CancellationToken cancel)
    {
        // "HTTP/1.1 200" is all that is needed of the answer.
        var line = new byte[12];
        var read = await stream.ReadAtLeastAsync(line, line.Length, throwOnEndOfStream: false, cancel);
        var text = Encoding.ASCII.GetString(line, 0, read);
        return text.StartsWith("HTTP/1.", StringComparison.Ordinal) && read == line.Length && int.TryParse(text[9..], out var status)
            ? status
            : throw new InvalidDataException("what listens there does not answer in HTTP");
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine($"drainproxy: signal terminating: {message}");
        return ExitCodes.Failed;
    }
}
