using System.Globalization;

namespace DrainProxy.Proxy.Settings.Values;

/// <summary>Text of a part of the app's memory limit: `10%`, or a size where one is allowed.</summary>
internal static class Shares
{
    public const string ReserveForms = "0% to 90%, or a size as 128Mi";
    public const string ReservePattern = @"^([0-9]+(\.[0-9]+)?%|[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|k|K|M|G)?)$";

    /// <summary>Below a fifth an app has hardly started; above 95 % too little is left to drain in before the limit comes.</summary>
    public const string RecycleForms = "off, or 20% to 95%";
    public const string RecyclePattern = @"^(off|[0-9]+(\.[0-9]+)?%)$";

    /// <summary>Null, or what is wrong; `off` is zero.</summary>
    public static string? ParseRecycle(string text, out double share)
    {
        if (text == "off")
        {
            share = 0;
            return null;
        }

        return !TryPercent(text, out share) ? "neither off nor a percentage" : share is >= 0.2 and <= 0.95 ? null : "out of range";
    }

    /// <summary>Null, or what is wrong. A size gives its bytes, which are above 1.</summary>
    public static string? ParseReserve(string text, out double share)
    {
        if (TryPercent(text, out share)) return share is >= 0 and <= 0.9 ? null : "out of range";
        if (!ByteSize.TryParse(text, out var bytes) || bytes == 1) return "neither a percentage nor a size";
        share = bytes;
        return null;
    }

    private static bool TryPercent(string text, out double share)
    {
        share = 0;
        if (!text.EndsWith('%') || !double.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent)) return false;
        share = percent / 100;
        return true;
    }
}
