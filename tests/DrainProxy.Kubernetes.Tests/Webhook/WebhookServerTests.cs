using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Webhook;

namespace DrainProxy.Kubernetes.Tests.Webhook;

/// <summary>The endpoint over TLS sockets.</summary>
public sealed class WebhookServerTests
{
    private static readonly byte[] Review = GivenReview.Bytes(GivenReview.Of(Given.Pod()));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("2.0", "?timeout=5s")]
    [InlineData("1.1", "?timeout=30s")]
    [InlineData("2.0", "")]
    [InlineData("2.0", "?timeout=soon")]
    public async Task A_review_is_answered(string version, string query)
    {
        await using var webhook = await TestWebhook.Start();
        using var answer = await webhook.Call(TestWebhook.Json(Review), query, Version.Parse(version));

        Assert.Equal((HttpStatusCode.OK, "application/json"), (answer.StatusCode, answer.Content.Headers.ContentType?.ToString()));
        Assert.True(GivenReview.Response(await answer.Content.ReadAsByteArrayAsync(Cancel)).ContainsKey("patch"));
    }

    [Theory]
    [InlineData(null, HttpStatusCode.UnsupportedMediaType)]
    [InlineData("text/plain", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/jsonp", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json; charset=utf-8", HttpStatusCode.OK)]
    [InlineData("Application/JSON", HttpStatusCode.OK)]
    public async Task Only_json_is_read(string? type, HttpStatusCode status)
    {
        await using var webhook = await TestWebhook.Start();
        var content = new ByteArrayContent(Review);
        if (type is not null) content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        using var answer = await webhook.Call(content);

        Assert.Equal(status, answer.StatusCode);
    }

    [Fact]
    public async Task Those_who_connect_and_say_nothing_do_not_keep_the_API_server_out()
    {
        await using var webhook = await TestWebhook.Start();
        var silent = new List<TcpClient>();
        try
        {
            for (var i = 0; i < 600; i++)
            {
                silent.Add(new());
                await silent[^1].ConnectAsync(IPAddress.Loopback, webhook.Replica.Port, Cancel);
            }

            using var answer = await webhook.Call(TestWebhook.Json(Review));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            // The first of them is closed without having said anything.
            Assert.Equal(0, await silent[0].GetStream().ReadAsync(new byte[1], Cancel));
        }
        finally
        {
            silent.ForEach(s => s.Dispose());
        }
    }

    [Fact]
    public async Task Other_methods_and_paths_are_refused()
    {
        await using var webhook = await TestWebhook.Start();
        using var put = await webhook.Call(TestWebhook.Json(Review), method: HttpMethod.Put);
        using var other = await webhook.Call(TestWebhook.Json(Review), path: "/metrics");

        Assert.Equal((HttpStatusCode.MethodNotAllowed, "POST"), (put.StatusCode, string.Join(",", put.Content.Headers.Allow)));
        Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
    }

    [Theory]
    [InlineData(0, HttpStatusCode.OK)]
    [InlineData(1, HttpStatusCode.RequestEntityTooLarge)]
    public async Task Three_mebibytes_are_read_and_not_a_byte_more(int more, HttpStatusCode status)
    {
        await using var webhook = await TestWebhook.Start();
        var review = GivenReview.Of(Given.Pod());
        var padding = ReviewBody.Largest + more - GivenReview.Bytes(review).Length - ",\"pad\":\"\"".Length;
        review["request"]!["pad"] = new string('x', padding);
        foreach (var chunked in new[] { false, true })
        {
            var content = TestWebhook.Json(GivenReview.Bytes(review));
            if (chunked) content.Headers.ContentLength = null;
            using var answer = await webhook.Call(content);
            Assert.Equal(status, answer.StatusCode);
        }

        await webhook.Rest();
    }

    [Fact]
    public async Task A_body_that_does_not_come_is_waited_for_as_long_as_the_caller_waits()
    {
        await using var webhook = await TestWebhook.Start();
        var body = new NeverEndingContent(Review[..100]);
        using var answer = await webhook.Call(body, "?timeout=300ms");

        Assert.Equal(HttpStatusCode.RequestTimeout, answer.StatusCode);
        await webhook.Rest();
        Assert.Equal(1, webhook.Metrics.Count(ReviewOutcome.Late));
    }

    /// <summary>Its caller's clock began earlier: an answer at the very end is none.</summary>
    [Theory]
    [InlineData("10s", 9500)]
    [InlineData("1s", 900)]
    [InlineData("1ms", 90)]
    [InlineData("5m", 29500)]
    [InlineData("soon", 29500)]
    [InlineData(null, 29500)]
    public void Answers_come_before_the_callers_time_is_over(string? given, int milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), WebhookApplication.TimeLimit(given));

    /// <summary>What DrainProxy asks of apps it does itself: after the signal everything is answered, and connections are told to go.</summary>
    [Theory]
    [InlineData("2.0")]
    [InlineData("1.1")]
    public async Task Reviews_under_a_stop_are_answered_and_their_connections_leave(string version)
    {
        await using var webhook = await TestWebhook.Start();
        using var before = await webhook.Call(TestWebhook.Json(Review), version: Version.Parse(version));
        using var atOnce = new CancellationTokenSource();
        var stopped = webhook.Replica.Stop(atOnce.Token);
        for (var i = 0; i < 20; i++)
        {
            using var answer = await webhook.Call(TestWebhook.Json(Review), version: Version.Parse(version));
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            if (version == "1.1") Assert.True(answer.Headers.ConnectionClose);
        }

        Assert.NotEqual(true, before.Headers.ConnectionClose);
        Assert.True(webhook.Connections > 2, $"{webhook.Connections} connections for 21 calls");
        await atOnce.CancelAsync();
        await stopped;
    }

    [Fact]
    public async Task Callers_that_go_away_leave_nothing_behind()
    {
        await using var webhook = await TestWebhook.Start();
        for (var i = 0; i < 50; i++)
        {
            using var leave = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            var body = new NeverEndingContent(Review);
            var request = new HttpRequestMessage(HttpMethod.Post, "/mutate") { Content = body, Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            var call = webhook.Client.SendAsync(request, leave.Token);
            await body.Sent.WaitAsync(TestWebhook.Limit, Cancel);
            await leave.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        }

        await webhook.Rest();
    }

    [Fact]
    public async Task Ten_thousand_bad_calls_leave_no_memory_taken_and_the_next_good_one_is_answered()
    {
        await using var webhook = await TestWebhook.Start();
        var random = new Random(7);
        await Parallel.ForEachAsync(Enumerable.Range(0, 10_000), new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Cancel }, async (i, cancel) =>
        {
            var body = i % 4 == 0 ? Encoding.UTF8.GetBytes("{") : Review[..((i * 37) % Review.Length)];
            using var answer = await webhook.Call(TestWebhook.Json(body));
            Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        });
        await webhook.Rest();
        using var good = await webhook.Call(TestWebhook.Json(Review));

        Assert.Equal(10_000, webhook.Metrics.Count(ReviewOutcome.Malformed));
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
    }

    /// <summary>Bytes, and then silence.</summary>
    private sealed class NeverEndingContent : HttpContent
    {
        private readonly byte[] start;
        private readonly TaskCompletionSource sent = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public NeverEndingContent(byte[] start)
        {
            this.start = start;
            Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        public Task Sent => sent.Task;

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            await stream.WriteAsync(start, cancellationToken);
            await stream.FlushAsync(cancellationToken);
            sent.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
