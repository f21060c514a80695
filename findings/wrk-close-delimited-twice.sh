#!/usr/bin/env bash
# wrk 4.1.0-3+b2 (Debian) meets wsgiref of Python 3 (HTTP/1.0, no length, the body ends by close): each good answer is counted as a request AND
# as a read error, and costs two connections, the second of which carries nothing. One would guess either "all fine" or "all errors".
# Who load-tests such a server sees 100 % errors beside a full number of requests, and the server accepts twice as many connections
# as there are requests: its speed is understated, and half of a connection limit is spent on nothing.
# seen: 2031 requests, 2031 read errors; the server answered 2033 requests on 4066 connections
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
deb() { apt-get download "$@" >apt.log 2>&1 || { apt-get update >apt.log 2>&1; apt-get download "$@" >apt.log 2>&1; }; }
deb wrk=4.1.0-3+b2 libluajit-5.1-2=2.1.0~beta3+git20220320+dfsg-4.1+deb12u1
for f in *.deb; do dpkg -x "$f" root; done
cat > server.py <<'P'
from wsgiref.simple_server import WSGIServer, WSGIRequestHandler
seen = [0, 0]
class Quiet(WSGIRequestHandler):
    def log_message(self, *a): pass
class Server(WSGIServer):
    request_queue_size = 100
    def get_request(self):
        seen[1] += 1
        return super().get_request()
def app(env, start):
    start('200 OK', [('Content-Type', 'text/plain')])
    if env['PATH_INFO'] == '/seen':
        yield b'%d %d\n' % tuple(seen)
    else:
        seen[0] += 1
        yield b'hello'
s = Server(('127.0.0.1', 0), Quiet)
s.set_app(app)
print(s.server_port, flush=True)
s.serve_forever()
P
python3 server.py > port 2>server.log & pids=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
u=http://127.0.0.1:$(cat port)
LD_LIBRARY_PATH=root/usr/lib/$(uname -m)-linux-gnu timeout 30 root/usr/bin/wrk -t1 -c2 -d2s "$u/" > out
read -r answered conns < <(curl -s -m 5 "$u/seen")
n=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' out)
err=$(sed -n 's/^ *Socket errors:.* read \([0-9]*\),.*/\1/p' out)
[ "$n" -gt 20 ] && [ "${err:-0}" -ge $((n - 4)) ] && [ "$conns" -ge $((2 * answered - 10)) ] || { echo "no longer so: wrk $n, read errors ${err:-0}, answered $answered, connections $conns" >&2; exit 1; }
echo "seen: $n requests, $err read errors; the server answered $answered requests on $conns connections"
