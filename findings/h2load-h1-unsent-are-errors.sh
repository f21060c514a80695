#!/usr/bin/env bash
# nghttp2-client 1.52.0-1+deb12u3 (h2load --h1): when the server ends an idle connection without saying so beforehand, h2load never opens another one and books all requests that this
# user has not yet sent as "failed" and "errored". A server that serves 5 requests a connection gets 20 requests from 4 users, answers all 20, and
# the report says 80 of 100 failed. With `Connection: close` in the last answer h2load does connect again and all 100 succeed. One would guess a
# reconnect, or 4 errors. A failure rate from h2load is a count of requests that nobody sent.
# seen: asked for 100, the server got 20 and answered 20; h2load: 20 succeeded, 80 failed, 80 errored; announced: 100 succeeded, 0 failed
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
deb() { apt-get download "$@" >apt.log 2>&1 || { apt-get update >apt.log 2>&1; apt-get download "$@" >apt.log 2>&1; }; }
deb nghttp2-client=1.52.0-1+deb12u3 libnghttp2-14=1.52.0-1+deb12u3 libev4=1:4.33-1 libjemalloc2=5.3.0-1
for f in *.deb; do dpkg -x "$f" root; done
cat > server.py <<'P'
import socket, threading
seen = [0]
lock = threading.Lock()
def serve(c):
    data = b''
    for i in range(5):
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
        close = b'Connection: close\r\n' if path == b'/told' and i == 4 else b''
        c.sendall(b'HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s' % (close, len(body), body))
    c.close()
s = socket.create_server(('127.0.0.1', 0), backlog=100)
print(s.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
P
python3 server.py > port 2>server.log & pids=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
u=http://127.0.0.1:$(cat port)
run() {
  LD_LIBRARY_PATH=root/usr/lib/$(uname -m)-linux-gnu timeout 60 root/usr/bin/h2load --h1 -n 100 -c 4 "$u/$1" > out
  got=$(curl -s -m 5 "$u/seen")
  read -r ok failed errored < <(sed -n 's/^requests: .* \([0-9]*\) succeeded, \([0-9]*\) failed, \([0-9]*\) errored.*/\1 \2 \3/p' out)
}
run untold; got1=$got ok1=$ok failed1=$failed errored1=$errored
run told
[ "$ok1" = "$got1" ] && [ "$errored1" -ge 70 ] && [ "$ok" = 100 ] || { echo "no longer so: $got1 $ok1 $failed1, $ok $failed" >&2; exit 1; }
echo "seen: asked for 100, the server got $got1 and answered $got1; h2load: $ok1 succeeded, $failed1 failed, $errored1 errored; announced: $ok succeeded, $failed failed"
