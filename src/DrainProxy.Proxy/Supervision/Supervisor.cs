using System.ComponentModel;
using System.Globalization;
using System.Threading.Channels;
using DrainProxy.Decisions.Supervising;
using DrainProxy.Proxy.Settings;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Supervision;

/// <summary>What is supervised, and how.</summary>
/// <param name="Command">The program, found by the PATH, and its arguments.</param>
/// <param name="PortVariable">Environment variable that tells the app its port.</param>
/// <param name="Address">Where the app listens; null: a free port each time, so that two sides can run at once.</param>
/// <param name="HealthPath">Path by which it is seen to be up; null: a TCP connect.</param>
/// <param name="AppStop">From SIGTERM to SIGKILL.</param>
/// <param name="DrainLimit">How long requests under way to an old side may take before it is stopped all the same.</param>
/// <param name="Watch">Files whose change replaces the app.</param>
internal sealed record SupervisedApp(
    IReadOnlyList<string> Command, string PortVariable, AppAddress? Address, string? HealthPath, TimeSpan AppStop, TimeSpan DrainLimit, IReadOnlyList<PathGlob> Watch);

/// <summary>
/// Starts the app, keeps it running, replaces it. What follows on what is decided by <see cref="SupervisorMachine"/>; here one loop takes
/// the events one by one and does what each step asks for.
/// </summary>
internal sealed partial class Supervisor(SupervisedApp app, AppSwitch data, Children children, AppOutput output, TimeProvider time, ILogger log)
    : IDisposable
{
    /// <summary>What a process that ended by itself left behind gets this long to end, too; its port is wanted.</summary>
    private static readonly TimeSpan LeftBehind = TimeSpan.FromSeconds(1);

    private readonly Channel<Message> messages = Channel.CreateUnbounded<Message>(new() { SingleReader = true });
    private readonly CancellationTokenSource ending = new();
    private readonly Lock gate = new();
    private readonly List<AppProcess> alive = [];
    private readonly List<TaskCompletionSource> settled = [];
    private AppState state = SupervisorMachine.Initial(app.Address is null);
    private AppAddress? address = app.Address;
    private AppProcess? current;
    private AppProcess? candidate;
    private AppProcess? leaving;
    private BackOff backOff;
    private long? servingSince;
    private CancellationTokenSource? pausing;
    private Task running = Task.CompletedTask;

    private sealed record Message(AppEvent Event, AppProcess? From = null, AppAddress? At = null);

    /// <summary>The process that serves; 0 while none does.</summary>
    public int ProcessId => current?.Id ?? 0;

    /// <summary>Starts the app and the supervision of it.</summary>
    /// <exception cref="Win32Exception">The command cannot be started.</exception>
    public void Start()
    {
        current = Launch();
        running = Run();
        if (app.Watch.Count == 0) return;
        var watch = new FileWatch(app.Watch, time);
        watch.TooManyFolders += () => LogTooManyFolders(log, FileWatch.MostFolders);
        _ = Task.Run(() => watch.Run(Replace, ending.Token));
    }

    /// <summary>Asks for a replacement, as a changed file does.</summary>
    public void Replace() => messages.Writer.TryWrite(new(AppEvent.Changed));

    /// <summary>Replaces the app and waits until the new process serves alone, or until it is known that it does not.</summary>
    /// <returns>Whether another process serves now.</returns>
    public async Task<bool> Replaced()
    {
        var before = current;
        var waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate) settled.Add(waits);
        Replace();
        await waits.Task;
        return current is { } now && now != before;
    }

    /// <summary>SIGTERM to all processes, SIGKILL to those left after app-stop; returns when none is left. Calls after the first wait with it.</summary>
    public async Task Stop()
    {
        messages.Writer.TryWrite(new(AppEvent.Stop));
        await running;
    }

    /// <summary>SIGKILL to all processes at once, for good.</summary>
    public void Kill()
    {
        // Told first, so that nobody starts the app again.
        messages.Writer.TryWrite(new(AppEvent.Stop));
        List<AppProcess> all;
        lock (gate) all = [.. alive];
        foreach (var process in all)
        {
            process.Kill();
            _ = process.Stop(TimeSpan.Zero);
        }
    }

    public void Dispose()
    {
        ending.Dispose();
        pausing?.Dispose();
    }

    private async Task Run()
    {
        await foreach (var message in messages.Reader.ReadAllAsync())
        {
            if (EventOf(message) is not { } appEvent) continue;
            var before = state;
            state = SupervisorMachine.Next(before, appEvent);
            if (before.Phase != state.Phase) LogPhase(log, before.Phase, state.Phase, appEvent);
            await Act(before.Phase, appEvent, message);
            if (before.Phase != state.Phase && state.Phase is AppPhase.Healthy or >= AppPhase.Stopping) Settle();
            if (state.Phase == AppPhase.Stopped) return;
        }
    }

    /// <summary>What a message means now; null when it is of a process that no longer counts.</summary>
    private AppEvent? EventOf(Message message) => message.Event switch
    {
        AppEvent.Exited when message.From == candidate && state.Phase == AppPhase.Replacing => AppEvent.NewExited,
        AppEvent.Exited => message.From == current && message.From != leaving ? AppEvent.Exited : null,
        AppEvent.Answered => message.From == (state.Phase == AppPhase.Replacing ? candidate : current) && message.From != leaving ? AppEvent.Answered : null,
        AppEvent.OldGone => message.From == leaving ? AppEvent.OldGone : null,
        _ => message.Event,
    };

    private async Task Act(AppPhase before, AppEvent appEvent, Message message)
    {
        switch (before, state.Phase)
        {
            case (AppPhase.Starting, AppPhase.Healthy):
                Follow(message.At!);
                data.Lead(message.At!);
                servingSince = time.GetTimestamp();
                break;
            case (AppPhase.Replacing, AppPhase.Retiring):
                (leaving, current, candidate) = (current, candidate, null);
                servingSince = time.GetTimestamp();
                _ = Retire(leaving!, data.Lead(message.At!));
                break;
            case (AppPhase.Replacing, AppPhase.Healthy):
                // None when it could not even be started, which has been said.
                if (candidate is not null) LogNewSideEnded(log, await candidate.Exited);
                if (candidate is not null) _ = Clear(candidate);
                candidate = null;
                break;
            case (AppPhase.Replacing, AppPhase.Starting):
                LeaveBehind();
                (current, candidate) = (candidate, null);
                break;
            case (_, AppPhase.BackingOff) when before != AppPhase.BackingOff:
                await BackOffNow();
                break;
            case (AppPhase.BackingOff or AppPhase.Restarting, AppPhase.Starting):
                pausing?.Cancel();
                leaving = null;
                current = TryLaunch();
                break;
            case (AppPhase.Healthy or AppPhase.Retiring, AppPhase.Replacing):
                leaving = null;
                candidate = TryLaunch();
                break;
            case (AppPhase.Retiring, AppPhase.Healthy):
                leaving = null;
                break;
            case (AppPhase.Replacing, AppPhase.Replacing) when appEvent == AppEvent.Changed:
                Drop(candidate);
                candidate = TryLaunch();
                break;
            case (AppPhase.Healthy or AppPhase.Starting, AppPhase.Restarting):
                data.Hold();
                leaving = current;
                _ = Retire(current!, data.Detach());
                break;
            case (_, AppPhase.Stopping) when before != AppPhase.Stopping:
                await ending.CancelAsync();
                _ = StopAll();
                break;
        }
    }

    /// <summary>From now on the app is looked for where it was found, and never run twice, if that is not where it was told.</summary>
    private void Follow(AppAddress found)
    {
        if (found == current!.Address) return;
        address = found;
        state = state with { SideBySide = false };
        LogElsewhere(log, found, app.PortVariable, current.Address.Port);
    }

    private async Task BackOffNow()
    {
        var ended = current;
        var served = servingSince is { } since ? time.GetElapsedTime(since) : TimeSpan.Zero;
        servingSince = null;
        backOff = backOff.AfterExit(served);
        var pause = backOff.Pause(Random.Shared.NextDouble());
        LeaveBehind();
        current = null;
        if (ended is not null) LogEnded(log, await ended.Exited, time.GetElapsedTime(ended.StartedAt).TotalSeconds, backOff.Exits, pause.TotalSeconds);
        pausing = CancellationTokenSource.CreateLinkedTokenSource(ending.Token);
        _ = PauseThenTell(pause, ended, pausing.Token);
    }

    /// <summary>The serving process is no more: requests wait, and what it started goes, too.</summary>
    private void LeaveBehind()
    {
        data.Hold();
        _ = data.SeeOff(data.Detach(), app.DrainLimit);
        if (current is not null) _ = Clear(current);
    }

    private async Task PauseThenTell(TimeSpan pause, AppProcess? ended, CancellationToken stop)
    {
        try
        {
            await Task.Delay(pause, time, stop);
            if (ended is not null) await ended.Stop(LeftBehind);
            messages.Writer.TryWrite(new(AppEvent.PauseOver));
        }
        catch (OperationCanceledException)
        {
            // A change was faster, or the end.
        }
    }

    private async Task Retire(AppProcess old, AppSwitch.Side? side)
    {
        if (!await data.SeeOff(side, app.DrainLimit)) LogNotDrained(log, old.Id, app.DrainLimit.TotalSeconds);
        await old.Stop(app.AppStop);
        side?.Target.Pool.Dispose();
        Forget(old);
        messages.Writer.TryWrite(new(AppEvent.OldGone, old));
    }

    /// <summary>A process that served nobody yet.</summary>
    private void Drop(AppProcess? process)
    {
        if (process is null) return;
        process.Kill();
        _ = Clear(process);
    }

    private async Task Clear(AppProcess process)
    {
        await process.Stop(LeftBehind);
        Forget(process);
    }

    private async Task StopAll()
    {
        List<AppProcess> all;
        lock (gate) all = [.. alive];
        await Task.WhenAll(all.Select(p => p.Stop(app.AppStop)));
        messages.Writer.TryWrite(new(AppEvent.AllGone));
    }

    private AppProcess? TryLaunch()
    {
        try
        {
            return Launch();
        }
        catch (Win32Exception e)
        {
            LogNotStarted(log, app.Command[0], e.Message);
            messages.Writer.TryWrite(new(AppEvent.Exited));
            return null;
        }
    }

    private AppProcess Launch()
    {
        var at = address ?? AppStart.FreshAddress();
        var environment = new Dictionary<string, string> { [app.PortVariable] = at.Port.ToString(CultureInfo.InvariantCulture) };
        var process = AppProcess.Start(app.Command, environment, at, children, output, time);
        lock (gate) alive.Add(process);
        LogStarted(log, string.Join(' ', app.Command), process.Id, app.PortVariable, at.Port);
        _ = TellExit(process);
        _ = TellAnswer(process);
        return process;
    }

    private async Task TellExit(AppProcess process)
    {
        await process.Exited;
        messages.Writer.TryWrite(new(AppEvent.Exited, process));
    }

    private async Task TellAnswer(AppProcess process)
    {
        if (await AppStart.Answers(process, app.HealthPath, address is null, time, ending.Token) is { } at)
            messages.Writer.TryWrite(new(AppEvent.Answered, process, at));
    }

    private void Settle()
    {
        lock (gate)
        {
            foreach (var waits in settled) waits.TrySetResult();
            settled.Clear();
        }
    }

    private void Forget(AppProcess process)
    {
        lock (gate) alive.Remove(process);
    }

    [LoggerMessage(230, LogLevel.Information, "App started: {Command} (process {Id}, {Variable}={Port})", EventName = "app_started")]
    private static partial void LogStarted(ILogger log, string command, int id, string variable, int port);

    [LoggerMessage(231, LogLevel.Warning, "App ended with exit code {Code} after {Seconds:0.0} s, {Exits} in a row; started again in {Pause:0.0} s, requests are held meanwhile",
        EventName = "app_ended")]
    private static partial void LogEnded(ILogger log, int code, double seconds, int exits, double pause);

    [LoggerMessage(232, LogLevel.Warning, "The new side of the app ended with exit code {Code} before it answered; the old one goes on serving. An app that cannot run twice: name its address with --app",
        EventName = "app_new_side_ended")]
    private static partial void LogNewSideEnded(ILogger log, int code);

    [LoggerMessage(233, LogLevel.Warning, "App listens at {Address}, not where {Variable}={Port} says: it cannot run twice and is stopped before it is started again",
        EventName = "app_elsewhere")]
    private static partial void LogElsewhere(ILogger log, AppAddress address, string variable, int port);

    [LoggerMessage(234, LogLevel.Error, "App not started: {Command}: {Reason}", EventName = "app_not_started")]
    private static partial void LogNotStarted(ILogger log, string command, string reason);

    [LoggerMessage(235, LogLevel.Warning, "Requests are still under way to the old side of the app (process {Id}) after {Seconds:0.0} s: it is stopped", EventName = "app_not_drained")]
    private static partial void LogNotDrained(ILogger log, int id, double seconds);

    [LoggerMessage(236, LogLevel.Warning, "Only {Folders} folders are watched: name narrower patterns with --watch", EventName = "watch_bound")]
    private static partial void LogTooManyFolders(ILogger log, int folders);

    [LoggerMessage(237, LogLevel.Information, "App {Before} -> {After} because of {Reason}", EventName = "app_phase")]
    private static partial void LogPhase(ILogger log, AppPhase before, AppPhase after, AppEvent reason);
}
