using System.Diagnostics;

namespace DrainProxy.Kubernetes.Tests.Commands;

/// <summary>The sidecar pays nothing for the manifest commands.</summary>
public sealed class RunStaysLeanTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Run_loads_neither_the_manifest_code_nor_YAML()
    {
        Assert.SkipUnless(Directory.Exists("/proc/self"), "needs /proc (Linux) to see what a process has loaded");
        using var process = Process.Start(new ProcessStartInfo(
            Path.Combine(AppContext.BaseDirectory, "drainproxy"), ["run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--linger", "0", "--log-format", "json"])
        { RedirectStandardOutput = true })!;
        try
        {
            using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
            // The first line that names the listeners comes when all is bound.
            while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line && !line.Contains("admin", StringComparison.OrdinalIgnoreCase))
            {
            }

            var maps = await File.ReadAllTextAsync($"/proc/{process.Id}/maps", limit.Token);

            Assert.Contains("DrainProxy.Proxy.dll", maps, StringComparison.Ordinal);
            Assert.DoesNotContain("DrainProxy.Kubernetes.dll", maps, StringComparison.Ordinal);
            Assert.DoesNotContain("YamlDotNet.dll", maps, StringComparison.Ordinal);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
    }
}
