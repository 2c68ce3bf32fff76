using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Peers;

internal sealed class HaProxy : Peer
{
    private static readonly Tool Tool = new("haproxy", "haproxy");

    public override string Name => "haproxy";

    public override string? Missing => Tool.Missing;

    public override bool SpeaksHttp2 => true;

    public override Task<string> Version() => Tool.FirstLine("-v");

    public override Launch Configure(Place place) => new(Tool.Path!, "-db", "-f", place.Write("haproxy.cfg", $"""
        global
          nbthread 1
          maxconn 9000
        defaults
          mode http
          http-reuse always
          timeout connect 5s
          timeout client 300s
          timeout server 300s
          timeout http-keep-alive 300s
        frontend data
          bind 127.0.0.1:{place.Port} backlog 4096
          option forwardfor
          http-request set-header X-Forwarded-Proto http
          http-request set-header X-Forwarded-Host %[req.hdr(host)]
          default_backend app
        backend app
          server app 127.0.0.1:{place.AppPort}

        """));
}
