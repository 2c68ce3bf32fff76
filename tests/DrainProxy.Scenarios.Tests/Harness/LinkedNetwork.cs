namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>A process in a network namespace of its own, linked to ours by a pair of virtual interfaces. Needs root: elsewhere the test is skipped.</summary>
internal sealed class LinkedNetwork : IAsyncDisposable
{
    private static int count;
    private readonly string link = $"dp{Environment.ProcessId}n{Interlocked.Increment(ref count)}";

    private LinkedNetwork(Child child) => Child = child;

    public Child Child { get; }

    /// <summary>Starts the command there; it finds us at the first address and is itself at the second, both of one /24.</summary>
    public static async Task<LinkedNetwork> Start(string ours, string theirs, params string[] command)
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root for a network of its own");
        var child = Child.Start(Tool.Find("unshare", "util-linux"), ["--net", .. command]);
        var network = new LinkedNetwork(child);
        try
        {
            await Net.Eventually(() => Task.FromResult(Namespace(child.Id) != Namespace(Environment.ProcessId)), "the process has a network of its own");
            await Run("ip", $"link add {network.link} type veth peer name {network.link}c netns {child.Id}");
            await Run("ip", $"addr add {ours}/24 dev {network.link}");
            await Run("ip", $"link set {network.link} up");
            await network.Inside($"ip addr add {theirs}/24 dev {network.link}c");
            await network.Inside($"ip link set {network.link}c up");
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a command in the other network.</summary>
    public Task Inside(string command) => Run("nsenter", $"-t {Child.Id} -n {command}");

    /// <summary>Takes the network away: nothing passes any more, and nobody is told.</summary>
    public Task Cut() => Run("ip", $"link del {link}");

    /// <summary>The interface goes with the namespace, and that with the process.</summary>
    public ValueTask DisposeAsync() => Child.DisposeAsync();

    private static string? Namespace(int process) => new FileInfo($"/proc/{process}/ns/net").LinkTarget;

    private static async Task Run(string tool, string arguments)
    {
        await using var command = Child.Start(Tool.Find(tool, tool == "ip" ? "iproute2" : "util-linux"), arguments.Split(' '));
        Assert.True(await command.Exit(TimeSpan.FromSeconds(10)) == 0, $"{tool} {arguments}: {command.Output}");
    }
}
