using DrainProxy.Decisions.NodeRemoval;

namespace DrainProxy.Decisions.Tests.NodeRemoval;

/// <summary>Answers as the providers document them, and odd ones; what follows from each.</summary>
public sealed class NoticeTests
{
    private const string Azure = """
        {"DocumentIncarnation": 2, "Events": [
          {"EventId": "A", "EventStatus": "Scheduled", "EventType": "EVENT", "ResourceType": "VirtualMachine", "Resources": ["aks-pool_0", "aks-pool_3"],
           "NotBefore": "Mon, 19 Sep 2016 18:29:47 GMT", "Description": "Virtual machine is being evicted.", "EventSource": "Platform", "DurationInSeconds": -1}]}
        """;

    [Theory]
    [InlineData(404, "<?xml version=\"1.0\"?><html>Not Found</html>", NoticeKind.None, null)]
    [InlineData(200, """{"action": "terminate", "time": "2017-09-18T08:22:00Z"}""", NoticeKind.Leaves, "2017-09-18T08:22:00Z")]
    [InlineData(200, """{"action": "stop", "time": "2017-09-18T08:22:00Z"}""", NoticeKind.Leaves, "2017-09-18T08:22:00Z")]
    [InlineData(200, """{"action": "hibernate"}""", NoticeKind.Leaves, null)]
    [InlineData(200, """{"action": "terminate", "time": 7}""", NoticeKind.Leaves, null)]
    [InlineData(200, """{"action": "terminate", "time": "soon"}""", NoticeKind.Leaves, null)]
    [InlineData(200, "", NoticeKind.Unanswered, null)]
    [InlineData(200, "[]", NoticeKind.Unanswered, null)]
    [InlineData(200, "\"terminate\"", NoticeKind.Unanswered, null)]
    [InlineData(200, """{"action": "\ud800"}""", NoticeKind.Unanswered, null)]
    [InlineData(401, "", NoticeKind.Unanswered, null)]
    [InlineData(302, """{"action": "terminate"}""", NoticeKind.Unanswered, null)]
    [InlineData(503, """{"action": "terminate"}""", NoticeKind.Unanswered, null)]
    public void Aws_spot_action(int status, string body, NoticeKind kind, string? at) => Is(AwsNotices.SpotAction(status, body), kind, at);

    [Theory]
    [InlineData(404, "", NoticeKind.None)]
    [InlineData(200, "InService", NoticeKind.None)]
    [InlineData(200, "Terminated\n", NoticeKind.Leaves)]
    [InlineData(200, "Warmed:Stopped", NoticeKind.Leaves)]
    [InlineData(200, "Warmed:Hibernated", NoticeKind.Leaves)]
    [InlineData(200, "Warmed:Terminated", NoticeKind.Leaves)]
    [InlineData(200, "Warmed:Running", NoticeKind.None)]
    [InlineData(200, "Detached", NoticeKind.Hint)]
    [InlineData(200, "Standby", NoticeKind.Hint)]
    [InlineData(200, "Retired", NoticeKind.None)]
    [InlineData(403, "Terminated", NoticeKind.Unanswered)]
    public void Aws_target_lifecycle_state(int status, string body, NoticeKind kind) => Is(AwsNotices.TargetState(status, body), kind);

    [Theory]
    [InlineData(404, "", NoticeKind.None, null)]
    [InlineData(200, """{"noticeTime": "2020-10-27T08:22:00Z"}""", NoticeKind.Hint, "2020-10-27T08:22:00Z")]
    [InlineData(200, "x", NoticeKind.None, null)]
    [InlineData(500, """{"noticeTime": "2020-10-27T08:22:00Z"}""", NoticeKind.None, null)]
    public void Aws_rebalance_never_drains(int status, string body, NoticeKind kind, string? at) => Is(AwsNotices.Rebalance(status, body), kind, at);

    [Theory]
    [InlineData(200, "TRUE", NoticeKind.Leaves)]
    [InlineData(200, "true\n", NoticeKind.Leaves)]
    [InlineData(200, "FALSE", NoticeKind.None)]
    [InlineData(200, "", NoticeKind.Unanswered)]
    [InlineData(200, "<html>TRUE</html>", NoticeKind.Unanswered)]
    [InlineData(403, "TRUE", NoticeKind.Unanswered)]
    [InlineData(404, "", NoticeKind.Unanswered)]
    public void Gcp_preempted(int status, string body, NoticeKind kind) => Is(GcpNotices.Preempted(status, body), kind);

    [Theory]
    [InlineData(200, "NONE", NoticeKind.None)]
    [InlineData(200, "MIGRATE_ON_HOST_MAINTENANCE", NoticeKind.Hint)]
    [InlineData(200, "TERMINATE_ON_HOST_MAINTENANCE", NoticeKind.Leaves)]
    [InlineData(500, "TERMINATE_ON_HOST_MAINTENANCE", NoticeKind.Unanswered)]
    public void Gcp_maintenance_event(int status, string body, NoticeKind kind) => Is(GcpNotices.MaintenanceEvent(status, body), kind);

    [Theory]
    [InlineData("Preempt", "aks-pool_3", NoticeKind.Leaves)]
    [InlineData("Terminate", "AKS-POOL_0", NoticeKind.None)]
    [InlineData("Terminate", "aks-pool_0", NoticeKind.Leaves)]
    [InlineData("Redeploy", "aks-pool_0", NoticeKind.Leaves)]
    [InlineData("Reboot", "aks-pool_0", NoticeKind.Hint)]
    [InlineData("Freeze", "aks-pool_0", NoticeKind.Hint)]
    [InlineData("Preempt", "aks-pool_1", NoticeKind.None)]
    [InlineData("Preempt", "aks-pool", NoticeKind.None)]
    public void Azure_event_of_this_machine(string type, string machine, NoticeKind kind) =>
        Is(AzureNotices.ScheduledEvents(200, Azure.Replace("EVENT", type), machine), kind, kind == NoticeKind.None ? null : "2016-09-19T18:29:47Z");

    [Theory]
    [InlineData(200, """{"DocumentIncarnation": 1, "Events": []}""", NoticeKind.None)]
    [InlineData(200, """{"Events": [{"EventType": "Preempt", "EventStatus": "Started", "Resources": ["vm"], "NotBefore": ""}]}""", NoticeKind.Leaves)]
    [InlineData(200, """{"Events": [{"EventType": "Preempt", "EventStatus": "Canceled", "Resources": ["vm"]}]}""", NoticeKind.None)]
    [InlineData(200, """{"Events": [{"EventType": "Reboot", "Resources": ["vm"]}, {"EventType": "Terminate", "Resources": ["vm"]}]}""", NoticeKind.Leaves)]
    [InlineData(200, """{"Events": [7, {"EventType": 7, "Resources": ["vm"]}, {"Resources": "vm"}, {"EventType": "Preempt", "Resources": [7]}]}""", NoticeKind.Hint)]
    [InlineData(200, """{"Events": {}}""", NoticeKind.Unanswered)]
    [InlineData(200, "[", NoticeKind.Unanswered)]
    [InlineData(200, "", NoticeKind.Unanswered)]
    [InlineData(410, "", NoticeKind.Unanswered)]
    public void Azure_document(int status, string body, NoticeKind kind) => Is(AzureNotices.ScheduledEvents(status, body, "vm"), kind);

    [Fact]
    public void Of_two_azure_events_the_earlier_one_is_told()
    {
        const string Events = """
            {"Events": [{"EventType": "Redeploy", "Resources": ["vm"], "NotBefore": "Mon, 19 Sep 2016 18:39:47 GMT"},
                        {"EventType": "Preempt", "Resources": ["vm"], "NotBefore": "Mon, 19 Sep 2016 18:29:47 GMT"}]}
            """;
        Is(AzureNotices.ScheduledEvents(200, Events, "vm"), NoticeKind.Leaves, "2016-09-19T18:29:47Z");
    }

    [Theory]
    [InlineData(200, "leaving", NoticeKind.Leaves, null)]
    [InlineData(200, "2026-11-21T10:00:00Z", NoticeKind.Leaves, "2026-11-21T10:00:00Z")]
    [InlineData(200, "2026-11-21T12:00:00.5+02:00\n", NoticeKind.Leaves, "2026-11-21T10:00:00.5Z")]
    [InlineData(200, """{"time": "2026-11-21T10:00:00Z", "why": "upgrade"}""", NoticeKind.Leaves, "2026-11-21T10:00:00Z")]
    [InlineData(200, "{ broken", NoticeKind.Leaves, null)]
    [InlineData(200, "", NoticeKind.None, null)]
    [InlineData(200, " False\n", NoticeKind.None, null)]
    [InlineData(200, "{}", NoticeKind.None, null)]
    [InlineData(200, "[]", NoticeKind.None, null)]
    [InlineData(204, "", NoticeKind.None, null)]
    [InlineData(404, "leaving", NoticeKind.None, null)]
    [InlineData(301, "leaving", NoticeKind.Unanswered, null)]
    [InlineData(500, "leaving", NoticeKind.Unanswered, null)]
    public void Url_of_the_user(int status, string body, NoticeKind kind, string? at) => Is(UrlNotices.Read(status, body), kind, at);

    [Fact]
    public void What_comes_from_outside_is_short_and_without_control_characters()
    {
        var text = UrlNotices.Read(200, "line\nline\u001b[2J" + new string('x', 60_000)).Text;
        Assert.True(text.Length <= 81);
        Assert.DoesNotContain(text, char.IsControl);
    }

    [Fact]
    public void Deep_documents_are_not_understood_and_do_no_harm()
    {
        var deep = new string('[', 30_000) + new string(']', 30_000);
        Assert.Equal(NoticeKind.Unanswered, AzureNotices.ScheduledEvents(200, deep, "vm").Kind);
        Assert.Equal(NoticeKind.Unanswered, AwsNotices.SpotAction(200, deep).Kind);
    }

    [Fact]
    public void Pauses_double_up_to_a_minute()
    {
        var pauses = Enumerable.Range(0, 6).Select(n => NoticePace.Pause(NoticePace.Usual, n).TotalSeconds);
        Assert.Equal([5, 10, 20, 40, 60, 60], pauses);
        Assert.Equal(NoticePace.Longest, NoticePace.Pause(NoticePace.BetweenWaits, int.MaxValue));
    }

    private static void Is(NoticeReading reading, NoticeKind kind, string? at = null)
    {
        Assert.Equal(kind, reading.Kind);
        Assert.Equal(at is null ? null : DateTimeOffset.Parse(at, System.Globalization.CultureInfo.InvariantCulture), reading.At);
    }
}
