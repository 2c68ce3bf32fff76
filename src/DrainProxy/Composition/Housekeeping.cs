using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Composition;

/// <summary>
/// Once a second while serving: says when the longest request has outgrown the plan, and hands memory back. Once after start, and again whenever a load is over:
/// the collector keeps what it has until somebody allocates.
/// </summary>
internal sealed class Housekeeping(
    Lifecycle lifecycle, DrainPlan plan, ExchangeAccounts accounts, ProxyCounters counters, ConnectionRegistry connections, Action<string> warn, TimeProvider time)
{
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(1);

    /// <summary>Bytes allocated since the last time that make a collection worth its few milliseconds: soon after a load, and at lasting rest.</summary>
    private const long WorthItSoon = 16 << 20;
    private const long WorthItAtRest = 2 << 20;
    private static readonly TimeSpan LastingRest = TimeSpan.FromSeconds(3);

    private readonly OwnMemoryTrim trim = new();

    /// <summary>What resting connections leave behind is old: no collection of young memory finds it.</summary>
    private long Garbage => GC.GetTotalAllocatedBytes() + (connections.Rested * ConnectionRegistry.LeftByRest);

    private long Ended => counters.RequestsInAll + counters.ConnectionsClosed(Side.Downstream, ClosedBy.Us) + counters.ConnectionsClosed(Side.Downstream, ClosedBy.Peer);

    /// <summary>Until a termination has begun.</summary>
    public async Task Run()
    {
        var handedBackAt = -WorthItSoon;
        string? warned = null;
        while (!lifecycle.Terminating)
        {
            await Task.Delay(Turn, time);
            if (warned is null && (warned = BudgetPlanner.LongestRequestWarning(plan, accounts.Longest)) is not null) warn(warned);
            var rest = accounts.LastRequestAt == 0 ? Turn : time.GetElapsedTime(accounts.LastRequestAt);
            var stands = trim.Observe(lifecycle.Now, RestingMemory.Anonymous(), rest, Ended);
            if (!stands && !IsWorthIt(counters.InFlight, rest, Garbage - handedBackAt)) continue;
            RestingMemory.HandBack();
            // At once: a load may begin before the next turn.
            trim.HandedBack(lifecycle.Now, RestingMemory.Anonymous(), Ended);
            handedBackAt = Garbage;
        }
    }

    /// <summary>Whether a collection pays.</summary>
    /// <param name="inFlight">Requests that it would delay.</param>
    /// <param name="rest">How long there has been none.</param>
    /// <param name="garbage">Bytes allocated since the last one.</param>
    internal static bool IsWorthIt(long inFlight, TimeSpan rest, long garbage) =>
        inFlight == 0 && rest >= Turn && garbage >= (rest < LastingRest ? WorthItSoon : WorthItAtRest);
}
