using System.Text.Json;

namespace DrainProxy.Decisions.NodeRemoval;

/// <summary>Answers of the EC2 instance metadata service.</summary>
public static class AwsNotices
{
    /// <summary>
    /// `spot/instance-action`: 404 until the instance is to be interrupted, two minutes ahead; then `{"action": "terminate", "time": "2017-09-18T08:22:00Z"}`, action stop and hibernate alike.
    /// <see href="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html"/>.
    /// </summary>
    public static NoticeReading SpotAction(int status, string body)
    {
        if (status == 404) return NoticeReading.None;
        if (status != 200) return NoticeReading.Status(status);
        using var json = NoticeText.Json(body);
        return json is not null && NoticeText.Text(json.RootElement, "action") is { Length: > 0 } action
            ? NoticeReading.Leaves("spot " + action, NoticeText.Time(NoticeText.Text(json.RootElement, "time")))
            : NoticeReading.Unanswered("spot/instance-action is not understood");
    }

    /// <summary>
    /// `autoscaling/target-lifecycle-state`: the steady state that the instance is on its way to; 404 outside of an Auto Scaling group. A warm pool's states take the instance away too, but for `Warmed:Running`;
    /// Detached and Standby leave it running.
    /// <see href="https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html"/>.
    /// </summary>
    public static NoticeReading TargetState(int status, string body)
    {
        if (status == 404) return NoticeReading.None;
        if (status != 200) return NoticeReading.Status(status);
        return body.Trim() switch
        {
            "Terminated" or "Warmed:Terminated" or "Warmed:Stopped" or "Warmed:Hibernated" => NoticeReading.Leaves("auto scaling: " + body.Trim()),
            "Detached" or "Standby" => NoticeReading.Hint("auto scaling: " + body.Trim()),
            _ => NoticeReading.None,
        };
    }

    /// <summary>
    /// `events/recommendations/rebalance`: a raised risk of interruption, which may never come; 404 without one.
    /// <see href="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html"/>.
    /// </summary>
    public static NoticeReading Rebalance(int status, string body)
    {
        if (status != 200) return NoticeReading.None;
        using var json = NoticeText.Json(body);
        return json is { RootElement.ValueKind: JsonValueKind.Object }
            ? NoticeReading.Hint("rebalance recommendation", NoticeText.Time(NoticeText.Text(json.RootElement, "noticeTime")))
            : NoticeReading.None;
    }
}
