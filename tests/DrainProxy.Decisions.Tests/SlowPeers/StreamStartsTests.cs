using DrainProxy.Decisions.SlowPeers;

namespace DrainProxy.Decisions.Tests.SlowPeers;

public sealed class StreamStartsTests
{
    private static readonly StreamOpening Calm = new(IsTight: false, StartedByAll: 0, StartedHere: 0, RunningHere: 0, AnsweredHere: 0, Held: 0, Waited: TimeSpan.Zero);

    [Fact]
    public void Without_a_crowd_streams_begin_however_many_there_are_and_whatever_their_client_holds() =>
        Assert.Equal(StreamStart.Now, StreamStarts.Decide(Calm with { StartedByAll = StreamStarts.Crowd - 1, StartedHere = 500, Held = 10 << 20 }));

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, StreamStarts.Crowd)]
    public void In_a_crowd_each_connection_begins_a_few_and_the_others_wait(bool isTight, int startedByAll)
    {
        var crowd = Calm with { IsTight = isTight, StartedByAll = startedByAll, RunningHere = StreamStarts.PerConnection };
        Assert.Equal(StreamStart.Now, StreamStarts.Decide(crowd with { StartedHere = StreamStarts.PerConnection - 1 }));
        Assert.Equal(StreamStart.Wait, StreamStarts.Decide(crowd with { StartedHere = StreamStarts.PerConnection }));
    }

    [Theory]
    [InlineData(StreamStarts.PerConnection - 1, 0, StreamStart.Now)]
    [InlineData(StreamStarts.PerConnection, 0, StreamStart.Wait)]
    [InlineData(StreamStarts.PerConnection + 99, 100, StreamStart.Now)]
    [InlineData(StreamStarts.PerConnection + 100, 100, StreamStart.Wait)]
    public void A_client_whose_answers_have_no_content_goes_on_as_they_come(int running, int answered, StreamStart expected) =>
        Assert.Equal(expected, StreamStarts.Decide(Calm with { StartedByAll = StreamStarts.Crowd, StartedHere = 5000, RunningHere = running, AnsweredHere = answered }));

    [Fact]
    public void A_client_that_leaves_answers_where_they_are_begins_nothing_in_a_crowd_and_is_refused_in_the_end()
    {
        var stalled = Calm with { IsTight = true, Held = StreamStarts.Stalls };
        Assert.Equal(StreamStart.Wait, StreamStarts.Decide(stalled));
        Assert.Equal(StreamStart.Refuse, StreamStarts.Decide(stalled with { Waited = StreamStarts.StalledPatience }));
    }

    [Fact]
    public void A_client_that_leaves_nothing_waits_no_longer_than_that() =>
        Assert.Equal(StreamStart.Now, StreamStarts.Decide(Calm with { IsTight = true, StartedHere = StreamStarts.PerConnection, RunningHere = StreamStarts.PerConnection, Waited = StreamStarts.Patience }));

    [Fact]
    public void Starts_are_counted_within_a_window_and_forgotten_after_it()
    {
        var count = new StartCount(At(1));
        count.Add(At(10));
        count.Add(At(10.5));
        Assert.Equal(2, count.At(At(10.9)));
        Assert.Equal(0, count.At(At(11)));
        count.Add(At(11));
        Assert.Equal(1, count.At(At(11.5)));
    }

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
}
