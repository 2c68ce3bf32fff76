// Most of a scenario's time is waiting for others: three at once keep two processors less than busy.
[assembly: CollectionBehavior(MaxParallelThreads = 3)]

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>
/// Tests that keep both processors busy and look at what happens within a grace: no other class runs beside them.
/// Put <c>[Collection(Alone.Name)]</c> on the class.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    /// <summary>The collection's name.</summary>
    public const string Name = "alone";
}
