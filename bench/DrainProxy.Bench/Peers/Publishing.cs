using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Peers;

internal static class Publishing
{
    /// <summary>Publishes a project as users do. No build server stays behind: it would take processor time from the measurement.</summary>
    public static async Task<string?> Publish(Workplace workplace, string project, string folder)
    {
        var output = await Child.Capture(
            TimeSpan.FromMinutes(3),
            new Launch("dotnet", "publish", Path.Combine(workplace.Repository, project), "-c", "Release", "-o", folder, "-nodeReuse:false", "-p:UseSharedCompilation=false", "-v", "quiet"));
        return output is null ? $"dotnet publish {project} failed: run it by hand to see why" : null;
    }
}
