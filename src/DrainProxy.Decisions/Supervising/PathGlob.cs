using System.Text;
using System.Text.RegularExpressions;

namespace DrainProxy.Decisions.Supervising;

/// <summary>
/// A pattern of paths with `/` between names: `*` and `?` stand for characters of one name, `**` for any number of folders. What has no
/// wildcard is a file, or a folder with all that is in it.
/// </summary>
public sealed class PathGlob
{
    /// <summary>A path that takes longer to match is no path that somebody wrote.</summary>
    private static readonly TimeSpan MatchLimit = TimeSpan.FromMilliseconds(100);
    private readonly Regex pattern;

    public PathGlob(string text)
    {
        while (text.StartsWith("./", StringComparison.Ordinal)) text = text[2..];
        text = text.Length > 1 ? text.TrimEnd('/') : text;
        Text = text;
        var names = text.Split('/');
        var literal = names.TakeWhile(n => n.AsSpan().IndexOfAny('*', '?') < 0).Count();
        IsLiteral = literal == names.Length;
        var folder = string.Join('/', names.Take(literal));
        Base = IsLiteral ? text : folder.Length > 0 ? folder : text.StartsWith('/') ? "/" : ".";
        pattern = new(IsLiteral ? $"^{Regex.Escape(text)}(/|$)" : $"^{Translate(text)}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, MatchLimit);
    }

    /// <summary>The pattern as it is matched.</summary>
    public string Text { get; }

    /// <summary>The folder (or, without wildcards, the file or folder) below which every match lies.</summary>
    public string Base { get; }

    /// <summary>It has no wildcard.</summary>
    public bool IsLiteral { get; }

    /// <summary>Whether a path in the pattern's own form (relative or absolute) matches.</summary>
    public bool Matches(string path) => IsLiteral && Text == "." || pattern.IsMatch(path);

    private static string Translate(string text)
    {
        var regex = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '*' && i + 1 < text.Length && text[i + 1] == '*')
            {
                i++;
                // `**/` also stands for no folder at all.
                if (i + 1 < text.Length && text[i + 1] == '/')
                {
                    i++;
                    regex.Append("(?:.*/)?");
                }
                else
                {
                    regex.Append(".*");
                }
            }
            else
            {
                regex.Append(text[i] switch { '*' => "[^/]*", '?' => "[^/]", var c => Regex.Escape(c.ToString()) });
            }
        }

        return regex.ToString();
    }
}
