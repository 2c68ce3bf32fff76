using System.Net;
using System.Text.Json;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>What may have been executed and is not idempotent is never sent to the app twice.</summary>
[Trait("needs", "tools")]
public sealed class ReplayTests
{
    [Theory]
    [InlineData("POST", "body", "1.1")]
    [InlineData("POST", "", "1.1")]
    [InlineData("POST", null, "1.1")]
    [InlineData("PATCH", "body", "1.1")]
    [InlineData("POST", "body", "2.0")]
    [InlineData("POST", null, "2.0")]
    public async Task A_request_that_the_app_died_on_is_executed_once(string method, string? body, string version)
    {
        await using var app = await NodeScript.Start("mortal.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };
        for (var i = 0; i < 20; i++)
        {
            // A used connection is what a client that repeats by itself would repeat on.
            Assert.Equal("", await http.GetStringAsync("/warm"));
            using var request = new HttpRequestMessage(new HttpMethod(method), $"/die?id={i}")
            {
                Version = Version.Parse(version),
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = body is null ? null : new StringContent(body),
            };
            using var answer = await http.SendAsync(request);
            Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
            Assert.Contains("error=connection_terminated", answer.Headers.GetValues("Proxy-Status").Single(), StringComparison.Ordinal);
        }

        var executed = JsonSerializer.Deserialize<string[]>(await http.GetStringAsync("/executed"))!;
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{method} {i}"), executed);
    }
}
