namespace DrainProxy.Kubernetes.Linting;

/// <summary>How bad it is. Errors make `lint` exit with 1.</summary>
public enum Severity
{
    /// <summary>Advice: worth knowing, not wrong.</summary>
    Info,

    /// <summary>Loses requests under some conditions.</summary>
    Warning,

    /// <summary>Loses requests at every deploy or restart, or does not work at all.</summary>
    Error,
}

/// <summary>One cause of 5xx in a manifest.</summary>
/// <param name="Line">1 for the first line of <paramref name="File"/>.</param>
/// <param name="Target">`Kind/namespace/name`.</param>
/// <param name="Field">Path in the object, as `spec.replicas`.</param>
/// <param name="Fix">What to do.</param>
/// <param name="Source">Where the rule comes from.</param>
public sealed record Finding(string Rule, Severity Severity, string File, int Line, string Target, string Field, string Message, string Fix, string Source);
