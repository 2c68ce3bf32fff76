namespace DrainProxy.Decisions.NodeRemoval;

/// <summary>What an answer about this node says.</summary>
public enum NoticeKind
{
    /// <summary>The node stays.</summary>
    None,

    /// <summary>Something that people want to know and that takes no node away yet.</summary>
    Hint,

    /// <summary>The node goes: the drain begins.</summary>
    Leaves,

    /// <summary>No answer that can be understood: asked again, less often.</summary>
    Unanswered,
}

/// <summary>One answer, understood.</summary>
/// <param name="Kind">What follows from it.</param>
/// <param name="Text">What the provider calls it, or what is wrong; for the log.</param>
/// <param name="At">When it happens at the earliest, UTC; null where the provider says none.</param>
public readonly record struct NoticeReading(NoticeKind Kind, string Text = "", DateTimeOffset? At = null)
{
    private const int LongestText = 80;

    public static NoticeReading None => new(NoticeKind.None);

    public static NoticeReading Hint(string text, DateTimeOffset? at = null) => new(NoticeKind.Hint, Shown(text), at);

    public static NoticeReading Leaves(string text, DateTimeOffset? at = null) => new(NoticeKind.Leaves, Shown(text), at);

    public static NoticeReading Unanswered(string text) => new(NoticeKind.Unanswered, Shown(text));

    /// <summary>An answer with a status that the question does not have by its documentation.</summary>
    public static NoticeReading Status(int status) => Unanswered($"status {status}");

    /// <summary>It comes from outside and goes into a line of the log.</summary>
    private static string Shown(string text)
    {
        var clean = string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
        return clean.Length <= LongestText ? clean : clean[..LongestText] + "…";
    }
}
