using DrainProxy.Decisions.Bridging;

namespace DrainProxy.Decisions.Tests.Bridging;

public sealed class ResponseLossTests
{
    [Theory]
    // Milliseconds since the answer, broken, unacknowledged bytes.
    [InlineData(null, true, 0, false)]
    [InlineData(0, true, 1, true)]
    [InlineData(60_000, true, 1, true)]
    [InlineData(0, false, 1, false)]
    [InlineData(999, false, 1, false)]
    [InlineData(1000, false, 1, true)]
    [InlineData(0, true, 0, true)]
    [InlineData(999, true, 0, true)]
    [InlineData(1000, true, 0, false)]
    [InlineData(0, false, 0, false)]
    [InlineData(60_000, false, 0, false)]
    public void Every_row_of_the_table(int? milliseconds, bool broken, long unacknowledged, bool lost)
    {
        TimeSpan? since = milliseconds is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
        Assert.Equal(lost, ResponseLoss.IsLost(new(since, broken, unacknowledged)));
    }
}
