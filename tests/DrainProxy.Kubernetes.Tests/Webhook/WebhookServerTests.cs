using System.Net;
using System.Net.Http.Headers;
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
