namespace DrainProxy.Demo.Load;

/// <summary>
/// Clients that send at a fixed rate, GET and POST in turn (or GET alone), most of them quick and some slow, until told to stop; a request under way is then
/// still waited for. A client that waits for its answer skips its turn, so the rate never becomes a burst.
/// </summary>
internal sealed class SteadyLoad(int clients, double requestsPerSecond, int port, Tally tally, DemoSettings settings, TimeProvider time, bool readOnly = false)
{
    /// <summary>Runs <paramref name="meanwhile"/> under load.</summary>
    public async Task DuringAsync(Func<Task> meanwhile, CancellationToken cancel)
    {
        using var stopping = new CancellationTokenSource();
        var running = Task.WhenAll(Enumerable.Range(0, clients).Select(index => RunClientAsync(index, stopping.Token, cancel)));
        try
        {
            await meanwhile();
        }
        finally
        {
            await stopping.CancelAsync();
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await running;
    }

    private async Task RunClientAsync(int index, CancellationToken stopping, CancellationToken cancel)
    {
        using var client = new LoadClient(port, tally, settings.ClientTimeout, time);
        var period = TimeSpan.FromSeconds(clients / requestsPerSecond);
        try
        {
            await Task.Delay(period * index / clients, time, stopping);
            using var turn = new PeriodicTimer(period, time);
            for (var n = 0; await turn.WaitForNextTickAsync(stopping); n++)
            {
                var work = n % 10 == 9 ? 400 : 5 + (7 * n % 20);
                var target = $"/orders/{index}-{n}?work={work}";
                await (readOnly || n % 2 == 0 ? client.GetAsync(target, cancel) : client.PostAsync(target, $"item {index}-{n}", cancel));
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // Told to stop.
        }
    }
}
