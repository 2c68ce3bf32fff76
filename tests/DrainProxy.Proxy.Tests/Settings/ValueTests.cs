using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Settings.Values;

namespace DrainProxy.Proxy.Tests.Settings;

public sealed class ValueTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("500ms", 500)]
    [InlineData("5s", 5_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1h1ms", 3_600_001)]
    [InlineData("007s", 7_000)]
    public void A_duration_is_read(string text, long milliseconds)
    {
        Assert.True(Duration.TryParse(text, out var value));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), value);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("5")]
    [InlineData("-5s")]
    [InlineData("+5s")]
    [InlineData("5 s")]
    [InlineData(" 5s")]
    [InlineData("5s ")]
    [InlineData("5S")]
    [InlineData("5sec")]
    [InlineData("s")]
    [InlineData("5.s")]
    [InlineData(".5s")]
    [InlineData("5,5s")]
    [InlineData("1e3s")]
    [InlineData("NaN")]
    [InlineData("NaNs")]
    [InlineData("Infinity")]
    [InlineData("1s1m")]
    [InlineData("1s1s")]
    [InlineData("1s1")]
    [InlineData("0.5ms")]
    [InlineData("0.0001s")]
    [InlineData("999999999999999999h")]
    [InlineData("99999999999999999999999999999s")]
    [InlineData("٥s")]
    [InlineData("5d")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(Duration.TryParse(text, out _));

    [Theory]
    [InlineData("0")]
    [InlineData("1ms")]
    [InlineData("1500ms")]
    [InlineData("30s")]
    [InlineData("2m")]
    [InlineData("24h")]
    public void A_duration_is_written_as_it_is_read(string text)
    {
        Assert.True(Duration.TryParse(text, out var value));
        Assert.Equal(text, Duration.Format(value));
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("65536", 65536)]
    [InlineData("512Ki", 524288)]
    [InlineData("512Mi", 536870912)]
    [InlineData("1Gi", 1073741824)]
    [InlineData("1.5G", 1500000000)]
    [InlineData("10k", 10000)]
    [InlineData("0.1Ki", 103)]
    public void A_size_is_read(string text, long bytes)
    {
        Assert.True(ByteSize.TryParse(text, out var value));
        Assert.Equal(bytes, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("-1")]
    [InlineData("1.5")]
    [InlineData("1 Mi")]
    [InlineData("1MB")]
    [InlineData("1MiB")]
    [InlineData("1mi")]
    [InlineData("Mi")]
    [InlineData("NaN")]
    [InlineData("1e6")]
    [InlineData("0x10")]
    [InlineData("9999999999Pi")]
    [InlineData("99999999999999999999")]
    public void What_is_no_size_is_refused(string text) => Assert.False(ByteSize.TryParse(text, out _));

    [Theory]
    [InlineData("0.0.0.0:8080", "0.0.0.0", 8080, false)]
    [InlineData("8080", "HOST", 8080, false)]
    [InlineData(":8080", "HOST", 8080, false)]
    [InlineData("[::]:8080", "::", 8080, false)]
    [InlineData("[::1]:0", "::1", 0, false)]
    [InlineData("localhost:65535", "localhost", 65535, false)]
    [InlineData("my-host.example:1", "my-host.example", 1, false)]
    [InlineData("http://127.0.0.1:80", "127.0.0.1", 80, false)]
    [InlineData("https://0.0.0.0:8443", "0.0.0.0", 8443, true)]
    [InlineData("https://:8443/", "HOST", 8443, true)]
    public void A_listener_is_read(string text, string host, int port, bool tls)
    {
        Assert.Null(Addresses.ParseListen(text, "HOST", out var address));
        Assert.Equal(new ListenAddress(host, port, tls), address);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("localhost:")]
    [InlineData("localhost:http")]
    [InlineData("localhost:65536")]
    [InlineData("localhost:-1")]
    [InlineData("localhost:+1")]
    [InlineData("localhost:999999999999")]
    [InlineData("65536")]
    [InlineData("::1:8080")]
    [InlineData("[::1]")]
    [InlineData("[::1]8080")]
    [InlineData("[::1:8080")]
    [InlineData("[127.0.0.1]:8080")]
    [InlineData("127.0.0:8080")]
    [InlineData("1.2.3.4.5:8080")]
    [InlineData("256.0.0.1:8080")]
    [InlineData("ho st:8080")]
    [InlineData("höst:8080")]
    [InlineData("-:8080")]
    [InlineData("*:8080")]
    [InlineData("h2c://127.0.0.1:8080")]
    [InlineData("unix:/run/x.sock")]
    [InlineData("https://")]
    [InlineData("http://u@127.0.0.1:80")]
    [InlineData("127.0.0.1:80/path")]
    [InlineData("127.0.0.1:80\n")]
    public void What_is_no_listener_is_refused(string text) => Assert.NotNull(Addresses.ParseListen(text, "HOST", out _));

    [Theory]
    [InlineData("http://127.0.0.1:3000", AppScheme.Http, "127.0.0.1", 3000)]
    [InlineData("http://127.0.0.1:3000/", AppScheme.Http, "127.0.0.1", 3000)]
    [InlineData("HTTP://127.0.0.1:3000", AppScheme.Http, "127.0.0.1", 3000)]
    [InlineData("https://app.internal:8443", AppScheme.Https, "app.internal", 8443)]
    [InlineData("h2c://localhost:50051", AppScheme.H2c, "localhost", 50051)]
    [InlineData("http://[::1]:3000", AppScheme.Http, "::1", 3000)]
    [InlineData("http://app", AppScheme.Http, "app", 80)]
    [InlineData("https://[::1]", AppScheme.Https, "::1", 443)]
    public void An_app_is_read(string text, AppScheme scheme, string host, int port)
    {
        Assert.Null(Addresses.ParseApp(text, out var address));
        Assert.Equal(new AppAddress(scheme, host, port), address);
    }

    [Theory]
    [InlineData("unix:/run/app.sock", "/run/app.sock")]
    [InlineData("unix:///run/app.sock", "/run/app.sock")]
    public void A_unix_socket_is_read(string text, string path)
    {
        Assert.Null(Addresses.ParseApp(text, out var address));
        Assert.Equal((AppScheme.Unix, path), (address!.Scheme, address.UnixPath));
    }

    [Theory]
    [InlineData("127.0.0.1:3000")]
    [InlineData("localhost:3000")]
    [InlineData("3000")]
    [InlineData("ftp://127.0.0.1:21")]
    [InlineData("HTTP//127.0.0.1:3000")]
    [InlineData("http://")]
    [InlineData("http://:3000")]
    [InlineData("http://127.0.0.1:0")]
    [InlineData("http://127.0.0.1:65536")]
    [InlineData("http://127.0.0.1:")]
    [InlineData("http://127.0.0.1:3000/path")]
    [InlineData("http://127.0.0.1:3000/a/b/")]
    [InlineData("http://127.0.0.1:3000?q=1")]
    [InlineData("http://127.0.0.1:3000#f")]
    [InlineData("http://user:secret@127.0.0.1:3000")]
    [InlineData("http://a b:3000")]
    [InlineData("http://3000")]
    [InlineData("unix:")]
    [InlineData("unix:/")]
    [InlineData("unix:run/app.sock")]
    [InlineData("unix://run/app.sock")]
    [InlineData("unix:/run/a\0b")]
    public void What_is_no_app_is_refused(string text) => Assert.NotNull(Addresses.ParseApp(text, out _));

    [Fact]
    public void A_socket_path_longer_than_the_kernel_takes_is_refused() =>
        Assert.NotNull(Addresses.ParseApp("unix:/" + new string('x', 107), out _));
}
