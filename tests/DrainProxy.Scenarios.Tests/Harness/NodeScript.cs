namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>A Node app with one odd habit; its script lies in the folder Apps.</summary>
internal sealed class NodeScript : IAsyncDisposable
{
    private NodeScript(Child child, int port) => (Child, Port) = (child, port);

    public Child Child { get; }

    public int Port { get; }

    public string Address => $"http://127.0.0.1:{Port}";

    public static async Task<NodeScript> Start(string name)
    {
        var port = Net.FreePort();
        var script = Path.Combine(AppContext.BaseDirectory, "Apps", name);
        var child = Child.Start(Tool.Find("node", "nodejs"), [script], new Dictionary<string, string> { ["PORT"] = $"{port}" });
        await Net.Answers(port);
        return new(child, port);
    }

    public ValueTask DisposeAsync() => Child.DisposeAsync();
}
