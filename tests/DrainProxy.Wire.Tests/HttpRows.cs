namespace DrainProxy.Wire.Tests;

/// <summary>One requirement on what passes on the wire.</summary>
/// <param name="Number">As cases name it: `row 16`.</param>
/// <param name="Source">RFC and section; `own` where it is ours.</param>
/// <param name="Text">The requirement.</param>
/// <param name="Tests">Tests beside the corpus, by the names of their methods.</param>
/// <param name="Limit">What does not hold, why, and with what effect; null when all does.</param>
internal sealed record HttpRow(int Number, string Source, string Text, string[] Tests, string? Limit = null);

/// <summary>The requirements, in the order of docs/http.md, whose table is made from here and from the corpus.</summary>
internal static class HttpRows
{
    private const string Blocks = nameof(Http2Tests.A_malformed_header_block_never_reaches_the_app);
    private const string Mutated = nameof(PropertyTests.Mutated_requests_are_a_prefix_of_what_a_strict_reader_sees);
    private const string Valid = nameof(PropertyTests.Valid_requests_all_reach_the_app);
    private const string Early = nameof(EarlyAnswerTests.A_refusal_comes_while_the_body_is_sent);
    private const string Answers = nameof(PropertyTests.Mutated_answers_never_take_the_place_of_others);

    public static IReadOnlyList<HttpRow> All { get; } =
    [
        new(1, "9110 7.6.1", "fields named in Connection are removed, both ways, any case, several lines", [Valid]),
        new(2, "9110 7.6.1", "fields of one hop never reach the other as they came", []),
        new(3, "9110 7.6.1", "naming Host, Content-Length, Cookie or X-Forwarded-* in Connection weakens nothing", ["Framing_and_policy_cannot_be_nominated_away"]),
        new(4, "9110 7.6.3", "Via is added to requests (`--via`), a received one is kept", [nameof(Http2Tests.Cookie_crumbs_are_joined_for_an_http_1_app)]),
        new(5, "9110 7.6.3", "a loop ends with 508", ["A_proxy_whose_app_is_itself_breaks_the_circle"]),
        new(6, "9110 7.6.2", "Max-Forwards on TRACE and OPTIONS: 0 is answered here, others go down by one", []),
        new(7, "9110 7.7", "content and content codings are never changed", [Valid]),
        new(8, "9110 5.3", "fields of one name keep their order; Set-Cookie lines are not joined", []),
        new(9, "9110 9.1", "method and target pass byte for byte", [nameof(Http2Tests.Method_and_target_pass_byte_for_byte)],
            "a path with `%00` is refused with 400: Kestrel decodes every path and refuses a NUL in it, as nginx does; in a query it passes"),
        new(10, "9110 7.2", "Host passes as it came", []),
        new(11, "9112 3.2", "missing, double or invalid Host: 400", [Blocks]),
        new(12, "9112 3.2.2", "absolute form: its host counts; sent on in origin form", [nameof(Http2Tests.Authority_counts_where_host_says_otherwise)]),
        new(13, "9110 9.3.6", "CONNECT is refused with 501", [Blocks]),
        new(14, "9112 3", "bad start line or control bytes in the target: 400 and close", [Mutated]),
        new(15, "9110 2.5", "unknown version: 505", []),
        new(16, "9112 5.1", "blank before the colon: 400 in requests, removed from answers", [Mutated]),
        new(17, "9112 5.2", "folded lines: refused in requests, joined in answers", [Mutated]),
        new(18, "9112 2.2", "bare CR is refused outside content", [Mutated]),
        new(19, "9110 5.1", "no NUL, CR or LF leaves in a field; invalid names: 400", [Mutated, Blocks]),
        new(20, "9112 6.3", "Content-Length is one decimal number: else 400, from the app 502", [Mutated, nameof(Http2Tests.A_length_that_is_not_that_of_the_data_is_never_completed)]),
        new(21, "9110 8.6", "lengths beyond 2^63 do not wrap", []),
        new(22, "9112 6.1", "Content-Length beside Transfer-Encoding: 400; from the app the length is dropped", [Mutated]),
        new(23, "9112 6.3", "Transfer-Encoding that does not end in chunked: 400 and close", [Mutated]),
        new(24, "9112 6.1", "unknown transfer coding: 501; chunked twice: 400; from the app 502", [Mutated]),
        new(25, "9112 6.1", "Transfer-Encoding on HTTP/1.0: 400", []),
        new(26, "9112 7.1", "chunk sizes are hexadecimal without overflow; only CR LF in chunk lines", ["Both_readers_read_the_same", Mutated],
            "a bare LF in the app's chunk lines ends the line: SocketsHttpHandler reads them so. What the client gets is framed anew, and nothing behind the answer is taken for another"),
        new(27, "9112 7.1.1", "chunk extensions are dropped and bounded; so are empty lines before a request", ["Extensions_and_trailers_are_bounded"]),
        new(28, "9110 6.5.1", "trailers never become header fields", [nameof(Http2Tests.Trailers_never_become_header_fields), nameof(Http2Tests.Malformed_trailers_never_complete_a_request)]),
        new(29, "9110 6.5", "trailers of the app arrive where the client takes them", ["Trailers_of_the_app_arrive_where_the_protocol_has_them"]),
        new(30, "9112 8", "an unfinished request is never completed towards the app", [Mutated, Early]),
        new(31, "9112 8", "an unfinished answer never looks whole", ["A_body_that_the_app_cuts_is_not_passed_off_as_whole", "An_answer_that_the_app_breaks_off_is_broken_for_the_client"]),
        new(32, "9112 9.6", "nothing behind a refusal is read as a request", [Mutated]),
        new(33, "9112 9.6", "nothing behind a request with close is handled", [Mutated]),
        new(34, "9112 9.3.2", "requests sent in one go are answered in their order", ["Requests_in_one_write_are_answered_in_their_order", Answers, nameof(Http2Tests.A_hundred_streams_of_one_connection_get_their_own_answers)],
            "an HTTP/1.1 app that answers without reading a body that it has already, and takes the body for a next request, answers that one too: nothing on the wire tells it apart ([SECURITY.md](SECURITY.md))"),
        new(35, "9110 9.2.2", "sent again only when idempotent and no byte of an answer came", ["A_request_that_the_app_died_on_is_executed_once", "Each_order_is_executed_once_over_two_restarts"]),
        new(36, "9110 15.2", "interim answers are relayed; none to HTTP/1.0", ["Expect_100_continue_is_answered_and_the_body_passes"],
            "those of an HTTP/2 app are dropped: SocketsHttpHandler does so, and below it they stand in header blocks whose compression spans the connection"),
        new(37, "9112 9.3", "a final answer before the body has been read is relayed", ["An_answer_that_comes_before_the_body_arrives_whole", Early, nameof(EarlyAnswerTests.A_refusal_comes_through_a_body_that_the_app_does_not_take), nameof(EarlyAnswerTests.An_early_success_waits_for_the_body), nameof(EarlyAnswerTests.An_answer_before_the_body_is_the_last_of_its_connection)],
            "a success (below 400) that an HTTP/1.1 app gives before it has the body is relayed once the client's body has ended; refusals at once ([decisions.md](decisions.md))"),
        new(38, "9110 7.8", "101 only when the client asked for that protocol, else 502", []),
        new(39, "9110 7.8", "Upgrade is ignored on HTTP/1.0; h2c and HTTP2-Settings are never sent on", []),
        new(40, "6455", "WebSocket: same bytes both ways, drained with close code 1001", ["A_websocket_gets_1001_on_both_sides", "WebSocket_frames_end_after_their_payload", "The_same_comes_through_as_directly", "Both_sides_hear_1001_in_streams_of_HTTP2", nameof(WebSocketEndTests.A_client_that_leaves_behind_its_Close_hears_the_apps_last_words)]),
        new(41, "8441", "WebSocket over HTTP/2 reaches apps of HTTP/1.1 and HTTP/2 with the same bytes; a key of the client's own is refused", [nameof(Http2Tests.A_WebSocket_over_HTTP2_opens_with_a_key_of_our_own), nameof(Http2Tests.A_WebSocket_over_HTTP2_that_the_app_answers_with_200_is_not_open), "The_same_comes_through_streams_of_HTTP2"]),
        new(42, "9113 8.2", "HTTP/2: malformed fields, pseudo-fields and lengths never reach an HTTP/1.1 app", [Blocks, nameof(Http2Tests.A_frame_out_of_place_ends_the_connection), nameof(Http2Tests.Content_of_the_right_length_waits_for_its_end), nameof(Http2Tests.A_client_that_does_not_begin_with_settings_is_not_listened_to)],
            "a header block with index 0 of HPACK ends the connection with INTERNAL_ERROR where COMPRESSION_ERROR is due (RFC 7541 section 6.1): Kestrel's decoder says so. Nothing of it reaches the app"),
        new(43, "9113 8.2.1", "HTTP/2: values with CR, LF, NUL or blanks at the edge; :path without a slash: refused", [Blocks, nameof(Http2Tests.A_value_with_bytes_at_its_edge_is_refused_or_cleaned)]),
        new(44, "9113 8.2.3", "HTTP/2: cookie crumbs are joined", [nameof(Http2Tests.Cookie_crumbs_are_joined_for_an_http_1_app)]),
        new(45, "9113 6.8", "drain on HTTP/2: GOAWAY with the last stream served", ["A_quiet_http2_connection_hears_goaway_and_ends_without_a_reset", "An_http2_connection_hears_goaway_at_once_and_serves_what_still_comes"]),
        new(46, "9112 9.6", "drain on HTTP/1.1: `Connection: close` on answers, idle connections closed late and gently", ["An_idle_connection_stays_open_while_lingering_and_its_late_request_is_served", "A_request_behind_our_fin_is_counted_as_lost"]),
        new(47, "9110 15.6.4", "refusals are 503 with Retry-After", ["An_app_that_is_not_there_is_held_then_refused"]),
        new(48, "9110 15.5", "413, 414, 431 and 408 as the limits ask, then close", ["Bounds_have_their_own_answers"]),
        new(49, "9209 2", "own errors carry Proxy-Status with a registered type", ["Every_error_of_the_forwarder_has_a_meaning", "An_app_that_leaves_without_an_answer_is_one_clear_502"],
            "a header over HTTP/2 beyond `--max-header-size` or 1,000 fields gets Kestrel's own 431, which has neither Proxy-Status nor a document"),
        new(50, "9209", "Proxy-Status is a valid list without addresses; the app's own is kept", ["Every_fault_has_a_status_and_words"]),
        new(51, "9457", "own errors have a problem document", ["An_app_that_is_not_there_is_held_then_refused"]),
        new(52, "9110 15", "a status outside 100 to 599 from the app is 502; a broken reason is left out", []),
        new(53, "9110 8.6", "204, 304 and HEAD answers have no body; a length on 204 is dropped", ["Answers_without_a_body_keep_the_connection_in_step"]),
        new(54, "9110 6.6.1", "Date is added only when missing; the app's Server is kept, none of our own", []),
        new(55, "7239", "X-Forwarded-* and Forwarded are appended to for trusted peers, else replaced (`--trusted-proxies`)", ["What_a_peer_says_of_the_way_here_is_not_believed_unless_configured", "A_named_load_balancer_is_believed"]),
        new(56, "own", "field values pass as bytes, UTF-8 or not", [Valid]),
        new(57, "own", "one bad connection never slows others", [nameof(Http2Tests.A_window_of_zero_holds_the_body_back_and_nobody_else), nameof(Http2FloodTests.A_flood_ends_its_connection_within_a_counted_bound)]),
        new(58, "own", "bytes from the wire never begin a line of the log", ["Nothing_from_the_wire_begins_a_line_of_its_own"]),
        new(59, "own", "no body is buffered whole", ["A_large_body_passes_within_bounded_memory"]),
        new(60, "own", "the process survives everything; a plain GET works right after each case", ["Everything_returns_to_its_baseline", Mutated]),
    ];
}
