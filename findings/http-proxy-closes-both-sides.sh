#!/usr/bin/env bash
# http-proxy 1.18.1 (npm) with its defaults in front of Node's own http server: though both keep connections alive, each answer through the proxy says `connection: close`
# to the client, even to one that asks for keep-alive, and each request opens a new connection to the backend. (Without an agent it asks the backend
# to close, and hands the backend's `close` on to its own client.) One would guess that the backend side opens anew and the client side is kept.
# A load test through such a dev proxy or gateway measures two TCP handshakes a request and can run out of local ports.
# seen: 20 requests direct: 1 connection; through http-proxy: 20 client connections, 20 backend connections
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
export HOME=$d npm_config_cache=$d/cache npm_config_update_notifier=false
npm init -y >npm.log 2>&1
npm install --no-audit --no-fund http-proxy@1.18.1 >npm.log 2>&1
cat > proxy.js <<'P'
const http = require('http'), httpProxy = require('http-proxy');
let back = 0, front = 0;
const backend = http.createServer((q, s) => s.end(q.url === '/seen' ? `${back} ${front}\n` : 'hello\n'));
backend.on('connection', () => back++);
backend.listen(0, '127.0.0.1', () => {
  const to = httpProxy.createProxyServer({ target: 'http://127.0.0.1:' + backend.address().port });
  const proxy = http.createServer((q, s) => to.web(q, s));
  proxy.on('connection', () => front++);
  proxy.listen(0, '127.0.0.1', () => console.log(backend.address().port, proxy.address().port));
});
P
node proxy.js > ports 2>node.log & pids=$!
for _ in $(seq 100); do [ -s ports ] && break; sleep 0.1; done
read -r b p < ports
get() { curl -s -m 20 -H 'Connection: keep-alive' $(seq -f "http://127.0.0.1:$1/%g" 20) > out; [ "$(grep -c hello out)" = 20 ]; }
get "$b"; read -r back front < <(curl -s -m 5 "http://127.0.0.1:$b/seen")
direct=$((back - 1))
get "$p"; read -r back2 front < <(curl -s -m 5 "http://127.0.0.1:$b/seen")
[ "$direct" = 1 ] && [ "$front" = 20 ] && [ $((back2 - back - 1)) = 20 ] || { echo "no longer so: $direct $front $((back2 - back - 1))" >&2; exit 1; }
echo "seen: 20 requests direct: $direct connection; through http-proxy: $front client connections, $((back2 - back - 1)) backend connections"
