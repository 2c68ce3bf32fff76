using System.CommandLine;
using System.CommandLine.Parsing;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Commands;

/// <summary>The option table as options of a command. All values stay text: what they mean is the binder's to say, with exit code 78.</summary>
internal sealed class SettingOptions
{
    private readonly List<Option<string[]>> options = [];

    private SettingOptions()
    {
    }

    public static SettingOptions AddTo(Command command, Func<OptionRow, bool>? which = null, bool dev = false)
    {
        var added = new SettingOptions();
        foreach (var row in OptionsTable.Rows.Where(which ?? (_ => true)))
        {
            var preset = dev && row.DevDefault is not null ? row.DevDefault : row.Default;
            var option = new Option<string[]>("--" + row.Name)
            {
                Description = $"{row.Help} [{preset}]",
                HelpName = row.Placeholder,
                Arity = ArgumentArity.OneOrMore,
                AllowMultipleArgumentsPerToken = false,
            };
            option.Validators.Add(RefuseOptionAsValue);
            added.options.Add(option);
            command.Add(option);
        }

        return added;
    }

    // The parser takes whatever follows for the value, so `--grace --linger 5s` would be a strange grace instead of a missing one.
    private static void RefuseOptionAsValue(OptionResult found)
    {
        if (found.Tokens.Any(t => t.Value.StartsWith("--", StringComparison.Ordinal) && OptionsTable.Find(t.Value.Split('=')[0][2..]) is not null))
            found.AddError($"Required argument missing for option: '{found.Option.Name}'.");
    }

    /// <summary>What was given, as the binder takes it.</summary>
    public Dictionary<string, IReadOnlyList<string>> Read(ParseResult result)
    {
        var given = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        foreach (var option in options)
        {
            if (result.GetResult(option) is { } found)
                given[option.Name[2..]] = [.. found.Tokens.Select(t => t.Value)];
        }

        return given;
    }
}
