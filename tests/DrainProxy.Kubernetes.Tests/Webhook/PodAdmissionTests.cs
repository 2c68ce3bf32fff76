using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Webhook;

namespace DrainProxy.Kubernetes.Tests.Webhook;

public sealed class PodAdmissionTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_pod_gets_what_inject_gives_it(bool dryRun)
    {
        var review = GivenReview.Of(Given.Pod(), dryRun);
        var answer = Decide(review);
        var response = GivenReview.Response(answer.Body);
        var sent = review["request"]!["object"]!.AsObject();

        Assert.Equal((200, ReviewOutcome.Injected), (answer.Status, answer.Outcome));
        Assert.Equal(Given.Injected(sent), GivenReview.Patched(review, response), Given.SameJson);
        Assert.Empty(GivenReview.Warnings(response));
    }

    [Fact]
    public void Same_review_same_bytes() => Assert.Equal(Decide(GivenReview.Of(Given.Pod())).Body, Decide(GivenReview.Of(Given.Pod())).Body);

    [Fact]
    public void A_pod_that_cannot_take_a_sidecar_is_allowed_and_its_creator_told_why()
    {
        var answer = Decide(GivenReview.Of(Given.Pod(spec: "hostNetwork: true")));
        var response = GivenReview.Response(answer.Body);

        Assert.Equal(ReviewOutcome.Skipped, answer.Outcome);
        Assert.False(response.ContainsKey("patch"));
        Assert.StartsWith("drainproxy: not injected: hostNetwork", Assert.Single(GivenReview.Warnings(response)), StringComparison.Ordinal);
    }

    [Fact]
    public void Long_warnings_go_over_several_lines_and_lose_no_word()
    {
        var review = GivenReview.Of(Given.Pod(container: "lifecycle: {preStop: {exec: {command: [/bin/stop-it, now]}}}"));
        var warnings = GivenReview.Warnings(GivenReview.Response(Decide(review).Body));
        var whole = Assert.Single(PodInjector.Inject(review["request"]!["object"]!.AsObject(), InjectionRequest.Default).Warnings);

        Assert.True(warnings.Count > 1);
        Assert.Equal(whole, string.Join(' ', warnings.Select(w => w.Replace("drainproxy: … ", "", StringComparison.Ordinal).Replace("drainproxy: ", "", StringComparison.Ordinal))));
    }

    [Fact]
    public void Warnings_are_bounded_in_number_and_never_cut_a_character()
    {
        var warnings = AdmissionWarnings.Of(Enumerable.Repeat(string.Concat(Enumerable.Repeat("🙂", 300)) + "\n", 100));

        Assert.Equal(AdmissionWarnings.Most, warnings.Count);
        Assert.All(warnings, w => Assert.True(w.Length <= AdmissionWarnings.Longest && !w.Contains('\n') && w.EnumerateRunes().All(r => r != Rune.ReplacementChar), w));
        Assert.Contains("there is more", warnings[^1], StringComparison.Ordinal);
    }

    [Fact]
    public void Asked_again_it_leaves_what_others_have_added_to_the_sidecar()
    {
        var pod = Given.Injected(Given.Pod());
        var sidecar = pod["spec"]!["initContainers"]![0]!.AsObject();
        sidecar["resources"]!["limits"]!["cpu"] = "500m";
        sidecar["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "kube-api-access-x", ["mountPath"] = "/var/run/secrets/kubernetes.io/serviceaccount" });
        var answer = Decide(GivenReview.Of(pod));

        Assert.Equal(ReviewOutcome.Unchanged, answer.Outcome);
        Assert.False(GivenReview.Response(answer.Body).ContainsKey("patch"));
    }

    [Fact]
    public void A_status_annotation_without_the_sidecar_is_no_injection()
    {
        var status = (string)Given.Injected(Given.Pod())["metadata"]!["annotations"]!["drainproxy.io/status"]!;
        var pod = Given.Pod();
        pod["metadata"]!["annotations"]!["drainproxy.io/status"] = status;

        Assert.Equal(ReviewOutcome.Injected, Decide(GivenReview.Of(pod)).Outcome);
    }

    [Theory]
    [InlineData("operation", "\"UPDATE\"")]
    [InlineData("operation", "null")]
    [InlineData("kind", "{\"group\":\"apps\",\"version\":\"v1\",\"kind\":\"Deployment\"}")]
    [InlineData("kind", "7")]
    [InlineData("subResource", "\"ephemeralcontainers\"")]
    [InlineData("object", "null")]
    [InlineData("object", "[]")]
    public void What_is_not_the_creation_of_a_pod_is_allowed_untouched(string field, string value)
    {
        var review = GivenReview.Of(Given.Pod());
        review["request"]![field] = JsonNode.Parse(value);
        var answer = Decide(review);
        var response = GivenReview.Response(answer.Body);

        Assert.Equal(ReviewOutcome.NotAPod, answer.Outcome);
        Assert.False(response.ContainsKey("patch"));
        Assert.NotEmpty(GivenReview.Warnings(response));
    }

    [Fact]
    public void A_review_of_another_version_is_allowed_in_that_version()
    {
        var review = GivenReview.Of(Given.Pod());
        review["apiVersion"] = "admission.k8s.io/v1beta1";
        var answer = Decide(review);
        var sent = JsonNode.Parse(answer.Body)!;

        Assert.Equal(ReviewOutcome.NotAPod, answer.Outcome);
        Assert.Equal("admission.k8s.io/v1beta1", (string?)sent["apiVersion"]);
        Assert.Equal((GivenReview.Uid, true), ((string?)sent["response"]!["uid"], (bool)sent["response"]!["allowed"]!));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("\"\\ud800\"")]
    [InlineData("{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}")]
    [InlineData("{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}")]
    [InlineData("{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":7}")]
    [InlineData("{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{}}")]
    [InlineData("{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"\"}}")]
    [InlineData("{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"\\ud800\"}}")]
    [InlineData("{\"kind\":\"A\",\"kind\":\"B\"}")]
    public void What_has_no_uid_to_answer_to_gets_400(string body)
    {
        var answer = PodAdmission.Decide(Encoding.UTF8.GetBytes(body), InjectionRequest.Default);

        Assert.Equal((400, ReviewOutcome.Malformed), (answer.Status, answer.Outcome));
        Assert.NotEmpty(answer.Body);
    }

    [Fact]
    public void Nesting_without_end_is_refused()
    {
        var answer = PodAdmission.Decide(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("[", 100_000))), InjectionRequest.Default);

        Assert.Equal(400, answer.Status);
    }

    /// <summary>Every mutation of a valid review ends in an answer the API server can read, or in 400; none in a fault.</summary>
    [Fact]
    public void Ten_thousand_mutated_reviews_cause_no_fault()
    {
        var random = new Random(20261121);
        var valid = GivenReview.Bytes(GivenReview.Of(Given.Pod(container: "lifecycle: {preStop: {httpGet: {path: /stop, port: http}}}")));
        var seen = new Dictionary<ReviewOutcome, int>();
        for (var i = 0; i < 10_000; i++)
        {
            var answer = PodAdmission.Decide(Mutate(valid, random), InjectionRequest.Default);
            Assert.True(answer.Fault is null, answer.Fault?.ToString());
            Assert.True(answer.Status is 200 or 400);
            if (answer.Status == 200) Assert.True((bool)JsonNode.Parse(answer.Body)!["response"]!["allowed"]!);
            seen[answer.Outcome] = seen.GetValueOrDefault(answer.Outcome) + 1;
        }

        Assert.True(seen.GetValueOrDefault(ReviewOutcome.Malformed) > 100 && seen.GetValueOrDefault(ReviewOutcome.Injected) > 100, string.Join(", ", seen));
    }

    /// <summary>Bytes changed, cut out or doubled, and values swapped for those of another type.</summary>
    private static byte[] Mutate(byte[] valid, Random random)
    {
        List<byte> bytes = [.. valid];
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, Math.Min(random.Next(1, 30), bytes.Count - at));
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 30), bytes.Count - at)));
                    break;
                default:
                    var text = Encoding.Latin1.GetString([.. bytes]);
                    var colon = text.IndexOf(":\"", at, StringComparison.Ordinal);
                    var end = colon < 0 ? -1 : text.IndexOf('"', colon + 2);
                    if (end < 0) break;
                    bytes.RemoveRange(colon + 1, end - colon);
                    bytes.InsertRange(colon + 1, Encoding.UTF8.GetBytes(new[] { "null", "[]", "{}", "-1", "1e400", "\"\\ud800\"", "99999999999999999999", "true" }[random.Next(8)]));
                    break;
            }
        }

        return [.. bytes];
    }

    private static AdmissionAnswer Decide(JsonObject review) => PodAdmission.Decide(GivenReview.Bytes(review), InjectionRequest.Default);
}
