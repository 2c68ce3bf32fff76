using DrainProxy.Decisions.Pressure.Costs;

namespace DrainProxy.Decisions.Tests.Pressure.Costs;

public sealed class RouteTests
{
    [Theory]
    [InlineData("/", "GET /")]
    [InlineData("/export", "GET /export")]
    [InlineData("/export?rows=10", "GET /export")]
    [InlineData("/orders/42", "GET /orders/:id")]
    [InlineData("/orders/42/items/7?x=/9", "GET /orders/:id/items/:id")]
    [InlineData("/users/0b4f6c1e-9f0a-4c7e-8a55-1f2e3d4c5b6a", "GET /users/:id")]
    [InlineData("/blobs/9f86d081884c7d65", "GET /blobs/:id")]
    [InlineData("/api/v2/oauth2/decade", "GET /api/v2/oauth2/decade")]
    [InlineData("/a/b/c/d/e/f/g/h/i/j", "GET /a/b/c/d/e/f/g/h/*")]
    [InlineData("*", "GET /*")]
    [InlineData("//x", "GET //x")]
    public void A_template_keeps_words_and_drops_identifiers(string target, string expected)
    {
        Span<char> name = stackalloc char[RouteTemplate.MaxLength];
        Assert.Equal(expected, name[..RouteTemplate.Write("GET", target, name)].ToString());
    }

    [Fact]
    public void No_target_is_too_long_for_a_template()
    {
        var random = new Random(1);
        var name = new char[RouteTemplate.MaxLength];
        for (var i = 0; i < 20_000; i++)
        {
            var target = string.Concat(Enumerable.Range(0, random.Next(300)).Select(_ => "/ab1-*?"[random.Next(random.Next(1, 8))]));
            Assert.InRange(RouteTemplate.Write("PROPPATCH", target, name), 1, name.Length);
            new RouteTable().Find(new string('M', random.Next(1, 80)), target);
        }
    }

    [Fact]
    public void The_same_route_is_one_class_and_methods_are_apart()
    {
        var table = new RouteTable();
        Assert.Same(table.Find("GET", "/orders/1"), table.Find("GET", "/orders/2?x"));
        Assert.NotSame(table.Find("GET", "/orders/1"), table.Find("POST", "/orders/1"));
    }

    [Fact]
    public void A_place_with_many_names_becomes_one_class()
    {
        var table = new RouteTable();
        for (var i = 0; i < 1000; i++) table.Find("GET", $"/users/{(char)('a' + (i % 26))}{(char)('a' + (i / 26 % 26))}{(char)('a' + (i / 676))}/orders");
        Assert.InRange(table.Count, 1, RouteTable.MaxNames + 2);
        Assert.Equal("GET /users/*/orders", table.Find("GET", "/users/zoe/orders").Name);
    }

    [Fact]
    public void The_table_is_bounded_and_forgets_what_was_not_seen_for_long()
    {
        var table = new RouteTable();
        for (var i = 0; i < 20; i++)
            for (var j = 0; j < 20; j++) table.Find("GET", $"/{(char)('a' + i)}/{(char)('a' + j)}");
        Assert.Equal(RouteTable.Capacity, table.Count);
        Assert.Same(table.Other, table.Find("GET", "/zz/zz"));

        table.Forget(TimeSpan.FromMinutes(3), TimeSpan.FromMinutes(2));
        Assert.Equal(0, table.Count);
        Assert.NotSame(table.Other, table.Find("GET", "/zz/zz"));
    }
}
