using System.Globalization;
using System.Runtime.InteropServices;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Pressure;

namespace DrainProxy.Composition;

/// <summary>
/// Hands back what a resting proxy does not need: garbage, and the pages of program files that only start-up touched: loading and binding a .NET program maps some 30 MB of code and
/// metadata, most of which a running proxy never looks at again. Only clean, read-only, file-backed mappings are advised; what is needed
/// again is mapped anew from the page cache (a minor fault). Measured in bench/README.md, "PSS at rest".
/// </summary>
internal static partial class RestingMemory
{
    private const int DontNeed = 4;

    /// <summary>Does its best: where /proc is not readable nothing is handed back.</summary>
    public static void HandBack()
    {
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            // Start-up's garbage as well, and what reading the mappings allocates.
            var clean = Clean(File.ReadLines("/proc/self/smaps")).ToList();
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            foreach (var (start, length) in clean) _ = Advise(start, length, DontNeed);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not told, not done.
        }
    }

    /// <summary>What this process has to itself and cannot be read again from files, in bytes; 0 where nobody tells. Takes some 20 µs.</summary>
    public static long Anonymous()
    {
        Span<byte> status = stackalloc byte[4096];
        return ProcessText.Status(KernelFile.Read("/proc/self/status", status)).AnonBytes;
    }

    /// <summary>The mappings of a smaps file that hold nothing but unchanged bytes of a program file.</summary>
    internal static IEnumerable<(nint Start, nint Length)> Clean(IEnumerable<string> smaps)
    {
        (nint Start, nint Length)? current = null;
        var clean = true;
        foreach (var line in smaps)
        {
            if (Heading(line) is { } range)
            {
                if (current is { } done && clean) yield return done;
                current = range.IsProgram ? (range.Start, range.Length) : null;
                clean = true;
            }
            else if (line.StartsWith("Private_Dirty:", StringComparison.Ordinal) || line.StartsWith("Shared_Dirty:", StringComparison.Ordinal)
                || line.StartsWith("Anonymous:", StringComparison.Ordinal) || line.StartsWith("Locked:", StringComparison.Ordinal))
            {
                clean &= line.EndsWith(" 0 kB", StringComparison.Ordinal);
            }
        }

        if (current is { } last && clean) yield return last;
    }

    /// <summary>Range of a heading line ("7f00-7f10 r-xp 0 fd:00 1 /path"); null for the lines below a heading.</summary>
    private static (nint Start, nint Length, bool IsProgram)? Heading(string line)
    {
        var dash = line.IndexOf('-');
        var space = line.IndexOf(' ');
        if (dash <= 0 || space < dash
            || !long.TryParse(line.AsSpan(0, dash), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var start)
            || !long.TryParse(line.AsSpan(dash + 1, space - dash - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var end))
            return null;
        var readOnly = line.Length > space + 4 && line[space + 1] == 'r' && line[space + 2] == '-' && line[space + 4] == 'p';
        var path = line.IndexOf('/');
        var isProgram = readOnly && path > 0 && (line.EndsWith(".dll", StringComparison.Ordinal) || line.Contains(".so", StringComparison.Ordinal));
        return ((nint)start, (nint)(end - start), isProgram);
    }

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int Advise(nint address, nint length, int advice);
}
