using DrainProxy.Proxy.Settings;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Admission;

/// <summary>
/// Knows whether the app answers: by looking while it is down (often) and while it is up (seldom), and by what the data path reports.
/// Requests wait in <see cref="Waiting"/>.
/// </summary>
internal sealed partial class AppMonitor : IDisposable
{
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestLook = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LookWhileUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LookLimit = TimeSpan.FromSeconds(2);
    private readonly Lock gate = new();
    private TaskCompletionSource wake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string? healthPath;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private volatile bool isUp;
    private AppAddress app;
    private bool suspended;
    private bool untouched;

    public AppMonitor(AppAddress address, string? healthPath, TimeProvider time, ILogger log)
    {
        (app, this.healthPath, this.time, this.log) = (address, healthPath, time, log);
        Waiting = new(time);
        Breaker = new(Waiting, time, log);
    }

    /// <summary>The last time that the app came up, it had only been kept from requests for a while: it is the one from before.</summary>
    public bool IsSameAsBefore { get; private set; }

    /// <summary>Raised with the new state, outside the lock.</summary>
    public event Action<bool>? Changed;

    /// <summary>Raised before the first request may go to an app that answers again: what is decided by its memory needs a reading of it.</summary>
    public event Action? Answers;

    public bool IsUp => isUp;

    /// <summary>The requests that wait for the app to answer.</summary>
    public HoldQueue Waiting { get; }

    /// <summary>Whether requests may go to the app.</summary>
    public AppBreaker Breaker { get; }

    /// <summary>The data path could not connect.</summary>
    public void ReportDown() => Set(false);

    /// <summary>The data path wants to know whether the app is still there: the next look comes soon.</summary>
    public void Doubt()
    {
        lock (gate) wake.TrySetResult();
    }

    /// <summary>Requests wait from now on, whatever the app says, until <see cref="Watch"/> names the one to look at.</summary>
    public void Suspend()
    {
        lock (gate) suspended = true;
        Set(false);
        // Before anybody counts who is still under way: see Exchange.TryTakeTarget.
        Interlocked.MemoryBarrier();
    }

    /// <summary>After <see cref="Suspend"/>: what is seen at the same address counts again, from the next look on.</summary>
    /// <param name="same">Nothing was done to the app.</param>
    public void Resume(bool same = false)
    {
        lock (gate) (suspended, untouched) = (false, same);
    }

    /// <summary>Looks at this address from now on; its app has just been seen to answer.</summary>
    public void Watch(AppAddress next)
    {
        lock (gate) (app, suspended) = (next, false);
        Set(true);
    }

    public async Task Run(CancellationToken stop)
    {
        var pause = FirstLook;
        while (!stop.IsCancellationRequested)
        {
            var (looked, wait) = Subject();
            lock (gate)
            {
                if (wake.Task.IsCompleted) wake = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            var answers = !wait && await AppProbe.Answers(looked, healthPath, LookLimit, time, stop);
            if (stop.IsCancellationRequested) return;
            // What was seen of an app that has been replaced meanwhile is no news.
            if (Subject() == (looked, false)) Set(answers);
            pause = answers ? FirstLook : pause * 2 < LongestLook ? pause * 2 : LongestLook;
            Task next;
            lock (gate) next = answers ? wake.Task : Task.Delay(pause, time, stop);
            try
            {
                await next.WaitAsync(answers ? LookWhileUp : LookLimit, time, stop);
                // A doubt: whoever has more of them waits for the same look.
                if (isUp) await Task.Delay(FirstLook, time, stop);
            }
            catch (Exception e) when (e is TimeoutException or OperationCanceledException)
            {
                // Time for the next look, or the end.
            }
        }
    }

    public void Dispose() => Breaker.Dispose();

    private (AppAddress App, bool Suspended) Subject()
    {
        lock (gate) return (app, suspended);
    }

    private void Set(bool answers)
    {
        AppAddress subject;
        if (answers && !isUp) Answers?.Invoke();
        lock (gate)
        {
            if (isUp == answers) return;
            // A word of the data path about an app that is being changed.
            if (answers && suspended) return;
            subject = app;
            isUp = answers;
            if (answers) (IsSameAsBefore, untouched) = (untouched, false);
            else wake.TrySetResult();

            // Inside the lock: told in the other order, the breaker would keep requests from an app that answers.
            if (answers) Breaker.AppAnswers();
            else Breaker.AppGone();
        }

        LogApp(log, subject, answers ? "answers" : "does not answer");
        Changed?.Invoke(answers);
    }

    [LoggerMessage(200, LogLevel.Information, "App {App} {State}", EventName = "app")]
    private static partial void LogApp(ILogger log, AppAddress app, string state);
}
