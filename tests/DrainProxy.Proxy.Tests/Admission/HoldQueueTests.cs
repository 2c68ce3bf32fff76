using DrainProxy.Decisions.Bridging;
using DrainProxy.Proxy.Admission;

namespace DrainProxy.Proxy.Tests.Admission;

/// <summary>Who waits for the app is let go when it answers, in whatever order the news of it come.</summary>
public sealed class HoldQueueTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private readonly HoldQueue queue = new(TimeProvider.System);
    private bool admits;

    [Fact]
    public async Task All_go_when_the_app_answers()
    {
        var waiting = Wait(SlowStart.First);
        admits = true;
        queue.Follow(() => admits);
        await Task.WhenAll(waiting);
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public async Task News_that_the_app_is_gone_are_not_believed_when_it_has_come_back_since()
    {
        var waiting = Wait(1);
        // The thread that saw it go is late: the app answers already, and the thread that saw that has been here.
        admits = true;
        queue.Follow(() => admits);
        var newcomer = queue.Wait(() => !admits, Limit, TestContext.Current.CancellationToken);
        queue.Follow(() => admits);
        await Task.WhenAll([newcomer, .. waiting]);
    }

    [Fact]
    public async Task Who_is_left_waits_on_when_the_app_goes_again()
    {
        var waiting = Wait(SlowStart.First + 2);
        admits = true;
        queue.Follow(() => admits);
        await Task.WhenAll(waiting.Take(SlowStart.First));
        admits = false;
        queue.Follow(() => admits);
        queue.Answered();
        Assert.Equal(2, queue.Count);
        admits = true;
        queue.Follow(() => admits);
        await Task.WhenAll(waiting);
    }

    private List<Task> Wait(int count) =>
        [.. Enumerable.Range(0, count).Select(_ => queue.Wait(() => !admits, Limit, TestContext.Current.CancellationToken))];
}
