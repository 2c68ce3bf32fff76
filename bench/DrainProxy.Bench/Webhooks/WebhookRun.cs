using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DrainProxy.Bench.Load;
using DrainProxy.Bench.Peers;
using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Webhooks;

/// <summary>The webhook on one processor of its own, called from the others: how long a pod's creation waits for it, and what bad reviews leave behind.</summary>
internal static class WebhookRun
{
    private const int Rate = 200;
    private const int MebibyteRate = 10;
    private const int Bad = 10_000;
    private const int AtOnce = 16;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(3);

    public static async Task<int> Run(Options options, string repository, string folder, CancellationToken cancellation)
    {
        var published = options.DrainProxy ?? Path.Combine(folder, "drainproxy");
        if (options.DrainProxy is null && await Publishing.Publish(new Workplace(repository, folder), "src/DrainProxy", published) is { } problem) throw new PeerException(problem);
        var (certificate, key) = Certificate(folder);
        using var authority = X509CertificateLoader.LoadCertificateFromFile(certificate);
        var (ports, firstPorts) = (FreePorts.Take(2), FreePorts.Take(2));
        // The load must not take the webhook's processor, nor the reverse.
        var (mine, others) = Environment.ProcessorCount > 1 ? ($"{Environment.ProcessorCount - 1}", $"0-{Environment.ProcessorCount - 2}") : ("0", "0");
        await Child.Capture(TimeSpan.FromSeconds(5), new Launch("taskset", "-a", "-p", "-c", others, $"{Environment.ProcessId}"));
        var (typical, large) = (Reviews.Typical(), Reviews.OfSize(1 << 20));
        // An API server has long been warm: the generator becomes so on another replica, or its own first call would count as the webhook's.
        using (var first = Replica(firstPorts))
        {
            await Readiness.Wait(first, (firstPorts[1], "/readyz"), cancellation);
            using var warming = new ReviewLoad(firstPorts[0], authority);
            await warming.AtRate(_ => typical, Rate, 2, HttpStatusCode.OK, cancellation);
        }

        using var child = Replica(ports);
        await Readiness.Wait(child, (ports[1], "/readyz"), cancellation);
        using var load = new ReviewLoad(ports[0], authority);
        Console.WriteLine($"webhook on processor {mine}, load on {others}; reviews of {typical.Length / 1024.0:0.0} KB and {large.Length / 1024.0:0} KB, one HTTP/2 connection");
        Console.WriteLine("| load | reviews | failed | reviews/s | p50, ms | p99, ms | generator late p99, ms | CPU, ms/review | PSS after, MB |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|");

        // The first seconds of a new replica, ready after its made-up reviews.
        await Row($"{Rate}/s, just started", () => load.AtRate(_ => typical, Rate, 2, HttpStatusCode.OK, cancellation));
        for (var run = 1; run <= options.Runs; run++) await Row($"{Rate}/s", () => load.AtRate(_ => typical, Rate, options.Seconds, HttpStatusCode.OK, cancellation));
        await Row($"{AtOnce} at once", () => load.Flat(_ => typical, 5_000, AtOnce, HttpStatusCode.OK, cancellation));
        await Row($"1 MiB, {MebibyteRate}/s", () => load.AtRate(_ => large, MebibyteRate, options.Seconds, HttpStatusCode.OK, cancellation));
        await Row("malformed, to grow warm", () => load.Flat(Reviews.Malformed, Bad / 4, AtOnce, HttpStatusCode.BadRequest, cancellation));
        await Row("malformed", () => load.Flat(Reviews.Malformed, Bad, AtOnce, HttpStatusCode.BadRequest, cancellation));
        await Row($"{Rate}/s, after all that", () => load.AtRate(_ => typical, Rate, options.Seconds, HttpStatusCode.OK, cancellation));
        return child.Exited ? 1 : 0;

        Child Replica(IReadOnlyList<int> on) => Child.Start(new Launch(
            Path.Combine(published, "drainproxy"), "webhook", "--tls", "files", "--tls-cert", certificate, "--tls-key", key, "--listen", $"127.0.0.1:{on[0]}", "--admin", $"127.0.0.1:{on[1]}")
        { StopAtOnce = true }.On(mine));

        async Task Row(string name, Func<Task<ReviewResult>> run)
        {
            var before = ProcessTree.Cpu(child.Id);
            var result = await run();
            var cpu = (ProcessTree.Cpu(child.Id) - before).TotalMilliseconds / result.Reviews;
            await Task.Delay(Rest, TimeProvider.System, cancellation);
            Console.WriteLine(
                $"| {name} | {result.Reviews} | {result.Failed} | {result.PerSecond:0} | {result.P50:0.0} | {result.P99:0.0} | {result.LateP99:0.0} | {cpu:0.00} | {MemoryReading.Of(child.Id).Pss / 1024:0.0} |");
        }
    }

    private static (string Certificate, string Key) Certificate(string folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        using var made = new CertificateRequest("CN=bench", key, HashAlgorithmName.SHA256) { CertificateExtensions = { names.Build() } }.CreateSelfSigned(now.AddMinutes(-5), now.AddDays(1));
        var (certificate, keyFile) = (Path.Combine(folder, "tls.crt"), Path.Combine(folder, "tls.key"));
        File.WriteAllText(certificate, made.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        return (certificate, keyFile);
    }
}
