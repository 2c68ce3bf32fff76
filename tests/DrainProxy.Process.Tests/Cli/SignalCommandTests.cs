using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Process.Tests.Cli;

public sealed class SignalCommandTests : IDisposable
{
    private readonly TcpListener sidecar = new(IPAddress.Loopback, 0);

    public SignalCommandTests() => sidecar.Start();

    private int Port => ((IPEndPoint)sidecar.LocalEndpoint).Port;

    public void Dispose() => sidecar.Dispose();

    [Fact]
    public async Task The_sidecar_is_told_by_a_POST_that_names_its_trigger()
    {
        var asked = AnswerAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        var outcome = await BuiltProgram.RunAsync("signal", "terminating", "--admin", $"127.0.0.1:{Port}");
        Assert.Equal(0, outcome.ExitCode);
        Assert.StartsWith("POST /drain?trigger=command HTTP/1.1\r\n", await asked, StringComparison.Ordinal);
        Assert.Empty(outcome.Error);
    }

    [Fact]
    public async Task The_address_comes_from_the_same_settings_and_other_mistakes_do_not_matter()
    {
        var asked = AnswerAsync("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        var outcome = await BuiltProgram.RunAsync([("DRAINPROXY_ADMIN", $"0.0.0.0:{Port}"), ("DRAINPROXY_GRACE", "soon")], "signal", "terminating");
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains($"Host: 127.0.0.1:{Port}\r\n", await asked, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_is_told()
    {
        var asked = AnswerAsync("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        var outcome = await BuiltProgram.RunAsync("signal", "terminating", "--admin", $"127.0.0.1:{Port}");
        await asked;
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("answered 403", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whatever_does_not_speak_HTTP_is_told()
    {
        var asked = AnswerAsync("220 mail.example ESMTP\r\n");
        var outcome = await BuiltProgram.RunAsync("signal", "terminating", "--admin", $"127.0.0.1:{Port}");
        await asked;
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("does not answer in HTTP", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Started_returns_once_the_sidecar_listens()
    {
        var port = Port;
        sidecar.Stop();
        var waiting = BuiltProgram.RunAsync("signal", "started", "--admin", $"0.0.0.0:{port}");
        using var late = new TcpListener(IPAddress.Loopback, port);
        late.Start();
        Assert.Equal(0, (await waiting).ExitCode);
    }

    [Fact]
    public async Task Without_a_sidecar_it_says_so()
    {
        var port = Port;
        sidecar.Stop();
        var outcome = await BuiltProgram.RunAsync("signal", "terminating", "--admin", $"127.0.0.1:{port}");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains($"no sidecar on 127.0.0.1:{port}", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_that_does_not_answer_is_not_waited_for_long()
    {
        var outcome = await BuiltProgram.RunAsync("signal", "terminating", "--admin", $"127.0.0.1:{Port}");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("did not answer within 2 s", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_admin_port_that_nobody_knows_is_told()
    {
        var outcome = await BuiltProgram.RunAsync("signal", "terminating", "--admin", "127.0.0.1:0");
        Assert.Equal(1, outcome.ExitCode);
        Assert.Contains("--admin", outcome.Error, StringComparison.Ordinal);
    }

    private async Task<string> AnswerAsync(string answer)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        using var client = await sidecar.AcceptTcpClientAsync(limit.Token);
        var stream = client.GetStream();
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (!text.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            var read = await stream.ReadAsync(buffer, limit.Token);
            if (read == 0)
                break;
            text.Append(Encoding.ASCII.GetString(buffer, 0, read));
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), limit.Token);
        return text.ToString();
    }
}
