#!/usr/bin/env bash
# webfs 1.21+ds1-12+b1 (webfsd -L): when a client closes a kept connection, the access log gets the last request of that connection once more, with
# the same time, status and bytes. One would guess a line for each request. Whoever holds a load generator's count against this log finds as many
# requests too many as connections were kept: with connections of ten requests the log is 10 % above the truth. With "Connection: close" there is one
# line for each request.
# seen: webfsd logged 4 lines for 3 requests of a kept connection, and 3 for 3 that closed
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
deb() { apt-get download "$@" >apt.log 2>&1 || { apt-get update >apt.log 2>&1; apt-get download "$@" >apt.log 2>&1; }; }
deb webfs=1.21+ds1-12+b1
for f in *.deb; do dpkg -x "$f" root; done
mkdir www && echo hello > www/index.html
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
root/usr/bin/webfsd -F -i 127.0.0.1 -p "$port" -r "$d/www" -f index.html -L "$d/log" >server.log 2>&1 & pids=$!
u=http://127.0.0.1:$port/
for _ in $(seq 100); do curl -s -o /dev/null -H 'Connection: close' "$u?up" && break; sleep 0.1; done
lines() { grep -c "GET /?$1 " log || :; }
settles() { for _ in $(seq 50); do [ "$(lines "$1")" -ge "$2" ] && break; sleep 0.1; done; sleep 0.5; lines "$1"; }
curl -s -m 5 -o a -o b -o c "$u?kept" "$u?kept" "$u?kept"
for _ in 1 2 3; do curl -s -m 5 -o a -H 'Connection: close' "$u?closed"; done
kept=$(settles kept 4) closed=$(settles closed 3)
[ "$kept" = 4 ] && [ "$closed" = 3 ] || { echo "no longer so: $kept $closed" >&2; exit 1; }
echo "seen: webfsd logged $kept lines for 3 requests of a kept connection, and $closed for 3 that closed"
