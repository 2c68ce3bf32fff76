namespace DrainProxy.Repo.Tests;

/// <summary>The script that checks a commit.</summary>
public sealed class CiScriptTests
{
    private const string Script = ".ci/run";

    [Fact]
    public void Is_executable_and_stops_at_errors()
    {
        Assert.True(File.GetUnixFileMode(Repository.PathOf(Script)).HasFlag(UnixFileMode.UserExecute));
        Assert.StartsWith("#!/usr/bin/env bash\n", Repository.Read(Script), StringComparison.Ordinal);
        Assert.Contains("\nset -euo pipefail\n", Repository.Read(Script), StringComparison.Ordinal);
    }

    [Fact]
    public void Parses()
    {
        var parsed = Command.Run("bash", ["-n", Script], Repository.Root);

        Assert.True(parsed.ExitCode == 0, parsed.Text);
    }

    [Fact]
    public void Runs_the_READMEs_commands()
    {
        Assert.Contains("dotnet run -c Release --project src/DrainProxy -- demo", Repository.Read(Script), StringComparison.Ordinal);
        Assert.Contains("dotnet test ", Repository.Read(Script), StringComparison.Ordinal);
    }
}
