#!/usr/bin/env bash
# nsd 4.6.1-1 meets dnsperf 2.10.0-2 (Debian): NSD's response rate limit is on without a line in its configuration. From one address, of 500 UDP queries a second for 100 different names
# it answers about 200 in full; of the rest every second one gets an empty truncated NOERROR and the others nothing. dnsperf takes the truncated ones
# for answers: "NOERROR (100.00%)"; only the size gives it away. And as its window of 100 fills up with the lost ones it sends far
# less than was asked for. One would guess the full rate, or a code such as REFUSED. Set rrl-ratelimit: 0 before a load test.
# seen: 1500 queries at 500/s: 548 full, 458 empty and truncated, 494 unanswered; dnsperf -Q 500: NOERROR 551 (100.00%), lost 278, mean answer 62 of 83 bytes
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; wait $pids 2>/dev/null || :; rm -rf "$d"' EXIT
cd "$d"
deb() { apt-get download "$@" >apt.log 2>&1 || { apt-get update >apt.log 2>&1; apt-get download "$@" >apt.log 2>&1; }; }
deb nsd=4.6.1-1 dnsperf=2.10.0-2 libldns3=1.8.3-1+b1 libfstrm0=0.6.1-1 libprotobuf-c1=1.4.1-1+b1 libevent-2.1-7=2.1.12-stable-8 libnghttp2-14=1.52.0-1+deb12u3
for f in *.deb; do dpkg -x "$f" root; done
export LD_LIBRARY_PATH=$d/root/usr/lib/$(uname -m)-linux-gnu
port=$(python3 -c "import socket;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.bind(('127.0.0.1',0));print(s.getsockname()[1])")
cat > zone <<'Z'
$ORIGIN example.test.
$TTL 3600
@ SOA ns h 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
* A 127.0.0.3
Z
cat > nsd.conf <<C
server:
  ip-address: 127.0.0.1@$port
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "$d"
  pidfile: ""
  database: ""
  xfrdfile: "$d/xfrd"
  xfrdir: "$d"
  zonelistfile: "$d/zones"
remote-control:
  control-enable: no
zone:
  name: "example.test."
  zonefile: "zone"
C
root/usr/sbin/nsd -d -c nsd.conf >nsd.log 2>&1 & pids=$!
cat > client.py <<'P'
import socket, struct, sys, threading, time
port = int(sys.argv[1])
def query(i):
    name = b''.join(bytes([len(x)]) + x for x in (b'n%02d' % (i % 100), b'example', b'test')) + b'\0'
    return struct.pack('>6H', i, 0, 1, 0, 0, 0) + name + b'\0\1\0\1'
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(('127.0.0.1', port))
s.settimeout(0.5)
end = time.time() + 15
while True:                       # until it is up
    try:
        s.send(query(9999)); size = len(s.recv(4096)); break
    except OSError:
        if time.time() > end:
            raise
        time.sleep(0.1)
n, full, cut = 1500, 0, 0
stop = False
def read():
    global full, cut
    while True:
        try:
            a = s.recv(4096)
        except socket.timeout:
            if stop:
                return
            continue
        if a[2] & 2: cut += 1
        else: full += 1
t = threading.Thread(target=read); t.start()
t0 = time.time()
for i in range(n):
    time.sleep(max(0, t0 + i / 500 - time.time()))
    s.send(query(i))
stop = True
t.join()
print(n, full, cut, n - full - cut, size)
P
read -r n full cut none size < <(python3 client.py "$port")
for i in $(seq 10 99); do echo "n$i.example.test A"; done > queries
sleep 2                           # let the limit's window pass
root/usr/bin/dnsperf -s 127.0.0.1 -p "$port" -d queries -l 3 -Q 500 -t 1 > out
codes=$(sed -n 's/^ *Response codes: *//p' out) lost=$(sed -n 's/^ *Queries lost: *\([0-9]*\).*/\1/p' out)
mean=$(sed -n 's/^ *Average packet size:.*response \([0-9]*\).*/\1/p' out)
[ "$cut" -gt 50 ] && [ "$none" -gt 50 ] && [ "$lost" -gt 50 ] && [ "$mean" -lt "$size" ] && [ "${codes#NOERROR*(100.00%)}" = "" ] || { echo "no longer so: $full $cut $none, $codes, lost $lost, $mean of $size" >&2; exit 1; }
echo "seen: $n queries at 500/s: $full full, $cut empty and truncated, $none unanswered; dnsperf -Q 500: $codes, lost $lost, mean answer $mean of $size bytes"
