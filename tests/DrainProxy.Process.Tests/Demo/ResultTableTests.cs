using DrainProxy.Demo;
using DrainProxy.Demo.Load;
using DrainProxy.Demo.Results;

namespace DrainProxy.Process.Tests.Demo;

public sealed class ResultTableTests
{
    private static readonly DemoResult Result = new(
        [
            new("rolling restart", Seen(1326, 279, 0.42, "502: connection refused"), Seen(1500, 0, 0.41)),
            new("idle keep-alive race", Seen(320, 25, 0.066, "502: closed"), Seen(320, 0, 0.05)),
        ],
        TimeSpan.FromSeconds(31.25));

    [Fact]
    public void Table_has_a_row_per_scenario_and_both_arms_side_by_side()
    {
        Assert.Equal(
            """
                                 | bare app                                 | behind DrainProxy
            scenario             | requests  failed  failed %  longest wait | requests  failed  failed %  longest wait
            -------------------- | ---------------------------------------- | ----------------------------------------
            rolling restart      |     1326     279     21.04        0.42 s |     1500       0      0.00        0.41 s
            idle keep-alive race |      320      25      7.81        0.07 s |      320       0      0.00        0.05 s

            """,
            ResultTable.Render(Result));
    }

    [Fact]
    public void Failures_are_named_with_their_counts() =>
        Assert.Equal(
            "rolling restart, bare app: 279 x 502: connection refused\nidle keep-alive race, bare app: 25 x 502: closed\n",
            ResultTable.RenderFailures(Result));

    [Fact]
    public void Kills_are_told_beside_the_failures_and_in_the_data()
    {
        var result = new DemoResult([new("memory spike", Seen(400, 20, 0.5, "502: closed") with { Kills = 2 }, Seen(400, 0, 3))], TimeSpan.FromSeconds(8));

        Assert.Equal("memory spike, bare app: 20 x 502: closed\nmemory spike, bare app: the app was killed 2 x for its memory\n", ResultTable.RenderFailures(result));
        var row = ResultFile.ToJson(result)["scenarios"]![0]!;
        Assert.Equal((2, 0), ((int)row["bare_app"]!["oom_kills"]!, (int)row["behind_drainproxy"]!["oom_kills"]!));
    }

    [Theory]
    [InlineData(100_000, 1, "<0.01")]
    [InlineData(10_000, 1, "0.01")]
    [InlineData(10_000, 0, "0.00")]
    [InlineData(0, 0, "0.00")]
    [InlineData(3, 3, "100.00")]
    public void One_lost_request_of_many_never_reads_as_none(int requests, int failed, string percent) =>
        Assert.Equal(percent, ResultTable.Percent(Seen(requests, failed, 1)));

    [Fact]
    public void Json_holds_the_same_numbers()
    {
        var json = ResultFile.ToJson(Result);

        Assert.Equal(0, (int?)json["lost_by_drainproxy"]);
        Assert.Equal("rolling restart", (string?)json["scenarios"]?[0]?["scenario"]);
        Assert.Equal(279, (int?)json["scenarios"]?[0]?["bare_app"]?["failed"]);
        Assert.Equal(279, (int?)json["scenarios"]?[0]?["bare_app"]?["failures"]?["502: connection refused"]);
        Assert.Equal(21.0407, (double?)json["scenarios"]?[0]?["bare_app"]?["failed_percent"]);
        Assert.Equal(0.41, (double?)json["scenarios"]?[0]?["behind_drainproxy"]?["longest_wait_s"]);
    }

    [Fact]
    public void Result_file_replaces_an_older_one_whole_and_leaves_nothing_else()
    {
        var folder = Directory.CreateTempSubdirectory("drainproxy-demo");
        try
        {
            var path = Path.Combine(folder.FullName, "out.json");
            File.WriteAllText(path, "an older and much longer text that must not shine through");
            ResultFile.Prepare(path).Write(Result);

            Assert.Equal(ResultFile.ToJson(Result).ToJsonString(), System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(path))?.ToJsonString());
            Assert.Equal([path], Directory.GetFileSystemEntries(folder.FullName));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Unwritable_place_is_refused_before_anything_runs()
    {
        var folder = Path.GetTempPath();
        Assert.EndsWith(
            "--json /nonexistent-folder/out.json: cannot be written: there is no such folder",
            Assert.Throws<DemoFailedException>(() => ResultFile.Prepare("/nonexistent-folder/out.json")).Message, StringComparison.Ordinal);
        Assert.EndsWith("it is a folder", Assert.Throws<DemoFailedException>(() => ResultFile.Prepare(folder)).Message, StringComparison.Ordinal);
        Assert.EndsWith("it is no file name", Assert.Throws<DemoFailedException>(() => ResultFile.Prepare("")).Message, StringComparison.Ordinal);
    }

    private static Outcome Seen(int requests, int failed, double longest, string? failure = null) => new(
        requests, failed, TimeSpan.FromSeconds(longest), failure is null ? new Dictionary<string, int>() : new Dictionary<string, int> { [failure] = failed });
}
