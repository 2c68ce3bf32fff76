using System.ComponentModel;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Recycling;
using DrainProxy.Logging;
using DrainProxy.Proxy.Admin;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.NodeRemoval;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Supervision;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Composition;

/// <summary>Puts the proxy together, runs it, and ends it: the parts in the order in which they start, and back.</summary>
internal sealed partial class ProxyHost : IDisposable
{
    private const int ExitClean = 0;
    private const int ExitCut = 1;
    private const int ExitUsage = 2;
    private const int ExitNotBound = 69;
    private const int ExitConfiguration = 78;
    private static readonly TimeSpan MostRecycleDrain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AdminFarewell = TimeSpan.FromSeconds(1);

    private readonly ProxySettings settings;
    private readonly ILoggerFactory logs;
    private readonly ILogger log;
    private readonly TimeProvider time = TimeProvider.System;
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource signalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ProxyCounters counters = new();
    private readonly StreamRegistry streams = new();
    private readonly TerminationLog termination = new();
    private readonly Lifecycle lifecycle;
    private readonly DrainPlan plan;
    private readonly ConnectionRegistry connections;
    private readonly List<AppTarget> targets = [];
    private readonly AppMemory appMemory;
    private readonly AcceptedBy acceptedBy = new();
    private readonly OwnMemory own;
    private readonly UploadRoom? uploads;
    private readonly PressureSampler pressure;
    private IReadOnlyCollection<int> ownPorts = [];
    private readonly BlackBox blackBox;
    private readonly AdmissionGate gate;
    private readonly PressureLows lows = new();
    private readonly ProxyMetrics metrics;
    private readonly PrometheusExporter exporter;
    private readonly ProxyApplication application;
    private readonly ExchangeAccounts accounts;
    private readonly DataServer data;
    private readonly AdminServer admin;
    private readonly AdminApplication adminApplication;
    private readonly StateReport state;
    private readonly DrainController drain;
    private readonly Supervision? supervision;
    private readonly AppRecycler? recycler;
    private readonly LeakWatch? leaks;
    private readonly NodeWatch? nodeWatch;
    private IReadOnlyList<AppHookResult> hooks = [];
    private int sides;

    private ProxyHost(ProxySettings settings, ILoggerFactory logs, StartedApp? app)
    {
        (this.settings, this.logs) = (settings, logs);
        log = logs.CreateLogger("drainproxy");
        lifecycle = new(time, log);
        plan = BudgetPlanner.Plan(new(
            settings.Grace, settings.Lb, settings.Linger, settings.Quiet, settings.DrainTimeout, settings.AnnounceDelay, settings.AppStop));
        var idleTimeout = settings.IdleTimeout ?? Presets.Of(settings.Lb).ServerIdle;
        var (descriptors, open) = (ProcessReader.DescriptorLimit(), ProcessReader.CountOpenFiles() ?? 0);
        var maxExchanges = ConnectionRoom.Exchanges(descriptors, open);
        connections = new(counters, time, settings, idleTimeout, new ConnectionLimits(), ConnectionRoom.Cap(descriptors, open, settings.MaxConnections));
        appMemory = new(settings.MemorySource, settings.MemoryLimit, App, time, log);
        var recycles = settings.RecycleAt > 0;
        foreach (var port in settings.Ports) targets.Add(CreateTarget(port.App, use: recycles && app is null ? new() : null));
        own = OwnMemory.Open(alone: app is null, log);
        own.Changed += connections.Room.Pause;
        pressure = Sampler();
        connections.Room.Crowded = pressure.LookSoon;
        blackBox = new(pressure, counters, log);
        var version = Version();
        gate = new(settings, lifecycle, counters, log);
        pressure.Sampled += snapshot =>
        {
            gate.Observe(snapshot.Sample);
            lows.Observe(snapshot.Sample, gate.Read(static control => control.TimeToOom));
        };
        gate.BeforeWatched = pressure.Watch;
        blackBox.Requests = gate;
        gate.OnlyCriticalChanged += _ => TellReadiness();
        metrics = new(counters, Sources(), version, time);
        exporter = new(metrics);
        var hold = new Hold(settings.HoldTimeout, settings.HoldMax, lifecycle, counters, time);
        var buffers = OwnBuffers.For(own.LimitBytes);
        uploads = buffers.Uploads == int.MaxValue ? null : new(buffers.Uploads, Math.Min(buffers.WaitingUploads, settings.HoldMax), settings.HoldTimeout, lifecycle, time);
        var path = new DataPath(settings, new ForwardingRules(settings), lifecycle, termination, counters, metrics, hold, gate, blackBox, own, Forwarder(), streams, maxExchanges, uploads, time);
        accounts = new(path, logs.CreateLogger("access"));
        var endings = new Endings(path, log, accounts);
        application = new(path, accounts, endings);
        connections.ResponseLost = accounts.TellLostResponse;
        connections.HoldersEnded = endings.TellHoldersEnded;
        data = new(settings, targets, idleTimeout, connections, Certificates(), buffers, time, logs);
        drain = new(new(lifecycle, termination, plan, connections, streams, accounts, counters, data, time), log);
        if (app is not null) supervision = new(app, settings, plan, targets[0], CreateSide, streams, time, log);
        if (recycles) leaks = Leaks(recycler = supervision is null ? Recycler() : null);
        state = new(
            lifecycle, plan, counters, connections, streams, targets, accounts, pressure, blackBox, gate, leaks, own, [.. settings.Ports.Select(p => p.Listen.ToString())]);
        adminApplication = new(settings, lifecycle, drain, exporter, state, gate, time);
        admin = new(settings.Admin, logs);
        if (settings.NodeNotice is { } source) nodeWatch = new(source, _ => drain.Terminate(Trigger.NodeNotice), time, log);
    }

    /// <summary>Runs until drained; returns the exit code of the contract.</summary>
    public static async Task<int> RunAsync(ProxySettings settings, IReadOnlyList<string> warnings, StartedApp? app = null)
    {
        SocketTuning.Apply();
        using var logs = Log.Create(settings);
        var log = logs.CreateLogger("drainproxy");
        foreach (var warning in warnings) LogWarning(log, warning);
        try
        {
            using var host = new ProxyHost(settings, logs, app);
            return await host.Run();
        }
        catch (Win32Exception e) when (app is not null && e is not SocketException)
        {
            await Console.Error.WriteLineAsync($"drainproxy: {app.Command[0]}: {e.Message}");
            return ExitUsage;
        }
        catch (Exception e) when (BindFailures.Reason(e) is { } reason)
        {
            LogNotBound(log, reason);
            await Console.Error.WriteLineAsync($"drainproxy: {reason}");
            return ExitNotBound;
        }
        catch (CryptographicException e)
        {
            await Console.Error.WriteLineAsync($"drainproxy: tls-cert, tls-key: {e.Message}");
            return ExitConfiguration;
        }
    }

    public void Dispose()
    {
        stop.Cancel();
        leaks?.Dispose();
        recycler?.Dispose();
        supervision?.Dispose();
        nodeWatch?.Dispose();
        data.Dispose();
        uploads?.Dispose();
        admin.Dispose();
        connections.Dispose();
        pressure.Dispose();
        exporter.Dispose();
        metrics.Dispose();
        foreach (var target in targets)
        {
            target.Pool.Dispose();
            target.Monitor.Dispose();
        }

        acceptedBy.Dispose();
        lifecycle.Dispose();
        stop.Dispose();
    }

    private async Task<int> Run()
    {
        // Before anything is bound: a termination during start is a termination.
        using var sigterm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => Signalled(c, Trigger.Sigterm));
        using var sigint = PosixSignalRegistration.Create(PosixSignal.SIGINT, c => Signalled(c, Trigger.Sigint));
        foreach (var warning in plan.Warnings) LogWarning(log, warning);
        LogPlan(log, settings.Lb, plan.Grace.TotalSeconds, plan.Linger.TotalSeconds, plan.Quiet.TotalSeconds, plan.DrainTimeout.TotalSeconds,
            plan.Closing.TotalSeconds, plan.AppStop.TotalSeconds);

        await admin.Start(adminApplication, stop.Token);
        await data.Start(application, stop.Token);
        LogListening(log, string.Join(", ", settings.Ports.Select((p, i) => $"{Bound(p.Listen, i)} -> {p.App}")), settings.Admin);
        ownPorts = [.. data.Ports, admin.Port];
        foreach (var target in targets) Watch(target);
        pressure.Start();
        supervision?.Start();
        _ = new Housekeeping(lifecycle, plan, accounts, counters, connections, warning => LogWarning(log, warning), time).Run();
        WatchNode();

        var result = await drain.Run();
        // Before its SIGTERM, as its preStop hook would have been.
        if (result != DrainResult.Forced) hooks = await AppHookCalls.Call(settings.AppPrestop, plan.ClosingDeadline - SinceT0(), time, log);
        // Only now has it nothing left to answer.
        if (supervision is not null) await supervision.Stop();
        return await End(result);
    }

    /// <summary>Until a termination has begun, whoever has asked for it.</summary>
    private void WatchNode()
    {
        if (nodeWatch is null) return;
        lifecycle.PhaseChanged += _ =>
        {
            if (lifecycle.Terminating) nodeWatch.Stop();
        };
        if (!lifecycle.Terminating) _ = nodeWatch.Run();
    }

    private TimeSpan SinceT0() => lifecycle.State.TerminatedAt is { } t0 ? lifecycle.Now - t0 : TimeSpan.Zero;

    private async Task<int> End(DrainResult result)
    {
        var terminated = lifecycle.State;
        var t0 = terminated.TerminatedAt ?? TimeSpan.Zero;
        var report = Report(terminated, t0, result);
        metrics.RecordTermination(report.Trigger, result, report.Total);
        state.LastTermination = report.ToJson();
        await report.Write(log, time);
        lifecycle.ReleaseWaiters();
        // A node that goes has not deleted the pod yet: a container that ended would be started anew there, and be ready again.
        if (settings.AfterDrain == AfterDrain.Stay || report.Trigger == Trigger.NodeNotice) await signalled.Task;

        using var farewell = new CancellationTokenSource(AdminFarewell, time);
        try
        {
            await admin.Stop(farewell.Token);
        }
        catch (OperationCanceledException)
        {
            // Callers that do not take their answer do not keep the pod.
        }

        return result == DrainResult.Clean ? ExitClean : ExitCut;
    }

    private TerminationReport Report(DrainState terminated, TimeSpan t0, DrainResult result)
    {
        var facts = new TerminationFacts(
            termination.LastConnection - t0, termination.LastRequest - t0, termination.LastByte - t0, drain.AllEnded ?? TimeSpan.Zero,
            termination.CutInFlight, accounts.Longest, termination.LongestGap, termination.LostInAll());
        var linger = drain.LingerEnded ?? TimeSpan.Zero;
        return new(
            terminated.Trigger ?? Trigger.Sigterm, lifecycle.StartedAtUtc + t0, linger, (drain.DrainEnded ?? linger) - linger,
            drain.AllEnded ?? TimeSpan.Zero, t0, termination, Recommendation.From(facts, plan), result)
        { Hooks = hooks };
    }

    private void Signalled(PosixSignalContext context, Trigger trigger)
    {
        // The runtime's own reaction would be to exit at once.
        context.Cancel = true;
        signalled.TrySetResult();
        if (drain.Terminate(trigger) || !settings.Dev) return;
        drain.Force();
        supervision?.Kill();
    }

    private void Watch(AppTarget target)
    {
        var probed = false;
        target.Monitor.Answers += () =>
        {
            pressure.AppChanged();
            pressure.ReadNow();
        };
        target.Monitor.Changed += up =>
        {
            TellReadiness();
            pressure.AppChanged();
            if (!up || target.Monitor.IsSameAsBefore) return;
            Replaced();
            // Where it is supervised, the supervisor knows better.
            if (probed && supervision is null) counters.AppRestarted();
            if (leaks is not null && target == targets[0]) _ = Task.Run(leaks.CheckReach);
            if (probed) return;
            probed = true;
            if (settings.AppIdleTimeout is null && supervision is null) _ = IdleProbe.Run(target.Address, settings.AppHealth, target.Pool, time, stop.Token);
        };
        _ = target.Monitor.Run(stop.Token);
    }

    /// <summary>What was learned of the app's memory was learned of another process.</summary>
    private void Replaced()
    {
        gate.AppReplaced();
        leaks?.AppReplaced();
    }

    /// <summary>Ready while every app answers and none is about to run out of memory.</summary>
    private void TellReadiness() =>
        lifecycle.Apply(targets.All(t => t.Monitor.IsUp) && !gate.OnlyCritical ? DrainEvent.AppUp : DrainEvent.AppDown);

    private AdmissionReading Admission() => gate.Read(control =>
        new AdmissionReading(control.Ladder.Step, control.HasMemory ? control.TimeToOom : null, gate.Routes.All));

    /// <summary>The target of one side of the supervised app: each one after the first is a restart.</summary>
    private AppTarget CreateSide(AppAddress side)
    {
        if (sides++ > 0) counters.AppRestarted();
        pressure.AppChanged();
        Replaced();
        return CreateTarget(side, targets[0].Monitor, new());
    }

    private AppTarget CreateTarget(AppAddress app, AppMonitor? monitor = null, TargetUse? use = null) => new(
        app, settings.RequestTimeout, new UpstreamPool(app, settings.AppIdleTimeout, counters, time, log, new(ends => acceptedBy.Find(ends, appMemory.RecentProcesses), AcceptedBy.Resident, () => appMemory.Accepting)),
        monitor ?? new AppMonitor(app, settings.AppHealth, time, log), use);

    /// <summary>Requests that come while it drains wait as long as it takes, so that it may take a part of their patience only.</summary>
    private AppRecycler Recycler()
    {
        var drainLimit = settings.HoldTimeout / 3;
        return new(targets, streams, drainLimit < MostRecycleDrain ? drainLimit : MostRecycleDrain, plan.AppStop, time, log);
    }

    private LeakWatch Leaks(AppRecycler? inPod)
    {
        var rule = new RecycleRule(settings.RecycleAt, Random.Shared.NextDouble(), inPod is null ? RecycleRule.SpacingSupervised : RecycleRule.SpacingInPod);
        var watch = new LeakWatch(
            rule, () => gate.Read(static control => control.Heavy.Running.Count), (IRecycler?)inPod ?? supervision!, lifecycle, counters, log);
        pressure.Sampled += watch.Observe;
        return watch;
    }

    private AppAddress App() => targets[0].Current.Address;

    private PressureSampler Sampler() => new(
        appMemory, new SocketSenses(App, appMemory.Processes, () => ownPorts, time, log), () => counters.InFlight, counters.AwaitWork, () => lifecycle.Now,
        new ThreadClock(time, "sampler"), own, () => gate.Watches);

    private MetricsSources Sources() => new()
    {
        Phase = () => lifecycle.Phase,
        AppUp = () => targets.All(t => t.Monitor.IsUp),
        Downstream = connections.CountByState,
        Upstream = () =>
        {
            var open = counters.ConnectionsOpen(Side.Upstream);
            var active = Math.Min(counters.InFlight, open);
            return (active, open - active);
        },
        AcceptQueueDepth = () => AcceptQueue.Depth(data.Ports),
        Pressure = () => pressure.Newest,
        OomKills = () => blackBox.Kills,
        Admission = Admission,
        TakeQueuePeak = () => pressure.TakeQueuePeak(),
        TakeAppQueuePeak = () => pressure.TakeAppQueuePeak(),
        TakeMemoryPeak = () => pressure.TakePeak(),
        TakeHeadroomLow = () => lows.TakeHeadroom(pressure.Latest),
        TakeTimeToOomLow = () => lows.TakeTimeToOom(gate.Read(static control => control.HasMemory ? control.TimeToOom : TimeSpan.MaxValue)),
        DrainElapsed = () => lifecycle.State.TerminatedAt is { } t0 ? drain.AllEnded ?? lifecycle.Now - t0 : null,
    };

    /// <summary>The listener as it is bound: with the port that was given to port 0.</summary>
    private ListenAddress Bound(ListenAddress listen, int index) => listen.Port == 0 && data.Ports.Count == settings.Ports.Count
        ? listen with { Port = data.Ports[index] }
        : listen;

    private TlsCertificates? Certificates() => settings.Ports.Any(p => p.Listen.Tls)
        ? new(settings.TlsCert!, settings.TlsKey!, time, log)
        : null;

    /// <summary>YARP's forwarder without its log lines: what fails is counted and named here, at a bounded rate.</summary>
    private static IHttpForwarder Forwarder()
    {
        var services = new ServiceCollection();
        services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        services.AddSingleton(typeof(ILogger<>), typeof(NullLogger<>));
        services.AddHttpForwarder();
        return services.BuildServiceProvider().GetRequiredService<IHttpForwarder>();
    }

    private static string Version() =>
        typeof(ProxyHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    [LoggerMessage(1, LogLevel.Information,
        "Plan for {Lb}: grace {Grace:0.0} s = linger {Linger:0.0} + drain up to {Drain:0.0} (quiet {Quiet:0.0}) + closing {Closing:0.0} + app stop {AppStop:0.0}",
        EventName = "plan")]
    private static partial void LogPlan(
        ILogger log, LoadBalancer lb, double grace, double linger, double quiet, double drain, double closing, double appStop);

    [LoggerMessage(2, LogLevel.Information, "Listening: {Ports}; admin {Admin}", EventName = "listening")]
    private static partial void LogListening(ILogger log, string ports, ListenAddress admin);

    [LoggerMessage(3, LogLevel.Warning, "{Warning}", EventName = "warning")]
    private static partial void LogWarning(ILogger log, string warning);

    [LoggerMessage(4, LogLevel.Error, "Not started: {Reason}", EventName = "not_bound")]
    private static partial void LogNotBound(ILogger log, string reason);
}
