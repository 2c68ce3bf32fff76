using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Decisions.Pressure.Costs;

namespace DrainProxy.Decisions.Tests.Pressure.Admission;

public sealed class WaitingLineTests
{
    private static readonly RouteClass Route = new("GET /export");
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    [Fact]
    public void First_come_first_served_while_the_line_moves()
    {
        var line = Line(0, 1, 2);
        Assert.Equal([0, 1, 2], Served(line, 3, at: 4));
    }

    [Fact]
    public void The_newest_go_first_when_the_line_stands_and_the_oldest_is_not_forgotten()
    {
        var line = Line(0, 1, 2, 3, 4, 5);
        Assert.Equal([5, 4, 3, 0, 2, 1], Served(line, 6, at: 7));
    }

    [Fact]
    public void Priorities_go_before_order()
    {
        var line = new WaitingLine(10, Longest);
        foreach (var priority in (Priority[])[Priority.Sheddable, Priority.Normal, Priority.Critical]) Assert.True(line.TryAdd(At(0, priority)));
        var order = new List<Priority>();
        while (line.Next(TimeSpan.Zero) is { } next)
        {
            order.Add(next.Priority);
            line.Take(next);
        }

        Assert.Equal([Priority.Critical, Priority.Normal, Priority.Sheddable], order);
    }

    [Fact]
    public void Bounded_in_number_and_time()
    {
        var line = new WaitingLine(2, Longest);
        Assert.True(line.TryAdd(At(0)));
        Assert.True(line.TryAdd(At(1)));
        Assert.False(line.TryAdd(At(2)));

        var late = new List<Ticket>();
        line.TakeExpired(TimeSpan.FromSeconds(10.5), late);
        Assert.Equal(TimeSpan.Zero, Assert.Single(late).Since);
        Assert.Equal(1, line.Count);
        Assert.False(new WaitingLine(10, TimeSpan.Zero).TryAdd(At(0)));
    }

    [Fact]
    public void Who_leaves_frees_the_place()
    {
        var line = new WaitingLine(1, Longest);
        var ticket = At(0);
        Assert.True(line.TryAdd(ticket));
        WaitingLine.Remove(ticket);
        WaitingLine.Remove(ticket);
        Assert.Equal(0, line.Count);
        Assert.True(line.TryAdd(At(1)));
    }

    private static WaitingLine Line(params int[] seconds)
    {
        var line = new WaitingLine(100, Longest);
        foreach (var second in seconds) Assert.True(line.TryAdd(At(second)));
        return line;
    }

    private static List<int> Served(WaitingLine line, int count, int at)
    {
        var order = new List<int>();
        for (; count > 0; count--)
        {
            var next = line.Next(TimeSpan.FromSeconds(at))!;
            line.Take(next);
            order.Add((int)next.Since.TotalSeconds);
        }

        return order;
    }

    private static Ticket At(int second, Priority priority = Priority.Normal) => new(Route, priority, TimeSpan.FromSeconds(second));
}
