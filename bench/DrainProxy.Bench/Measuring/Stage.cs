using DrainProxy.Bench.Load;
using DrainProxy.Bench.Peers;
using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Measuring;

/// <summary>What all turns share: the app, the temporary folder and the processors.</summary>
internal sealed class Stage : IDisposable
{
    private readonly Child app;
    private readonly string folder;
    private readonly int appPort;

    private Stage(Child app, string folder, int appPort, bool pin)
    {
        this.app = app;
        this.folder = folder;
        this.appPort = appPort;
        if (pin)
        {
            PeerProcessors = $"{Environment.ProcessorCount - 1}";
            LoadProcessors = Environment.ProcessorCount > 2 ? $"0-{Environment.ProcessorCount - 2}" : "0";
        }
    }

    /// <summary>As taskset writes them; null without --pin.</summary>
    public string? PeerProcessors { get; }

    public string? LoadProcessors { get; }

    public static async Task<Stage> Set(Options options, string folder, CancellationToken cancellation)
    {
        if (Nginx.Tool.Missing is { } missing)
        {
            throw new PeerException($"no app to stand behind the peers: {missing}");
        }

        var port = FreePorts.Take(1)[0];
        var place = new Place(Directory.CreateDirectory(Path.Combine(folder, "app")).FullName, port, 0, 0);
        var launch = Nginx.App(place);
        var child = Child.Start(launch);
        var stage = new Stage(child, folder, port, options.Pin && Environment.ProcessorCount > 1);
        try
        {
            await Readiness.Wait(child, (port, "/"), cancellation);
            await stage.Move(child.Id);
            await stage.Move(Environment.ProcessId);
            return stage;
        }
        catch
        {
            stage.Dispose();
            throw;
        }
    }

    public Place NewPlace(string name)
    {
        var ports = FreePorts.Take(2);
        return new Place(Directory.CreateDirectory(Path.Combine(folder, name)).FullName, ports[0], ports[1], appPort);
    }

    public void Dispose() => app.Dispose();

    /// <summary>The app and the bench's own generator share the processors that the peers leave.</summary>
    private async Task Move(int root)
    {
        foreach (var pid in LoadProcessors is null ? [] : ProcessTree.Members(root))
        {
            await Child.Capture(TimeSpan.FromSeconds(5), new Launch("taskset", "-a", "-p", "-c", LoadProcessors!, $"{pid}"));
        }
    }
}
