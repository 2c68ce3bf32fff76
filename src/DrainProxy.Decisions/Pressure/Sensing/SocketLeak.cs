namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>A judgement about sockets that their owner does not close.</summary>
/// <param name="Suspected">There is a leak, as far as can be seen.</param>
/// <param name="Aged">Sockets in CLOSE_WAIT for longer than <see cref="SocketLeak.Age"/>.</param>
/// <param name="Oldest">The longest stay in CLOSE_WAIT that was seen.</param>
public readonly record struct LeakVerdict(bool Suspected, int Aged, TimeSpan Oldest);

/// <summary>
/// Finds an owner that does not close what its peers have closed. One such socket is normal for as long as a request runs whose client has left; a number of them that stays for a time in
/// which requests end, and does not fall, is a leak. One owner, one caller.
/// </summary>
public sealed class SocketLeak
{
    /// <summary>A socket in CLOSE_WAIT for longer has been forgotten, or belongs to a very long request.</summary>
    public static readonly TimeSpan Age = TimeSpan.FromSeconds(20);

    /// <summary>The aged ones must not have fallen for this long: one look at least beside the first. With <see cref="Age"/> and looks up to 10 s apart a leak is suspected within 50 s of its eighth socket.</summary>
    public static readonly TimeSpan Standing = TimeSpan.FromSeconds(10);

    /// <summary>Fewer than this many are no leak yet.</summary>
    public const int Least = 8;

    /// <summary>Sockets followed one by one; what is beyond does not change the judgement.</summary>
    public const int MostFollowed = 8192;

    private readonly Dictionary<long, (TimeSpan Since, int Look)> seen = [];
    private int look;
    private TimeSpan? standingSince;
    private int lowest;
    private bool suspected;

    /// <summary>Takes a look at the sockets that are in CLOSE_WAIT now, by inode.</summary>
    public LeakVerdict Look(ReadOnlySpan<long> inodes, TimeSpan now)
    {
        look++;
        foreach (var inode in inodes)
        {
            if (seen.TryGetValue(inode, out var known)) seen[inode] = (known.Since, look);
            else if (seen.Count < MostFollowed) seen[inode] = (now, look);
        }

        var (aged, oldest) = (0, TimeSpan.Zero);
        foreach (var (inode, (since, last)) in seen)
        {
            if (last != look)
            {
                seen.Remove(inode);
                continue;
            }

            if (now - since > oldest) oldest = now - since;
            if (now - since >= Age) aged++;
        }

        return new(Judge(aged, now), aged, oldest);
    }

    private bool Judge(int aged, TimeSpan now)
    {
        if (aged < Least / 2) suspected = false;
        // The time starts anew when some were closed after all: their owner works them off.
        if (aged < Least || aged < lowest)
        {
            standingSince = aged < Least ? null : now;
            lowest = aged;
            return suspected;
        }

        (standingSince, lowest) = (standingSince ?? now, aged);
        return suspected |= now - standingSince >= Standing;
    }
}
