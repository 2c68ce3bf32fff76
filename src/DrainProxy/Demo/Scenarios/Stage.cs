using DrainProxy.Demo.Load;
using DrainProxy.Demo.LoadBalancing;
using DrainProxy.Demo.Pods;

namespace DrainProxy.Demo.Scenarios;

/// <summary>What one arm of one scenario is played on: a load balancer, pods, a tally of what the clients saw, and a line that says what is going on.</summary>
internal sealed class Stage(Arm arm, TimeSpan appIdleTimeout, long? appMemoryLimit, DemoSettings settings, TimeProvider time, Action<string> say) : IAsyncDisposable
{
    private readonly List<Pod> _pods = [];
    private readonly DemoLoadBalancer _balancer = new(settings, time);

    public DemoSettings Settings => settings;

    public TimeProvider Time => time;

    public Tally Tally { get; } = new();

    /// <summary>Where clients connect.</summary>
    public int Port => _balancer.Port;

    public void Say(string text) => say(text);

    /// <summary>Starts a pod and registers it once it is ready.</summary>
    public async Task<Pod> StartPodAsync(string name, CancellationToken cancel)
    {
        Say($"{name} starts");
        var pod = await Pod.StartAsync(name, arm, appIdleTimeout, appMemoryLimit, settings, time, cancel);
        lock (_pods)
            _pods.Add(pod);
        _balancer.Register(pod.Port);
        if (appMemoryLimit is { } limit)
            pod.Bound(new OomKiller(limit, OnKill, time));
        return pod;

        void OnKill(long bytes)
        {
            Tally.AddKill();
            Say($"the app of {name} is killed at {bytes >> 20} MiB");
        }
    }

    /// <summary>Terminates a pod; the load balancer hears of it late.</summary>
    public Task TerminatePodAsync(Pod pod, CancellationToken cancel)
    {
        Say($"{pod.Name} terminates");
        return Task.WhenAll(pod.TerminateAsync(cancel), DeregisterLateAsync(pod, cancel));
    }

    /// <summary>Fails when a pod that should be there is not.</summary>
    public void CheckPods()
    {
        lock (_pods)
            _pods.ForEach(pod => pod.CheckAlive());
    }

    public async ValueTask DisposeAsync()
    {
        await _balancer.DisposeAsync();
        await Task.WhenAll(_pods.Select(pod => pod.DisposeAsync().AsTask()));
    }

    private async Task DeregisterLateAsync(Pod pod, CancellationToken cancel)
    {
        await Task.Delay(settings.RemovalLag, time, cancel);
        _balancer.Deregister(pod.Port);
        Say($"the load balancer has heard of {pod.Name}");
    }
}
