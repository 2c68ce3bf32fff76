using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Decisions.Pressure.Costs;

namespace DrainProxy.Decisions.Tests.Pressure.Costs;

public sealed class CostModelTests
{
    private const long Limit = 1500L << 20;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    [Fact]
    public void A_request_alone_is_measured()
    {
        var (model, route) = (new CostModel(), new RouteClass("GET /export"));
        var request = Begin(route);
        for (var i = 0; i < 12; i++) Observe(model, [route], [request], 10e6, i);
        End(route, request, 12);

        Assert.Equal(120e6, route.PeakBytes, 1e6);
        Assert.Equal(RouteKind.Heavy, route.Kind);
    }

    [Fact]
    public void Three_requests_without_growth_are_light()
    {
        var (model, route) = (new CostModel(), new RouteClass("GET /"));
        for (var i = 0; i < CostModel.EnoughRequests; i++)
        {
            Assert.Equal(RouteKind.Unlearned, route.Kind);
            var request = Begin(route);
            Observe(model, [route], [request], 0, i);
            End(route, request, i);
        }

        Assert.Equal(RouteKind.Light, route.Kind);
    }

    [Fact]
    public void What_is_in_flight_while_nothing_grows_gets_no_share()
    {
        // A hundred long polls stand beside exports that come and go: the growth is the exports'.
        var (model, polls, exports) = (new CostModel(), new RouteClass("GET /poll"), new RouteClass("GET /export"));
        for (var i = 0; i < 100; i++) polls.Enter();
        var now = 0;
        for (var round = 0; round < 40; round++)
        {
            for (var i = 0; i < 20; i++) Observe(model, [polls, exports], [], 0, now++);
            var request = Begin(exports);
            for (var i = 0; i < 12; i++) Observe(model, [polls, exports], [request], 10e6, now++);
            End(exports, request, now);
        }

        Assert.Equal(RouteKind.Heavy, exports.Kind);
        Assert.InRange(exports.RepeatPeakBytes, 90e6, 125e6);
        Assert.Equal(RouteKind.Unlearned, polls.Kind);
        Assert.Equal(0, polls.PeakBytes);
    }

    [Fact]
    public void A_light_class_that_grows_alone_becomes_heavy()
    {
        var (model, route) = (new CostModel(), new RouteClass("GET /report"));
        for (var i = 0; i < 3; i++) End(route, Begin(route), i);
        Assert.Equal(RouteKind.Light, route.Kind);

        route.Enter();
        for (var i = 0; i < 12; i++) Observe(model, [route], [], 10e6, i + 10);
        Assert.Equal(RouteKind.Heavy, route.Kind);
    }

    [Fact]
    public void The_peak_follows_a_rise_at_once_and_a_fall_within_minutes()
    {
        var (model, route) = (new CostModel(), new RouteClass("GET /export"));
        var request = Begin(route);
        request.GrownBytes = 300e6;
        End(route, request, 20);
        Assert.Equal(300e6, route.PeakBytes);

        var half = (int)(CostModel.PeakHalfLife / TimeSpan.FromSeconds(1));
        for (var i = 0; i < half; i++) model.Observe([route], [], 0, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(i), Limit);
        Assert.Equal(150e6, route.PeakBytes, 2e6);
    }

    [Fact]
    public void A_class_whose_requests_end_too_soon_to_have_taken_it_gets_rid_of_the_blame()
    {
        var route = new RouteClass("GET /") { PeakBytes = 1.9e9, Kind = RouteKind.Heavy };
        route.Enter();
        route.Leave();
        for (var i = 0; i < 200; i++)
        {
            var request = Begin(route);
            // Attributed while others grew: nobody fills 500 MB in the no time that it took.
            request.GrownBytes = 500e6;
            End(route, request, 0);
        }

        Assert.Equal(RouteKind.Light, route.Kind);
    }

    private static Ticket Begin(RouteClass route)
    {
        route.Enter();
        return new(route, Priority.Normal, TimeSpan.Zero) { Alone = true, ExpectedBytes = CostModel.Expected(route) };
    }

    private static void End(RouteClass route, HeavyRequest request, int now)
    {
        route.Leave();
        CostModel.Ended(request, Step * now, Limit);
    }

    private static void Observe(CostModel model, IReadOnlyList<RouteClass> routes, IReadOnlyList<HeavyRequest> watched, double grown, int now) =>
        model.Observe(routes, watched, grown, Step, Step * now, Limit);
}
