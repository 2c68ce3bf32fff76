namespace DrainProxy.Decisions.NodeRemoval;

/// <summary>Answers of the Compute Engine metadata server. None of them names a time: a preempted machine has 30 s, a terminated one 60 s.</summary>
public static class GcpNotices
{
    /// <summary>`instance/preempted`: FALSE, or TRUE from the notice on. <see href="https://cloud.google.com/compute/docs/instances/create-use-preemptible#detecting_if_an_instance_was_preempted"/>.</summary>
    public static NoticeReading Preempted(int status, string body) => (status, body.Trim().ToUpperInvariant()) switch
    {
        (200, "TRUE") => NoticeReading.Leaves("preempted"),
        (200, "FALSE") => NoticeReading.None,
        (200, _) => NoticeReading.Unanswered("instance/preempted is not understood"),
        _ => NoticeReading.Status(status),
    };

    /// <summary>
    /// `instance/maintenance-event`: a migration keeps the machine running, a termination does not.
    /// <see href="https://cloud.google.com/compute/docs/metadata/getting-live-migration-notice"/>.
    /// </summary>
    public static NoticeReading MaintenanceEvent(int status, string body) => (status, body.Trim()) switch
    {
        (200, "TERMINATE_ON_HOST_MAINTENANCE") => NoticeReading.Leaves("maintenance: terminate"),
        (200, "MIGRATE_ON_HOST_MAINTENANCE") => NoticeReading.Hint("maintenance: live migration"),
        (200, _) => NoticeReading.None,
        _ => NoticeReading.Status(status),
    };
}
