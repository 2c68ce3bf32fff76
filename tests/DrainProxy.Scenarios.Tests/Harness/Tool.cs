namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>A real program that a scenario needs. Missing: the test is skipped with its reason, or fails where CI=true.</summary>
internal static class Tool
{
    public static string Find(string name, string package) => Any(
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin").Select(folder => Path.Combine(folder, name)), name, package);

    /// <summary>The first of several places that is there.</summary>
    public static string Any(IEnumerable<string> places, string name, string package)
    {
        if (places.FirstOrDefault(File.Exists) is { } found) return found;
        Missing($"{name} is not installed (Debian package {package})");
        return "";
    }

    /// <summary>Skips the test, or fails it where CI=true.</summary>
    public static void Missing(string reason)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", reason);
        throw new InvalidOperationException(reason);
    }
}
