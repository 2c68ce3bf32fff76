namespace DrainProxy.Decisions.Pressure.Admission;

/// <summary>
/// Requests that wait, by priority. First come first served, until the line stands: when the oldest has waited half of its time, those at its
/// end would time out anyway, so the newest go first and every fourth place goes to the oldest. Under lasting overload some then get a quick
/// answer instead of everybody a late one (CoDel's standing queue with adaptive LIFO), and nobody starves.
/// </summary>
public sealed class WaitingLine(int most, TimeSpan longest)
{
    /// <summary>When the line stands, one of so many places goes to the oldest.</summary>
    public const int OldestEvery = 4;

    private readonly LinkedList<Ticket>[] lines = [new(), new(), new()];
    private int turn;

    /// <summary>How many wait.</summary>
    public int Count => lines[0].Count + lines[1].Count + lines[2].Count;

    /// <summary>Takes a place; false when there is none.</summary>
    public bool TryAdd(Ticket ticket)
    {
        if (longest <= TimeSpan.Zero || Count >= most) return false;
        ticket.Place = lines[(int)ticket.Priority].AddLast(ticket);
        return true;
    }

    /// <summary>Takes a place between those that came earlier and later, however long the line is.</summary>
    public void Insert(Ticket ticket)
    {
        var line = lines[(int)ticket.Priority];
        var before = line.Last;
        while (before is not null && before.Value.Since > ticket.Since) before = before.Previous;
        ticket.Place = before is null ? line.AddFirst(ticket) : line.AddAfter(before, ticket);
    }

    /// <summary>Everybody, in order.</summary>
    public void CopyTo(List<Ticket> to)
    {
        foreach (var line in lines) to.AddRange(line);
    }

    /// <summary>Gives the place up, wherever it is.</summary>
    public static void Remove(Ticket ticket)
    {
        if (ticket.Place is not { } place) return;
        place.List!.Remove(place);
        ticket.Place = null;
    }

    /// <summary>Whether somebody has waited half of what he may.</summary>
    public bool Stands(TimeSpan now)
    {
        foreach (var line in lines)
            if (line.First is { } oldest && now - oldest.Value.Since > longest / 2) return true;
        return false;
    }

    /// <summary>Who is next; stays in the line.</summary>
    public Ticket? Next(TimeSpan now)
    {
        foreach (var line in lines)
        {
            if (line.First is not { } oldest) continue;
            var stands = now - oldest.Value.Since > longest / 2;
            return stands && turn % OldestEvery != OldestEvery - 1 ? line.Last!.Value : oldest.Value;
        }

        return null;
    }

    /// <summary>Takes the next one out.</summary>
    public void Take(Ticket ticket)
    {
        turn++;
        Remove(ticket);
    }

    /// <summary>Takes those out that have waited as long as they may.</summary>
    public void TakeExpired(TimeSpan now, List<Ticket> to)
    {
        foreach (var line in lines)
        {
            while (line.First is { } oldest && now - oldest.Value.Since >= longest)
            {
                Remove(oldest.Value);
                to.Add(oldest.Value);
            }
        }
    }
}
