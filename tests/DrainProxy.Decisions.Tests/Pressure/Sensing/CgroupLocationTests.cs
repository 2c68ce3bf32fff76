using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Decisions.Tests.Pressure.Sensing;

public sealed class CgroupLocationTests
{
    private const string Unified = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    private const string Hybrid =
        "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n" +
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n" +
        "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n" +
        "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    [Fact]
    public void On_a_host_the_path_stands_below_the_mount_point() =>
        Assert.Equal(new(CgroupVersion.V2, "/sys/fs/cgroup", "/kubepods/pod1/app"), CgroupLocation.Find("0::/kubepods/pod1/app\n", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + Unified));

    [Fact]
    public void Where_version_1_has_the_memory_controller_the_unified_hierarchy_is_not_asked() =>
        Assert.Equal(
            new(CgroupVersion.V1, "/sys/fs/cgroup/memory", "/shop"),
            CgroupLocation.Find("9:name=systemd:/a\n4:memory:/shop\n3:cpu,cpuacct:/b\n0::/c\n", Hybrid));

    [Theory]
    // Version 2 with a namespace of its own, seen from a neighbour's namespace: both files say the same.
    [InlineData("0::/../9f3c\n", "829 801 0:26 /../9f3c /sys/fs/cgroup ro - cgroup2 cgroup rw\n", CgroupVersion.V2, "/sys/fs/cgroup")]
    // The same, seen from within.
    [InlineData("0::/\n", "829 801 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n", CgroupVersion.V2, "/sys/fs/cgroup")]
    // Version 1 without namespaces: the container's folder is mounted.
    [InlineData("8:memory:/kubepods/pod1/9f3c\n", "9 8 0:30 /kubepods/pod1/9f3c /sys/fs/cgroup/memory ro master:11 - cgroup cgroup rw,memory\n", CgroupVersion.V1, "/sys/fs/cgroup/memory")]
    public void In_a_container_its_own_cgroup_is_the_mount_point(string cgroup, string mountinfo, CgroupVersion version, string point) =>
        Assert.Equal(new(version, point, ""), CgroupLocation.Find(cgroup, mountinfo));

    [Fact]
    public void A_cgroup_below_the_mounted_one_is_the_rest_of_the_path() =>
        Assert.Equal("/workers", CgroupLocation.Find("0::/../9f3c/workers\n", "829 801 0:26 /../9f3c /sys/fs/cgroup ro - cgroup2 cgroup rw\n")!.Below);

    [Theory]
    // A neighbour that our own mount does not reach, and a folder whose name only begins alike.
    [InlineData("0::/../9f3c\n", Unified)]
    [InlineData("0::/shop2\n", "829 801 0:26 /shop /sys/fs/cgroup ro - cgroup2 cgroup rw\n")]
    [InlineData("0::/shop\n", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n")]
    [InlineData("", Unified)]
    [InlineData("garbage\n0:\n", Unified)]
    [InlineData("0::/shop\n", "cgroup2\n - \n1 2 3 4 5 - cgroup2\n")]
    public void What_cannot_be_reached_is_not_guessed(string cgroup, string mountinfo) => Assert.Null(CgroupLocation.Find(cgroup, mountinfo));

    [Fact]
    public void Of_two_mounts_the_nearest_counts_and_octal_blanks_are_read() =>
        Assert.Equal(
            new(CgroupVersion.V2, "/my cgroup", "/a"),
            CgroupLocation.Find("0::/shop/a\n", Unified + "30 23 0:26 /shop /my\\040cgroup rw - cgroup2 cgroup2 rw\n"));

    [Fact]
    public void A_cgroup_is_named_by_its_memory_path()
    {
        Assert.Equal("/x:y", CgroupLocation.PathOf("4:memory:/x:y\n0::/z\n"));
        Assert.Equal("/z", CgroupLocation.PathOf("3:cpu:/x\n0::/z\n"));
        Assert.Null(CgroupLocation.PathOf(""));
    }
}
