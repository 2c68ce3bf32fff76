using System.Globalization;
using DrainProxy.Demo.App;

namespace DrainProxy.Demo.Pods;

/// <summary>One pod: the app's process, and behind DrainProxy the sidecar's too. It ends as the kubelet ends a pod, within one grace.</summary>
internal sealed class Pod : IAsyncDisposable
{
    private readonly DemoSettings _settings;
    private readonly TimeProvider _time;
    private readonly int _appPort;
    private readonly TimeSpan _appIdleTimeout;
    private ChildProcess _app;
    private readonly Sidecar? _sidecar;
    private bool _terminating;
    private volatile bool _restarting;
    private Task _killing = Task.CompletedTask;
    private readonly CancellationTokenSource _disposed = new();

    private Pod(string name, ChildProcess app, int appPort, TimeSpan appIdleTimeout, Sidecar? sidecar, DemoSettings settings, TimeProvider time)
    {
        Name = name;
        Port = sidecar?.Port ?? appPort;
        (_app, _appPort, _appIdleTimeout, _sidecar, _settings, _time) = (app, appPort, appIdleTimeout, sidecar, settings, time);
    }

    public string Name { get; }

    /// <summary>What the load balancer is told.</summary>
    public int Port { get; }

    /// <summary>Starts the containers; returns when the pod is ready.</summary>
    public static async Task<Pod> StartAsync(
        string name, Arm arm, TimeSpan appIdleTimeout, long? appMemoryLimit, DemoSettings settings, TimeProvider time, CancellationToken cancel)
    {
        var app = ChildProcess.Start($"the app of {name}", DemoAppCommand.Arguments(0, appIdleTimeout));
        try
        {
            var appPort = await ReadyAsync(app, settings, time, cancel);
            var sidecar = arm == Arm.BehindDrainProxy ? await Sidecar.StartAsync(name, appPort, appMemoryLimit, settings, time, cancel) : null;
            if (sidecar is not null)
                await app.TellAsync(sidecar.Process.Id.ToString(CultureInfo.InvariantCulture));
            return new Pod(name, app, appPort, appIdleTimeout, sidecar, settings, time);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// The kubelet's way. Bare: SIGTERM to the app at once. With the sidecar: SIGTERM to DrainProxy, while the app's preStop hook, an HTTP GET of
    /// /drain/wait, keeps the app from being told before the drain is over.
    /// </summary>
    public async Task TerminateAsync(CancellationToken cancel)
    {
        _terminating = true;
        using var grace = new CancellationTokenSource(_settings.Grace, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(grace.Token, cancel);
        try
        {
            var preStop = _sidecar?.WaitForDrainAsync(either.Token);
            _sidecar?.Process.Terminate();
            if (preStop is not null)
                await preStop;
            _app.Terminate();
            await EndedWellAsync(_app, either.Token);
            if (_sidecar is not null)
                await EndedWellAsync(_sidecar.Process, either.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            var late = _app.Exited.IsCompleted ? _sidecar?.Process ?? _app : _app;
            throw late.Failure($"was still there after the grace of {_settings.Grace.TotalSeconds:0} s");
        }
    }

    /// <summary>The app's process is killed, and the kubelet starts its container again a while later, on the same port.</summary>
    public async Task CrashAsync(TimeSpan gone, CancellationToken cancel)
    {
        _restarting = true;
        await _app.DisposeAsync();
        await Task.Delay(gone, _time, cancel);
        _app = ChildProcess.Start($"the app of {Name}", DemoAppCommand.Arguments(_appPort, _appIdleTimeout));
        await ReadyAsync(_app, _settings, _time, cancel);
        if (_sidecar is not null)
            await _app.TellAsync(_sidecar.Process.Id.ToString(CultureInfo.InvariantCulture));
        _restarting = false;
    }

    /// <summary>From now on the app is killed when it takes more than its limit, and started again.</summary>
    public void Bound(OomKiller killer) => _killing = BoundAsync(killer);

    /// <summary>Fails when a process is gone that nobody has terminated.</summary>
    public void CheckAlive()
    {
        if (_killing.Exception?.InnerException is { } failure)
            throw failure;
        if (_terminating || _restarting)
            return;
        foreach (var process in (ChildProcess?[])[_app, _sidecar?.Process])
        {
            if (process is { Exited.IsCompleted: true })
                throw process.Failure("ended by itself");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        await _killing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _disposed.Dispose();
        if (_sidecar is not null)
            await _sidecar.DisposeAsync();
        await _app.DisposeAsync();
    }

    /// <summary>The port on which the app says that it listens.</summary>
    private static async Task<int> ReadyAsync(ChildProcess app, DemoSettings settings, TimeProvider time, CancellationToken cancel)
    {
        try
        {
            var line = await app.FirstLine.WaitAsync(settings.StartTimeout, time, cancel);
            return int.Parse(line[DemoAppCommand.ReadyLine.Length..], CultureInfo.InvariantCulture);
        }
        catch (TimeoutException)
        {
            throw app.Failure("was not ready in time");
        }
    }

    private async Task BoundAsync(OomKiller killer)
    {
        while (true)
        {
            await killer.WaitAsync(_app.Id, _disposed.Token);
            await CrashAsync(_settings.RestartAfterKill, _disposed.Token);
        }
    }

    private static async Task EndedWellAsync(ChildProcess process, CancellationToken cancel)
    {
        if (await process.Exited.WaitAsync(cancel) is not 0 and var code)
            throw process.Failure($"ended with exit code {code}");
    }
}
