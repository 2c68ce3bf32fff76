using System.Reflection;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>Peers written in other languages; their scripts lie in the folder Apps, their libraries come from npm or from Debian.</summary>
internal static class Peers
{
    private const string DebianPython = "/usr/bin/python3";

    /// <summary>Starts a script with libraries from npm; without them the test is skipped with its reason.</summary>
    public static Child Node(string script, params string[] arguments) => Node(script, [], arguments);

    /// <summary>The same with an environment of its own.</summary>
    public static Child Node(string script, Dictionary<string, string> environment, params string[] arguments)
    {
        var folder = typeof(Peers).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "PeersFolder").Value!;
        var modules = Path.Combine(folder, "node_modules");
        if (!Directory.Exists(modules)) Tool.Missing("no peers from npm: run npm ci in tests/DrainProxy.Scenarios.Tests/Peers");
        return Child.Start(Tool.Find("node", "nodejs"), [Script(script), .. arguments], new Dictionary<string, string>(environment) { ["NODE_PATH"] = modules });
    }

    /// <summary>Starts a script that needs a library of Debian's own Python.</summary>
    public static Child Python(string script, string library, params string[] arguments)
    {
        if (!File.Exists(DebianPython) || !Directory.Exists($"/usr/lib/python3/dist-packages/{library}"))
            Tool.Missing($"{library} for python3 is not installed (Debian package python3-{(library == "grpc" ? "grpcio" : library)})");
        return Child.Start(DebianPython, [Script(script), .. arguments]);
    }

    /// <summary>Waits until a server says that it serves.</summary>
    public static Task Serves(Child server) => Net.Eventually(() => Task.FromResult(server.Lines.Contains("serving")), "the peer serves", 20);

    private static string Script(string name) => Path.Combine(AppContext.BaseDirectory, "Apps", name);
}
