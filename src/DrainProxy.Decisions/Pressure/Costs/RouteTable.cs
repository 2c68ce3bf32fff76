using System.Collections.Concurrent;

namespace DrainProxy.Decisions.Pressure.Costs;

/// <summary>
/// The route classes seen so far: a bounded number, found without a lock or an allocation. A place in the path with many different names
/// (`/users/alice`, `/users/bob`) becomes `*`, so that names do not fill the table.
/// </summary>
public sealed class RouteTable
{
    /// <summary>Most classes; what comes beyond shares one.</summary>
    public const int Capacity = 200;

    /// <summary>Different names at one place of the path before it becomes `*`.</summary>
    public const int MaxNames = 24;

    /// <summary>A `*` may take the place of an empty segment.</summary>
    private const int GeneralLength = RouteTemplate.MaxLength + RouteTemplate.MaxSegments + 2;

    private readonly ConcurrentDictionary<string, RouteClass> routes = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte> wild = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, RouteClass>.AlternateLookup<ReadOnlySpan<char>> byName;
    private readonly ConcurrentDictionary<string, byte>.AlternateLookup<ReadOnlySpan<char>> wildByName;
    private readonly Dictionary<string, HashSet<string>> names = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private volatile RouteClass[] all;

    /// <summary>An empty table.</summary>
    public RouteTable()
    {
        byName = routes.GetAlternateLookup<ReadOnlySpan<char>>();
        wildByName = wild.GetAlternateLookup<ReadOnlySpan<char>>();
        all = [Other];
    }

    /// <summary>The class of what found no place.</summary>
    public RouteClass Other { get; } = new("other");

    /// <summary>Every class, in no order; made anew when there is a new one, so that it can be walked at any time.</summary>
    public IReadOnlyList<RouteClass> All => all;

    /// <summary>How many there are, <see cref="Other"/> left out.</summary>
    public int Count => routes.Count;

    /// <summary>The class of a request. Any thread.</summary>
    /// <param name="method">The method as it came.</param>
    /// <param name="target">The request target, in origin form.</param>
    public RouteClass Find(ReadOnlySpan<char> method, ReadOnlySpan<char> target)
    {
        Span<char> name = stackalloc char[RouteTemplate.MaxLength];
        var length = RouteTemplate.Write(method, target, name);
        return byName.TryGetValue(name[..length], out var known) ? known : FindSlowly(name[..length]);
    }

    /// <summary>Gives the places of classes that were not seen for long back; heavy ones stay longest.</summary>
    /// <param name="now">The time of the sample.</param>
    /// <param name="age">Not in flight for this long.</param>
    public void Forget(TimeSpan now, TimeSpan age)
    {
        if (routes.Count < Capacity * 3 / 4) return;
        lock (gate)
        {
            foreach (var (name, route) in routes)
            {
                var limit = route.Kind == RouteKind.Heavy ? age * 10 : age;
                if (route.InFlight == 0 && now - route.LastSeen > limit) routes.TryRemove(name, out _);
            }

            all = [Other, .. routes.Values];
            if (names.Count > Capacity * 4) names.Clear();
        }
    }

    private RouteClass FindSlowly(scoped ReadOnlySpan<char> name)
    {
        if (wild.IsEmpty) return FindOrAdd(name);
        Span<char> general = stackalloc char[GeneralLength];
        var length = Generalize(name, general);
        return byName.TryGetValue(general[..length], out var known) ? known : FindOrAdd(general[..length]);
    }

    private RouteClass FindOrAdd(scoped ReadOnlySpan<char> name)
    {
        lock (gate)
        {
            if (byName.TryGetValue(name, out var known)) return known;
            if (routes.Count >= Capacity) return Other;
            if (!LearnNames(name.ToString())) return Add(name.ToString());
            Span<char> general = stackalloc char[GeneralLength];
            var length = Generalize(name, general);
            return byName.TryGetValue(general[..length], out known) ? known : Add(general[..length].ToString());
        }
    }

    private RouteClass Add(string name)
    {
        var route = routes[name] = new(name);
        all = [.. all, route];
        return route;
    }

    /// <summary>Counts the names at each place; true when a place has become wild.</summary>
    private bool LearnNames(string name)
    {
        var changed = false;
        for (var at = name.IndexOf('/'); at >= 0;)
        {
            var end = name.IndexOf('/', at + 1);
            var parent = name[..at];
            var segment = end < 0 ? name[(at + 1)..] : name[(at + 1)..end];
            if (!names.TryGetValue(parent, out var seen)) names[parent] = seen = new(StringComparer.Ordinal);
            if (segment is not (":id" or "*") && seen.Add(segment) && seen.Count > MaxNames)
            {
                names.Remove(parent);
                changed |= wild.TryAdd(parent, 0);
            }

            at = end;
        }

        return changed;
    }

    private int Generalize(scoped ReadOnlySpan<char> name, scoped Span<char> to)
    {
        var at = name.IndexOf('/');
        if (at < 0) at = name.Length;
        name[..at].CopyTo(to);
        var length = at;
        while (at < name.Length)
        {
            var next = name[(at + 1)..].IndexOf('/');
            var end = next < 0 ? name.Length : at + 1 + next;
            var segment = name[(at + 1)..end];
            if (wildByName.ContainsKey(to[..length])) segment = "*";
            to[length++] = '/';
            segment.CopyTo(to[length..]);
            length += segment.Length;
            at = end;
        }

        return length;
    }
}
