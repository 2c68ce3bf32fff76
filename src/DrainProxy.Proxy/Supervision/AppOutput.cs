using Microsoft.Win32.SafeHandles;

namespace DrainProxy.Proxy.Supervision;

/// <summary>Passes on what an app prints, as it is, in whole lines: those of two sides never mix within a line.</summary>
internal sealed class AppOutput(Stream output, Stream error)
{
    /// <summary>A longer line is passed on in pieces.</summary>
    private const int LongestLine = 64 * 1024;

    private readonly Lock outputGate = new();
    private readonly Lock errorGate = new();

    /// <summary>Reads both pipes to their ends, on threads of their own: whoever reads slowly slows the app, as without us.</summary>
    public Task Forward(SafeFileHandle fromOutput, SafeFileHandle fromError) =>
        Task.WhenAll(Start(fromOutput, output, outputGate), Start(fromError, error, errorGate));

    private static Task Start(SafeFileHandle from, Stream to, Lock gate)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reader = new Thread(Read, maxStackSize: 256 * 1024) { IsBackground = true, Name = "app output" };
        reader.Start();
        return done.Task;

        void Read()
        {
            Copy(from, to, gate);
            done.SetResult();
        }
    }

    private static void Copy(SafeFileHandle from, Stream to, Lock gate)
    {
        using var pipe = new FileStream(from, FileAccess.Read, bufferSize: 0);
        var buffer = new byte[LongestLine];
        var length = 0;
        try
        {
            int read;
            while ((read = pipe.Read(buffer, length, buffer.Length - length)) > 0)
            {
                length += read;
                var whole = buffer.AsSpan(0, length).LastIndexOf((byte)'\n') + 1;
                if (whole == 0 && length == buffer.Length) whole = length;
                if (whole == 0) continue;
                Write(to, gate, buffer.AsSpan(0, whole));
                buffer.AsSpan(whole, length - whole).CopyTo(buffer);
                length -= whole;
            }
        }
        catch (IOException)
        {
            // The pipe broke: no more will come.
        }

        if (length == 0) return;
        Write(to, gate, [.. buffer.AsSpan(0, length), (byte)'\n']);
    }

    private static void Write(Stream to, Lock gate, ReadOnlySpan<byte> lines)
    {
        try
        {
            lock (gate)
            {
                to.Write(lines);
                to.Flush();
            }
        }
        catch (IOException)
        {
            // Nobody reads us any more; the app's pipe is emptied all the same, so that it does not stand still.
        }
    }
}
