using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Supervision;

/// <summary>One process of the app with all that it started: a process group, its output, and its end.</summary>
internal sealed class AppProcess
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);

    /// <summary>How long the last lines may take once nobody writes any more.</summary>
    private static readonly TimeSpan LastLines = TimeSpan.FromSeconds(1);

    private readonly TimeProvider time;
    private readonly Task forwarding;
    private readonly TaskCompletionSource killed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private Task? stopping;

    private AppProcess(int id, Task<int> exited, AppAddress address, Task forwarding, TimeProvider time)
    {
        (Id, Exited, Address, this.forwarding, this.time) = (id, exited, address, forwarding, time);
        StartedAt = time.GetTimestamp();
    }

    /// <summary>Process id of the first process and id of its group.</summary>
    public int Id { get; }

    /// <summary>The first process's exit code.</summary>
    public Task<int> Exited { get; }

    /// <summary>Where it was told to listen.</summary>
    public AppAddress Address { get; }

    public long StartedAt { get; }

    /// <exception cref="System.ComponentModel.Win32Exception">It cannot be started.</exception>
    public static AppProcess Start(
        IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, AppAddress address, Children children, AppOutput output, TimeProvider time)
    {
        var id = 0;
        Task? forwarding = null;
        var exited = children.Start(() =>
        {
            var started = PosixProcess.Start(command, environment);
            forwarding = output.Forward(started.Output, started.Error);
            return id = started.Id;
        });
        return new(id, exited, address, forwarding!, time);
    }

    /// <summary>SIGTERM to the whole group, once; SIGKILL to what is left of it when the time is over. Returns when none is left.</summary>
    public Task Stop(TimeSpan longest)
    {
        lock (gate) return stopping ??= StopOnce(longest);
    }

    /// <summary>SIGKILL to the whole group at once; <see cref="Stop"/> tells when it is gone.</summary>
    public void Kill() => killed.TrySetResult();

    private async Task StopOnce(TimeSpan longest)
    {
        var left = PosixProcess.SignalGroup(Id, killed.Task.IsCompleted ? PosixProcess.Sigkill : PosixProcess.Sigterm);
        var since = time.GetTimestamp();
        while (left && !killed.Task.IsCompleted && time.GetElapsedTime(since) < longest)
        {
            await Task.WhenAny(killed.Task, Task.Delay(Look, time));
            left = PosixProcess.SignalGroup(Id, 0);
        }

        if (left) PosixProcess.SignalGroup(Id, PosixProcess.Sigkill);
        await Exited;
        try
        {
            // A process that left the group may keep the pipe open for ever.
            await forwarding.WaitAsync(LastLines, time);
        }
        catch (TimeoutException)
        {
            // What it still prints is passed on by the thread that goes on reading.
        }
    }
}
