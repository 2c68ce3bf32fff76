using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Tests.Forwarding;

/// <summary>Which fields stay on their hop, and what a failure means.</summary>
public sealed class HopByHopTests
{
    [Theory]
    [InlineData("connection")]
    [InlineData("Keep-Alive")]
    [InlineData("PROXY-CONNECTION")]
    [InlineData("TE")]
    [InlineData("Transfer-Encoding")]
    [InlineData("upgrade")]
    [InlineData("HTTP2-Settings")]
    public void Fields_of_one_hop_are_known_in_any_case(string name) => Assert.True(HopByHop.IsFixed(name));

    [Theory]
    [InlineData("Trailer")]
    [InlineData("Content-Length")]
    [InlineData("X-Connection")]
    public void Other_fields_pass(string name) => Assert.False(HopByHop.IsFixed(name));

    [Theory]
    [InlineData("Content_Length", true, true)]
    [InlineData("TRANSFER_ENCODING", true, true)]
    [InlineData("X_Forwarded_For", false, true)]
    [InlineData("X-Forwarded_Proto", false, true)]
    [InlineData("X_Forwarded_For", true, false)]
    [InlineData("X_User", false, false)]
    [InlineData("Content_Lengths", false, false)]
    public void Names_that_many_an_app_reads_as_framing_or_origin_are_known(string name, bool trusted, bool isLookalike) =>
        Assert.Equal(isLookalike, HopByHop.IsLookalike(name, trusted));

    [Fact]
    public void Nominated_fields_are_read_from_every_line()
    {
        var nominated = HopByHop.Nominated(new StringValues(["close, X-A", "x-b , keep-alive", "Upgrade"]));
        Assert.Equal(["X-A", "x-b"], nominated!);
        Assert.True(HopByHop.Contains(nominated!, "x-a"));
        Assert.Null(HopByHop.Nominated("keep-alive"));
    }

    [Theory]
    [InlineData("Host")]
    [InlineData("content-length")]
    [InlineData("Cookie")]
    [InlineData("Authorization")]
    [InlineData("X-Forwarded-For")]
    public void Framing_and_policy_cannot_be_nominated_away(string name) => Assert.Null(HopByHop.Nominated(name));

    [Fact]
    public void Every_error_of_the_forwarder_has_a_meaning()
    {
        foreach (var error in Enum.GetValues<ForwarderError>().Where(e => e != ForwarderError.None))
        {
            var failure = Failure.Of(error, null);
            Assert.InRange(failure.Answer.Status, 500, 599);
            Assert.False(failure.NotConnected);
            // A client that left is nobody's failure.
            if (error.ToString().Contains("Client", StringComparison.Ordinal) || error.ToString().Contains("Canceled", StringComparison.Ordinal))
                Assert.Null(failure.Cause);
        }
    }

    [Theory]
    [InlineData(System.Net.Sockets.SocketError.ConnectionRefused, UpstreamCause.ConnectRefused)]
    [InlineData(System.Net.Sockets.SocketError.TimedOut, UpstreamCause.ConnectTimeout)]
    [InlineData(System.Net.Sockets.SocketError.NetworkUnreachable, UpstreamCause.ConnectError)]
    public void A_failed_connect_may_be_sent_again(System.Net.Sockets.SocketError error, object cause)
    {
        var exception = new HttpRequestException(HttpRequestError.ConnectionError, "x", new System.Net.Sockets.SocketException((int)error));
        var failure = Failure.Of(ForwarderError.Request, exception);
        Assert.True(failure.NotConnected);
        Assert.Equal(cause, failure.Cause);
    }

    [Fact]
    public void A_connection_that_ends_before_the_answer_is_not_sent_again()
    {
        var failure = Failure.Of(ForwarderError.Request, new HttpRequestException(HttpRequestError.ResponseEnded, "x"));
        Assert.False(failure.NotConnected);
        Assert.Equal(UpstreamCause.ClosedBeforeAnswer, failure.Cause);
        Assert.Equal(502, failure.Answer.Status);
    }
}
