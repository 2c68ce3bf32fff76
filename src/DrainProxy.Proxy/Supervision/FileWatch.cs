using DrainProxy.Decisions.Supervising;

namespace DrainProxy.Proxy.Supervision;

/// <summary>
/// Sees changes of files by looking at their times and sizes: works on network and container volumes too, where inotify is silent, and
/// takes none of its few handles. A change counts once two looks in a row see the same, so that an editor or a build has finished.
/// </summary>
internal sealed class FileWatch(IReadOnlyList<PathGlob> globs, TimeProvider time)
{
    /// <summary>Folders looked into at most: more would cost a noticeable share of a CPU, and is mostly a pattern that is too wide.</summary>
    public const int MostFolders = 1000;

    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Pause for each unit of time that a look took: at most 5 % of a CPU.</summary>
    private const int PauseShare = 20;

    private static readonly EnumerationOptions EveryEntry = new() { AttributesToSkip = 0 };

    private static readonly HashSet<string> Skipped = new(StringComparer.Ordinal) { "node_modules", "__pycache__", "bower_components" };

    /// <summary>Raised once when not all folders can be looked into.</summary>
    public event Action? TooManyFolders;

    /// <summary>Calls <paramref name="changed"/> after each change, until stopped.</summary>
    public async Task Run(Action changed, CancellationToken stop)
    {
        var known = Look();
        var before = known;
        while (!stop.IsCancellationRequested)
        {
            var since = time.GetTimestamp();
            var seen = Look();
            var pause = time.GetElapsedTime(since) * PauseShare;
            if (seen != known && seen == before)
            {
                known = seen;
                changed();
            }

            before = seen;
            try
            {
                await Task.Delay(pause > ShortestPause ? pause : ShortestPause, time, stop);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>One number for names, times and sizes of all that matches, independent of their order.</summary>
    private (int Files, long Sum) Look()
    {
        var folders = 0;
        var files = 0;
        var sum = 0L;
        foreach (var glob in globs)
        {
            if (glob.IsLiteral && File.Exists(glob.Base)) Take(new FileInfo(glob.Base));
            else if (Directory.Exists(glob.Base)) Walk(glob, glob.Base == "." ? "" : glob.Base);
        }

        return (files, sum);

        void Take(FileInfo file)
        {
            files++;
            try
            {
                unchecked { sum += HashCode.Combine(file.FullName, file.LastWriteTimeUtc.Ticks, file.Length) * 2654435761L; }
            }
            catch (IOException)
            {
                // Gone between the list and the look: the next look does not list it.
            }
        }

        void Walk(PathGlob glob, string top)
        {
            var open = new Stack<string>([top]);
            while (open.TryPop(out var folder))
            {
                if (++folders > MostFolders)
                {
                    TooManyFolders?.Invoke();
                    TooManyFolders = null;
                    return;
                }

                try
                {
                    Enter(glob, folder, open);
                }
                catch (IOException)
                {
                    // Gone meanwhile.
                }
            }
        }

        void Enter(PathGlob glob, string folder, Stack<string> open)
        {
            foreach (var entry in new DirectoryInfo(folder.Length == 0 ? "." : folder).EnumerateFileSystemInfos("*", EveryEntry))
            {
                var path = folder.Length == 0 ? entry.Name : folder.EndsWith('/') ? folder + entry.Name : $"{folder}/{entry.Name}";
                if (entry is FileInfo file && glob.Matches(path)) Take(file);
                else if (entry is DirectoryInfo { LinkTarget: null } && !entry.Name.StartsWith('.') && !Skipped.Contains(entry.Name)) open.Push(path);
            }
        }
    }
}
