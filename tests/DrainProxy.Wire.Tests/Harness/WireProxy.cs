using System.Threading.Channels;
using DrainProxy.Scenarios.Tests.Harness;

[assembly: AssemblyFixture(typeof(DrainProxy.Wire.Tests.Harness.WireProxy))]

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>A listener of the proxy with an app of its own: what one case does, no other sees.</summary>
internal sealed record Lane(int Port, RecordingApp App);

/// <summary>One process of the built program for all cases, with as many lanes as run at once.</summary>
public sealed class WireProxy : IAsyncLifetime
{
    private const int Lanes = 12;
    private readonly Channel<Lane> idle = Channel.CreateUnbounded<Lane>();
    private readonly List<RecordingApp> apps = [];
    private readonly SemaphoreSlim apart = new(1);
    private Lane? laneApart;
    private Child? child;

    internal int ProcessId => child!.Id;

    internal string Output => child!.Output;

    public async ValueTask InitializeAsync()
    {
        var ports = new HashSet<int>();
        while (ports.Count <= Lanes + 1) ports.Add(Net.FreePort());
        var free = new Queue<int>(ports);
        var admin = free.Dequeue();
        List<string> arguments = ["run", "--admin", $"127.0.0.1:{admin}", "--app-idle-timeout", "60s", "--hold-timeout", "1s", "--log-level", "warning"];
        var lanes = new List<Lane>();
        for (var i = 0; i <= Lanes; i++)
        {
            var lane = new Lane(free.Dequeue(), new());
            apps.Add(lane.App);
            lanes.Add(lane);
            arguments.AddRange(["--map", $"127.0.0.1:{lane.Port}=http://127.0.0.1:{lane.App.Port}"]);
        }

        child = Child.Start(DrainProxyProcess.Program, arguments);
        await Net.Answers(admin, "/readyz");
        laneApart = lanes[0];
        foreach (var lane in lanes.Skip(1)) await idle.Writer.WriteAsync(lane);
    }

    internal async Task<T> Use<T>(Func<Lane, Task<T>> work)
    {
        var lane = await idle.Reader.ReadAsync();
        try
        {
            return await work(lane);
        }
        finally
        {
            await idle.Writer.WriteAsync(lane);
        }
    }

    /// <summary>For what leaves requests behind that it waits no answer of: they reach the app late, so no other case gets their lane.</summary>
    internal async Task<T> UseApart<T>(Func<Lane, Task<T>> work)
    {
        await apart.WaitAsync();
        try
        {
            return await work(laneApart!);
        }
        finally
        {
            apart.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (child is not null) await child.DisposeAsync();
        foreach (var app in apps) app.Dispose();
        apart.Dispose();
    }
}
