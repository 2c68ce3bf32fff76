using System.Net;
using System.Net.Sockets;

namespace DrainProxy.Bench.Attacks;

/// <summary>
/// One way to hurt a proxy, kept up until it is told to stop. What it costs the attacker is bounded by the clock: on a machine that both
/// share, a flood without a bound would measure who gets the processor.
/// </summary>
internal abstract class Attack(string name, string what)
{
    /// <summary>How long a connection is left alone after it failed, so that a peer that refuses is not asked in a tight loop.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public string Name => name;

    /// <summary>What is done, with its rates.</summary>
    public string What => what;

    /// <summary>Whether it takes a peer that speaks HTTP/2 with prior knowledge.</summary>
    public virtual bool NeedsHttp2 => false;

    /// <summary>Whether it attacks the port of the peer that speaks TLS.</summary>
    public virtual bool NeedsTls => false;

    /// <summary>Attacks until cancelled; returns then.</summary>
    public async Task Run(int port, Tally tally, CancellationToken cancel)
    {
        try
        {
            await Go(port, tally, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The end of the attack.
        }
    }

    protected abstract Task Go(int port, Tally tally, CancellationToken cancel);

    /// <summary>Keeps <paramref name="count"/> connections under attack: each is opened anew when the peer has ended it.</summary>
    /// <param name="port">Where the peer listens.</param>
    /// <param name="count">Connections at once.</param>
    /// <param name="tally">Counts what was opened and ended.</param>
    /// <param name="attack">What is done with one; returns when the peer has ended it.</param>
    /// <param name="cancel">Ends all.</param>
    /// <param name="receiveBuffer">The kernel's buffer towards us, in bytes; 0: its own choice.</param>
    protected static Task Keep(int port, int count, Tally tally, Func<Socket, Task> attack, CancellationToken cancel, int receiveBuffer = 0) =>
        Task.WhenAll(Enumerable.Range(0, count).Select(_ => Task.Run(() => KeepOne(port, tally, attack, receiveBuffer, cancel), CancellationToken.None)));

    protected static Task Wait(TimeSpan time, CancellationToken cancel) => Task.Delay(time, TimeProvider.System, cancel);

    /// <summary>Reads and drops what has come; false when the peer has ended the connection. Never waits.</summary>
    protected static bool IsOpen(Socket socket, byte[] buffer)
    {
        while (socket.Poll(0, SelectMode.SelectRead))
        {
            if (socket.Receive(buffer) == 0) return false;
        }

        return true;
    }

    protected static async Task Connect(Socket socket, int port, CancellationToken cancel)
    {
        socket.NoDelay = true;
        await socket.ConnectAsync(IPAddress.Loopback, port, cancel);
    }

    protected static Socket NewSocket() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private static async Task KeepOne(int port, Tally tally, Func<Socket, Task> attack, int receiveBuffer, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            using var socket = NewSocket();
            try
            {
                if (receiveBuffer > 0) socket.ReceiveBufferSize = receiveBuffer;
                await Connect(socket, port, cancel);
                tally.Opened();
                await attack(socket);
                tally.Ended();
            }
            catch (SocketException)
            {
                tally.Ended();
                await Wait(Pause, cancel);
            }
        }
    }
}

/// <summary>What an attack got done: the proof that it took place.</summary>
internal sealed class Tally
{
    private long opened;
    private long ended;
    private long sent;

    public long Connections => Interlocked.Read(ref opened);

    /// <summary>Connections that the peer ended, by an answer, a close or a reset.</summary>
    public long EndedByPeer => Interlocked.Read(ref ended);

    /// <summary>Bytes.</summary>
    public long Bytes => Interlocked.Read(ref sent);

    public void Opened() => Interlocked.Increment(ref opened);

    public void Ended() => Interlocked.Increment(ref ended);

    public void Sent(int bytes) => Interlocked.Add(ref sent, bytes);
}
