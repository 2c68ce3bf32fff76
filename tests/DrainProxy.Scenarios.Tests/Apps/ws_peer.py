"""A WebSocket server and client of the library websockets. Both tell a digest of every message, and how the connection was closed."""
import asyncio
import hashlib
import sys
import types

import websockets
import websockets.frames

# The same mask always, or no two runs would have the same bytes.
websockets.frames.secrets = types.SimpleNamespace(token_bytes=lambda n: b"\7" * n)

role, port = sys.argv[1], sys.argv[2]
ending = sys.argv[3] if len(sys.argv) > 3 else ""


def told(who, digest, count, ws):
    print("%s: %d messages %s, closed %s %s" % (who, count, digest.hexdigest(), ws.close_code, ws.close_reason), flush=True)


async def serve():
    async def echo(ws, *_):
        digest, count = hashlib.sha256(), 0
        try:
            async for message in ws:
                digest.update(message if isinstance(message, bytes) else message.encode())
                count += 1
                if message == "close me":
                    await ws.close(4001, "as asked")
                else:
                    await ws.send(message)
        except websockets.ConnectionClosed:
            pass
        await ws.wait_closed()
        told("server", digest, count, ws)

    async with websockets.serve(echo, "127.0.0.1", int(port), subprotocols=["echo"], max_size=None):
        print("serving", flush=True)
        await asyncio.Future()


async def talk():
    async with websockets.connect("ws://127.0.0.1:%s/echo?q=1" % port, subprotocols=["other", "echo"], max_size=None) as ws:
        print("client: protocol %s, extensions %s" % (ws.subprotocol, [e.name for e in ws.extensions]), flush=True)
        digest, count = hashlib.sha256(), 0
        messages = [bytes([size % 251]) * size for size in (0, 1, 125, 126, 65535, 65536, 1 << 20)]
        # And one that does not shrink.
        messages += [hashlib.shake_256(b"seed").digest(300000), "", "a", "ü € 😀", "long " * 50000]
        for message in messages:
            await ws.send(message)
            answer = await ws.recv()
            assert answer == message, (len(message), len(answer))
            digest.update(answer if isinstance(answer, bytes) else answer.encode())
            count += 1
        await ws.send(["one ", "two ", "three"])
        await (await ws.ping("are you there"))
        print("client: " + await ws.recv(), flush=True)
        if ending == "server":
            await ws.send("close me")
            await ws.wait_closed()
        else:
            await ws.close(4002, "done")
        told("client", digest, count, ws)


asyncio.run(serve() if role == "server" else talk())
