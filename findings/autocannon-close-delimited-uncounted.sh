#!/usr/bin/env bash
# autocannon 9.0.0 (npm) meets wsgiref of Python 3 (HTTP/1.0, no length, the body ends by close): every answer is a whole 200, and not one is counted: 0
# requests, 0 errors, 0 bytes, while the server answers hundreds. The FIN that ends an answer makes autocannon connect again, without a word to
# its counters (so too a FIN instead of an answer: no error). One would guess "counted" or "an error each". Zero errors prove nothing there.
# seen: the server answered 439 requests; autocannon: 2xx 0, errors 0, timeouts 0, bytes 0 (sent 439)
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
export HOME=$d npm_config_cache=$d/cache npm_config_update_notifier=false
npm init -y >npm.log 2>&1
npm install --no-audit --no-fund autocannon@9.0.0 >npm.log 2>&1
cat > server.py <<'P'
from wsgiref.simple_server import WSGIServer, WSGIRequestHandler
answered = [0]
class Quiet(WSGIRequestHandler):
    def log_message(self, *a): pass
class Server(WSGIServer):
    request_queue_size = 100
def app(env, start):
    start('200 OK', [('Content-Type', 'text/plain')])
    if env['PATH_INFO'] == '/seen':
        yield b'%d\n' % answered[0]
    else:
        answered[0] += 1
        yield b'hello'
s = Server(('127.0.0.1', 0), Quiet)
s.set_app(app)
print(s.server_port, flush=True)
s.serve_forever()
P
python3 server.py > port 2>server.log & pids=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
u=http://127.0.0.1:$(cat port)
[ "$(curl -s -m 5 "$u/")" = hello ]
timeout 60 node_modules/.bin/autocannon -c 2 -d 2 -j "$u/" > out.json 2>err
answered=$(curl -s -m 5 "$u/seen")
node -e '
const j = JSON.parse(require("fs").readFileSync("out.json")), n = +process.argv[1] - 1;
if (n < 20 || j["2xx"] || j.non2xx || j.errors || j.timeouts || j.throughput.total) { console.error("no longer so:", n, j["2xx"], j.errors); process.exit(1) }
console.log(`seen: the server answered ${n} requests; autocannon: 2xx ${j["2xx"]}, errors ${j.errors}, timeouts ${j.timeouts}, bytes ${j.throughput.total} (sent ${j.requests.sent})`)' "$answered"
