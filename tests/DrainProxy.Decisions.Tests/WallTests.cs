using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using DrainProxy.Decisions.Draining;

namespace DrainProxy.Decisions.Tests;

/// <summary>
/// The wall between deciding and doing. File types live in the base library, so the referenced assemblies alone do not show them: the
/// types that the compiled assembly names are read too.
/// </summary>
public class WallTests
{
    /// <summary>What arithmetic, text and collections need. An addition here is a decision, not a fix.</summary>
    private static readonly string[] Allowed =
        ["System.Runtime", "System.Collections", "System.Linq", "System.Memory", "System.Text.RegularExpressions",
            // Route classes are found and counted by the data path without a lock; threads and timers stay forbidden below.
            "System.Collections.Concurrent", "System.Threading",
            // Providers' notices are JSON; what an answer means is decided here.
            "System.Text.Json"];

    private static readonly string[] Forbidden =
    [
        "System.Net", "System.IO", "System.Diagnostics.Process", "System.Threading.Thread", "System.Threading.Timer", "System.Threading.PeriodicTimer",
        "System.Console", "System.Environment", "System.Diagnostics.Stopwatch", "System.Random", "Microsoft.AspNetCore", "Microsoft.Extensions", "Yarp",
    ];

    private static readonly Assembly Decisions = typeof(DrainMachine).Assembly;

    [Fact]
    public void Decisions_reference_only_the_base_library() =>
        Assert.Empty(Decisions.GetReferencedAssemblies().Select(a => a.Name).Except(Allowed));

    [Fact]
    public void Decisions_name_no_type_that_does_IO_or_keeps_a_clock() => Assert.DoesNotContain(TypesNamedBy(Decisions), IsForbidden);

    [Fact]
    public void The_check_sees_files_where_they_are_used() =>
        Assert.Contains(TypesNamedBy(typeof(WallTests).Assembly), type => type == "System.IO.File" && IsForbidden(type));

    private static bool IsForbidden(string type) =>
        Forbidden.Any(f => type == f || type.StartsWith(f + ".", StringComparison.Ordinal));

    private static List<string> TypesNamedBy(Assembly assembly)
    {
        using var image = new PEReader(File.OpenRead(assembly.Location));
        var metadata = image.GetMetadataReader();
        return [.. metadata.TypeReferences.Select(metadata.GetTypeReference).Select(t => $"{metadata.GetString(t.Namespace)}.{metadata.GetString(t.Name)}")];
    }
}
