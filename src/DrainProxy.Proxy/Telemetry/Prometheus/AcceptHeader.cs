using System.Globalization;

namespace DrainProxy.Proxy.Telemetry.Prometheus;

/// <summary>Chooses between the two formats by an Accept header (RFC 9110 12.5.1: the most specific range that matches gives the weight).</summary>
internal static class AcceptHeader
{
    public static bool PrefersOpenMetrics(string? accept)
    {
        if (string.IsNullOrEmpty(accept)) return false;
        var openMetrics = new Best("application/openmetrics-text", "application/*", "1.0.0");
        var text = new Best("text/plain", "text/*", "0.0.4");
        foreach (var range in accept.AsSpan().Split(','))
        {
            var entry = accept.AsSpan()[range];
            openMetrics.Offer(entry);
            text.Offer(entry);
        }

        return openMetrics.Weight > 0
            && (openMetrics.Weight > text.Weight || (openMetrics.Weight == text.Weight && openMetrics.Specificity > text.Specificity));
    }

    /// <summary>The weight of one media type: what the most specific range seen so far says, the higher weight among equals.</summary>
    private struct Best(string type, string family, string version)
    {
        public double Weight { get; private set; }

        public int Specificity { get; private set; }

        public void Offer(ReadOnlySpan<char> entry)
        {
            var (specificity, weight, asksVersion) = (0, 1.0, false);
            foreach (var part in entry.Split(';'))
            {
                var text = entry[part].Trim();
                if (part.Start.Value == 0)
                {
                    specificity = Match(text);
                    if (specificity == 0) return;
                }
                else if (Parameter(text, "q", out var q))
                {
                    weight = double.TryParse(q, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var parsed) ? Math.Min(parsed, 1) : 0;
                }
                else if (Parameter(text, "version", out var wanted))
                {
                    asksVersion = true;
                    if (!wanted.SequenceEqual(version)) return;
                }
            }

            if (asksVersion) specificity++;
            if (specificity < Specificity || (specificity == Specificity && weight <= Weight)) return;
            (Specificity, Weight) = (specificity, weight);
        }

        private readonly int Match(ReadOnlySpan<char> range)
            => range.Equals(type, StringComparison.OrdinalIgnoreCase) ? 3
            : range.Equals(family, StringComparison.OrdinalIgnoreCase) ? 2
            : range is "*/*" ? 1 : 0;

        private static bool Parameter(ReadOnlySpan<char> text, string name, out ReadOnlySpan<char> value)
        {
            var equals = text.IndexOf('=');
            value = equals < 0 ? default : text[(equals + 1)..].Trim().Trim('"');
            return equals >= 0 && text[..equals].TrimEnd().Equals(name, StringComparison.OrdinalIgnoreCase);
        }
    }
}
