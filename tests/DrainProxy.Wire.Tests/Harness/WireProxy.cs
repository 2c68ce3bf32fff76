using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using DrainProxy.Scenarios.Tests.Harness;

[assembly: AssemblyFixture(typeof(DrainProxy.Wire.Tests.Harness.WireProxy))]

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>A listener of the proxy with an app of its own: what one case does, no other sees.</summary>
internal sealed record Lane(int Port, RecordingApp App);

/// <summary>One process of the built program for all cases, with as many lanes as run at once.</summary>
public sealed class WireProxy : IAsyncLifetime
{
    private const int Lanes = 12;
    private const int TlsLanes = 6;
    private readonly Channel<Lane> idle = Channel.CreateUnbounded<Lane>();
    private readonly Channel<Lane> idleTls = Channel.CreateUnbounded<Lane>();
    private readonly X509Certificate2 certificate = SelfSigned();
    private readonly List<RecordingApp> apps = [];
    private readonly SemaphoreSlim apart = new(1);
    private Lane? laneApart;
    private Child? child;

    internal int ProcessId => child!.Id;

    internal string Output => child!.Output;

    public async ValueTask InitializeAsync()
    {
        var admin = Net.FreePort();
        List<string> arguments = ["run", "--admin", $"127.0.0.1:{admin}", "--app-idle-timeout", "60s", "--hold-timeout", "1s", "--log-level", "warning"];
        List<Lane> lanes = [.. Enumerable.Range(0, Lanes + 1).Select(_ => Add("http", new()))];
        List<Lane> tls = [.. Enumerable.Range(0, TlsLanes).Select(_ => Add("https", new(certificate)))];
        child = Child.Start(DrainProxyProcess.Program, arguments);
        await Net.Answers(admin, "/readyz");
        laneApart = lanes[0];
        foreach (var lane in lanes.Skip(1)) await idle.Writer.WriteAsync(lane);
        foreach (var lane in tls) await idleTls.Writer.WriteAsync(lane);

        Lane Add(string scheme, RecordingApp app)
        {
            apps.Add(app.Start());
            var lane = new Lane(Net.FreePort(), app);
            arguments.AddRange(["--map", $"127.0.0.1:{lane.Port}={scheme}://127.0.0.1:{app.Port}"]);
            return lane;
        }
    }

    internal Task<T> Use<T>(Func<Lane, Task<T>> work) => Use(idle, work);

    /// <summary>A lane whose app speaks HTTP/1.1 behind TLS.</summary>
    internal Task<T> UseTls<T>(Func<Lane, Task<T>> work) => Use(idleTls, work);

    private static async Task<T> Use<T>(Channel<Lane> idle, Func<Lane, Task<T>> work)
    {
        var lane = await idle.Reader.ReadAsync();
        try
        {
            return await work(lane);
        }
        finally
        {
            await idle.Writer.WriteAsync(lane);
        }
    }

    /// <summary>For what leaves requests behind that it waits no answer of: they reach the app late, so no other case gets their lane.</summary>
    internal async Task<T> UseApart<T>(Func<Lane, Task<T>> work)
    {
        await apart.WaitAsync();
        try
        {
            return await work(laneApart!);
        }
        finally
        {
            apart.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (child is not null) await child.DisposeAsync();
        foreach (var app in apps) app.Dispose();
        apart.Dispose();
        certificate.Dispose();
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        return new CertificateRequest("CN=app", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }
}
