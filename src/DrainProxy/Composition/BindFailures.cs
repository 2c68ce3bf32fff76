using System.Net.Sockets;
using DrainProxy.Proxy.Listening;
using Microsoft.AspNetCore.Connections;

namespace DrainProxy.Composition;

/// <summary>Why a listener could not be opened, for whoever started the program.</summary>
internal static class BindFailures
{
    /// <summary>Null when the exception is about something else.</summary>
    public static string? Reason(Exception exception)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            if (e is AddressInUseException) return exception.Message;
            if (e is BindException { InnerException: SocketException { SocketErrorCode: SocketError.AccessDenied } }) return $"not permitted to bind {e.Message}";
            if (e is BindException { InnerException: SocketException { SocketErrorCode: SocketError.AddressNotAvailable } }) return $"cannot bind {e.Message}";
            if (e is SocketException { SocketErrorCode: SocketError.AccessDenied } denied) return $"not permitted to bind: {denied.Message}";
            if (e is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse or SocketError.AddressNotAvailable or SocketError.HostNotFound } other)
                return $"cannot bind: {other.Message}";
        }

        return null;
    }
}
