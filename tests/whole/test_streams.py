#!/usr/bin/env -S python3 -B
"""Streams of locust_connect: tcp, tls, udp and unix, against echo servers in Python.

    tests/whole/test_streams.py [WORD...]    only the tests whose name contains a word
"""
import errno, os, resource, ssl, struct, sys
from kit.lib import *
from kit import certs

PROGRAM = "scripted_streams.c"
for name in "SSL_CERT_FILE", "SSL_CERT_DIR":
    os.environ.pop(name, None)
with socket.socket(socket.AF_INET6) if socket.has_ipv6 else contextlib.suppress(Exception) as s:
    IPV6 = s is not None and s.connect_ex(("::1", 9)) in (0, errno.ECONNREFUSED)


class Line:
    def __init__(self, text):
        self.what, rc, data, ms, self.error = text.split(" ", 4)
        self.rc, self.ms = int(rc), float(ms)
        self.data = b"" if data == "-" else bytes.fromhex(data)

    def __repr__(self):
        return "%s -> %d %r (%s)" % (self.what, self.rc, self.data[:200], self.error)


def speak(dir, *script, args=(), program=None, env=None, rc=0):
    """Runs a script; its lines, without those of timeouts and use."""
    more = {"STREAM_SCRIPT": "\n".join(script)}
    more.update(env or {})
    r = run(dir, [program or build(PROGRAM, "-O0"), "--headless", "--only-summary", *args], env=more)
    same(r.rc, rc, r)
    lines = r.out.splitlines()
    check("on_stop" in lines and "no end behind the text" not in lines, r)
    return [Line(t) for t in lines if t != "on_stop"]


def gave(got, *want):
    """Each of want: (rc, bytes) of a success, or the error that was said with rc 0 or -1."""
    seen = [g.error if g.error != "-" else (g.rc, g.data) for g in got]
    same(seen, list(want), *got)


def echo(c):
    while True:
        data = c.recv(65536)
        if not data:
            return
        c.sendall(data)


def sends(*pieces, wait=True):
    """A server that sends, and then waits for the client to go, or closes at once."""
    def serve(c):
        for p in pieces:
            c.sendall(p)
        if wait:
            c.recv(1)
    return serve


def tcp(server):
    return "tcp://127.0.0.1:%d" % server.port


class At(Script):
    """A Script on another kind of socket."""

    def __init__(self, family, address, serve):
        self.serve, self.closing, self.connections = serve, False, []
        self.s = socket.socket(family)
        self.s.bind(address)
        self.s.listen(64)
        self.port = self.s.getsockname()[1] if family == socket.AF_INET6 else None
        threading.Thread(target=self.accept, daemon=True).start()


class Udp:
    """Calls serve(socket, datagram, address) for each datagram; keeps them."""

    def __init__(self, serve=lambda s, data, a: s.sendto(data, a), family=socket.AF_INET):
        self.s = socket.socket(family, socket.SOCK_DGRAM)
        self.s.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.port, self.got = self.s.getsockname()[1], []
        self.s.settimeout(0.05)
        self.ended = False
        self.thread = threading.Thread(target=self.main, args=(serve,), daemon=True)
        self.thread.start()

    def main(self, serve):
        while not self.ended:
            try:
                data, a = self.s.recvfrom(70000)
            except (socket.timeout, OSError):
                continue
            self.got.append(data)
            serve(self.s, data, a)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        self.s.close()


# ---- tcp ----

@test("tcp: writes and reads")
def _(dir):
    with Script(echo) as s:
        got = speak(dir, "connect " + tcp(s), "write hello\\n", "until \\n 64", "write a\\0b", "exact 3",
                    "write one\\ntwo\\n", "until \\n 5", "until \\n 64", "write abcdef", "exact 2", "read 100",
                    "read 0", "close")
        gave(got, (1, b""), (1, b""), (6, b"hello\n"), (1, b""), (1, b"a\0b"), (1, b""), (4, b"one\n"),
             (4, b"two\n"), (1, b""), (1, b"ab"), (4, b"cdef"), (0, b""), (1, b""))


@test("tcp: a megabyte each way")
def _(dir):
    def serve(c):  # takes all before it answers
        data = b""
        while len(data) < 1000000:
            data += c.recv(65536)
        c.sendall(data)
        c.recv(1)

    with Script(serve) as s:
        gave(speak(dir, "connect " + tcp(s), "big 1000000"), (1, b""), (1, b""))


@test("locust_read_exact of bytes that come in pieces")
def _(dir):
    def serve(c):
        for i in range(5):
            c.sendall(b"%d" % i * 3)
            same(c.recv(1), b"+")
        c.sendall(b"tail")
        c.recv(1)

    with Script(serve) as s:
        script = ["connect " + tcp(s)]
        for i in range(5):
            script += ["exact 2", "write +", "exact 1"]
        got = speak(dir, *script, "exact 4")
        same([g.data for g in got if g.what == "exact"],
             [p for i in range(5) for p in (b"%d" % i * 2, b"%d" % i)] + [b"tail"], *got)


@test("locust_read_exact over a park")
def _(dir):
    asked = threading.Event()

    def serve(c):
        c.sendall(b"abc")
        same(c.recv(1), b"+")
        asked.set()
        c.sendall(b"def")
        c.recv(1)

    with Script(serve) as s:
        got = speak(dir, "connect " + tcp(s), "exact 1", "write +", "exact 5")
        gave(got, (1, b""), (1, b"a"), (1, b""), (1, b"bcdef"))
    check(asked.is_set())


@test("locust_read_until: sizes")
def _(dir):
    for text, size, want in ((b"abc\n", 5, (4, b"abc\n")), (b"abc\n", 4, "line longer than the buffer"),
                             (b"abcdef\n", 4, "line longer than the buffer"),
                             (b"abcdef", 4, "line longer than the buffer"), (b"\n", 2, (1, b"\n")),
                             (b"\n", 1, "line longer than the buffer"),
                             (b"x" * 60000 + b"\n", 60002, (60001, b"x" * 60000 + b"\n"))):
        with Script(sends(text)) as s:
            gave(speak(dir, "connect " + tcp(s), "until \\n %d" % size), (1, b""), want)


@test("the peer closes: end of the stream")
def _(dir):
    with Script(sends(b"abc", wait=False)) as s:
        got = speak(dir, "connect " + tcp(s), "exact 3", "read 10", "read 10", "exact 1", "error")
        gave(got, (1, b""), (1, b"abc"), (0, b""), *[g.error if g.error != "-" else (g.rc, b"") for g in got[3:]])
        check(got[3].rc in (0, -1), *got)
        same((got[4].rc, got[4].error), (0, "connection closed by peer"), *got)


@test("the peer closes in the middle of a read")
def _(dir):
    with Script(sends(b"abc", wait=False)) as s:
        for command, rc in (("exact 4", 0), ("until \\n 64", -1)):
            got = speak(dir, "connect " + tcp(s), command)
            same((got[1].rc, got[1].error), (rc, "connection closed by peer"), *got)


@test("the peer resets in the middle of a read")
def _(dir):
    def serve(c):
        c.sendall(b"abc")
        same(c.recv(1), b"+")
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    for command, rc in (("exact 4", 0), ("until \\n 64", -1)):
        with Script(serve) as s:
            got = speak(dir, "connect " + tcp(s), "exact 1", "write +", command)
            same((got[3].rc, got[3].error), (rc, "connection reset by peer"), *got)
    with Script(serve) as s:
        got = speak(dir, "connect " + tcp(s), "exact 3", "write +", "read 10")
        same((got[3].rc, got[3].error), (-1, "connection reset by peer"), *got)


@test("writes to a peer that is gone")
def _(dir):
    def serve(c):
        c.recv(1)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with Script(serve) as s:
        got = speak(dir, "connect " + tcp(s), "write +", "read 1", "loop 3", "write more")
        check(got[2].rc in (0, -1), *got)
        same(got[-1].rc, 0, *got)
        check("-" != got[-1].error, *got)


@test("locust_set_timeout")
def _(dir):
    with Script(sends(b"ab")) as s:
        for command in ("read 1", "exact 1", "exact 9", "until \\n 64"):
            got = speak(dir, "connect " + tcp(s), "timeout 0.3", "exact 2", command)
            same((got[2].error, got[2].rc), ("timed out", 0 if "exact" in command else -1), *got)
            check(299 <= got[2].ms < 5000, "after %g ms" % got[2].ms)
    done = threading.Event()

    def silent(c):  # takes nothing
        c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        done.wait(30)

    with Script(silent) as s:
        got = speak(dir, "connect " + tcp(s), "timeout 0.2", "loop 30", "pour 1000000")
        done.set()
        late = [g for g in got if g.error == "timed out"]
        check(late and late[0].ms >= 199 and {g.rc for g in late} == {0}, *got)


@test("a timeout counts from its read, and the stream goes on")
def _(dir):
    def serve(c):
        same(c.recv(1), b"+")
        c.sendall(b"late")
        c.recv(1)

    with Script(serve) as s:
        got = speak(dir, "connect " + tcp(s), "timeout 0.2", "read 4", "read 4", "timeout -1", "write +", "exact 4",
                    "error")
        gave(got, (1, b""), "timed out", "timed out", (1, b""), (1, b"late"), (0, b""))
        check(got[2].ms >= 199, "the second one had no time of its own", *got)


@test("a user that is stopped in a read")
def _(dir):
    with Script(sends(b"")) as s:
        r = run(dir, [build(PROGRAM, "-O0"), "--headless", "--only-summary", "-t", "1"],
                env={"STREAM_SCRIPT": "connect %s\ntimeout -1\nread 1" % tcp(s)})
        same((r.rc, r.out.count("on_stop"), r.out.count("read")), (0, 1, 0), r)
        check(r.seconds < 20, r)


# ---- places ----

@test("IPv4, IPv6 and names")
def _(dir):
    with Script(echo) as s:
        gave(speak(dir, "connect tcp://localhost:%d" % s.port, "write hi", "exact 2"),
             (1, b""), (1, b""), (1, b"hi"))
        gave(speak(dir, "connect tcp://echo.test:7", "write hi", "exact 2",
                   args=("--resolve", "echo.test:7:127.0.0.1")), "connection refused", *["connection refused"] * 2)
        gave(speak(dir, "connect tcp://echo.test:%d" % s.port, "write hi", "exact 2",
                   args=("--resolve", "echo.test:%d:127.0.0.1" % s.port)), (1, b""), (1, b""), (1, b"hi"))
    if IPV6:
        with At(socket.AF_INET6, ("::1", 0), echo) as s:
            for host in ("[::1]", "localhost"):
                if host == "localhost":
                    with open("/etc/hosts") as f:
                        if not re.search(r"^\s*::1\s.*\blocalhost\b", f.read(), re.M):
                            continue
                gave(speak(dir, "connect tcp://%s:%d" % (host, s.port), "write hi", "exact 2"),
                     (1, b""), (1, b""), (1, b"hi"))
        with Udp(family=socket.AF_INET6) as s:
            gave(speak(dir, "connect udp://[::1]:%d" % s.port, "write hi", "read 9"), (1, b""), (1, b""), (2, b"hi"))
    with Udp() as s:
        gave(speak(dir, "connect udp://localhost:%d" % s.port, "write hi", "timeout 5", "read 9",
                   args=("--resolve", "localhost:%d:127.0.0.1" % s.port)), (1, b""), (1, b""), (2, b"hi"))


@test("unix sockets")
def _(dir):
    path = dir + "/s"
    with At(socket.AF_UNIX, path, echo):
        gave(speak(dir, "connect unix:" + path, "write hi\\n", "until \\n 64", "big 1000"),
             (1, b""), (1, b""), (3, b"hi\n"), (1, b""))
    gave(speak(dir, "connect unix:" + path, "read 1"), *["connection refused"] * 2)
    gave(speak(dir, "connect unix:%s/none" % dir, "read 1"), *["no such unix socket"] * 2)
    gave(speak(dir, "connect unix:/" + "x" * 200, "read 1"), *["invalid URL"] * 2)


@test("nobody listens")
def _(dir):
    got = speak(dir, "connect tcp://127.0.0.1:%d" % free_port(), "write x", "read 1", "exact 1", "until \\n 9",
                "close")
    gave(got, *["connection refused"] * 5, (1, b""))
    same([g.rc for g in got], [0, 0, -1, 0, -1, 1])


@test("bad URLs")
def _(dir):
    for url, want in (("", "invalid URL"), ("tcp://", "invalid URL"), ("tcp://127.0.0.1", "invalid URL"),
                      ("tcp://127.0.0.1:", "invalid URL"), ("tcp://127.0.0.1:0", "invalid URL"),
                      ("tcp://127.0.0.1:65536", "invalid URL"), ("tcp://127.0.0.1:x", "invalid URL"),
                      ("tcp://:80", "invalid URL"), ("127.0.0.1:80", None), ("unix:", "invalid URL"),
                      ("http://127.0.0.1:80", "unknown URL scheme"), ("ftp://127.0.0.1:80", "unknown URL scheme"),
                      ("tcp//127.0.0.1:80", "invalid URL"), ("udp://127.0.0.1", "invalid URL"),
                      ("tcp://[::1", "invalid URL"), ("tcp://no-such-host.invalid:80", None)):
        got = speak(dir, "connect " + url, "read 1", "write x")
        errors = {g.error for g in got}
        check(len(errors) == 1 and errors != {"-"}, url, *got)
        if want:
            same(errors, {want}, url)
        same([g.rc for g in got], [0, -1, 0], url)


@test("no stream and no descriptor is lost")
def _(dir):
    with Script(lambda c: c.recv(1)) as s:
        with Program(dir, [build(PROGRAM, "-O0"), "--headless", "--only-summary"],
                     env={"STREAM_SCRIPT": "\n".join(["connect " + tcp(s), "close"] * 20)},
                     before_exec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))) as p:
            r = p.wait(30)
        same(r.rc, 0, r)
        rows = [Line(t) for t in r.out.splitlines() if t != "on_stop"]
        check(len(rows) == 40 and all(row.rc == 1 for row in rows), r)


# ---- udp ----

@test("udp: boundaries are kept")
def _(dir):
    with Udp() as s:
        got = speak(dir, "connect udp://127.0.0.1:%d" % s.port, "write one", "read 100", "write two,\\slonger",
                    "read 100", "write x", "read 100")
        gave(got, (1, b""), (1, b""), (3, b"one"), (1, b""), (11, b"two, longer"), (1, b""), (1, b"x"))
        same(s.got, [b"one", b"two, longer", b"x"])


def queued(*datagrams):
    """A pair of servers: at a "+" by tcp, all datagrams have been sent when it answers."""
    where = {}

    def serve(c):
        c.recv(1)
        for d in datagrams:
            where["s"].sendto(d, where["a"])
        c.sendall(b"+")
        c.recv(1)

    def first(s, data, a):
        where.update(s=s, a=a)
        s.sendto(b"hi", a)
    return Udp(first), Script(serve)


@test("udp: all queued datagrams are read")
def _(dir):
    datagrams = [b"%d" % i * (i + 1) for i in range(10)]
    u, t = queued(*datagrams)
    with u, t:
        got = speak(dir, "connect udp://127.0.0.1:%d" % u.port, "write hi", "read 10", "connect " + tcp(t),
                    "write +", "exact 1", "use 0", "timeout 5", "loop 10", "read 100", "timeout 0.2", "read 100")
        gave(got[6:], *[(len(d), d) for d in datagrams], "timed out")


@test("udp: cut datagrams and empty ones")
def _(dir):
    u, t = queued(b"abcdef", b"second", b"", b"third", b"", b"", b"fourth")
    with u, t:
        got = speak(dir, "connect udp://127.0.0.1:%d" % u.port, "write hi", "read 10", "connect " + tcp(t),
                    "write +", "exact 1", "use 0", "timeout 5", "read 3", "read 100", "read 100", "read 100")
        gave(got[6:], (3, b"abc"), (6, b"second"), (5, b"third"), (6, b"fourth"))


@test("udp: the largest datagram")
def _(dir):
    with Udp(lambda s, d, a: s.sendto(d * 300, a)) as s:
        got = speak(dir, "connect udp://127.0.0.1:%d" % s.port, "write " + "y" * 200, "timeout 5", "read 65536")
        gave(got[2:], (60000, b"y" * 60000))


@test("udp: a refused port")
def _(dir):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    got = speak(dir, "connect udp://127.0.0.1:%d" % port, "write x", "timeout 5", "read 10")
    gave(got, (1, b""), (1, b""), "connection refused")


@test("udp: timeout, and others are not heard")
def _(dir):
    with Udp(lambda s, d, a: None) as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        s_port = s.port

        def answer(own, data, a):
            other.sendto(b"wrong", a)
        with Udp(answer) as t:
            got = speak(dir, "connect udp://127.0.0.1:%d" % s_port, "timeout 0.2", "write x", "read 9",
                        "connect udp://127.0.0.1:%d" % t.port, "timeout 0.2", "write x", "read 9")
            gave(got, (1, b""), (1, b""), "timed out", (1, b""), (1, b""), "timed out")
            check(got[2].ms >= 199, *got)


# ---- tls ----

_pki = {}


def pki():
    if not _pki:
        p = _pki["p"] = certs.Pki(OUT + "/pki", "ec")
        _pki["good"] = p.leaf("good", san="DNS:localhost,IP:127.0.0.1")
        _pki["other"] = p.leaf("other", san="DNS:other.test")
        _pki["expired"] = p.leaf("expired", san="IP:127.0.0.1", days=(-30, -1))
        _pki["self"] = p.leaf("self", san="IP:127.0.0.1", self_signed=True)
    return _pki


class Tls(Script):
    def __init__(self, leaf, version=None, serve=echo):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(leaf.chain, leaf.key)
        if version:
            self.context.minimum_version = self.context.maximum_version = version
        self.inner, self.versions = serve, []
        super().__init__(self.wrapped)

    def wrapped(self, c):
        with contextlib.suppress(OSError):
            t = self.context.wrap_socket(c, server_side=True)
            self.versions.append(t.version())
            self.inner(t)
            with contextlib.suppress(OSError):
                t.unwrap()
            t.close()


def tls_program():
    with contextlib.suppress(AssertionError):
        return build(PROGRAM, "-DLOCUST_TLS", libs=TLS)
    raise Skip("mbedTLS is missing")


def newer():
    """A program with an mbedTLS that has TLS 1.3."""
    done = subprocess.run([CC, "-E", "-P", "-"], capture_output=True, text=True,
                          input="#include <mbedtls/version.h>\nMBEDTLS_VERSION_STRING\n")
    if done.returncode == 0 and int(done.stdout.split()[-1].strip('"').split(".")[0]) >= 3:
        return tls_program()
    done = subprocess.run(["tools/mbedtls.sh", "list"], capture_output=True, text=True)
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        name, text, *flags = line.replace(ROOT + "/", "").split()
        if re.fullmatch(r"native|debian-(?!2).*|\d.*", name) and int(text.split(".")[0]) >= 3:
            return build(PROGRAM, "-O0", "-DLOCUST_TLS", libs=tuple(flags))
    raise Skip("no mbedTLS with TLS 1.3")


def tls(server, host="127.0.0.1"):
    return "tls://%s:%d" % (host, server.port)


@test("tls: certificates are verified")
def _(dir):
    p, program = pki(), tls_program()
    for leaf, args, env, want in (
            ("good", (), {}, "certificate has an unknown issuer"),
            ("good", ("--cacert", p["p"].root), {}, None),
            ("good", (), {"STREAM_CACERT": p["p"].root}, None),
            ("good", ("--insecure",), {}, None),
            ("good", (), {"STREAM_INSECURE": "1"}, None),
            ("self", (), {}, "certificate is self-signed"),
            ("self", ("--cacert", p["p"].root), {}, "certificate is self-signed"),
            ("self", ("--cacert", p["self"].cert), {}, None),
            ("self", (), {"STREAM_INSECURE": "1"}, None),
            ("other", ("--cacert", p["p"].root), {}, "certificate is for another host"),
            ("other", ("--insecure",), {}, None),
            ("expired", ("--cacert", p["p"].root), {}, "certificate has expired")):
        with Tls(p[leaf]) as s:
            got = speak(dir, "connect " + tls(s), "write hi\\n", "until \\n 9", args=args, env=env, program=program)
            gave(got, *([want] * 3 if want else [(1, b""), (1, b""), (3, b"hi\n")]))
    with Tls(p["good"]) as s:
        gave(speak(dir, "connect " + tls(s, "localhost"), "write hi\\n", "until \\n 9",
                   args=("--cacert", p["p"].root), program=program), (1, b""), (1, b""), (3, b"hi\n"))


for version in ("1.2", "1.3"):
    @test("tls %s" % version)
    def _(dir, version=version):
        p = pki()
        program = newer() if version == "1.3" else tls_program()
        number = getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_"))
        with Tls(p["good"], number) as s:
            got = speak(dir, "connect " + tls(s), "write hi\\n", "until \\n 9", "write abcdef", "exact 2", "read 100",
                        "big 16384", "timeout 0.3", "read 1", "timeout 20", "write !", "exact 1", "close",
                        "connect " + tls(s), "write again\\n", "until \\n 9",
                        args=("--cacert", p["p"].root), program=program)
            gave(got, (1, b""), (1, b""), (3, b"hi\n"), (1, b""), (1, b"ab"), (4, b"cdef"), (1, b""), "timed out",
                 (1, b""), (1, b"!"), (1, b""), (1, b""), (1, b""), (6, b"again\n"))
        same(set(s.versions), {"TLSv" + version})


@test("tls: a megabyte")
def _(dir):
    def serve(c):
        data = b""
        while len(data) < 1000000:
            data += c.recv(65536)
        c.sendall(data)
        c.recv(1)

    with Tls(pki()["good"], serve=serve) as s:
        gave(speak(dir, "connect " + tls(s), "big 1000000", args=("--insecure",), program=tls_program()),
             (1, b""), (1, b""))


@test("tls: the peer closes")
def _(dir):
    program = tls_program()
    with Tls(pki()["good"], serve=lambda c: c.sendall(b"abc")) as s:
        got = speak(dir, "connect " + tls(s), "exact 3", "read 9", args=("--insecure",), program=program)
        gave(got, (1, b""), (1, b"abc"), (0, b""))
        got = speak(dir, "connect " + tls(s), "exact 4", args=("--insecure",), program=program)
        same((got[1].rc, got[1].error), (0, "connection closed by peer"), *got)


@test("tls: against what is not TLS, and without TLS")
def _(dir):
    def plain(c):
        c.sendall(b"220 hello\r\n")
        c.recv(65536)

    with Script(plain) as s:
        got = speak(dir, "connect " + tls(s), "read 1", program=tls_program(), args=("--insecure",))
        same({g.error for g in got}, {"server does not speak TLS on this port"}, *got)
    with Tls(pki()["good"]) as s:
        r = run(dir, [build(PROGRAM, "-O0"), "--headless", "--only-summary"],
                env={"STREAM_SCRIPT": "connect %s\nread 1" % tls(s)})
        check("LOCUST_TLS" in r.err or "LOCUST_TLS" in r.out, r)


# ---- an example ----

@test("custom_protocol.c")
def _(dir):
    source = "examples/custom_protocol.c"
    lines = []

    def serve(c):
        for line in c.makefile("rb"):
            lines.append(line)
            c.sendall(line)

    with Script(serve) as s:
        r = run(dir, [build(source, "-O0"), "--headless", "-u", "5", "-r", "1000000", "-t", "2", "--csv", "c", "-H",
                      tcp(s), "--only-summary"])
        same(r.rc, 0, r)
        rows, total = stats_csv(dir + "/c")
        same(set(rows), {("ECHO", "line")})
        same(failed(total), 0)
        same(set(lines), {b"hello\n"})
        check(0 <= len(lines) - count(total) <= 5, len(lines), count(total))
        check(count(total) > 100, total)
        same(rows["ECHO", "line"]["Average Content Size"].split(".")[0], "6")
        same(len(s.connections), 5)
    # At its own address, if nobody else has it.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 7777))
        except OSError:
            return
    with At(socket.AF_INET, ("127.0.0.1", 7777), serve):
        r = run(dir, [build(source, "-O0"), "--headless", "-i", "50", "--only-summary"])
        same(r.rc, 0, r)
        check(re.search(r"^ECHO +line +50 +0\(0\.00%\)", r.err, re.M), r)
    r = run(dir, [build(source, "-O0"), "--headless", "-i", "3", "--only-summary", "-H", "tcp://127.0.0.1:%d" % free_port()])
    same(r.rc, 1, r)
    check(re.search(r"^3 +ECHO line: connection refused", r.err, re.M) or "connection refused" in r.err, r)


main(parallel=4, before=lambda: (build(PROGRAM, "-O0"), shutil.which("openssl") and pki()))
