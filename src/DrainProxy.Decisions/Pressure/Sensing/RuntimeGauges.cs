using System.Text;

namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>What an app's own metrics tell of its memory.</summary>
/// <param name="UsedBytes">What it uses, by <paramref name="Name"/>.</param>
/// <param name="LimitBytes">What it may use of that; <see cref="long.MaxValue"/> where no metric says.</param>
/// <param name="Name">The metric that was taken.</param>
public sealed record RuntimeMemory(long UsedBytes, long LimitBytes, string Name);

/// <summary>
/// Picks the memory out of an app's metrics, line by line, by the names that the usual libraries give: prom-client (Node), Micrometer, simpleclient, client_java and MicroProfile (JVM),
/// prometheus-net and OpenTelemetry (.NET), client_golang, client_python, prometheus_exporter, GitLab's and yabeda's (Ruby). One object for one text. Samples of one name are added up: pools of a heap, workers of a server.
/// </summary>
public sealed class RuntimeGauges
{
    /// <summary>Bytes of a slot of Ruby's heap (gc.c, sizeof(RVALUE) on 64 bits); what strings and arrays hold beyond it is not told.</summary>
    private const double RubySlot = 40;

    /// <summary>Resident sets, the nearest to what the OOM killer sees first; heaps by runtime, what stands beside or off them, and their maxima.</summary>
    private static readonly Gauge[] Known =
    [
        new(Part.Resident, "ruby_process_proportional_memory_bytes"),
        new(Part.Resident, "process_resident_memory_bytes"),
        new(Part.Resident, "process_memory_usage_bytes"),
        new(Part.Resident, "dotnet_process_memory_working_set_bytes"),
        new(Part.Resident, "process_working_set_bytes"),
        new(Part.Resident, "process_runtime_cpython_memory_bytes", "type", "rss"),
        new(Part.Resident, "ruby_process_resident_memory_bytes"),
        new(Part.Resident, "ruby_rss"),
        new(Part.Heap, "nodejs_heap_size_used_bytes", beside: "nodejs_external_memory_bytes"),
        new(Part.Heap, "v8js_memory_heap_used_bytes"),
        new(Part.Heap, "jvm_memory_used_bytes", "area", "heap", most: "jvm_memory_max_bytes"),
        new(Part.Heap, "jvm_memory_used_bytes", "jvm_memory_type", "heap", most: "jvm_memory_limit_bytes"),
        new(Part.Heap, "jvm_memory_bytes_used", "area", "heap", most: "jvm_memory_bytes_max"),
        new(Part.Heap, "process_runtime_jvm_memory_usage_bytes", "type", "heap", most: "process_runtime_jvm_memory_limit_bytes"),
        new(Part.Heap, "memory_usedHeap_bytes", most: "memory_maxHeap_bytes"),
        new(Part.Heap, "base_memory_usedHeap_bytes", most: "base_memory_maxHeap_bytes"),
        new(Part.Heap, "dotnet_gc_last_collection_memory_committed_size_bytes"),
        new(Part.Heap, "process_runtime_dotnet_gc_committed_memory_size_bytes"),
        new(Part.Heap, "dotnet_gc_last_collection_heap_size_bytes"),
        new(Part.Heap, "process_runtime_dotnet_gc_heap_size_bytes"),
        new(Part.Heap, "process_runtime_dotnet_gc_objects_size_bytes"),
        new(Part.Heap, "dotnet_total_memory_bytes"),
        new(Part.Heap, "go_memstats_sys_bytes", off: "go_memstats_heap_released_bytes"),
        new(Part.Heap, "go_memory_used_bytes"),
        new(Part.Heap, "go_memstats_alloc_bytes"),
        new(Part.Heap, "ruby_gc_stat_heap_live_slots", unit: RubySlot),
        new(Part.Heap, "ruby_heap_live_slots", unit: RubySlot),
        new(Part.Heap, "gc_heap_live_slots", unit: RubySlot),
    ];

    private readonly Sum[] used = new Sum[Known.Length];
    private readonly Sum[] beside = new Sum[Known.Length];
    private readonly Sum[] off = new Sum[Known.Length];
    private readonly Sum[] most = new Sum[Known.Length];

    private enum Part
    {
        Resident,
        Heap,
    }

    /// <summary>Gets how many samples there were.</summary>
    public int Samples { get; private set; }

    /// <summary>Gets a value indicating whether these are DrainProxy's own metrics: its memory is not the app's.</summary>
    public bool AreOurs { get; private set; }

    /// <summary>Takes a line in; what is malformed is passed over.</summary>
    public void Take(ReadOnlySpan<byte> line)
    {
        if (!ExpositionLine.TryParse(line, out var sample)) return;
        Samples++;
        AreOurs |= sample.Name.StartsWith("drainproxy_"u8);
        // A maximum of -1 is "none", and no use is below zero.
        if (sample.Value < 0) return;
        for (var i = 0; i < Known.Length; i++)
        {
            var gauge = Known[i];
            if (gauge.Label is { } label && !sample.Has(label, gauge.LabelValue)) continue;
            Add(sample, gauge.Name, ref used[i]);
            Add(sample, gauge.Beside, ref beside[i]);
            Add(sample, gauge.Off, ref off[i]);
            Add(sample, gauge.Most, ref most[i]);
        }
    }

    /// <summary>What the lines told.</summary>
    /// <param name="bounded">A limit of the whole process is known from elsewhere: its resident set is then what counts, not a heap with a maximum of its own.</param>
    /// <returns>Null when no name was known, or these are our own metrics.</returns>
    public RuntimeMemory? Memory(bool bounded)
    {
        if (AreOurs) return null;
        int? resident = null, heap = null, heapWithMost = null;
        for (var i = Known.Length - 1; i >= 0; i--)
        {
            if (!used[i].Seen) continue;
            if (Known[i].Part == Part.Resident) resident = i;
            else heap = i;
            if (Known[i].Part == Part.Heap && most[i].Value > 0) heapWithMost = i;
        }

        return ((bounded ? resident : null) ?? heapWithMost ?? resident ?? heap) is { } chosen ? Read(chosen) : null;
    }

    private RuntimeMemory Read(int chosen)
    {
        var gauge = Known[chosen];
        var bytes = Math.Max(0, (used[chosen].Value * gauge.Unit) + beside[chosen].Value - off[chosen].Value);
        return new(Bytes(bytes), most[chosen].Value > 0 ? Bytes(most[chosen].Value) : long.MaxValue, gauge.Text);
    }

    /// <summary>Beyond what a long holds the conversion stops at its highest value.</summary>
    private static long Bytes(double value) => (long)value;

    private static void Add(in ExpositionLine sample, byte[]? name, ref Sum sum)
    {
        if (name is not null && sample.Name.SequenceEqual(name)) sum = new(true, sum.Value + sample.Value);
    }

    private readonly record struct Sum(bool Seen, double Value);

    private sealed class Gauge(
        Part part, string name, string? label = null, string? value = null, string? beside = null, string? off = null, string? most = null, double unit = 1)
    {
        public Part Part { get; } = part;

        public string Text { get; } = name;

        public byte[] Name { get; } = Encoding.ASCII.GetBytes(name);

        public byte[]? Label { get; } = Ascii(label);

        public byte[]? LabelValue { get; } = Ascii(value);

        public byte[]? Beside { get; } = Ascii(beside);

        public byte[]? Off { get; } = Ascii(off);

        public byte[]? Most { get; } = Ascii(most);

        public double Unit { get; } = unit;

        private static byte[]? Ascii(string? text) => text is null ? null : Encoding.ASCII.GetBytes(text);
    }
}
