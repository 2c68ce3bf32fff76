using System.Diagnostics;

namespace DrainProxy.Kubernetes.Tests.Commands;

/// <summary>The built program, run to its end.</summary>
internal sealed record Outcome(int ExitCode, string Output, string Error);

internal static class BuiltProgram
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static Outcome Run(params string[] arguments) => RunWith("", arguments);

    public static Outcome RunWith(string input, params string[] arguments) =>
        Run(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "drainproxy"), arguments) { WorkingDirectory = Source.Root }, input);

    /// <summary>A line of a page, in a shell that finds the program under its name.</summary>
    public static Outcome Shell(string line, string folder)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", line]) { WorkingDirectory = folder };
        start.Environment["PATH"] = AppContext.BaseDirectory + Path.PathSeparator + Environment.GetEnvironmentVariable("PATH");
        return Run(start, "");
    }

    private static Outcome Run(ProcessStartInfo start, string input)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        if (!process.WaitForExit(Limit))
        {
            process.Kill();
            throw new TimeoutException($"{string.Join(' ', start.ArgumentList)} did not end within {Limit}");
        }

        return new(process.ExitCode, output.GetAwaiter().GetResult(), error.GetAwaiter().GetResult());
    }
}
