using System.Net.Security;
using System.Net.Sockets;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>The stream of one connection to the app: counts who ended it. In clear text the handler speaks through its dialogue.</summary>
internal sealed class AppStream : NetworkStream, IAppConnection
{
    private readonly ProxyCounters counters;
    private readonly AppDialogue? dialogue;
    private bool broken;
    private int disposed;

    /// <param name="socket">Connected; closed with this stream.</param>
    /// <param name="counters">Where the connection is counted.</param>
    /// <param name="http11">The pool whose HTTP/1.1 goes over it as it is; null for HTTP/2 and below TLS.</param>
    public AppStream(Socket socket, ProxyCounters counters, UpstreamPool? http11)
        : base(socket, ownsSocket: true)
    {
        this.counters = counters;
        if (http11 is not null) dialogue = new(this, http11);
        counters.ConnectionOpened(Side.Upstream);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (dialogue is not null) return dialogue.Write(buffer);
        if (broken) return ValueTask.CompletedTask;
        var write = base.WriteAsync(buffer, cancellationToken);
        return write.IsCompletedSuccessfully ? write : WriteUnlessAnswered(write);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        dialogue is null ? base.ReadAsync(buffer, cancellationToken) : dialogue.Read(buffer, cancellationToken);

    public ValueTask<int> Receive(Memory<byte> buffer, CancellationToken cancel) => base.ReadAsync(buffer, cancel);

    public ValueTask Send(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => base.WriteAsync(bytes, cancel);

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref disposed, 1) == 0)
            counters.ConnectionClosed(Side.Upstream, PeerHasClosed() ? ClosedBy.Peer : ClosedBy.Us);
        base.Dispose(disposing);
    }

    private async ValueTask WriteUnlessAnswered(ValueTask write)
    {
        try
        {
            await write;
        }
        catch (IOException)
        {
            // The read that follows decides: it finds the answer, or fails for the same reason.
            broken = true;
        }
    }

    private bool PeerHasClosed()
    {
        try
        {
            return broken || dialogue is { IsBroken: true } || (Socket.Poll(0, SelectMode.SelectRead) && Socket.Available == 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }
}

/// <summary>
/// TLS to the app. SocketsHttpHandler takes an SslStream of ours for its own, so that an HTTP/1.1 app behind TLS has the same dialogue as
/// one in clear text; HTTP/2 passes untouched.
/// </summary>
internal sealed class AppTlsStream(AppStream inner) : SslStream(inner), IAppConnection
{
    private AppDialogue? dialogue;

    /// <exception cref="System.Security.Authentication.AuthenticationException">No common protocol, or a certificate that does not hold.</exception>
    public async Task Open(SslClientAuthenticationOptions options, UpstreamPool pool, CancellationToken cancel)
    {
        await AuthenticateAsClientAsync(options, cancel);
        if (NegotiatedApplicationProtocol != SslApplicationProtocol.Http2) dialogue = new(this, pool);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        dialogue is null ? base.WriteAsync(buffer, cancellationToken) : dialogue.Write(buffer);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        dialogue is null ? base.ReadAsync(buffer, cancellationToken) : dialogue.Read(buffer, cancellationToken);

    public ValueTask<int> Receive(Memory<byte> buffer, CancellationToken cancel) => base.ReadAsync(buffer, cancel);

    public ValueTask Send(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => base.WriteAsync(bytes, cancel);
}
