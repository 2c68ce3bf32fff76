using System.IO.Pipelines;
using DrainProxy.Kubernetes.Webhook;

namespace DrainProxy.Kubernetes.Tests.Webhook;

public sealed class ReviewBodyTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Bodies_share_their_room_and_give_it_back()
    {
        var room = new BodyRoom(64 << 10);
        var (first, second, third) = (new ReviewBody(room), new ReviewBody(room), new ReviewBody(room));

        Assert.Null(await first.Read(Pipe(30_000), Cancel));
        Assert.Null(await second.Read(Pipe(30_000), Cancel));
        Assert.Equal(ReviewOutcome.Busy, await third.Read(Pipe(1), Cancel));
        first.Dispose();
        Assert.Null(await third.Read(Pipe(1), Cancel));
        second.Dispose();
        third.Dispose();
        third.Dispose();
        Assert.Equal(64 << 10, room.Free);
    }

    [Fact]
    public async Task A_body_comes_in_pieces_and_is_the_same()
    {
        using var body = new ReviewBody(new BodyRoom(8 << 20));
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        var sent = new byte[ReviewBody.Largest];
        new Random(3).NextBytes(sent);
        var read = body.Read(pipe.Reader, Cancel);
        foreach (var piece in sent.Chunk(100_001)) await pipe.Writer.WriteAsync(piece, Cancel);
        await pipe.Writer.CompleteAsync();

        Assert.Null(await read);
        Assert.True(body.Bytes.SequenceEqual(sent));
    }

    [Fact]
    public async Task Nobody_has_to_be_believed_about_the_length()
    {
        using var body = new ReviewBody(new BodyRoom(8 << 20));

        Assert.Equal(ReviewOutcome.TooLarge, await body.Read(Pipe(ReviewBody.Largest + 1), Cancel));
    }

    private static PipeReader Pipe(int length) => PipeReader.Create(new MemoryStream(new byte[length]));
}
