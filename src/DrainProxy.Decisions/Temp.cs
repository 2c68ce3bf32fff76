// INTERIM: whoever lands the real types deletes (or replaces) this file in the same commit.
#pragma warning disable
using DrainProxy.Decisions.KeepAlive;
namespace DrainProxy.Decisions.Draining
{
public enum DrainEvent { AppUp, AppDown, Terminate, LingerOver, TrafficGone, DrainDeadline, ConnectionsGone, ClosingDeadline, Cut }
public readonly record struct DrainState(Phase Phase, TimeSpan Since, Trigger? Trigger = null, TimeSpan? TerminatedAt = null) { public bool Terminating => Phase >= Phase.Lingering; }
public static class DrainMachine {
 public static DrainState Initial(TimeSpan now) => new(Phase.Starting, now);
 public static DrainState Next(DrainState s, DrainEvent e, Trigger? trigger, TimeSpan now) => (s.Phase, e) switch {
  (Phase.Starting or Phase.Unready, DrainEvent.AppUp) => s with { Phase = Phase.Serving, Since = now },
  (Phase.Serving, DrainEvent.AppDown) => s with { Phase = Phase.Unready, Since = now },
  (Phase.Starting or Phase.Serving or Phase.Unready, DrainEvent.Terminate) => new(Phase.Lingering, now, trigger, now),
  (Phase.Lingering, DrainEvent.LingerOver) => s with { Phase = Phase.Draining, Since = now },
  (Phase.Draining, DrainEvent.TrafficGone) => s with { Phase = Phase.Closing, Since = now },
  (Phase.Lingering or Phase.Draining, DrainEvent.DrainDeadline) => s with { Phase = Phase.Closing, Since = now },
  (Phase.Closing, DrainEvent.ConnectionsGone or DrainEvent.ClosingDeadline) => s with { Phase = Phase.Drained, Since = now },
  (Phase.Lingering or Phase.Draining or Phase.Closing, DrainEvent.Cut) => s with { Phase = Phase.Drained, Since = now },
  _ => s };
}
public record DrainPlan(TimeSpan Grace, TimeSpan AnnounceDelay, TimeSpan Linger, TimeSpan Quiet, TimeSpan DrainTimeout, TimeSpan Closing, TimeSpan AppStop, IReadOnlyList<string> Warnings) { public TimeSpan DrainDeadline => Linger + DrainTimeout; public TimeSpan ClosingDeadline => DrainDeadline + Closing; public TimeSpan Deadline => ClosingDeadline; }
public record BudgetRequest(TimeSpan Grace, LoadBalancer Lb, TimeSpan? Linger, TimeSpan Quiet, TimeSpan? DrainTimeout, TimeSpan AnnounceDelay, TimeSpan? AppStop);
public static class BudgetPlanner { public static DrainPlan Plan(BudgetRequest r) { var l = r.Linger ?? TimeSpan.FromSeconds(Math.Min(10, r.Grace.TotalSeconds*0.4)); return new(r.Grace, r.AnnounceDelay, l, r.Quiet, r.DrainTimeout ?? r.Grace - l - TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2), []); } public static string? LongestRequestWarning(DrainPlan p, TimeSpan t) => null; }
public readonly record struct TrafficEvidence(long InFlight, TimeSpan LastConnection, TimeSpan LastRequest, int AcceptQueue);
public static class Evidence { public static bool TrafficGone(TrafficEvidence e, TimeSpan quiet, TimeSpan now) => e.InFlight == 0 && e.AcceptQueue == 0 && now - e.LastConnection >= quiet && now - e.LastRequest >= quiet; }
public record TerminationFacts(TimeSpan? LastNewConnection, TimeSpan? LastRequest, TimeSpan? LastByte, TimeSpan Total, long CutInFlight, TimeSpan LongestRequest, TimeSpan LongestGap, long Lost);
public record RecommendedBudget(TimeSpan Linger, TimeSpan Quiet, TimeSpan Grace);
public static class Recommendation { public static RecommendedBudget From(TerminationFacts f, DrainPlan p) => new(p.Linger, p.Quiet, p.Grace); }
public static class ClosingSpread { public static TimeSpan Offset(int index, int count, TimeSpan window) => window * index / Math.Max(1, count); }
}
namespace DrainProxy.Decisions.KeepAlive {
public record LoadBalancerPreset(LoadBalancer Lb, TimeSpan? LbIdle, TimeSpan ServerIdle, TimeSpan LingerFloor);
public static class Presets { public static LoadBalancerPreset Of(LoadBalancer lb) => new(lb, null, TimeSpan.FromSeconds(910), TimeSpan.FromSeconds(10)); }
public static class UpstreamIdle { public static TimeSpan PoolTimeout(TimeSpan i) => i/2 < TimeSpan.FromSeconds(60) ? i/2 : TimeSpan.FromSeconds(60); public static TimeSpan WhileLearning(TimeSpan a) => a < TimeSpan.FromSeconds(5) ? TimeSpan.FromSeconds(0.8) : a/2; public static TimeSpan? FromKeepAliveHeader(string v) => null; }
public record ConnectionLimits { public ConnectionQuota Draw(double r) => new(TimeSpan.FromHours(1), 100000); }
public readonly record struct ConnectionQuota(TimeSpan Age, int Requests) { public bool Exceeded(TimeSpan a, int r) => a > Age || r > Requests; }
}
