using System.Buffers.Text;
using System.IO.Enumeration;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>What the kernel says about a process; null where it does not say.</summary>
internal readonly record struct ProcessSample(long? ResidentBytes, long? VirtualBytes, long? Threads, long? OpenFiles, long? MaxFiles);

/// <summary>Reads this process's own numbers from /proc, once per scrape however many instruments ask.</summary>
internal sealed class ProcessReader(TimeProvider time)
{
    /// <summary>USER_HZ: what /proc counts in, 100 on every Linux architecture .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(100);
    private readonly Lock reading = new();
    private ProcessSample sample;
    private long? readAt;
    private double? startTime;

    /// <summary>Seconds since 1970; it never changes, so it is read once.</summary>
    public double? StartTime => startTime ??= ReadStartTime();

    public ProcessSample Read()
    {
        lock (reading)
        {
            if (readAt is { } then && time.GetElapsedTime(then) < Fresh) return sample;
            Span<byte> buffer = stackalloc byte[4096];
            var stat = ProcStat.Parse(ReadFile("/proc/self/stat", buffer));
            var maxFiles = ProcStat.MaxOpenFiles(ReadFile("/proc/self/limits", buffer));
            sample = new ProcessSample(stat?.ResidentPages * Environment.SystemPageSize, stat?.VirtualBytes, stat?.Threads, CountOpenFiles(), maxFiles);
            readAt = time.GetTimestamp();
            return sample;
        }
    }

    /// <summary>Most descriptors that this process may have open; <see cref="int.MaxValue"/> where there is no limit or nobody tells.</summary>
    public static long DescriptorLimit()
    {
        Span<byte> buffer = stackalloc byte[4096];
        return ProcStat.MaxOpenFiles(ReadFile("/proc/self/limits", buffer)) ?? int.MaxValue;
    }

    private static double? ReadStartTime()
    {
        Span<byte> buffer = stackalloc byte[4096];
        if (ProcStat.Parse(ReadFile("/proc/self/stat", buffer)) is not { } stat || !File.Exists("/proc/stat")) return null;
        foreach (var line in File.ReadLines("/proc/stat"))
            if (line.StartsWith("btime ", StringComparison.Ordinal)) return long.Parse(line.AsSpan(6)) + (stat.StartTicks / TicksPerSecond);
        return null;
    }

    /// <summary>Counts without a string per entry: there may be tens of thousands. The listing's own descriptor is not counted.</summary>
    internal static long? CountOpenFiles()
    {
        try
        {
            return new FileSystemEnumerable<byte>("/proc/self/fd", static (ref FileSystemEntry _) => 0).LongCount() - 1;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static ReadOnlySpan<byte> ReadFile(string path, Span<byte> buffer)
    {
        try
        {
            using var file = File.OpenHandle(path);
            return buffer[..RandomAccess.Read(file, buffer, 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }
}

/// <summary>Parsers for /proc/PID/stat and /proc/PID/limits. What cannot be understood is null, never an exception.</summary>
internal readonly record struct ProcStat(long Threads, long StartTicks, long VirtualBytes, long ResidentPages)
{
    /// <summary>Fields are counted after the last `)`: the name before it may hold blanks and parentheses.</summary>
    public static ProcStat? Parse(ReadOnlySpan<byte> stat)
    {
        var name = stat.LastIndexOf((byte)')');
        if (name < 0) return null;
        Span<long> fields = stackalloc long[25];
        var rest = stat[(name + 1)..].Trim(" \n"u8);
        var number = 2;
        foreach (var range in rest.Split((byte)' '))
        {
            if (++number >= fields.Length) break;
            // The third is the state, a letter; all others are numbers.
            if (!Utf8Parser.TryParse(rest[range], out fields[number], out _) && number > 3) return null;
        }

        return number < fields.Length ? null : new ProcStat(fields[20], fields[22], fields[23], fields[24]);
    }

    /// <summary>The soft limit, which is the one that counts; "unlimited" is null.</summary>
    public static long? MaxOpenFiles(ReadOnlySpan<byte> limits)
    {
        var title = "Max open files"u8;
        var start = limits.IndexOf(title);
        if (start < 0) return null;
        return Utf8Parser.TryParse(limits[(start + title.Length)..].TrimStart((byte)' '), out long value, out _) ? value : null;
    }
}
