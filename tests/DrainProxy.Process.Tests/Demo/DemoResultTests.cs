using DrainProxy.Demo.Load;
using DrainProxy.Demo.Results;

namespace DrainProxy.Process.Tests.Demo;

public sealed class DemoResultTests
{
    [Theory]
    [InlineData(1000, 200, 1000, 0, 0, "DrainProxy lost no request.")]
    [InlineData(1000, 200, 1000, 1, 1, "DrainProxy lost 1 request.")]
    [InlineData(1000, 0, 1000, 2, 1, "DrainProxy lost 2 requests.")]
    [InlineData(1000, 200, 0, 0, 1, "An arm saw no request at all: this run proves nothing.")]
    [InlineData(0, 0, 1000, 0, 1, "An arm saw no request at all: this run proves nothing.")]
    [InlineData(1000, 0, 1000, 0, 0, "DrainProxy lost no request; but neither did the bare app in: rolling restart, so that row proves nothing.")]
    public void Verdict_and_exit_code_follow_from_the_counts(int bare, int bareFailed, int behind, int behindFailed, int exitCode, string verdict)
    {
        var result = new DemoResult([new("rolling restart", Seen(bare, bareFailed), Seen(behind, behindFailed))], TimeSpan.FromSeconds(30));

        Assert.Equal((exitCode, verdict), (result.ExitCode, result.Verdict));
    }

    [Fact]
    public void Wrong_answers_are_counted_with_their_reason_and_the_longest_wait_is_kept()
    {
        var tally = new Tally();
        tally.Add(TimeSpan.FromSeconds(2), null);
        tally.Add(TimeSpan.FromSeconds(3), "502: refused");
        tally.Add(TimeSpan.FromSeconds(1), "502: refused");

        var seen = tally.Snapshot();
        Assert.Equal((3, 2, TimeSpan.FromSeconds(3)), (seen.Requests, seen.Failed, seen.LongestWait));
        Assert.Equal(2, seen.Failures["502: refused"]);
    }

    private static Outcome Seen(int requests, int failed) => new(requests, failed, TimeSpan.FromSeconds(0.1), new Dictionary<string, int>());
}
