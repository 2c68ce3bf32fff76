using System.Globalization;
using System.Text.RegularExpressions;
using DrainProxy.Bench.Load;

namespace DrainProxy.Bench.Profiling;

/// <summary>Reads `perf report --stdio --field-separator TAB`. Columns differ between versions and with children: the header line names them.</summary>
internal static partial class PerfReport
{
    public static IReadOnlyList<PerfLine> Parse(string report)
    {
        var lines = report.Split('\n').Select(line => line.TrimStart('#').Split('\t').Select(column => column.Trim()).ToArray()).ToArray();
        var header = lines.FirstOrDefault(line => line.Contains("Shared Object")) ?? throw new PeerException("perf report printed no table");
        var module = Array.IndexOf(header, "Shared Object");
        var symbol = Array.IndexOf(header, "Symbol");
        return [.. lines.Where(line => line.Length == header.Length).Select(line => Line(line[0], line[module], line[symbol])).OfType<PerfLine>()];
    }

    private static PerfLine? Line(string share, string module, string symbol)
    {
        if (!double.TryParse(share.TrimEnd('%'), NumberStyles.Float, CultureInfo.InvariantCulture, out var percent))
        {
            return null;
        }

        if (symbol.Length > 4 && symbol[0] == '[' && symbol[2] == ']')
        {
            symbol = symbol[4..]; // [.] user, [k] kernel
        }

        var compiled = module.StartsWith("[JIT]") || module.StartsWith("perf-");
        var method = Method().Match(symbol);
        return !compiled ? new PerfLine(percent, module, symbol, Managed: false)
            : method.Success ? new PerfLine(percent, method.Groups[1].Value, method.Groups[2].Value, Managed: true)
            : new PerfLine(percent, "runtime stubs", symbol, Managed: false);
    }

    /// <summary>The runtime writes methods as: return type [Assembly] Type::Method(parameters)[Tier]; types have no space after their bracket.</summary>
    [GeneratedRegex(@"\[([\w.\-]+)\] (.+?::.+?)\(")]
    private static partial Regex Method();
}

internal sealed record PerfLine(double Percent, string Area, string Symbol, bool Managed);
