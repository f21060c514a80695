#!/usr/bin/env bash
# github.com/codesenberg/bombardier v1.2.6 (Go): a GET whose answer is cut off or does not come in time is silently sent again, up to five times in all,
# within one counted request. Asked for 100 requests to a server that cuts each body, it sends 500 and reports 100 errors; where only
# some fail, the second try hides them: "0 errors". One would guess one request on the wire for one in the report. A server in trouble
# gets up to five times the load that was asked for, and a rate of failures of 10 % is reported as none.
# seen: asked for 100: the server got 500, reported 100 errors; each 10th answer cut: the server got 111, reported 100 2xx and 0 errors
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
export GOPATH=$d/go GOCACHE=$d/cache GOFLAGS='-modcacherw -gcflags=all=-l' GOBIN=$d/bin CGO_ENABLED=0
go install github.com/codesenberg/bombardier@v1.2.6 >go.log 2>&1
cat > server.py <<'P'
import socket, threading
seen = [0]
lock = threading.Lock()
def serve(c):
    data = b''
    while True:
        while b'\r\n\r\n' not in data:
            more = c.recv(65536)
            if not more:
                return c.close()
            data += more
        head, data = data.split(b'\r\n\r\n', 1)
        path = head.split(b' ')[1]
        with lock:
            if path == b'/seen':
                body, seen[0] = b'%d' % seen[0], 0
            else:
                seen[0] += 1
                body = b'hello'
            cut = path == b'/all' or path == b'/tenth' and seen[0] % 10 == 0
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (500 if cut else len(body), body))
        if cut:
            return c.close()
s = socket.create_server(('127.0.0.1', 0), backlog=100)
print(s.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
P
python3 server.py > port 2>server.log & pids=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
u=http://127.0.0.1:$(cat port)
run() {
  timeout 60 bin/bombardier -c 2 -n 100 -p r "$u/$1" > out
  got=$(curl -s -m 5 "$u/seen")
  ok=$(sed -n 's/.*2xx - \([0-9]*\),.*/\1/p' out) bad=$(sed -n 's/^ *others - \([0-9]*\).*/\1/p' out)
}
run all; got1=$got ok1=$ok bad1=$bad
run tenth
[ "$got1" = 500 ] && [ "$bad1" = 100 ] && [ "$got" -gt 105 ] && [ "$ok" = 100 ] && [ "$bad" = 0 ] || { echo "no longer so: $got1 $ok1 $bad1, $got $ok $bad" >&2; exit 1; }
echo "seen: asked for 100: the server got $got1, reported $bad1 errors; each 10th answer cut: the server got $got, reported $ok 2xx and $bad errors"
