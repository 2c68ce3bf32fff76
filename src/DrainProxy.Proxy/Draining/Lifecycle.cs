using DrainProxy.Decisions.Draining;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Draining;

/// <summary>
/// The phase as everybody sees it: one state, changed only by <see cref="DrainMachine"/>, read without a lock by the data path.
/// </summary>
internal sealed partial class Lifecycle : IDisposable
{
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly long startedAt;
    private readonly Lock gate = new();
    private readonly CancellationTokenSource cut = new();
    private readonly TaskCompletionSource terminating = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DrainState state;
    private volatile bool isTerminating;
    private volatile bool announcing;
    private volatile Phase phase;

    public Lifecycle(TimeProvider time, ILogger log)
    {
        (this.time, this.log) = (time, log);
        startedAt = time.GetTimestamp();
        StartedAtUtc = time.GetUtcNow();
        state = DrainMachine.Initial(TimeSpan.Zero);
        phase = state.Phase;
    }

    /// <summary>Raised after each change, outside the lock.</summary>
    public event Action<Phase>? PhaseChanged;

    public DateTimeOffset StartedAtUtc { get; }

    /// <summary>Monotonic time since the process started.</summary>
    public TimeSpan Now => time.GetElapsedTime(startedAt);

    public Phase Phase => phase;

    public DrainState State
    {
        get { lock (gate) return state; }
    }

    public bool Terminating => isTerminating;

    /// <summary>Whether answers tell their connection to end. From t0 + announce-delay on.</summary>
    public bool Announcing => announcing;

    /// <summary>Cancelled when the hard deadline has come or a second signal cuts.</summary>
    public CancellationToken Cut => cut.Token;

    public Task TerminationStarted => terminating.Task;

    public Task Drained => drained.Task;

    public void Announce() => announcing = true;

    public void CutNow() => cut.Cancel();

    public TimeSpan Since(long timestamp) => time.GetElapsedTime(startedAt, timestamp);

    /// <summary>Applies an event; false when it changed nothing.</summary>
    public bool Apply(DrainEvent drainEvent, Trigger? trigger = null)
    {
        DrainState before, after;
        lock (gate)
        {
            before = state;
            after = state = DrainMachine.Next(state, drainEvent, trigger, Now);
            phase = after.Phase;
            isTerminating = after.Terminating;
        }

        if (before.Phase == after.Phase) return false;
        LogPhase(log, before.Phase, after.Phase, drainEvent, (after.Since - before.Since).TotalSeconds);
        if (after.Terminating) terminating.TrySetResult();
        PhaseChanged?.Invoke(after.Phase);
        return true;
    }

    /// <summary>Lets `/drain/wait` callers go; called when the last connection is gone.</summary>
    public void ReleaseWaiters() => drained.TrySetResult();

    public void Dispose() => cut.Dispose();

    [LoggerMessage(100, LogLevel.Information, "Phase {Before} -> {After} because of {Reason}, after {Seconds:0.000} s", EventName = "phase")]
    private static partial void LogPhase(ILogger log, Phase before, Phase after, DrainEvent reason, double seconds);
}
