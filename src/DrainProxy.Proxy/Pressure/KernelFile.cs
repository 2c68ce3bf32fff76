using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace DrainProxy.Proxy.Pressure;

/// <summary>Takes one line of a file.</summary>
internal delegate void LineAction(ReadOnlySpan<byte> line);

/// <summary>A small file of /proc or a cgroup that is read again and again: kept open, since opening costs more than reading.</summary>
internal sealed partial class KernelFile : IDisposable
{
    /// <summary>O_RDONLY | O_CLOEXEC, on x86-64 and arm64 alike.</summary>
    private const int ReadOnlyCloseOnExec = 0x80000;

    private readonly SafeFileHandle handle;

    private KernelFile(SafeFileHandle handle) => this.handle = handle;

    /// <summary>Null when there is no such file, or it is not for us to read.</summary>
    public static KernelFile? Open(string path)
    {
        try
        {
            return File.Exists(path) ? new(File.OpenHandle(path)) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Its text now, as far as the buffer holds it; empty when what it told of is gone.</summary>
    public ReadOnlySpan<byte> Read(Span<byte> buffer)
    {
        try
        {
            return buffer[..RandomAccess.Read(handle, buffer, 0)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    /// <summary>Reads a file of /proc once; empty when it cannot be. Three calls of the kernel where a handle takes nine: all processes are walked through so, once a second.</summary>
    public static ReadOnlySpan<byte> Read(string path, Span<byte> buffer)
    {
        if (!OperatingSystem.IsLinux()) return default;
        var file = OpenPath(path, ReadOnlyCloseOnExec);
        if (file < 0) return default;
        var read = (int)ReadFrom(file, buffer, buffer.Length);
        _ = Close(file);
        return read > 0 ? buffer[..read] : default;
    }

    /// <summary>Reads a file of one short line, such as /proc/PID/stat, once; null when it cannot be read. Thousands of them a minute: nothing is allocated but the text.</summary>
    public static string? Line(string path)
    {
        Span<byte> buffer = stackalloc byte[1024];
        var read = Read(path, buffer);
        return read.IsEmpty ? null : Encoding.Latin1.GetString(read);
    }

    /// <summary>The lines of a table of any length; none when it cannot be read.</summary>
    public static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The text of a file of any length; null when it cannot be read.</summary>
    public static string? Text(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Hands on the lines of a table of any length, without their ends and without a string for each; false when it cannot be read.</summary>
    public static bool EachLine(string path, byte[] buffer, LineAction take)
    {
        using var file = Open(path);
        if (file is null) return false;
        var (kept, at) = (0, 0L);
        try
        {
            while (RandomAccess.Read(file.handle, buffer.AsSpan(kept), at) is > 0 and var read)
            {
                at += read;
                var text = buffer.AsSpan(0, kept + read);
                for (var end = text.IndexOf((byte)'\n'); end >= 0; end = text.IndexOf((byte)'\n'))
                {
                    take(text[..end]);
                    text = text[(end + 1)..];
                }

                // A line longer than the buffer is none of a table of sockets.
                kept = text.Length < buffer.Length ? text.Length : 0;
                text[..kept].CopyTo(buffer);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }

        return true;
    }

    public void Dispose() => handle.Dispose();

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenPath(string path, int flags);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint ReadFrom(int file, Span<byte> data, nint length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
