namespace DrainProxy.Bench.Load;

/// <summary>One read of a Prometheus endpoint.</summary>
internal static class Scrape
{
    private static readonly HttpClient Client = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(5) };

    /// <summary>The answer's text, or why there is none.</summary>
    public static async Task<(string? Text, string? Problem)> Read((int Port, string Path) at, CancellationToken cancellation)
    {
        try
        {
            return (await Client.GetStringAsync(new Uri($"http://127.0.0.1:{at.Port}{at.Path}"), cancellation), null);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return (null, e.Message);
        }
    }

    /// <summary>The sum of a counter over its labels.</summary>
    public static double Sum(string text, string counter) => text.Split('\n')
        .Where(line => line.StartsWith(counter) && line.Length > counter.Length && line[counter.Length] is '{' or ' ')
        .Sum(line => double.TryParse(line[(line.LastIndexOf(' ') + 1)..], out var value) ? value : 0);
}
