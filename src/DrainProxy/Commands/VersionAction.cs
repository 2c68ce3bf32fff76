using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;

namespace DrainProxy.Commands;

/// <summary>`--version`: name, version and commit on one line.</summary>
internal sealed class VersionAction : SynchronousCommandLineAction
{
    public static string Version =>
        typeof(VersionAction).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public override int Invoke(ParseResult parseResult)
    {
        parseResult.InvocationConfiguration.Output.WriteLine($"drainproxy {Version}");
        return ExitCodes.Ok;
    }
}
