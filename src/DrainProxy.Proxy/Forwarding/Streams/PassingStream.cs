namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>A stream in front of another, asynchronous and forward only; what a subclass does not change passes.</summary>
internal abstract class PassingStream(Stream inner) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => inner.CanWrite;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    protected Stream Inner => inner;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        inner.ReadAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        inner.WriteAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>
/// The body of an answer whose length is unknown. When its first byte does not come at once, the head goes out alone: an event source
/// opens, a long poll is seen to be accepted.
/// </summary>
internal sealed class HeadFirstStream(Stream inner, Func<CancellationToken, Task> sendHead) : PassingStream(inner)
{
    private bool begun;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = Inner.ReadAsync(buffer, cancellationToken);
        if (begun) return read;
        // A peek may complete without a byte being there; only bytes end the question.
        if (read.IsCompleted)
        {
            begun = !buffer.IsEmpty;
            return read;
        }

        begun = true;
        return AfterHead(read, cancellationToken);
    }

    private async ValueTask<int> AfterHead(ValueTask<int> read, CancellationToken cancel)
    {
        await sendHead(cancel);
        return await read;
    }
}

/// <summary>The body of an answer that must not have one, whatever the app sends.</summary>
internal sealed class NoContentStream(Stream inner) : PassingStream(inner)
{
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(0);
}
