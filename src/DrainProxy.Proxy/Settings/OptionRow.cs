using System.Net;

namespace DrainProxy.Proxy.Settings;

/// <summary>The forms of values; the schema and the reader of the configuration file follow from them.</summary>
public enum ValueKind
{
    Listen,
    Admin,
    App,
    Map,
    Duration,
    Size,
    Count,
    Choice,
    Path,
    File,
    Networks,
    MemorySource,
    NodeNotice,
    AppHooks,
    Share,
    Recycling,
    Priority,
}

/// <summary>One option of `run` and `dev`: everything that the command line, the environment, the file, the help, the schema and the documentation know of it.</summary>
public sealed record OptionRow
{
    /// <summary>Long name without dashes; also the key in the file.</summary>
    public required string Name { get; init; }

    public required ValueKind Kind { get; init; }

    /// <summary>Stands for the value in the help.</summary>
    public required string Placeholder { get; init; }

    /// <summary>Text of the default: a value, or (with <see cref="DefaultIsDerived"/>) where it follows from.</summary>
    public required string Default { get; init; }

    /// <summary>The default follows from other settings or is learned; its text is no value.</summary>
    public bool DefaultIsDerived { get; init; }

    /// <summary>The default under `dev` where it differs: a developer's machine is no pod, so nothing listens to the outside.</summary>
    public string? DevDefault { get; init; }

    /// <summary>What is allowed, in one line.</summary>
    public required string Range { get; init; }

    /// <summary>One line of help.</summary>
    public required string Help { get; init; }

    public bool Repeatable { get; init; }

    /// <summary>The values of a <see cref="ValueKind.Choice"/>.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>Bounds of durations (milliseconds), sizes (bytes) and counts.</summary>
    public long Lowest { get; init; }

    public long Highest { get; init; }

    /// <summary>Name of the environment variable.</summary>
    public string Variable => SettingsBinder.EnvironmentPrefix + Name.ToUpperInvariant().Replace('-', '_');

    /// <summary>Parses one value and puts it into the draft; null, or what is wrong.</summary>
    internal Func<SettingsDraft, string, string?> Apply { get; init; } = static (_, _) => null;

    /// <summary>Forgets the values of a weaker source; only repeatable options gather any.</summary>
    internal Action<SettingsDraft> Clear { get; init; } = static _ => { };
}

/// <summary>Settings in the making: what the rows write into, source by source.</summary>
internal sealed class SettingsDraft
{
    public required bool Dev { get; init; }

    public ProxySettings Settings { get; set; } = new();

    public ListenAddress? Listen { get; set; }

    public AppAddress? App { get; set; }

    public List<PortMap> Maps { get; } = [];

    public List<DrainProxy.Decisions.Pressure.Admission.PriorityRule> Priorities { get; } = [];

    /// <summary>What `--trusted-proxies` names, once it was given.</summary>
    public List<IPNetwork>? TrustedProxies { get; set; }

    /// <summary>What a listener without a host binds to.</summary>
    public string DefaultHost => Dev ? "127.0.0.1" : "0.0.0.0";
}
