namespace DrainProxy.Kubernetes.Manifests;

/// <summary>Input that cannot be read or parsed. The message is `file:line: what`, or `file: what` where no line is known.</summary>
public sealed class ManifestException : Exception
{
    public ManifestException()
        : this("manifest", null, "cannot be read")
    {
    }

    public ManifestException(string message)
        : base(message)
    {
    }

    public ManifestException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <param name="line">1 for the first line; null when none is known.</param>
    internal ManifestException(string file, int? line, string problem)
        : base(Printable.Of(line is { } number ? $"{file}:{number}: {problem}" : $"{file}: {problem}"))
    {
    }
}
