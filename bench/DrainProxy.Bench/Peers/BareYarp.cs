using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Peers;

internal sealed class BareYarp : Peer
{
    private string? program;

    public override string Name => "bareyarp";

    public override string? Missing => null;

    public override Task<string> Version() => Task.FromResult($".NET {Environment.Version}, this tree");

    public override async Task<string?> Prepare(Workplace workplace)
    {
        var folder = Path.Combine(workplace.Temporary, "bareyarp");
        program = Path.Combine(folder, "bareyarp");
        return await Publishing.Publish(workplace, "bench/DrainProxy.BareYarp", folder);
    }

    public override Launch Configure(Place place) => new(program!, $"{place.Port}", $"http://127.0.0.1:{place.AppPort}");
}
