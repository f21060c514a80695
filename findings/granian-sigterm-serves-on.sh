#!/usr/bin/env bash
# granian 2.3.2 (PyPI, ASGI): after SIGTERM a kept connection is served on without end, without `Connection: close` in an answer and without FIN, and as long as it is
# open (idle or not) the server does not exit; its port meanwhile still accepts connections, which nobody ever answers. One would guess
# the request in flight is finished and idle connections closed, as uvicorn and hypercorn do within 0.1 s. In a rolling restart under
# load, keep-alive users see nothing of it, while each new user hangs until its own timeout, for as long as the old users go on.
# seen: 12 of 12 requests on the kept connection answered in 6 s after SIGTERM, `close` in 0 of them; new connections: 3 accepted, 0 answered
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill -9 -- "-$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
python3 -m pip install -q --no-cache-dir --disable-pip-version-check --root-user-action ignore --target py granian==2.3.2 click==8.1.8 >pip.log 2>&1
cat > app.py <<'P'
async def app(scope, receive, send):
    if scope['type'] == 'lifespan':
        while True:
            m = await receive()
            await send({'type': m['type'] + '.complete'})
            if m['type'] == 'lifespan.shutdown':
                return
    await send({'type': 'http.response.start', 'status': 200, 'headers': [(b'content-length', b'5')]})
    await send({'type': 'http.response.body', 'body': b'hello'})
P
cat > test.py <<'P'
import os, signal, socket, sys, time
port, pid = int(sys.argv[1]), int(sys.argv[2])
def ask(s, wait):
    s.settimeout(wait)
    data = b''
    try:
        s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        while b'hello' not in data:
            more = s.recv(65536)
            if not more:
                break
            data += more
    except OSError:
        pass
    return data
end = time.time() + 30
while True:
    try:
        kept = socket.create_connection(('127.0.0.1', port), timeout=5)
        break
    except OSError:
        if time.time() > end:
            sys.exit('not up')
        time.sleep(0.1)
assert b'hello' in ask(kept, 5)
os.kill(pid, signal.SIGTERM)
t0 = time.time()
answered = close = accepted = new = 0
for i in range(12):
    time.sleep(max(0, t0 + (i + 1) / 2 - time.time()))
    a = ask(kept, 2)
    answered += b'hello' in a
    close += b'connection: close' in a.lower()
    if i in (3, 6, 9):
        try:
            s = socket.create_connection(('127.0.0.1', port), timeout=1)
            accepted += 1
            new += b'hello' in ask(s, 0.4)
            s.close()
        except OSError:
            pass
took = time.time() - t0
os.kill(pid, 0)
kept.close()
if answered < 12 or close or new:
    sys.exit('no longer so: %d %d %d %d' % (answered, close, accepted, new))
print('seen: %d of 12 requests on the kept connection answered in %.0f s after SIGTERM, `close` in %d of them; new connections: %d accepted, %d answered' % (answered, took, close, accepted, new))
P
port=$(python3 -c "import socket;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1])")
PYTHONPATH=$d/py setsid python3 -m granian --interface asgi app:app --host 127.0.0.1 --port "$port" --no-log >granian.log 2>&1 & pids=$!
python3 test.py "$port" "$pids"
