using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>Signals at any moment of the start, and a termination message that cannot be written.</summary>
[Trait("needs", "tools")]
public sealed class StartStopTests
{
    private static readonly string[] Quick = ["--lb", "none", "--grace", "6s", "--quiet", "200ms"];

    [Fact]
    public async Task Sigterm_at_any_moment_of_the_start_ends_the_process()
    {
        await using var app = await App.Node();
        for (var ms = 0; ms <= 600; ms += 40)
        {
            await using var proxy = DrainProxyProcess.Start(app.Address, Quick);
            await Net.Pause(ms / 1000.0);
            proxy.Child.Signal(Child.Sigterm);
            var code = await proxy.Child.Exit(TimeSpan.FromSeconds(6));
            var reported = proxy.Child.Lines.Any(l => l.StartsWith("{\"event\":\"termination_report\"", StringComparison.Ordinal));
            // 143: the kernel's own answer, before the program had a chance to say how it wants to end.
            Assert.True((code == 0 && reported) || (code == 143 && proxy.Child.Lines.Count == 0), $"after {ms} ms: exit {code}\n{proxy.Child.Output}");
        }
    }

    [Fact]
    public async Task The_report_is_in_the_termination_message()
    {
        var (code, output) = await InNamespace("touch /tmp/message && mount --bind /tmp/message /dev/termination-log", "cat /dev/termination-log");
        Assert.True(code == 0, output);
        var reports = output.Split('\n').Where(l => l.StartsWith("{\"event\":\"termination_report\"", StringComparison.Ordinal)).ToList();
        Assert.True(reports.Count == 2, output);
        Assert.Equal(reports[0], reports[1]);
    }

    [Fact]
    public async Task A_full_disk_behind_the_termination_message_is_a_clean_end()
    {
        var (code, output) = await InNamespace(
            "mkdir /tmp/full && mount -t tmpfs -o size=4k none /tmp/full && touch /tmp/full/message && mount --bind /tmp/full/message /dev/termination-log"
            + " && { head -c 8192 /dev/zero > /tmp/full/rest 2> /tmp/head.log || true; }",
            "wc -c < /dev/termination-log");
        Assert.True(code == 0, output);
        Assert.Contains("\"result\":\"clean\"", output, StringComparison.Ordinal);
        Assert.Equal("0", output.TrimEnd().Split('\n')[^1]);
    }

    /// <summary>
    /// Runs the program where /dev and /tmp are its own, so that the machine's stay as they are; sends SIGTERM once it is ready. Gives the
    /// program's exit code and all that was printed.
    /// </summary>
    private static async Task<(int Code, string Output)> InNamespace(string prepare, string afterwards)
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root for a mount namespace of its own");
        await using var app = await App.Node();
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        var script = $"""
            set -e
            mount -t tmpfs -o size=1m none /tmp
            mkdir /tmp/dev && mount -t tmpfs -o size=1m none /tmp/dev && cp -a /dev/null /dev/zero /dev/random /dev/urandom /tmp/dev/
            ln -s /proc/self/fd /tmp/dev/fd && touch /tmp/dev/termination-log
            mount --bind /tmp/dev /dev
            {prepare}
            "$@" &
            child=$!
            trap 'kill -KILL $child' EXIT
            until curl -fsS -o /dev/null http://127.0.0.1:{admin}/readyz; do kill -0 $child; done 2>/dev/null
            kill -TERM $child
            code=0; wait $child || code=$?
            trap - EXIT
            {afterwards}
            exit $code
            """;
        await using var shell = Child.Start(Tool.Find("unshare", "util-linux"),
            ["--mount", "--propagation", "private", "/bin/bash", "-c", script, "sh", DrainProxyProcess.Program, "run", "--listen", $"127.0.0.1:{port}",
                "--app", app.Address, "--admin", $"127.0.0.1:{admin}", .. Quick]);
        var code = await shell.Exit(TimeSpan.FromSeconds(30));
        return (code, shell.Output);
    }
}
