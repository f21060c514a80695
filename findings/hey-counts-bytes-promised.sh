#!/usr/bin/env bash
# hey 0.1.4-2+b4 (Debian): its "Total data" and "Size/request" are what Content-Length promised, not what came, and an answer that is cut off in its body
# by FIN is one more [200] without an error. Of 100 answers that say 500,000 bytes and bring 5, it reports 50 MB of data. One would guess an
# "unexpected EOF" in the error distribution, or at least 5 bytes a request. Throughput that somebody quotes from hey may never have been sent.
# seen: the server sent 500 body bytes in 100 cut answers; hey: [200] 100 responses, total data 50000000 bytes, errors: none
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
deb() { apt-get download "$@" >apt.log 2>&1 || { apt-get update >apt.log 2>&1; apt-get download "$@" >apt.log 2>&1; }; }
deb hey=0.1.4-2+b4
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
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500000\r\nConnection: close\r\n\r\nhello')
    c.close()
P
python3 server.py > port 2>server.log & pids=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
u=http://127.0.0.1:$(cat port)/
rc=0; curl -s -m 5 -o curl.out "$u" || rc=$?
[ "$rc" = 18 ] || { echo "curl does not call the answer cut: $rc" >&2; exit 1; }
timeout 60 root/usr/bin/hey -n 100 -c 2 -t 5 "$u" > out
data=$(sed -n 's/^ *Total data:[^0-9]*\([0-9]*\) bytes/\1/p' out)
ok=$(sed -n 's/^ *\[200\][^0-9]*\([0-9]*\) responses/\1/p' out)
err=$(sed -n '/^Error distribution/,$p' out | tr '\n\t' '  ')
[ "$ok" = 100 ] && [ "$data" = 50000000 ] && [ -z "$err" ] || { echo "no longer so: ok=$ok data=$data err=$err" >&2; exit 1; }
echo "seen: the server sent 500 body bytes in 100 cut answers; hey: [200] $ok responses, total data $data bytes, errors: ${err:-none}"
