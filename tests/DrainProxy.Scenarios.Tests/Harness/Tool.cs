namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>A real program that a scenario needs. Missing: the test is skipped with its reason, or fails where CI=true.</summary>
internal static class Tool
{
    public static string Find(string name, string package)
    {
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/sbin"))
        {
            var path = Path.Combine(folder, name);
            if (File.Exists(path)) return path;
        }

        var reason = $"{name} is not installed (Debian package {package})";
        Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", reason);
        throw new InvalidOperationException(reason);
    }
}
