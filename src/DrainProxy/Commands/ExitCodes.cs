namespace DrainProxy.Commands;

/// <summary>What the process answers; scripts and manifests rely on it.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>A check failed, or work was cut at the deadline.</summary>
    public const int Failed = 1;

    /// <summary>Wrong command line.</summary>
    public const int Usage = 2;

    /// <summary>Invalid configuration (EX_CONFIG).</summary>
    public const int Configuration = 78;
}
