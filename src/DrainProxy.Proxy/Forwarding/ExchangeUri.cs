namespace DrainProxy.Proxy.Forwarding;

/// <summary>The URI of a request to the app, as it is on the wire; leads from a message that SocketsHttpHandler sends back to its exchange.</summary>
internal sealed class ExchangeUri(string uri, Exchange exchange)
    : Uri(uri, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true })
{
    public Exchange Exchange => exchange;
}
