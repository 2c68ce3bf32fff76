namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>Adds up the kernel's counters of OOM kills over the cgroups that the app lives in one after the other: a container that is restarted gets a new one that starts at 0.</summary>
public sealed class OomKillCount
{
    private string? cgroup;
    private long counted;

    /// <summary>Gets the kills seen since the first reading.</summary>
    public long Total { get; private set; }

    /// <summary>Takes a reading of the counter.</summary>
    /// <param name="name">Tells one cgroup from another.</param>
    /// <param name="kills">Its counter.</param>
    /// <returns>Kills since the reading before.</returns>
    public long Observe(string name, long kills)
    {
        // What was killed before anybody looked is not ours to tell; a counter that starts anew has counted since the last look.
        var before = cgroup is null ? kills : cgroup == name && kills >= counted ? counted : 0;
        (cgroup, counted) = (name, kills);
        Total += kills - before;
        return kills - before;
    }
}
