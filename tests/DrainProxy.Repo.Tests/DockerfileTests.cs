namespace DrainProxy.Repo.Tests;

/// <summary>The image, as far as it can be built without an engine.</summary>
public sealed class DockerfileTests
{
    private static IReadOnlyList<Stage> Stages => DockerImage.Parse(Repository.Read("Dockerfile"));

    [Fact]
    public void Final_stage_is_chiseled_and_not_root()
    {
        var last = Stages[^1];

        Assert.EndsWith("-chiseled", last.Base, StringComparison.Ordinal);
        Assert.Equal("$APP_UID", last.Single("USER").Arguments);
        Assert.DoesNotContain("RUN", last.Instructions.Select(i => i.Name));
    }

    [Fact]
    public void Signals_reach_the_process_itself()
    {
        var last = Stages[^1];

        Assert.Equal(["/app/drainproxy"], last.Single("ENTRYPOINT").ExecForm);
        Assert.Equal(["run"], last.Single("CMD").ExecForm);
    }

    [Fact]
    public void Sdk_and_runtime_are_of_the_target_frameworks_version()
    {
        var framework = System.Text.RegularExpressions.Regex.Match(Repository.Read("Directory.Build.props"), "<TargetFramework>net([0-9.]+)<").Groups[1].Value;

        Assert.All(Stages, stage => Assert.Contains($":{framework}", stage.Base, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_step_runs_on_the_tracked_files_and_leaves_the_entry_point()
    {
        var scratch = Directory.CreateTempSubdirectory("drainproxy-image-").FullName;
        try
        {
            var context = Path.Combine(scratch, "context");
            Repository.CopyTo(context);
            var root = new DockerImage(scratch).Build(Stages, context);
            var program = root + Stages[^1].Single("ENTRYPOINT").ExecForm[0];

            Assert.True(File.Exists(program), $"{program} was not published");
            Assert.True(File.GetUnixFileMode(program).HasFlag(UnixFileMode.OtherExecute), "not executable for the image's user");
            var version = Command.Run(program, ["--version"], scratch);
            Assert.True(version.ExitCode == 0, version.Text);
            Assert.StartsWith("drainproxy ", version.Output, StringComparison.Ordinal);
            Assert.True(IsReadyToRun(Path.Combine(Path.GetDirectoryName(program)!, "drainproxy.dll")), "not compiled ahead of time");
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    /// <summary>ReadyToRun code is the managed native header of a PE file (ECMA-335 II.25.3.3): not empty there.</summary>
    private static bool IsReadyToRun(string assembly)
    {
        using var file = new System.Reflection.PortableExecutable.PEReader(File.OpenRead(assembly));
        return file.PEHeaders.CorHeader is { ManagedNativeHeaderDirectory.Size: > 0 };
    }
}
