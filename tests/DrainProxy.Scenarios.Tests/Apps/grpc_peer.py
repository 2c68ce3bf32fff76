"""gRPC server and clients without generated code: messages are plain bytes."""
import sys
import threading
import time
from concurrent import futures

import grpc

identity = lambda data: data


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        method = details.method.rsplit("/", 1)[1]
        if method == "Unary":
            def unary(request, context):
                context.set_trailing_metadata((("x-trailer", "kept"), ("x-bytes-bin", b"\x00\xff")))
                return b"re:" + request
            return grpc.unary_unary_rpc_method_handler(unary, identity, identity)
        if method == "ServerStream":
            return grpc.unary_stream_rpc_method_handler(lambda r, c: (r + str(i).encode() for i in range(5)), identity, identity)
        if method == "ClientStream":
            return grpc.stream_unary_rpc_method_handler(lambda rs, c: b"".join(rs), identity, identity)
        if method == "Bidi":
            return grpc.stream_stream_rpc_method_handler(lambda rs, c: (b"re:" + r for r in rs), identity, identity)
        if method == "Hang":
            def hang(request, context):
                over = threading.Event()
                context.add_callback(over.set)
                yield b"first"
                over.wait()
                print("cancelled", flush=True)
            return grpc.unary_stream_rpc_method_handler(hang, identity, identity)
        if method == "Refuse":
            def refuse(request, context):
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now: ü")
            return grpc.unary_unary_rpc_method_handler(refuse, identity, identity)
        if method == "Endless":
            def endless(request, context):
                while context.is_active():
                    yield b"x" * 100
                    time.sleep(0.05)
            return grpc.unary_stream_rpc_method_handler(endless, identity, identity)
        return None


def main():
    role, port = sys.argv[1], sys.argv[2]
    if role == "server":
        server = grpc.server(futures.ThreadPoolExecutor(8))
        server.add_generic_rpc_handlers((Handler(),))
        server.add_insecure_port("127.0.0.1:" + port)
        server.start()
        print("serving", flush=True)
        server.wait_for_termination()
    channel = grpc.insecure_channel("127.0.0.1:" + port)
    if role == "kinds":
        answer, call = channel.unary_unary("/t.T/Unary", identity, identity).with_call(b"a")
        assert answer == b"re:a", answer
        assert ("x-trailer", "kept") in [(k, v) for k, v in call.trailing_metadata()], call.trailing_metadata()
        assert ("x-bytes-bin", b"\x00\xff") in [(k, v) for k, v in call.trailing_metadata()], call.trailing_metadata()
        assert list(channel.unary_stream("/t.T/ServerStream", identity, identity)(b"s")) == [b"s0", b"s1", b"s2", b"s3", b"s4"]
        assert channel.stream_unary("/t.T/ClientStream", identity, identity)(iter([b"a", b"b", b"c"])) == b"abc"
        assert list(channel.stream_stream("/t.T/Bidi", identity, identity)(iter([b"1", b"2"]))) == [b"re:1", b"re:2"]
        try:
            channel.unary_unary("/t.T/Missing", identity, identity)(b"")
            raise AssertionError("a missing method answered")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
        try:
            channel.unary_unary("/t.T/Refuse", identity, identity)(b"")
            raise AssertionError("refused, but answered")
        except grpc.RpcError as error:
            assert (error.code(), error.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "not now: ü"), error
        hang = channel.unary_stream("/t.T/Hang", identity, identity)
        late = hang(b"", timeout=0.7)
        assert next(late) == b"first"
        try:
            next(late)
            raise AssertionError("no deadline")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
        cancelled = hang(b"")
        assert next(cancelled) == b"first"
        cancelled.cancel()
        assert cancelled.code() == grpc.StatusCode.CANCELLED, cancelled.code()
        channel.close()
        print("all as expected", flush=True)
    elif role == "endless":
        try:
            first = True
            for message in channel.unary_stream("/t.T/Endless", identity, identity)(b""):
                assert message == b"x" * 100
                if first:
                    print("message", flush=True)
                    first = False
            print("ended without status", flush=True)
        except grpc.RpcError as error:
            print("status %s: %s" % (error.code().name, error.details()), flush=True)


main()
