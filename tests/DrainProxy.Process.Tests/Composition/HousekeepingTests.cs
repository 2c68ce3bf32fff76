using DrainProxy.Composition;

namespace DrainProxy.Process.Tests.Composition;

public sealed class HousekeepingTests
{
    private const long Mb = 1 << 20;

    [Theory]
    [InlineData(0, 1, 16, true)]
    [InlineData(0, 1, 15, false)]
    [InlineData(0, 3, 2, true)]
    [InlineData(0, 60, 1, false)]
    [InlineData(0, 0.5, 100, false)]
    [InlineData(1, 60, 100, false)]
    public void Memory_is_handed_back_when_nobody_waits_and_it_pays(long inFlight, double seconds, long megabytes, bool worth) =>
        Assert.Equal(worth, Housekeeping.IsWorthIt(inFlight, TimeSpan.FromSeconds(seconds), megabytes * Mb));

    [Fact]
    public void Only_unchanged_program_files_are_handed_back()
    {
        string[] smaps =
        [
            "1000-3000 r-xp 00000000 fd:00 12 /lib/libc.so.6", "Private_Dirty:         0 kB", "Anonymous:             0 kB",
            "4000-5000 r--p 00000000 fd:00 13 /app/drainproxy.dll", "Private_Dirty:         4 kB",
            "6000-7000 rw-p 00000000 fd:00 12 /lib/libc.so.6", "Private_Dirty:         0 kB",
            "8000-9000 r--s 00000000 fd:00 14 /app/other.dll", "Private_Dirty:         0 kB",
            "a000-b000 r--p 00000000 fd:00 15 /app/data.bin", "Private_Dirty:         0 kB",
            "c000-d000 rw-p 00000000 00:00 0", "Private_Dirty:         0 kB",
            "e000-f000 r--p 00000000 fd:00 16 /app/last.dll", "Locked:                0 kB", "VmFlags: rd mr mw me",
        ];
        Assert.Equal([(0x1000, 0x2000), (0xe000, 0x1000)], RestingMemory.Clean(smaps));
    }
}
