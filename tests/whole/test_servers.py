#!/usr/bin/env -S python3 -B
# straight
"""Conformance by others' eyes: nginx, Apache, lighttpd, HAProxy, Caddy and Node as servers and proxies.
What arrived is read in their logs and in Node's echo; what is expected follows from RFC 9110, 9112, 7616,
7617, 7578, the HTML standard, or curl on the same server.

    tests/whole/test_servers.py [WORD...]    only the tests whose name contains a word
"""
import atexit, base64, hashlib, json, os, struct, sys, urllib.parse
from kit.lib import *
from kit import certs

MB = 1 << 20
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"
TEXT = b"".join(b"line %d of a text that shrinks\n" % i for i in range(3000))  # about 100 KB
MODIFIED = 1_000_000_000  # of the files in /www: Sun, 09 Sep 2001 01:46:40 GMT
MODIFIED_TEXT = "Sun, 09 Sep 2001 01:46:40 GMT"


def pattern(n):
    """The first n bytes of 0, 1, 2, ... as 8 bytes each: what scripted_requests.c and Node send and check."""
    return b"".join(struct.pack("<512Q", *range(i, i + 512)) for i in range(0, n // 8 + 1, 512))[:n]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# ---- servers ----

NODE = r"""
const http = require('http'), https = require('https'), net = require('net'), zlib = require('zlib')
const crypto = require('crypto'), fs = require('fs')
const text = fs.readFileSync('@D/www/text.txt')
const note = line => fs.writeSync(1, line + '\n')
let now = 0, most = 0, total = 0

function pattern(i, n) { // bytes i to i + n, i a multiple of 8
  const out = new Uint32Array(Math.ceil(n / 8) * 2)
  for (let at = 0; at < out.length; at += 2) out[at] = i / 8 + at / 2
  return Buffer.from(out.buffer, 0, n)
}

async function stream(res, n) {
  for (let i = 0; i < n && !res.destroyed; i += 65536) {
    if (!res.write(pattern(i, Math.min(65536, n - i))))
      await new Promise(go => { res.once('drain', go); res.once('close', go) })
  }
  note('SENT ' + res.socket?.bytesWritten)
  res.end()
}

function read(req) {
  return new Promise(done => {
    const hash = crypto.createHash('sha256'), parts = []
    let length = 0
    req.on('data', b => { hash.update(b); length += b.length; if (length < 3e7) parts.push(b) })
    req.on('end', () => done({length, sha256: hash.digest('hex'), bytes: Buffer.concat(parts)}))
  })
}

const coded = {
  gzip: b => zlib.gzipSync(b), deflate: b => zlib.deflateSync(b), raw: b => zlib.deflateRawSync(b),
  two: b => Buffer.concat([zlib.gzipSync(b.subarray(0, 999)), zlib.gzipSync(b.subarray(999))]),
  named: b => { // FEXTRA, FNAME, FCOMMENT and FHCRC: RFC 1952 2.3
    const head = Buffer.from([31, 139, 8, 30, 0, 0, 0, 0, 0, 3, 2, 0, 7, 7, 97, 0, 98, 0])
    const z = zlib.gzipSync(b), crc = Buffer.alloc(2)
    crc.writeUInt16LE(zlib.crc32 ? zlib.crc32(head) & 0xffff : crc16(head))
    return Buffer.concat([head, crc, z.subarray(10)])
  },
  twice: b => zlib.gzipSync(zlib.gzipSync(b)), mixed: b => zlib.gzipSync(zlib.deflateSync(b)),
  thrice: b => zlib.deflateSync(zlib.gzipSync(zlib.deflateRawSync(b))),
  five: b => [1, 2, 3, 4, 5].reduce(b => zlib.gzipSync(b), b),
  plain: b => b,
}
function crc16(b) { // the lower half of the CRC-32, which is in a gzip trailer
  return zlib.gzipSync(b).readUInt32LE(zlib.gzipSync(b).length - 8) & 0xffff
}

function compressed(req, res, q) {
  const original = q.empty ? Buffer.alloc(0) : q.zeros ? Buffer.alloc(+q.zeros) : text
  let body = coded[q.how](original)
  if (q.cut) body = body.subarray(0, +q.cut > 0 ? +q.cut : body.length + +q.cut)
  if (q.flip) { body = Buffer.from(body); body[body.length - +q.flip] ^= 1 }
  if (q.more) body = Buffer.concat([body, Buffer.from('trailing')])
  res.setHeader('Content-Encoding', q.fields ? q.name.split(/, */) : q.name || 'gzip')
  if (q.chunked) {
    for (let i = 0; i < body.length; i += +q.chunked) res.write(body.subarray(i, i + +q.chunked))
    res.end()
  } else {
    res.setHeader('Content-Length', body.length)
    res.end(body)
  }
}

async function serve(req, res) {
  try { await answer(req, res) } catch (why) { console.error(why); res.destroy() }
}

async function answer(req, res) {
  const url = new URL(req.url, 'http://x'), q = Object.fromEntries(url.searchParams)
  const socket = req.socket, path = url.pathname
  socket.n = (socket.n || 0) + 1
  const refused = path == '/refuse'
  const got = path == '/cut' || refused ? {} : await read(req)
  const wait = ms => new Promise(go => setTimeout(go, ms))
  note([req.method, req.url, 200, socket.remotePort, socket.remoteAddress, req.headers.host].join(' '))
  if (path == '/echo') {
    const text = JSON.stringify({method: req.method, url: req.url, headers: req.headers, raw: req.rawHeaders,
      port: socket.remotePort, address: socket.remoteAddress, n: socket.n, length: got.length,
      sha256: got.sha256, body: got.length < 3000 ? got.bytes.toString('latin1') : ''})
    res.setHeader('Content-Type', 'application/json')
    if (!q.chunked) res.setHeader('Content-Length', Buffer.byteLength(text))
    res.end(text)
  } else if (path == '/pattern') {
    if (q.length) res.setHeader('Content-Length', q.n)
    await stream(res, +q.n)
  } else if (path == '/chunks') { // as many writes as there are bytes or slices
    const all = pattern(0, +q.n)
    for (let i = 0; i < all.length; i += +q.size) res.write(all.subarray(i, i + +q.size))
    res.end()
  } else if (path == '/compressed') {
    compressed(req, res, q)
  } else if (/^\/r30\d$/.test(path)) {
    res.writeHead(+path.slice(2), {Location: '/echo'}).end('elsewhere')
  } else if (path == '/to') {
    res.writeHead(+q.code, {Location: q.url}).end()
  } else if (path == '/204') {
    res.writeHead(204).end()
  } else if (path == '/text.txt') {
    const fresh = req.headers['if-modified-since'] == '@MODIFIED@'
    res.writeHead(fresh ? 304 : 200, {'Content-Length': text.length}).end(text)
  } else if (path == '/basic/text.txt') {
    const right = req.headers.authorization == 'Basic ' + Buffer.from('ann:secret').toString('base64')
    res.writeHead(right ? 200 : 401, {'WWW-Authenticate': 'Basic realm="r"'}).end(right ? text : 'no')
  } else if (path == '/bearer') {
    res.writeHead(req.headers.authorization == 'Bearer abc.DEF-123_~+/=' ? 200 : 401).end()
  } else if (path == '/slow') {
    await wait(+q.head || 0)
    res.writeHead(200, {'Content-Length': 4})
    res.write('ab')
    await wait(+q.body || 0)
    res.end('cd')
  } else if (path == '/form') {
    const h = req.headers, parts = []
    const form = await new Response(got.bytes, {headers: {'Content-Type': h['content-type']}}).formData()
    for (const [name, value] of form) {
      if (typeof value == 'string') { parts.push({name, value}); continue }
      const hash = crypto.createHash('sha256').update(Buffer.from(await value.arrayBuffer())).digest('hex')
      parts.push({name, filename: value.name, type: value.type, sha256: hash})
    }
    res.end(JSON.stringify({parts, type: h['content-type'], length: h['content-length'],
      encoding: h['transfer-encoding'], bytes: got.length < 3000 ? got.bytes.toString('latin1') : ''}))
  } else if (path == '/type') {
    res.writeHead(+q.status || 200, {'Content-Type': q.type}).end(q.body)
  } else if (path == '/events') { // the events in slices, or cut at one place
    const all = Buffer.from(q.stream, 'latin1')
    res.setHeader('Content-Type', 'text/event-stream')
    if (q.close) res.useChunkedEncodingByDefault = res.shouldKeepAlive = false // it ends with the connection
    if (q.length) res.setHeader('Content-Length', all.length)
    if (q.gzip) { // flushed, but not ended
      const z = zlib.createGzip()
      res.setHeader('Content-Encoding', 'gzip')
      z.pipe(res)
      z.write(all)
      z.flush()
      res.on('close', () => note('CLOSED'))
      return
    }
    const cuts = q.at ? [+q.at] : []
    for (let i = +q.size; i < all.length; i += +q.size) cuts.push(i)
    let from = 0
    for (const to of cuts.concat(all.length)) { if (to > from) res.write(all.subarray(from, to)); from = to }
    if (q.forever) { res.on('close', () => note('CLOSED')); return }
    res.end()
  } else if (refused) {
    res.writeHead(+q.status, {Connection: 'close'}).end('no')
    const before = socket.bytesRead
    if (req.headers.expect) socket.on('close', () => note('READ ' + (socket.bytesRead - before)))
  } else if (path == '/cut') {
    res.writeHead(200, {'Content-Length': 1000}); res.write('begin'); await wait(50); socket.destroy()
  } else if (path == '/connections') {
    res.end(JSON.stringify({now, most, total}))
  } else {
    res.writeHead(404).end()
  }
}

function start(server, name, limit) {
  server.on('checkContinue', (req, res) => {
    note('EXPECT ' + req.headers.expect)
    if (!req.url.startsWith('/refuse')) res.writeContinue()
    serve(req, res)
  })
  server.on('connection', c => { total++; most = Math.max(most, ++now); c.on('close', () => now--) })
  server.maxRequestsPerSocket = limit
  server.keepAliveTimeout = 60000
  server.listen(+process.env[name], '127.0.0.1')
}
start(http.createServer(serve), 'P', 0)
start(http.createServer(serve), 'Q', 5)
"""

NGINX = r"""
daemon off; master_process off; pid @D/pid; error_log stderr; worker_rlimit_nofile 4096;
events { worker_connections 1024; }
http {
  log_format l '$request_method $request_uri $status $remote_port $remote_addr $http_host';
  access_log @D/log l;
  client_body_temp_path @D/body; proxy_temp_path @D/proxy; fastcgi_temp_path @D/fastcgi;
  uwsgi_temp_path @D/uwsgi; scgi_temp_path @D/scgi;
  types { text/plain txt; } default_type application/octet-stream; root @D/www; client_max_body_size 0;
  keepalive_requests 100000; keepalive_timeout 75; gzip on; gzip_min_length 0; gzip_types text/plain;
  @MORE@
  server {
    listen 127.0.0.1:@P@; @LISTEN@
    location /node/ {
      proxy_pass http://127.0.0.1:@NODE@/; proxy_http_version 1.1;
      proxy_request_buffering off; proxy_buffering off;
    }
    location = /204 { return 204; }
    location = /r301 { return 301 /node/echo; }
    location = /r302 { return 302 /node/echo; }
    location = /r303 { return 303 /node/echo; }
    location = /r307 { return 307 /node/echo; }
    location = /r308 { return 308 /node/echo; }
    location /basic/ { auth_basic r; auth_basic_user_file @D/passwords; alias @D/www/; }
    location = /small-only { client_max_body_size 1k; proxy_pass http://127.0.0.1:@NODE@/echo; }
  }
  server { listen 127.0.0.1:@Q@; keepalive_requests 5; }
}
"""

APACHE = r"""
ServerRoot @D
ServerName localhost
DefaultRuntimeDir @D
PidFile @D/pid
Mutex pthread
Listen 127.0.0.1:@P@
Listen 127.0.0.1:@Q@
@MODULES@
StartServers 1
ServerLimit 2
ThreadsPerChild 32
MaxRequestWorkers 64
User www-data
Group www-data
ErrorLog @D/err
LogFormat "%m %U%q %>s %{remote}p %a %{Host}i" l
LogFormat "%r|%>s|%{Host}i|%{Authorization}i|%{Proxy-Authorization}i|%{local}p|%I" full
CustomLog @D/log l
CustomLog @D/full full
DocumentRoot @D/www
TypesConfig /dev/null
AddType text/plain txt
KeepAlive On
MaxKeepAliveRequests 100000
KeepAliveTimeout 60
AddOutputFilterByType DEFLATE text/plain
ProxyPass /node/digest/ http://127.0.0.1:@NODE@/
ProxyPass /node/ http://127.0.0.1:@NODE@/
ProxyPassReverse /node/ http://127.0.0.1:@NODE@/
Alias /basic/ @D/www/
Alias /digest/ @D/www/
Alias /brief/ @D/www/
Redirect 301 /r301 /node/echo
Redirect 302 /r302 /node/echo
Redirect 303 /r303 /node/echo
Redirect 307 /r307 /node/echo
Redirect 308 /r308 /node/echo
Redirect 204 /204
<Location /basic/>
  AuthType Basic
  AuthName r
  AuthUserFile @D/passwords
  Require valid-user
</Location>
<LocationMatch "^/(digest|brief|node/digest)/">
  AuthType Digest
  AuthName "the realm"
  AuthUserFile @D/digests
  Require valid-user
</LocationMatch>
<Location /brief/>
  AuthDigestNonceLifetime 1
</Location>
<VirtualHost 127.0.0.1:@Q@>
  MaxKeepAliveRequests 5
  @VHOST@
</VirtualHost>
@MORE@
"""

LIGHTTPD = r"""
server.document-root = "@D/www"
server.bind = "127.0.0.1"
server.port = @P@
server.errorlog = "@D/err"
server.modules = ("mod_accesslog", "mod_auth", "mod_authn_file", "mod_deflate", "mod_redirect", "mod_proxy",
                  "mod_alias", "mod_rewrite")
accesslog.filename = "|exec cat >@D/log"
accesslog.format = "%m %U?%q %s %{remote}p %a %{Host}i"
mimetype.assign = (".txt" => "text/plain")
server.max-keep-alive-requests = 100000
server.max-keep-alive-idle = 60
server.stream-response-body = 1
server.stream-request-body = 1
deflate.mimetypes = ("text/plain")
deflate.allowed-encodings = ("gzip", "deflate")
alias.url = ("/basic/" => "@D/www/", "/md5/" => "@D/www/", "/sha/" => "@D/www/")
auth.backend = "plain"
auth.backend.plain.userfile = "@D/plain"
auth.require = (
  "/basic/" => ("method" => "basic", "realm" => "r", "require" => "valid-user"),
  "/md5/" => ("method" => "digest", "realm" => "r", "require" => "valid-user"),
  "/sha/" => ("method" => "digest", "realm" => "r", "require" => "valid-user", "algorithm" => "SHA-256"))
$HTTP["url"] =~ "^/node/" {
  proxy.server = ("" => (("host" => "127.0.0.1", "port" => @NODE@)))
  proxy.header = ("map-urlpath" => ("/node/" => "/"))
}
$HTTP["url"] == "/204" {
  proxy.server = ("" => (("host" => "127.0.0.1", "port" => @NODE@)))
}
$HTTP["url"] == "/r301" { url.redirect = ("" => "/node/echo") url.redirect-code = 301 }
$HTTP["url"] == "/r302" { url.redirect = ("" => "/node/echo") url.redirect-code = 302 }
$HTTP["url"] == "/r303" { url.redirect = ("" => "/node/echo") url.redirect-code = 303 }
$HTTP["url"] == "/r307" { url.redirect = ("" => "/node/echo") url.redirect-code = 307 }
$HTTP["url"] == "/r308" { url.redirect = ("" => "/node/echo") url.redirect-code = 308 }
$SERVER["socket"] == "127.0.0.1:@Q@" { server.max-keep-alive-requests = 5 }
"""

HAPROXY = r"""
global
  log stdout format raw daemon
  maxconn 500
userlist people
  user ann insecure-password secret
defaults
  mode http
  log global
  log-format "%HM %HU %ST %cp %ci %[capture.req.hdr(0)]"
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-request 5s
  timeout http-keep-alive 60s
  timeout tarpit 300ms
frontend f
  bind 127.0.0.1:@P@
  declare capture request len 100
  http-request capture req.hdr(Host) id 0
  http-request return status 204 if { path /204 }
  http-request redirect code 301 location /node/echo if { path /r301 }
  http-request redirect code 302 location /node/echo if { path /r302 }
  http-request redirect code 303 location /node/echo if { path /r303 }
  http-request redirect code 307 location /node/echo if { path /r307 }
  http-request redirect code 308 location /node/echo if { path /r308 }
  http-request auth realm r if { path_beg /basic/ } !{ http_auth(people) }
  http-request replace-path /basic/(.*) /\1 if { path_beg /basic/ }
  @RULES@
  default_backend nginx
backend nginx
  server n 127.0.0.1:@BEHIND@
backend nobody
frontend impatient
  bind 127.0.0.1:@Q@
  timeout http-keep-alive 200ms
  default_backend nginx
"""

CADDY = r"""
{
  admin off
  auto_https off
}
http://127.0.0.1:@P@ {
  bind 127.0.0.1
  log {
    output file @D/log
    format json
  }
  root * @D/www
  encode gzip
  redir /r301 /node/echo 301
  redir /r302 /node/echo 302
  redir /r303 /node/echo 303
  redir /r307 /node/echo 307
  redir /r308 /node/echo 308
  handle_path /node/* {
    reverse_proxy 127.0.0.1:@NODE@ {
      flush_interval -1
    }
  }
  handle_path /basic/* {
    basicauth {
      ann @BCRYPT@
    }
    file_server
  }
  handle /204 {
    respond 204
  }
  handle {
    file_server
  }
}
"""
APACHE_MODULES = """mpm_event authz_core authz_user authn_core authn_file auth_basic auth_digest alias deflate
    filter proxy proxy_http proxy_connect mime headers logio""".split()

# configuration, its file, the command, Debian package
KINDS = {
    "nginx": (NGINX, "n.conf", "nginx -p @D -e stderr -c @D/n.conf", "nginx-light"),
    "apache": (APACHE, "a.conf", "apache2 -f @D/a.conf -DFOREGROUND", "apache2"),
    "lighttpd": (LIGHTTPD, "l.conf", "lighttpd -D -f @D/l.conf", "lighttpd"),
    "haproxy": (HAPROXY, "h.cfg", "haproxy -db -f @D/h.cfg", "haproxy"),
    "caddy": (CADDY, "Caddyfile", "caddy run --adapter caddyfile --config @D/Caddyfile", "caddy"),
    "node": (NODE, "server.js", "node @D/server.js", "nodejs"),
}


class Server:
    """One of them, on two ports of its own: .url, and .other, which ends connections early.
    All but Node hand what is below /node to .node."""

    def __init__(self, kind, node=None, behind=None, **more):
        config, file, command, package = KINDS[kind]
        self.kind, self.node = kind, node or self
        self.program, self.p = shutil.which(command.split()[0], path=PATH), None
        if not self.program:
            raise Skip(package + " is missing")
        self.dir = tempfile.mkdtemp(prefix="locust.")  # short, for sockets, and readable to www-data
        os.chmod(self.dir, 0o755)
        self.files()
        for _ in range(5):
            self.port, self.other_port = free_port(), free_port()
            values = {"P": self.port, "Q": self.other_port, "NODE": self.node.port, "D": self.dir,
                      "MODULES": self.modules(), "BEHIND": behind.port if behind else 0, "BCRYPT": BCRYPT,
                      "MODIFIED": MODIFIED_TEXT, "MORE": "", "VHOST": "", "LISTEN": "", "RULES": ""}
            values.update(more)
            text = re.sub("@([A-Z]+)@", lambda m: str(values[m[1]]), config).replace("@D", self.dir)
            with open(self.dir + "/" + file, "w") as f:
                f.write(text)
            if self.start(command.replace("@D", self.dir).split()[1:]):
                break
        else:
            errors = self.errors()
            self.stop()
            if "mod_deflate" in errors:
                raise Skip("lighttpd-mod-deflate is missing")
            raise AssertionError("%s does not start\n%s" % (kind, errors))
        self.url = "http://127.0.0.1:%d" % self.port
        self.other = "http://127.0.0.1:%d" % self.other_port

    def modules(self):
        places = "/usr/lib/apache2/modules", "/usr/libexec/apache2", "/usr/lib64/httpd/modules"
        folder = next((d for d in places if os.path.isdir(d)), "")
        return "\n".join("LoadModule %s_module %s/mod_%s.so" % (m, folder, m) for m in APACHE_MODULES
                         if os.path.exists("%s/mod_%s.so" % (folder, m)))  # others are built in

    def files(self):
        os.mkdir(self.dir + "/www")
        for name, data in (("text.txt", TEXT), ("empty.txt", b""), ("big.bin", None)):
            path = self.dir + "/www/" + name
            if data is None:
                os.symlink(big(), path)
                continue
            with open(path, "wb") as f:
                f.write(data)
            os.utime(path, (MODIFIED, MODIFIED))
        digest = "ann:the realm:" + hashlib.md5(b"ann:the realm:secret").hexdigest() + "\n"
        for name, text in (("passwords", "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"),
                           ("plain", "ann:secret\n"), ("digests", digest)):
            with open(self.dir + "/" + name, "w") as f:
                f.write(text)

    def start(self, arguments):
        with open(self.dir + "/err", "a") as err, open(self.dir + "/out", "a") as out:
            home = {k: self.dir for k in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
            env = dict(os.environ, P=str(self.port), Q=str(self.other_port), **home)
            self.p = subprocess.Popen([self.program] + arguments, stdin=subprocess.DEVNULL, stdout=out,
                                      stderr=err, env=env, cwd=self.dir)
        ports = [self.port] + [self.other_port] * (self.kind != "caddy")

        def up():
            with contextlib.suppress(OSError):
                for port in ports:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            return self.p.poll() is not None

        until(up, 20, self.kind)
        if self.p.poll() is None:
            return True
        return False

    def errors(self):
        return "\n".join((self.notes("err") + self.notes("out"))[-40:])

    def notes(self, file=None):
        """The lines of its log."""
        name = file or ("out" if self.kind in ("haproxy", "node") else "log")
        with open(self.dir + "/" + name, errors="replace") as f:
            return f.read().splitlines()

    def log(self, word, n=None):
        """[method, URI, status, client port, its address, host] of the n requests with a word in the URI."""
        def read():
            lines = []
            for line in self.notes():
                if self.kind == "caddy":
                    one = json.loads(line)
                    at = dict(one["request"], status=str(one["status"]))
                    words = [at[k] for k in ("method", "uri", "status", "remote_port", "remote_ip", "host")]
                else:
                    words = line.split(" ")
                if len(words) == 6 and word in words[1]:
                    lines.append(words)
            return lines
        if n is not None:
            until(lambda: len(read()) >= n, 10, "%d lines with %s in the log" % (n, word))
            same(len(read()), n, read())
        return read()

    def stop(self):
        if self.p and self.p.poll() is None:
            self.p.terminate()  # Apache ends its children
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.p.wait(5)
            self.p.kill()
            self.p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


BCRYPT = "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"  # "secret", at the least cost

_kept, _lock, _stack = {}, threading.RLock(), contextlib.ExitStack()
atexit.register(_stack.close)


def big():
    """A file of 20 MB of the pattern."""
    with _lock:
        if "big" not in _kept:
            folder = tempfile.mkdtemp(prefix="locust.")
            _stack.callback(shutil.rmtree, folder, True)
            os.chmod(folder, 0o755)
            data = pattern(20 * MB)
            with open(folder + "/big.bin", "wb") as f:
                f.write(data)
            _kept["big"], _kept["sum"] = folder + "/big.bin", sha256(data)
        return _kept["big"]


def started(*arguments, **more):
    server = Server(*arguments, **more)
    _stack.callback(server.stop)
    return server


def server(kind):
    """The one that all tests share."""
    with _lock:
        if kind not in _kept:
            try:
                node = None if kind == "node" else server("node")
                behind = server("nginx") if kind == "haproxy" else None
                more = {"RULES": FAULTS} if kind == "haproxy" else {}
                _kept[kind] = started(kind, node, behind, **more)
            except Skip as why:
                _kept[kind] = why
        if isinstance(_kept[kind], Skip):
            raise _kept[kind]
        return _kept[kind]


def below(server):
    return "" if server.kind == "node" else "/node"


# ---- the client ----

FEATURES = {"tls": ("-DLOCUST_TLS", TLS, "mbedtls/ssl.h", "libmbedtls-dev"),
            "zlib": ("-DLOCUST_ZLIB", ("-lz",), "zlib.h", "zlib1g-dev")}


def program(*features):
    """programs/scripted_requests.c with "tls", "zlib", both, or neither."""
    flags, libs = [], ()
    for flag, more, header, package in map(FEATURES.get, features):
        if subprocess.run([CC, "-E", "-include", header, "-xc", "/dev/null"], capture_output=True).returncode:
            raise Skip(package + " is missing")
        flags.append(flag)
        libs += more
    return build("scripted_requests.c", *flags, libs=libs)


def get(url, **more):
    return dict({"url": url}, **more)


def post(url, **more):
    return dict({"url": url, "method": "POST"}, **more)


def word(key, value):
    quote = lambda text: urllib.parse.quote(text, safe="")
    if isinstance(value, list):
        return " ".join(word(key, v) for v in value)
    if isinstance(value, tuple):
        return key + "=" + ":".join(quote(v) for v in value)
    if isinstance(value, (str, bytes)):
        return key + "=" + quote(value)
    return "%s=%d" % (key, value) if isinstance(value, bool) else "%s=%s" % (key, value)


class Run:
    pass


def ask(dir, host, *steps, options=(), users=1, features=(), env=None, seconds=40, **user_class):
    """Runs scripted_requests.c with these steps: their answers, the failures by name, the standard output's rest."""
    folder = tempfile.mkdtemp(dir=dir)
    with open(folder + "/script", "w") as f:
        for step in ({"users": users, **user_class},) + steps:
            f.write(" ".join(word(*item) for item in step.items()) + "\n")
    done = Run()
    command = [program(*features), "--headless", "-H", host, "-u", str(users), "-r", "1000000",
               "-t", str(seconds), "--csv", "c", "--only-summary"]
    done.r = run(folder, command + list(options),
                 env=dict({"SCRIPT": folder + "/script"}, **(env or {})), seconds=seconds + 10)
    check(done.r.rc in (0, 1), done.r)
    done.answers, done.sets, done.events, done.peak_kb = [], [], [], None
    events = []
    for line in done.r.out.splitlines():
        one = json.loads(line)
        if "event" in one:
            events.append(one["event"])
        elif "set" in one:
            done.sets.append(one["set"])
        elif "peak_kb" in one:
            done.peak_kb = one["peak_kb"]
        else:
            same(one["code"], one["error"] or "ok", one)
            check(one["ended"] and (one["status"] or one["error"]), one)  # an answer that was cut has both
            one["events"], events = events, []
            done.answers.append(one)
    same(len(done.answers), users * sum(s.get("times", 1) for s in steps if "url" in s), done.r)
    done.rows, done.total = stats_csv(folder + "/c")
    done.failures = {(f["Method"], f["Name"]): f["Error"] for f in read_csv(folder + "/c", "failures")}
    same(done.r.rc, 1 if done.failures else 0, done.r)
    return done


def fine(done):
    """The answers of a run without failures."""
    same(done.failures, {}, *[a for a in done.answers if a["error"] or a["status"] >= 400][:3])
    return done.answers


def echo(answer):
    return json.loads(answer["body"].encode("latin-1"))


def curl(*arguments, ok=True):
    if not shutil.which("curl"):
        raise Skip("curl is missing")
    done = subprocess.run(("curl", "-sS", "--noproxy", "*") + arguments, capture_output=True, timeout=60)
    check(not ok or done.returncode == 0, done)
    return done


def each_kind(kinds, name):
    """Registers a test for each kind of server: function(dir, server)."""
    def register(function):
        for kind in kinds:
            test("%s: %s" % (kind, name))(lambda dir, kind=kind: function(dir, server(kind)))
    return register


ALL = ("nginx", "apache", "lighttpd", "haproxy", "caddy", "node")
FAULTS = """use_backend nobody if { path /nobody }
  http-request silent-drop if { path /drop }
  http-request reject if { path /reject }
  http-request tarpit if { path /tarpit }
  http-request deny deny_status 429 if { path /429 }"""

# ---- connections, answers with and without a body ----


@each_kind(ALL, "many requests, one connection")
def _(dir, server):
    url = "/text.txt?many" + server.kind
    answers = fine(ask(dir, server.url, get(url, save=dir + "/text"), get(url, times=29)))
    same([a["reused"] for a in answers], [False] + [True] * 29)
    same({(a["status"], a["body_len"]) for a in answers}, {(200, len(TEXT))})
    with open(dir + "/text", "rb") as f:
        check(f.read() == TEXT, "the body is not the file")
    same(len({line[3] for line in server.log(url, 30)}), 1)


@each_kind(("nginx", "apache", "lighttpd", "node"), "a connection that the server ends after a few requests")
def _(dir, server):
    answers = fine(ask(dir, server.other, get("/text.txt?few" + server.kind, times=23)))
    ports = [line[3] for line in server.log("/text.txt?few" + server.kind, 23)]
    check(4 <= len(set(ports)) <= 6, ports)  # every five requests
    same(sum(not a["reused"] for a in answers), len(set(ports)))
    check(max(ports.count(port) for port in ports) <= 6, ports)


@each_kind(ALL, "HEAD, 204 and 304 have no body and leave the connection whole")
def _(dir, server):
    since = ("If-Modified-Since", MODIFIED_TEXT)
    tag = "?whole" + server.kind
    answers = fine(ask(dir, server.url, get("/text.txt" + tag, method="HEAD", show="Content-Length", times=2),
                       get("/204" + tag, times=2), get("/text.txt" + tag, header=since, times=2),
                       get("/text.txt" + tag)))
    same([(a["status"], a["body_len"]) for a in answers],
         [(200, 0)] * 2 + [(204, 0)] * 2 + [(304, 0)] * 2 + [(200, len(TEXT))])
    same(answers[0]["Content-Length"], str(len(TEXT)))
    same([a["reused"] for a in answers], [False] + [True] * 6)
    same(len({line[3] for line in server.log(tag, 7)}), 1)


@each_kind(ALL, "chunked answers")
def _(dir, server):
    at = below(server) + "/chunks?n=%d&size=%d"
    sizes = [(100000, 1000), (300, 1), (0, 1), (1, 1), (200000, 65536)]
    answers = fine(ask(dir, server.url, *[get(at % s, show="Transfer-Encoding") for s in sizes]))
    same([(a["body_len"], a["right"]) for a in answers], [(n, True) for n, _ in sizes])
    same([a["reused"] for a in answers], [False] + [True] * 4)
    if server.kind != "lighttpd":  # which gives a length where all came in time
        same(answers[0]["Transfer-Encoding"], "chunked")


@each_kind(ALL, "redirects change method and body as browsers and requests do")
def _(dir, server):
    rows = [("GET", code, "GET") for code in (301, 302, 303, 307, 308)]
    rows += [("POST", 301, "GET"), ("POST", 302, "GET"), ("POST", 303, "GET"), ("POST", 307, "POST"),
             ("POST", 308, "POST"), ("PUT", 301, "PUT"), ("PUT", 303, "GET"), ("PUT", 307, "PUT"),
             ("PUT", 308, "PUT"), ("DELETE", 303, "GET"), ("DELETE", 307, "DELETE")]
    steps = [get("/r%d" % code, method=method, name="%s %d" % (method, code),
                 **({"form": "a=1&b=2"} if method in ("POST", "PUT") else {})) for method, code, _ in rows]
    answers = fine(ask(dir, server.url, *steps))

    def row(method, code, then, answer):
        seen = echo(answer)
        same((seen["method"], answer["status"]), (then, 200))
        same(answer["url"], server.url + below(server) + "/echo")
        body = then in ("POST", "PUT")
        same((seen["body"], seen["headers"].get("content-type")),
             ("a=1&b=2", "application/x-www-form-urlencoded") if body else ("", None))
    each([r + (a,) for r, a in zip(rows, answers)], row)
    head, got = fine(ask(dir, server.url, get("/r302", method="HEAD"), get("/r302", no_redirect=True)))
    same((head["status"], got["status"]), (302, 302))


@each_kind(ALL, "20 MB down and up")
def _(dir, server):
    file = "/pattern?n=%d" % (20 * MB) if server.kind == "node" else "/big.bin"
    to = below(server) + "/echo"
    done = ask(dir, server.url, get(file, stream=True), post(to, pattern=20 * MB), post(to, body_path=big()),
               post(to, pattern=20 * MB, chunked=True, slice=10007), post(to, pattern=1, chunked=True))
    answers = fine(done)
    same((answers[0]["taken"], answers[0]["length"], answers[0]["right"]), (20 * MB, 20 * MB, True))
    for answer in answers[1:4]:
        same((echo(answer)["length"], echo(answer)["sha256"]), (20 * MB, _kept["sum"]))
    same(echo(answers[4])["length"], 1)
    if server.kind in ("node", "haproxy", "apache"):  # the others may find the length out
        same([echo(a)["headers"].get("transfer-encoding") for a in answers[1:4]], [None, None, "chunked"])
        same([echo(a)["headers"].get("content-length") for a in answers[1:3]], [str(20 * MB)] * 2)
    check(done.peak_kb < 30 * 1024, "%d KB of memory for bodies that are streamed" % done.peak_kb)
    whole = fine(ask(dir, server.url, get(file)))[0]
    same((whole["body_len"], whole["right"]), (20 * MB, True))


@test("20 MB down and up by TLS")
def _(dir):
    one = secure()
    down, up, chunked = fine(ask(dir, one.tls_url, get("/big.bin", stream=True),
                                 post("/node/echo", body_path=big()),
                                 post("/node/echo", pattern=20 * MB, chunked=True, slice=10007),
                                 options=["--cacert", one.root], features=["tls"]))
    same((down["taken"], down["right"]), (20 * MB, True))
    same([echo(a)["sha256"] for a in (up, chunked)], [_kept["sum"]] * 2)


# ---- who asks ----


@each_kind(ALL, "Basic: right, wrong, none, and in the URL")
def _(dir, server):
    inside = server.url.replace("//", "//ann:secret@") + "/basic/text.txt?url"
    done = ask(dir, server.url, get("/basic/text.txt?right", auth="ann:secret", times=2, name="right"),
               get("/basic/text.txt?wrong", auth="ann:secreT", name="wrong"),
               get("/basic/text.txt?none", name="none"), get(inside, times=2, name="url"))
    same([a["status"] for a in done.answers], [200, 200, 401, 401, 200, 200])
    same(set(done.failures), {("GET", "wrong"), ("GET", "none")})
    check("@" not in done.answers[4]["url"], done.answers[4]["url"])
    if server.kind != "node":  # it notes no status
        seen = ("right", "200", 2), ("wrong", "401", 1), ("none", "401", 1), ("url", "200", 2)
        for what, status, n in seen:
            same([line[2] for line in server.log("/basic/text.txt?" + what, n)], [status] * n)


@test("what stands in Authorization")
def _(dir):
    node = server("node")
    inside = node.url.replace("//", "//us%40er:p%3Aw%2F%25@") + "/echo"
    answers = fine(ask(dir, node.url, get("/echo", auth="ann:a:b"), get("/echo", auth="j\u00fcrgen:\u20ac"),
                       get("/echo", auth="ann:"), get(inside), get("/echo", bearer="abc.DEF-123_~+/="),
                       get("/echo"), get("/bearer", bearer="abc.DEF-123_~+/=")))
    basic = lambda text: "Basic " + base64.b64encode(text.encode()).decode()
    same([echo(a)["headers"].get("authorization") for a in answers[:6]],
         [basic("ann:a:b"), basic("j\u00fcrgen:\u20ac"), basic("ann:"), basic("us@er:p:w/%"),
          "Bearer abc.DEF-123_~+/=", None])
    seen = echo(answers[3])
    same((seen["url"], seen["headers"]["host"]), ("/echo", "127.0.0.1:%d" % node.port))


@test("credentials do not follow a redirect to another origin")
def _(dir):
    node = server("node")
    to = "/to?url=%s&code=307"
    there, here = to % (node.other + "/echo"), to % (node.url + "/echo")
    answers = fine(ask(dir, node.url, get(there, auth="a:b"), get(there, bearer="t"), get(here, auth="a:b"),
                       get(here, bearer="t"), get(node.url.replace("//", "//a:b@") + there)))
    same([echo(a)["headers"].get("authorization") for a in answers],
         [None, None, "Basic YTpi", "Bearer t", None])


def digests(server, word):
    """The fields of Apache's log for the requests with a word in their first line."""
    until(lambda: any(word in line for line in server.notes("full")), 10, word)
    lines = [line.replace('\\"', '"').split("|") for line in server.notes("full")]
    lines = [line for line in lines if word in line[0]]
    return [(line[1], dict(re.findall(r'\b(\w+)="?((?<=")[^"]*|[^",]+)', line[3]))) for line in lines]


@test("apache: Digest")
def _(dir):
    apache = server("apache")
    answers = fine(ask(dir, apache.url, get("/digest/text.txt?right", auth="ann:secret", times=5)))
    same([(a["status"], a["body_len"]) for a in answers], [(200, len(TEXT))] * 5)
    seen = digests(apache, "/digest/text.txt?right")
    same([status for status, _ in seen], ["401"] + ["200"] * 5)  # one challenge for all
    fields = [f for _, f in seen[1:]]
    same({(f["username"], f["realm"], f["uri"], f["qop"]) for f in fields},
         {("ann", "the realm", "/digest/text.txt?right", "auth")})
    same(len({f["nonce"] for f in fields}), 1)
    same([f["nc"] for f in fields], ["%08x" % n for n in range(1, 6)])
    check(all(f["cnonce"] for f in fields), fields)
    hashed = lambda text: hashlib.md5(text.encode()).hexdigest()
    for f in fields:  # RFC 7616 3.4.1
        same(f["response"], hashed(":".join((hashed("ann:the realm:secret"), f["nonce"], f["nc"], f["cnonce"],
                                             "auth", hashed("GET:/digest/text.txt?right")))))


@test("apache: Digest with a wrong password ends after one try")
def _(dir):
    apache = server("apache")
    done = ask(dir, apache.url, get("/digest/text.txt?wrong", auth="ann:secreT", name="wrong"),
               get("/digest/text.txt?unknown", auth="bob:secret", name="unknown"),
               get("/digest/text.txt?then", auth="ann:secret", name="then"))
    same([a["status"] for a in done.answers], [401, 401, 200])
    same(set(done.failures), {("GET", "wrong"), ("GET", "unknown")})
    same(count(done.total), 3)
    for word in ("?wrong", "?unknown", "?then"):
        seen = digests(apache, "/digest/text.txt" + word)
        check(1 <= len(seen) <= 2, word, seen)


@test("apache: Digest with a nonce that got old")
def _(dir):
    apache = server("apache")
    step = get("/brief/text.txt?old", auth="ann:secret")
    answers = fine(ask(dir, apache.url, step, dict(step, sleep=2.2), step))  # the nonce lives for 1 s
    same([a["status"] for a in answers], [200] * 3)
    seen = digests(apache, "/brief/text.txt?old")
    same([status for status, _ in seen], ["401", "200", "401", "200", "200"])
    same(seen[1][1]["nonce"], seen[2][1]["nonce"])
    check(seen[3][1]["nonce"] != seen[2][1]["nonce"], "the old nonce again")
    same((seen[3][1]["nc"], seen[4][1]["nc"]), ("00000001", "00000002"))


@test("apache: a body sent with Digest arrives once, whole")
def _(dir):
    apache, at = server("apache"), "/node/digest/echo"
    answers = fine(ask(dir, apache.url, post(at, auth="ann:secret", form="a=1"),
                       post(at, auth="ann:secret", body_path=big()),
                       dict(post(at, auth="ann:secret", body_path=big()), close=True)))
    same([(echo(a)["method"], echo(a)["length"]) for a in answers], [("POST", 3)] + [("POST", 20 * MB)] * 2)
    same(echo(answers[2])["sha256"], _kept["sum"])


@test("lighttpd: Digest with MD5 and with SHA-256")
def _(dir):
    lighttpd = server("lighttpd")
    done = ask(dir, lighttpd.url, get("/md5/text.txt?right", auth="ann:secret", times=3),
               get("/sha/text.txt?right", auth="ann:secret", times=3),
               get("/sha/text.txt?wrong", auth="ann:x", name="wrong"),
               get(lighttpd.url.replace("//", "//ann:secret@") + "/sha/text.txt?url"))
    same([a["status"] for a in done.answers], [200] * 6 + [401, 200])
    same(set(done.failures), {("GET", "wrong")})
    for place in ("/md5", "/sha"):
        statuses = [line[2] for line in lighttpd.log(place + "/text.txt?right")]
        same(statuses, ["401"] + ["200"] * 3)


# ---- compression ----


@each_kind(("nginx", "apache", "lighttpd", "caddy"), "compressed text comes out as it was")
def _(dir, server):
    sizes = fine(ask(dir, server.url, get("/text.txt", show="Content-Encoding", save=dir + "/whole"),
                     get("/text.txt", save=dir + "/streamed", stream=True),
                     get("/empty.txt"), get("/text.txt", method="HEAD"),
                     get("/text.txt", header=("Accept-Encoding", "deflate"), show="Content-Encoding",
                         save=dir + "/deflate"), features=["zlib"]))
    same(sizes[0]["Content-Encoding"], "gzip")
    same([(a["status"], a["length"]) for a in sizes],
         [(200, len(TEXT))] * 2 + [(200, 0)] * 2 + [(200, len(TEXT))])
    for name in ("whole", "streamed", "deflate"):
        with open(dir + "/" + name, "rb") as f:
            check(f.read() == TEXT, name)
    if server.kind == "lighttpd":
        same(sizes[4]["Content-Encoding"], "deflate")


@test("what is asked for and decoded")
def _(dir):
    node = server("node")
    accepted = lambda a: echo(a)["headers"].get("accept-encoding")
    plain = fine(ask(dir, node.url, get("/echo"), get("/echo", header=("Accept-Encoding", "gzip"))))
    check(accepted(plain[0]) in (None, "identity"), accepted(plain[0]))
    same(accepted(plain[1]), "gzip")
    asks = fine(ask(dir, node.url, get("/echo"), get("/echo", header=("accept-encoding", "identity")),
                    features=["zlib"]))
    same(set(re.split(", *", accepted(asks[0]))), {"gzip", "deflate"})
    same([v for k, v in zip(echo(asks[1])["raw"][::2], echo(asks[1])["raw"][1::2])
          if k.lower() == "accept-encoding"], ["identity"])


CODED = "malformed or truncated compressed body"


@test("compressed bodies: right, cut, damaged")
def _(dir):
    rows = [("how=gzip", ""), ("how=deflate&name=deflate", ""), ("how=raw&name=deflate", ""), ("how=two", ""),
            ("how=named", ""), ("how=gzip&name=x-gzip", ""), ("how=gzip&name=GZip", ""),
            ("how=plain&name=identity", ""), ("how=gzip&empty=1", "empty"),
            ("how=deflate&name=deflate&empty=1", "empty"), ("how=plain&empty=1", "empty"),
            ("how=gzip&cut=5", CODED), ("how=gzip&cut=10", CODED), ("how=gzip&cut=1000", CODED),
            ("how=gzip&cut=-8", CODED), ("how=gzip&cut=-1", CODED), ("how=two&cut=-30", CODED),
            ("how=gzip&flip=1", CODED), ("how=gzip&flip=6", CODED), ("how=gzip&flip=500", CODED),
            ("how=plain", CODED), ("how=plain&name=deflate", CODED),
            ("how=deflate&name=deflate&cut=-1", CODED), ("how=deflate&name=deflate&flip=1", CODED),
            ("how=raw&name=deflate&cut=1000", CODED),
            ("how=plain&name=br", ""), ("how=plain&name=other", ""),  # not asked for: as it came
            # RFC 9110 8.4: codings in the order in which they were applied; 5.3: in one field or several
            ("how=twice&name=gzip,gzip", ""), ("how=twice&name=gzip,%20x-gzip&fields=1", ""), ("how=mixed&name=deflate,%20gzip", ""),
            ("how=thrice&name=deflate,gzip,deflate&fields=1", ""), ("how=gzip&name=identity,gzip", ""),
            ("how=twice&name=gzip,gzip&empty=1", "empty"), ("how=twice&name=gzip,gzip&cut=-1", CODED), ("how=twice&name=gzip,gzip&cut=100", CODED),
            ("how=twice&name=gzip,gzip&flip=500", CODED), ("how=gzip&name=gzip,gzip", CODED), ("how=five&name=gzip,gzip,gzip,gzip,gzip", CODED),
            ("how=plain&name=gzip,br", "")]
    rows = [(query + more, want) for query, want in rows for more in ("", "&chunked=1", "&chunked=1000")]
    steps = []
    for i, (query, _) in enumerate(rows):
        file = "%s/%d." % (dir, i)
        steps += [get("/compressed?" + query, save=file + "whole"),
                  get("/compressed?" + query, save=file + "streamed", stream=True)]
        open(file + "streamed", "w").close()
    answers = ask(dir, server("node").url, *steps, features=["zlib"]).answers

    def row(i, query, want):
        data = b"" if want == "empty" else TEXT
        for how, answer in (("whole", answers[2 * i]), ("streamed", answers[2 * i + 1])):
            same(answer["error"], want if want not in ("", "empty") else None, how)
            with open("%s/%d.%s" % (dir, i, how), "rb") as f:
                check(want not in ("", "empty") or f.read() == data, how)
            check(answer["error"] or answer["length"] == len(data), how, answer["length"])
    each([(i,) + r for i, r in enumerate(rows)], row)


@test("a bomb is limited by LOCUST_MAX_BODY")
def _(dir):
    limit = 64 * MB
    most, bomb, after = ask(dir, server("node").url, get("/compressed?how=gzip&zeros=%d" % limit),
                            get("/compressed?how=gzip&zeros=%d" % (limit + 1)), get("/echo"),
                            features=["zlib"]).answers
    same((most["error"], most["body_len"]), (None, limit))
    same((bomb["error"], after["status"]), ("response body too large", 200))
    # coded twice, 70 KB make 64 MB and more: whoever takes the body, it ends there
    open(dir + "/streamed", "w").close()
    for more in {}, {"stream": True, "save": dir + "/streamed"}:
        twice, after = ask(dir, server("node").url, get("/compressed?how=twice&name=gzip,gzip&zeros=%d" % (limit + 1), **more),
                           get("/echo"), features=["zlib"]).answers
        same((twice["error"], after["status"]), ("response body too large", 200))


# ---- bodies that are sent ----


@test("multipart bodies, as Node's own parser and the HTML standard read them")
def _(dir):
    names = {"plain.txt": TEXT, 'quo"te \u00e9\u20ac.bin': pattern(5 * MB), "empty": b"",
             "back\\slash;%.txt": b"x"}
    for name, data in names.items():
        with open(dir + "/" + name, "wb") as f:
            f.write(data)
    file = lambda name: ("path", dir + "/" + name)
    texts = [("a", "text", "1"), ('na"me', "text", "two\r\nlines"), ("new\r\nline", "text", ""),
             ("\u043a\u043b", "text", "\u20ac"), ("json", "text", "{}", "application/json")]
    files = [("f",) + file(n) for n in names] + [("typed",) + file("plain.txt") + ("text/plain",)]
    node = server("node")
    small, large = fine(ask(dir, node.url, post("/form", part=texts), post("/form", part=files + texts[:1])))
    got = echo(small)
    same([(p["name"], p.get("value")) for p in got["parts"]], [t[:1] + t[2:3] for t in texts])
    boundary = re.fullmatch(r"multipart/form-data; *boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})", got["type"])
    check(boundary, got["type"])
    raw = got["bytes"].encode("latin-1")
    for name in (b'name="a"', b'name="na%22me"', b'name="new%0D%0Aline"', 'name="\u043a\u043b"'.encode()):
        check(name in raw, name, raw)
    check(b"application/json" in raw and raw.count(b"Content-Type") == 1, raw)
    check(raw.endswith(b"\r\n--" + boundary[1].encode() + b"--\r\n"), raw[-100:])
    same((got.get("encoding"), got["length"]), (None, str(len(raw))))
    got = echo(large)["parts"]
    octets = "application/octet-stream"
    want = [(n, octets, sha256(d)) for n, d in names.items()] + [("plain.txt", "text/plain", sha256(TEXT))]
    same([(p["filename"], p["type"], p["sha256"]) for p in got[:-1]], want)
    same(got[-1], {"name": "a", "value": "1"})


@test("a redirect and Digest repeat a multipart body")
def _(dir):
    apache = server("apache")
    parts = [("a", "text", "1"), ("f", "path", big())]
    answers = fine(ask(dir, apache.url, post("/node/to?url=/node/form&code=307", part=parts),
                       post("/node/digest/form", part=parts, auth="ann:secret")))
    for answer in answers:
        parts = echo(answer)["parts"]
        same([p.get("sha256", p.get("value")) for p in parts], ["1", _kept["sum"]])


@test("a body from a function cannot be sent twice")
def _(dir):
    apache, body = server("apache"), {"pattern": 20000}
    done = ask(dir, apache.url, post("/r307", name="redirect", **body), post("/r303", name="without", **body),
               post("/node/digest/echo?fn", name="digest", auth="ann:secret", **body),
               get("/digest/text.txt", auth="ann:secret"),
               post("/node/digest/echo?known", name="known", auth="ann:secret", **body))
    redirect, without, digest, _, known = done.answers
    same((echo(without)["method"], echo(without)["length"]), ("GET", 0))
    same(echo(known)["length"], 20000)
    same(set(done.failures), {("POST", "redirect"), ("POST", "digest")}, redirect, digest)


@test("bodies that cannot be sent")
def _(dir):
    node = server("node")
    done = ask(dir, node.url, post("/echo?1", body_path="/no/such/file", name="file"),
               post("/echo?2", part=("f", "path", "/no/such/file"), name="part"),
               post("/echo?3", pattern=100000, give_up=50000, slice=1000, name="length"),
               post("/echo?4", pattern=100000, give_up=50000, slice=1000, chunked=True, name="chunked"),
               post("/echo?5", pattern=100000, early=50000, slice=1000, name="short"),
               get("/echo?6", name="then"))
    file, gave_up = "cannot read the file of a request body", "the test's body function gave up"
    same([a["error"] for a in done.answers], [file, file, gave_up, gave_up, gave_up, None])
    same(set(done.failures.values()), {file, gave_up})
    node.log("/echo?6")
    same([node.log("/echo?%d" % i) for i in range(1, 6)], [[]] * 5)  # none of them was a whole request


def lingering(interim):
    """A server that says nothing about Expect, and notes when the body came after the head."""
    seen = []

    def serve(c):
        head = read_head(c)
        at = time.monotonic()
        if not head:
            return
        c.sendall(interim)
        length = int(re.search(rb"content-length: (\d+)", head, re.I)[1])
        body = c.recv(length)
        seen.append((head, time.monotonic() - at))
        while len(body) < length:
            body += c.recv(length)
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    return serve, seen


@test("Expect: 100-continue: asked, refused, ignored")
def _(dir):
    node, apache, nginx = server("node"), server("apache"), server("nginx")
    body = {"pattern": 100000, "expect_continue": True}
    done = ask(dir, node.url, post("/echo?asked", **body), post("/echo?chunked", chunked=True, **body),
               post("/refuse?status=413", **body), post("/refuse?status=417", **body),
               post("/echo?again", **body), get("/echo?none", expect_continue=True))
    same([a["status"] for a in done.answers], [200, 200, 413, 417, 200, 200])
    same([echo(a)["length"] for a in done.answers[:2]], [100000] * 2)
    same([echo(a)["headers"].get("expect") for a in done.answers[:2]], ["100-continue"] * 2)
    same(echo(done.answers[5])["headers"].get("expect"), None)  # RFC 9110 10.1.1: only with a body
    check(all(a["ms"] < 900 for a in done.answers), [a["ms"] for a in done.answers])
    reads = lambda: [int(line.split()[1]) for line in node.notes() if line.startswith("READ")]
    until(lambda: len(reads()) == 2, 10, "both refused connections closed")
    check(max(reads()) < 5000, "the refused body was sent", reads())
    with open(dir + "/body", "wb") as f:
        f.write(pattern(100000))
    step = post("/node/digest/echo?first", expect_continue=True, auth="ann:secret", body_path=dir + "/body")
    answer = fine(ask(dir, apache.url, step))[0]
    same(echo(answer)["sha256"], sha256(pattern(100000)))
    lines = [line.split("|") for line in apache.notes("full") if "?first" in line]
    same([line[1] for line in lines], ["401", "200"])
    check(int(lines[0][-1]) < 1000 < 100000 < int(lines[1][-1]), "bytes read by Apache", lines)
    done = ask(dir, nginx.url, post("/small-only", **body), post("/node/echo", **body))
    same([a["status"] for a in done.answers], [413, 200])


@test("Expect: 100-continue: a second without an answer")
def _(dir):
    for interim in (b"", b"HTTP/1.1 102 Processing\r\n\r\n"):  # which is no 100
        serve, seen = lingering(interim)
        with Script(serve) as script:
            answer = fine(ask(dir, script.url, post("/", pattern=100000, expect_continue=True)))[0]
        same((answer["status"], len(seen)), (200, 1))
        check(0.9 <= seen[0][1] < 3, interim, "the body came %.2f s after the head" % seen[0][1])


@test("a server that refuses while the body is still being sent")
def _(dir):
    nginx = server("nginx")
    done = ask(dir, nginx.url, post("/small-only", pattern=20 * MB), post("/node/echo", pattern=1000))
    same([a["status"] for a in done.answers], [413, 200], done.answers)


# ---- bodies that are streamed in ----


@test("200 MB take no memory")
def _(dir):
    node, big = server("node"), 200 * MB
    done = ask(dir, node.url, get("/pattern?n=%d" % big, stream=True))
    answer = fine(done)[0]
    same((answer["taken"], answer["length"], answer["body_len"], answer["right"]), (big, big, 0, True))
    check(answer["calls"] > 100, answer)
    check(done.peak_kb < 30 * 1024, "%d KB" % done.peak_kb)


@test("a function that wants no more")
def _(dir):
    node, big = server("node"), 200 * MB
    ended = lambda: len([line for line in node.notes() if line.startswith("SENT")])
    before = ended()
    url = "/pattern?stop&n=%d" % big
    done = ask(dir, node.url, get("/echo", stream=True), get(url, stream=True, stop=MB, name="stop"),
               get(url + "&length=1", stream=True, stop=1, name="stop"), get("/echo", name="then"))
    stopped = done.answers[1:3]
    same([(a["code"], a["error"], a["status"]) for a in stopped], [("ok", None, 200)] * 2)
    for answer, least in zip(stopped, (MB, 1)):
        check(least <= answer["taken"] < least + MB and answer["right"], answer)
    same((done.answers[3]["status"], done.answers[3]["reused"]), (200, False))
    until(lambda: ended() >= before + 2, 10, "Node sees that nobody reads")


@test("only the last answer's body is handed on")
def _(dir):
    node, apache = server("node"), server("apache")
    to, other = dir + "/redirected", dir + "/asked"
    fine(ask(dir, node.url, get("/r302", stream=True, save=to)))
    with open(to) as f:
        same(json.load(f)["url"], "/echo")
    fine(ask(dir, apache.url, get("/digest/text.txt?last", stream=True, save=other, auth="ann:secret")))
    with open(other, "rb") as f:
        check(f.read() == TEXT, "not the text alone")


# stream, events: HTML standard, 9.2.6 "interpreting an event stream"
EVENTS = [
    ("data: one\n\n", [("message", "one", "", -1)]),
    ("data: first\ndata: second\ndata\n\n", [("message", "first\nsecond\n", "", -1)]),
    (": a comment\n\n:\n\ndata:x\n:another\ndata:  y\n\n", [("message", "x\n y", "", -1)]),
    ("event: add\ndata: 1\n\ndata: 2\n\n", [("add", "1", "", -1), ("message", "2", "", -1)]),
    ("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
     [("message", "a", "1", -1), ("message", "b", "1", -1), ("message", "c", "", -1)]),
    ("retry: 1500\ndata: a\n\nretry: 2x\ndata: b\n\nretry:7\n\ndata: c\n\n",
     [("message", "a", "", 1500), ("message", "b", "", 1500), ("message", "c", "", 7)]),
    ("event: lost\n\ndata: kept\n\n", [("message", "kept", "", -1)]),
    ("id: 5\n\ndata: x\n\n", [("message", "x", "5", -1)]),
    ("data\n\ndata\ndata\n\ndata:", [("message", "", "", -1), ("message", "\n", "", -1)]),
    ("data:test\n\ndata: test\n\n", [("message", "test", "", -1)] * 2),
    ("unknown: x\ndata: y\nDATA: z\n data: w\n\n", [("message", "y", "", -1)]),
    ("data: cut short by the end\n", []),
    ("data: r\r\rdata: rn\r\n\r\ndata: n\n\nevent: mix\rdata: 1\r\ndata: 2\n\r\n",
     [("message", "r", "", -1), ("message", "rn", "", -1), ("message", "n", "", -1),
      ("mix", "1\n2", "", -1)]),
    ("\xef\xbb\xbfdata: bom\n\n\xef\xbb\xbfdata: no bom\n\n", [("message", "bom", "", -1)]),
    ("\xef\xbb\xbf\n\ndata: \xe2\x82\xac\n\n", [("message", "\xe2\x82\xac", "", -1)]),
    ("id: a\0b\ndata: x\n\n", [("message", "x", "", -1)]),
    ("data: a: b\nevent:  two\n\n", [(" two", "a: b", "", -1)]),
    ("", []),
]


@test("server-sent events, cut anywhere")
def _(dir):
    quote = lambda text: urllib.parse.quote(text.encode("latin-1").decode("latin-1"), safe="")
    steps, wants = [], []
    for text, events in EVENTS:
        at = "/events?stream=" + quote(text)
        ways = ["&size=1", "&size=2", "&size=100000", "&size=3&length=1", "&size=100000&close=1"]
        ways += ["&at=%d" % i for i in range(1, len(text))]
        for way in ways:
            steps.append(get(at + way, events=True, name="events"))
            wants.append((way, text, [list(e) for e in events]))
    answers = fine(ask(dir, server("node").url, *steps))

    def row(way, text, want, answer):
        same(answer["events"], want)
        same((answer["status"], answer["body_len"]), (200, 0))
    each([w + (a,) for w, a in zip(wants, answers)], row)


@test("server-sent events that go on until the test has enough")
def _(dir):
    node = server("node")
    text = urllib.parse.quote("".join("data: %d\n\n" % i for i in range(50)))
    before = node.notes().count("CLOSED")
    url = "/events?size=5&forever=1&stream=" + text
    done = ask(dir, node.url, get(url, events=True, stop=20, name="stop"),
               get(url, events=True, timeout_s=1, name="late"),
               get("/echo", name="then"))
    coded = ask(dir, node.url, get(url + "&gzip=1", events=True, stop=50), features=["zlib"]).answers[0]
    same([e[1] for e in coded["events"]], [str(i) for i in range(50)])
    same([e[1] for e in done.answers[0]["events"]], [str(i) for i in range(20)])
    same((done.answers[0]["code"], done.answers[0]["error"]), ("ok", None))
    same((len(done.answers[1]["events"]), done.answers[1]["error"]), (50, "timed out"))
    same(done.answers[2]["status"], 200)
    until(lambda: node.notes().count("CLOSED") == before + 3, 10, "all closed at the server")


# ---- ways to the server ----


def secure():
    """nginx with TLS for localhost, shop.test and 127.0.0.1 on .tls, and on the unix socket .socket."""
    with _lock:
        if "secure" not in _kept:
            if not shutil.which("openssl"):
                raise Skip("openssl is missing")
            folder = tempfile.mkdtemp(prefix="locust.")
            _stack.callback(shutil.rmtree, folder, True)
            pki = certs.Pki(folder + "/pki", "ec")
            leaf = pki.leaf("shop", san="DNS:localhost,DNS:shop.test,IP:127.0.0.1")
            port = free_port()
            listen = ("listen unix:@D/socket; listen 127.0.0.1:%d ssl; ssl_certificate %s;"
                      "ssl_certificate_key %s;" % (port, leaf.chain, leaf.key))
            one = started("nginx", server("node"), LISTEN=listen)
            one.tls, one.tls_url, one.root = port, "https://127.0.0.1:%d" % port, pki.root
            one.socket = one.dir + "/socket"
            _kept["secure"] = one
        return _kept["secure"]


def apache_proxy():
    """Apache as a forward proxy: for everybody on .url, for ann:secret only on .other."""
    with _lock:
        if "proxy" not in _kept:
            both = "ProxyRequests On\nAllowCONNECT %d\n" % secure().tls
            people = """<Proxy *>
                AuthType Basic
                AuthName p
                AuthUserFile @D/passwords
                Require valid-user
                </Proxy>"""
            _kept["proxy"] = started("apache", server("node"), MORE=both, VHOST=both + people)
        return _kept["proxy"]


@test("apache as proxy for http: absolute-form, and the answer of the server behind it")
def _(dir):
    node, proxy = server("node"), apache_proxy()
    answers = fine(ask(dir, node.url, get("/echo?absolute", auth="a:b", times=3), get("/r302"),
                       options=["--proxy", proxy.url]))
    same([a["reused"] for a in answers], [False, True, True, True])
    same([echo(a)["url"] for a in answers], ["/echo?absolute"] * 3 + ["/echo"])
    same(answers[0]["url"], node.url + "/echo?absolute")
    seen = echo(answers[0])["headers"]
    same((seen["host"], seen["authorization"]), ("127.0.0.1:%d" % node.port, "Basic YTpi"))
    lines = [line.split("|") for line in proxy.notes("full") if "?absolute" in line]
    same([line[0] for line in lines], ["GET %s/echo?absolute HTTP/1.1" % node.url] * 3)
    same({line[2] for line in lines}, {"127.0.0.1:%d" % node.port})
    answers = fine(ask(dir, node.url, get("/echo?class"), proxy=proxy.url))
    check(any("?class" in line for line in proxy.notes("full")), "the class's proxy was not asked")


@test("apache as proxy for https: CONNECT")
def _(dir):
    target, proxy = secure(), apache_proxy()
    done = ask(dir, target.tls_url, get("/node/echo?tunnel", auth="a:b", times=3), get("/text.txt?tunnel"),
               options=["--proxy", proxy.url, "--cacert", target.root], features=["tls"])
    answers = fine(done)
    same([a["reused"] for a in answers], [False, True, True, True])
    same(echo(answers[0])["headers"]["authorization"], "Basic YTpi")
    check("proxy-authorization" not in echo(answers[0])["headers"], echo(answers[0]))
    same(len({line[3] for line in target.log("tunnel", 4)}), 1)

    at = "127.0.0.1:%d" % target.tls

    def tunnels():
        return [line.split("|") for line in proxy.notes("full") if line.startswith("CONNECT %s " % at)
                and line.split("|")[5] == str(proxy.port)]
    line = until(tunnels, 10, "CONNECT in the log")[0]
    same(line[:5], ["CONNECT %s HTTP/1.1" % at, "200", at, "-", "-"])


@test("apache as proxy that wants a password")
def _(dir):
    node, target, proxy = server("node"), secure(), apache_proxy()
    with_ann = proxy.other.replace("//", "//ann:secret@")
    tls = dict(features=["tls"])
    for url in (node.url + "/echo?password", target.tls_url + "/text.txt?password"):
        options = ["--cacert", target.root, "--proxy"]
        answers = fine(ask(dir, "http://localhost", get(url, times=2), options=options + [with_ann], **tls))
        same([a["status"] for a in answers], [200, 200])
        if url.startswith("http:"):
            check("proxy-authorization" not in echo(answers[0])["headers"], answers[0])
        for wrong in (proxy.other, proxy.other.replace("//", "//ann:x@")):
            answer = ask(dir, "http://localhost", get(url), options=options + [wrong], **tls).answers[0]
            if url.startswith("https:") or answer["error"]:
                same(answer["error"], "the proxy wants other credentials", wrong)
            else:
                same(answer["status"], 407)
    sent = {line.split("|")[4] for line in proxy.notes("full") if "password" in line and "|200|" in line}
    same(sent, {"Basic " + base64.b64encode(b"ann:secret").decode()})


def proxy_of(reply, heads):
    """A proxy that gives one reply to all, and keeps what it was asked."""
    def serve(c):
        while True:
            head = read_head(c)
            if not head:
                return
            heads.append(head.decode("latin-1"))
            c.sendall(reply)
    return Script(serve)


@test("a proxy that refuses")
def _(dir):
    secure()
    tls = dict(features=["tls"])
    rows = [(403, "the proxy refused to connect"), (502, "the proxy refused to connect"),
            (404, "the proxy refused to connect"), (407, "the proxy wants other credentials")]

    def row(status, sentence):
        heads = []
        reply = (b"HTTP/1.1 %d No\r\nContent-Length: 6\r\nProxy-Authenticate: Basic realm=p\r\n\r\n<html>"
                 % status)
        with proxy_of(reply, heads) as proxy:
            done = ask(dir, "https://shop.test", get("/x", auth="a:b", header=("X-Own", "1")),
                       options=["--proxy", proxy.url], **tls)
        same((done.answers[0]["error"], done.answers[0]["status"]), (sentence, 0))
        same(list(done.failures.values()), [sentence])
        check(heads[0].startswith("CONNECT shop.test:443 HTTP/1.1\r\n"), heads)
        check(re.search("^host: shop.test:443\r$", heads[0], re.I | re.M), heads)
        check(not re.search("^(authorization|x-own)", heads[0], re.I | re.M), heads)
        with proxy_of(reply, heads) as proxy:  # without a tunnel it is an answer like any other
            answer = ask(dir, "http://shop.test", get("/x"), options=["--proxy", proxy.url]).answers[0]
        check(status == 407 or answer["status"] == status, answer)
        check(answer["status"] == status or answer["error"] == sentence, answer)
        check(heads[-1].startswith("GET http://shop.test/x HTTP/1.1\r\n"), heads)
    each(rows, row)
    nobody = ["--proxy", "http://127.0.0.1:%d" % free_port()]
    answer = ask(dir, "https://shop.test", get("/x"), options=nobody, **tls).answers[0]
    same(answer["error"], "connection refused by the proxy")


@test("--proxy-from-env and no_proxy, as curl understands them")
def _(dir):
    node, heads = server("node"), []
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied"
    with proxy_of(reply, heads) as proxy:
        resolve = "a.test:%d:127.0.0.1" % node.port
        at = {"http_proxy": proxy.url}
        rows = [({}, "a.test"), (at, "a.test"), ({"all_proxy": proxy.url}, "a.test"),
                ({"https_proxy": proxy.url}, "a.test"), (dict(at, all_proxy="http://127.0.0.1:1"), "a.test"),
                (dict(at, no_proxy="127.0.0.1"), "127.0.0.1"), (dict(at, no_proxy="127.0.0.2"), "127.0.0.1")]
        rows += [(dict(at, no_proxy=no), "a.test") for no in (
            "", "a.test", "b.test", ".test", "test", "est", "*", "b.test, A.TEST", "x.a.test", "127.0.0.1")]
        clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}

        def row(env, host):
            url = "http://%s:%d" % (host, node.port)
            asked = subprocess.run(["curl", "-sS", "--resolve", resolve, url + "/204"], timeout=20, text=True,
                                   capture_output=True, env=dict(clean, **env))
            env = dict({k: "" for k in os.environ if k.lower().endswith("_proxy")}, **env)
            off, on = (fine(ask(dir, url, get("/204"), env=env, options=["--resolve", resolve] + more))[0]
                       for more in ([], ["--proxy-from-env"]))
            same((off["body"], on["body"]), ("", asked.stdout))
        curl("--version")
        each(rows, row)
        direct = ask(dir, node.url, get("/204"), options=["--proxy-from-env"], env=at, proxy="")
        same(fine(direct)[0]["body"], "")
        done = ask(dir, "https://a.test", get("/x"), options=["--proxy-from-env"], features=["tls"],
                   env={"https_proxy": proxy.url, "http_proxy": "http://127.0.0.1:1"})
        same(heads[-1].split("\r\n")[0], "CONNECT a.test:443 HTTP/1.1")


@test("unix sockets")
def _(dir):
    one = secure()
    at = lambda path: ["--unix-socket", path]
    answers = fine(ask(dir, "http://shop.test", get("/text.txt?unix", times=3), options=at(one.socket)))
    same([(a["status"], a["body_len"], a["reused"]) for a in answers],
         [(200, len(TEXT), False)] + [(200, len(TEXT), True)] * 2)
    same({(line[4], line[5]) for line in one.log("?unix", 3)}, {("unix:", "shop.test")})
    fine(ask(dir, "http://shop.test:81", get("/text.txt?class"), get("/r302"), unix_socket=one.socket))
    same(one.log("?class", 1)[0][4:], ["unix:", "shop.test:81"])
    missing = ask(dir, "http://shop.test", get("/"), options=at(one.socket + "x")).answers[0]
    same(missing["error"], "no such unix socket")
    with socket.socket(socket.AF_UNIX) as s:  # nobody listens there
        s.bind(one.socket + "y")
        refused = ask(dir, "http://shop.test", get("/"), options=at(one.socket + "y")).answers[0]
    same(refused["error"], "connection refused")


@test("--source: local addresses in turn")
def _(dir):
    nginx = server("nginx")
    rows = [("127.0.0.2", {"127.0.0.2": 12}),
            ("127.0.0.2,127.0.0.3,127.0.0.4", {"127.0.0.2": 4, "127.0.0.3": 4, "127.0.0.4": 4}),
            ("127.0.0.5-127.0.0.7", {"127.0.0.5": 4, "127.0.0.6": 4, "127.0.0.7": 4}),
            ("127.0.0.8,127.0.1.4-127.0.1.5", {"127.0.0.8": 4, "127.0.1.4": 4, "127.0.1.5": 4}),
            ("127.0.1.8/30", None)]

    def row(source, want):
        tag = "?from" + source.replace("/", "-")
        fine(ask(dir, nginx.url, get("/text.txt" + tag), dict(get("/text.txt" + tag), close=True), users=6,
                 options=["--source", source]))
        seen = [line[4] for line in nginx.log(tag, 12)]
        if want:
            same({a: seen.count(a) for a in seen}, want)
        else:
            check(set(seen) <= {"127.0.1.%d" % i for i in (8, 9, 10, 11)} and len(set(seen)) > 1, seen)
    each(rows, row)
    answer = ask(dir, nginx.url, get("/"), options=["--source", "192.0.2.1"]).answers[0]
    same(answer["error"], "cannot use the source address")


@test("--connect-to and --resolve, as in curl")
def _(dir):
    one = secure()
    here = "127.0.0.1:%d" % one.port
    rows = [("http://shop.test", "--connect-to", "shop.test:80:" + here, "shop.test"),
            ("http://shop.test", "--connect-to", "::" + here, "shop.test"),
            ("http://shop.test", "--connect-to", "shop.test::" + here, "shop.test"),
            ("http://shop.test:81", "--connect-to", "shop.test:80:127.0.0.1:1 shop.test:81:" + here,
             "shop.test:81")]
    at = "shop.test:%d" % one.port
    rows += [("http://" + at, "--resolve", value % one.port, at) for value in (
        "shop.test:%d:127.0.0.1", "shop.test:%d:127.0.0.9,127.0.0.1")]

    def row(url, option, value, host):
        tag = "?to" + str(rows.index((url, option, value, host)))
        for entry in value.split():
            arguments = [x for e in value.split() for x in (option, e)]
        answer = fine(ask(dir, url, get("/text.txt" + tag), options=[option, value]))[0]
        same(answer["url"], url + "/text.txt" + tag)
        curl("-o", dir + "/curl", *arguments, url + "/text.txt" + tag)
        same([line[5] for line in one.log(tag, 2)], [host] * 2)
    each(rows, row)
    answer = ask(dir, "http://" + at, get("/"), options=["--resolve", "shop.test:1:127.0.0.1"]).answers[0]
    check(answer["error"], "an entry for another port was used", answer)


@test("--resolve for any host, as in curl")
def _(dir):
    one = secure()
    url = "http://any.test:%d" % one.port
    entry = ["--resolve", "*:%d:127.0.0.1" % one.port]
    curl("-o", dir + "/curl", *entry, url + "/text.txt")
    same(fine(ask(dir, url, get("/text.txt"), options=entry))[0]["status"], 200)


@test("--connect-to and --resolve with TLS: the certificate is the URL's")
def _(dir):
    one = secure()
    here = "127.0.0.1:%d" % one.tls
    tls = dict(features=["tls"])
    for url, more in (("https://shop.test", ["--connect-to", "shop.test:443:" + here]),
                      ("https://shop.test:%d" % one.tls, ["--resolve", "shop.test:%d:127.0.0.1" % one.tls])):
        answer = fine(ask(dir, url, get("/text.txt?tls"), options=["--cacert", one.root] + more, **tls))[0]
        same((answer["status"], answer["body_len"]), (200, len(TEXT)))
    to = ["--cacert", one.root, "--connect-to", "wrong.test:443:" + here]
    answer = ask(dir, "https://wrong.test", get("/"), options=to, **tls).answers[0]
    same(answer["error"], "certificate is for another host")


# ---- connections of a user, of a class ----


@test("a task that visits several hosts keeps a connection to each")
def _(dir):
    servers = [server(kind) for kind in ALL]
    steps = [get(s.url + "/text.txt?several", name=s.kind) for s in servers] * 5
    answers = fine(ask(dir, "http://localhost", *steps))
    same([a["reused"] for a in answers], [False] * len(ALL) + [True] * 4 * len(ALL))
    for s in servers:
        lines = s.log("?several", 10 if s.kind == "nginx" else 5)  # HAProxy's too
        ports = {line[3] for line in lines}
        check(len(ports) == 1 or s.kind == "nginx", s.kind, ports)


@test("twenty users share a pool of four connections")
def _(dir):
    node = started("node")
    answers = fine(ask(dir, node.url, get("/slow?head=20&pool", times=5), users=20, pool=4))
    same(len({line[3] for line in node.log("&pool", 100)}), 4)
    seen = json.loads(curl(node.url + "/connections").stdout)
    same(seen["most"], 4)
    same(sum(not a["reused"] for a in answers), 4)
    times = sorted(a["ms"] for a in answers)  # with the wait for a connection most would be 100 ms
    check(19 <= times[0] and times[50] < 60, times)
    fine(ask(dir, node.url, get("/slow?head=5&own", times=3), users=20))
    same(len({line[3] for line in node.log("&own", 60)}), 20)


@test("a pool gets a new connection for each that the server ended")
def _(dir):
    node = started("node")
    answers = fine(ask(dir, node.other, get("/slow?head=5&ended", times=5), users=10, pool=2))
    ports = [line[3] for line in node.log("&ended", 50)]
    check(10 <= len(set(ports)) <= 11 and max(ports.count(p) for p in ports) == 5, ports)
    check(json.loads(curl(node.url + "/connections").stdout)["most"] <= 4, ports)  # one may be on its way out


@test("no_keep_alive and max_requests")
def _(dir):
    node = server("node")
    answers = fine(ask(dir, node.url, get("/echo?single", times=4), get("/r302"), no_keep_alive=True))
    same([echo(a)["n"] for a in answers], [1] * 5)
    same({echo(a)["headers"].get("connection") for a in answers}, {"close"})  # RFC 9112 9.6
    check(not any(a["reused"] for a in answers), answers)
    answers = fine(ask(dir, node.url, get("/echo", times=10), max_requests=3))
    same([echo(a)["n"] for a in answers], [1, 2, 3] * 3 + [1])
    answers = fine(ask(dir, node.url, get("/echo", times=2), dict(get("/echo"), close=True), get("/echo")))
    same([echo(a)["n"] for a in answers], [1, 2, 1, 2])


# ---- what else a test says ----


@test("locust_rest: JSON in, JSON out")
def _(dir):
    node, rest = server("node"), {"expect_json": True}
    good = ['{"a": [1.5e3, "\\u00e9"]}', "null", "1", '"x"', "[]", " true\n"]
    bad = ["<p>", '{"a": 1', "", '{"a": 1} x', "nul", "{'a': 1}"]
    url = lambda body: "/type?type=application/json&body=" + urllib.parse.quote(body)
    done = ask(dir, node.url, *([get(url(b), name="good", **rest) for b in good]
                                + [get(url(b), name="bad %d" % i, **rest) for i, b in enumerate(bad)]),
               get(url("{}") + "&status=404", name="missing", **rest), post("/echo", json="[1]", **rest),
               get("/echo", **rest))
    same(set(done.failures), {("GET", n) for n in ["missing"] + ["bad %d" % i for i in range(len(bad))]})
    same([a["status"] for a in done.answers], [200] * 12 + [404, 200, 200])
    seen = echo(done.answers[-2])
    same((seen["headers"].get("accept"), seen["headers"].get("content-type"), seen["body"]),
         ("application/json", "application/json", "[1]"))
    same(echo(done.answers[-1])["headers"].get("accept"), "application/json")


@test("locust_set_header")
def _(dir):
    done = ask(dir, server("node").url, get("/echo"), get("/echo", set_header=("X-Class", "mine")),
               get("/echo", header=("x-class", "once")), get("/echo"),
               get("/echo", set_header=("X-New", "1")), get("/echo", set_header=("x-NEW", "2")),
               get("/echo", unset_header="X-New"),
               {"set_header": ("X-Bad", "a\r\nX-Worse: b")}, {"set_header": ("X Bad", "a")},
               {"set_header": ("", "a")},
               get("/echo"), header=("X-Class", "class"))
    answers = [echo(a) for a in fine(done)]
    fields = lambda a, name: [v for k, v in zip(a["raw"][::2], a["raw"][1::2]) if k.lower() == name]
    same([fields(a, "x-class") for a in answers], [["class"], ["mine"], ["once"]] + [["mine"]] * 5)
    same([fields(a, "x-new") for a in answers], [[]] * 4 + [["1"], ["2"], [], []])
    same(done.sets, [True] * 4 + [False] * 3)
    check(not any(k.startswith("x-") and k not in ("x-class",) for k in answers[-1]["headers"]), answers[-1])


@test("phases add up")
def _(dir):
    one, slow = secure(), "/node/slow?head=150&body=100"
    for url, more in ((one.url, {}), (one.tls_url, dict(options=["--cacert", one.root], features=["tls"]))):
        done = ask(dir, url, get(slow, times=2), dict(get(slow), close=True), **more)
        off, received = [], []
        for i, answer in enumerate(fine(done)):
            name, connect, tls, wait, receive = answer["phases"]
            # The proxy may pass the first half on late, but nothing comes early.
            check(wait >= 148 and wait + receive >= 248, answer)
            check(sum(answer["phases"]) < answer["ms"] + 1, answer)
            off.append(answer["ms"] - sum(answer["phases"]))
            received.append(receive)
            same((i == 1, answer["reused"]), (answer["reused"], i == 1))
            same((connect > 0, tls > 0), (i != 1, i != 1 and url == one.tls_url), answer)
        check(min(off) < 5 and max(received) >= 98, (off, received))
    answer = fine(ask(dir, "http://localhost:%d" % one.port, get("/text.txt")))[0]
    check(answer["phases"][0] > 0, "no time for the name", answer)


@test("a phase that did not happen is zero")
def _(dir):
    answers = fine(ask(dir, server("node").url, get("/echo", times=2)))
    same(answers[0]["phases"][0], 0)  # an address needs no lookup
    same(answers[0]["phases"][2], 0)
    same(answers[1]["phases"][:3], [0, 0, 0])


@test("--phases prints a table")
def _(dir):
    one, step = secure(), get("/node/slow?head=50&body=50", times=3)
    more = ["--cacert", one.root]
    plain, asked = (ask(dir, one.tls_url, step, options=more + o, features=["tls"]).r
                    for o in ([], ["--phases"]))
    rows = lambda r: {phase: int(n) for phase, n in re.findall(
        r"^GET +/node/slow\S+ +(name|connect|tls|wait|receive) +(\d+) ", r.out + r.err, re.M)}
    same(rows(plain), {})
    same(rows(asked), {"connect": 1, "tls": 1, "wait": 3, "receive": 3})


# ---- faults ----


@test("haproxy: 503, 429, tarpit, reject, silent drop")
def _(dir):
    haproxy = server("haproxy")
    codes = {28: "timed out", 52: "connection closed without a response", 56: "connection reset by peer"}
    paths = ["/nobody", "/429", "/tarpit", "/reject", "/drop", "/node/cut"]
    wants = []
    for path in paths:
        done = curl("-m", "1", "-o", dir + "/curl", "-w", "%{http_code}", haproxy.url + path, ok=False)
        wants.append((int(done.stdout) if done.returncode == 0 else 0, codes.get(done.returncode)))
    same([w[0] for w in wants[:3]], [503, 429, 500])
    wants[5] = (200, "connection closed inside the response body")
    done = ask(dir, haproxy.url, *[get(p, timeout_s=1, name=p) for p in paths], get("/text.txt", name="then"))
    same([(a["status"], a["error"]) for a in done.answers], wants + [(200, None)])
    same(set(done.failures), {("GET", p) for p in paths})
    check(300 <= done.answers[2]["ms"] < 900, "the tarpit took %s ms" % done.answers[2]["ms"])


@test("haproxy: an idle connection that it closed is not used again")
def _(dir):
    haproxy = server("haproxy")
    step = dict(sleep=0.6, method="POST", url="/node/echo?idle", form="a=1")
    answers = fine(ask(dir, haproxy.other, get("/node/echo?idle"), step, step))
    same([a["reused"] for a in answers], [False] * 3)
    same(len({line[3] for line in haproxy.log("?idle", 3)}), 3)


@test("a 408 on an idle connection is no answer to the next request")
def _(dir):
    def serve(c):
        if read_head(c):
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            time.sleep(0.1)
            c.sendall(b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    with Script(serve) as script:
        answers = fine(ask(dir, script.url, get("/"), dict(post("/"), sleep=0.5), dict(get("/"), sleep=0.5)))
    same([(a["status"], a["reused"]) for a in answers], [(200, False)] * 3)


@test("a kept connection that dies under a request: again if idempotent, else a failure")
def _(dir):
    def serve(c):
        if read_head(c):
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            read_head(c)
    with Script(serve) as script:
        done = ask(dir, script.url, get("/"), get("/"), get("/", method="PUT"), post("/", name="post"),
                   get("/"))
    same([a["status"] for a in done.answers], [200, 200, 200, 0, 200])
    same(done.failures, {("POST", "post"): "connection closed without a response"})


main(parallel=3)
