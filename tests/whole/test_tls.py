#!/usr/bin/env -S python3 -B
"""https against nginx, openssl s_server and servers that break TLS on purpose, with each mbedTLS there is:
the system's (libmbedtls-dev) and what tools/mbedtls.sh has put into build/mbedtls.

    tests/whole/test_tls.py [WORD...]    only the tests whose name contains a word, such as 3.6.6
"""
import array, errno, fcntl, os, random, ssl, struct, sys, termios, urllib.parse, zlib
from kit.lib import *
from kit import certs, nginx

SYSTEM_CA = "/etc/ssl/certs/ca-certificates.crt"
SIZE = 10 * 1000 * 1000  # of a big body
COUNTER = array.array("I", range(SIZE // 4))  # every four bytes of it differ
if sys.byteorder == "big":
    COUNTER.byteswap()
COUNTER = COUNTER.tobytes()
with socket.socket(socket.AF_INET6) if socket.has_ipv6 else contextlib.suppress(Exception) as s:
    IPV6 = s is not None and s.connect_ex(("::1", 9)) in (0, errno.ECONNREFUSED)


for name in "SSL_CERT_FILE", "SSL_CERT_DIR":
    os.environ.pop(name, None)  # they are tested here


# ---- versions of mbedTLS ----

class Version:
    """A build of mbedTLS; `number` is (3, 6, 7)."""

    def __init__(self, name, text, flags, libs):
        self.text, self.number = text, tuple(int(n) for n in text.split("."))
        self.name = "mbedTLS %s (%s)" % (text, name)
        self.flags, self.libs = flags, libs
        self.has13 = self.number >= (3,)
        # Refuses the RSA-PSS signature that it asked for in TLS 1.2: upstream issue 10668.
        self.pss_bug = self.number in ((3, 6, 6), (4, 1, 0))
        self.pairs = [12, 13] if self.has13 else [12]

    def program(self, source="tls_users.c", *more):
        return build(source, *self.flags, *more, libs=self.libs)


MBEDTLS = {}  # of build/mbedtls, {name: flags}


def versions():
    done = subprocess.run([CC, "-E", "-P", "-"], capture_output=True, text=True,
                          input="#include <mbedtls/version.h>\nMBEDTLS_VERSION_STRING\n")
    if done.returncode == 0:
        text = done.stdout.split()[-1].strip('"')
        yield Version("system", text, ("-DLOCUST_TLS",), TLS)
    done = subprocess.run(["tools/mbedtls.sh", "list"], capture_output=True, text=True)
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        name, text, *flags = line.replace(ROOT + "/", "").split()
        MBEDTLS[name] = flags
        if re.fullmatch(r"native|debian-(?!2).*|\d.*", name):  # the others are for other machines
            yield Version(name, text, ("-O0", "-DLOCUST_TLS"), tuple(flags))


VERSIONS = list(versions())  # the system's first
ASAN = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer")
if VERSIONS:
    SANITIZED = Version("system, ASan", VERSIONS[0].text, ("-O0", "-DLOCUST_TLS", *ASAN), TLS)


def versions_test(name, sanitized=False, only=None):
    """A test for each version: function(dir, version)."""
    def register(function):
        if not VERSIONS:
            @test(name)
            def _(dir):
                raise Skip("libmbedtls-dev is missing")
        for v in VERSIONS + ([SANITIZED] if sanitized and VERSIONS else []):
            if not only or only(v):
                test("%s: %s" % (v.name, name))(lambda dir, v=v: function(dir, v))
        return function
    return register


# ---- certificates and servers, made once ----

def many(n):
    return ",".join("DNS:name-%04d.example.test" % i for i in range(n))


# What nginx serves, on a port for each, TLS 1.2 and 1.3, RSA and ECDSA: how its leaf is made.
LEAVES = {
    "good": dict(san="DNS:localhost,IP:127.0.0.1,IP:::1"),
    "names": dict(san="DNS:localhost,DNS:127.0.0.1.test"),
    "wild": dict(san="DNS:*.wild.test"),
    "expired": dict(days=(-30, -1)),
    "future": dict(days=(1, 30)),
    "other": dict(san="DNS:other.test,IP:127.0.0.2", subject="localhost"),
    "self": dict(self_signed=True),
    "unknown": {},           # of a CA that nobody trusts
    "with-root": {},         # the same, and the server sends its root too
    "imposter": {},          # of a CA with the names of ours and other keys
    "alone": dict(chain=False),
    "old-middle": {},        # the intermediate has expired
    "weak": dict(key="rsa1024"),
    "sha1": dict(md="sha1"),
    "client": dict(usage="clientAuth"),
    "critical": dict(more="1.2.3.4.5=critical,ASN1:UTF8String:unknown\n"),
    "big": dict(san="DNS:localhost," + many(350)),     # 10 KB and more
    "huge": dict(san="DNS:localhost," + many(700)),    # more than one record holds
}

# name, leaf, host, what comes of it
CERTIFICATES = [
    ("good", "good", "localhost", ""),
    ("capitals", "good", "LOCALHOST", ""),
    ("address", "good", "127.0.0.1", ""),
    *([("address-v6", "good", "[::1]", "")] if IPV6 else []),
    ("address-without-san", "names", "127.0.0.1", "certificate is for another host"),
    ("wildcard", "wild", "www.wild.test", ""),
    ("wildcard-full-name", "wild", "www.wild.test.", ""),
    ("full-name-of-another", "other", "localhost.", "certificate is for another host"),
    ("wildcard-of-two", "wild", "a.b.wild.test", "certificate is for another host"),
    ("wildcard-of-none", "wild", "wild.test", "certificate is for another host"),
    ("expired", "expired", "localhost", "certificate has expired"),
    ("future", "future", "localhost", "certificate is not valid yet"),
    ("other-host", "other", "localhost", "certificate is for another host"),
    ("other-address", "other", "127.0.0.1", "certificate is for another host"),
    ("self-signed", "self", "localhost", "certificate is self-signed"),
    ("unknown-issuer", "unknown", "localhost", "certificate has an unknown issuer"),
    ("unknown-root-sent", "with-root", "localhost", "certificate has an unknown issuer"),
    ("imposter", "imposter", "localhost", "certificate has an unknown issuer"),
    ("intermediate-missing", "alone", "localhost", "certificate has an unknown issuer"),
    ("intermediate-expired", "old-middle", "localhost", "certificate has expired"),
    ("weak-key", "weak", "localhost", "certificate has a weak key or signature"),
    ("sha1", "sha1", "localhost", "certificate has a weak key or signature"),
    ("client-usage", "client", "localhost", "certificate is not meant for servers"),
    ("critical-extension", "critical", "localhost", "certificate cannot be read"),  # RFC 5280 4.2
    ("chain-10K", "big", "localhost", ""),
    ("chain-19K", "huge", "localhost", "certificate chain too large for this TLS library"),
]

HTTP = """
daemon off; master_process off; pid D/pid; error_log stderr; events { worker_connections 2048; }
http { default_type text/plain; root D/www; keepalive_requests 100000;
  client_body_temp_path D; proxy_temp_path D; fastcgi_temp_path D; uwsgi_temp_path D; scgi_temp_path D;
  log_format tls '$uri $status $body_bytes_sent $request_method $connection $connection_requests '
                 '$ssl_protocol "$ssl_session_reused" "$ssl_server_name"';
  access_log D/access.log tls;
  ssl_ciphers DEFAULT:@SECLEVEL=0;
"""
ECHO = ('"$ssl_protocol $ssl_cipher alpn=$ssl_alpn_protocol name=$ssl_server_name '
        'client=$ssl_client_verify,$ssl_client_s_dn scheme=$scheme\\n"')


class Nginx(nginx.Process):
    """nginx with these servers: {name: lines of its configuration}, PORT in them is of its own."""

    def __init__(self, dir, servers):
        self.servers = servers
        super().__init__(dir, servers)

    def text(self):
        text = HTTP + "".join("server { %s }\n" % lines.replace("PORT", str(self.port[name]))
                              for name, lines in self.servers.items()) + "}\n"
        for name, port in self.port.items():
            text = text.replace("<%s>" % (name,), str(port))
        return text.replace("D/", self.dir + "/").replace("_path D", "_path " + self.dir)

    def log(self, path, n):
        """The n lines of requests for a path: lists of fields. nginx writes them after its answers."""
        def lines():
            with open(self.dir + "/access.log") as f:
                return [line.split() for line in f if line.split()[0] == path]
        with contextlib.suppress(AssertionError):
            until(lambda: len(lines()) >= n, 5, "")
        same(len(lines()), n, "lines of nginx's log for " + path)
        return lines()


class SServer:
    """openssl s_server on a port of its own; it serves one connection after the other."""

    def __init__(self, dir, *args, leaf=None):
        leaf = leaf or world().leaf["good", "ec"]
        self.out = tempfile.NamedTemporaryFile(dir=dir, prefix="s_server.", delete=False)
        self.p = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", leaf.cert, "-key", leaf.key,
             "-cert_chain", leaf.chain, "-www", *args],
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out)
        try:
            self.port = int(until(self.accepts, 10, "openssl s_server " + " ".join(args)).group(1))
        except AssertionError as why:
            self.__exit__()
            raise AssertionError("%s\n%s" % (why, self.text()))

    def text(self):
        with open(self.out.name, errors="replace") as f:
            return f.read()

    def accepts(self):
        return re.search(r"ACCEPT 127.0.0.1:(\d+)", self.text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()
        self.out.close()


class World:
    """The certificates, and the nginx that shows them all."""

    def __init__(self, dir):
        self.dir, self.leaf = dir, {}
        for package, program in ("nginx-light", nginx.PROGRAM), ("openssl", shutil.which("openssl")):
            if not program:
                raise Skip(package + " is missing")
        os.makedirs(dir)
        self.other = certs.Pki(dir + "/other", "ec", "Other")
        for kind in "rsa", "ec":
            ours = certs.Pki("%s/%s" % (dir, kind), kind)
            strangers = {"unknown": certs.Pki("%s/unknown-%s" % (dir, kind), kind, "Unknown"),
                         "imposter": certs.Pki("%s/imposter-%s" % (dir, kind), kind)}
            strangers["with-root"] = strangers["unknown"]
            old = ours.intermediate("old", "Test Old Intermediate", days=(-30, -1))
            setattr(self, kind, ours)
            for name, how in LEAVES.items():
                if name == "weak" and kind == "ec":
                    continue
                if name == "old-middle":
                    how = dict(how, issuer=old)
                leaf = strangers.get(name, ours).leaf(name, **how)
                if name == "with-root":
                    certs.join(leaf.chain + ".root", leaf.chain, strangers[name].root)
                    leaf.chain += ".root"
                self.leaf[name, kind] = leaf
        self.ca = certs.join(dir + "/ca.pem", self.rsa.root, self.ec.root)
        self.ann = self.rsa.leaf("ann", san=None, usage="clientAuth", key="rsa")
        self.bob = self.ec.leaf("bob", san=None, usage="clientAuth")
        self.late = self.ec.leaf("late", san=None, usage="clientAuth", days=(-30, -1))
        self.eve = self.other.leaf("eve", san=None, usage="clientAuth")
        for who in self.ann, self.bob:
            who.both = certs.join(who.cert + ".both", who.chain, who.key)
        self.nginx = Nginx(dir + "/nginx", dict(self.servers()))
        with open(dir + "/nginx/www/big", "wb") as f:
            f.write(COUNTER)

    def servers(self):
        def one(leaf, versions, more=""):
            return ("listen 127.0.0.1:PORT ssl; %s ssl_certificate %s; "
                    "ssl_certificate_key %s; ssl_protocols %s; location / { return 200 %s; } %s" % (
                        "listen [::1]:PORT ssl;" if IPV6 else "", leaf.chain, leaf.key, versions, ECHO, more))
        tls = {12: "TLSv1.2", 13: "TLSv1.3", 0: "TLSv1.2 TLSv1.3"}
        for (name, kind), leaf in self.leaf.items():
            for v in 12, 13:
                yield (name, kind, v), one(leaf, tls[v])
        good = self.leaf["good", "ec"]
        for v in 12, 13:
            yield ("clients", v), one(good, tls[v], "ssl_verify_client on; ssl_client_certificate %s; "
                                                    "ssl_verify_depth 3;" % self.ca)
            yield ("tickets", v), one(good, tls[v])
            yield ("cache", v), one(good, tls[v], "ssl_session_tickets off; "
                                                  "ssl_session_cache shared:c%d:1m;" % v)
        yield "rejects", "listen 127.0.0.1:PORT ssl; ssl_reject_handshake on;"
        yield "http", ("listen 127.0.0.1:PORT; location / { return 200 %s; } "
                       "location = /up { return 301 https://localhost:<both>/end; }" % ECHO)
        yield "both", one(self.leaf["good", "rsa"], tls[0],
                          "location = /big {} location = /load { return 200 load; } "
                          "location = /down { return 301 http://localhost:<http>/end; }")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.nginx.stop()


stack, _world, _world_lock = contextlib.ExitStack(), [], threading.RLock()


def world():
    with _world_lock:
        if not _world:
            try:
                _world.append(stack.enter_context(World(OUT + "/world")))
            except Exception as why:
                _world.append(why)
        if isinstance(_world[0], Exception):
            raise _world[0]
        return _world[0]


def url(host, *name):
    return "https://%s:%d" % (host, world().nginx.port[name if len(name) > 1 else name[0]])


# ---- running the program ----

class Answer:
    def __init__(self, line):
        self.line = line
        self.name, user, i, self.error, status, reused, length, crc, self.url, self.body = line.split("|", 9)
        self.user, self.i, self.status, self.reused = int(user), int(i), int(status), reused == "1"
        self.length, self.crc = int(length), int(crc, 16)


def answers(dir, v, plan, *args, env=None, program=None, before=(), ca=True, meanwhile=None):
    """Runs a plan (see tls_users.c): {name: [its answers]}, and the result beside it as ["run"]."""
    dir = tempfile.mkdtemp(dir=dir)
    lines, resolve, users = [], set(), 0
    for line in plan:
        line = dict({"ca": world().ca} if ca else {}, **line)
        line = {k: x for k, x in line.items() if x is not None}
        line.setdefault("get", "/")
        users += line.get("users", 1)
        lines.append(" ".join("%s=%s" % (k, one) for k, x in line.items()
                              for one in (x if isinstance(x, list) else [x])))
        at = urllib.parse.urlsplit(line["host"])
        if at.hostname.rstrip(".").endswith(".test"):
            resolve.add("%s:%d:127.0.0.1" % (at.hostname, at.port))
    with open(dir + "/plan", "w") as f:
        f.write("\n".join(lines) + "\n")
    argv = [*before, program or v.program(), "--headless", "-u", str(users), "-r", "1000", "--only-summary",
            "--csv", "c", *args]
    if resolve:
        argv += ["--resolve", " ".join(sorted(resolve))]
    with Program(dir, argv, env={"PLAN": dir + "/plan", **(env or {})}) as p:
        if meanwhile:
            meanwhile(p)
        r = p.wait(50)
    found = {"run": r, "dir": dir}
    for line in r.out.splitlines():
        if line.count("|") >= 9:
            answer = Answer(line)
            found.setdefault(answer.name, []).append(answer)
    return found


def judge(dir, v, rows, *args, **how):
    """Runs rows of (name, sentence, fields of the plan, text that must be in the body); the answers.
    The sentence "" means: status 200. A number is a status. With a sentence there is no status, but for
    (status, sentence): of an answer that was cut."""
    rows = [row + (None,) * (4 - len(row)) for row in rows]
    got = answers(dir, v, [dict({"name": name}, **fields) for name, _, fields, _ in rows], *args, **how)
    r = got["run"]
    check("Sanitizer" not in r.err and "runtime error" not in r.err, r)
    check(r.rc == int(any(want for _, want, _, _ in rows)), "exit code", r)
    lacking = [name for name, *_ in rows if name not in got]
    check(not lacking, "no answer: ", lacking, r)

    def row(name, want, fields, body):
        for a in got[name]:
            if isinstance(want, tuple):
                same((a.status, a.error), want, a.line)
            elif want and isinstance(want, str):
                same((a.error, a.status), (want, 0), a.line)
            else:
                same((a.error, a.status), ("", want or 200), a.line)
                check(body is None or body in a.body, "body lacks " + str(body), a.line)
    each(rows, row)

    # The failures table has the same sentences.
    failures = {f["Name"]: f["Error"] for f in read_csv(got["dir"] + "/c", "failures")}
    same({k: x for k, x in failures.items() if isinstance(dict((n, w) for n, w, _, _ in rows)[k], str)},
         {name: want for name, want, _, _ in rows if want and isinstance(want, str)})
    return got


def one_sentence(r, *words):
    """The run did not begin (or was ended) with one sentence, which has these words in it."""
    check(r.rc is not None and r.rc > 0, "exit code", r)
    said = [text for level, _, text in r.log() if level in ("ERROR", "CRITICAL")]
    said += [line for line in r.err.splitlines() if line and not LOG.match(line)]
    tables = r"(Type|-+\||GET|PUT| +Aggregated|Response time|Error report|# occ|generator: |run: )"
    said = [s for s in said if not re.match(tables, s)]
    check(len(said) == 1, "%d sentences in place of one" % len(said), r)
    for word in words:
        check(word in said[0], "the sentence lacks: " + word, said[0])
    return said[0]


# ---- certificates ----

@versions_test("certificates, each with RSA and ECDSA", sanitized=True)
def _(dir, v):
    for tls in v.pairs:
        rows = []
        for name, leaf, host, want in CERTIFICATES:
            for kind in "rsa", "ec":
                if (leaf, kind) in world().leaf:
                    body = "TLSv1.%d " % (tls - 10)
                    rows.append(("%s-%s" % (name, kind), want, {"host": url(host, leaf, kind, tls)}, body))
        judge(dir, v, rows)


@versions_test(".insecure and --insecure accept them all, but for what cannot be read", sanitized=True)
def _(dir, v):
    rows = []
    for name, leaf, host, want in CERTIFICATES:
        for i, tls in enumerate(v.pairs):
            kind = "ec" if (i + len(rows)) % 2 and leaf != "weak" else "rsa"
            rows.append(("%s-%d" % (name, tls), want if leaf in ("huge", "critical") else "",
                         {"host": url(host, leaf, kind, tls)}))
    judge(dir, v, [(name, want, dict(f, insecure=1)) for name, want, f in rows], ca=False)
    judge(dir, v, rows, "--insecure")


@versions_test("the name is sent to the server, an address is not; http/1.1 is offered")
def _(dir, v):
    for tls in v.pairs:
        def row(name, host, sent, leaf="good", **more):
            return (name, "", dict(host=url(host, leaf, "ec", tls), **more),
                    " alpn=http/1.1 name=%s client" % sent)
        judge(dir, v, [row("name", "localhost", "localhost"),
                       row("wild", "www.wild.test", "www.wild.test", "wild"),
                       # a full name's dot is for DNS alone (RFC 6066 3); Host keeps it, as curl's does
                       row("full", "localhost.", "localhost"),
                       row("full-wild", "www.wild.test.", "www.wild.test", "wild"),
                       row("v4", "127.0.0.1", ""), row("v6", "[::1]" if IPV6 else "127.0.0.1", ""),
                       row("insecure-v4", "127.0.0.1", "", insecure=1),
                       row("insecure", "localhost", "localhost", "expired", insecure=1)])


@versions_test("what one class trusts, another does not")
def _(dir, v):
    """Both orders, kept sessions, and a class that does not verify, all at one server."""
    for tls in v.pairs:
        host = {"host": url("localhost", "good", "ec", tls), "times": 2, "close": 1}
        other, unknown = {"ca": world().other.root}, "certificate has an unknown issuer"
        judge(dir, v, [
            ("a", "", host),
            ("b", unknown, dict(host, after="a", **other)),
            ("a2", "", dict(host, after="b")),
            ("insecure", "", dict(host, insecure=1, after="a2")),
            ("b2", unknown, dict(host, after="insecure", **other)),
            ("system", unknown, dict(host, ca=None, after="insecure"))]
            [:6 if os.path.exists(SYSTEM_CA) else 5], ca=True)


# ---- versions, ciphers, names, ALPN: what a handshake can fail at ----

VERSION_13 = "no TLS version in common: the server wants TLS 1.3, which this mbedTLS lacks: 3.6 has it"
VERSION, CIPHER = "no TLS version in common", "no TLS cipher or curve in common"
RSA_128 = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
EC_256 = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"


@versions_test("--tls-min, --tls-max, --ciphers")
def _(dir, v):
    both, old, new = url("localhost", "both"), url("localhost", "good", "ec", 12), url(
        "localhost", "good", "ec", 13)
    newest = "TLSv1.3 " if v.has13 else "TLSv1.2 "
    rows = [
        ((), both, "", newest),
        (("--tls-max", "1.2"), both, "", "TLSv1.2 "),
        (("--tls-max", "1.2"), new, VERSION if v.has13 else VERSION_13),
        (("--tls-min", "1.2", "--tls-max", "1.2"), old, "", "TLSv1.2 "),
        (("--ciphers", RSA_128), old, CIPHER),
        (("--ciphers", RSA_128 + ":" + EC_256), old, "", "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384 "),
        (("--ciphers", EC_256 + ":" + RSA_128, "--tls-max", "1.2"), both, "",
         "TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 "),
    ]
    # nginx takes the client's first choice: AES-128-GCM where the processor has instructions for AES.
    with open("/proc/cpuinfo") as f:
        if re.search(r"^(flags|Features)\b.*\baes\b", f.read(), re.M):
            rows += [((), old, "", "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256 ")]
            rows += [((), new, "", "TLSv1.3 TLS_AES_128_GCM_SHA256 ")] * v.has13
    if v.has13:
        rows += [
            (("--tls-min", "1.3"), old, VERSION),
            (("--tls-min", "1.3"), both, "", "TLSv1.3 "),
            (("--ciphers", "TLS_CHACHA20_POLY1305_SHA256"), new, "", "TLSv1.3 TLS_CHACHA20_POLY1305_SHA256 "),
            (("--ciphers", "TLS_AES_256_GCM_SHA384:" + EC_256), new, "", "TLSv1.3 TLS_AES_256_GCM_SHA384 "),
        ]
    else:
        rows += [((), new, VERSION_13)]
    with SServer(dir, "-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256") as server:
        if v.has13:
            chacha = "https://localhost:%d" % server.port
            rows += [(("--ciphers", "TLS_AES_128_GCM_SHA256"), chacha, CIPHER), ((), chacha, "")]
        each(rows, lambda args, at, want, body=None: judge(dir, v, [("x", want, {"host": at}, body)], *args))


@versions_test("servers with other versions, ciphers, curves, names and protocols")
def _(dir, v):
    weak = "DEFAULT:@SECLEVEL=0"
    other = world().leaf["other", "ec"]
    rows = [  # sentence, s_server's options
        ("tls1", VERSION, ("-tls1", "-cipher", weak)),
        ("tls1_1", VERSION, ("-tls1_1", "-cipher", weak)),
        ("anonymous", CIPHER, ("-tls1_2", "-cipher", "AECDH-AES256-SHA:@SECLEVEL=0")),
        ("x448-12", CIPHER, ("-tls1_2", "-groups", "X448")),
        ("p521-12", "", ("-tls1_2", "-groups", "P-521")),
        ("x25519-12", "", ("-tls1_2", "-groups", "X25519")),
        ("h2", "server does not speak http/1.1 over TLS", ("-alpn", "h2")),
        ("h2-and-1.1", "", ("-alpn", "h2,http/1.1")),
        ("name", "server has no certificate for this host name",
         ("-servername", "other.test", "-servername_fatal", "-cert2", other.cert, "-key2", other.key)),
    ]
    if v.has13:
        rows += [
            ("x448-13", CIPHER, ("-tls1_3", "-groups", "X448")),
            ("p521-13", "", ("-tls1_3", "-groups", "P-521")),  # by a HelloRetryRequest
        ]
    with contextlib.ExitStack() as servers:
        judge(dir, v, [(name, want, {"host": "https://localhost:%d" % servers.enter_context(
            SServer(dir, *options)).port}) for name, want, options in rows]
            + [("reject", "server has no certificate for this host name",
                {"host": url("localhost", "rejects")})])


@versions_test("RSA certificate and TLS 1.2 alone: a library that refuses RSA-PSS connects once more")
def _(dir, v):
    with Broken(12, answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), kind="rsa") as server:
        judge(dir, v, [("x", "", {"host": server.url, "times": 3, "close": 1}, "ok")])
        n = len(server.connections)
    check(n == 3 or v.pss_bug and n == 4, "%d connections for three requests" % n)
    rows = [("many", "", {"host": url("localhost", "good", "rsa", 12), "users": 10}, "TLSv1.2 "),
            ("expired", "certificate has expired", {"host": url("localhost", "expired", "rsa", 12)})]
    if v.has13:  # another port is another server
        rows.append(("newer", "", {"host": url("localhost", "good", "rsa", 13), "after": "many"}, "TLSv1.3 "))
    judge(dir, v, rows)


# ---- servers that break the protocol ----

class Tls:
    """The server's side of a connection, by hand: records can be changed before they are sent."""

    def __init__(self, c, context):
        self.c, self.incoming, self.outgoing = c, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        c.settimeout(20)
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def step(self, function, *args, send=None):
        while True:
            try:
                return function(*args)
            except ssl.SSLWantReadError:
                self.flush(send)
                more = self.c.recv(1 << 16)
                if not more:
                    raise OSError("the client closed")
                self.incoming.write(more)

    def flush(self, send=None):
        if self.outgoing.pending:
            (send or self.c.sendall)(self.outgoing.read())

    def handshake(self, send=None):
        self.step(self.ssl.do_handshake, send=send)
        self.flush(send)

    def head(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.step(self.ssl.read, 4096) or self.gone()
        return data

    def gone(self):
        raise OSError("the client ended TLS")

    def records(self, data):
        """The records of this data, to send."""
        self.ssl.write(data)
        return self.outgoing.read()

    def write(self, data):
        self.c.sendall(self.records(data))

    def close_notify(self):
        with contextlib.suppress(ssl.SSLWantReadError):
            self.ssl.unwrap()
        self.flush()

    def drip(self, data):
        for i in range(len(data)):
            self.c.sendall(data[i:i + 1])


def end(c):
    """A FIN, which reset by unread bytes shall not follow."""
    c.shutdown(socket.SHUT_WR)
    c.settimeout(5)
    with contextlib.suppress(OSError):
        while c.recv(1 << 16):
            pass


def context(tls, kind):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = made.maximum_version = (
        ssl.TLSVersion.TLSv1_2 if tls == 12 else ssl.TLSVersion.TLSv1_3)
    leaf = world().leaf["good", kind]
    made.load_cert_chain(leaf.chain, leaf.key)
    return made


class Broken(Script):
    """A TLS server: serve(tls) follows the handshake, or is handed the connection before it."""

    def __init__(self, tls, serve, kind="ec", handshake=True):
        made = context(tls, kind)

        def one(c):
            with contextlib.suppress(ssl.SSLError):
                t = Tls(c, made)
                if handshake:
                    t.handshake()
                serve(t)
        super().__init__(one)
        self.url = "https://localhost:%d" % self.port


def client_hello(c):
    c.settimeout(20)
    head = c.recv(5, socket.MSG_WAITALL)
    return head + c.recv(struct.unpack(">H", head[3:5])[0], socket.MSG_WAITALL)


def says(data):
    """Reads the ClientHello, says something, closes."""
    def serve(c):
        client_hello(c)
        c.sendall(data)
        end(c)
    return serve


def alert(number):
    return says(bytes([21, 3, 3, 0, 2, 2, number]))


def resets(c):
    client_hello(c)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def resets_in_body(t):
    t.head()
    t.write(LENGTH + b"01234")
    t.c.settimeout(20)
    t.c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def banner(c):
    c.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
    end(c)


CLOSED, ALERT = "connection closed inside the TLS handshake", "server ended TLS with a fatal alert"
NO_TLS = "server does not speak TLS on this port"

# Instead of a handshake, by a plain socket.
RAW = [
    ("plain-http", "server speaks plain HTTP on this port: use http://",
     says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")),
    ("ssh", NO_TLS, banner),
    ("smtp", NO_TLS, says(b"220 mail.example.test ESMTP Postfix\r\n")),
    ("zeros", NO_TLS, says(bytes(100))),
    ("closed", CLOSED, says(b"")),
    ("closed-in-record", CLOSED, says(b"\x16\x03\x03\x00\x7a\x02\x00")),
    ("reset", "connection reset by peer", resets),
    ("alert-internal-error", ALERT, alert(80)),
    ("alert-illegal-parameter", ALERT, alert(47)),
    ("alert-handshake-failure", CIPHER, alert(40)),
    ("alert-unrecognized-name", "server has no certificate for this host name", alert(112)),
    ("alert-no-application-protocol", "server does not speak http/1.1 over TLS", alert(120)),
]


@versions_test("servers that speak no TLS, or end it at once", sanitized=True)
def _(dir, v):
    with contextlib.ExitStack() as servers:
        at = [(name, want, servers.enter_context(Script(serve)).port) for name, want, serve in RAW]
        # To one who offers TLS 1.2 alone this says that only a newer one will do.
        at.append(("alert-protocol-version", VERSION if v.has13 else VERSION_13,
                   servers.enter_context(Script(alert(70))).port))
        at.append(("nginx-http", "server speaks plain HTTP on this port: use http://",
                   world().nginx.port["http"]))
        judge(dir, v, [(name, want, {"host": "https://localhost:%d" % port}) for name, want, port in at]
              # To curl, too, the handshake belongs to connecting (--connect-timeout).
              + [("silent", "connect timed out", {"timeout": 0.3, "host": servers.enter_context(
                  Script(lambda c: c.recv(1 << 16, socket.MSG_WAITALL))).url.replace("http:", "https:")})])


@test("http:// to a TLS port")
def _(dir):
    program = VERSIONS[0].program() if VERSIONS else build("tls_users.c", "-O0")

    def java(c):  # and others that do not know better
        read_head(c)
        c.sendall(bytes([21, 3, 1, 0, 2, 2, 70]))
        end(c)
    with Script(java) as server, SServer(dir) as s_server:
        judge(dir, None, [
            ("alert", "the server speaks TLS on this port: use https://", {"host": server.url}),
            ("nginx", 400, {"host": url("localhost", "both").replace("https:", "http:")}),
            ("openssl", "connection closed without a response",
             {"host": "http://localhost:%d" % s_server.port})], program=program)


LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
TO_END = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CUT, TLS_CUT = "connection closed inside the response body", \
    "connection closed without close_notify: the body may be cut"
NONE, HEAD_CUT = "connection closed without a response", "connection closed inside the response header"
RECORD = "corrupted TLS record"


def answer(data, notify=False):
    def serve(t):
        t.head()
        if data:
            t.write(data)
        if notify:
            t.close_notify()
        end(t.c)
    return serve


def altered(data, at=-1):
    return data[:at] + bytes([data[at] ^ 1]) + (data[at + 1:] if at != -1 else b"")


def corrupts_answer(t):
    t.head()
    t.c.sendall(altered(t.records(LENGTH + b"0123456789")))
    end(t.c)


def corrupts_second_record(t):
    t.head()
    t.write(LENGTH + b"01234")
    t.c.sendall(altered(t.records(b"56789")))
    end(t.c)


def corrupts_handshake(t):
    """The last record of the server's last flight, which is the first encrypted one."""
    def send(data):
        t.c.sendall(altered(data) if b"\x14\x03\x03\x00\x01\x01" in data else data)
    t.handshake(send)
    end(t.c)


def forges_signature(t):
    """The last byte of ServerKeyExchange, before an empty ServerHelloDone, ends the signature."""
    def send(data):
        done = b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00"
        t.c.sendall(altered(data, len(data) - len(done) - 1) if data.endswith(done) else data)
    t.handshake(send)
    answer(LENGTH + b"0123456789")(t)


def closes_in_flight(t):
    def send(data):
        t.c.sendall(data[:len(data) * 2 // 3])
        end(t.c)
        raise OSError
    t.handshake(send)


def drips(t):
    t.handshake(t.drip)
    t.head()
    t.drip(t.records(LENGTH + b"0123456789"))
    end(t.c)


def record_each(t):
    t.head()
    data = LENGTH + b"0123456789"
    t.c.sendall(b"".join(t.records(data[i:i + 1]) for i in range(len(data))))
    end(t.c)


# name, sentence, what follows the handshake (or makes it), body
BROKEN = [
    ("length-then-fin", "", answer(LENGTH + b"0123456789"), "0123456789"),
    ("length-cut", (200, CUT), answer(LENGTH + b"01234"), None),
    ("length-cut-notified", (200, CUT), answer(LENGTH + b"01234", True), None),
    ("to-end-notified", "", answer(TO_END + b"0123456789", True), "0123456789"),
    ("to-end-cut", (200, TLS_CUT), answer(TO_END + b"0123456789"), None),
    ("chunks-then-fin", "", answer(CHUNKED + b"a\r\n0123456789\r\n0\r\n\r\n"), "0123456789"),
    ("chunks-cut", (200, CUT), answer(CHUNKED + b"a\r\n01234"), None),
    ("chunks-cut-between", (200, CUT), answer(CHUNKED + b"a\r\n0123456789\r\n"), None),
    ("chunks-cut-notified", (200, CUT), answer(CHUNKED + b"a\r\n0123456789\r\n", True), None),
    ("head-cut", HEAD_CUT, answer(LENGTH[:-4]), None),
    ("head-cut-notified", HEAD_CUT, answer(LENGTH[:-4], True), None),
    ("no-answer", NONE, answer(b""), None),
    ("no-answer-notified", NONE, answer(b"", True), None),
    ("body-reset", (200, "connection reset inside the response body"), resets_in_body, None),
    ("ssh-inside", "not an HTTP/1.x response", answer(b"SSH-2.0-OpenSSH_9.2p1\r\n", True), None),
    ("corrupted", RECORD, corrupts_answer, None),
    ("corrupted-second", (200, RECORD), corrupts_second_record, None),
    ("record-each-byte", "", record_each, "0123456789"),
    ("corrupted-handshake", RECORD, corrupts_handshake, None),
    ("closed-in-flight", CLOSED, closes_in_flight, None),
    ("dripped", "", drips, "0123456789"),
]
OWN_HANDSHAKE = (corrupts_handshake, closes_in_flight, drips, forges_signature)


@versions_test("closed, cut, corrupted and dripped", sanitized=True)
def _(dir, v):
    with contextlib.ExitStack() as servers:
        rows = []
        for tls in v.pairs:
            for name, want, serve, body in BROKEN + ([
                    ("forged", "TLS handshake failed", forges_signature, None)] if tls == 12 else []):
                server = servers.enter_context(Broken(tls, serve, handshake=serve not in OWN_HANDSHAKE))
                rows.append(("%s-%d" % (name, tls), want, {"host": server.url}, body))
        judge(dir, v, rows)


@versions_test("a connection that the test closes ends with close_notify, RFC 8446 6.1")
def _(dir, v):
    for tls in v.pairs:
        ends = []

        def serve(t):
            t.head()
            t.write(LENGTH + b"0123456789")
            try:
                ends.append(t.step(t.ssl.read, 100))
            except OSError as why:
                ends.append(why)
        with Broken(tls, serve) as server:
            judge(dir, v, [("x", "", {"host": server.url, "times": 3, "close": 1}, "0123456789")])
            until(lambda: len(ends) == 3, 5, "three closed connections")
        same(ends, 3 * [b""], "b'' is what close_notify reads as")


@versions_test("a test that ends in the middle of handshakes", sanitized=True, only=lambda v: not v.libs[3:])
def _(dir, v):
    def begins(t):
        t.handshake(lambda data: t.c.sendall(data[:len(data) // 2]))
    silent = Script(lambda c: c.recv(1 << 16, socket.MSG_WAITALL))
    with silent, Broken(12, begins, handshake=False) as half:
        plan = [{"name": "silent", "host": silent.url.replace("http:", "https:"), "users": 10},
                {"name": "half", "host": half.url, "users": 10}]
        r = answers(dir, v, plan, "-t", "2", "--max-handshakes", "15")["run"]
    check(r.rc == 1 and r.seconds < 6 and "Sanitizer" not in r.err and "|" not in r.out, r)
    r.says("run: 20 of 20 users never got an answer")


# ---- client certificates ----

@versions_test("client certificates", sanitized=True)
def _(dir, v):
    w = world()
    ann, bob, eve = {"cert": w.ann.chain, "key": w.ann.key}, {"cert": w.bob.chain, "key": w.bob.key}, {
        "cert": w.eve.chain, "key": w.eve.key}
    for tls in v.pairs:
        host = {"host": url("localhost", "clients", tls)}
        own = {"set_cert": w.bob.chain, "set_key": w.bob.key}
        got = judge(dir, v, [
            ("none", 400, host),
            ("class", "", dict(host, **ann), "client=SUCCESS,CN=ann "),
            ("class-ec", "", dict(host, **bob), "client=SUCCESS,CN=bob "),
            ("one-file", "", dict(host, cert=w.ann.both), "client=SUCCESS,CN=ann "),
            ("one-file-ec", "", dict(host, cert=w.bob.both), "client=SUCCESS,CN=bob "),
            ("own", "", dict(host, **own), "client=SUCCESS,CN=bob "),
            ("own-before-class", "", dict(host, **ann, **own), "client=SUCCESS,CN=bob "),
            ("own-one-file", "", dict(host, set_cert=w.ann.both), "client=SUCCESS,CN=ann "),
            ("changed", "", dict(host, set_cert=w.ann.both, then_cert=w.bob.both, times=3, close=1)),
            ("own-of-two", "", dict(host, **own, users=2, times=2, close=1), "client=SUCCESS,CN=bob "),
            ("eve", 400, dict(host, **eve)),
            ("not-asked", "", dict(host=url("localhost", "good", "ec", tls), **ann), "client=NONE,")])
        same([re.search(r"CN=(\w+)", a.body)[1] for a in got["changed"]], ["ann", "bob", "bob"])
        for args, who in ((("--cert", w.ann.chain, "--key", w.ann.key), "ann"),
                          (("--cert", w.bob.both), "bob")):
            judge(dir, v, [("option", "", host, "client=SUCCESS,CN=%s " % who),
                           ("not-the-class's", "", dict(host, **eve), "client=SUCCESS,CN=%s " % who)], *args)


@versions_test("servers that insist on a client certificate", sanitized=True)
def _(dir, v):
    w = world()
    for tls in v.pairs:
        with SServer(dir, "-Verify", "3", "-verify_return_error", "-CAfile", w.ca,
                     "-tls1_%d" % (tls - 10)) as server:
            host = {"host": "https://localhost:%d" % server.port}
            refused = "server refused the client certificate"
            judge(dir, v, [
                ("none", "server wants a client certificate", host),
                ("right", "", dict(host, cert=w.ann.chain, key=w.ann.key)),
                ("right-ec", "", dict(host, cert=w.bob.chain, key=w.bob.key)),
                ("other-ca", refused, dict(host, cert=w.eve.chain, key=w.eve.key)),
                ("expired", refused, dict(host, cert=w.late.chain, key=w.late.key))])


def unsent(c):
    """Bytes that the other end has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(c, termios.TIOCOUTQ, bytes(4)))[0]


def ended_by_reset(version, ask_for_cert, say):
    """A server that says something, an alert or say(connection), and ends with an RST, whatever the client is
    sending meanwhile: HAProxy, Apache and Go end so where they want a certificate, others behind a 413."""
    leaf = world().leaf["good", "ec"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.chain, leaf.key)
    context.minimum_version = context.maximum_version = version
    if ask_for_cert:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(world().ca)

    def serve(c):
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.settimeout(20)
        raw = c.dup()
        with contextlib.suppress(OSError):
            tls = context.wrap_socket(c, server_side=True)
            say(tls)
            tls.close()  # without a word
        c.close()
        raw.recv(1)  # until the client is sending
        until(lambda: not unsent(raw), 20, "the client's system has it")  # a reset takes back what it has not
        raw.close()
    return Script(serve)


@versions_test("an early answer, then a reset, while a body is sent: tickets do not hide it", sanitized=True)
def _(dir, v):
    def say(c):
        read_head(c)
        c.sendall(b"HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nok")
    for tls in v.pairs:
        with ended_by_reset(ssl.TLSVersion(0x0301 + tls - 10), False, say) as server:
            judge(dir, v, [("put", 413, dict(host="https://localhost:%d" % server.port, put="/", get=[],
                                             bytes=16 << 20, times=5), "ok")])


@versions_test("a client certificate is wanted: a write that fails does not hide the alert", sanitized=True)
def _(dir, v):
    for tls in v.pairs:
        with ended_by_reset(ssl.TLSVersion(0x0301 + tls - 10), True, lambda c: None) as server:
            host = dict(host="https://localhost:%d" % server.port, times=5)
            judge(dir, v, [("get", "server wants a client certificate", host),
                           ("put", "server wants a client certificate", dict(host, put="/", get=[], bytes=16 << 20)),
                           ("wrong", "server refused the client certificate",
                            dict(host, cert=world().eve.chain, key=world().eve.key, put="/", get=[], bytes=16 << 20))])


# ---- where trust comes from ----

@versions_test("--cacert, SSL_CERT_FILE, SSL_CERT_DIR, and what goes first")
def _(dir, v):
    w, unknown = world(), "certificate has an unknown issuer"
    host = {"host": url("localhost", "good", "ec", 12)}
    system = w.dir + "/empty"

    def bundle(name, *parts):
        with open(dir + "/" + name, "wb") as f:
            for part in parts:
                f.write(part if isinstance(part, bytes) else open(part, "rb").read())
        return dir + "/" + name

    pem = open(w.ec.root, "rb").read()
    broken = pem.replace(b"-----BEGIN CERTIFICATE-----\nMII", b"-----BEGIN CERTIFICATE-----\nAAA")
    hashed = certs.hashed(dir + "/hashed", w.other.root, w.ec.root)
    only = certs.hashed(dir + "/only", w.ec.root)
    own = w.leaf["self", "ec"].cert
    rows = [
        ("", ("--cacert", w.ca)),
        ("", ("--cacert", bundle("crlf", pem.replace(b"\n", b"\r\n")))),
        ("", ("--cacert", bundle("text", b"# our root\n", pem, b"trailing text"))),
        ("", ("--cacert", bundle("no-newline", pem.rstrip()))),
        ("", ("--cacert", bundle("one-bad", broken, w.other.root, pem))),
        ("", ("--cacert", w.ec.middle[0])),  # as curl does
        (unknown, ("--cacert", w.other.root)),
        ("", (), {"SSL_CERT_FILE": w.ca}),
        (unknown, (), {"SSL_CERT_FILE": w.other.root}),
        ("", (), {"SSL_CERT_DIR": hashed}),
        (unknown, (), {"SSL_CERT_DIR": certs.hashed(dir + "/others", w.other.root)}),
        # a list, as in OpenSSL (X509_LOOKUP_hash_dir(3)); what is not there or empty counts for nothing
        ("", (), {"SSL_CERT_DIR": dir + "/others:" + only}),
        ("", (), {"SSL_CERT_DIR": only + ":" + dir + "/others"}),
        ("", (), {"SSL_CERT_DIR": ":%s/missing::%s:" % (dir, only)}),
        (unknown, (), {"SSL_CERT_DIR": "%s/missing:%s/others" % (dir, dir)}),
        (unknown, ("--cacert", w.other.root), {"SSL_CERT_FILE": w.ca}),
        ("", ("--cacert", w.ca), {"SSL_CERT_FILE": w.other.root}),
    ]
    if os.path.exists(SYSTEM_CA):
        rows += [("", ("--cacert", bundle("bundle", SYSTEM_CA, pem))), (unknown, ())]

    def one(want, args, env=None):
        judge(dir, v, [("x", want, host)], *args, env=env, ca=False)
    each(rows, one)
    judge(dir, v, [("self-signed", "", {"host": url("localhost", "self", "ec", 12)})], "--cacert", own,
          ca=False)
    judge(dir, v, [("class", "", dict(host, ca=w.ca)),  # a class's file goes before the environment's
                   ("environment", unknown, host)], env={"SSL_CERT_FILE": w.other.root}, ca=False)
    judge(dir, v, [("class", unknown, dict(host, ca=w.ca))], "--cacert", w.other.root, ca=False)


@versions_test("files that cannot be read: one sentence, and no test")
def _(dir, v):
    w = world()

    def written(name, data):
        with open(dir + "/" + name, "wb") as f:
            f.write(data)
        return dir + "/" + name

    pem, key = open(w.ec.root, "rb").read(), open(w.ann.key, "rb").read()
    missing, empty = dir + "/missing.pem", written("empty.pem", b"")
    garbage = written("garbage.pem", bytes(range(256)) * 9)
    cut = written("cut.pem", pem[:len(pem) // 2])
    host = {"host": url("localhost", "good", "ec", 12), "ca": w.ca}
    rows = []
    for name in missing, empty, garbage, cut, w.ann.key, dir:
        rows += [({"ca": name}, (), name), ({}, ("--cacert", name), name)]
    for cert, key, name in [(name, w.ann.key, name) for name in (missing, empty, garbage, w.ann.key)] + [
            (w.ann.cert, name, name) for name in (missing, empty, garbage, w.ann.cert)]:
        rows += [({"cert": cert, "key": key}, (), name), ({}, ("--cert", cert, "--key", key), name)]
    rows += [({"key": w.ann.key}, (), ".cert_file"),
             ({}, ("--cert", w.ann.cert), w.ann.cert),  # has no key in it
             ({}, ("--cert", w.ann.cert, "--key", w.bob.key), w.ann.cert)]  # not its key: as curl does

    def one(fields, args, name):
        r = answers(dir, v, [dict(host, name="x", **fields)], *args)["run"]
        check("|" not in r.out, "there was an answer", r)
        one_sentence(r, name)
    each(rows, one)


@versions_test("options that make no sense: one sentence, and no test")
def _(dir, v):
    host = {"name": "x", "host": url("localhost", "good", "ec", 12)}

    def one(*args):
        got = answers(dir, v, [host], *args)
        check("x" not in got, "there was an answer", got["run"])
        one_sentence(got["run"])
    each([("--tls-min", "1.1"), ("--tls-max", "1.4"), ("--tls-min", "x"),
          ("--tls-min", "1.3", "--tls-max", "1.2"), ("--ciphers", "TLS_NOT_A_CIPHER"),
          ("--key", world().ann.key), ("--max-handshakes", "-1")] + ([] if v.has13 else [("--tls-min", "1.3")]), one)


def chroot_command():
    command = ["chroot"] if os.getuid() == 0 else ["unshare", "-r", "chroot"]
    done = subprocess.run(command + ["/", "true"], capture_output=True, text=True)
    if done.returncode:
        raise Skip("chroot is not allowed: " + done.stderr.strip())
    return command


@versions_test("no certificates at all: one sentence that names the ways out",
               only=lambda v: v in VERSIONS[:1])
def _(dir, v):
    """In a folder with nothing but the program, which is what a container image from scratch is."""
    w = world()
    chroot = chroot_command()
    root = dir + "/root"
    os.makedirs(root + "/tmp")
    program = build("tls_users.c", "-O0", "-DLOCUST_TLS", "-static", libs=TLS)
    with_pem = build(pem_source(dir, w.ec.root), "-O0", "-DLOCUST_TLS", "-static", libs=TLS)
    shutil.copy(program, root + "/program")
    shutil.copy(with_pem, root + "/with-pem")
    shutil.copy(w.ca, root + "/ca.pem")
    host = url("127.0.0.1", "good", "ec", 12)

    def inside(program, *args, ca="", env=None):
        with open(root + "/plan", "w") as f:
            f.write("name=x host=%s get=/%s\n" % (host, ca))
        return run(dir, [*chroot, root, program, "--headless", "-u", "1", "--only-summary", *args],
                   env={"PLAN": "/plan", **(env or {})})
    one_sentence(inside("/program"), "--cacert", "SSL_CERT_FILE", "LOCUST_CA_PEM", "--insecure")
    for what in (("/program", "--insecure"), ("/program", "--cacert", "/ca.pem"), ("/with-pem",)):
        r = inside(*what)
        check(r.rc == 0 and "|200|" in r.out, what, r)
    r = inside("/program", ca=" ca=/ca.pem")
    check(r.rc == 0 and "|200|" in r.out, r)
    r = inside("/program", env={"SSL_CERT_FILE": "/ca.pem"})
    check(r.rc == 0 and "|200|" in r.out, r)


def pem_source(dir, file):
    """tls_users.c with certificates compiled in."""
    with open(file) as f:
        text = "".join('    "%s\\n" \\\n' % line for line in f.read().splitlines())
    with open(dir + "/pem.c", "w") as f:
        f.write("#define LOCUST_CA_PEM \\\n%s\n#include \"%s/%stls_users.c\"\n" % (text, ROOT, PROGRAMS))
    return dir + "/pem.c"


@test("musl; random numbers without /dev/urandom")
def _(dir):
    libs = MBEDTLS.get("musl")
    if not libs or not shutil.which("musl-gcc"):
        raise Skip("musl-tools or the output of `tools/mbedtls.sh build musl` is missing")
    program = dir + "/program"
    done = subprocess.run(["musl-gcc", "-O0", "-static", "-DLOCUST_TLS", "-I.", PROGRAMS + "tls_users.c",
                           "-o", program, *libs], capture_output=True, text=True)
    check(done.returncode == 0, done.stderr)
    rows = [("x", "", {"host": url("127.0.0.1", "good", kind, 13)}, "TLSv1.3 ") for kind in ("rsa", "ec")]
    judge(dir, None, rows[:1], program=program)
    judge(dir, None, rows[1:], program=program)
    chroot = chroot_command()
    with open(dir + "/plan", "w") as f:
        f.write("name=x get=/ insecure=1 host=" + url("127.0.0.1", "good", "ec", 13))
    os.makedirs(dir + "/tmp")
    r = run(dir, [*chroot, dir, "/program", "--headless", "--only-summary"], env={"PLAN": "/plan"})
    same((r.rc, r.out.split("|")[3]), (0, ""), r)


@versions_test("LOCUST_CA_PEM: certificates in the program, unless a file is named",
               only=lambda v: v in VERSIONS[:2])
def _(dir, v):
    w, unknown = world(), "certificate has an unknown issuer"
    program = build(pem_source(dir, w.ec.root), *v.flags, libs=v.libs)
    host = {"host": url("localhost", "good", "ec", 12)}
    how = dict(program=program, ca=False)
    judge(dir, v, [("inside", "", host), ("class", unknown, dict(host, ca=w.other.root)),
                   ("not-inside", unknown, {"host": url("localhost", "good", "rsa", 12)})], **how)
    judge(dir, v, [("option", unknown, host)], "--cacert", w.other.root, **how)
    judge(dir, v, [("environment", unknown, host)], env={"SSL_CERT_FILE": w.other.root}, **how)


@test("built without LOCUST_TLS: one sentence that names the flag and the libraries")
def _(dir):
    program = build("tls_users.c", "-O0")
    r = answers(dir, None, [{"name": "x", "host": "https://localhost:1"}], program=program, ca=False)["run"]
    one_sentence(r, "-DLOCUST_TLS", "-lmbedtls -lmbedx509 -lmbedcrypto")
    r = answers(dir, None, [{"name": "x", "host": "http://localhost:1", "get": "https://localhost:1/"}],
                program=program, ca=False)["run"]
    check(r.rc > 0 and "-DLOCUST_TLS" in r.err, r)


@versions_test("a clock that stands before 2024 is an error, not a success", only=lambda v: v in VERSIONS[:1])
def _(dir, v):
    faketime = shutil.which("faketime")
    if not faketime:
        raise Skip("faketime is missing")
    rows = [("past-%s" % kind, "certificate is not valid yet", {"host": url("localhost", "good", kind, 12)})
            for kind in ("rsa", "ec")]
    judge(dir, v, rows, before=[faketime, "-f", "@2020-02-02 02:02:02"],
          env={"FAKETIME_DONT_FAKE_MONOTONIC": "1"})


# ---- many requests ----

unique = iter(range(1, 1 << 30))


def resumed(path, n):
    """The protocol and "r" or "." of each handshake, as nginx logged it."""
    lines = world().nginx.log(path, n)
    same(len({line[4] for line in lines}), n, "connections")
    return [line[7].strip('"') for line in lines]


@versions_test("a user's next connection resumes its session, unless --no-tls-resume", sanitized=True)
def _(dir, v):
    for args, later in ((), "r"), (("--no-tls-resume",), "."):
        rows, paths = [], []
        for how in "tickets", "cache":
            for tls in v.pairs:
                for user in "a", "b":
                    name = "%s-%d-%s" % (how, tls, user)
                    paths.append("/r%d/%s" % (next(unique), name))
                    rows.append((name, "", {"host": url("localhost", how, tls), "get": paths[-1], "times": 4,
                                            "close": 1}))
        got = judge(dir, v, rows, *args)
        for path in paths:
            same(resumed(path, 4), ["."] + 3 * [later], path, args)
        check(not any(a.reused for row in rows for a in got[row[0]]), "reused")


@versions_test("a server that came back with new keys, or another certificate")
def _(dir, v):
    leaves = world().leaf["good", "ec"], world().leaf["good", "rsa"]
    for tls in v.pairs:
        base = "%s/%d" % (dir, tls)
        os.makedirs(base)

        def install(leaf):
            shutil.copy(leaf.chain, base + "/chain")
            shutil.copy(leaf.key, base + "/key")
        install(leaves[0])
        server = ("listen 127.0.0.1:PORT ssl; ssl_certificate %s/chain; ssl_certificate_key %s/key; "
                  "ssl_protocols TLSv1.%d; location / { return 200 hello; }" % (base, base, tls - 10))
        with Nginx(base + "/n", {"x": server}) as site:
            def restart(p):
                site.log("/x", 1)
                site.stop()
                install(leaves[1])
                check(site.start(), site.errors())
                open(base + "/go", "w").close()
            row = {"host": "https://localhost:%d" % site.port["x"], "get": "/x", "times": 3, "close": 1,
                   "go": base + "/go"}
            judge(dir, v, [("x", "", row, "hello")], meanwhile=restart)
            same([line[7] for line in site.log("/x", 3)], ['"."', '"."', '"r"'])


@versions_test("https and http hosts in one test, redirects between them, kept connections")
def _(dir, v):
    secure, plain = url("localhost", "both"), url("localhost", "http").replace("https:", "http:")
    path = "/m%d" % next(unique)
    row = {"host": secure, "get": [path, plain + path, secure + path, plain + path, plain + "/up",
                                   secure + "/down"]}
    got = judge(dir, v, [("a", "", row), ("b", "", dict(row, host=plain))])
    for who, first in ("a", "https"), ("b", "http"):
        schemes = [first, "http", "https", "http", "https", "http"]
        same([a.body.rsplit("scheme=")[1] for a in got[who]], schemes)
        same([a.reused for a in got[who]], [False, who == "b", who == "a", True, True, True])
        same([a.url for a in got[who]][4:], [secure + "/end", plain + "/end"])


@versions_test("10 MB both ways, chunks and records of all sizes", sanitized=True)
def _(dir, v):
    def takes(t):
        head, _, body = t.head().partition(b"\r\n\r\n")
        n, crc, size = int(re.search(rb"Content-Length: (\d+)", head)[1]), zlib.crc32(body), len(body)
        while size < n:
            data = t.step(t.ssl.read, 1 << 16)
            crc, size = zlib.crc32(data, crc), size + len(data)
        body = b"%08x %d" % (crc, size)
        t.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def chunks(t):
        seed, at, out = random.Random(7), 0, [CHUNKED]
        t.head()
        while at < SIZE:
            n = seed.choice((1, 2, 100, 5000, 16384, 16385, 100000))
            out.append(b"%x\r\n%s\r\n" % (len(COUNTER[at:at + n]), COUNTER[at:at + n]))
            at += n
        t.write(b"".join(out) + b"0\r\n\r\n")

    def small_records(t):
        seed, at, out = random.Random(8), 0, []
        t.head()
        data = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + COUNTER[:300000]
        while at < len(data):
            n = seed.choice((1, 2, 3, 50, 99, 1000))
            out.append(t.records(data[at:at + n]))
            at += n
        t.c.sendall(b"".join(out))

    with contextlib.ExitStack() as servers:
        rows = [("download", "", {"host": url("localhost", "both"), "get": ["/big", "/big"]})]
        for tls in v.pairs:
            for name, serve in ("upload", takes), ("chunks", chunks), ("records", small_records):
                row = {"host": servers.enter_context(Broken(tls, serve)).url}
                row.update({"put": "/", "bytes": SIZE, "get": []} if name == "upload" else {})
                rows.append(("%s-%d" % (name, tls), "", row))
        got = judge(dir, v, rows)
    whole = zlib.crc32(COUNTER)
    same([(a.length, a.crc, a.reused) for a in got["download"]], [(SIZE, whole, False), (SIZE, whole, True)])
    for tls in v.pairs:
        same(got["upload-%d" % tls][0].body, "%08x %d" % (whole, SIZE))
        same((got["chunks-%d" % tls][0].length, got["chunks-%d" % tls][0].crc), (SIZE, whole))
        same((got["records-%d" % tls][0].length, got["records-%d" % tls][0].crc),
             (300000, zlib.crc32(COUNTER[:300000])))


@versions_test("200 users, as nginx's log has it")
def _(dir, v):
    path = "/l%d" % next(unique)
    got = judge(dir, v, [("load", "", {"host": url("localhost", "both"), "get": path, "times": 10,
                                       "users": 200})])
    log = world().nginx.log(path, 2000)
    rows, total = stats_csv(got["dir"] + "/c")
    row = rows["GET", "load"]
    same((count(row), failed(row), count(total)), (2000, 0, 2000))
    same({line[1] for line in log}, {"200"})
    same(round(float(row["Average Content Size"]) * 2000), sum(int(line[2]) for line in log))
    by_connection = {}
    for line in log:
        by_connection.setdefault(line[4], []).append(int(line[5]))
    same(len(by_connection), 200, "connections")
    check(all(numbers == list(range(1, 11)) for numbers in by_connection.values()), "kept connections")
    same(sum(a.reused for a in got["load"]), 1800)
    same({line[6] for line in log}, {"TLSv1.3" if v.has13 else "TLSv1.2"})


@versions_test("--max-handshakes", only=lambda v: v in VERSIONS[:1])
def _(dir, v):
    lock, now, most, two = threading.Lock(), [0], [0], threading.Event()

    def serve(t):
        t.incoming.write(client_hello(t.c))
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            if now[0] == 2:
                two.set()
        two.wait(10)
        time.sleep(0.02)  # for a third one to come
        with lock:
            now[0] -= 1
        t.handshake()
        answer(LENGTH + b"0123456789")(t)
    with Broken(12, serve, handshake=False) as server:
        judge(dir, v, [("x", "", {"host": server.url, "users": 10}, "0123456789")], "--max-handshakes", "2")
    same(most[0], 2, "handshakes at once")
    with Script(says(b"")) as server:  # the turn is given back after a failure
        judge(dir, v, [("x", CLOSED, {"host": server.url.replace("http:", "https:"), "users": 10})],
              "--max-handshakes", "2")


@versions_test("the report says how late handshakes made the loop", only=lambda v: v in VERSIONS[:1])
def _(dir, v):
    r = answers(dir, v, [{"name": "ten", "host": url("localhost", "good", "ec", 12), "users": 10}])["run"]
    found = re.search(r"TLS handshakes: 10 full, ([\d.]+) ms of CPU each; .* the loop was\s+late by ([\d.]+) ms at "
                      r"most \(p99 ([\d.]+)\)", r.err)
    check(found, r)
    step, most, p99 = map(float, found.groups())
    # A handshake makes a few moves, each in a turn of its own; the longest is a good part of it.
    check(most > step / 10 and p99 <= most, r)


with stack:
    main(parallel=2)
