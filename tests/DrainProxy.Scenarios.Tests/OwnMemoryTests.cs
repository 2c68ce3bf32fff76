using System.Net.Sockets;
using System.Text;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>The sidecar's own container limit, with a real one and a real OOM killer: what is sent to it while the app is away is many times more.</summary>
[Collection(Alone.Name)]
[Trait("needs", "tools")]
public sealed class OwnMemoryTests(ITestOutputHelper output)
{
    private const long MiB = 1 << 20;
    private const int Limit = 128;

    [Fact]
    public async Task Waiting_uploads_and_crowds_of_connections_end_neither_in_the_killer_nor_in_the_runtime()
    {
        using var cgroup = MemoryCgroup.Create(Limit * MiB);
        await using var proxy = DrainProxyProcess.StartAs(
            $"http://127.0.0.1:{Net.FreePort()}", under: cgroup.Around("/usr/bin/env"), more: ["--hold-timeout", "60s", "--hold-max", "100000"]);
        await proxy.Listens();
        var own = (await proxy.State()).GetProperty("own_memory");
        Assert.Equal(Limit * MiB, own.GetProperty("limit_bytes").GetInt64());

        // 400 bodies, of each of which a megabyte is sent: without bounds three times the limit stands in buffers.
        var clients = new List<Upload>();
        try
        {
            for (var i = 0; i < 400; i++) clients.Add(new(proxy.Port));
            await Net.Eventually(() => Task.FromResult(clients.All(c => c.IsDone)), "all has been sent that is taken", 60);
            var state = await proxy.State();
            output.WriteLine($"used {state.GetProperty("own_memory").GetProperty("used_bytes").GetInt64() / MiB} MiB, held {state.GetProperty("held")}, "
                + $"refused {await proxy.Metric("drainproxy_shed_total{reason=\"own_memory\"}")}, taken {clients.Sum(c => c.Sent) / MiB} MiB");
            Assert.False(proxy.Child.HasExited, proxy.Child.Output);
            Assert.Equal(0, cgroup.Kills);
            await Refuses(proxy, cgroup);
        }
        finally
        {
            foreach (var client in clients) client.Dispose();
        }
    }

    /// <summary>Memory of ours goes late into such an upload, when the kernel's buffers are full: only their number bounds it.</summary>
    [Fact]
    public async Task Uploads_to_an_app_that_does_not_read_wait_or_are_refused_and_end_nothing()
    {
        using var cgroup = MemoryCgroup.Create(Limit * MiB);
        using var app = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        app.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        app.Listen(4096);
        await using var proxy = DrainProxyProcess.StartAs(
            $"http://127.0.0.1:{((System.Net.IPEndPoint)app.LocalEndPoint!).Port}", under: cgroup.Around("/usr/bin/env"), more: ["--hold-timeout", "2s", "--memory-source", "none"]);
        await proxy.Ready();
        var clients = new List<Upload>();
        try
        {
            for (var i = 0; i < 700; i++) clients.Add(new(proxy.Port));
            await Net.Eventually(async () => await proxy.Metric("drainproxy_shed_total{reason=\"own_memory\"}") >= 100, "some are refused", 60);
            await Net.Eventually(() => Task.FromResult(clients.All(c => c.IsDone)), "all has been sent that is taken", 60);
            output.WriteLine($"used {(await proxy.State()).GetProperty("own_memory").GetProperty("used_bytes").GetInt64() / MiB} MiB, "
                + $"refused {await proxy.Metric("drainproxy_shed_total{reason=\"own_memory\"}")}, taken {clients.Sum(c => c.Sent) / MiB} MiB");
            Assert.True(await proxy.Metric("drainproxy_in_flight_requests") > 100);
        }
        finally
        {
            foreach (var client in clients) client.Dispose();
        }

        await Net.Eventually(async () => await proxy.Metric("drainproxy_in_flight_requests") == 0, "all are over", 60);
        Assert.False(proxy.Child.HasExited, proxy.Child.Output);
        Assert.Equal(0, cgroup.Kills);
    }

    /// <summary>The limit is lowered to what is used and a little more, then raised again: who comes meanwhile waits in the kernel's queue.</summary>
    private static async Task Refuses(DrainProxyProcess proxy, MemoryCgroup cgroup)
    {
        await Net.Eventually(
            async () =>
            {
                var own = (await proxy.State()).GetProperty("own_memory");
                if (own.GetProperty("short").GetBoolean()) return true;
                // Less than the rule keeps for what is under way. The kernel refuses a limit that it cannot get below in its few tries.
                cgroup.Reclaim();
                cgroup.Limit(own.GetProperty("used_bytes").GetInt64() + (9 * MiB));
                await Net.Pause(0.2);
                using var ignored = new Upload(proxy.Port);
                return false;
            },
            "it is short");
        using var late = new Upload(proxy.Port);
        var held = (await proxy.State()).GetProperty("held").GetInt32();
        await Net.Pause(0.2);
        Assert.True((await proxy.State()).GetProperty("held").GetInt32() <= held);
        cgroup.Limit(Limit * MiB);
        await Net.Eventually(async () => !(await proxy.State()).GetProperty("own_memory").GetProperty("short").GetBoolean(), "there is room again");
        Assert.Contains("own_memory_short", proxy.Child.Output, StringComparison.Ordinal);
    }

    /// <summary>A client that sends until nothing more is taken for a while, or until it is answered.</summary>
    private sealed class Upload : IDisposable
    {
        private const int Most = (int)MiB;
        private readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly CancellationTokenSource stop = new();
        private readonly Task running;
        private long sent;

        public Upload(int port) => running = Run(port);

        public long Sent => Interlocked.Read(ref sent);

        public bool IsDone => running.IsCompleted;

        public void Dispose()
        {
            stop.Cancel();
            socket.Dispose();
            stop.Dispose();
        }

        private async Task Run(int port)
        {
            try
            {
                await socket.ConnectAsync("127.0.0.1", port, stop.Token);
                await socket.SendAsync(Encoding.ASCII.GetBytes($"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: {100 * MiB}\r\n\r\n"));
                var piece = new byte[16 * 1024];
                while (Sent < Most)
                {
                    using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
                    patience.CancelAfter(TimeSpan.FromSeconds(2));
                    Interlocked.Add(ref sent, await socket.SendAsync(piece, patience.Token));
                }
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // Nothing more is taken, or it was refused.
            }
        }
    }
}
