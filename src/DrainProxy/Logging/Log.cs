using DrainProxy.Proxy.Settings;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Extensions.Logging;
using Serilog.Formatting;

namespace DrainProxy.Logging;

/// <summary>Sets logging up: one line per event on standard output, never at the price of a request.</summary>
internal static class Log
{
    /// <summary>The factory owns the output: disposing of it writes out what is waiting, within a bounded time.</summary>
    public static ILoggerFactory Create(ProxySettings settings) =>
        Create(settings, Formatter(settings.LogFormat, Console.IsOutputRedirected), Console.OpenStandardOutput());

    internal static ILoggerFactory Create(ProxySettings settings, ITextFormatter formatter, Stream output)
    {
        var sink = new LineSink(formatter, output);
        var logger = new LoggerConfiguration()
            .MinimumLevel.Is(Level(settings.LogLevel))
            // The framework's chatter: per-request lines at Information, per-connection ones at Debug.
            .MinimumLevel.Override("Microsoft", Framework(settings.LogLevel))
            .MinimumLevel.Override("System", Framework(settings.LogLevel))
            .MinimumLevel.Override("Yarp", Framework(settings.LogLevel))
            .Filter.ByExcluding(IsSaidElsewhere)
            .WriteTo.Sink(sink)
            .CreateLogger();
        return new SerilogLoggerFactory(logger, dispose: true);
    }

    /// <summary>
    /// Kestrel calls it critical, ten lines with a stack each, when one client resets its streams faster than they can be cleared away. The connection is
    /// ended and counted as any that floods us; who attacks must not fill the log (aspnetcore issue 53377).
    /// </summary>
    private static bool IsSaidElsewhere(LogEvent line) => EventFields.EventName(line) == "Http2QueueOperationsExceeded";

    internal static ITextFormatter Formatter(LogForm form, bool redirected) => form switch
    {
        LogForm.Json => new JsonLineFormatter(),
        LogForm.Text => new TextLineFormatter(),
        _ => redirected ? new JsonLineFormatter() : new TextLineFormatter(),
    };

    private static LogEventLevel Level(LogVerbosity verbosity) => verbosity switch
    {
        LogVerbosity.Debug => LogEventLevel.Debug,
        LogVerbosity.Info => LogEventLevel.Information,
        LogVerbosity.Warning => LogEventLevel.Warning,
        _ => LogEventLevel.Error,
    };

    private static LogEventLevel Framework(LogVerbosity verbosity) => verbosity switch
    {
        LogVerbosity.Debug => LogEventLevel.Information,
        LogVerbosity.Error => LogEventLevel.Error,
        _ => LogEventLevel.Warning,
    };
}
