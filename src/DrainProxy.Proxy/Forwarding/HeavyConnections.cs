using System.Net.Sockets;
using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Proxy.Pressure;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// The connections of heavy requests, one handler each, so that it can be chosen which worker of the app gets the next one (<see cref="WorkerBalance"/>). They are few: as many as heavy requests run at once.
/// </summary>
internal sealed class HeavyConnections(Func<HeavyLink, HttpMessageInvoker> create, AppWorkers workers) : IDisposable
{
    /// <summary>Beyond that many at once it does not matter any more where one goes.</summary>
    private const int Most = 64;

    /// <summary>New connections tried for a worker with less to do; each goes to either of two with equal odds.</summary>
    private const int MostTries = 5;

    /// <summary>How often it is looked for who has accepted a new connection: a worker that is busy takes its time.</summary>
    private const int MostLooks = 10;
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(2);
    private readonly List<HeavyLink> links = [];
    private readonly List<HeavyConnection> view = [];
    private readonly Lock gate = new();
    private long uses;

    /// <summary>A connection for one request, to be given back; null when there are too many.</summary>
    public HeavyLink? Take()
    {
        lock (gate)
        {
            view.Clear();
            foreach (var link in links) view.Add(new(link.IsBusy, link.Worker, link.LastUse, link.IsBusy || link.Worker == 0 ? 0 : workers.Bytes(link.Worker)));
            var chosen = WorkerBalance.Choose(view);
            if (chosen < 0 && links.Count >= Most) return null;
            var taken = chosen < 0 ? Add() : links[chosen];
            (taken.IsBusy, taken.LastUse) = (true, ++uses);
            return taken;
        }
    }

    /// <summary>A connection that is made for a request: who accepts it is looked for before anything is sent, and one that comes to the wrong worker is given up.</summary>
    /// <param name="link">Whose it is.</param>
    /// <param name="connect">Makes one.</param>
    /// <param name="time">Clock of the wait for the app's accept.</param>
    /// <param name="cancel">Ends it.</param>
    public async ValueTask<Socket> Connect(HeavyLink link, Func<CancellationToken, Task<Socket>> connect, TimeProvider time, CancellationToken cancel)
    {
        for (var tries = 1; ; tries++)
        {
            var socket = await connect(cancel);
            var count = workers.Count();
            if (count < 2 || TcpEnds.Of(socket) is not { } ends)
            {
                link.Connected(socket, 0);
                return socket;
            }

            var worker = 0;
            for (var looks = 0; worker == 0 && looks < MostLooks; looks++)
            {
                if (looks > 0) await Task.Delay(BetweenLooks, time, cancel);
                worker = workers.At(ends);
            }

            if (tries == MostTries || !IsWorse(link, worker, count))
            {
                link.Connected(socket, worker);
                return socket;
            }

            socket.Dispose();
        }
    }

    private bool IsWorse(HeavyLink own, int worker, int count)
    {
        lock (gate)
        {
            view.Clear();
            foreach (var link in links)
                if (!ReferenceEquals(link, own)) view.Add(new(link.IsBusy, link.Worker, link.LastUse));
            return WorkerBalance.IsWorse(view, worker, count);
        }
    }

    /// <summary>The request is over. Now that the app has answered, it is known who has accepted the connection.</summary>
    public void Return(HeavyLink link)
    {
        var ends = link.Ends;
        lock (gate) link.IsBusy = false;
        if (ends is null || link.Worker != 0 || link.LookedFor == ends) return;
        link.LookedFor = ends;
        _ = Task.Run(() =>
        {
            var worker = workers.At(ends);
            if (link.Ends == ends) link.Worker = worker;
        });
    }

    public void Dispose()
    {
        lock (gate)
        {
            foreach (var link in links) link.Dispose();
            links.Clear();
        }
    }

    private HeavyLink Add()
    {
        var link = new HeavyLink(this);
        link.Invoker = create(link);
        links.Add(link);
        return link;
    }
}

/// <summary>What is known of the processes of a pre-forking app.</summary>
/// <param name="At">The process at the other end of a connection; 0 where it cannot be told.</param>
/// <param name="Bytes">What a process holds; 0 where it cannot be told.</param>
/// <param name="Count">How many processes may accept; 0 where it cannot be told.</param>
internal sealed record AppWorkers(Func<TcpEnds, int> At, Func<int, long> Bytes, Func<int> Count)
{
    public static AppWorkers Unknown { get; } = new(static _ => 0, static _ => 0, static () => 0);
}

/// <summary>A place for one connection at a time; where it leads is learned anew with each one.</summary>
internal sealed class HeavyLink(HeavyConnections connections) : IDisposable
{
    private volatile TcpEnds? ends;
    private volatile int worker;

    /// <summary>Where it belongs.</summary>
    public HeavyConnections Connections => connections;

    public HttpMessageInvoker Invoker { get; set; } = null!;

    public bool IsBusy { get; set; }

    public long LastUse { get; set; }

    /// <summary>Both ends of its newest connection; null for none, and for Unix sockets.</summary>
    public TcpEnds? Ends => ends;

    /// <summary>The app's process at the other end; 0 while it is not known.</summary>
    public int Worker { get => worker; set => worker = value; }

    /// <summary>The connection that was looked for already.</summary>
    public TcpEnds? LookedFor { get; set; }

    /// <param name="socket">Its new connection.</param>
    /// <param name="to">Who has accepted it; 0 where that is not known yet.</param>
    public void Connected(Socket socket, int to) => (worker, ends) = (to, TcpEnds.Of(socket));

    public void Dispose() => Invoker.Dispose();
}
