using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Decisions.Pressure.Costs;

namespace DrainProxy.Decisions.Tests.Pressure.Admission;

public sealed class AdmissionControlTests
{
    private const long Limit = 1_000_000_000;
    private readonly RouteTable routes = new();
    private readonly List<Ticket> go = [];
    private readonly List<Ticket> refused = [];

    [Fact]
    public void Without_a_source_everything_passes()
    {
        var control = new AdmissionControl(new(), routes);
        control.Observe(Sample(0, 0) with { Method = MemoryMethod.None });
        Assert.True(control.IsOpen);
        for (var i = 0; i < 100; i++) Assert.Equal(Verdict.Pass, control.Enter(Heavy(i), TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void A_source_that_has_gone_silent_stops_nobody()
    {
        var control = Watched(new(), 950e6);
        Assert.Equal(Verdict.Pass, control.Enter(Heavy(0), TimeSpan.FromSeconds(1)));
        Assert.Equal(Verdict.Wait, control.Enter(Heavy(0), TimeSpan.FromSeconds(1)));
        control.Pump(TimeSpan.FromSeconds(1) + AdmissionControl.Stale, go, refused);
        Assert.Empty(go);
        control.Pump(TimeSpan.FromSeconds(2) + AdmissionControl.Silent, go, refused);
        Assert.Single(go);
    }

    [Fact]
    public void Beside_others_a_heavy_request_waits_for_a_reading_that_is_late()
    {
        var control = Watched(new(), 100e6);
        Assert.Equal(Verdict.Pass, control.Enter(New("/a"), TimeSpan.FromSeconds(1)));
        for (var i = 1; i <= 20; i++) control.Observe(Sample(1 + (i / 100.0), 100e6));
        // By the reading of 1.2 s the second class might go: the first has had its moment alone.
        Assert.Equal(Verdict.Wait, control.Enter(New("/b"), TimeSpan.FromSeconds(1.2) + AdmissionControl.Late + TimeSpan.FromMilliseconds(1)));
        control.Pump(TimeSpan.FromSeconds(1.29), go, refused);
        Assert.Empty(go);
        control.Observe(Sample(1.3, 100e6));
        control.Pump(TimeSpan.FromSeconds(1.3), go, refused);
        Assert.Single(go);
    }

    [Fact]
    public void Where_readings_are_seldom_nobody_waits_for_them()
    {
        var control = Watched(new(), 100e6);
        for (var i = 1; i <= 200; i++) control.Observe(Sample(1 + (i / 4.0), 100e6));
        Assert.Equal(Verdict.Pass, control.Enter(New("/a"), TimeSpan.FromSeconds(51)));
        for (var i = 1; i <= 3; i++) control.Observe(Sample(51 + (i / 4.0), 100e6));
        Assert.Equal(Verdict.Pass, control.Enter(New("/b"), TimeSpan.FromSeconds(51.95)));
    }

    [Fact]
    public void One_heavy_request_runs_alone_even_above_the_band()
    {
        var control = Watched(new(), 990e6);
        Assert.Equal(Verdict.Pass, control.Enter(Heavy(1), TimeSpan.FromSeconds(1)));
        Assert.Equal(Verdict.Wait, control.Enter(Heavy(1), TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void Light_requests_pass_while_heavy_ones_wait()
    {
        var control = Watched(new(), 800e6);
        control.Enter(Heavy(1), TimeSpan.FromSeconds(1));
        Assert.Equal(Verdict.Wait, control.Enter(Heavy(1), TimeSpan.FromSeconds(1)));
        Assert.True(control.IsOpen);
        Assert.Equal(Verdict.Pass, control.Enter(Light(), TimeSpan.FromSeconds(1)));
        Assert.Equal(1, control.Waiting(Lane.Heavy));
    }

    [Fact]
    public void An_unlearned_class_starts_with_one_request_where_there_is_no_room_for_the_worst()
    {
        var control = Watched(new(), 600e6);
        Assert.Equal(Verdict.Pass, control.Enter(New("/a"), TimeSpan.FromSeconds(1)));
        Assert.Equal(Verdict.Wait, control.Enter(New("/a"), TimeSpan.FromSeconds(1)));
        // Nothing grew for long: more of them may run.
        for (var i = 0; i < 110; i++) control.Observe(Sample(1 + (i / 100.0), 600e6));
        control.Pump(TimeSpan.FromSeconds(2), go, refused);
        Assert.Single(go);
    }

    [Fact]
    public void A_class_that_grows_slowly_at_first_is_not_let_in_by_the_dozen()
    {
        // A cold JVM: each of its first exports of 120 MB grows it by 30 MB a second, as each light one nothing.
        var control = Watched(new(), 600e6);
        for (var i = 0; i < 40; i++) control.Enter(New("/export"), TimeSpan.FromSeconds(1));
        for (var i = 0; i < 200; i++)
        {
            control.Observe(Sample(1 + (i / 100.0), 600e6 + (i * 0.3e6)));
            control.Pump(TimeSpan.FromSeconds(1 + (i / 100.0)), go, refused);
        }

        Assert.InRange(control.Heavy.Running.Count, 1, 2);
    }

    [Fact]
    public void The_hard_cap_holds_without_any_source()
    {
        var control = new AdmissionControl(new() { MaxInFlight = 2 }, routes);
        Assert.False(control.IsOpen);
        var first = Light();
        Assert.Equal(Verdict.Pass, control.Enter(first, TimeSpan.Zero));
        Assert.Equal(Verdict.Pass, control.Enter(Light(), TimeSpan.Zero));
        var third = Light();
        Assert.Equal(Verdict.Wait, control.Enter(third, TimeSpan.Zero));
        Assert.Equal(Refusal.MaxInFlight, third.Kept);
        control.Leave(first, TimeSpan.Zero);
        control.Pump(TimeSpan.Zero, go, refused);
        Assert.Same(third, Assert.Single(go));
    }

    [Fact]
    public void Waiting_ends_with_a_refusal_that_says_why()
    {
        var control = new AdmissionControl(new() { MaxInFlight = 1, QueueMost = 1 }, routes);
        control.Enter(Light(), TimeSpan.Zero);
        var (waits, full) = (Light(), Light());
        Assert.Equal(Verdict.Wait, control.Enter(waits, TimeSpan.Zero));
        Assert.Equal(Verdict.Refuse, control.Enter(full, TimeSpan.Zero));
        Assert.Equal(Refusal.QueueFull, full.Kept);
        control.Pump(TimeSpan.FromSeconds(10), go, refused);
        Assert.Equal(Refusal.QueueTimeout, Assert.Single(refused).Kept);
    }

    [Fact]
    public void Without_a_queue_the_cap_refuses_at_once()
    {
        var control = new AdmissionControl(new() { MaxInFlight = 1, QueueTime = TimeSpan.Zero }, routes);
        control.Enter(Light(), TimeSpan.Zero);
        var second = Light();
        Assert.Equal(Verdict.Refuse, control.Enter(second, TimeSpan.Zero));
        Assert.Equal(Refusal.MaxInFlight, second.Kept);
    }

    [Fact]
    public void In_shadow_all_pass_and_what_would_have_kept_them_is_told()
    {
        var control = Watched(new() { Shadow = true }, 900e6);
        control.Enter(Heavy(1), TimeSpan.FromSeconds(1));
        var second = Heavy(1);
        Assert.Equal(Verdict.Pass, control.Enter(second, TimeSpan.FromSeconds(1)));
        Assert.Equal(Refusal.Memory, second.Kept);
    }

    [Fact]
    public void A_full_accept_queue_keeps_new_requests_but_critical_ones()
    {
        var control = Watched(new(), 100e6);
        control.Observe(Sample(1.01, 100e6) with { AcceptQueue = 100, AcceptQueueLimit = 128 });
        Assert.False(control.IsOpen);
        var kept = Light();
        Assert.Equal(Verdict.Wait, control.Enter(kept, TimeSpan.FromSeconds(1.01)));
        Assert.Equal(Refusal.Descriptors, kept.Kept);
        Assert.Equal(Verdict.Wait, control.Enter(new Ticket(routes.Find("GET", "/"), Priority.Critical, TimeSpan.Zero), TimeSpan.FromSeconds(1.01)));
        control.Pump(TimeSpan.FromSeconds(1.01), go, refused);
        Assert.Equal(Priority.Critical, Assert.Single(go).Priority);
        control.Observe(Sample(1.02, 100e6));
        control.Pump(TimeSpan.FromSeconds(1.02), go, refused);
        Assert.Equal(2, go.Count);
    }

    [Fact]
    public void Heap_that_the_app_keeps_shrinks_the_reserve_instead_of_shedding_for_ever()
    {
        var band = default(MemoryBand);
        for (var i = 0; i < 3000; i++) band.Observe(Sample(i / 100.0, 960e6), 0.1, heavy: false);
        Assert.InRange(band.TopBytes, 975e6, 985e6);
        band.Observe(Sample(31, 300e6), 0.1, heavy: false);
        Assert.Equal(900e6, band.TopBytes, 1);
    }

    [Fact]
    public void What_heavy_requests_hold_is_no_heap_of_the_apps_own_and_keeps_the_reserve()
    {
        var band = default(MemoryBand);
        band.Observe(Sample(0, 100e6), 0.1, heavy: false);
        for (var i = 0; i < 3000; i++) band.Observe(Sample(i / 100.0, 960e6), 0.1, heavy: true);
        Assert.Equal(900e6, band.TopBytes, 1);
        // Nor is what the app holds at the moment in which its limit is lowered.
        band.Observe(Sample(31, 790e6) with { LimitBytes = 800_000_000 }, 0.1, heavy: true);
        Assert.Equal(720e6, band.TopBytes, 1);
    }

    private AdmissionControl Watched(AdmissionSettings settings, double used)
    {
        var control = new AdmissionControl(settings, routes);
        control.Observe(Sample(0.99, used));
        control.Observe(Sample(1, used));
        return control;
    }

    private static PressureSample Sample(double seconds, double used) =>
        new(TimeSpan.FromSeconds(seconds), MemoryMethod.Cgroup, (long)used, Limit, 0, 0, 0, 0, int.MaxValue);

    private Ticket Heavy(int number)
    {
        var route = routes.Find("GET", $"/export/{number}");
        route.PeakBytes = 120e6;
        route.RepeatPeakBytes = 120e6;
        route.Confirmed = true;
        route.Kind = RouteKind.Heavy;
        return new(route, Priority.Normal, TimeSpan.FromSeconds(1));
    }

    private Ticket Light()
    {
        var route = routes.Find("GET", "/");
        route.Kind = RouteKind.Light;
        return new(route, Priority.Normal, TimeSpan.Zero);
    }

    private Ticket New(string path) => new(routes.Find("GET", path), Priority.Normal, TimeSpan.FromSeconds(1));
}
