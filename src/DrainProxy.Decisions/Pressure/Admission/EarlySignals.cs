namespace DrainProxy.Decisions.Pressure.Admission;

/// <summary>
/// Signs that the app takes no more although its memory would do: its accept queue is about to overflow, or its descriptors are about to run
/// out. Both are answered by giving it nothing new for a moment.
/// </summary>
public struct EarlySignals
{
    /// <summary>Descriptors that an app needs for itself: files, its own connections.</summary>
    public const int FewDescriptors = 16;

    private bool queueStands;
    private bool descriptorsShort;

    /// <summary>Nothing new for now.</summary>
    public readonly bool Closed => queueStands || descriptorsShort;

    /// <summary>Takes a sample in.</summary>
    public void Observe(in PressureSample sample)
    {
        // From three quarters to a quarter: a queue that is merely used says nothing.
        var limit = sample.AcceptQueueLimit;
        queueStands = limit > 0 && sample.AcceptQueue >= (queueStands ? Math.Max(1, limit / 4) : Math.Max(1, limit * 3 / 4));
        descriptorsShort = sample.DescriptorsLeft < (descriptorsShort ? FewDescriptors * 2 : FewDescriptors);
    }
}
