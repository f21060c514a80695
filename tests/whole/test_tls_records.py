#!/usr/bin/env -S python3 -B
"""Records of our own, behind mbedTLS's handshake, with OpenSSL and GnuTLS as servers and each mbedTLS there is: every
suite that is taken over, new keys, padding, sizes, splits, tampering.

    tests/whole/test_tls_records.py [WORD...]    only the tests whose name contains a word, such as 3.6.6
"""
import os, ssl, sys, zlib
from kit.lib import *
from kit import certs, peers

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
BIG = bytes(i * 7 % 251 for i in range(100000))


def versions():
    done = subprocess.run([CC, "-E", "-P", "-"], capture_output=True, text=True,
                          input="#include <mbedtls/version.h>\nMBEDTLS_VERSION_STRING\n")
    if done.returncode == 0:
        yield "system", done.stdout.split()[-1].strip('"'), TLS, ("-g", "-fsanitize=address,undefined")
    done = subprocess.run(["tools/mbedtls.sh", "list"], capture_output=True, text=True)
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        name, text, *flags = line.split()
        # `make check` has Debian's builds of 3.6, too: test_tls.py connects with each of them.
        if re.fullmatch(r"native|debian-3.*" if os.environ.get("FULL") else "native", name):
            yield name, text, tuple(flags), ()


VERSIONS = list(versions())
_pki, _lock = [], threading.Lock()


def leaf():
    with _lock:
        if not _pki:
            if not shutil.which("openssl"):
                raise Skip("openssl is missing")
            os.makedirs(OUT, exist_ok=True)
            pki = certs.Pki(OUT + "/pki", "ec")
            _pki.append((pki, pki.leaf("good", san="DNS:localhost")))
        return _pki[0]


def versions_test(name):
    def register(function):
        if not VERSIONS:
            @test(name)
            def _(dir):
                raise Skip("libmbedtls-dev is missing")
        for v in VERSIONS:
            test("mbedTLS %s (%s): %s" % (v[1], v[0], name))(lambda dir, v=v: function(dir, v))
    return register


class Peer(Script):
    """A server: serve(peer) for each connection; its requests are read by head(peer)."""

    def __init__(self, kind, tls, suite, serve):
        made = leaf()[1]

        def one(c):
            with contextlib.suppress(peers.Failed), kind(c, made, tls, suite) as peer:
                serve(peer)
        super().__init__(one)
        self.url = "https://localhost:%d" % self.port


def head(peer):
    data = b""
    while b"\r\n\r\n" not in data:
        data += peer.read()
    return data


def answer(peer, body=b"ok"):
    peer.write(LENGTH % len(body) + body)


def run_plan(dir, v, rows, *args):
    """Answers of plan lines (name, fields): {name: [(error, status, length, crc)]}, and how many connections mbedTLS
    kept."""
    name, text, libs, flags = v
    program = build("tls_users.c", "-DLOCUST_TLS", *flags, libs=libs)
    dir = tempfile.mkdtemp(dir=dir)
    with open(dir + "/plan", "w") as f:
        for row, fields in rows:
            fields = dict({"name": row, "ca": leaf()[0].root}, **fields)
            if "put" not in fields:
                fields.setdefault("get", "/")
            f.write(" ".join("%s=%s" % item for item in fields.items()) + "\n")
    r = run(dir, [program, "--headless", "-u", str(len(rows)), "-r", "1000", "--only-summary", "--phases", *args],
            env={"PLAN": dir + "/plan"})
    check("Sanitizer" not in r.err and "runtime error" not in r.err, r)
    got = {}
    for line in r.out.splitlines():
        if line.count("|") >= 9:
            row, _, _, error, status, _, length, crc, *_ = line.split("|", 9)
            got.setdefault(row, []).append((error, int(status), int(length), int(crc, 16)))
    stayed = re.search(r"TLS records: (\d+) of these connections kept mbedTLS's memory", r.err)
    return got, int(stayed[1]) if stayed else None, r


def suites(v):
    """Those that this mbedTLS has: 2.28 has no TLS 1.3, that of tools/mbedtls.sh no CBC."""
    return [(name, tls) for name, (tls, *_) in peers.SUITES.items()
            if (tls == 12 or v[1][0] != "2") and not (v[0] == "native" and "CBC" in name)]


KINDS = peers.OpenSSL, peers.GnuTLS


@versions_test("every suite: requests, 100 KB both ways, records of few and of many bytes; CBC stays with mbedTLS")
def _(dir, v):
    def serve(peer):
        for body in b"one", BIG, b"three":
            head(peer)
            answer(peer, body)
        peer.limit(600)
        request = head(peer)
        answer(peer, BIG)
        request = head(peer)
        n = int(re.search(rb"Content-Length: (\d+)", request)[1])
        data = request.partition(b"\r\n\r\n")[2]
        while len(data) < n:
            data += peer.read(65536)
        answer(peer, b"%08x" % zlib.crc32(data))
        peer.close()

    counter = bytes(i // 4 >> 8 * (i % 4) & 255 for i in range(100000))
    wants = [b"one", BIG, b"three", BIG, b"%08x" % zlib.crc32(counter)]
    with contextlib.ExitStack() as servers:
        rows = []
        for kind in KINDS:
            for suite, tls in suites(v):
                at = servers.enter_context(Peer(kind, tls, suite, serve)).url
                rows.append(("%s-%s" % (kind.name, suite), {"host": at, "get": "/ get=/ get=/ get=/ put=/ bytes=100000"}))
        got, stayed, r = run_plan(dir, v, rows)
    for name, _ in rows:
        same(got.get(name), [("", 200, len(w), zlib.crc32(w)) for w in wants], name, r)
    same(stayed, sum("CBC" in name for name, _ in rows), "connections with CBC", r)


@versions_test("new keys: the server's, ours, both, many times; padding; an empty record; another handshake is refused")
def _(dir, v):
    def renews(peer):
        for i in range(12):
            head(peer)
            if i:
                peer.renew(i % 2)
            answer(peer, b"%d" % i)
            if i > 6:
                peer.renew(True)
                peer.renew(False)

    def pads(peer):
        for n in 0, 1, 100, 1000, 4096:
            head(peer)
            if n:
                peer.pad(n)
            answer(peer, b"%d" % n)

    def asks_again(peer):
        for i in range(2):
            head(peer)
            answer(peer)
        peer.ask_again()
        head(peer)  # a warning precedes it
        answer(peer)
    if v[1][0] == "2":
        wanted = []
    else:
        wanted = [("renews", renews, 12, 13), ("pads", pads, 5, 13)]
    with contextlib.ExitStack() as servers:
        rows = [("%s-%s-%s" % (kind.name, name, suite), n,
                 servers.enter_context(Peer(kind, tls, suite, serve)).url)
                for kind in KINDS for name, serve, n, tls in wanted
                for suite, its in suites(v) if its == tls]
        rows.append(("GnuTLS-again", 3, servers.enter_context(
            Peer(peers.GnuTLS, 12, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", asks_again)).url))
        got, stayed, r = run_plan(dir, v, [(name, {"host": url, "times": n}) for name, n, url in rows])
    for name, n, _ in rows:
        same([a[:2] for a in got.get(name, [])], n * [("", 200)], name, r)
    same(stayed, 0, r)


# ---- what is not right on the way: Python's ssl, whose records can be changed before they are sent ----

class Wire:
    def __init__(self, c, tls):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion(0x0301 + tls - 10)
        context.load_cert_chain(leaf()[1].chain, leaf()[1].key)
        self.c, self.incoming, self.outgoing = c, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ssl = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        c.settimeout(20)
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.step(self.ssl.do_handshake)
        self.flush()

    def step(self, function, *args):
        while True:
            try:
                return function(*args)
            except ssl.SSLWantReadError:
                self.flush()
                more = self.c.recv(1 << 16)
                if not more:
                    raise OSError("the client closed")
                self.incoming.write(more)

    def flush(self):
        if self.outgoing.pending:
            self.c.sendall(self.outgoing.read())

    def head(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.step(self.ssl.read, 4096)

    def records(self, data):
        self.ssl.write(data)
        return self.outgoing.read()


def altered(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


@versions_test("tampered, replayed and left out records, at each position, fail by their sentence; split ones do not")
def _(dir, v):
    ok = LENGTH % 2 + b"ok"
    whole = len(ok) + 5 + 16 + 1  # at least as long as its record

    def server(tls, spoil):
        def serve(c):
            t = Wire(c, tls)
            for i in range(3):
                t.head()
                if i < 2:
                    c.sendall(t.records(ok))
            for piece in spoil(t):
                c.sendall(piece)
            c.settimeout(10)
            with contextlib.suppress(OSError):
                while c.recv(4096):
                    pass
        return Script(serve)

    def at(n):
        return lambda t: [altered(t.records(ok), n)]

    def twice(t):
        one = t.records(ok[:10])
        return [one + one + t.records(ok[10:])]

    def left_out(t):
        t.records(b"lost")
        return [t.records(ok)]

    def swapped(t):
        first, second = t.records(ok[:10]), t.records(ok[10:])
        return [second + first]

    def in_the_open(t):
        return [b"\x15\x03\x03\x00\x02\x02\x28"]

    def too_long(t):
        return [b"\x17\x03\x03\x48\x01" + bytes(100)]

    def split(t):
        data = t.records(ok)
        return [data[i:i + 1] for i in range(len(data))]

    positions = (0, 1, 5, 6, 12, 13, 20, whole // 2, whole - 2, -17, -16, -8, -1)
    # A byte of the length makes it another record, which never ends here or cannot be opened.
    spoils = [("at%d" % n, at(n)) for n in positions] + [
        ("twice", twice), ("left-out", left_out), ("swapped", swapped), ("open", in_the_open), ("long", too_long)]
    with contextlib.ExitStack() as servers:
        rows, wants = [], {}
        for tls in [12] if v[1][0] == "2" else [12, 13]:
            for name, spoil in spoils + [("split", split)]:
                script = servers.enter_context(server(tls, spoil))
                row = "%s-%d" % (name, tls)
                rows.append((row, {"host": "https://localhost:%d" % script.port, "times": 3}))
                wants[row] = "" if name == "split" else "corrupted TLS record"
        got, stayed, r = run_plan(dir, v, rows)
    for row, want in wants.items():
        answers = got.get(row, [])
        same([a[0] for a in answers], ["", "", want], row, r)
    same(stayed, 0, r)


@versions_test("LOCUST_NO_RECORDS: mbedTLS keeps them all")
def _(dir, v):
    def serve(peer):
        for _ in range(3):
            head(peer)
            answer(peer)
    suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    v = (*v[:3], (*v[3], "-DLOCUST_NO_RECORDS"))
    with Peer(peers.OpenSSL, 12, suite, serve) as server:
        got, stayed, r = run_plan(dir, v, [("x", {"host": server.url, "times": 3})])
    same(([a[:2] for a in got["x"]], stayed), (3 * [("", 200)], 1), r)


main(parallel=2)
