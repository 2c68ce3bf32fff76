using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Proxy.Tests.Forwarding;

public sealed class UploadRoomTests : IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);
    private readonly Lifecycle lifecycle = new(TimeProvider.System, NullLogger.Instance);

    public void Dispose() => lifecycle.Dispose();

    [Fact]
    public async Task Who_finds_no_room_waits_for_a_place_and_those_beyond_are_refused_at_once()
    {
        using var room = Room(most: 2, waitMost: 1);
        Assert.Equal(HoldResult.Released, await room.Enter(CancellationToken.None));
        Assert.Equal(HoldResult.Released, await room.Enter(CancellationToken.None));
        var waits = room.Enter(CancellationToken.None).AsTask();
        Assert.False(waits.IsCompleted);
        Assert.Equal(HoldResult.Full, await room.Enter(CancellationToken.None));
        room.Leave();
        Assert.Equal(HoldResult.Released, await waits);
        var next = room.Enter(CancellationToken.None).AsTask();
        Assert.False(next.IsCompleted);
        room.Leave();
        Assert.Equal(HoldResult.Released, await next);
    }

    [Fact]
    public async Task Who_waits_in_vain_or_leaves_takes_no_place()
    {
        using var room = Room(most: 1, waitMost: 5, TimeSpan.FromMilliseconds(1));
        Assert.Equal(HoldResult.Released, await room.Enter(CancellationToken.None));
        Assert.Equal(HoldResult.Exhausted, await room.Enter(CancellationToken.None));
        using var patient = Room(most: 1, waitMost: 1);
        await patient.Enter(CancellationToken.None);
        using var client = new CancellationTokenSource();
        var waits = patient.Enter(client.Token).AsTask();
        await client.CancelAsync();
        Assert.Equal(HoldResult.ClientGone, await waits);
        // Its place in the queue is free again, and so is the one that is left now.
        var next = patient.Enter(CancellationToken.None).AsTask();
        patient.Leave();
        Assert.Equal(HoldResult.Released, await next);
    }

    [Theory]
    [InlineData("POST", 16 * 1024L, false, null, false)]
    [InlineData("POST", (16 * 1024L) + 1, false, null, true)]
    [InlineData("PUT", 1L << 40, true, "application/grpc", true)]
    [InlineData("POST", null, true, "text/plain", true)]
    [InlineData("POST", null, false, null, false)]
    [InlineData("POST", null, true, "application/grpc+proto", false)]
    [InlineData("CONNECT", null, true, null, false)]
    [InlineData("GET", null, false, null, false)]
    public void Large_bodies_and_those_of_unknown_length_count(string method, long? length, bool hasBody, string? type, bool counts)
    {
        var http = new DefaultHttpContext();
        (http.Request.Method, http.Request.ContentLength, http.Request.ContentType) = (method, length, type);
        http.Features.Set<IHttpRequestBodyDetectionFeature>(new Body(hasBody));
        Assert.Equal(counts, UploadRoom.Counts(http));
    }

    private UploadRoom Room(int most, int waitMost, TimeSpan? patience = null) => new(most, waitMost, patience ?? Long, lifecycle, TimeProvider.System);

    private sealed record Body(bool CanHaveBody) : IHttpRequestBodyDetectionFeature;
}
