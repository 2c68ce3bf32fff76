namespace DrainProxy.Proxy.Telemetry;

/// <summary>
/// Remembers when each scraper came last, so that a peak is the highest value since *its own* last scrape. A scraper is told apart by its
/// connection (Prometheus keeps one open); who comes for the first time gets the highest value of the last <see cref="Window"/>.
/// Two scrapers thus never take a peak from each other; at worst a peak is reported once more than it had to be.
/// </summary>
internal sealed class ScrapeMemory(TimeProvider time)
{
    /// <summary>Prometheus scrapes every minute unless told otherwise, and a bit later when it is busy.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(75);

    /// <summary>Scrapers beyond this many push out the one that came longest ago, which then counts as new.</summary>
    public const int Capacity = 32;

    private readonly Dictionary<string, long> lastScrapes = new(StringComparer.Ordinal);
    private (long Now, long Since)? current;

    /// <summary>One scrape at a time, whichever exporter does it.</summary>
    public Lock Turn { get; } = new();

    /// <summary>
    /// What is asked for, and the oldest moment any known scraper may still ask for. Outside Begin and End the reader is not our exporter and
    /// counts as new.
    /// </summary>
    public (long Now, long Since, long Oldest) Current
    {
        get
        {
            lock (lastScrapes)
            {
                var (now, since) = current ?? Stranger(time.GetTimestamp());
                // A newcomer may come at any time: the whole window is kept, however young the known scrapers' last visits are.
                var oldest = Math.Min(since, Stranger(now).Since);
                foreach (var last in lastScrapes.Values) oldest = Math.Min(oldest, last);
                return (now, since, oldest);
            }
        }
    }

    public void Begin(string? scraper)
    {
        lock (lastScrapes)
        {
            var now = time.GetTimestamp();
            current = scraper is not null && lastScrapes.TryGetValue(scraper, out var last) ? (now, last) : Stranger(now);
            if (scraper is null) return;
            lastScrapes[scraper] = now;
            if (lastScrapes.Count > Capacity) lastScrapes.Remove(lastScrapes.MinBy(s => s.Value).Key);
        }
    }

    public void End()
    {
        lock (lastScrapes) current = null;
    }

    private (long Now, long Since) Stranger(long now) => (now, now - (long)(Window.TotalSeconds * time.TimestampFrequency));
}

/// <summary>
/// The highest value of a gauge since a moment in the past. The hot path keeps one highest value (ProxyCounters); each scrape takes it and
/// notes it here with the time, and the notes answer for any scraper. No timer, nothing per request.
/// </summary>
internal sealed class RecentPeak(Func<long> take, ScrapeMemory scrapes)
{
    private const int Capacity = 64;

    /// <summary>Oldest first, values strictly falling: an older, lower note can be the answer to no question.</summary>
    private readonly List<(long End, long Value)> notes = [];

    public long Read()
    {
        lock (notes)
        {
            var (now, since, oldest) = scrapes.Current;
            var value = take();
            while (notes.Count > 0 && notes[^1].Value <= value) notes.RemoveAt(notes.Count - 1);
            notes.Add((now, value));
            while (notes[0].End <= oldest && notes.Count > 1) notes.RemoveAt(0);
            if (notes.Count > Capacity) MergeOldest();
            foreach (var note in notes)
                if (note.End > since) return note.Value;
            return value;
        }
    }

    /// <summary>The higher value for both periods: when in doubt a peak is told once too often.</summary>
    private void MergeOldest()
    {
        notes[1] = (notes[1].End, notes[0].Value);
        notes.RemoveAt(0);
    }
}

/// <summary>The lowest value of a gauge since a moment in the past, in the same way. <see cref="long.MaxValue"/> stands for none.</summary>
internal sealed class RecentLow(Func<long> take, ScrapeMemory scrapes)
{
    private readonly RecentPeak mirrored = new(() => -take(), scrapes);

    public long Read() => -mirrored.Read();
}
