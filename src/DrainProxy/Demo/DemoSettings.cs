namespace DrainProxy.Demo;

/// <summary>The numbers of the demo, chosen so that everything fits into less than a minute.</summary>
internal sealed record DemoSettings
{
    /// <summary>The pods' terminationGracePeriodSeconds.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long after a pod's termination began the load balancer stops sending there. AWS users see 2 s and far more.</summary>
    public TimeSpan RemovalLag { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>DrainProxy's linger: longer than the lag above, as the preset's 25 s is longer than that of a real ALB.</summary>
    public TimeSpan Linger { get; init; } = TimeSpan.FromSeconds(5);

    public TimeSpan Quiet { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the load balancer keeps idle connections towards its targets: 60 s, the default of AWS ALB.</summary>
    public TimeSpan PoolIdle { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Between load balancer and pod, one way: two availability zones of one region.</summary>
    public TimeSpan NetworkDelay { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>How long a pod may take to become ready; generous, since the machine may be busy.</summary>
    public TimeSpan StartTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long the kubelet leaves a container alone that the OOM killer has ended: less than the 10 s of a second kill, so that the demo stays short.</summary>
    public TimeSpan RestartAfterKill { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a client waits for one answer.</summary>
    public TimeSpan ClientTimeout { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>The two ways in which every scenario is played.</summary>
internal enum Arm
{
    BareApp,
    BehindDrainProxy,
}

/// <summary>The demo itself could not be played: a child process failed, not a request.</summary>
internal sealed class DemoFailedException(string message) : Exception(message);
