using System.Runtime.InteropServices;

namespace DrainProxy.Proxy.Supervision;

/// <summary>
/// Knows of every child when it ends. As PID 1 it also takes in what others left behind: an orphan that ends stays a zombie until its new
/// parent has asked for it.
/// </summary>
internal sealed class Children : IDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<int, TaskCompletionSource<int>> waiting = [];
    private readonly PosixSignalRegistration registration;
    private readonly bool takesAll = Environment.ProcessId == 1;

#pragma warning disable CA1416 // Supervision is for Linux, as all of this folder is.
    public Children() => registration = PosixSignalRegistration.Create(PosixSignal.SIGCHLD, _ => Reap());
#pragma warning restore CA1416

    /// <summary>Starts a child; its exit code (128 + signal when one ended it) comes with the task.</summary>
    /// <param name="start">Starts it and returns its id.</param>
    public Task<int> Start(Func<int> start)
    {
        // Under the lock: one that ends at once is looked for only when it is known.
        lock (gate)
        {
            var exited = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting.Add(start(), exited);
            return exited.Task;
        }
    }

    public void Dispose() => registration.Dispose();

    // Signals of a kind merge into one: all that have ended are taken, however many that are.
    private void Reap()
    {
        lock (gate)
        {
            foreach (var known in waiting.Keys.ToList())
            {
                var id = known;
                if (PosixProcess.Reap(ref id) is { } code && waiting.Remove(known, out var exited)) exited.SetResult(code);
            }

            // Only then the orphans: who is known is asked for by name.
            for (var any = -1; takesAll && PosixProcess.Reap(ref any) is not null; any = -1)
            {
            }
        }
    }
}
