using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Peers;

/// <summary>DrainProxy with its defaults: metrics on, no access log. Without a folder, this tree is published.</summary>
internal sealed class DrainProxyPeer(string name, string? published, params string[] more) : Peer
{
    private readonly bool given = published is not null;
    private string? folder = published;

    public override string Name => name;

    public override string? Missing => null;

    public override Task<string> Version() => Task.FromResult(given ? $".NET {Environment.Version}, published {Path.GetFileName(folder)}" : $".NET {Environment.Version}, this tree");

    public override async Task<string?> Prepare(Workplace workplace)
    {
        if (folder is not null)
        {
            return null;
        }

        folder = Path.Combine(workplace.Temporary, "drainproxy");
        return await Publishing.Publish(workplace, "src/DrainProxy", folder);
    }

    public override Launch Configure(Place place) => new(
        Path.Combine(folder!, "drainproxy"), ["run", .. Listeners(place), "--admin", $"127.0.0.1:{place.AdminPort}", .. more])
    {
        StopAtOnce = true,
    };

    public override (int Port, string Path) Ready(Place place) => (place.AdminPort, "/readyz");

    public override (int Port, string Path)? Metrics(Place place) => (place.AdminPort, "/metrics");

    public override bool SpeaksHttp2 => true;

    public override bool SpeaksTls => true;

    public override string RequestCounter => "drainproxy_requests_total";

    private static string[] Listeners(Place place)
    {
        var app = $"http://127.0.0.1:{place.AppPort}";
        if (place.TlsPort == 0) return ["--listen", $"127.0.0.1:{place.Port}", "--app", app];
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = new CertificateRequest("CN=bench", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return
        [
            "--map", $"127.0.0.1:{place.Port}={app}", "--map", $"https://127.0.0.1:{place.TlsPort}={app}",
            "--tls-cert", place.Write("tls.crt", certificate.ExportCertificatePem()), "--tls-key", place.Write("tls.key", key.ExportPkcs8PrivateKeyPem()),
        ];
    }
}
