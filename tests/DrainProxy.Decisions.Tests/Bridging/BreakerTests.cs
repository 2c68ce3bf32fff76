using DrainProxy.Decisions.Bridging;

namespace DrainProxy.Decisions.Tests.Bridging;

public sealed class BreakerTests
{
    [Fact]
    public void Requests_wait_for_an_app_that_is_away_for_the_first_time()
    {
        var breaker = new Breaker();
        Assert.Equal(Passage.Wait, breaker.Ask());
        Assert.True(breaker.Keeps);
        breaker.AppAnswers();
        Assert.True(breaker.Admits);
        Assert.Equal(Passage.Go, breaker.Ask());
        breaker.AppGone();
        Assert.False(breaker.Admits);
        Assert.Equal(Passage.Wait, breaker.Ask());
    }

    [Fact]
    public void An_exhausted_hold_refuses_those_who_come_until_the_app_answers()
    {
        var breaker = Open();
        Assert.Equal(Passage.Refuse, breaker.Ask());
        breaker.AppAnswers();
        Assert.Equal(BreakerState.HalfOpen, breaker.State);
        Assert.False(breaker.Admits);
    }

    [Fact]
    public void One_request_alone_tries_and_its_answer_lets_all_go()
    {
        var breaker = HalfOpen();
        Assert.False(breaker.Keeps);
        Assert.Equal(Passage.Probe, breaker.Ask());
        Assert.True(breaker.Keeps);
        Assert.Equal(Passage.Wait, breaker.Ask());
        breaker.Answered();
        Assert.True(breaker.Admits);
        Assert.Equal(Passage.Go, breaker.Ask());
    }

    [Fact]
    public void A_failed_probe_refuses_again_and_the_next_one_goes_after_the_pause()
    {
        var breaker = HalfOpen();
        breaker.Ask();
        breaker.Failed();
        Assert.Equal(Passage.Refuse, breaker.Ask());
        breaker.PauseOver();
        Assert.Equal(Passage.Probe, breaker.Ask());
    }

    [Fact]
    public void An_app_that_is_gone_again_gets_no_probe_after_the_pause()
    {
        var breaker = HalfOpen();
        breaker.Ask();
        breaker.Failed();
        breaker.AppGone();
        breaker.PauseOver();
        Assert.Equal(Passage.Refuse, breaker.Ask());
    }

    [Fact]
    public void The_place_of_a_probe_whose_client_left_is_free()
    {
        var breaker = HalfOpen();
        breaker.Ask();
        breaker.Abandoned();
        Assert.False(breaker.Keeps);
        Assert.Equal(Passage.Probe, breaker.Ask());
    }

    [Fact]
    public void A_limit_that_passes_while_nobody_tries_says_nothing()
    {
        var breaker = HalfOpen();
        breaker.Answered();
        Assert.Equal(BreakerState.HalfOpen, breaker.State);
    }

    [Fact]
    public void A_full_wait_while_the_app_answers_opens_nothing()
    {
        var breaker = new Breaker();
        breaker.AppAnswers();
        breaker.Exhausted();
        Assert.True(breaker.Admits);
        breaker = HalfOpen();
        breaker.Ask();
        breaker.Exhausted();
        Assert.Equal(BreakerState.HalfOpen, breaker.State);
    }

    [Fact]
    public void Whatever_happens_all_go_exactly_when_it_is_closed_and_the_app_answers()
    {
        // Every sequence of six events: what holds after each of them.
        for (var sequence = 0; sequence < 7 * 7 * 7 * 7 * 7 * 7; sequence++)
        {
            var breaker = new Breaker();
            var answers = false;
            var probes = 0;
            for (var (step, rest) = (0, sequence); step < 6; step++, rest /= 7)
            {
                var before = breaker.State;
                switch (rest % 7)
                {
                    case 0: breaker.AppAnswers(); answers = true; break;
                    case 1: breaker.AppGone(); answers = false; break;
                    case 2: breaker.Exhausted(); break;
                    case 3: breaker.Answered(); break;
                    case 4: breaker.Failed(); break;
                    case 5: breaker.PauseOver(); break;
                    case 6 when breaker.Ask() == Passage.Probe: probes++; break;
                }

                if (before != BreakerState.HalfOpen && breaker.State == BreakerState.HalfOpen) probes = 0;
                Assert.Equal(answers && breaker.State == BreakerState.Closed, breaker.Admits);
                Assert.True(!breaker.Admits || !breaker.Keeps, "who may go is not kept");
                Assert.InRange(probes, 0, 1);
                // From open to closed only by way of a probe.
                Assert.False(before == BreakerState.Open && breaker.State == BreakerState.Closed);
                Assert.False(breaker.State == BreakerState.HalfOpen && !answers, "nobody tries an app that is away");
            }
        }
    }

    private static Breaker Open()
    {
        var breaker = new Breaker();
        breaker.Exhausted();
        Assert.Equal(BreakerState.Open, breaker.State);
        return breaker;
    }

    private static Breaker HalfOpen()
    {
        var breaker = Open();
        breaker.AppAnswers();
        return breaker;
    }
}
