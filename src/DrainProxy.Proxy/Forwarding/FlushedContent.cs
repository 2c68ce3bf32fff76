using System.Net;
using DrainProxy.Decisions.Framing;
using DrainProxy.Proxy.Forwarding.Streams;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>A request's body on its way to the app, for one attempt: every write is flushed, and it knows how the attempt ended.</summary>
internal sealed class FlushedContent : HttpContent
{
    /// <summary>Longer than the handler ever takes from a reset to its word on the answer: only a fault of ours could make it wait so long.</summary>
    private static readonly TimeSpan Backstop = TimeSpan.FromSeconds(10);

    private readonly HttpContent inner;
    private readonly Exchange? exchange;
    private readonly Lock gate = new();
    private TaskCompletionSource? waiter;
    private bool isAnswered;

    public FlushedContent(HttpContent inner, Exchange? exchange)
    {
        (this.inner, this.exchange) = (inner, exchange);
        foreach (var (name, values) in inner.Headers.NonValidated)
        {
            if (values.Count == 1) Headers.TryAddWithoutValidation(name, values.ToString());
            else Headers.TryAddWithoutValidation(name, values);
        }
    }

    /// <summary>It was being sent when the handler gave this attempt up.</summary>
    public bool WasCut { get; private set; }

    /// <summary>The handler has an answer, or the reason why there is none.</summary>
    public void Answered()
    {
        lock (gate)
        {
            isAnswered = true;
            waiter?.TrySetResult();
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        exchange?.BeginBody();
        exchange?.Dialogue?.BodyBegins();
        var flushed = new FlushedStream(stream, exchange, WhenAnswered);
        var copy = inner.CopyToAsync(flushed, context, cancellationToken);
        // The client takes its time with the body: the app gets the head meanwhile.
        if (!copy.IsCompleted) await flushed.FlushHead(cancellationToken);
        if (!copy.IsCompleted && exchange?.Dialogue is { } dialogue && await Task.WhenAny(copy, dialogue.WhenRefused()) != copy)
        {
            await EndEarly(stream, flushed, dialogue);
            // Goes on until the client has sent all; a client that leaves is nobody's error.
            _ = copy.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
            return;
        }

        try
        {
            await copy;
        }
        catch (Exception) when (exchange is { Target.HidesBytes: true } && cancellationToken.IsCancellationRequested)
        {
            WasCut = true;
            await WhenAnswered();
            throw;
        }

        exchange?.Dialogue?.BodySent();
        if (exchange is not { IsHttp2: true } || RequestRules.TrailersAreValid(exchange.Http.Request)) return;
        exchange.Refusal = FramingFault.Trailer;
        throw new InvalidDataException("The trailer is malformed.");
    }

    /// <summary>
    /// To be waited for before a body fails whose stream the app has reset: the handler cancels the body and then tells the waiter for the answer why.
    /// Whichever fails first is what we hear of, and only the second knows that the app has not processed the request. Over HTTP/2 the handler
    /// does not wait for a body before it tells (Http2Connection.SendAsync of .NET 10, contents of our own are duplex); over HTTP/1.1 it would.
    /// </summary>
    private Task WhenAnswered()
    {
        lock (gate)
        {
            if (isAnswered) return Task.CompletedTask;
            waiter ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return Task.WhenAny(waiter.Task, Task.Delay(Backstop, TimeProvider.System, CancellationToken.None));
        }
    }

    /// <summary>
    /// The app has refused what is still being sent: its answer is read at once. For that the handler has to see the content end; what
    /// stands for the rest goes nowhere, since the dialogue has stopped sending.
    /// </summary>
    private async Task EndEarly(Stream stream, FlushedStream flushed, AppDialogue dialogue)
    {
        exchange!.RefusedEarly = true;
        dialogue.StopSending();
        await flushed.Leave();
        for (var left = Headers.ContentLength - flushed.Passed; left > 0; left -= UnsentBytes.Most)
            await stream.WriteAsync(UnsentBytes.OfLength((int)Math.Min(left.Value, UnsentBytes.Most)));
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}
