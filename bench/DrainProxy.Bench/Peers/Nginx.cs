using DrainProxy.Bench.Load;
using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Peers;

internal sealed class Nginx : Peer
{
    public static readonly Tool Tool = new("nginx", "nginx-light");

    /// <summary>A hole in the file system: it takes no room there.</summary>
    private const long LargeBytes = 64 << 20;

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

    /// <summary>The app behind every peer: the cheapest answer there is, so that the proxy is what is measured; and a large one for attacks.</summary>
    public static Launch App(Place place)
    {
        using (var large = File.Create(Path.Combine(place.Folder, HttpExchange.LargePath[1..]))) large.SetLength(LargeBytes);
        return Command(place, $$"""
            large_client_header_buffers 16 64k;
            server {
              listen 127.0.0.1:{{place.Port}} backlog=4096;
              default_type text/plain;
              root {{place.Folder}};
              location / { return 200 "{{new string('x', 99)}}\n"; }
              location = {{HttpExchange.LargePath}} { sendfile on; }
            }
            """);
    }

    private static Launch Command(Place place, string http) => new(Tool.Path!, "-c", place.Write("nginx.conf", $$"""
        user {{Environment.UserName}};
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
