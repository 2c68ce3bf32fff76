using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DrainProxy.Proxy.Settings;

/// <summary>Certificate and key come together, are readable and fit each other; a listener with TLS has them.</summary>
internal static class TlsRules
{
    public static void Check(Binding bound, ProxySettings settings)
    {
        if (bound.IsBad("tls-cert") || bound.IsBad("tls-key"))
            return;

        var secure = settings.Ports.FirstOrDefault(p => p.Listen.Tls)?.Listen;
        switch (settings.TlsCert, settings.TlsKey)
        {
            case (null, null) when secure is not null:
                bound.Broken([ListenerRules.DataOption(bound)], secure.ToString(), "a listener with https:// needs --tls-cert and --tls-key", "both files, or a listener without https://");
                return;
            case (null, null):
                return;
            case (_, null):
                bound.Broken(["tls-cert"], null, "--tls-key is missing", "both --tls-cert and --tls-key, or neither");
                return;
            case (null, _):
                bound.Broken(["tls-key"], null, "--tls-cert is missing", "both --tls-cert and --tls-key, or neither");
                return;
        }

        if (secure is null)
            bound.Warnings.Add("--tls-cert and --tls-key are set, but no listener starts with https://: requests come in as clear text");
        if (IsReadable(bound, "tls-cert", settings.TlsCert) & IsReadable(bound, "tls-key", settings.TlsKey))
            CheckPair(bound, settings.TlsCert, settings.TlsKey);
    }

    private static bool IsReadable(Binding bound, string name, string path)
    {
        try
        {
            File.OpenRead(path).Dispose();
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            bound.Broken([name], path, FileProblem.Of(path, e), OptionsTable.Find(name)!.Range);
            return false;
        }
    }

    private static void CheckPair(Binding bound, string cert, string key)
    {
        // The certificate alone first, so that the error names the file that is wrong.
        try
        {
            X509Certificate2.CreateFromPem(File.ReadAllText(cert)).Dispose();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            bound.Broken(["tls-cert"], cert, "no certificate in PEM form", OptionsTable.Find("tls-cert")!.Range);
            return;
        }

        try
        {
            X509Certificate2.CreateFromPemFile(cert, key).Dispose();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            bound.Broken(["tls-key"], key, "no private key in PEM form that fits the certificate (an encrypted one cannot be used)", OptionsTable.Find("tls-key")!.Range);
        }
    }
}
