using DrainProxy.Proxy.Calls;
using DrainProxy.Proxy.Settings;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Draining;

/// <summary>How a hook of the app ended; <paramref name="Status"/> is 0 when no answer came, and <paramref name="Problem"/> says why.</summary>
internal sealed record AppHookResult(Uri Address, int Status, TimeSpan Took, string? Problem);

/// <summary>
/// Calls the hooks that the app had before `/drain/wait` took their place, as the kubelet would: GET, whatever the status, certificates not verified, all at the same time. Once, after the last request and before the app's SIGTERM.
/// </summary>
internal static partial class AppHookCalls
{
    /// <summary>At least this long, when the drain has used up its part of the budget; at the cost of the app's own stop.</summary>
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(1);

    /// <param name="hooks">What to call.</param>
    /// <param name="left">What is left of the budget until the app's own stop.</param>
    /// <param name="time">Of the limit.</param>
    /// <param name="log">One line for each hook.</param>
    public static async Task<IReadOnlyList<AppHookResult>> Call(IReadOnlyList<AppHook> hooks, TimeSpan left, TimeProvider time, ILogger log)
    {
        if (hooks.Count == 0) return [];
        var handler = OwnCalls.Handler();
        handler.SslOptions = OwnCalls.Unverified();
        using var client = OwnCalls.Client(handler);
        using var limit = new CancellationTokenSource(left > Least ? left : Least, time);
        return await Task.WhenAll(hooks.Select(hook => Call(hook, client, time, log, limit.Token)));
    }

    private static async Task<AppHookResult> Call(AppHook hook, HttpClient client, TimeProvider time, ILogger log, CancellationToken limit)
    {
        var start = time.GetTimestamp();
        var (status, problem) = (0, (string?)null);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, hook.Address);
            request.Headers.TryAddWithoutValidation("User-Agent", "kube-lifecycle (drainproxy)");
            request.Headers.TryAddWithoutValidation("Accept", "*/*");
            foreach (var name in hook.Fields.Select(f => f.Name).Distinct(StringComparer.OrdinalIgnoreCase)) request.Headers.Remove(name);
            foreach (var (name, value) in hook.Fields) request.Headers.TryAddWithoutValidation(name, value);
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit);
            status = (int)answer.StatusCode;
        }
        catch (OperationCanceledException)
        {
            problem = "no answer within the budget";
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidOperationException or FormatException)
        {
            problem = (e.InnerException ?? e).Message;
        }

        var result = new AppHookResult(hook.Address, status, time.GetElapsedTime(start), problem);
        if (problem is null) LogCalled(log, Shown(result), status, result.Took.TotalSeconds);
        else LogFailed(log, Shown(result), problem);
        return result;
    }

    /// <summary>Without its query, which may hold a secret.</summary>
    internal static string Shown(AppHookResult result) => result.Address.GetLeftPart(UriPartial.Path);

    [LoggerMessage(111, LogLevel.Information, "The app's own preStop {Url} answered {Status} after {Seconds:0.000} s", EventName = "app_prestop")]
    private static partial void LogCalled(ILogger log, string url, int status, double seconds);

    [LoggerMessage(112, LogLevel.Warning, "The app's own preStop {Url} failed: {Reason}", EventName = "app_prestop_failed")]
    private static partial void LogFailed(ILogger log, string url, string reason);
}
