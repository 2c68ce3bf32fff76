using System.Collections;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace DrainProxy.Proxy.Supervision;

/// <summary>
/// What <see cref="System.Diagnostics.Process"/> does not offer: a child that leads a process group of its own, signals to a whole group, and
/// children that nobody here started (PID 1 inherits those).
/// </summary>
internal static unsafe partial class PosixProcess
{
    public const int Sigkill = 9;
    public const int Sigterm = 15;
    private const int Sigpipe = 13;
    private const int CloseOnExec = 0x80000;
    private const int NoHang = 1;
    private const int NoChild = 10;
    private const int UnknownCode = 255;
    private const short SetGroup = 2;
    private const short SetDefaultSignals = 4;
    private const short SetSignalMask = 8;

    /// <summary>More than any C library's posix_spawnattr_t (glibc: 336), posix_spawn_file_actions_t (80) and sigset_t (128) take.</summary>
    private const int OpaqueSize = 1024;

    /// <summary>Starts a command from the PATH in a process group of its own, with standard input at its end and the outputs in pipes.</summary>
    /// <exception cref="Win32Exception">It cannot be started: not found, not permitted, no more processes or descriptors.</exception>
    public static (int Id, SafeFileHandle Output, SafeFileHandle Error) Start(IReadOnlyList<string> command, IReadOnlyDictionary<string, string> more)
    {
        var (output, outputEnd) = Pipe();
        var (error, errorEnd) = Pipe();
        byte* actions = stackalloc byte[OpaqueSize], attributes = stackalloc byte[OpaqueSize], signals = stackalloc byte[OpaqueSize];
        var arguments = Strings(command);
        var environment = Strings(Environment(more));
        try
        {
            Check(InitActions(actions));
            Check(InitAttributes(attributes));
            Check(AddOpen(actions, 0, "/dev/null", 0, 0));
            Check(AddDup(actions, (int)outputEnd.DangerousGetHandle(), 1));
            Check(AddDup(actions, (int)errorEnd.DangerousGetHandle(), 2));
            Check(SetFlags(attributes, SetGroup | SetDefaultSignals | SetSignalMask));
            Check(SetProcessGroup(attributes, 0));
            _ = EmptySet(signals);
            Check(SetMask(attributes, signals));
            // The runtime ignores SIGPIPE, and what is ignored stays so across exec: an app expects the default.
            _ = AddSignal(signals, Sigpipe);
            Check(SetDefaults(attributes, signals));
            Check(Spawn(out var id, command[0], actions, attributes, arguments, environment));
            return (id, output, error);
        }
        catch
        {
            output.Dispose();
            error.Dispose();
            throw;
        }
        finally
        {
            _ = DestroyActions(actions);
            _ = DestroyAttributes(attributes);
            Free(arguments);
            Free(environment);
            outputEnd.Dispose();
            errorEnd.Dispose();
        }
    }

    /// <summary>Sends a signal to one process; false when there is none, or it is not ours to signal.</summary>
    public static bool Signal(int id, int signal) => Kill(id, signal) == 0;

    /// <summary>Sends a signal to every process of a group; false when none is left. Signal 0 only asks.</summary>
    public static bool SignalGroup(int group, int signal) => Kill(-group, signal) == 0;

    /// <summary>The exit code of an ended child (128 + signal when one ended it), or null while it runs. A child is told once.</summary>
    /// <param name="child">Its id, or -1 for any; afterwards the id of the one that ended.</param>
    public static int? Reap(ref int child)
    {
        var ended = WaitPid(child, out var status, NoHang);
        // It has ended and somebody else in this process has taken its code: the runtime does so as PID 1.
        if (ended < 0 && child > 0 && Marshal.GetLastPInvokeError() == NoChild) return UnknownCode;
        if (ended <= 0) return null;
        child = ended;
        var signal = status & 0x7f;
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal;
    }

    private static IEnumerable<string> Environment(IReadOnlyDictionary<string, string> more) =>
        System.Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(e => !more.ContainsKey((string)e.Key)).Select(e => $"{e.Key}={e.Value}")
            .Concat(more.Select(e => $"{e.Key}={e.Value}"));

    private static (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        var ends = stackalloc int[2];
        if (OpenPipe(ends, CloseOnExec) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
        return (new(ends[0], ownsHandle: true), new(ends[1], ownsHandle: true));
    }

    private static void Check(int error)
    {
        if (error != 0) throw new Win32Exception(error);
    }

    private static byte** Strings(IEnumerable<string> texts)
    {
        var list = texts.ToList();
        var block = (byte**)NativeMemory.AllocZeroed((nuint)list.Count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < list.Count; i++) block[i] = (byte*)Marshal.StringToCoTaskMemUTF8(list[i]);
        return block;
    }

    private static void Free(byte** strings)
    {
        for (var s = strings; *s is not null; s++) Marshal.FreeCoTaskMem((nint)(*s));
        NativeMemory.Free(strings);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int id, int signal);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitPid(int id, out int status, int options);

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int OpenPipe(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnp", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(out int id, string file, byte* actions, byte* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int InitActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int DestroyActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int AddDup(byte* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddOpen(byte* actions, int to, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int InitAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int DestroyAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int SetFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setpgroup")]
    private static partial int SetProcessGroup(byte* attributes, int group);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial int SetMask(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int SetDefaults(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "sigemptyset")]
    private static partial int EmptySet(byte* signals);

    [LibraryImport("libc", EntryPoint = "sigaddset")]
    private static partial int AddSignal(byte* signals, int signal);
}
