using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Decisions.Tests.Pressure.Sensing;

public sealed class ProcessTextTests
{
    private const string Heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";

    [Fact]
    public void A_status_tells_resident_parts()
    {
        Assert.Equal(new(57560 * 1024, 0, 576 * 1024, 0, 33988 * 1024), ProcessText.Status(Fixture.Bytes("status")));
        Assert.Equal(default, ProcessText.Status("Name:\tkworker\nState:\tI (idle)\n"u8));
    }

    [Fact]
    public void The_proportional_share_leaves_program_files_out()
    {
        Assert.Equal(57560 * 1024, ProcessText.ProportionalBytes(Fixture.Bytes("smaps_rollup")));
        Assert.Null(ProcessText.ProportionalBytes("Rss: 1 kB\nPss: 1 kB\n"u8));
    }

    [Theory]
    [InlineData("7 (puma: 5.6.5) x) S 3 9 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 8812 99 1\n", 3, 9, 8812)]
    [InlineData("7 (a) S 3 7\n", null, null, null)]
    [InlineData("", null, null, null)]
    public void A_process_has_a_parent_a_group_and_a_start(string stat, int? parent, int? group, int? started)
    {
        var read = ProcessText.Stat(stat);
        Assert.Equal((parent, group, (long?)started), (read?.Parent, read?.Group, read?.Started));
    }

    [Fact]
    public void Listening_sockets_of_a_port_are_found_by_either_family_and_odd_lines_are_survived()
    {
        string[] table =
        [
            Heading,
            "   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5001 1 0 100 0 0 10 0",
            "   1: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5002 1 0 100 0 0 10 0",
            "   2: 0100007F:0BB8 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 5003 1 0 20 4 30 10 -1",
            "   3: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5004 1 0 100 0 0 10 0",
            "   4: 0100007F:0BB8 00000000:0000 0A 00000000",
            "   5: nonsense 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5005",
            "",
        ];
        Assert.Equal([5001, 5002], ProcessText.Listeners(table, 3000));
    }

    [Fact]
    public void Unix_sockets_that_listen_are_found_by_their_path()
    {
        string[] table =
        [
            "Num       RefCount Protocol Flags    Type St Inode Path",
            "0000000000000000: 00000002 00000000 00010000 0001 01 7001 /run/app.sock",
            "0000000000000000: 00000003 00000000 00000000 0001 03 7002 /run/app.sock",
            "0000000000000000: 00000002 00000000 00010000 0001 01 7003 /run/app.sock2",
            "0000000000000000: 00000002 00000000 00010000 0001 01 7004",
            "short",
        ];
        Assert.Equal([7001], ProcessText.UnixListeners(table, "/run/app.sock"));
    }
}
