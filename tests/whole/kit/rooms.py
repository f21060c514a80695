"""Real servers of WebSocket and Socket.IO, from packages: each counts what it saw.

    with serving("websocket") as port: ...       Python's websockets: echoes; chat.v1 is its subprotocol
    with serving("socketio", seen) as port: ...  python-socketio on uvicorn: /room, as examples/socketio.c has it

`seen`, a dict, has the server's own counts when it has ended. Skip: a package is missing.
"""
import contextlib, fcntl, json, os, signal, socket, subprocess
from kit.lib import ROOT, Skip, check, free_port, until

PACKAGES = ("websockets==15.0.1", "python-socketio==5.18.1", "uvicorn==0.54.0")
FOLDER = os.path.join(ROOT, "build", "rooms")


def python():
    """A Python that has the packages, in build/rooms. Skip: they cannot be had."""
    os.makedirs(FOLDER, exist_ok=True)
    own, stamp = FOLDER + "/bin/python", os.path.join(FOLDER, "packages")
    with open(FOLDER + "/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        have = open(stamp).read() if os.path.exists(stamp) else ""
        if have != " ".join(PACKAGES):
            for command in (["python3", "-m", "venv", FOLDER], [own, "-m", "pip", "install", "-q", *PACKAGES]):
                r = subprocess.run(command, capture_output=True, text=True)
                if r.returncode:
                    raise Skip("no Python packages: " + (r.stderr.strip().splitlines() or ["?"])[-1])
            with open(stamp, "w") as out:
                out.write(" ".join(PACKAGES))
    return own

WEBSOCKET = """
import asyncio, json, sys, websockets.asyncio.server as ws
n = {"connections": 0, "messages": 0, "bytes": 0}
async def echo(c):
    n["connections"] += 1
    async for m in c:
        n["messages"] += 1
        n["bytes"] += len(m)
        await c.send(m)
def choose(c, offered):
    return "chat.v1" if "chat.v1" in offered else None
async def main():
    import signal
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    async with ws.serve(echo, "127.0.0.1", int(sys.argv[1]), max_size=None, select_subprotocol=choose,
                        compression=None if "plain" in sys.argv else "deflate"):
        await stop
    print(json.dumps(n), flush=True)
asyncio.run(main())
"""

SOCKETIO = """
import asyncio, json, signal, sys, socketio, uvicorn
n = {"connections": 0, "join": 0, "sum": 0}
sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")
@sio.on("connect", namespace="/room")
async def connect(sid, environ, auth):
    n["connections"] += 1
    if not auth or auth.get("token") != "x":
        raise socketio.exceptions.ConnectionRefusedError("who are you")
@sio.on("join", namespace="/room")
async def join(sid, data):
    n["join"] += 1
    await sio.emit("hello", {"room": data["room"], "picture": b"123"}, to=sid, namespace="/room")
    await sio.emit("bye", to=sid, namespace="/room")
@sio.on("sum", namespace="/room")
async def add(sid, a, b):
    n["sum"] += 1
    return a + b
signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it again when it has ended by it
server = uvicorn.Server(uvicorn.Config(socketio.ASGIApp(sio), port=int(sys.argv[1]), log_level="warning"))
try:
    server.run()
finally:
    print(json.dumps(n), flush=True)
"""
SERVERS = {"websocket": WEBSOCKET, "socketio": SOCKETIO}


@contextlib.contextmanager
def serving(name, seen=None, args=()):
    port = free_port()
    p = subprocess.Popen([python(), "-c", SERVERS[name], str(port), *args], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    try:
        def up():
            check(p.poll() is None, "the server ended", p.poll() is not None and p.stderr.read())
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        until(up, 20, "a server that listens")
        yield port
    finally:
        p.send_signal(signal.SIGTERM)
        try:
            out = p.communicate(timeout=15)[0]
        except subprocess.TimeoutExpired:
            p.kill()
            out = p.communicate()[0]
        if seen is not None:
            seen.update(json.loads(out.strip().splitlines()[-1]))
