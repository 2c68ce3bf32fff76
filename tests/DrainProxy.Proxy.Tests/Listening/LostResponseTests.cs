using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Tests.Telemetry;
using Microsoft.AspNetCore.Connections;

namespace DrainProxy.Proxy.Tests.Listening;

/// <summary>A connection's break and the end of its exchange are told by two threads, in any order.</summary>
public sealed class LostResponseTests
{
    private readonly ManualTime time = new();
    private readonly TrackedConnection connection;

    public LostResponseTests() =>
        connection = new(new DefaultConnectionContext(), target: null!, socket: null, new(TimeSpan.MaxValue, int.MaxValue), time);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_reset_right_after_the_answer_loses_it_whichever_is_told_first(bool breakFirst)
    {
        Assert.True(connection.TryBegin());
        var answeredAt = time.GetTimestamp();
        if (breakFirst) Break();
        connection.End(answeredAt, answered: true);
        if (!breakFirst) Break();
        connection.Finish();
        Assert.True(connection.LostResponse);
    }

    [Fact]
    public void A_client_that_resets_while_it_waits_has_left_and_lost_no_answer()
    {
        Assert.True(connection.TryBegin());
        Break();
        connection.End(time.GetTimestamp(), answered: false);
        connection.Finish();
        Assert.False(connection.LostResponse);
    }

    [Fact]
    public void An_end_without_a_break_has_lost_nothing()
    {
        Assert.True(connection.TryBegin());
        connection.End(time.GetTimestamp(), answered: true);
        connection.Finish();
        Assert.False(connection.LostResponse);
    }

    private void Break() => Assert.False(connection.Fails(new ConnectionResetException("reset")));
}
