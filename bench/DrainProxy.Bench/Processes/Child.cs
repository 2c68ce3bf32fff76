using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DrainProxy.Bench.Processes;

/// <summary>A process that the bench started. Its last lines are kept, for the case that it never gets ready.</summary>
internal sealed partial class Child : IDisposable
{
    private const int KeptLines = 30;
    private const int SigTerm = 15;
    private static readonly string[] ForeignPrefixes = ["DOTNET_", "COMPlus_", "ASPNETCORE_", "MSBUILD", "DRAINPROXY_", "GOMAXPROCS", "NODE_"];

    private readonly Process process;
    private readonly Queue<string> lines = new();
    private readonly bool stopAtOnce;

    private Child(Process process, bool stopAtOnce)
    {
        this.process = process;
        this.stopAtOnce = stopAtOnce;
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => process.Id;

    public bool Exited => process.HasExited;

    public string LastLines
    {
        get
        {
            lock (lines)
            {
                return string.Join(Environment.NewLine, lines);
            }
        }
    }

    public static Child Start(Launch launch) => new(Process.Start(StartInfo(launch)) ?? throw new InvalidOperationException(launch.File), launch.StopAtOnce);

    /// <summary>Runs a command to its end and returns what it printed; null when it is missing, fails or takes longer than the limit.</summary>
    public static async Task<string?> Capture(TimeSpan limit, Launch launch)
    {
        Process? process;
        try
        {
            process = Process.Start(StartInfo(launch));
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }

        using (process)
        {
            using var timeout = new CancellationTokenSource(limit, TimeProvider.System);
            try
            {
                var output = process!.StandardOutput.ReadToEndAsync(timeout.Token);
                var error = process.StandardError.ReadToEndAsync(timeout.Token);
                await process.WaitForExitAsync(timeout.Token);
                return process.ExitCode == 0 ? await output + await error : null;
            }
            catch (OperationCanceledException)
            {
                process!.Kill(entireProcessTree: true);
                return null;
            }
        }
    }

    /// <summary>SIGTERM first, so that a master takes its workers along; what stays is killed with its children.</summary>
    public void Dispose()
    {
        if (!process.HasExited)
        {
            if (stopAtOnce || Kill(process.Id, SigTerm) != 0 || !process.WaitForExit(TimeSpan.FromSeconds(2)))
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit(TimeSpan.FromSeconds(5));
            }
        }

        process.Dispose();
    }

    /// <summary>What configures one runtime must not leak from the shell, or from `dotnet run`, into the peers.</summary>
    private static ProcessStartInfo StartInfo(Launch launch)
    {
        var info = new ProcessStartInfo(launch.File, launch.Arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in info.Environment.Keys.Where(name => ForeignPrefixes.Any(name.StartsWith) && name != "DOTNET_ROOT").ToArray())
        {
            info.Environment.Remove(name);
        }

        foreach (var (name, value) in launch.Environment)
        {
            info.Environment[name] = value;
        }

        return info;
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null)
        {
            return;
        }

        lock (lines)
        {
            lines.Enqueue(line.Data);
            if (lines.Count > KeptLines)
            {
                lines.Dequeue();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}

/// <summary>A command ready to be started.</summary>
internal sealed record Launch(string File, params string[] Arguments)
{
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>For programs that take their time to drain on SIGTERM: the bench has nothing to drain.</summary>
    public bool StopAtOnce { get; init; }

    public Launch On(string? processors) => processors is null ? this : this with { File = "taskset", Arguments = ["-c", processors, File, .. Arguments] };

    public Launch With(string name, string value) => this with { Environment = new Dictionary<string, string>(Environment) { [name] = value } };
}
