using DrainProxy.Demo.Load;

namespace DrainProxy.Demo.Scenarios;

/// <summary>
/// The 502 that nobody can explain: the app closes idle connections earlier than the load balancer lets go of them, and now and then a request
/// meets the close half-way. Waves of POSTs, spaced around the app's idle timeout, make the rare thing common.
/// </summary>
internal sealed class IdleKeepAliveRace : Scenario
{
    private const int Clients = 40;
    private const int Waves = 8;
    private const int EarliestMilliseconds = -20;
    private const int LatestMilliseconds = 6;

    public override string Name => "idle keep-alive race";

    public override TimeSpan AppIdleTimeout => TimeSpan.FromSeconds(2);

    public override async Task PlayAsync(Stage stage, CancellationToken cancel)
    {
        await Task.WhenAll(stage.StartPodAsync("pod 1", cancel), stage.StartPodAsync("pod 2", cancel));
        var clients = Enumerable.Range(0, Clients)
            .Select(_ => new LoadClient(stage.Port, stage.Tally, stage.Settings.ClientTimeout, stage.Time)).ToList();
        try
        {
            for (var wave = 1; wave <= Waves; wave++)
            {
                stage.Say($"wave {wave} of {Waves}");
                await Task.WhenAll(clients.Select((client, index) => PostAsync(client, index, wave, stage, cancel)));
                stage.CheckPods();
            }
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    private async Task PostAsync(LoadClient client, int index, int wave, Stage stage, CancellationToken cancel)
    {
        if (wave > 1)
        {
            // Each wave spreads its clients evenly over the window, so that some always meet the moment of closing.
            var offset = EarliestMilliseconds + ((LatestMilliseconds - EarliestMilliseconds) * index / (double)(Clients - 1));
            await Task.Delay(AppIdleTimeout + TimeSpan.FromMilliseconds(offset), stage.Time, cancel);
        }

        await client.PostAsync($"/orders/{index}-{wave}", $"item {index}-{wave}", cancel);
    }
}
