#!/usr/bin/env bash
# wrk 4.1.0-3+b2 (Debian): a request that is never answered is counted nowhere, whatever --timeout says: no request, no timeout, no error.
# The timeout is only looked at when an answer comes. Against a server that answers nine of ten requests and is silent to the tenth, four
# users are all stuck for ever within milliseconds; the report shows a fast server and has no "Socket errors" line. One would guess that
# `--timeout 1s` in a run of 5 s shows timeouts. Who compares load tools must look at the number of requests, not at the errors.
# seen: 40 requests came, 36 were answered; wrk --timeout 1s in 5 s: 36 requests, socket errors: none
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
deb() { apt-get download "$@" >apt.log 2>&1 || { apt-get update >apt.log 2>&1; apt-get download "$@" >apt.log 2>&1; }; }
deb wrk=4.1.0-3+b2 libluajit-5.1-2=2.1.0~beta3+git20220320+dfsg-4.1+deb12u1
for f in *.deb; do dpkg -x "$f" root; done
cat > server.py <<'P'
import socket, threading
lock, seen = threading.Lock(), [0, 0]
def serve(c):
    data = b''
    while True:
        while b'\r\n\r\n' not in data:
            more = c.recv(65536)
            if not more:
                return c.close()
            data += more
        head, data = data.split(b'\r\n\r\n', 1)
        if head.startswith(b'GET /seen '):
            body = b'%d %d' % tuple(seen)
        else:
            with lock:
                seen[0] += 1
                silent = seen[0] % 10 == 0
                seen[1] += not silent
            if silent:
                continue
            body = b'hello'
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))
s = socket.create_server(('127.0.0.1', 0), backlog=100)
print(s.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
P
python3 server.py > port 2>server.log & pids=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
u=http://127.0.0.1:$(cat port)
LD_LIBRARY_PATH=root/usr/lib/$(uname -m)-linux-gnu timeout 30 root/usr/bin/wrk -t1 -c4 -d5s --timeout 1s "$u/" > out
read -r came answered < <(curl -s -m 5 "$u/seen"; echo)
n=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' out)
err=$(sed -n 's/^ *Socket errors: //p' out)
[ "$came" -gt "$answered" ] && [ "$n" = "$answered" ] && [ -z "$err" ] || { echo "no longer so: came=$came answered=$answered wrk=$n errors=$err" >&2; exit 1; }
echo "seen: $came requests came, $answered were answered; wrk --timeout 1s in 5 s: $n requests, socket errors: ${err:-none}"
