using System.Net;
using System.Net.Sockets;
using System.Text;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Settings;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Proxy.Tests.Pressure;

/// <summary>The app's own metrics as the source of its memory, over real connections to apps that answer well, badly, late and without end.</summary>
public sealed class AppMetricsTests : IDisposable
{
    private const string Memory = "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes 5.24288e+07\n";
    private static readonly AppAddress Nowhere = new(AppScheme.Unix, "", 0, "/none");
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly Clock time = new();
    private readonly Told log = new();
    private int asked;

    public AppMetricsTests() => listener.Start();

    public void Dispose() => listener.Dispose();

    [Fact]
    public async Task The_figure_is_the_sources_and_the_limit_is_the_set_one()
    {
        Answer(Ok(Memory));
        using var memory = Source(limit: 100 << 20);
        Assert.False(memory.TryRead(out _));
        await Asked(memory);
        Assert.True(Read(memory, out var figures));
        Assert.Equal((MemoryMethod.Metrics, 50L << 20, 100L << 20, null), (memory.Method, figures.Memory.UsedBytes, figures.LimitBytes, figures.OomKills));
        Assert.Equal($"http://127.0.0.1:{Port}/metrics process_resident_memory_bytes", memory.Description);
    }

    [Fact]
    public async Task A_heaps_own_maximum_is_the_limit()
    {
        Answer(Ok("jvm_memory_used_bytes{area=\"heap\"} 7\njvm_memory_max_bytes{area=\"heap\"} 100\n"));
        using var memory = Source();
        memory.TryRead(out _);
        await Asked(memory);
        Assert.True(Read(memory, out var figures));
        Assert.Equal((7, 100), (figures.Memory.UsedBytes, figures.LimitBytes));
    }

    [Fact]
    public async Task With_auto_it_is_the_last_resort()
    {
        Answer(Ok(Memory));
        using var nobody = new AppMemory(new(MemorySourceKind.Auto, Metrics: Url), null, () => Nowhere, time, NullLogger.Instance);
        nobody.TryRead(out _);
        await Asked(nobody);
        Assert.True(Read(nobody, out _));
        Assert.Equal(MemoryMethod.Metrics, nobody.Method);
    }

    [Theory]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n", "status 302")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n", "no metrics in Prometheus' text format")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nup 1\n", "no metric of the memory of a known runtime")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\ndrainproxy_app_up 1 \n", "these are DrainProxy's own metrics")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nup 1\n", "the answer is compressed, which was not asked for")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nprocess_resident_memory_bytes 12\n", "")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", "")]
    [InlineData("", "")]
    public async Task What_does_not_tell_the_memory_is_no_figure_and_said_once(string answer, string reason)
    {
        Answer(answer);
        using var memory = Source();
        memory.TryRead(out _);
        await Asked(memory);
        Assert.False(Read(memory, out _));
        await Asked(memory);
        Assert.Equal(MemoryMethod.None, memory.Method);
        var line = Assert.Single(log.Lines);
        Assert.Contains($"http://127.0.0.1:{Port}/metrics", line, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", line, StringComparison.Ordinal);
        Assert.EndsWith(reason, line);
    }

    [Fact]
    public async Task An_endless_answer_is_left_at_a_bound()
    {
        var line = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("# filler that means nothing\n", 2000)));
        var sent = 0L;
        Answer(async stream =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\n\r\n" + Memory));
            while (true)
            {
                await stream.WriteAsync(line);
                sent += line.Length;
            }
        });
        using var memory = Source();
        memory.TryRead(out _);
        await Asked(memory);
        Assert.False(Read(memory, out _));
        Assert.EndsWith("longer than 8 MiB", Assert.Single(log.Lines));
        Assert.InRange(sent, AppMetrics.LargestBody - (1 << 20), AppMetrics.LargestBody + (16 << 20));
    }

    [Fact]
    public async Task A_line_longer_than_the_buffer_is_passed_over_and_the_next_one_read()
    {
        Answer(Ok($"process_resident_memory_bytes{{a=\"{new string('x', 100_000)}\"}} 7\n{Memory}"));
        using var memory = Source();
        memory.TryRead(out _);
        await Asked(memory);
        Assert.True(Read(memory, out var figures));
        Assert.Equal(50 << 20, figures.Memory.UsedBytes);
    }

    [Fact]
    public async Task While_an_answer_is_awaited_readings_go_on_with_the_last_figure_until_it_is_stale()
    {
        var late = new TaskCompletionSource();
        Answer(async stream =>
        {
            if (asked > 1) await late.Task;
            await stream.WriteAsync(Encoding.ASCII.GetBytes(Ok(Memory)));
        });
        using var memory = Source();
        memory.TryRead(out _);
        await Asked(memory);
        Assert.True(Read(memory, out _));
        time.Advance(6);
        Assert.True(memory.TryRead(out _));
        Assert.False(memory.Metrics!.Asking.IsCompleted);
        // Ten more readings, and no second question beside the open one.
        for (var i = 0; i < 10; i++)
        {
            time.Advance(0.5);
            Assert.True(memory.TryRead(out _));
        }

        Assert.False(memory.Metrics.Asking.IsCompleted);
        Assert.InRange(asked, 1, 2);
        time.Advance(AppMetrics.StaleAfter.TotalSeconds);
        Assert.False(memory.TryRead(out _));
        Assert.Equal(MemoryMethod.None, memory.Method);
        late.SetResult();
        await Asked(memory);
        Assert.True(Read(memory, out _));
    }

    [Fact]
    public async Task An_answer_that_does_not_end_in_time_is_given_up()
    {
        var never = new TaskCompletionSource();
        Answer(async stream =>
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\n\r\n" + Memory));
            await never.Task;
        });
        using var memory = Source();
        memory.TryRead(out _);
        var question = memory.Metrics!.Asking;
        while (!question.IsCompleted)
        {
            time.Fire();
            await Task.Yield();
        }

        Assert.False(Read(memory, out _));
        Assert.EndsWith("no whole answer within 2 s", Assert.Single(log.Lines));
        never.SetResult();
    }

    [Fact]
    public async Task It_is_asked_four_times_a_second_with_work_and_every_five_seconds_at_rest()
    {
        Answer(Ok(Memory));
        using var memory = Source();
        memory.TryRead(out _);
        await Asked(memory);
        Assert.Equal(1, asked);
        // At rest readings are half a second apart: 5 s are one question.
        for (var i = 0; i < 11; i++) await Step(memory, 0.5);
        Assert.Equal(2, asked);
        for (var i = 0; i < 101; i++) await Step(memory, 0.01);
        Assert.InRange(asked, 4, 7);
    }

    private int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    private Uri Url => new($"http://127.0.0.1:{Port}/metrics?token=secret");

    private AppMemory Source(long? limit = null) => new(new(MemorySourceKind.Metrics, Metrics: Url), limit, () => Nowhere, time, log);

    private async Task Step(AppMemory memory, double seconds)
    {
        time.Advance(seconds);
        memory.TryRead(out _);
        await Asked(memory);
    }

    private static Task Asked(AppMemory memory) => memory.Metrics!.Asking.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

    /// <summary>After the pause between two looks for a source.</summary>
    private bool Read(AppMemory memory, out MemoryFigures figures)
    {
        time.Advance(0.3);
        return memory.TryRead(out figures);
    }

    private static string Ok(string body) => $"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}";

    private void Answer(string text) => Answer(stream => stream.WriteAsync(Encoding.ASCII.GetBytes(text)).AsTask());

    /// <summary>Answers each connection's first request and closes.</summary>
    private void Answer(Func<NetworkStream, Task> answer) => _ = Task.Run(async () =>
    {
        while (true)
        {
            using var client = await listener.AcceptTcpClientAsync();
            var stream = client.GetStream();
            var head = new byte[4096];
            try
            {
                if (await stream.ReadAsync(head) == 0) continue;
                asked++;
                await answer(stream);
            }
            catch (IOException)
            {
                // It was left.
            }
        }
    });

    /// <summary>Moves when told; its timers fire by hand, so that a slow machine is no late answer.</summary>
    private sealed class Clock : TimeProvider
    {
        private readonly List<HandTimer> timers = [];
        private long now = 4711;

        public override long GetTimestamp() => Volatile.Read(ref now);

        public void Advance(double seconds) => Interlocked.Add(ref now, (long)(seconds * TimestampFrequency));

        public void Fire()
        {
            lock (timers)
            {
                foreach (var timer in timers) timer.Callback(timer.State);
                timers.Clear();
            }
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new HandTimer(callback, state);
            lock (timers) timers.Add(timer);
            return timer;
        }
    }

    private sealed record HandTimer(TimerCallback Callback, object? State) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Told : ILogger
    {
        private readonly List<string> lines = [];

        /// <summary>Warnings so far.</summary>
        public IReadOnlyList<string> Lines
        {
            get
            {
                lock (lines) return [.. lines];
            }
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel < LogLevel.Warning) return;
            lock (lines) lines.Add(formatter(state, exception));
        }
    }
}
