namespace DrainProxy.Demo.Scenarios;

/// <summary>One row of the table: something that happens to pods in production, played once per arm. A new one is a file beside this and a line below.</summary>
internal abstract class Scenario
{
    public static IReadOnlyList<Scenario> All { get; } = [new RollingRestart(), new IdleKeepAliveRace(), new AppCrash(), new MemorySpike()];

    /// <summary>The row's name in the table and in the JSON file.</summary>
    public abstract string Name { get; }

    /// <summary>After which silence the app closes a keep-alive connection.</summary>
    public abstract TimeSpan AppIdleTimeout { get; }

    /// <summary>The memory limit of the app's container in bytes; null for none.</summary>
    public virtual long? AppMemoryLimit => null;

    /// <summary>Plays it on a stage without pods; whatever clients see goes to the stage's tally.</summary>
    public abstract Task PlayAsync(Stage stage, CancellationToken cancel);
}
