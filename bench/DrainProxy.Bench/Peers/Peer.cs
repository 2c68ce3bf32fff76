using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Peers;

/// <summary>One proxy under test: how to start it in front of the app with a configuration that does the same work as the others'.</summary>
internal abstract class Peer
{
    public abstract string Name { get; }

    /// <summary>Why it cannot run here, with the package to install; null when it can.</summary>
    public abstract string? Missing { get; }

    public abstract Task<string> Version();

    /// <summary>Builds what has to be built, once, before anything is measured. A text says why it cannot take part.</summary>
    public virtual Task<string?> Prepare(Workplace workplace) => Task.FromResult<string?>(null);

    /// <summary>Writes the configuration into the folder and returns the command.</summary>
    public abstract Launch Configure(Place place);

    /// <summary>Where the first 200 means ready.</summary>
    public virtual (int Port, string Path) Ready(Place place) => (place.Port, "/");

    /// <summary>Its Prometheus endpoint, scraped during the load as it would be in production.</summary>
    public virtual (int Port, string Path)? Metrics(Place place) => null;

    /// <summary>Whether it takes HTTP/2 with prior knowledge on its port.</summary>
    public virtual bool SpeaksHttp2 => false;

    /// <summary>Whether it listens for TLS as well where a place has a port for that.</summary>
    public virtual bool SpeaksTls => false;

    /// <summary>The counter of requests that it has there.</summary>
    public virtual string RequestCounter => "";
}

/// <summary>Where one start of a peer lives.</summary>
internal sealed record Place(string Folder, int Port, int AdminPort, int AppPort)
{
    /// <summary>For TLS; 0: none.</summary>
    public int TlsPort { get; init; }

    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}

/// <summary>The folders of the whole run.</summary>
internal sealed record Workplace(string Repository, string Temporary);
