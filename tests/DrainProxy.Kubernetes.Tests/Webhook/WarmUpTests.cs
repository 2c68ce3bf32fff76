using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;
using DrainProxy.Kubernetes.Webhook;

namespace DrainProxy.Kubernetes.Tests.Webhook;

/// <summary>A replica is ready when it has answered made-up reviews, and these leave no trace.</summary>
public sealed class WarmUpTests
{
    [Fact]
    public async Task A_replica_answers_while_it_warms_up_is_ready_then_and_counts_only_what_it_was_asked()
    {
        await using var webhook = await TestWebhook.Start(warmsUp: true);
        Assert.Equal("warming up", webhook.Replica.Unready());
        using var answer = await webhook.Call(TestWebhook.Json(GivenReview.Bytes(GivenReview.Of(Given.Pod()))));
        Assert.True(answer.IsSuccessStatusCode);
        using var limit = new CancellationTokenSource(TestWebhook.Limit, TimeProvider.System);
        while (webhook.Replica.Unready() is not null) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, limit.Token);

        Assert.Equal(1, Enum.GetValues<ReviewOutcome>().Sum(webhook.Metrics.Count));
    }

    [Fact]
    public void The_made_up_reviews_meet_each_kind_of_answer()
    {
        var outcomes = SampleReviews.All.Select(r => PodAdmission.Decide(Encoding.UTF8.GetBytes(r), InjectionRequest.Default)).ToList();

        Assert.Equal([ReviewOutcome.Injected, ReviewOutcome.Skipped, ReviewOutcome.Malformed], outcomes.Select(o => o.Outcome).Distinct());
        Assert.Contains(outcomes.Where(o => o.Status == 200).Select(o => GivenReview.Response(o.Body)), response => response["warnings"] is JsonArray { Count: > 0 });
    }
}
