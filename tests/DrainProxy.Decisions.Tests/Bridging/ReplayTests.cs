using DrainProxy.Decisions.Bridging;

namespace DrainProxy.Decisions.Tests.Bridging;

public sealed class ReplayTests
{
    [Theory]
    // Sent, refused, answer begun, idempotent, body gone.
    [InlineData(false, false, false, false, false, Replay.Free)]
    [InlineData(false, false, false, true, false, Replay.Free)]
    [InlineData(true, true, false, false, false, Replay.Free)]
    [InlineData(true, true, false, true, false, Replay.Free)]
    [InlineData(true, false, false, true, false, Replay.Budgeted)]
    [InlineData(true, false, false, false, false, Replay.Never)]
    [InlineData(true, false, true, true, false, Replay.Never)]
    [InlineData(true, true, true, true, false, Replay.Never)]
    [InlineData(true, false, false, true, true, Replay.Never)]
    [InlineData(true, true, false, true, true, Replay.Never)]
    [InlineData(false, false, false, true, true, Replay.Never)]
    public void Every_row_of_the_table(bool sent, bool refused, bool answer, bool idempotent, bool body, Replay expected) =>
        Assert.Equal(expected, ReplayRule.Decide(new(sent, refused, answer, idempotent, body)));

    [Fact]
    public void A_dying_app_is_given_time_to_close_its_sockets_before_the_last_try()
    {
        Assert.Equal(TimeSpan.Zero, ReplayRule.Pause(1));
        Assert.True(ReplayRule.Pause(ReplayRule.Most) >= TimeSpan.FromMilliseconds(200));
    }

    [Fact]
    public void What_may_have_run_and_is_not_idempotent_is_never_sent_again()
    {
        foreach (var bits in Enumerable.Range(0, 32))
        {
            var attempt = new FailedAttempt((bits & 1) > 0, (bits & 2) > 0, (bits & 4) > 0, (bits & 8) > 0, (bits & 16) > 0);
            if (attempt is { BytesSent: true, Refused: false, Idempotent: false }) Assert.Equal(Replay.Never, ReplayRule.Decide(attempt));
        }
    }

    [Fact]
    public void The_budget_is_a_tenth_of_the_requests_and_a_few_in_any_case()
    {
        var budget = new ReplayBudget();
        Assert.Equal(ReplayBudget.Least, Taken(budget, requests: 0, TimeSpan.Zero));
        Assert.Equal(80, Taken(budget, requests: 1000, TimeSpan.FromSeconds(5)));
        Assert.Equal(0, Taken(budget, requests: 1000, TimeSpan.FromSeconds(9)));
    }

    [Fact]
    public void A_new_window_starts_with_the_last_ones_requests()
    {
        var budget = new ReplayBudget();
        Taken(budget, 0, TimeSpan.Zero);
        Assert.Equal(200, Taken(budget, requests: 2000, TimeSpan.FromSeconds(11)));
        // After silence nothing is left over.
        Assert.Equal(ReplayBudget.Least, Taken(budget, requests: 2000, TimeSpan.FromSeconds(60)));
    }

    private static int Taken(ReplayBudget budget, long requests, TimeSpan now)
    {
        var taken = 0;
        while (budget.Take(requests, now)) taken++;
        return taken;
    }
}
