namespace DrainProxy.Decisions.Framing;

/// <summary>What makes a request one that must not be passed on; a closed set, each with its status and words in <see cref="FramingFaults"/>.</summary>
public enum FramingFault : byte
{
    None,
    RequestLine,
    Method,
    Target,
    TargetTooLong,
    Version,
    LineTerminator,
    FieldLine,
    FieldName,
    FieldValue,
    FoldedLine,
    HeaderTooLarge,
    TooManyFields,
    Host,
    ContentLength,
    LengthMissing,
    BodyTooLarge,
    TransferEncoding,
    UnknownCoding,
    LengthAndCoding,
    CodingOnHttp10,
    ChunkSize,
    ChunkExtension,
    ChunkData,
    Trailer,
    SlowHeader,
    Connect,
    MethodCase,
}

/// <summary>Status and words for each fault. The words are constants, so nothing from the wire gets into an answer or a log line.</summary>
public static class FramingFaults
{
    /// <summary>The status that RFC 9110 section 15.5, RFC 9112 and RFC 6585 give the fault.</summary>
    public static int Status(this FramingFault fault) => fault switch
    {
        FramingFault.SlowHeader => 408,
        FramingFault.LengthMissing => 411,
        FramingFault.BodyTooLarge => 413,
        FramingFault.TargetTooLong => 414,
        FramingFault.HeaderTooLarge or FramingFault.TooManyFields => 431,
        FramingFault.UnknownCoding or FramingFault.Connect or FramingFault.MethodCase => 501,
        FramingFault.Version => 505,
        _ => 400,
    };

    public static string Words(this FramingFault fault) => fault switch
    {
        FramingFault.RequestLine => "the request line is not method, target and version",
        FramingFault.Method => "the method is not a token",
        FramingFault.Target => "the request target holds a byte that a target cannot, or has no known form",
        FramingFault.TargetTooLong => "the request line is longer than allowed",
        FramingFault.Version => "the HTTP version is not supported on this connection",
        FramingFault.LineTerminator => "a line of the header does not end in CR LF",
        FramingFault.FieldLine => "a field line has no colon right after its name",
        FramingFault.FieldName => "a field name is not a token",
        FramingFault.FieldValue => "a field value holds a control character",
        FramingFault.FoldedLine => "a field line is folded",
        FramingFault.HeaderTooLarge => "the header is larger than allowed",
        FramingFault.TooManyFields => "the header has more fields than allowed",
        FramingFault.Host => "Host is missing, given twice, not a host, or not that of the target",
        FramingFault.ContentLength => "Content-Length is not one decimal number",
        FramingFault.LengthMissing => "an HTTP/1.0 request with this method needs a Content-Length",
        FramingFault.BodyTooLarge => "the body is larger than allowed",
        FramingFault.TransferEncoding => "Transfer-Encoding is not chunked, once and last",
        FramingFault.UnknownCoding => "a transfer coding is not known",
        FramingFault.LengthAndCoding => "both Content-Length and Transfer-Encoding are given",
        FramingFault.CodingOnHttp10 => "Transfer-Encoding is given in an HTTP/1.0 request",
        FramingFault.ChunkSize => "a chunk size is not a hexadecimal number in range",
        FramingFault.ChunkExtension => "a chunk extension is malformed or too long",
        FramingFault.ChunkData => "chunk data does not end in CR LF",
        FramingFault.Trailer => "the trailer is malformed or too large",
        FramingFault.Connect => "CONNECT is not served here",
        FramingFault.MethodCase => "the method differs in case from a known one, and cannot be sent to this app so",
        FramingFault.SlowHeader => "the header did not arrive in time",
        _ => "",
    };
}
