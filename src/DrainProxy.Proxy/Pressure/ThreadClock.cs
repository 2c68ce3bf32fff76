namespace DrainProxy.Proxy.Pressure;

/// <summary>
/// A clock each of whose timers calls back on a thread of its own. A timer of .NET wakes two threads for each call, the timer's and one of the pool, which then looks for more work
/// for a while: 0.4 ms of processor time at 2,000 requests a second (measured, docs/decisions.md), ten times what a reading takes. And a full pool does not make a reading late.
/// For the few timers that fire a hundred times a second.
/// </summary>
internal sealed class ThreadClock(TimeProvider time, string threadName) : TimeProvider
{
    /// <inheritdoc/>
    public override long TimestampFrequency => time.TimestampFrequency;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => time.LocalTimeZone;

    /// <inheritdoc/>
    public override long GetTimestamp() => time.GetTimestamp();

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

    /// <summary>A timer that fires once each time it is set; its thread lives until it is disposed of. The callback must not throw.</summary>
    /// <exception cref="NotSupportedException">A period was given.</exception>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (period != Timeout.InfiniteTimeSpan) throw new NotSupportedException("fires once each time it is set");
        var timer = new ThreadTimer(time, callback, state, threadName);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class ThreadTimer : ITimer
    {
        private const long Never = long.MaxValue;
        private const long Ended = long.MinValue;
        private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);
        private readonly TimeProvider time;
        private readonly TimerCallback callback;
        private readonly object? state;
        private readonly AutoResetEvent changed = new(false);
        private readonly Thread thread;
        private long due = Never;

        public ThreadTimer(TimeProvider time, TimerCallback callback, object? state, string name)
        {
            (this.time, this.callback, this.state) = (time, callback, state);
            thread = new(Run, maxStackSize: 512 * 1024) { IsBackground = true, Name = name };
            thread.UnsafeStart();
        }

        /// <summary>Takes no lock. From its own callback it costs no wake-up.</summary>
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            if (period != Timeout.InfiniteTimeSpan) throw new NotSupportedException("fires once each time it is set");
            var next = dueTime == Timeout.InfiniteTimeSpan ? Never : time.GetTimestamp() + (long)(dueTime.TotalSeconds * time.TimestampFrequency);
            long before;
            do
            {
                before = Volatile.Read(ref due);
                if (before == Ended) return false;
            }
            while (Interlocked.CompareExchange(ref due, next, before) != before);
            if (next < before && Thread.CurrentThread != thread) changed.Set();
            return true;
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref due, Ended) != Ended) changed.Set();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Run()
        {
            while (Volatile.Read(ref due) is var at and not Ended)
            {
                if (Pause(at) is { } pause) changed.WaitOne(pause);
                // Unless it was set anew meanwhile.
                else if (Interlocked.CompareExchange(ref due, Never, at) == at) callback(state);
            }
        }

        /// <summary>Null when it is due. Whole milliseconds, upwards: the event knows no less, and would be asked again and again for the rest.</summary>
        private TimeSpan? Pause(long at)
        {
            if (at == Never) return Timeout.InfiniteTimeSpan;
            var left = at - time.GetTimestamp();
            if (left <= 0) return null;
            var pause = TimeSpan.FromMilliseconds(Math.Ceiling(left * 1000.0 / time.TimestampFrequency));
            return pause < LongestWait ? pause : LongestWait;
        }
    }
}
