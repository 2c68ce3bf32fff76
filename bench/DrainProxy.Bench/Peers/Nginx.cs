using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Peers;

internal sealed class Nginx : Peer
{
    public static readonly Tool Tool = new("nginx", "nginx-light");

    public override string Name => "nginx";

    public override string? Missing => Tool.Missing;

    public override Task<string> Version() => Tool.FirstLine("-v");

    public override Launch Configure(Place place) => Command(place, $$"""
        upstream app { server 127.0.0.1:{{place.AppPort}}; keepalive 256; keepalive_requests 1000000000; }
        server {
          listen 127.0.0.1:{{place.Port}} backlog=4096;
          location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
          }
        }
        """);

    /// <summary>The app behind every peer: the cheapest answer there is, so that the proxy is what is measured.</summary>
    public static Launch App(Place place) => Command(place, $$"""
        server {
          listen 127.0.0.1:{{place.Port}} backlog=4096;
          default_type text/plain;
          location / { return 200 "{{new string('x', 99)}}\n"; }
        }
        """);

    private static Launch Command(Place place, string http) => new(Tool.Path!, "-c", place.Write("nginx.conf", $$"""
        worker_processes 1;
        worker_rlimit_nofile 20000;
        pid {{place.Folder}}/nginx.pid;
        error_log stderr crit;
        events { worker_connections 16000; }
        http {
          access_log off;
          keepalive_timeout 300s;
          keepalive_requests 1000000000;
          client_body_temp_path {{place.Folder}}/body;
          proxy_temp_path {{place.Folder}}/proxy;
          fastcgi_temp_path {{place.Folder}}/fastcgi;
          uwsgi_temp_path {{place.Folder}}/uwsgi;
          scgi_temp_path {{place.Folder}}/scgi;
          {{http}}
        }
        """), "-g", "daemon off;");
}
