using System.Text;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Decisions.Tests.Pressure.Sensing;

public sealed class CgroupTextTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Version_2_counts_anonymous_shared_kernel_and_socket_memory_and_nothing_that_can_be_taken_back()
    {
        var memory = CgroupText.Stat2(Fixture.Bytes("v2-memory.stat"))!.Value;
        Assert.Equal(new(125 * MiB, 10 * MiB, 6 * MiB, MiB / 4, (30 + 3) * MiB), memory);
        Assert.Equal((125 + 10 + 6) * MiB + (MiB / 4), memory.UsedBytes);
    }

    [Fact]
    public void Before_Linux_5_18_the_kernel_parts_are_added_up()
    {
        var old = Encoding.ASCII.GetString(Fixture.Bytes("v2-memory.stat")).Replace("kernel 9437184\n", "", StringComparison.Ordinal);
        Assert.Equal((1 << 20) + (2 << 20) + 524288 + 65536 + (2 << 20), CgroupText.Stat2(Encoding.ASCII.GetBytes(old))!.Value.KernelBytes);
    }

    [Fact]
    public void Version_1_takes_the_totals_of_the_hierarchy_and_its_nearest_limit()
    {
        // Node with a buffer of 50 MiB, a file of 20 MiB on disk and one of 10 MiB on tmpfs, limit 300 MiB; kmem.usage at the same time.
        var (memory, limit) = CgroupText.Stat1(Fixture.Bytes("v1-memory.stat"), 1437696)!.Value;
        Assert.Equal(300 * MiB, limit);
        Assert.Equal(new(58941440, 10 * MiB, 1437696, 0, 31596544 - (10 * MiB)), memory);
    }

    [Fact]
    public void Version_1_without_a_hierarchy_has_no_totals()
    {
        var (memory, limit) = CgroupText.Stat1("cache 300\nrss 200\nshmem 100\n"u8, 7)!.Value;
        Assert.Equal((new MemoryReading(200, 100, 7, 0, 200), long.MaxValue), (memory, limit));
    }

    [Theory]
    [InlineData("max\n", long.MaxValue)]
    [InlineData("9223372036854771712\n", long.MaxValue)]
    [InlineData("314572800\n", 314572800L)]
    [InlineData("0\n", 0L)]
    [InlineData("", null)]
    [InlineData("-1\n", null)]
    [InlineData("12 34\n", null)]
    [InlineData("maximum\n", null)]
    public void A_limit_is_bytes_or_none(string text, long? limit) => Assert.Equal(limit, CgroupText.Limit(Encoding.ASCII.GetBytes(text)));

    [Fact]
    public void Kills_are_told_by_both_versions()
    {
        Assert.Equal(2, CgroupText.OomKills(Fixture.Bytes("v2-memory.events")));
        Assert.Equal(0, CgroupText.OomKills(Fixture.Bytes("v1-memory.oom_control")));
        Assert.Equal(17, CgroupText.OomKills("oom_kill_disable 0\nunder_oom 0\noom_kill 17\n"u8));
        Assert.Null(CgroupText.OomKills("oom_kill_disable 0\nunder_oom 0\n"u8));
    }

    [Theory]
    [InlineData("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", 0L, 0L)]
    [InlineData("some avg10=12.50 avg60=3.01 avg300=0.66 total=2512345\nfull avg10=9.00 avg60=2.00 avg300=0.40 total=1500000\n", 2512345L, 1500000L)]
    [InlineData("some avg10=12.50 avg60=3.01 avg300=0.66 total=7\n", 7L, 0L)]
    [InlineData("some avg10=12.50 avg60=3.01 avg300=0.66 total=\n", null, null)]
    [InlineData("some", null, null)]
    [InlineData("", null, null)]
    public void Stalls_are_the_totals_of_both_lines(string text, long? some, long? full)
    {
        var stalls = CgroupText.Stalls(Encoding.ASCII.GetBytes(text));
        Assert.Equal(some, (long?)stalls?.Some.TotalMicroseconds);
        Assert.Equal(full, (long?)stalls?.Full.TotalMicroseconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("anon")]
    [InlineData("anon \n")]
    [InlineData("anon many\n")]
    [InlineData("file 12\nshmem 1\n")]
    public void What_is_no_memory_controllers_is_not_guessed(string text)
    {
        Assert.Null(CgroupText.Stat2(Encoding.ASCII.GetBytes(text)));
        Assert.Null(CgroupText.Stat1(Encoding.ASCII.GetBytes(text), 0));
    }

    [Fact]
    public void Cut_at_any_byte_nothing_is_thrown()
    {
        foreach (var file in (string[])["v2-memory.stat", "v1-memory.stat", "v2-memory.events", "status", "smaps_rollup"])
        {
            var text = Fixture.Bytes(file);
            for (var length = 0; length <= text.Length; length++)
            {
                var cut = text.AsSpan(0, length);
                _ = CgroupText.Stat2(cut);
                _ = CgroupText.Stat1(cut, 0);
                _ = CgroupText.OomKills(cut);
                _ = ProcessText.Status(cut);
                _ = ProcessText.ProportionalBytes(cut);
            }
        }
    }
}
