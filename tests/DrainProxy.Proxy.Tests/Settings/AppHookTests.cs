using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Tests.Settings;

/// <summary>The app's own hooks as `inject` writes them.</summary>
public sealed class AppHookTests
{
    [Fact]
    public void Hooks_stand_one_below_the_other_with_their_fields()
    {
        var hooks = Given.Variable("DRAINPROXY_APP_PRESTOP", "http://127.0.0.1:3000/bye?x=1\nHost: shop\r\nX-Empty:\n\nhttps://[::1]:9000/\nX: a:b").Settings().AppPrestop;

        Assert.Equal(["http://127.0.0.1:3000/bye?x=1", "https://[::1]:9000/"], hooks.Select(h => h.Address.AbsoluteUri));
        Assert.Equal([("Host", "shop"), ("X-Empty", "")], hooks[0].Fields);
        Assert.Equal([("X", "a:b")], hooks[1].Fields);
    }

    [Fact]
    public void Without_the_setting_there_are_none() => Assert.Empty(new ProxySettings().AppPrestop);
}
