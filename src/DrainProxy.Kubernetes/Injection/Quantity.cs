using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>Kubernetes' resource quantities: `50m`, `0.5`, `64Mi`, `1.5G`, `1e3`.</summary>
internal static partial class Quantity
{
    private static readonly Dictionary<string, decimal> Units = new(StringComparer.Ordinal)
    {
        [""] = 1,
        ["n"] = 1e-9m,
        ["u"] = 1e-6m,
        ["m"] = 1e-3m,
        ["k"] = 1e3m,
        ["M"] = 1e6m,
        ["G"] = 1e9m,
        ["T"] = 1e12m,
        ["P"] = 1e15m,
        ["E"] = 1e18m,
        ["Ki"] = 1L << 10,
        ["Mi"] = 1L << 20,
        ["Gi"] = 1L << 30,
        ["Ti"] = 1L << 40,
        ["Pi"] = 1L << 50,
        ["Ei"] = 1L << 60,
    };

    /// <summary>The value in cores or bytes; null when the text is no quantity.</summary>
    public static decimal? TryParse(string text)
    {
        var match = Form().Match(text);
        if (!match.Success) return null;
        try
        {
            var number = decimal.Parse(match.Groups[1].Value, NumberStyles.Float, CultureInfo.InvariantCulture);
            return number * Units[match.Groups[2].Value];
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    /// <summary>A field's quantity, which may be a string or a number; null when it is neither or not there.</summary>
    public static decimal? Of(JsonNode? node) => node.AsText() is { } text ? TryParse(text) : node is JsonValue ? TryParse(node.ToJsonString()) : null;

    /// <summary>Cores, to a thousandth upwards: `1`, `1250m`.</summary>
    public static string Milli(decimal cores) =>
        cores == decimal.Truncate(cores) ? cores.ToString("0", CultureInfo.InvariantCulture) : decimal.Ceiling(cores * 1000).ToString("0", CultureInfo.InvariantCulture) + "m";

    /// <summary>Whole bytes, in Mi where they are some.</summary>
    public static string Bytes(decimal bytes) =>
        bytes % (1 << 20) == 0 ? (bytes / (1 << 20)).ToString("0", CultureInfo.InvariantCulture) + "Mi" : decimal.Ceiling(bytes).ToString("0", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^([0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,2})?)(|[numkMGTPE]|[KMGTPE]i)\z")]
    private static partial Regex Form();
}
