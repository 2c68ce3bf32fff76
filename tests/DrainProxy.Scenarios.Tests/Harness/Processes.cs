using System.Runtime.InteropServices;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>Processes that a child started, by their ids as the child told them.</summary>
internal static partial class Processes
{
    public static void Kill(int id) => Assert.Equal(0, Send(id, Child.Sigkill));

    public static void Terminate(int id) => Assert.Equal(0, Send(id, Child.Sigterm));

    /// <summary>Runs, or sleeps: not gone, and no zombie.</summary>
    public static bool Lives(int id) => State(id) is { } state && state.Letter != 'Z';

    /// <summary>The children of a process that ended and that nobody has asked for.</summary>
    public static IReadOnlyList<int> Zombies(int parent) => [.. ChildrenOf(parent).Where(id => State(id) is { Letter: 'Z' })];

    public static IReadOnlyList<int> ChildrenOf(int parent) =>
        [.. Directory.GetDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), out var id) ? id : 0).Where(id => id > 0 && State(id)?.Parent == parent)];

    private static (char Letter, int Parent)? State(int id)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{id}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], System.Globalization.CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Send(int id, int signal);
}
