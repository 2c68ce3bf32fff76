using System.Globalization;
using System.Text.Json;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>The app's memory and a kill on a kernel whose memory controller is in the unified hierarchy, which the machine of the tests need not have.</summary>
[Collection(Alone.Name)]
[Trait("needs", "tools")]
public sealed class CgroupV2Tests(ITestOutputHelper output)
{
    private const long MiB = 1 << 20;

    [Fact]
    public async Task Memory_limits_pressure_and_a_kill_are_seen_by_the_files_of_version_2()
    {
        await using var machine = VirtualMachine.Start("guest_init.sh", "guest.pl");
        var began = TimeProvider.System.GetTimestamp();
        await machine.Off(TimeSpan.FromMinutes(5));
        output.WriteLine($"{TimeProvider.System.GetElapsedTime(began).TotalSeconds:0} s\n{machine.Console}");
        Assert.Equal("1", machine.Told("end"));

        Assert.Equal("\"cgroup\"", machine.Told("method"));
        Assert.EndsWith("/sys/fs/cgroup/pod/app\"", machine.Told("source"), StringComparison.Ordinal);
        Assert.Equal(1, Number("by_cgroup"));
        // The pod's limit less what the sidecar uses of it, until the app has a nearer one.
        Assert.InRange(Number("limit_bytes"), 150 * MiB, 290 * MiB);
        Assert.Equal(150 * MiB, Number("own_limit_of_app"));
        Assert.Equal(128 * MiB, Number("own_limit_bytes"));

        Assert.InRange(Number("grown_bytes"), 39 * MiB, 60 * MiB);
        Assert.InRange(Number("used_bytes") - Number("stat_bytes"), -2 * MiB, 2 * MiB);
        Assert.InRange(Number("charged_bytes") - Number("current_bytes"), -2 * MiB, 2 * MiB);

        Assert.Equal(200, Number("light"));
        Assert.Equal(502, Number("climb"));
        Assert.Equal(1, Number("kernel_kills"));
        Assert.Equal(1, Number("oom_kills"));
        Assert.Equal(200, Number("again"));
        // Safe by its method, and not asked of the app again.
        Assert.Equal(1, Number("climbs"));
        var kill = JsonDocument.Parse(machine.Told("event")).RootElement;
        Assert.Equal(1, kill.GetProperty("kills").GetInt32());
        Assert.Equal("counter", kill.GetProperty("evidence").GetString());
        Assert.Equal(150 * MiB, kill.GetProperty("limit_bytes").GetInt64());
        Assert.Equal("GET /climb", kill.GetProperty("culprit").GetProperty("route").GetString());
        Assert.True(kill.GetProperty("culprit").GetProperty("share").GetDouble() > 0.5);
        Assert.NotEqual("", kill.GetProperty("advice").GetString());

        // Both are sums that only rise; ours was read half a second earlier at most.
        Assert.InRange((Number("pressure_us") / 1e6) - Number("stalled_s"), 0, 1);
        Assert.InRange(Number("low_headroom_bytes"), 0, 45 * MiB);

        double Number(string name) => double.Parse(machine.Told(name), CultureInfo.InvariantCulture);
    }
}
