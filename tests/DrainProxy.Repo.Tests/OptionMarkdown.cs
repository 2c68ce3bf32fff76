using DrainProxy.Proxy.Settings;

namespace DrainProxy.Repo.Tests;

/// <summary>The option table as the README shows it.</summary>
internal static class OptionMarkdown
{
    public const string Begin = "<!-- options: made from the program; UPDATE_README=1 dotnet test tests/DrainProxy.Repo.Tests writes it anew -->\n";
    public const string End = "<!-- options: end -->";

    public static string Table() => "| option | default | meaning | allowed |\n|---|---|---|---|\n"
        + string.Concat(OptionsTable.Rows.Select(row => $"| `{Name(row)}` | {Default(row)} | {Cell(row.Help)} | {Cell(row.Range)} |\n"));

    // The values of a choice stand in the last column.
    private static string Name(OptionRow row) => row.Placeholder.Contains('|') ? $"--{row.Name}" : $"--{row.Name} {row.Placeholder}";

    private static string Default(OptionRow row)
    {
        var text = row.DefaultIsDerived ? Cell(row.Default) : $"`{row.Default}`";
        return row.DevDefault is null ? text : $"{text}; in `dev` `{row.DevDefault}`";
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
