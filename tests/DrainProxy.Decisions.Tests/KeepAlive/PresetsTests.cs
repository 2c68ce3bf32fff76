using DrainProxy.Decisions.KeepAlive;

namespace DrainProxy.Decisions.Tests.KeepAlive;

public class PresetsTests
{
    public static TheoryData<LoadBalancer> All => [.. Enum.GetValues<LoadBalancer>()];

    [Theory]
    [InlineData(LoadBalancer.Alb, 60, 75)]
    [InlineData(LoadBalancer.Nlb, 350, 360)]
    [InlineData(LoadBalancer.Clb, 60, 75)]
    [InlineData(LoadBalancer.Gclb, 600, 620)]
    [InlineData(LoadBalancer.Cloudflare, 900, 910)]
    [InlineData(LoadBalancer.Oci, 300, 315)]
    [InlineData(LoadBalancer.Heroku, 90, 95)]
    [InlineData(LoadBalancer.Nginx, 60, 75)]
    public void Documented_idle_timeouts_get_the_documented_margin(LoadBalancer lb, int lbIdle, int serverIdle)
    {
        var preset = Presets.Of(lb);
        Assert.Equal((lb, Seconds(lbIdle), Seconds(serverIdle)), (preset.Lb, preset.LbIdle, preset.ServerIdle));
    }

    [Theory]
    [InlineData(0, LoadBalancer.None)]
    [InlineData(10, LoadBalancer.Nginx, LoadBalancer.Haproxy, LoadBalancer.Envoy, LoadBalancer.Traefik, LoadBalancer.Heroku, LoadBalancer.Auto)]
    [InlineData(25, LoadBalancer.Alb, LoadBalancer.Clb, LoadBalancer.Gclb, LoadBalancer.Appgw, LoadBalancer.Frontdoor, LoadBalancer.Cloudflare, LoadBalancer.Oci)]
    [InlineData(120, LoadBalancer.Nlb)]
    public void Linger_floors_are_the_contracts(int floor, params LoadBalancer[] lbs) =>
        Assert.All(lbs, lb => Assert.Equal(Seconds(floor), Presets.Of(lb).LingerFloor));

    [Theory]
    [MemberData(nameof(All))]
    public void We_are_the_patient_side(LoadBalancer lb)
    {
        var preset = Presets.Of(lb);
        Assert.Equal(lb, preset.Lb);
        Assert.True(preset.ServerIdle >= (preset.LbIdle ?? TimeSpan.Zero) + Seconds(5));
    }

    [Fact]
    public void Auto_is_longer_than_every_fixed_idle_timeout()
    {
        var auto = Presets.Of(LoadBalancer.Auto).ServerIdle;
        var settable = new[] { LoadBalancer.Envoy };
        Assert.All(Enum.GetValues<LoadBalancer>().Except(settable), lb => Assert.True(auto > (Presets.Of(lb).LbIdle ?? TimeSpan.Zero), lb.ToString()));
    }

    [Fact]
    public void Number_without_a_name_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => Presets.Of((LoadBalancer)99));

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);
}
