// INTERIM: whoever lands the real types deletes (or replaces) this file in the same commit.
#pragma warning disable
using Microsoft.Extensions.Logging; using DrainProxy.Proxy.Settings;
namespace DrainProxy.Logging;
static class Log { public static ILoggerFactory Create(ProxySettings s) => LoggerFactory.Create(b => b.AddSimpleConsole().SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning)); }
