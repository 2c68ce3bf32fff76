using DrainProxy.Decisions.Pressure.Admission;

namespace DrainProxy.Decisions.Tests.Pressure.Admission;

public sealed class WorkerBalanceTests
{
    [Fact]
    public void The_first_one_needs_a_new_connection() => Assert.Equal(-1, WorkerBalance.Choose([]));

    [Fact]
    public void A_new_one_is_made_while_all_are_busy() => Assert.Equal(-1, WorkerBalance.Choose([new(true, 7, 1), new(true, 8, 2)]));

    [Fact]
    public void The_worker_with_less_to_do_gets_it() =>
        Assert.Equal(3, WorkerBalance.Choose([new(true, 7, 1), new(true, 7, 2), new(false, 7, 3), new(false, 8, 9)]));

    [Fact]
    public void Of_equal_ones_the_one_that_has_rested_longest_takes_its_turn() =>
        Assert.Equal(1, WorkerBalance.Choose([new(false, 7, 5), new(false, 8, 4), new(false, 7, 6)]));

    [Fact]
    public void Of_workers_with_equally_many_the_largest_gets_it_since_it_has_the_most_garbage() =>
        Assert.Equal(2, WorkerBalance.Choose([new(false, 7, 1, 300), new(true, 9, 2, 900), new(false, 8, 5, 400)]));

    [Fact]
    public void Unknown_workers_take_turns() => Assert.Equal(1, WorkerBalance.Choose([new(true, 0, 1), new(false, 0, 3), new(false, 0, 4)]));

    [Fact]
    public void A_new_connection_may_lead_to_a_worker_with_less_to_do() =>
        Assert.Equal(-1, WorkerBalance.Choose([new(true, 7, 1), new(false, 7, 2), new(true, 7, 3), new(true, 8, 4)]));

    [Fact]
    public void But_not_for_ever()
    {
        // A worker that accepts no more must not make a connection with each request.
        List<HeavyConnection> connections = [new(true, 7, 1), new(true, 8, 2), new(true, 8, 3)];
        while (WorkerBalance.Choose(connections) == -1 && connections.Count < 100) connections.Add(new(false, 8, connections.Count + 2));
        Assert.InRange(connections.Count, 4, (2 * 3) + WorkerBalance.Spare);
    }

    [Fact]
    public void A_new_connection_to_a_worker_with_more_to_do_than_another_is_worse() =>
        Assert.True(WorkerBalance.IsWorse([new(true, 7, 1), new(false, 8, 2)], 7, 2));

    [Fact]
    public void A_worker_that_no_connection_leads_to_has_nothing_to_do()
    {
        Assert.True(WorkerBalance.IsWorse([new(true, 7, 1)], 7, 2));
        Assert.False(WorkerBalance.IsWorse([new(true, 7, 1)], 7, 1));
    }

    [Theory]
    [InlineData(8)]
    [InlineData(0)]
    public void A_new_connection_to_one_with_as_little_to_do_or_to_nobody_knows_is_taken(int worker) =>
        Assert.False(WorkerBalance.IsWorse([new(true, 7, 1), new(true, 8, 2), new(true, 7, 3)], worker, 2));
}
