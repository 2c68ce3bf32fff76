using DrainProxy.Proxy.Calls;

namespace DrainProxy.Proxy.NodeRemoval;

/// <summary>An answer of a metadata service; <paramref name="Status"/> is 0 when none came, and <paramref name="Problem"/> says why.</summary>
internal readonly record struct MetadataAnswer(int Status, string Body, string? ETag, string? Problem);

/// <summary>
/// Asks a metadata service. An answer is bounded in size and time.
/// </summary>
internal sealed class MetadataClient : IDisposable
{
    private const int LargestBody = 64 << 10;
    private readonly TimeProvider time;
    private readonly HttpClient http;

    public MetadataClient(TimeProvider time)
    {
        this.time = time;
        var handler = OwnCalls.Handler();
        handler.MaxConnectionsPerServer = 2;
        http = OwnCalls.Client(handler);
        http.MaxResponseContentBufferSize = LargestBody;
    }

    /// <summary>Never throws, but for the end of <paramref name="stop"/>.</summary>
    public async Task<MetadataAnswer> Ask(HttpMethod method, Uri address, (string Name, string Value)? header, TimeSpan limit, CancellationToken stop)
    {
        using var late = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stop);
        using var request = new HttpRequestMessage(method, address);
        if (header is var (name, value)) request.Headers.TryAddWithoutValidation(name, value);
        try
        {
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseContentRead, either.Token);
            var etag = answer.Headers.TryGetValues("ETag", out var tags) ? tags.FirstOrDefault() : null;
            return new((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(either.Token), etag, null);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return new(0, "", null, $"no answer within {limit.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException)
        {
            // A charset that does not exist is an InvalidOperationException.
            return new(0, "", null, (e.InnerException ?? e).Message);
        }
    }

    public void Dispose() => http.Dispose();
}
