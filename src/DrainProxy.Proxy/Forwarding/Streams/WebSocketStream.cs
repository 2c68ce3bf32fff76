using System.Security.Cryptography;
using DrainProxy.Proxy.Draining;

namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>
/// A WebSocket passing through: reading is app to client, writing is client to app. To end it, a Close frame 1001 (RFC 6455 section
/// 7.4.1, "going away") goes out in both directions on a frame boundary; what either side sends afterwards is not passed on, and the
/// connection ends when both have answered, or after <see cref="HandshakeLimit"/>.
/// </summary>
internal sealed class WebSocketStream(Stream inner, TimeProvider time, Action closing, Action giveUp)
    : DrainableStream(inner, StreamKind.Websocket, new WebSocketBoundary())
{
    private static readonly TimeSpan HandshakeLimit = TimeSpan.FromSeconds(2);
    private static readonly byte[] CloseToClient = [0x88, 2, 0x03, 0xE9];
    private readonly WebSocketBoundary fromClient = new();
    private readonly SemaphoreSlim writing = new(1, 1);
    private readonly TaskCompletionSource clientAnswered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource appDone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool closeSentToClient;
    private bool closeSentToApp;

    private WebSocketBoundary AppFrames => (WebSocketBoundary)FromApp;

    public override void End()
    {
        // A side that has said Close itself is ending by its own handshake.
        if (AppFrames.CloseSeen || fromClient.CloseSeen) return;
        // The client may answer and leave before the app has been told.
        closing();
        base.End();
        _ = CloseAppSide();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            if (closeSentToClient) return await AwaitApp(cancellationToken);
            return await base.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception e) when (Ending && e is IOException or HttpRequestException)
        {
            // The app tore the connection down while ending: the client has its Close frame or gets the end of the stream.
            appDone.TrySetResult();
            return 0;
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await writing.WaitAsync(cancellationToken);
        try
        {
            if (!Ending)
            {
                fromClient.Advance(buffer.Span);
                // A client may end its half right behind its Close and wait for the app's.
                if (fromClient.CloseSeen) closing();
                await Inner.WriteAsync(buffer, cancellationToken);
                return;
            }

            if (!closeSentToApp && !fromClient.AtBoundary)
            {
                var whole = fromClient.Advance(buffer.Span);
                await Inner.WriteAsync(whole < 0 ? buffer : buffer[..whole], cancellationToken);
                if (whole >= 0) await SendCloseToApp(cancellationToken);
            }
            else
            {
                fromClient.Advance(buffer.Span);
            }
        }
        finally
        {
            writing.Release();
        }

        if (!fromClient.CloseSeen) return;
        // Both directions are done once the app has answered too; ending the copy lets the server close first, as RFC 6455 7.1.1 asks.
        clientAnswered.TrySetResult();
        await WaitFor(appDone.Task, cancellationToken);
        throw new WebSocketEndedException();
    }

    protected override ValueTask<int> OnEnd(Memory<byte> buffer, CancellationToken cancel)
    {
        // A peek asks for no bytes yet: the frame goes out with the read that follows.
        if (buffer.Length < CloseToClient.Length) return new(0);
        EndedByUs = true;
        closeSentToClient = true;
        CloseToClient.CopyTo(buffer);
        return new(CloseToClient.Length);
    }

    /// <summary>Reads on until the app has answered our Close or left; nothing of it is passed on.</summary>
    private async ValueTask<int> AwaitApp(CancellationToken cancel)
    {
        var rest = Discard(cancel).AsTask();
        await WaitFor(rest, cancel);
        appDone.TrySetResult();
        await WaitFor(clientAnswered.Task, cancel);
        // A client that does not answer has had its Close frame; its half is ended for it.
        if (!clientAnswered.Task.IsCompleted) giveUp();
        _ = rest.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
        return 0;
    }

    private async ValueTask Discard(CancellationToken cancel)
    {
        var scratch = new byte[1024];
        await SettlePeek(cancel);
        while (!AppFrames.CloseSeen)
        {
            var read = await Inner.ReadAsync(scratch, cancel);
            if (read == 0) return;
            AppFrames.Advance(scratch.AsSpan(0, read));
        }
    }

    private async Task CloseAppSide()
    {
        try
        {
            await writing.WaitAsync();
            try
            {
                if (!closeSentToApp && fromClient.AtBoundary) await SendCloseToApp(CancellationToken.None);
            }
            finally
            {
                writing.Release();
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException or ObjectDisposedException)
        {
            // The app is gone already.
        }
    }

    private async ValueTask SendCloseToApp(CancellationToken cancel)
    {
        closeSentToApp = true;
        // A client's frames are masked (RFC 6455 section 5.3); towards the app we are the client.
        var frame = new byte[8];
        frame[0] = 0x88;
        frame[1] = 0x82;
        RandomNumberGenerator.Fill(frame.AsSpan(2, 4));
        frame[6] = (byte)(0x03 ^ frame[2]);
        frame[7] = (byte)(0xE9 ^ frame[3]);
        await Inner.WriteAsync(frame, cancel);
        // A stream of HTTP/2 keeps it back else.
        await Inner.FlushAsync(cancel);
    }

    private async Task WaitFor(Task task, CancellationToken cancel)
    {
        try
        {
            await task.WaitAsync(HandshakeLimit, time, cancel);
        }
        catch (Exception e) when (e is TimeoutException or IOException or HttpRequestException)
        {
            // The other side has had its chance to answer.
        }
    }
}

/// <summary>Ends the client's half of a WebSocket that was closed in both directions; not a failure.</summary>
internal sealed class WebSocketEndedException() : IOException("the WebSocket was closed in both directions");
