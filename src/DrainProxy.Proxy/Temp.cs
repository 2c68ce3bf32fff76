// INTERIM: whoever lands the real types deletes (or replaces) this file in the same commit.
#pragma warning disable
using DrainProxy.Decisions.Draining; using System.Buffers;
namespace DrainProxy.Proxy.Telemetry;
public sealed class MetricsSources { public required Func<Phase> Phase {get;init;} public required Func<bool> AppUp {get;init;} public required Func<(long Active,long Idle)> Downstream {get;init;} public required Func<(long Active,long Idle)> Upstream {get;init;} public required Func<int> AcceptQueueDepth {get;init;} }
public sealed class ProxyMetrics(ProxyCounters c, MetricsSources s, string v, TimeProvider t) : IDisposable { public void RecordDuration(double d){} public void RecordTermination(Trigger t, DrainResult r, TimeSpan d){} public void Dispose(){} }
public sealed class PrometheusExporter(ProxyMetrics m) : IDisposable { public string Negotiate(string? a) => "text/plain"; public void Write(IBufferWriter<byte> o, bool om){} public void Dispose(){} }
