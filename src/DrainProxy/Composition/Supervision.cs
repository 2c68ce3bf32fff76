using System.ComponentModel;
using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.Supervising;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Supervision;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Composition;

/// <summary>The app that `dev -- COMMAND` starts.</summary>
/// <param name="Command">Program and arguments.</param>
/// <param name="PortVariable">Tells it its port.</param>
/// <param name="IsFixed">It listens where `--app` says, and cannot run twice.</param>
/// <param name="Watch">Files whose change replaces it.</param>
internal sealed record StartedApp(IReadOnlyList<string> Command, string PortVariable, bool IsFixed, IReadOnlyList<PathGlob> Watch);

/// <summary>Puts the supervisor of the one app together, and ends what belongs to it.</summary>
internal sealed class Supervision : IRecycler, IDisposable
{
    private readonly Children children = new();
    private readonly AppSwitch data;
    private readonly Supervisor supervisor;
    private readonly AppTarget listener;

    public Supervision(
        StartedApp app, ProxySettings settings, DrainPlan plan, AppTarget listener, Func<AppAddress, AppTarget> create, StreamRegistry streams, TimeProvider time, ILogger log)
    {
        this.listener = listener;
        data = new(listener, create, streams, (target, stop) => settings.AppIdleTimeout is null
            ? IdleProbe.Run(target.Address, settings.AppHealth, target.Pool, time, stop)
            : Task.CompletedTask, time);
        // Nobody answers there yet, and who listens there now is not our app.
        data.Hold();
        supervisor = new(
            new(app.Command, app.PortVariable, app.IsFixed ? listener.Address : null, settings.AppHealth, plan.AppStop, plan.DrainTimeout, app.Watch),
            data, children, new AppOutput(Console.OpenStandardOutput(), Console.OpenStandardError()), time, log);
    }

    /// <exception cref="Win32Exception">The command cannot be started.</exception>
    public void Start() => supervisor.Start();

    public Task Stop() => supervisor.Stop();

    public void Kill() => supervisor.Kill();

    public int UnderWay => listener.Current.Use?.Count ?? 0;

    public Reach CanReach() => Reach.Reachable;

    /// <summary>The new process is started, then led to; the old one ends what it has. Nobody has to be cut.</summary>
    public async Task<(Recycled How, int Process)> Recycle(Func<bool> mayCut, CancellationToken cancel)
    {
        var before = supervisor.ProcessId;
        return (await supervisor.Replaced().WaitAsync(cancel) ? Recycled.Done : Recycled.NotStarted, before);
    }

    public void Dispose()
    {
        supervisor.Dispose();
        data.Dispose();
        children.Dispose();
    }
}
