using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace DrainProxy.Process.Tests.Demo;

/// <summary>`drainproxy demo` as its user runs it: the executable beside these tests.</summary>
public sealed class DemoRunTests
{
    private const int SigInt = 2;
    private const int SigKill = 9;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(100);
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact(Timeout = 120_000)]
    public async Task Bare_app_loses_requests_and_DrainProxy_none()
    {
        var file = Path.Combine(Path.GetTempPath(), $"drainproxy-demo-{Guid.NewGuid():N}.json");
        try
        {
            using var demo = Start("demo", "--json", file);
            var output = await OutputAsync(demo);

            Assert.True(demo.ExitCode == 0, output);
            Assert.Contains("behind DrainProxy", output, StringComparison.Ordinal);
            var rows = JsonNode.Parse(await File.ReadAllTextAsync(file, Cancelled))!["scenarios"]!.AsArray();
            Assert.Equal(["rolling restart", "idle keep-alive race", "app crash", "memory spike"], rows.Select(row => (string?)row!["scenario"]));
            Assert.All(rows, row =>
            {
                Assert.True((int)row!["bare_app"]!["failed"]! > 0, output);
                Assert.True((int)row["behind_drainproxy"]!["requests"]! >= 300, output);
                Assert.True((int)row["behind_drainproxy"]!["failed"]! == 0, output);
                Assert.True((int)row["behind_drainproxy"]!["oom_kills"]! == 0, output);
            });
            Assert.True((int)rows[3]!["bare_app"]!["oom_kills"]! > 0, output);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory(Timeout = 60_000)]
    [InlineData(SigInt)]
    [InlineData(SigKill)]
    public async Task No_child_outlives_a_demo_that_was_stopped(int signal)
    {
        using var demo = Start("demo");
        try
        {
            while (await demo.StandardOutput.ReadLineAsync(Cancelled) is { } line && !line.Contains("behind DrainProxy: load", StringComparison.Ordinal))
            {
            }

            // Two arms of two pods, and two sidecars; on a busy machine the restart may have begun, and a pod's successor is there beside it.
            var children = ChildrenOf(demo.Id);
            Assert.InRange(children.Count, 6, 9);
            Assert.Equal(0, Kill(demo.Id, signal));
            await demo.WaitForExitAsync(Cancelled);

            Assert.Equal(signal == SigKill ? 137 : 130, demo.ExitCode);
            await UntilGoneAsync(children);
        }
        finally
        {
            if (!demo.HasExited)
                demo.Kill(entireProcessTree: true);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task Unwritable_result_file_is_an_error_before_the_run()
    {
        using var demo = Start("demo", "--json", "/nonexistent-folder/out.json");
        var output = await OutputAsync(demo);

        Assert.Equal(2, demo.ExitCode);
        Assert.Contains("/nonexistent-folder/out.json: cannot be written", output, StringComparison.Ordinal);
        Assert.DoesNotContain("rolling restart", output, StringComparison.Ordinal);
    }

    private static System.Diagnostics.Process Start(params string[] arguments) => System.Diagnostics.Process.Start(
        new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "drainproxy"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    private static async Task<string> OutputAsync(System.Diagnostics.Process demo)
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, Cancelled);
        try
        {
            var (output, error) = (demo.StandardOutput.ReadToEndAsync(either.Token), demo.StandardError.ReadToEndAsync(either.Token));
            await demo.WaitForExitAsync(either.Token);
            return await output + await error;
        }
        finally
        {
            if (!demo.HasExited)
                demo.Kill(entireProcessTree: true);
        }
    }

    private static List<int> ChildrenOf(int parent) => [.. Directory.GetDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) ? id : 0)
        .Where(id => id > 0 && ParentOf(id) == parent)];

    /// <summary>The fourth field of /proc/PID/stat; the second one, the name, may hold blanks. Zero when the process is gone or a zombie.</summary>
    private static int ParentOf(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] == "Z" ? 0 : int.Parse(fields[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static async Task UntilGoneAsync(List<int> processes)
    {
        while (processes.Any(id => ParentOf(id) != 0))
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancelled);
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int id, int signal);
}
