#!/usr/bin/env bash
# apache2-utils 2.4.71-1~deb12u1 (ab 2.3): an answer that is cut off by FIN (Content-Length: 500, 5 bytes come) is a success, as long as all are cut at
# the same place: ab takes the bytes that the FIRST answer brought as "Document Length" and compares the others with that, never with
# Content-Length. One would guess "Failed requests: 100 (Length: 100)". A proxy or server that cuts every body passes ab without one failure.
# seen: 100 answers said 500 bytes and brought 5: ab: complete 100, failed 0, document length 5
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
deb() { apt-get download "$@" >apt.log 2>&1 || { apt-get update >apt.log 2>&1; apt-get download "$@" >apt.log 2>&1; }; }
deb apache2-utils=2.4.71-1~deb12u1 libapr1=1.7.2-3+deb12u1 libaprutil1=1.6.3-1+deb12u1
for f in *.deb; do dpkg -x "$f" root; done
cat > server.py <<'P'
import socket
s = socket.create_server(('127.0.0.1', 0), backlog=100)
print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    data = b''
    while b'\r\n\r\n' not in data:
        more = c.recv(65536)
        if not more:
            break
        data += more
    else:
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\nhello')
    c.close()
P
python3 server.py > port 2>server.log & pids=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
u=http://127.0.0.1:$(cat port)/
rc=0; curl -s -m 5 -o curl.out "$u" || rc=$?
[ "$rc" = 18 ] || { echo "curl does not call the answer cut: $rc" >&2; exit 1; }
LD_LIBRARY_PATH=root/usr/lib/$(uname -m)-linux-gnu timeout 60 root/usr/bin/ab -q -s 5 -c 2 -n 100 "$u" > out 2>err || :
v() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" out; }
done_=$(v 'Complete requests') failed=$(v 'Failed requests') len=$(v 'Document Length')
[ "$done_" = 100 ] && [ "$failed" = 0 ] && [ "$len" = 5 ] || { echo "no longer so: $done_ $failed $len" >&2; exit 1; }
echo "seen: 100 answers said 500 bytes and brought 5: ab: complete $done_, failed $failed, document length $len"
