using DrainProxy.Bench.Memory;

namespace DrainProxy.Bench;

/// <summary>What the command line asks for; the defaults give a run of 5 to 10 minutes.</summary>
internal sealed record Options
{
    public const string Usage = """
        usage: dotnet run -c Release --project bench/DrainProxy.Bench -- [options]
          --peers a,b       nginx, haproxy, caddy, chp, bareyarp, drainproxy, baseline, drainproxy-limit, drainproxy-unwatched (default: the first seven)
          --metrics x,y     cpu, throughput, latency, memory, idle, start (default: all)
          --runs N          rounds; every round takes each peer once, in the same order (default 3)
          --seconds S       length of each measured load (default 5)
          --rate N          requests a second for the latency figures (default 2000)
          --connections N   connections under load (default 64)
          --idle N          idle keep-alive connections (default 4000)
          --quick           1 round of 2 s and 1000 idle connections: does the harness work, not how fast is what
          --pin             each peer on the last processor alone, load and app on the others
          --drainproxy DIR  a published DrainProxy instead of publishing this tree
          --baseline DIR    an earlier publish, measured in the same rounds
          --json FILE       the rows as JSON;   --compare OLD.json   this run against rows kept earlier
          --profile [PEER]  instead of the rows: where the CPU time goes under load (perf), of drainproxy by default
          --attack [x,y]    instead of the rows: good traffic while it is attacked, of drainproxy by default
          --webhook         instead of the rows: reviews of the webhook on one processor
          --memory [APP]    instead of the rows: exports beyond the app's memory limit (bench/README.md), bare, behind HAProxy and behind DrainProxy
                            puma, puma-arenas, puma-two, node, python, java; with --runs 1 --seconds 30 by default, and
                            --memory-limit MIB (1500), --later-limit MIB (from the middle on), --warm N (exports before), --export MIB (120), --maxconn 4,6,8, --arms bare,haproxy,drainproxy, --trace FILE
          --limit MINUTES   no further round is begun that would not end in this time (default 10)
          --keep            leave the temporary folder with the configurations
        """;

    public IReadOnlyList<string>? Peers { get; init; }
    public IReadOnlyList<MetricGroup> Metrics { get; init; } = Enum.GetValues<MetricGroup>();
    public int Runs { get; init; } = 3;
    public double Seconds { get; init; } = 5;
    public int Rate { get; init; } = 2000;
    public int Connections { get; init; } = 64;
    public int Idle { get; init; } = 4000;
    public int LimitMinutes { get; init; } = 10;
    public bool Pin { get; init; }
    public bool Keep { get; init; }
    public string? DrainProxy { get; init; }
    public string? Baseline { get; init; }
    public string? Json { get; init; }
    public string? Compare { get; init; }
    public string? Profile { get; init; }

    /// <summary>Attacks by name, none for all of them; null: no attack.</summary>
    public IReadOnlyList<string>? Attack { get; init; }

    /// <summary>The webhook instead of the proxy.</summary>
    public bool Webhook { get; init; }

    /// <summary>Null: not this mode.</summary>
    public MemoryOptions? Memory { get; init; }

    /// <summary>The warm-up before a measured load: long enough for the runtime's tiers to settle, so it is not cut with <see cref="Seconds"/>.</summary>
    public double WarmUp { get; init; } = 3;

    public bool Wants(MetricGroup group) => Metrics.Contains(group);

    public static Options Parse(IReadOnlyList<string> arguments)
    {
        var options = new Options();
        for (var i = 0; i < arguments.Count; i++)
        {
            var name = arguments[i];
            string Value() => ++i < arguments.Count ? arguments[i] : throw new UsageException($"{name} needs a value");
            string? Optional() => i + 1 < arguments.Count && !arguments[i + 1].StartsWith('-') ? Value() : null;
            options = name switch
            {
                "--peers" => options with { Peers = List(Value()) },
                "--metrics" => options with { Metrics = [.. List(Value()).Select(Group)] },
                "--runs" => options with { Runs = Whole(name, Value(), 1, 20) },
                "--seconds" => options with { Seconds = Whole(name, Value(), 1, 120) },
                "--rate" => options with { Rate = Whole(name, Value(), 1, 50_000) },
                "--connections" => options with { Connections = Whole(name, Value(), 1, 1000) },
                "--idle" => options with { Idle = Whole(name, Value(), 100, 8_000) },
                "--quick" => options with { Runs = 1, Seconds = 2, Idle = 1000, WarmUp = 1.5 },
                "--limit" => options with { LimitMinutes = Whole(name, Value(), 1, 240) },
                "--pin" => options with { Pin = true },
                "--keep" => options with { Keep = true },
                "--drainproxy" => options with { DrainProxy = Path.GetFullPath(Value()) },
                "--baseline" => options with { Baseline = Path.GetFullPath(Value()) },
                "--json" => options with { Json = Path.GetFullPath(Value()) },
                "--compare" => options with { Compare = Path.GetFullPath(Value()) },
                "--profile" => options with { Profile = Optional() ?? "drainproxy" },
                "--webhook" => options with { Webhook = true },
                "--memory" => options with { Memory = new() { App = Optional() ?? "puma" }, Runs = 1, Seconds = 30 },
                "--memory-limit" => Of(options, m => m with { LimitMi = Whole(name, Value(), 64, 65536) }),
                "--later-limit" => Of(options, m => m with { LaterLimitMi = Whole(name, Value(), 64, 65536) }),
                "--export" => Of(options, m => m with { ExportMi = Whole(name, Value(), 1, 4096) }),
                "--clients" => Of(options, m => m with { Clients = Whole(name, Value(), 1, 1000) }),
                "--maxconn" => Of(options, m => m with { MaxConn = [.. List(Value()).Select(v => Whole(name, v, 1, 1000))] }),
                "--arms" => Of(options, m => m with { Arms = List(Value()) }),
                "--warm" => Of(options, m => m with { Warm = Whole(name, Value(), 1, 1000) }),
                "--trace" => Of(options, m => m with { Trace = Path.GetFullPath(Value()) }),
                "--attack" => options with { Attack = List(Optional() ?? "") },
                _ => throw new UsageException($"unknown option {name}"),
            };
        }

        return options;
    }

    private static Options Of(Options options, Func<MemoryOptions, MemoryOptions> change) => options with { Memory = change(options.Memory ?? throw new UsageException("--memory comes first")) };

    private static string[] List(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static MetricGroup Group(string text) => Enum.TryParse<MetricGroup>(text, ignoreCase: true, out var group) && !char.IsDigit(text[0])
        ? group
        : throw new UsageException($"unknown metric {text}");

    private static int Whole(string name, string text, int low, int high) => int.TryParse(text, out var value) && value >= low && value <= high
        ? value
        : throw new UsageException($"{name} {text}: a whole number from {low} to {high}");
}

internal enum MetricGroup { Cpu, Throughput, Latency, Memory, Idle, Start }

internal sealed class UsageException(string message) : Exception(message);
