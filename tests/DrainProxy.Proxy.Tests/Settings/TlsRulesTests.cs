using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DrainProxy.Proxy.Tests.Settings;

public sealed class TlsRulesTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory();

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void A_pair_that_fits_is_taken()
    {
        var (cert, key) = Pair("a");
        var bound = Given.Option("listen", "https://0.0.0.0:8443").AndOption("tls-cert", cert).AndOption("tls-key", key).Bind();
        Assert.Empty(bound.Errors);
        Assert.Empty(bound.Warnings);
        Assert.Equal((cert, key), (bound.Settings!.TlsCert, bound.Settings.TlsKey));
    }

    [Fact]
    public void A_pair_without_an_https_listener_is_a_warning()
    {
        var (cert, key) = Pair("a");
        var bound = Given.Option("tls-cert", cert).AndOption("tls-key", key).Bind();
        Assert.Empty(bound.Errors);
        Assert.Contains("clear text", Assert.Single(bound.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void An_https_listener_needs_both()
    {
        Assert.Equal("listen", Given.Option("listen", "https://0.0.0.0:8443").Error().Key);
        Assert.Equal("map", Given.Option("map", "https://:8443=http://127.0.0.1:3000").Error().Key);
    }

    [Fact]
    public void One_without_the_other_is_an_error()
    {
        var (cert, key) = Pair("a");
        Assert.Equal("tls-cert", Given.Option("listen", "https://:8443").AndOption("tls-cert", cert).Error().Key);
        Assert.Equal("tls-key", Given.Option("listen", "https://:8443").AndOption("tls-key", key).Error().Key);
    }

    [Fact]
    public void Files_that_are_missing_are_an_error_each()
    {
        var errors = Given.Option("listen", "https://:8443").AndOption("tls-cert", "/no/cert.pem").AndOption("tls-key", "/no/key.pem").Bind().Errors;
        Assert.Equal(["tls-cert", "tls-key"], errors.Select(e => e.Key).Order());
        Assert.All(errors, e => Assert.Equal("no such file", e.Problem));
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    public void A_certificate_that_is_none_is_an_error(string text)
    {
        var (_, key) = Pair("a");
        var error = Given.Option("listen", "https://:8443").AndOption("tls-cert", Write("bad.pem", text)).AndOption("tls-key", key).Error();
        Assert.Equal("tls-cert", error.Key);
    }

    [Fact]
    public void A_key_that_is_none_or_another_ones_is_an_error()
    {
        var (cert, _) = Pair("a");
        var (_, other) = Pair("b");
        Assert.Equal("tls-key", Given.Option("listen", "https://:8443").AndOption("tls-cert", cert).AndOption("tls-key", Write("bad.key", "x")).Error().Key);
        Assert.Equal("tls-key", Given.Option("listen", "https://:8443").AndOption("tls-cert", cert).AndOption("tls-key", other).Error().Key);
    }

    private (string Cert, string Key) Pair(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return (Write($"{name}.pem", certificate.ExportCertificatePem()), Write($"{name}.key", key.ExportPkcs8PrivateKeyPem()));
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }
}
