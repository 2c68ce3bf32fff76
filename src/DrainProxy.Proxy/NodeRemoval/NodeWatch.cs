using DrainProxy.Decisions.NodeRemoval;
using DrainProxy.Proxy.Settings;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.NodeRemoval;

/// <summary>
/// Asks the provider whether this node goes, until it does or a termination has begun. Beside everything else: it delays no start and no drain, and a service that is missing costs one line of the log.
/// </summary>
internal sealed partial class NodeWatch : IDisposable
{
    private readonly string name;
    private readonly Action<NoticeReading> leave;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly MetadataClient client;
    private readonly IReadOnlyList<INoticeSource> sources;
    private readonly CancellationTokenSource stop = new();

    /// <param name="settings">Whom to ask.</param>
    /// <param name="leave">Called once, with the first notice.</param>
    /// <param name="time">Of pauses and limits.</param>
    /// <param name="log">For what people want to know.</param>
    public NodeWatch(NodeNoticeSource settings, Action<NoticeReading> leave, TimeProvider time, ILogger log)
    {
        (name, this.leave, this.time, this.log) = (settings.ToString(), leave, time, log);
        client = new(time);
        sources = NoticeSources.Of(settings, client);
    }

    /// <summary>Ends with the first notice, or with <see cref="Stop"/>.</summary>
    public Task Run() => Task.WhenAll(sources.Select(source => Task.Run(() => Watch(source))));

    /// <summary>Nothing is asked any more; a question that waits is given up.</summary>
    public void Stop() => stop.Cancel();

    public void Dispose()
    {
        stop.Cancel();
        client.Dispose();
    }

    private async Task Watch(INoticeSource source)
    {
        var (unanswered, told, heard, hint) = (0, false, false, "");
        try
        {
            while (!stop.IsCancellationRequested)
            {
                var reading = await source.Ask(stop.Token);
                unanswered = reading.Kind == NoticeKind.Unanswered ? unanswered + 1 : 0;
                switch (reading.Kind)
                {
                    case NoticeKind.Leaves when !stop.IsCancellationRequested:
                        LogNotice(log, name, reading.Text, reading.At is { } at ? at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'") : "no time given");
                        stop.Cancel();
                        leave(reading);
                        return;
                    case NoticeKind.Unanswered when !told:
                        told = true;
                        LogUnanswered(log, name, reading.Text);
                        break;
                    case NoticeKind.Hint when reading.Text != hint:
                        hint = reading.Text;
                        LogHint(log, name, hint);
                        break;
                    case NoticeKind.None when !heard:
                        heard = true;
                        LogHeard(log, name);
                        break;
                }

                await Task.Delay(NoticePace.Pause(source.Pace, unanswered), time, stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The termination has begun.
        }
    }

    [LoggerMessage(120, LogLevel.Warning, "Node notice from {Source}: {Reason} ({When}): the drain begins", EventName = "node_notice")]
    private static partial void LogNotice(ILogger log, string source, string reason, string when);

    [LoggerMessage(121, LogLevel.Information, "Node notice from {Source}: {Reason}: for information, nothing is drained", EventName = "node_hint")]
    private static partial void LogHint(ILogger log, string source, string reason);

    [LoggerMessage(122, LogLevel.Warning, "Node notices from {Source} do not come: {Reason}. It is asked on, less often", EventName = "node_notice_unanswered")]
    private static partial void LogUnanswered(ILogger log, string source, string reason);

    [LoggerMessage(123, LogLevel.Information, "Node notices from {Source}: it answers, none for now", EventName = "node_notice_heard")]
    private static partial void LogHeard(ILogger log, string source);
}
