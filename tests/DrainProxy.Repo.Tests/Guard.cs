using System.Runtime.Versioning;

// File modes and /bin/sh: the tree is built and tested where it runs.
[assembly: SupportedOSPlatform("linux")]

namespace DrainProxy.Repo.Tests;

/// <summary>Assertions that name every offender, not only the first.</summary>
internal static class Guard
{
    public static void None(IEnumerable<string?> offenders, string what)
    {
        var all = offenders.ToList();
        Assert.True(all.Count == 0, $"{all.Count} × {what}:\n{string.Join('\n', all)}");
    }
}
