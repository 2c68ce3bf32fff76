namespace DrainProxy.Decisions.Pressure.BlackBox;

/// <summary>A request that the app is working on, as far as it is watched one by one.</summary>
/// <param name="Route">Its class: a name out of a bounded set.</param>
/// <param name="StartedAt">When it was given to the app; monotonic time since the program's start.</param>
/// <param name="PredictedBytes">What it was expected to take when it was let in, in bytes; 0 where nothing was known.</param>
/// <param name="IsAssumed">That was the cautious assumption for a class that is not learned yet, and says nothing of what it takes.</param>
public readonly record struct InFlightRequest(string Route, TimeSpan StartedAt, long PredictedBytes, bool IsAssumed = false);

/// <summary>Who knows the requests that the app is working on.</summary>
public interface IInFlightRequests
{
    /// <summary>Writes those under way now, the oldest first when there are more than fit. Called with each reading, up to 100 times a second.</summary>
    /// <returns>How many were written.</returns>
    int CopyTo(Span<InFlightRequest> requests);
}

/// <summary>Nobody watches requests one by one.</summary>
public sealed class NoInFlightRequests : IInFlightRequests
{
    /// <inheritdoc/>
    public int CopyTo(Span<InFlightRequest> requests) => 0;
}
