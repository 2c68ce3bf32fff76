using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Peers;

internal sealed class Caddy : Peer
{
    private static readonly Tool Tool = new("caddy", "caddy");

    public override string Name => "caddy";

    public override string? Missing => Tool.Missing;

    public override Task<string> Version() => Tool.FirstLine("version");

    public override Launch Configure(Place place) => new Launch(Tool.Path!, "run", "--adapter", "caddyfile", "--config", place.Write("Caddyfile", $$"""
        {
          admin off
          auto_https off
          log {
            level ERROR
          }
          servers {
            timeouts {
              idle 5m
            }
          }
        }
        http://127.0.0.1:{{place.Port}} {
          bind 127.0.0.1
          reverse_proxy 127.0.0.1:{{place.AppPort}} {
            transport http {
              keepalive 5m
              keepalive_idle_conns 256
              keepalive_idle_conns_per_host 256
            }
          }
        }

        """))
        .With("GOMAXPROCS", "1")
        .With("HOME", place.Folder)
        .With("XDG_DATA_HOME", place.Folder)
        .With("XDG_CONFIG_HOME", place.Folder);
}
