using System.Diagnostics;
using System.Text;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>The root of a virtual machine, as the kernel takes it: a cpio archive (`newc`, kernel documentation: driver-api/early-userspace/buffer-format.rst) with programs and what they are linked with.</summary>
internal sealed class Initramfs
{
    private const int Folder = 0x41ED;
    private const int Executable = 0x81ED;
    private readonly SortedDictionary<string, string> files = new(StringComparer.Ordinal);
    private readonly SortedSet<string> folders = new(StringComparer.Ordinal);

    /// <summary>A file at the same or another place.</summary>
    public void Add(string source, string? place = null)
    {
        var at = place ?? source;
        files[at] = source;
        for (var folder = Path.GetDirectoryName(at)!; folder != "/"; folder = Path.GetDirectoryName(folder)!) folders.Add(folder);
    }

    /// <summary>A program with the libraries that it is linked with.</summary>
    public void AddProgram(string source, string? place = null)
    {
        Add(source, place);
        // "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)", "/lib64/ld-linux-x86-64.so.2 (0x…)"
        foreach (var word in Output("ldd", source).Split([' ', '\t', '\n']))
            if (word.StartsWith('/') && File.Exists(word)) Add(word);
    }

    /// <summary>All files of a folder, those that are linked with their libraries; no folder below whose name is left out.</summary>
    public void AddFolder(string source, string place)
    {
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            if (file.EndsWith(".pdb", StringComparison.Ordinal) || file.EndsWith(".xml", StringComparison.Ordinal)) continue;
            var at = place + file[source.Length..];
            if (file.EndsWith(".so", StringComparison.Ordinal) || Path.GetExtension(file).Length == 0) AddProgram(file, at);
            else Add(file, at);
        }
    }

    /// <summary>An empty folder.</summary>
    public void AddFolder(string place) => folders.Add(place);

    public void Write(string path)
    {
        using var archive = File.Create(path);
        var inode = 0;
        foreach (var folder in folders) Entry(folder, Folder, []);
        foreach (var (at, source) in files) Entry(at, Executable, File.ReadAllBytes(source));
        Entry("/TRAILER!!!", 0, []);

        void Entry(string name, int mode, byte[] data)
        {
            var stored = Encoding.UTF8.GetBytes(name[1..] + "\0");
            // Inode, mode, uid, gid, links, time, size, four device numbers, length of the name, checksum.
            int[] fields = [++inode, mode, 0, 0, 1, 0, data.Length, 0, 0, 0, 0, stored.Length, 0];
            Padded(Encoding.ASCII.GetBytes("070701" + string.Concat(fields.Select(f => f.ToString("X8", System.Globalization.CultureInfo.InvariantCulture)))), stored);
            Padded(data, []);
        }

        void Padded(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
        {
            archive.Write(first);
            archive.Write(second);
            archive.Write(stackalloc byte[(4 - (first.Length + second.Length) % 4) % 4]);
        }
    }

    private static string Output(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return text;
    }
}
