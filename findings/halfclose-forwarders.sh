#!/usr/bin/env bash
# rinetd 0.73-1, redir 3.3-1, pen 0.34.1-2+b1 (Debian): a client that sends its request and then half-closes (FIN, still reading: nc -N, raw TCP scripts) gets no byte of the answer
# through any of the three. rinetd and redir end the whole pair at once; pen waits for the backend and then ends it without handing its answer on. The
# backend answers the same client when asked directly. One would guess that a TCP forwarder hands a FIN on as a FIN. A raw-socket load test
# that works against the service shows nothing but empty answers through the forwarder.
# seen: direct: 43 bytes; half-closed through rinetd: 0 bytes, redir: 0 bytes, pen: 0 bytes (not half-closed: 43 43 43)
set -eu
d=$(mktemp -d); pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null || :; done; rm -rf "$d"' EXIT
cd "$d"
deb() { apt-get download "$@" >apt.log 2>&1 || { apt-get update >apt.log 2>&1; apt-get download "$@" >apt.log 2>&1; }; }
deb rinetd=0.73-1 redir=3.3-1 pen=0.34.1-2+b1 libgeoip1=1.6.12-10
for f in *.deb; do dpkg -x "$f" root; done
cat > server.py <<'P'
import socket, threading, time
def serve(c):
    try:
        data = b''
        while b'\r\n\r\n' not in data:
            more = c.recv(65536)
            if not more:
                return c.close()
            data += more
        time.sleep(0.3)
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello')
        c.close()
    except OSError:
        c.close()
s = socket.create_server(('127.0.0.1', 0), backlog=100)
print(s.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
P
cat > client.py <<'P'
import socket, sys, time
port, half = int(sys.argv[1]), sys.argv[2] == 'half'
end = time.time() + 10
while True:
    try:
        s = socket.create_connection(('127.0.0.1', port), timeout=10)
        break
    except ConnectionRefusedError:
        if time.time() > end:
            raise
        time.sleep(0.1)
s.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
if half:
    s.shutdown(socket.SHUT_WR)
data = b''
try:
    while b'hello' not in data:
        more = s.recv(65536)
        if not more:
            break
        data += more
except ConnectionResetError:
    pass
print(len(data))
P
python3 server.py > port 2>server.log & pids=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
b=$(cat port)
free() { python3 -c "import socket;s=socket.create_server(('127.0.0.1',0));print(s.getsockname()[1])"; }
r=$(free) e=$(free) p=$(free)
export LD_LIBRARY_PATH=$d/root/usr/lib/$(uname -m)-linux-gnu
echo "127.0.0.1 $r 127.0.0.1 $b" > rinetd.conf
root/usr/sbin/rinetd -f -c rinetd.conf >rinetd.log 2>&1 & pids="$pids $!"
root/usr/bin/redir -n "127.0.0.1:$e" "127.0.0.1:$b" >redir.log 2>&1 & pids="$pids $!"
root/usr/bin/pen -f "127.0.0.1:$p" "127.0.0.1:$b" >pen.log 2>&1 & pids="$pids $!"
unset LD_LIBRARY_PATH
whole="$(python3 client.py $r whole) $(python3 client.py $e whole) $(python3 client.py $p whole)"
direct=$(python3 client.py "$b" half) rh=$(python3 client.py $r half) eh=$(python3 client.py $e half) ph=$(python3 client.py $p half)
[ "$direct" = 43 ] && [ "$whole" = "43 43 43" ] && [ "$rh $eh $ph" = "0 0 0" ] || { echo "no longer so: $direct, $whole, $rh $eh $ph" >&2; exit 1; }
echo "seen: direct: $direct bytes; half-closed through rinetd: $rh bytes, redir: $eh bytes, pen: $ph bytes (not half-closed: $whole)"
