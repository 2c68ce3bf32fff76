using System.Text;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting;
using Serilog.Parsing;

namespace DrainProxy.Logging;

/// <summary>
/// Takes events without waiting and writes them from one thread of its own. A reader of our standard output that stands still, a closed pipe or a
/// full disk costs log lines, told as a number once writing works again; it never costs a request. Serilog's console sink writes on the
/// caller's thread and under a lock, so one stuck pipe would stop the proxy.
/// </summary>
internal sealed class LineSink : ILogEventSink, IDisposable
{
    private const int MostWaiting = 8192;
    private const int WriteAtOnce = 64 * 1024;
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(1);
    private static readonly MessageTemplate Dropped = new MessageTemplateParser().Parse("{lines} log lines were dropped, since standard output did not take them");

    private readonly Lock gate = new();
    private readonly ITextFormatter formatter;
    private readonly Stream output;
    private readonly TimeProvider time;
    private readonly Thread writer;
    private readonly SemaphoreSlim signal = new(0, 1);
    private readonly TaskCompletionSource finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private List<LogEvent> waiting = [];
    private long dropped;
    private bool closed;

    public LineSink(ITextFormatter formatter, Stream output, TimeProvider? time = null)
    {
        this.formatter = formatter;
        this.output = output;
        this.time = time ?? TimeProvider.System;
        writer = new(Write, maxStackSize: 256 * 1024) { IsBackground = true, Name = "log" };
        writer.Start();
    }

    public void Emit(LogEvent logEvent)
    {
        lock (gate)
        {
            if (closed)
                return;
            if (waiting.Count >= MostWaiting)
            {
                dropped++;
                return;
            }

            waiting.Add(logEvent);
            if (signal.CurrentCount == 0)
                signal.Release();
        }
    }

    /// <summary>Waits a second for what is waiting; a pipe that nobody reads keeps no process from ending.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (closed)
                return;
            closed = true;
            if (signal.CurrentCount == 0)
                signal.Release();
        }

        finished.Task.Wait(Farewell);
    }

    private void Write()
    {
        // Two lists change places, so that the callers' lock is held for an exchange of references.
        List<LogEvent> taken = [];
        var text = new StringWriter(new StringBuilder(1024)) { NewLine = "\n" };
        while (true)
        {
            signal.Wait();
            bool last;
            long lost;
            lock (gate)
            {
                (taken, waiting) = (waiting, taken);
                (lost, dropped) = (dropped, 0);
                last = closed;
            }

            WriteAll(taken, lost, text);
            taken.Clear();
            if (!last)
                continue;
            finished.TrySetResult();
            return;
        }
    }

    private void WriteAll(List<LogEvent> events, long lost, StringWriter text)
    {
        var failed = 0L;
        var inText = 0;
        foreach (var logEvent in events)
        {
            inText++;
            Format(logEvent, text);
            if (text.GetStringBuilder().Length < WriteAtOnce)
                continue;
            failed += TryFlush(text) ? 0 : inText;
            inText = 0;
        }

        if (lost > 0)
            Format(new(time.GetUtcNow(), LogEventLevel.Warning, null, Dropped, [new("lines", new ScalarValue(lost)), new("EventId", EventName)]), text);
        if (!TryFlush(text))
            failed += inText + lost;
        if (failed > 0)
        {
            lock (gate)
                dropped += failed;
        }
    }

    private static readonly StructureValue EventName = new([new("Name", new ScalarValue("log_dropped"))]);

    private void Format(LogEvent logEvent, StringWriter text)
    {
        var start = text.GetStringBuilder().Length;
        try
        {
            formatter.Format(logEvent, text);
        }
        catch (Exception)
        {
            // A value whose text cannot be made costs its line.
            text.GetStringBuilder().Length = start;
        }
    }

    private bool TryFlush(StringWriter text)
    {
        var builder = text.GetStringBuilder();
        if (builder.Length == 0)
            return true;
        try
        {
            // One write for whole lines, so that other writers of the same pipe come between lines.
            output.Write(Encoding.UTF8.GetBytes(builder.ToString()));
            output.Flush();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException or NotSupportedException)
        {
            return false;
        }
        finally
        {
            builder.Clear();
            if (builder.Capacity > 2 * WriteAtOnce)
                builder.Capacity = WriteAtOnce;
        }
    }
}
