using System.Net;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Tests.Settings;

/// <summary>A configuration in the making, from any of the sources; names resolve only as told here.</summary>
internal sealed class Given : IDisposable
{
    private readonly Dictionary<string, IReadOnlyList<string>> commandLine = [];
    private readonly Dictionary<string, string> environment = [];
    private readonly Dictionary<string, IPAddress[]> names = [];
    private string? file;

    public static Given Option(string name, params string[] values) => new Given().AndOption(name, values);

    public static Given Variable(string name, string value) => new Given().AndVariable(name, value);

    public static Given File(string json) => new Given().AndFile(json);

    public string? FilePath => file;

    public Given AndOption(string name, params string[] values)
    {
        commandLine[name] = values;
        return this;
    }

    public Given AndVariable(string name, string value)
    {
        environment[name] = value;
        return this;
    }

    public Given AndFile(string json)
    {
        file ??= Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        System.IO.File.WriteAllText(file, json);
        return this;
    }

    public Given AndName(string name, params string[] addresses)
    {
        names[name] = [.. addresses.Select(IPAddress.Parse)];
        return this;
    }

    public BindResult Bind(bool dev = false) =>
        SettingsBinder.Bind(commandLine, environment, file, dev, host => names.TryGetValue(host, out var found) ? found : []);

    public ProxySettings Settings()
    {
        var bound = Bind();
        Assert.Empty(bound.Errors);
        return bound.Settings!;
    }

    public SettingError Error() => Assert.Single(Bind().Errors);

    public void Dispose()
    {
        if (file is not null)
            System.IO.File.Delete(file);
    }
}
