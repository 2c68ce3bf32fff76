using System.IO.Pipelines;
using DrainProxy.Proxy.Listening;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>
/// Kestrel's side of a large answer, which keeps as little of it in memory as the client's pace asks for. A write returns once Kestrel has its bytes; that the client takes
/// them is waited for before the next read of the app's side (<see cref="From"/>). The forwarder holds no buffer there, in a write it holds one of 64 KB.
/// Pieces are small until the client has taken some.
/// </summary>
/// <param name="client">Kestrel's own.</param>
/// <param name="connection">The client's, which is charged with what it does not take.</param>
internal sealed class PacedAnswer(IHttpResponseBodyFeature client, TrackedConnection connection) : PassingStream(client.Stream), IHttpResponseBodyFeature
{
    /// <summary>Bytes of the first piece; a client that takes nothing makes us hold no more.</summary>
    public const int FirstPiece = 4 * 1024;
    private const int LargestPiece = 64 * 1024;

    /// <summary>Kestrel keeps less than <see cref="FirstPiece"/> of a stream without asking us to wait: beyond this the client has taken some.</summary>
    private const int Proof = 2 * FirstPiece;

    private int passed;
    private int held;
    private Task<FlushResult>? taking;
    private Exception? failure;

    public override bool CanRead => false;

    public override bool CanWrite => true;

    Stream IHttpResponseBodyFeature.Stream => this;

    PipeWriter IHttpResponseBodyFeature.Writer => client.Writer;

    private int Piece => passed < Proof || connection.Backlog.IsTight ? FirstPiece : LargestPiece;

    /// <summary>The app's body, to be read at the pace of what is written here.</summary>
    public Stream From(Stream app) => new Reader(app, this);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (failure is not null) return ValueTask.FromException(failure);
        // Until the head has been made, Kestrel may look at the bytes later: OnStarting callbacks run before.
        var starting = client.StartAsync(cancellationToken);
        return taking is null && starting.IsCompletedSuccessfully ? Write(buffer, cancellationToken) : AfterStart(starting, buffer, cancellationToken);
    }

    /// <summary>The exchange is over: nothing of it is in memory any more.</summary>
    public void End() => Release();

    Task IHttpResponseBodyFeature.StartAsync(CancellationToken cancellationToken) => client.StartAsync(cancellationToken);

    Task IHttpResponseBodyFeature.CompleteAsync() => client.CompleteAsync();

    void IHttpResponseBodyFeature.DisableBuffering() => client.DisableBuffering();

    Task IHttpResponseBodyFeature.SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken) =>
        client.SendFileAsync(path, offset, count, cancellationToken);

    private async ValueTask AfterStart(Task starting, ReadOnlyMemory<byte> buffer, CancellationToken cancel)
    {
        await starting;
        if (taking is not null) await taking;
        await Write(buffer, cancel);
    }

    /// <summary>Kestrel copies the bytes before it returns.</summary>
    private ValueTask Write(ReadOnlyMemory<byte> buffer, CancellationToken cancel)
    {
        var flush = client.Writer.WriteAsync(buffer, cancel);
        if (flush.IsCompletedSuccessfully)
        {
            _ = flush.Result;
            Passed(buffer.Length);
            return default;
        }

        taking = flush.AsTask();
        held = buffer.Length;
        connection.Backlog.Hold(held + Backlog.PerExchange);
        return default;
    }

    private void Release()
    {
        if (Interlocked.Exchange(ref held, 0) is var bytes and > 0)
        {
            connection.Backlog.Release(bytes + Backlog.PerExchange);
            Passed(bytes);
        }
    }

    private void Passed(int bytes)
    {
        if (passed < Proof) passed += bytes;
    }

    private sealed class Reader(Stream app, PacedAnswer answer) : PassingStream(app)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            answer.taking is { } taking ? AfterTaking(taking, buffer, cancellationToken) : Read(buffer, cancellationToken);

        private ValueTask<int> Read(Memory<byte> buffer, CancellationToken cancel) =>
            Inner.ReadAsync(buffer.Length > answer.Piece ? buffer[..answer.Piece] : buffer, cancel);

        private async ValueTask<int> AfterTaking(Task<FlushResult> taking, Memory<byte> buffer, CancellationToken cancel)
        {
            try
            {
                await taking;
            }
            catch (Exception e)
            {
                // The client's failure, and no reader's: told by the next write.
                answer.failure = e;
            }

            answer.taking = null;
            answer.Release();
            var read = await Read(buffer, cancel);
            if (read == 0 && !buffer.IsEmpty && answer.failure is { } failure) throw failure;
            return read;
        }
    }
}
