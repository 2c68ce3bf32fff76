using System.Text;
using DrainProxy.Logging;
using DrainProxy.Proxy.Settings;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Process.Tests.Logging;

public sealed class LineSinkTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task An_output_that_nobody_reads_blocks_no_caller_and_loses_a_counted_number()
    {
        using var output = new GatedStream();
        var factory = Log.Create(new(), new JsonLineFormatter(), output);
        var log = factory.CreateLogger("drainproxy");

        log.LogInformation("first");
        await output.Entered.WaitAsync(Limit, TestContext.Current.CancellationToken);
        for (var i = 0; i < 20_000; i++)
            log.LogInformation("line {I}", i);
        output.Open();
        await output.Holds("log_dropped").WaitAsync(Limit, TestContext.Current.CancellationToken);
        factory.Dispose();

        var lines = output.Text().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(1 + 8192 + 1, lines.Length);
        Assert.Contains("\"event\":\"log_dropped\"", lines[^1], StringComparison.Ordinal);
        Assert.Contains($"\"lines\":{20_000 - 8192}", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_costs_lines_and_is_told_once_there_is_room()
    {
        using var output = new GatedStream { Full = true };
        output.Open();
        var factory = Log.Create(new(), new JsonLineFormatter(), output);
        var log = factory.CreateLogger("drainproxy");

        log.LogInformation("lost");
        await output.Refused.WaitAsync(Limit, TestContext.Current.CancellationToken);
        output.Full = false;
        log.LogInformation("kept");
        factory.Dispose();

        Assert.DoesNotContain("\"lost\"", output.Text(), StringComparison.Ordinal);
        Assert.Contains("\"kept\"", output.Text(), StringComparison.Ordinal);
        Assert.Contains("\"lines\":1", output.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_end_does_not_wait_for_an_output_that_stands_still()
    {
        using var output = new GatedStream();
        var factory = Log.Create(new(), new JsonLineFormatter(), output);
        factory.CreateLogger("drainproxy").LogInformation("never read");
        await output.Entered.WaitAsync(Limit, TestContext.Current.CancellationToken);

        await Task.Run(factory.Dispose, TestContext.Current.CancellationToken).WaitAsync(Limit, TestContext.Current.CancellationToken);

        Assert.Empty(output.Text());
        output.Open();
    }

    [Fact]
    public void Lines_after_the_end_are_ignored()
    {
        using var output = new MemoryStream();
        var factory = Log.Create(new(), new JsonLineFormatter(), output);
        var log = factory.CreateLogger("drainproxy");
        factory.Dispose();
        log.LogInformation("late");
        Assert.Equal(0, output.Length);
    }

    /// <summary>A pipe that nobody reads until it is opened, or a disk that is full.</summary>
    private sealed class GatedStream : MemoryStream
    {
        private readonly ManualResetEventSlim gate = new();
        private readonly TaskCompletionSource entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource refused = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly MemoryStream taken = new();

        public volatile bool Full;

        public Task Entered => entered.Task;

        public Task Refused => refused.Task;

        public void Open() => gate.Set();

        public string Text()
        {
            lock (taken)
                return Encoding.UTF8.GetString(taken.ToArray());
        }

        public async Task Holds(string text)
        {
            while (!Text().Contains(text, StringComparison.Ordinal))
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            entered.TrySetResult();
            gate.Wait(Limit);
            if (Full)
            {
                refused.TrySetResult();
                throw new IOException("No space left on device");
            }

            lock (taken)
                taken.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        protected override void Dispose(bool disposing)
        {
            gate.Set();
            base.Dispose(disposing);
        }
    }
}
