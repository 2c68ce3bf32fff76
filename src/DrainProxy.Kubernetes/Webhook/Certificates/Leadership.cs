using System.Globalization;
using System.Text.Json.Nodes;
using DrainProxy.Decisions.Cluster;
using DrainProxy.Kubernetes.Api;
using DrainProxy.Kubernetes.Manifests;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Kubernetes.Webhook.Certificates;

/// <summary>Holds the Lease, or waits for it. One call of <see cref="Try"/> is one step; who calls decides how often.</summary>
internal sealed partial class Leadership(ApiClient api, ClusterNames names, string me, TimeSpan duration, TimeProvider time, ILogger log)
{
    /// <summary>MicroTime of the API.</summary>
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    private (string Stamp, long At)? seen;
    private long? renewedAt;

    /// <summary>By our own clock, and with a margin: whoever takes over does so later.</summary>
    public bool Leads => LeaseRule.Leads(renewedAt is { } at ? time.GetElapsedTime(at) : null, duration);

    /// <exception cref="ApiException">The API refuses; who leads then goes on until <see cref="Leads"/> ends by itself.</exception>
    public async Task Try(CancellationToken cancel)
    {
        var asked = time.GetTimestamp();
        var lease = await api.Get(names.LeasePath, cancel);
        var step = LeaseRule.Decide(Sight(lease), me);
        if (step == LeaseStep.Wait) return;
        var led = Leads;
        try
        {
            if (step == LeaseStep.Create) await api.Create(names.LeaseFolder, Held(null, taken: true), cancel);
            else await api.Replace(names.LeasePath, Held(lease, taken: step == LeaseStep.Take), cancel);
            renewedAt = asked;
            if (!led) LogLeads(log, me);
        }
        catch (ApiException e) when (e.IsConflict)
        {
            // Somebody else was faster. If it was ours, what we hold runs out by itself.
        }
    }

    /// <summary>Gives it back, so that another need not wait for it to run out.</summary>
    public async Task Release(CancellationToken cancel)
    {
        if (!Leads) return;
        renewedAt = null;
        if (await api.Get(names.LeasePath, cancel) is not { } lease || lease.Object("spec").Text("holderIdentity") != me) return;
        lease.Object("spec")!["holderIdentity"] = "";
        await api.Replace(names.LeasePath, lease, cancel);
    }

    private LeaseSight? Sight(JsonObject? lease)
    {
        if (lease is null) return null;
        var spec = lease.Object("spec");
        var stamp = $"{spec.Text("holderIdentity")} {spec.Text("renewTime")} {spec.Whole("leaseTransitions")}";
        if (seen is not { } last || last.Stamp != stamp) seen = last = (stamp, time.GetTimestamp());
        var holds = spec.Whole("leaseDurationSeconds") is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 1, 3600)) : duration;
        return new(spec.Text("holderIdentity"), holds, time.GetElapsedTime(last.At));
    }

    private JsonObject Held(JsonObject? lease, bool taken)
    {
        var held = lease ?? new()
        {
            ["apiVersion"] = "coordination.k8s.io/v1",
            ["kind"] = "Lease",
            ["metadata"] = new JsonObject { ["name"] = names.Lease, ["namespace"] = names.Namespace },
        };
        if (held["spec"] is not JsonObject spec) held["spec"] = spec = [];
        var now = time.GetUtcNow().UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);
        if (taken)
        {
            spec["leaseTransitions"] = (spec.Whole("leaseTransitions") ?? -1) + 1;
            spec["acquireTime"] = now;
        }

        spec["holderIdentity"] = me;
        spec["leaseDurationSeconds"] = (int)Math.Max(1, duration.TotalSeconds);
        spec["renewTime"] = now;
        return held;
    }

    [LoggerMessage(620, LogLevel.Information, "{Me} looks after the certificate", EventName = "webhook_leads")]
    private static partial void LogLeads(ILogger log, string me);
}
