namespace DrainProxy.Decisions.Pressure.Admission;

/// <summary>Who goes first when not all can.</summary>
public enum Priority
{
    /// <summary>Probes and what the user names: never refused by the ladder, first in a queue.</summary>
    Critical,

    /// <summary>Everything else.</summary>
    Normal,

    /// <summary>Refused first.</summary>
    Sheddable,
}

/// <summary>Why a request may not go on at once, or not at all.</summary>
public enum Refusal
{
    /// <summary>It may.</summary>
    None,

    /// <summary>No room in the app's memory.</summary>
    Memory,

    /// <summary>`--max-in-flight` is reached.</summary>
    MaxInFlight,

    /// <summary>As many as may wait are waiting.</summary>
    QueueFull,

    /// <summary>It has waited as long as it may.</summary>
    QueueTimeout,

    /// <summary>The app is about to run out of descriptors or of its accept queue.</summary>
    Descriptors,
}

/// <summary>Which queue a request waits in.</summary>
public enum Lane
{
    /// <summary>Requests that take no memory worth a reservation.</summary>
    Light,

    /// <summary>Requests that are let in by what they take.</summary>
    Heavy,
}

/// <summary>One rule of `--priority`.</summary>
/// <param name="Priority">What it gives; ignored for a header.</param>
/// <param name="Pattern">A path in which `*` stands for anything; null for a header.</param>
/// <param name="Header">The name of a field that holds `critical`, `normal` or `sheddable`; null for a path.</param>
public readonly record struct PriorityRule(Priority Priority, string? Pattern, string? Header)
{
    /// <summary>Whether a path fits the pattern, in linear time but for the number of stars.</summary>
    public static bool Fits(ReadOnlySpan<char> pattern, ReadOnlySpan<char> path)
    {
        int p = 0, at = 0, star = -1, mark = 0;
        while (at < path.Length)
        {
            if (p < pattern.Length && pattern[p] == '*')
            {
                (star, mark) = (p++, at);
            }
            else if (p < pattern.Length && pattern[p] == path[at])
            {
                p++;
                at++;
            }
            else if (star >= 0)
            {
                (p, at) = (star + 1, ++mark);
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == '*') p++;
        return p == pattern.Length;
    }

    /// <summary>What a field's value says; null when it is none of the three words.</summary>
    public static Priority? Word(ReadOnlySpan<char> value)
    {
        value = value.Trim();
        if (value.Equals("critical", StringComparison.OrdinalIgnoreCase)) return Priority.Critical;
        if (value.Equals("normal", StringComparison.OrdinalIgnoreCase)) return Priority.Normal;
        return value.Equals("sheddable", StringComparison.OrdinalIgnoreCase) ? Priority.Sheddable : null;
    }
}
