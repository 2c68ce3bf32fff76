using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Webhook;

/// <summary>How a call of the webhook ended; a label of its metrics.</summary>
internal enum ReviewOutcome
{
    /// <summary>The pod gets the sidecar.</summary>
    Injected,

    /// <summary>The pod has it already: the API server asks again when another webhook changed something.</summary>
    Unchanged,

    /// <summary>The pod stays without; the answer's warnings say why.</summary>
    Skipped,

    /// <summary>Not the creation of a pod.</summary>
    NotAPod,

    /// <summary>A fault of the injection: allowed as it is.</summary>
    Failed,

    /// <summary>Not a review, or not sent as one: 400, 404, 405 or 415.</summary>
    Malformed,

    /// <summary>413.</summary>
    TooLarge,

    /// <summary>The body did not come within the time the caller gives: 408.</summary>
    Late,

    /// <summary>No room within the time the caller gives: 503.</summary>
    Busy,
}

/// <summary>What goes back to the API server.</summary>
/// <param name="Body">JSON with status 200, else text.</param>
/// <param name="Fault">What went wrong inside; null when nothing did.</param>
internal sealed record AdmissionAnswer(int Status, byte[] Body, ReviewOutcome Outcome, Exception? Fault = null);

/// <summary>
/// Review in, answer out, without IO. Whatever has a uid to answer to is allowed: a webhook that puts in a helper must never be the reason
/// why a pod does not start.
/// </summary>
internal static class PodAdmission
{
    public static AdmissionAnswer Decide(ReadOnlySpan<byte> body, InjectionRequest injection)
    {
        var request = AdmissionReview.Read(body, out var problem);
        if (request is null) return new(400, System.Text.Encoding.UTF8.GetBytes(problem + "\n"), ReviewOutcome.Malformed);
        try
        {
            return Answer(request, injection);
        }
#pragma warning disable CA1031 // Any fault of the injection is ours; the pod must not pay for it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return Allow(request, [], ["not injected: the webhook failed, its log says more"], ReviewOutcome.Failed) with { Fault = e };
        }
    }

    private static AdmissionAnswer Answer(AdmissionRequest request, InjectionRequest injection)
    {
        if (request.NotAPod is { } reason) return Allow(request, [], ["nothing done: " + reason], ReviewOutcome.NotAPod);
        var pod = request.Object!;
        // Others may have added to our container since (a LimitRange's default limits, a token's volume): made anew it would lose that,
        // and the pod could be refused for it.
        if (IsInjected(pod)) return Allow(request, [], [], ReviewOutcome.Unchanged);
        var result = PodInjector.Inject(pod, injection);
        if (result.Skipped is { } skipped) return Allow(request, [], ["not injected: " + skipped, .. result.Warnings], ReviewOutcome.Skipped);
        return Allow(request, result.Patch, result.Warnings, result.Patch.Count > 0 ? ReviewOutcome.Injected : ReviewOutcome.Unchanged);
    }

    private static bool IsInjected(JsonObject pod) =>
        pod.Object("metadata").Object("annotations").Text(InjectionNames.Status) is { Length: > 0 }
        && pod.Object("spec") is { } spec
        && spec.Objects("containers").Concat(spec.Objects("initContainers")).Any(c => c.Text("name") == InjectionNames.Container);

    private static AdmissionAnswer Allow(AdmissionRequest request, JsonArray patch, IEnumerable<string> warnings, ReviewOutcome outcome) =>
        new(200, AdmissionReview.Allow(request.Version, request.Uid, patch, AdmissionWarnings.Of(warnings)), outcome);
}
