using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DrainProxy.Demo.Pods;

/// <summary>
/// One process of the demo: this same executable with another command. Its output is read all the time and the last lines are kept for the error
/// message; disposing kills it, by its own id, when it is still there.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private const int KeptLines = 12;
    private const int SigTerm = 15;
    private readonly Process _process;
    private readonly Lock _lock = new();
    private readonly Queue<string> _lastLines = new();
    private readonly TaskCompletionSource<string> _firstLine = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;

    private ChildProcess(string name, Process process)
    {
        Name = name;
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput, isOutput: true), ReadAsync(process.StandardError, isOutput: false));
        Exited = WaitAsync();
    }

    public string Name { get; }

    public int Id => _process.Id;

    /// <summary>The exit code, once it is gone and its output has been read.</summary>
    public Task<int> Exited { get; }

    /// <summary>The first line on standard output; fails when the process ends without one.</summary>
    public Task<string> FirstLine => _firstLine.Task;

    public string LastLines
    {
        get
        {
            lock (_lock)
                return string.Join('\n', _lastLines.Select(line => "  | " + line));
        }
    }

    public static ChildProcess Start(string name, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(SelfPath()) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(start.FileName).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "drainproxy.dll"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);

        // The demo's settings are its own: what the user has set for a real sidecar must not reach these.
        foreach (var variable in start.Environment.Keys.Where(key => key.StartsWith("DRAINPROXY_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(variable);
        try
        {
            return new ChildProcess(name, Process.Start(start) ?? throw new DemoFailedException($"{name} did not start"));
        }
        catch (Win32Exception e)
        {
            throw new DemoFailedException($"{name} did not start: {e.Message}");
        }
    }

    /// <summary>Writes a line to its standard input; a process that is gone reads no more.</summary>
    public async Task TellAsync(string line)
    {
        try
        {
            await _process.StandardInput.WriteLineAsync(line);
            await _process.StandardInput.FlushAsync();
        }
        catch (IOException)
        {
            // Whoever waits for the process learns of its end.
        }
    }

    /// <summary>Sends SIGTERM, as the kubelet does; harmless when the process is gone.</summary>
    public void Terminate()
    {
        if (!Exited.IsCompleted && !_process.HasExited)
            _ = NativeKill(_process.Id, SigTerm);
    }

    public DemoFailedException Failure(string what) => new($"{Name} {what}{(LastLines is { Length: > 0 } lines ? $"; its last lines:\n{lines}" : "")}");

    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // Already gone.
        }

        await Exited;
        _process.Dispose();
    }

    private static string SelfPath() => Environment.ProcessPath ?? throw new DemoFailedException("the path of this executable is unknown");

    private async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync();
        await _reading;
        _firstLine.TrySetException(Failure($"ended with exit code {_process.ExitCode}"));
        _ = _firstLine.Task.Exception;
        return _process.ExitCode;
    }

    private async Task ReadAsync(StreamReader reader, bool isOutput)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_lock)
            {
                _lastLines.Enqueue(line);
                if (_lastLines.Count > KeptLines)
                    _lastLines.Dequeue();
            }

            if (isOutput)
                _firstLine.TrySetResult(line);
        }
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int NativeKill(int pid, int signal);
}
