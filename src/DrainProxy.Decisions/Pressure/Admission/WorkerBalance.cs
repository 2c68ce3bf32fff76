namespace DrainProxy.Decisions.Pressure.Admission;

/// <summary>A connection to the app that only heavy requests use.</summary>
/// <param name="Busy">One is under way on it.</param>
/// <param name="Worker">The process of the app at its other end; 0 where that is not known.</param>
/// <param name="LastUse">A number that grows with each use.</param>
/// <param name="WorkerBytes">What that process holds; 0 where that is not known.</param>
public readonly record struct HeavyConnection(bool Busy, int Worker, long LastUse, long WorkerBytes = 0);

/// <summary>
/// Which connection a heavy request takes. Each worker of a pre-forking app keeps about as much as it has ever needed at once, so heavy requests are spread evenly over the workers; and garbage in a worker is
/// collected only when it allocates again: of workers with equally many requests the largest has the most garbage, and grows the least when it gets the next one. Where workers are not known, connections
/// take turns: no more ever meet in one worker than lead there, and each gets its collections.
/// </summary>
public static class WorkerBalance
{
    /// <summary>Connections kept beyond two for each that is busy, while workers are unevenly connected.</summary>
    public const int Spare = 4;

    /// <summary>The index of the connection to take; -1 for a new one.</summary>
    public static int Choose(IReadOnlyList<HeavyConnection> connections)
    {
        var (best, bestLoad, least, busy) = (-1, 0, int.MaxValue, 0);
        for (var i = 0; i < connections.Count; i++)
        {
            var (connection, load) = (connections[i], Load(connections, connections[i].Worker));
            if (connection.Busy) busy++;
            if (connection.Worker != 0) least = Math.Min(least, load);
            if (connection.Busy) continue;
            if (best < 0 || load < bestLoad || (load == bestLoad && IsBetter(connection, connections[best]))) (best, bestLoad) = (i, load);
        }

        // A worker with less to do has no free connection: a new one may lead there.
        var uneven = best >= 0 && connections[best].Worker != 0 && bestLoad > least;
        return uneven && connections.Count < (2 * busy) + Spare ? -1 : best;
    }

    /// <summary>Whether a new connection that has come to a worker is worth a request, or another try may lead to one with less to do.</summary>
    /// <param name="connections">All others.</param>
    /// <param name="worker">Who has accepted the new one.</param>
    /// <param name="workers">Processes of the app that may accept, as far as is known.</param>
    public static bool IsWorse(IReadOnlyList<HeavyConnection> connections, int worker, int workers)
    {
        if (worker == 0) return false;
        var (own, least, seen) = (Load(connections, worker), int.MaxValue, new HashSet<int> { worker });
        foreach (var connection in connections)
        {
            if (connection.Worker == 0 || !seen.Add(connection.Worker)) continue;
            least = Math.Min(least, Load(connections, connection.Worker));
        }

        // A worker that no connection leads to has nothing to do.
        return own > (seen.Count < workers ? 0 : least);
    }

    private static bool IsBetter(in HeavyConnection one, in HeavyConnection other) =>
        one.WorkerBytes == other.WorkerBytes ? one.LastUse < other.LastUse : one.WorkerBytes > other.WorkerBytes;

    private static int Load(IReadOnlyList<HeavyConnection> connections, int worker)
    {
        if (worker == 0) return 0;
        var load = 0;
        for (var i = 0; i < connections.Count; i++)
            if (connections[i].Busy && connections[i].Worker == worker) load++;
        return load;
    }
}
