using System.Text;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Tests.Telemetry;

public sealed class ProcessReaderTests
{
    private const string Tail = " S 1 812 812 0 -1 4194560 5210 0 3 0 120 45 0 0 20 0 17 0 91234 274877906944 11520 18446744073709551615 1 1 0 0 0 0 0 4096 17642 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    [Theory]
    [InlineData("812 (drainproxy)")]
    [InlineData("812 (a b) S 1 (c)")]
    [InlineData("812 (.NET ) Worker)")]
    public void Stat_is_read_whatever_the_name_holds(string head)
        => Assert.Equal(new ProcStat(17, 91234, 274877906944, 11520), ProcStat.Parse(Encoding.ASCII.GetBytes(head + Tail)));

    [Theory]
    [InlineData("")]
    [InlineData("812 (drainproxy")]
    [InlineData("812 (drainproxy) S 1 2 3\n")]
    [InlineData("812 (drainproxy) S 1 812 812 0 -1 4194560 5210 0 3 0 x 45 0 0 20 0 17 0 91234 274877906944 11520 1\n")]
    public void A_stat_that_cannot_be_understood_is_null(string stat) => Assert.Null(ProcStat.Parse(Encoding.ASCII.GetBytes(stat)));

    [Theory]
    [InlineData("Max processes             63522                63522                processes \nMax open files            1024                 524288               files     \n", 1024L)]
    [InlineData("Max open files            unlimited            unlimited            files     \n", null)]
    [InlineData("Max open files", null)]
    [InlineData("", null)]
    public void The_soft_limit_counts(string limits, long? expected) => Assert.Equal(expected, ProcStat.MaxOpenFiles(Encoding.ASCII.GetBytes(limits)));

    [Fact]
    public void This_process_is_read_as_it_is()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        var time = new ManualTime();
        var reader = new ProcessReader(time);
        var before = reader.Read();
        Assert.InRange(before.ResidentBytes!.Value, 10_000_000, 10_000_000_000);
        Assert.True(before.VirtualBytes > before.ResidentBytes);
        Assert.True(before.MaxFiles >= before.OpenFiles);
        Assert.InRange(before.Threads!.Value, 2, 10_000);
        Assert.Equal(new DateTimeOffset(System.Diagnostics.Process.GetCurrentProcess().StartTime).ToUnixTimeMilliseconds() / 1000.0, reader.StartTime!.Value, 2.0);
    }

    [Fact]
    public void Descriptors_opened_show_once_the_sample_is_old()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        var time = new ManualTime();
        var reader = new ProcessReader(time);
        var before = reader.Read().OpenFiles;
        var files = Enumerable.Range(0, 200).Select(_ => File.OpenHandle("/proc/self/stat")).ToList();
        Assert.Equal(before, reader.Read().OpenFiles);
        time.Advance(1);
        // Other tests open and close a few of their own meanwhile.
        Assert.InRange(reader.Read().OpenFiles!.Value - before!.Value, 150, 250);
        files.ForEach(f => f.Dispose());
    }
}
