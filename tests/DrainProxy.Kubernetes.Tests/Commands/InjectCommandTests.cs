namespace DrainProxy.Kubernetes.Tests.Commands;

public sealed class InjectCommandTests
{
    private const string Example = "deploy/examples/shop.yaml";

    [Fact]
    public void File_folder_standard_input_and_plain_argument_give_the_same()
    {
        var file = BuiltProgram.Run("inject", "-f", Example);

        Assert.Equal(0, file.ExitCode);
        Assert.Contains("name: drainproxy", file.Output, StringComparison.Ordinal);
        Assert.Equal(file, BuiltProgram.Run("inject", Example));
        Assert.Equal(file, BuiltProgram.RunWith(File.ReadAllText(Path.Combine(Source.Root, Example)), "inject", "-"));
        Assert.Equal(file, BuiltProgram.RunWith(file.Output, "inject", "-f", "-"));
    }

    [Fact]
    public void A_link_that_leads_nowhere_is_told_by_its_own_name()
    {
        var folder = Directory.CreateTempSubdirectory("drainproxy-link-").FullName;
        try
        {
            File.CreateSymbolicLink(Path.Combine(folder, "gone.yaml"), Path.Combine(folder, "nowhere"));
            File.CreateSymbolicLink(Path.Combine(folder, "circle"), folder);
            var outcome = BuiltProgram.Run("inject", folder);

            Assert.Equal((2, $"drainproxy: {Path.Combine(folder, "gone.yaml")}: no such file or folder\n"), (outcome.ExitCode, outcome.Error));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A property of the cluster, so an option and no annotation; without it again, nothing of it is left.</summary>
    [Fact]
    public void Sidecars_are_told_whom_to_ask_whether_their_node_goes()
    {
        var plain = BuiltProgram.Run("inject", Example);
        var told = BuiltProgram.Run("inject", "--node-notice", "aws", Example);

        Assert.Contains("- name: DRAINPROXY_NODE_NOTICE\n", told.Output, StringComparison.Ordinal);
        Assert.Equal(told, BuiltProgram.RunWith(told.Output, "inject", "--node-notice", "aws", "-"));
        Assert.Equal(plain, BuiltProgram.RunWith(told.Output, "inject", "--node-notice", "none", "-"));
    }

    [Fact]
    public void Uninject_takes_it_out()
    {
        var injected = BuiltProgram.Run("inject", Example).Output;
        var restored = BuiltProgram.RunWith(injected, "uninject", "-");

        Assert.Equal(Given.Manifests(File.ReadAllText(Path.Combine(Source.Root, Example))).Select(m => m.Root), Given.Manifests(restored.Output).Select(m => m.Root), Given.SameJson);
        Assert.Empty(restored.Error);
    }

    [Fact]
    public void Skips_and_warnings_are_lines_on_standard_error_and_no_failure()
    {
        var outcome = BuiltProgram.RunWith(
            "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {hostNetwork: true, containers: [{name: a}]}}", "inject", "-");

        Assert.Equal(0, outcome.ExitCode);
        Assert.Equal("skipped Pod/a: hostNetwork: the node's ports are shared by all its pods\n", outcome.Error);
        Assert.Contains("hostNetwork: true", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_writes_nothing_but_text_on_one_line()
    {
        var outcome = BuiltProgram.RunWith("""{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a\u001b[2J\nskipped Pod/b"}, "spec": {}}""", "inject", "-");

        Assert.Equal("skipped Pod/a\\u001b[2J\\u000askipped Pod/b: the pod has no containers\n", outcome.Error);
    }

    [Fact]
    public void Service_by_number_is_warned_of()
    {
        var outcome = BuiltProgram.RunWith(
            """
            {apiVersion: v1, kind: Pod, metadata: {name: a, labels: {x: y}}, spec: {containers: [{name: a, ports: [{containerPort: 3000}]}]}}
            ---
            {apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {x: y}, ports: [{port: 3000}]}}
            """,
            "inject",
            "-");

        Assert.Equal("warning Pod/a: Service s names port 3000 by its number and bypasses the sidecar: set targetPort: http\n", outcome.Error);
    }

    [Fact]
    public void Kubernetes_before_1_29_gets_a_plain_container()
    {
        Assert.Contains("restartPolicy: Always", BuiltProgram.Run("inject", Example).Output, StringComparison.Ordinal);
        Assert.DoesNotContain("restartPolicy: Always", BuiltProgram.Run("inject", Example, "--kubernetes-version", "1.28").Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a: 1\na: 2\n", "drainproxy: -:2: the key 'a' comes twice\n")]
    [InlineData("kind: List\nitems: [", "drainproxy: -:2: not YAML: ")]
    public void Broken_input_is_2_with_its_line(string text, string error)
    {
        foreach (var command in (string[])["inject", "uninject"])
        {
            var outcome = BuiltProgram.RunWith(text, command, "-");

            Assert.Equal(2, outcome.ExitCode);
            Assert.StartsWith(error, outcome.Error, StringComparison.Ordinal);
            Assert.Empty(outcome.Output);
        }
    }

    [Theory]
    [InlineData("inject", "/no/such/file")]
    [InlineData("inject")]
    [InlineData("inject", "-f")]
    [InlineData("inject", "-", "--kubernetes-version", "new")]
    [InlineData("inject", "-", "--bogus")]
    [InlineData("uninject", "-", "--kubernetes-version", "1.30")]
    public void A_wrong_command_line_is_2(params string[] arguments)
    {
        var outcome = BuiltProgram.Run(arguments);

        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith("drainproxy: ", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }
}
