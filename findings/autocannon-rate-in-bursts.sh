#!/usr/bin/env bash
# autocannon 9.0.0 (npm): -R 100 is no even rate: each second all 100 requests leave as fast as the connections can, within some 50 ms, and then nothing is sent until the next second. And since the first
# burst comes at once, a run of 4 s sends up to 500 requests, not 400. One would guess one request each 10 ms, as an overall rate of 100 a second suggests
# (bombardier -r and vegeta do that). Queues, rate limiters and latencies seen with -R are those of bursts of the whole second's load.
# seen: -R 100 -d 4: 471 requests came, all of them in 8 of the 40 tenths of a second
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
export HOME=$d npm_config_cache=$d/cache npm_config_update_notifier=false
npm init -y >npm.log 2>&1
npm install --no-audit --no-fund autocannon@9.0.0 >npm.log 2>&1
cat > server.js <<'P'
let at = [];
const s = require('http').createServer((q, a) => {
  if (q.url === '/seen') {
    const bins = new Set(at.map(t => Math.floor((t - at[0]) / 100)));
    a.end(`${at.length} ${bins.size}\n`);
  } else {
    at.push(performance.now());
    a.end('hello');
  }
});
s.listen(0, '127.0.0.1', () => console.log(s.address().port));
P
node server.js > port 2>node.log & pids=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
u=http://127.0.0.1:$(cat port)
timeout 60 node_modules/.bin/autocannon -c 10 -R 100 -d 4 -j "$u/" > out.json 2>err
read -r n bins < <(curl -s -m 5 "$u/seen")
[ "$n" -gt 350 ] && [ "$bins" -lt 20 ] || { echo "no longer so: $n $bins" >&2; exit 1; }
echo "seen: -R 100 -d 4: $n requests came, all of them in $bins of the 40 tenths of a second"
