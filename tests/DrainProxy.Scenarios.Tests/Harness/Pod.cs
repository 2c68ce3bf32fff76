namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>An app, alone or behind its sidecar, that ends the way Kubernetes ends a pod.</summary>
internal sealed class Pod : IAsyncDisposable
{
    private static readonly HttpClient Kubelet = new() { Timeout = TimeSpan.FromSeconds(60) };
    private readonly App app;
    private readonly DrainProxyProcess? proxy;

    private Pod(App app, DrainProxyProcess? proxy) => (this.app, this.proxy) = (app, proxy);

    public int Port => proxy?.Port ?? app.Port;

    public DrainProxyProcess Proxy => proxy ?? throw new InvalidOperationException("a bare pod");

    /// <summary>What the app has printed; kept when it has ended.</summary>
    public IReadOnlyCollection<string> AppLines => app.Child.Lines;

    public static async Task<Pod> Start(Func<Task<App>> start, bool behind, params string[] settings)
    {
        var app = await start();
        if (!behind) return new(app, null);
        var proxy = DrainProxyProcess.Start(app.Address, settings);
        await proxy.Ready();
        return new(app, proxy);
    }

    /// <summary>
    /// t0: the sidecar gets SIGTERM while the app's preStop hook waits at /drain/wait; then the app gets SIGTERM. Both must be gone
    /// within the grace, the sidecar with exit code 0.
    /// </summary>
    public async Task Terminate(TimeSpan grace)
    {
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        if (proxy is not null)
        {
            var hook = Kubelet.GetAsync($"http://127.0.0.1:{proxy.Admin}/drain/wait");
            proxy.Child.Signal(Child.Sigterm);
            using var answer = await hook.WaitAsync(grace, time);
            Assert.Equal(200, (int)answer.StatusCode);
        }

        app.Child.Signal(Child.Sigterm);
        if (proxy is not null)
        {
            var code = await proxy.Child.Exit(grace - time.GetElapsedTime(start));
            Assert.True(code == 0, $"exit code {code}:\n{proxy.Child.Output}");
        }

        await app.Child.Exit(grace);
        Assert.True(time.GetElapsedTime(start) < grace, "the pod outlived its grace");
    }

    public async ValueTask DisposeAsync()
    {
        if (proxy is not null) await proxy.DisposeAsync();
        await app.DisposeAsync();
    }
}
