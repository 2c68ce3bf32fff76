using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>What the data path is made of; put together once, at start. MaxExchanges: see ConnectionRoom.Exchanges.</summary>
internal sealed record DataPath(
    ProxySettings Settings, ForwardingRules Rules, Lifecycle Lifecycle, TerminationLog Termination, ProxyCounters Counters, ProxyMetrics Metrics,
    Hold Hold, AdmissionGate Gate, BlackBox BlackBox, OwnMemory Own, IHttpForwarder Forwarder, StreamRegistry Streams, int MaxExchanges, UploadRoom? Uploads, TimeProvider Time);
