using System.Text;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Decisions.Tests.Pressure.Sensing;

/// <summary>What metrics of real libraries (Fixtures/metrics-*, captured from prom-client 15 and prometheus_client 0.16) and of documented ones tell of memory.</summary>
public sealed class RuntimeGaugesTests
{
    [Fact]
    public void Of_prom_client_the_resident_set_counts()
    {
        Assert.Equal(new RuntimeMemory(53977088, long.MaxValue, "process_resident_memory_bytes"), Read(Fixture.Bytes("metrics-node")));
    }

    [Fact]
    public void Of_a_python_app_the_resident_set_counts()
    {
        Assert.Equal(new RuntimeMemory(24920064, long.MaxValue, "process_resident_memory_bytes"), Read(Fixture.Bytes("metrics-python")));
    }

    [Theory]
    [InlineData("nodejs_heap_size_used_bytes 100\nnodejs_heap_size_total_bytes 900\nnodejs_external_memory_bytes 30\n", 130, "nodejs_heap_size_used_bytes")]
    [InlineData("go_memstats_sys_bytes 2e+07\ngo_memstats_heap_released_bytes 5e+06\ngo_memstats_alloc_bytes 1e+06\n", 15000000, "go_memstats_sys_bytes")]
    [InlineData("go_memstats_alloc_bytes 1.5e+06\n", 1500000, "go_memstats_alloc_bytes")]
    [InlineData("dotnet_total_memory_bytes 70\nprocess_working_set_bytes 900\n", 900, "process_working_set_bytes")]
    [InlineData("process_runtime_dotnet_gc_heap_size_bytes{generation=\"gen0\"} 1\nprocess_runtime_dotnet_gc_heap_size_bytes{generation=\"loh\"} 20\n", 21, "process_runtime_dotnet_gc_heap_size_bytes")]
    [InlineData("dotnet_gc_last_collection_memory_committed_size_bytes 50\ndotnet_process_memory_working_set_bytes 80\n", 80, "dotnet_process_memory_working_set_bytes")]
    [InlineData("ruby_gc_stat_heap_live_slots{pid=\"1\"} 1000\nruby_gc_stat_heap_live_slots{pid=\"2\"} 500\n", 60000, "ruby_gc_stat_heap_live_slots")]
    [InlineData("ruby_rss{type=\"web\",pid=\"8\"} 70\nruby_rss{type=\"web\",pid=\"9\"} 60\nruby_heap_live_slots 3\n", 130, "ruby_rss")]
    [InlineData("ruby_process_resident_memory_bytes{pid=\"puma_0\"} 70\nruby_process_proportional_memory_bytes{pid=\"puma_0\"} 40\n", 40, "ruby_process_proportional_memory_bytes")]
    [InlineData("process_runtime_cpython_memory_bytes{type=\"vms\"} 900\nprocess_runtime_cpython_memory_bytes{type=\"rss\"} 30\n", 30, "process_runtime_cpython_memory_bytes")]
    public void Each_runtime_is_known_by_its_own_names(string text, long used, string name) =>
        Assert.Equal(new RuntimeMemory(used, long.MaxValue, name), Read(text));

    [Theory]
    [InlineData("jvm_memory_used_bytes{area=\"heap\",id=\"G1 Eden Space\",} 1.0\njvm_memory_used_bytes{area=\"heap\",id=\"G1 Old Gen\",} 20.0\njvm_memory_used_bytes{area=\"nonheap\",id=\"Metaspace\",} 500.0\n"
        + "jvm_memory_max_bytes{area=\"heap\",id=\"G1 Eden Space\",} -1.0\njvm_memory_max_bytes{area=\"heap\",id=\"G1 Old Gen\",} 4.0E2\njvm_memory_max_bytes{area=\"nonheap\",id=\"Metaspace\",} -1.0\n", 21, 400)]
    [InlineData("jvm_memory_bytes_used{area=\"heap\",} 7\njvm_memory_bytes_used{area=\"nonheap\",} 9\njvm_memory_bytes_max{area=\"heap\",} 100\n", 7, 100)]
    [InlineData("jvm_memory_used_bytes{jvm_memory_pool_name=\"a\",jvm_memory_type=\"heap\"} 7\njvm_memory_limit_bytes{jvm_memory_type=\"heap\"} 100\njvm_memory_used_bytes{jvm_memory_type=\"non_heap\"} 9\n", 7, 100)]
    [InlineData("base_memory_usedHeap_bytes 7\nbase_memory_maxHeap_bytes 100\n", 7, 100)]
    [InlineData("jvm_memory_bytes_used{area=\"heap\",} 7\njvm_memory_bytes_max{area=\"heap\",} -1\n", 7, long.MaxValue)]
    public void A_java_heap_has_its_maximum(string text, long used, long limit)
    {
        var memory = Read(text)!;
        Assert.Equal((used, limit), (memory.UsedBytes, memory.LimitBytes));
    }

    [Fact]
    public void With_a_limit_of_the_whole_process_its_resident_set_counts_and_without_one_the_heap_that_has_a_maximum()
    {
        const string Both = "process_resident_memory_bytes 900\njvm_memory_bytes_used{area=\"heap\"} 7\njvm_memory_bytes_max{area=\"heap\"} 100\n";
        Assert.Equal(new RuntimeMemory(900, long.MaxValue, "process_resident_memory_bytes"), Read(Both, bounded: true));
        Assert.Equal(new RuntimeMemory(7, 100, "jvm_memory_bytes_used"), Read(Both));
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html><body>404</body></html>\n")]
    [InlineData("{\"memory\": 12}\n")]
    [InlineData("process_resident_memory_bytes\n")]
    [InlineData("process_resident_memory_bytes NaN\nprocess_resident_memory_bytes +Inf\nprocess_resident_memory_bytes -1\n")]
    [InlineData("process_resident_memory_bytes 12abc\n")]
    [InlineData("process_resident_memory_bytes{a=\"} 12\n")]
    [InlineData("# process_resident_memory_bytes 12\nprocess_resident_memory_bytes_total 12\nxprocess_resident_memory_bytes 12\n")]
    [InlineData("process_resident_memory_bytes 12\ndrainproxy_build_info{version=\"1\"} 1\n")]
    public void What_tells_nothing_of_the_apps_memory_is_not_guessed(string text) => Assert.Null(Read(text));

    [Theory]
    [InlineData("a{b=\"x\",area=\"heap\"} 1", true)]
    [InlineData("a{ area = \"heap\" , } 1 1700000000000", true)]
    [InlineData("a{b=\"area=\\\"heap\\\"\",c=\"}\"} 1", false)]
    [InlineData("a{b=\"\\\\\",area=\"heap\"} 1", true)]
    [InlineData("a{area=\"nonheap\"} 1", false)]
    [InlineData("a{area=heap} 1", false)]
    [InlineData("a 1", false)]
    public void Labels_are_read_as_the_format_writes_them(string text, bool has)
    {
        Assert.True(ExpositionLine.TryParse(Encoding.UTF8.GetBytes(text), out var line));
        Assert.Equal(1, line.Value);
        Assert.Equal(has, line.Has("area"u8, "heap"u8));
    }

    [Fact]
    public void Numbers_beyond_what_bytes_can_be_stop_at_the_highest()
    {
        Assert.Equal(long.MaxValue, Read("process_resident_memory_bytes 1e300\n")!.UsedBytes);
    }

    [Fact]
    public void Cut_at_any_byte_and_with_any_byte_changed_nothing_is_thrown()
    {
        var text = Fixture.Bytes("metrics-node")[..2000];
        for (var length = 0; length <= text.Length; length++) Read(text[..length]);
        for (var at = 0; at < text.Length; at++)
        {
            var kept = text[at];
            foreach (var other in "\0\"{}\\=,-e\n\xff"u8)
            {
                text[at] = other;
                Read(text);
            }

            text[at] = kept;
        }
    }

    private static RuntimeMemory? Read(string text, bool bounded = false) => Read(Encoding.UTF8.GetBytes(text), bounded);

    private static RuntimeMemory? Read(byte[] text, bool bounded = false)
    {
        var gauges = new RuntimeGauges();
        foreach (var line in new ReadOnlySpan<byte>(text).Split((byte)'\n')) gauges.Take(text.AsSpan()[line]);
        return gauges.Memory(bounded);
    }
}
