using System.Buffers.Text;

namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>Lines of a name and a number, as the kernel writes them: `anon 4096`, `RssAnon:     4096 kB`. Other lines are passed over.</summary>
internal ref struct KeyedText(ReadOnlySpan<byte> text)
{
    private ReadOnlySpan<byte> rest = text;

    /// <summary>Gets the name of the line, without its colon.</summary>
    public ReadOnlySpan<byte> Key { get; private set; }

    /// <summary>Gets its number, in bytes where the line says kB.</summary>
    public long Value { get; private set; }

    /// <summary>Goes on to the next line that has a name and a whole number.</summary>
    public bool Next()
    {
        while (!rest.IsEmpty)
        {
            var end = rest.IndexOf((byte)'\n');
            var line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            var gap = line.IndexOfAny((byte)' ', (byte)'\t');
            if (gap <= 0) continue;
            var number = line[gap..].TrimStart(" \t"u8);
            if (!Utf8Parser.TryParse(number, out long value, out var length)) continue;
            Key = line[..gap].TrimEnd((byte)':');
            Value = number[length..].SequenceEqual(" kB"u8) ? value * 1024 : value;
            return true;
        }

        return false;
    }
}
