using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace DrainProxy.Repo.Tests;

/// <summary>The README against the program.</summary>
public sealed partial class ReadmeTests
{
    private static string Text => Repository.Read("README.md");

    [Fact]
    public void Two_commands_set_everything_up()
    {
        Assert.Contains("\ndotnet run -c Release --project src/DrainProxy -- demo\n", Text, StringComparison.Ordinal);
        Assert.Contains("\ndotnet test\n", Text, StringComparison.Ordinal);
    }

    [Fact]
    public void What_it_is_takes_two_sentences()
    {
        var paragraph = Text.Split("\n\n")[1].Replace('\n', ' ');

        Assert.Equal(2, SentenceEnds().Count(paragraph));
    }

    [Fact]
    public void Option_table_is_the_programs()
    {
        var begin = Text.IndexOf(OptionMarkdown.Begin, StringComparison.Ordinal) + OptionMarkdown.Begin.Length;
        var end = Text.IndexOf(OptionMarkdown.End, StringComparison.Ordinal);
        Assert.True(begin >= OptionMarkdown.Begin.Length && end >= begin, "the marks around the table are gone");
        if (Environment.GetEnvironmentVariable("UPDATE_README") == "1")
            File.WriteAllText(Repository.PathOf("README.md"), Text[..begin] + OptionMarkdown.Table() + Text[end..]);
        else
            Assert.Equal(OptionMarkdown.Table(), Text[begin..end]);
    }

    [Fact]
    public void Every_command_is_in_the_README_and_none_that_is_not()
    {
        var help = Command.DrainProxy("--help");
        Assert.Equal(0, help.ExitCode);
        var commands = HelpCommands().Matches(help.Output[help.Output.IndexOf("Commands:", StringComparison.Ordinal)..]).Select(m => m.Groups[1].Value).Order();
        var documented = TableRows("## Commands").Select(cells => cells[0].Trim('`').Split(' ')[1]).Distinct().Order();

        Assert.Equal(commands, documented);
    }

    [Fact]
    public void Exit_codes_are_the_programs()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        string[] ports = ["--listen", $"{taken.LocalEndpoint}", "--admin", "127.0.0.1:0"];
        int[] seen =
        [
            Command.DrainProxy("--version").ExitCode,
            Command.DrainProxy("signal", "terminating", "--admin", $"127.0.0.1:{UnusedPort()}").ExitCode,
            Command.DrainProxy("no-such-command").ExitCode,
            Command.DrainProxy(["run", .. ports]).ExitCode,
            Command.DrainProxy("run", "--grace", "soon").ExitCode,
        ];

        Assert.Equal([0, 1, 2, 69, 78], seen);
        Assert.Equal(seen, TableRows("## Exit codes").Select(cells => int.Parse(cells[0].Trim('`'))));
    }

    [Fact]
    public async Task Admin_endpoints_are_the_programs()
    {
        await using var program = await RunningProgram.StartAsync();
        var documented = TableRows("## Admin endpoints").Select(cells => cells[0].Trim('`').Split(' ')).ToList();

        Assert.NotEmpty(documented);
        foreach (var endpoint in documented)
        {
            var (method, path) = (endpoint[0], endpoint[1]);
            // The drain itself is not begun here: with the wrong method the path answers as well.
            using var answer = await program.SendAsync(method == "GET" ? HttpMethod.Get : HttpMethod.Put, path);
            Assert.True(answer.StatusCode != HttpStatusCode.NotFound, $"{path} is documented and not there");
            if (method != "GET") Assert.Equal(method, string.Join(", ", answer.Content.Headers.Allow));
        }

        using var unknown = await program.SendAsync(HttpMethod.Get, "/no-such-endpoint");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        var named = Paths().Matches(await unknown.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Select(m => m.Value);
        Guard.None(named.Except(documented.Select(endpoint => endpoint[1])), "endpoint that is not documented");
    }

    /// <summary>The cells of the rows of the table under a heading.</summary>
    private static IEnumerable<string[]> TableRows(string heading)
    {
        var start = Text.IndexOf($"\n{heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"no heading {heading}");
        var end = Text.IndexOf("\n## ", start + heading.Length, StringComparison.Ordinal);
        return Text[start..(end < 0 ? Text.Length : end)].Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1)
            .Select(line => line.Trim('|', ' ').Split('|').Select(cell => cell.Trim()).ToArray());
    }

    private static int UnusedPort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    [GeneratedRegex(@"[.!?](?=\s|\**$)")]
    private static partial Regex SentenceEnds();

    [GeneratedRegex(@"^  ([a-z]+)\b", RegexOptions.Multiline)]
    private static partial Regex HelpCommands();

    [GeneratedRegex(@"(?<=\s)/[a-z/]*")]
    private static partial Regex Paths();
}
