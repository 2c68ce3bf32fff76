using DrainProxy.Decisions.Bridging;

namespace DrainProxy.Decisions.Tests.Bridging;

public sealed class SlowStartTests
{
    [Fact]
    public void A_thousand_are_let_go_as_the_app_answers_them()
    {
        var start = new SlowStart();
        var waiting = 1000;
        var inFlight = start.Begin(waiting);
        waiting -= inFlight;
        Assert.Equal(SlowStart.First, inFlight);
        var most = inFlight;
        var rounds = 0;
        for (; waiting > 0; rounds++)
        {
            // All that are in flight are answered in a round.
            var answered = inFlight;
            inFlight = 0;
            for (var i = 0; i < answered; i++)
            {
                var go = start.Answered(waiting);
                waiting -= go;
                inFlight += go;
            }

            // Twice as many as in the round before, never more.
            Assert.InRange(inFlight, 1, most * 2);
            most = Math.Max(most, inFlight);
        }

        Assert.InRange(rounds, 5, 10);
        Assert.False(start.Running);
    }

    [Fact]
    public void Requests_that_never_end_do_not_keep_the_others()
    {
        var start = new SlowStart();
        var waiting = 100 - start.Begin(100);
        var ticks = 0;
        for (; waiting > 0; ticks++) waiting -= start.Ticked(waiting);
        Assert.Equal(12, ticks);
    }

    [Fact]
    public void A_few_go_at_once_and_nothing_runs()
    {
        var start = new SlowStart();
        Assert.Equal(5, start.Begin(5));
        Assert.False(start.Running);
        Assert.Equal(0, start.Answered(3));
        Assert.Equal(0, start.Ticked(3));
    }

    [Fact]
    public void An_app_that_goes_again_gets_no_more()
    {
        var start = new SlowStart();
        start.Begin(100);
        start.Stop();
        Assert.Equal(0, start.Answered(92));
    }
}
