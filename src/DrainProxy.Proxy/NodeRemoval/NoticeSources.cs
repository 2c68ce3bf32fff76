using System.Globalization;
using DrainProxy.Decisions.NodeRemoval;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.NodeRemoval;

/// <summary>Something that can be asked whether this node goes.</summary>
internal interface INoticeSource
{
    /// <summary>Between two questions while answers come.</summary>
    TimeSpan Pace { get; }

    /// <summary>Asks once; throws for the end of <paramref name="stop"/> only.</summary>
    Task<NoticeReading> Ask(CancellationToken stop);
}

/// <summary>What is asked for each provider.</summary>
internal static class NoticeSources
{
    /// <summary>The address of the three providers' metadata services alike.</summary>
    private static readonly Uri LinkLocal = new("http://169.254.169.254");

    public static IReadOnlyList<INoticeSource> Of(NodeNoticeSource source, MetadataClient client)
    {
        var address = source.Address ?? LinkLocal;
        return source.Provider switch
        {
            NodeProvider.Aws => [new AwsSource(address, client)],
            NodeProvider.Gcp =>
            [
                new GcpSource(new(address, "/computeMetadata/v1/instance/preempted"), GcpNotices.Preempted, client),
                new GcpSource(new(address, "/computeMetadata/v1/instance/maintenance-event"), GcpNotices.MaintenanceEvent, client),
            ],
            NodeProvider.Azure => [new AzureSource(address, client)],
            _ => [new UrlSource(address, client)],
        };
    }
}

/// <summary>EC2, with the session tokens of version 2: a pod gets one when the instance's hop limit is 2 or more.</summary>
internal sealed class AwsSource(Uri address, MetadataClient client) : INoticeSource
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    /// <summary>The longest lifetime that the service gives, in seconds; a token that it takes no more is replaced.</summary>
    private const string Lifetime = "21600";
    private string? token;

    public TimeSpan Pace => NoticePace.Usual;

    public async Task<NoticeReading> Ask(CancellationToken stop)
    {
        var had = token is not null;
        var reading = await Look(stop);
        // A token that has run out: once more with a new one, before anybody calls it an outage.
        return had && token is null ? await Look(stop) : reading;
    }

    private async Task<NoticeReading> Look(CancellationToken stop)
    {
        if (token is null)
        {
            var answer = await client.Ask(HttpMethod.Put, new(address, "/latest/api/token"), ("X-aws-ec2-metadata-token-ttl-seconds", Lifetime), Limit, stop);
            if (answer.Status != 200 || answer.Body.Length == 0) return NoticeReading.Unanswered(answer.Problem ?? $"no session token: status {answer.Status}");
            token = answer.Body.Trim();
        }

        var strongest = await Read("spot/instance-action", AwsNotices.SpotAction, stop);
        if (strongest.Kind == NoticeKind.Leaves || token is null) return strongest;
        var state = await Read("autoscaling/target-lifecycle-state", AwsNotices.TargetState, stop);
        if (state.Kind == NoticeKind.Leaves || strongest.Kind == NoticeKind.None) strongest = state;
        return strongest.Kind == NoticeKind.None ? await Read("events/recommendations/rebalance", AwsNotices.Rebalance, stop) : strongest;
    }

    private async Task<NoticeReading> Read(string item, Func<int, string, NoticeReading> read, CancellationToken stop)
    {
        var answer = await client.Ask(HttpMethod.Get, new(address, "/latest/meta-data/" + item), ("X-aws-ec2-metadata-token", token ?? ""), Limit, stop);
        if (answer.Problem is { } problem) return NoticeReading.Unanswered(problem);
        if (answer.Status == 401) token = null;
        return read(answer.Status, answer.Body);
    }
}

/// <summary>One value of the Compute Engine metadata server, which answers when it changes.</summary>
internal sealed class GcpSource(Uri address, Func<int, string, NoticeReading> read, MetadataClient client) : INoticeSource
{
    private const int WaitSeconds = 60;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(WaitSeconds + 10);

    /// <summary>Of no value: the first question is answered at once, and a change between two questions is not missed.</summary>
    private string? seen = "NONE";

    public TimeSpan Pace => NoticePace.BetweenWaits;

    public async Task<NoticeReading> Ask(CancellationToken stop)
    {
        var last = seen is null ? "" : "&last_etag=" + Uri.EscapeDataString(seen);
        var question = new UriBuilder(address) { Query = string.Create(CultureInfo.InvariantCulture, $"wait_for_change=true&timeout_sec={WaitSeconds}{last}") };
        var answer = await client.Ask(HttpMethod.Get, question.Uri, ("Metadata-Flavor", "Google"), Limit, stop);
        if (answer.Problem is { } problem) return NoticeReading.Unanswered(problem);
        if (answer.Status == 200) seen = answer.ETag;
        return read(answer.Status, answer.Body);
    }
}

/// <summary>Azure: the events of all machines, of which this one has to know its name.</summary>
internal sealed class AzureSource(Uri address, MetadataClient client) : INoticeSource
{
    private static readonly (string, string) Header = ("Metadata", "true");

    /// <summary>The first question switches the service on for the machine and may take two minutes; asked again it takes as long, and nothing waits for it.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(130);
    private static readonly TimeSpan NameLimit = TimeSpan.FromSeconds(4);
    private string? machine;

    public TimeSpan Pace => NoticePace.Usual;

    public async Task<NoticeReading> Ask(CancellationToken stop)
    {
        if (machine is null)
        {
            var name = await client.Ask(HttpMethod.Get, new(address, "/metadata/instance/compute/name?api-version=2021-02-01&format=text"), Header, NameLimit, stop);
            if (name.Status != 200 || name.Body.Trim().Length == 0) return NoticeReading.Unanswered(name.Problem ?? $"no machine's name: status {name.Status}");
            machine = name.Body.Trim();
        }

        var answer = await client.Ask(HttpMethod.Get, new(address, "/metadata/scheduledevents?api-version=2020-07-01"), Header, Limit, stop);
        return answer.Problem is { } problem ? NoticeReading.Unanswered(problem) : AzureNotices.ScheduledEvents(answer.Status, answer.Body, machine);
    }
}

/// <summary>A URL of the user's own.</summary>
internal sealed class UrlSource(Uri address, MetadataClient client) : INoticeSource
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(4);

    public TimeSpan Pace => NoticePace.Usual;

    public async Task<NoticeReading> Ask(CancellationToken stop)
    {
        var answer = await client.Ask(HttpMethod.Get, address, null, Limit, stop);
        return answer.Problem is { } problem ? NoticeReading.Unanswered(problem) : UrlNotices.Read(answer.Status, answer.Body);
    }
}
