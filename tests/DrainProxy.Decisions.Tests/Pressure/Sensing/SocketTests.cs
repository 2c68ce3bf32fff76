using System.Text;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Decisions.Tests.Pressure.Sensing;

public sealed class SocketTests
{
    private readonly SocketLeak leak = new();
    private TimeSpan now;

    [Fact]
    public void A_captured_table_is_counted_and_odd_lines_are_survived()
    {
        var rows = Fixture.Lines("tcp").Select(l => SocketRow.Parse(Encoding.ASCII.GetBytes(l))).OfType<SocketRow>().ToList();
        Assert.Equal(
            [(TcpState.Unknown, 2), (TcpState.Established, 3), (TcpState.TimeWait, 3), (TcpState.CloseWait, 1), (TcpState.Listen, 7)],
            rows.CountBy(r => r.State).OrderBy(c => c.Key).Select(c => (c.Key, c.Value)));
        Assert.Contains(new SocketRow(3000, 0x9C40, TcpState.CloseWait, 7009), rows);
        Assert.All(rows.Where(r => r.State == TcpState.TimeWait), r => Assert.Equal(0, r.Inode));
    }

    [Fact]
    public void An_address_of_version_6_has_its_port_at_the_end() => Assert.Equal(
        new(8080, 0x9C40, TcpState.Established, 77),
        SocketRow.Parse("  0: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:9C40 01 00000000:00000000 00:00000000 00000000 1000 0 77 1 0"u8));

    [Fact]
    public void Cut_at_any_byte_a_line_is_none_or_what_it_says()
    {
        foreach (var line in Fixture.Lines("tcp"))
            for (var length = 0; length <= line.Length; length++) _ = SocketRow.Parse(Encoding.ASCII.GetBytes(line[..length]));
    }

    [Theory]
    [InlineData(3000, 41000, 5, SocketOwner.App)]
    [InlineData(8080, 41000, 5, SocketOwner.DrainProxy)]
    [InlineData(41000, 3000, 5, SocketOwner.DrainProxy)]
    [InlineData(41000, 3000, 0, SocketOwner.DrainProxy)]
    [InlineData(41000, 5432, 0, SocketOwner.Other)]
    [InlineData(41000, 5432, 5, null)]
    public void Ports_tell_whose_a_socket_is_and_inodes_the_rest(int local, int remote, long inode, SocketOwner? owner) =>
        Assert.Equal(owner, new SocketOwnership(3000, [8080, 9180]).ByPort(new(local, remote, TcpState.Established, inode)));

    [Fact]
    public void Every_state_and_owner_has_its_own_count()
    {
        var counts = new SocketCounts();
        var places = Enum.GetValues<TcpState>().SelectMany(state => Enum.GetValues<SocketOwner>().Select(owner => (state, owner))).ToList();
        for (var i = 0; i < places.Count; i++)
            for (var added = 0; added <= i; added++) counts.Add(places[i].state, places[i].owner);
        Assert.Equal(Enumerable.Range(1, places.Count), places.Select(p => counts.Of(p.state, p.owner)));
    }

    [Fact]
    public void A_leak_of_one_a_second_is_suspected_within_a_minute_and_cleared_when_it_is_closed()
    {
        var open = new List<long>();
        var suspectedAt = TimeSpan.Zero;
        for (var second = 1; second <= 60; second++)
        {
            open.Add(second);
            if (second % 5 == 0 && Look(5, open).Suspected && suspectedAt == TimeSpan.Zero) suspectedAt = now;
        }

        Assert.InRange(suspectedAt.TotalSeconds, 40, 50);
        Assert.True(Look(5, open).Suspected);
        open.Clear();
        Assert.False(Look(5, open).Suspected);
    }

    [Fact]
    public void Requests_whose_clients_left_come_and_go_and_are_no_leak()
    {
        // Thirty at a time, each for 25 s, with new ones all the time.
        for (var look = 0; look < 100; look++)
            Assert.False(Look(5, [.. Enumerable.Range(0, 30).Select(i => (long)((look + (i / 6)) / 5 * 1000) + i)]).Suspected);
    }

    [Fact]
    public void A_few_that_stay_are_no_leak_and_their_age_is_told()
    {
        for (var look = 0; look < 50; look++) Assert.False(Look(5, [1, 2, 3]).Suspected);
        Assert.Equal((3, TimeSpan.FromSeconds(250)), (Look(5, [1, 2, 3]).Aged, Look(0, [1, 2, 3]).Oldest));
    }

    [Fact]
    public void More_than_are_followed_are_still_a_leak()
    {
        var many = Enumerable.Range(1, SocketLeak.MostFollowed * 2).Select(i => (long)i).ToArray();
        for (var look = 0; look < 12; look++) Look(5, many);
        Assert.Equal((true, SocketLeak.MostFollowed), (Look(5, many).Suspected, Look(0, many).Aged));
    }

    [Fact]
    public void Captured_counters_are_found_by_their_names()
    {
        var troubles = NetText.Troubles(Text("netstat"), Text("snmp"));
        Assert.Equal(new(66961, 66961, 0, 3, 0, 118018), troubles);
        Assert.Equal(new(0, 142, 88), NetText.Node(Text("sockstat")));
        Assert.Equal(28232, NetText.PortRange("32768\t60999\n"));
    }

    [Fact]
    public void Short_or_strange_counters_are_0()
    {
        Assert.Equal(default, NetText.Troubles("TcpExt: ListenOverflows\nTcpExt:\n", "Tcp: RetransSegs\n"));
        Assert.Equal(default, NetText.Troubles("", "garbage"));
        Assert.Equal(default, NetText.Node("TCP: inuse 5 orphan"));
        Assert.Equal(default, NetText.Node(""));
        Assert.Equal(0, NetText.PortRange("60999"));
    }

    private static string Text(string name) => Encoding.ASCII.GetString(Fixture.Bytes(name));

    private LeakVerdict Look(int seconds, IReadOnlyList<long> inodes)
    {
        now += TimeSpan.FromSeconds(seconds);
        return leak.Look([.. inodes], now);
    }
}
