#!/usr/bin/env bash
# varnish 7.1.1-2+deb12u1 (Debian), default VCL: 20 clients ask at once for a page of 1 s that may not be cached (Cache-Control: private). They are not served together (1 s each), nor
# "one, then the rest" (1 s, 2 s): one gets it after 1 s, nine after 2 s and ten after 3 s, for those who wait on the first fetch are woken a few at a time.
# The second time (the mark "not cacheable" is there for 120 s) all take 1 s. A test that starts all users at once, or asks once in two
# minutes, sees half of them wait three times the page's own time; a warmed-up one doesn't. The backend alone takes 1 s for all.
# seen: direct: 20 after 1 s; first time: 1 after 1 s, 9 after 2 s, 10 after 3 s; second time: 20 after 1 s
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; wait $pids 2>/dev/null || :; rm -rf "$d"' EXIT
cd "$d"
deb() { apt-get download "$@" >apt.log 2>&1 || { apt-get update >apt.log 2>&1; apt-get download "$@" >apt.log 2>&1; }; }
deb varnish=7.1.1-2+deb12u1 libvarnishapi3=7.1.1-2+deb12u1 libjemalloc2=5.3.0-1
for f in *.deb; do dpkg -x "$f" root; done
cat > backend.py <<'P'
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class H(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *a): pass
    def do_GET(self):
        time.sleep(1)
        self.send_response(200)
        self.send_header('Cache-Control', 'private')
        self.send_header('Content-Length', '5')
        self.end_headers()
        self.wfile.write(b'hello')
class S(ThreadingHTTPServer):
    request_queue_size = 100
s = S(('127.0.0.1', 0), H)
print(s.server_port, flush=True)
s.serve_forever()
P
cat > clients.py <<'P'
import collections, http.client, sys, threading, time
seen, lock, go = collections.Counter(), threading.Lock(), threading.Event()
def one():
    c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=30)
    c.connect()
    go.wait()
    t = time.time()
    c.request('GET', '/page')
    assert c.getresponse().read() == b'hello'
    with lock:
        seen[int(time.time() - t)] += 1
ts = [threading.Thread(target=one) for _ in range(20)]
for t in ts: t.start()
time.sleep(0.3)
go.set()
for t in ts: t.join()
print(', '.join('%d after %d s' % (seen[s], s) for s in sorted(seen)))
P
python3 backend.py > port 2>backend.log & pids=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
b=$(cat port) v=$(python3 -c "import socket;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1])")
l=$d/root/usr/lib/$(uname -m)-linux-gnu
LD_LIBRARY_PATH=$l:$l/varnish root/usr/sbin/varnishd -F -j none -n "$d/n" -a "127.0.0.1:$v" -b "127.0.0.1:$b" >varnish.log 2>&1 & pids="$pids $!"
for _ in $(seq 300); do curl -s -m 5 -o up "http://127.0.0.1:$v/up" && break; sleep 0.1; done
direct=$(python3 clients.py "$b") first=$(python3 clients.py "$v") second=$(python3 clients.py "$v")
[ "$direct" = "20 after 1 s" ] && [ "$second" = "20 after 1 s" ] && [[ $first == "1 after 1 s, "*" after 2 s, "*" after 3 s"* ]] || { echo "no longer so: $direct; $first; $second" >&2; exit 1; }
echo "seen: direct: $direct; first time: $first; second time: $second"
