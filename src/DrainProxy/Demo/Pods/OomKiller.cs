using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Demo.Pods;

/// <summary>
/// The kernel's part, played by the demo: real limits are those of memory cgroups, which only root may make. It reads what one process has resident,
/// two hundred times a second, and says when that is over the limit; the process is then killed by SIGKILL, as the OOM killer does.
/// </summary>
/// <param name="limit">In bytes of anonymous and shared memory, which is what the OOM killer counts of a process.</param>
/// <param name="killed">Told how many bytes it was.</param>
/// <param name="time">Clock of the pauses.</param>
internal sealed class OomKiller(long limit, Action<long> killed, TimeProvider time)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(5);

    /// <summary>Waits until the process takes more than its limit. A process that is gone takes nothing.</summary>
    /// <exception cref="OperationCanceledException">Nobody wants to know any more.</exception>
    public async Task WaitAsync(int process, CancellationToken cancel)
    {
        while (true)
        {
            if (BytesOf(process) is var bytes && bytes > limit)
            {
                killed(bytes);
                return;
            }

            await Task.Delay(LookEvery, time, cancel);
        }
    }

    private static long BytesOf(int process)
    {
        try
        {
            var reading = ProcessText.Status(File.ReadAllBytes($"/proc/{process}/status"));
            return reading.AnonBytes + reading.SharedBytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
