using DrainProxy.Decisions.Framing;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>One request and its answer. Pooled: an idle connection keeps none.</summary>
internal sealed class Exchange
{
    private readonly Lock relaying = new();
    private KeptBody? kept;
    private string? lastTarget;
    private ExchangeUri? lastUri;
    private AppTarget? lastApp;
    private bool charged;
    private readonly ProxyCounters counters;
    private long passed;
    private int sends;

    public Exchange(Lifecycle lifecycle, StreamRegistry streams, ForwardingRules rules, ProxyCounters counters, TimeProvider time) =>
        (Transformer, this.counters) = (new(this, lifecycle, streams, rules, time), counters);

    public AppTransformer Transformer { get; }

    public DefaultHttpContext Http { get; } = new();

    /// <summary>The connection that the request came on.</summary>
    public TrackedConnection Connection { get; private set; } = null!;

    public AppTarget Target { get; private set; } = null!;

    public long StartedAt { get; set; }

    /// <summary>The connection counts this exchange as active.</summary>
    public bool Begun { get; set; }

    public bool IsHttp2 { get; private set; }

    public Outcome Outcome { get; set; }

    public UpstreamCause? Cause { get; set; }

    /// <summary>Why it was refused before the app saw it.</summary>
    public ShedReason? Shed { get; set; }

    /// <summary>What one word the access log has for the failure; null when there was none.</summary>
    public string? CauseName => (Cause, Shed, Outcome) switch
    {
        ({ } cause, _, not Outcome.ClientGone) => LabelNames.Of(cause),
        (_, { } reason, _) => LabelNames.Of(reason),
        (_, _, Outcome.Refused) => LabelNames.Of(ClientCause.BadRequest),
        (_, _, Outcome.ClientGone) => LabelNames.Of(
            Connection.TooSlow ? ClientCause.ClientTooSlow : Http.Response.HasStarted ? ClientCause.ClientGoneDuringAnswer : ClientCause.ClientGoneBeforeAnswer),
        _ => null,
    };

    /// <summary>The one request that tries an app that was away: its answer lets the others go.</summary>
    public bool IsProbe { get; set; }

    /// <summary>Goes up with each use of this object, so that a late word of the app is not taken for the next exchange's.</summary>
    public int Turn { get; private set; }

    public string RawTarget => Http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;

    /// <summary>The head must be put right behind SocketsHttpHandler.</summary>
    public bool HasOddHead { get; set; }

    /// <summary>OPTIONS of the server, not of a resource: `*` towards the app.</summary>
    public bool IsForServer { get; private set; }

    /// <summary>A Host that the handler cannot write; null when it can.</summary>
    public string? HostAsItCame { get; set; }

    /// <summary>The handler writes a length of 0 that the client did not.</summary>
    public bool AddsEmptyLength { get; set; }

    /// <summary>The connection that this attempt went to is known, and so is what came back on it. Not so for HTTP/2.</summary>
    public bool IsWatched { get; set; }

    /// <summary>What is said on that connection.</summary>
    public AppDialogue? Dialogue { get; set; }

    /// <summary>The app has refused the request before its content was sent, and gets no more of it.</summary>
    public bool RefusedEarly { get; set; }

    /// <summary>This attempt sends a body.</summary>
    public bool HasContent { get; set; }

    /// <summary>All of a body whose length is known is on its way to the app.</summary>
    public bool BodyPassed => passed == Http.Request.ContentLength;

    /// <summary>A byte of the app's answer to this attempt has come.</summary>
    public bool AnswerBegun { get; set; }

    /// <summary>There is a NUL in the header of the app's answer.</summary>
    public bool HasNulInHead { get; set; }

    /// <summary>The attempt used a connection that had carried others before.</summary>
    public bool OnUsedConnection { get; set; }

    /// <summary>The request's body was wanted from the client.</summary>
    public bool BodyTouched { get; private set; }

    /// <summary>The same, in this attempt.</summary>
    public bool BodyBegun { get; private set; }

    /// <summary>SocketsHttpHandler wanted to send this attempt again after its body had been begun: the app had refused it unprocessed.</summary>
    public bool BodyWantedAgain { get; private set; }

    /// <summary>What this attempt sends as its body; null before it is known, and where there is none.</summary>
    public FlushedContent? Content { get; set; }

    /// <summary>The body was taken from the client and cannot be sent again.</summary>
    public bool BodyGone => kept is null ? BodyTouched : kept.IsLost;

    /// <summary>Why the request cannot be sent on, when that shows only while it is made.</summary>
    public FramingFault Refusal { get; set; }

    /// <summary>The app's answer broke HTTP's rules and was not passed on.</summary>
    public bool BadAnswer { get; set; }

    /// <summary>The answer's body, when it is a stream without an end of its own.</summary>
    public DrainableStream? Stream { get; set; }

    /// <summary>Whether the app is silent in the middle of its answer; null where it may be.</summary>
    public SilenceWatch? Silence { get; set; }

    /// <summary>The answer's body on its way to the client, when it is a large one.</summary>
    public PacedAnswer? Paced { get; set; }

    /// <summary>The answer's chunks, when trailers may follow them over HTTP/1.1.</summary>
    public ChunkedAnswer? Chunked { get; set; }

    /// <summary>Its class, where requests are let in by what they take.</summary>
    public string? Route { get; set; }

    /// <summary>Its place with the app; null where nobody asks for room.</summary>
    public Pass? Pass { get; set; }

    /// <summary>When it got that place.</summary>
    public long PassedAt { get; set; }

    /// <summary>It takes memory of the app, and goes over connections that only such requests use.</summary>
    public bool IsHeavy { get; set; }

    /// <summary>It is counted among the streams of a client that has proven nothing yet.</summary>
    public bool IsAmongNew { get; set; }

    /// <summary>The answer has left our memory by the client's will.</summary>
    public bool IsAnswered => Outcome is Outcome.Ok or Outcome.AppError && !Http.RequestAborted.IsCancellationRequested;

    /// <summary>The answer had content, whose way to the client HTTP/2 leaves to the client's windows.</summary>
    public bool HadContent => Http.Response is { ContentLength: null or > 0, StatusCode: not (204 or 304) } && Http.Request.Method != "HEAD";

    /// <summary>Ends this exchange alone; only exchanges that may become endless have one.</summary>
    public CancellationTokenSource? Cancel { get; set; }

    public void Initialize(IFeatureCollection features)
    {
        Http.Initialize(features);
        Connection = (TrackedConnection)features.GetRequiredFeature<IConnectionSocketFeature>();
        Target = Connection.Target;
        IsHttp2 = Connection.IsHttp2;
        if (!IsHttp2) Connection.Http = features;
        BadAnswer = false;
        Refusal = FramingFault.None;
        BodyTouched = false;
        RefusedEarly = false;
        BeginAttempt();
        (Begun, IsAmongNew) = (false, false);
        Outcome = Outcome.Ok;
        Cause = null;
        Shed = null;
        IsProbe = false;
        Stream = null;
        (Paced, Silence, Chunked) = (null, null, null);
        charged = false;
        Route = null;
        IsHeavy = false;
        Pass = null;
        Cancel = null;
    }

    /// <summary>
    /// Settles on the side of the app that serves now, and counts this exchange there until <see cref="TargetUse.Leave"/>. False when the
    /// side was switched or is about to stop at this very moment: counted first and looked at again, so that whoever switches and then
    /// counts has seen every request.
    /// </summary>
    public bool TryTakeTarget()
    {
        var now = Target = Connection.Target.Current;
        if (now.Use is not { } use) return true;
        use.Enter();
        if (ReferenceEquals(Connection.Target.Current, now) && now.Monitor.IsUp) return true;
        use.Leave();
        return false;
    }

    /// <summary>
    /// The app's URI with the request target as it came: <see cref="Uri"/> would change it (case of escapes, dot segments). The last one
    /// is kept, since a connection often asks for the same again.
    /// </summary>
    public ExchangeUri RequestUri()
    {
        var raw = RawTarget;
        // Absolute form without a path asks the server itself, too (RFC 9112 section 3.2.4).
        IsForServer = raw == "*" || (raw is not ("" or ['/', ..]) && Http.Request.Method == "OPTIONS" && IsBare(raw));
        HasOddHead = IsForServer && !Target.HidesBytes;
        HostAsItCame = null;
        AddsEmptyLength = false;
        var target = OriginForm(raw);
        if (lastUri is not null && ReferenceEquals(lastApp, Target) && string.Equals(target, lastTarget, StringComparison.Ordinal)) return lastUri;
        (lastTarget, lastApp) = (target, Target);
        return lastUri = new(Target.Prefix + target, this);
    }

    /// <summary>
    /// Keeps a small body where it may be wanted again: of idempotent requests, and towards HTTP/2 apps, which can refuse any request unprocessed.
    /// Over HTTP/1.1 a request whose body was touched may have run. Over HTTP/2 its length is watched.
    /// </summary>
    public void KeepBody()
    {
        var request = Http.Request;
        if (IsHttp2 && request.ContentLength is > 0 and var whole && request.Method != "CONNECT") request.Body = new WholeBody(request.Body, whole, this);
        if (!Target.HidesBytes && !AppHandler.IsIdempotent(request.Method)) return;
        var length = request.ContentLength;
        if (length is null)
        {
            // No length: chunked, or HTTP/2 with or without a body.
            if (!IsHttp2 && request.Headers.TransferEncoding.Count == 0) return;
            if (request.Method == "CONNECT" || Http.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: true }) return;
        }

        kept = KeptBody.Begin(request.Body, length, IsHttp2);
    }

    /// <summary>Bytes of the body on their way to the app, before they are written.</summary>
    public void Passes(int bytes)
    {
        passed += bytes;
        if (BodyPassed) Dialogue?.BodySent();
    }

    /// <summary>Forgets what is known of the attempt before; the body starts anew, where it is kept.</summary>
    public void BeginAttempt()
    {
        (IsWatched, Dialogue, AnswerBegun, OnUsedConnection, HasNulInHead) = (false, null, false, false, false);
        (HasContent, passed) = (false, 0);
        (sends, BodyBegun, BodyWantedAgain, Content) = (0, false, false, null);
        if (kept is not null) Http.Request.Body = kept.Read();
    }

    /// <summary>
    /// SocketsHttpHandler begins to send this attempt. When it does so again by itself, that is counted: what an HTTP/2 app has refused unprocessed (up to
    /// three times), or a request without content on a connection that ended between its choice and the first byte.
    /// </summary>
    /// <exception cref="InvalidOperationException">Its body has been begun and is read once in an attempt: it does not send again on this.</exception>
    public void Begins()
    {
        if (BodyBegun)
        {
            BodyWantedAgain = true;
            throw new InvalidOperationException("The body of an attempt is sent once.");
        }

        if (sends++ == 0) return;
        counters.UpstreamFailed(IsWatched ? UpstreamCause.StaleConnection : UpstreamCause.ClosedBeforeAnswer);
        counters.RequestReplayed(IsWatched ? ReplayReason.NoAnswer : ReplayReason.NotProcessed);
    }

    /// <summary>The body is read from now on.</summary>
    public void BeginBody() => BodyTouched = BodyBegun = true;

    /// <summary>The head of the app's answer is here: nothing is sent again any more.</summary>
    public void AnswerCame()
    {
        AnswerBegun = true;
        kept?.Last();
    }

    /// <summary>The app has answered, whatever it said.</summary>
    public void ProbeAnswered()
    {
        IsProbe = false;
        Connection.Target.Monitor.Breaker.ProbeAnswered();
    }

    /// <summary>The probe ended without an answer.</summary>
    /// <param name="failed">By the app's fault; else by the client's leaving.</param>
    public void ProbeEnded(bool failed)
    {
        IsProbe = false;
        if (failed) Connection.Target.Monitor.Breaker.ProbeFailed();
        else Connection.Target.Monitor.Breaker.ProbeAbandoned();
    }

    /// <summary>The answer is Kestrel's whole: from now on the client is charged with what the exchange keeps in memory.</summary>
    public void HandedOver()
    {
        charged = true;
        Connection.Backlog.Hold(Backlog.PerExchange);
    }

    /// <summary>Ends the use of this object.</summary>
    public void Release()
    {
        lock (relaying) Turn++;
        kept?.End();
        kept = null;
        Paced?.End();
        if (charged) Connection.Backlog.Release(Backlog.PerExchange);
        if (!IsHttp2) Connection.Http = null;
        Http.Uninitialize();
    }

    /// <summary>Passes an interim answer on, if its exchange is still this one and waits for its answer.</summary>
    /// <param name="turn">The turn for which the app was asked.</param>
    /// <param name="head">Status line and fields.</param>
    public void Relay(int turn, ReadOnlySpan<byte> head)
    {
        lock (relaying)
        {
            // Kestrel itself says 100 Continue when the body is wanted; beside it, nobody may write.
            if (turn != Turn || Http.Response.HasStarted || Http.Request.Headers.Expect.Count > 0) return;
            Interim.Send(this, head);
        }
    }

    private static bool IsBare(string target) =>
        target.IndexOf("://", StringComparison.Ordinal) is > 0 and var at && target.AsSpan(at + 3).IndexOfAny('/', '?') < 0;

    /// <summary>Absolute form becomes origin form (RFC 9112 section 3.2.2).</summary>
    private static string OriginForm(string target)
    {
        if (target.Length > 0 && target[0] == '/') return target;
        var authority = target.IndexOf("://", StringComparison.Ordinal);
        if (authority < 0) return "/";
        var path = target.IndexOfAny(['/', '?'], authority + 3);
        return path < 0 ? "/" : target[path] == '/' ? target[path..] : "/" + target[path..];
    }
}
