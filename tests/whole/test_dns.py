#!/usr/bin/env -S python3 -B
"""The client of name servers: against knot, and against servers that answer wrongly.

    tests/whole/test_dns.py [WORD...]    only the tests whose name contains a word
"""
import resource, struct
from kit.lib import *
from kit import dns

PROGRAM = "dns_script.c"
SANITIZED = ("-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")


def ask(dir, url, *script, program=None, args=(), env=None, **options):
    """What each line of the script printed, {name: [line, text, ...]} and the result of the run."""
    r = run(dir, [program or build(PROGRAM), "--headless", "--only-summary", "-u", "1", "-i", "1", "--host", url,
                  *args], env={"DNS_SCRIPT": "\n".join(script), **(env or {})}, **options)
    check(r.rc in (0, 1), r)
    answers, name = {}, None
    for line in r.out.splitlines():
        if line.startswith("  "):
            answers[name][-1].append(line[2:])
        else:
            name = line.split(":")[0]
            answers.setdefault(name, []).append([line[len(name) + 2:]])
    return answers, r


def one(answers, name):
    same(len(answers.get(name, ())), 1, name, answers)
    return answers[name][0]


# ---- a real server ----

def dig(server, *args):
    program = shutil.which("dig")
    if not program:
        raise Skip("bind9-dnsutils is missing")
    return subprocess.run([program, "@127.0.0.1", "-p", str(server.port), "+short", "+nosplit", *args],
                          capture_output=True, text=True, timeout=20).stdout.splitlines()


@test("knot: each type as dig prints it, over UDP and TCP")
def _(dir):
    rows = [tuple(line.split()[:2]) for line in dns.RECORDS.strip().splitlines()]
    with dns.Knot(dir) as server:
        want = {name: dig(server, "-q", name + ".example.test", "-t", kind) for name, kind in rows}
        for url in "udp", "tcp":
            got, r = ask(dir, f"{url}://127.0.0.1:{server.port}",
                         *(f"ask {kind} {name}.example.test edns=1232" for name, kind in rows))
            same(r.rc, 0, r)
            each(rows, lambda name, kind: same(one(got, name + ".example.test")[1:], want[name]))


@test("knot: what is not there, what is too large, EDNS, wildcards")
def _(dir):
    rows = [  # what is asked, what is printed
        ("A nowhere.example.test", "NXDOMAIN aa 0/1/0 tries=1 ignored=0 | NXDOMAIN: there is no such name"),
        ("A missing.example.test rcode=3", "NXDOMAIN aa 0/1/0 tries=1 ignored=0 | -"),
        ("A h1.example.test rcode=3", "NOERROR aa 1/0/0 tries=1 ignored=0 | NOERROR in place of NXDOMAIN", "192.0.2.2"),
        ("MX a.example.test", "NOERROR aa 0/1/0 tries=1 ignored=0 | NOERROR without a record"),
        ("A ent.example.test empty", "NOERROR aa 0/1/0 tries=1 ignored=0 | -"),
        ("A www.example.org", "REFUSED 0/0/0 tries=1 ignored=0 | REFUSED: the server does not answer such questions"),
        ("A any.wild.example.test", "NOERROR aa 1/0/0 tries=1 ignored=0 | -", "192.0.2.44"),
        ("A dangling.example.test", "NOERROR aa 1/0/0 tries=1 ignored=0 | -"),
        ("A H2.Example.TEST nsid dnssec", "NOERROR aa 1/0/0 tries=1 ignored=0 | -", "nsid knot", "192.0.2.3"),
        ("A h3.example.test text=192.0.2.4", "NOERROR aa 1/0/0 tries=1 ignored=0 | -", "192.0.2.4"),
        ("A h4.example.test text=192.0.2.99", 'NOERROR aa 1/0/0 tries=1 ignored=0 | no record "192.0.2.99" in the answer',
         "192.0.2.5"),
        ("A h5.example.test subnet=192.0.2.0/24 cookie", "NOERROR aa 1/0/0 tries=1 ignored=0 | -", "192.0.2.6"),
        ("TXT big.example.test", "NOERROR aa tcp 60/0/0 tries=2 ignored=0 | -",
         *('"%d %s"' % (i, "x" * 140) for i in range(60))),
        ("TXT BIG.example.test no_tcp", "NOERROR aa tc 0/0/0 tries=1 ignored=0 | truncated, without a record"),
    ]
    with dns.Knot(dir) as server:
        got, r = ask(dir, f"udp://127.0.0.1:{server.port}", *("ask " + row[0] for row in rows))
        for row in rows:
            answer = one(got, row[0].split()[1])
            same(answer[0], row[1], r)
            same(sorted(answer[1:]), sorted(row[2:]), row[0])
        same(server.asked(), len(rows) + 1)  # one more over TCP


@test("knot: as many questions as it says it was asked")
def _(dir):
    # knot's backlog is 10: of more connections at once some wait for the kernel to repeat itself
    for url, users, sharing in ("udp", 100, 0), ("tcp", 8, 0), ("tcp", 100, 16):
        with dns.Knot(dir) as server:
            at = f"{url}://127.0.0.1:{server.port}"
            lines = [f"ask A h{i}.example.test row=h" for i in range(20)]
            got, r = ask(dir, at, f"times {users}", *([f"connect {at} sharing={sharing}"] if sharing else []), *lines)
            same(r.rc, 0, r)
            good = sum(a[0].startswith("NOERROR") and a[1:] == ["192.0.2.%d" % (i + 1)]
                       for i in range(20) for a in got[f"h{i}.example.test"])
            same((good, server.asked()), (20 * users,) * 2, url, sharing)


# ---- servers that answer wrongly ----

def name_of(q):
    """(the first label of a question, where the question ends)."""
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode())
        at += q[at] + 1
    return labels[0].lower(), at + 5


def reply(q, records=b"", rcode=0, flags=0x8180, id=None, question=None, counts=None, n=None):
    _, end = name_of(q)
    n = n if n is not None else (1 if records else 0)
    counts = counts or (1, n, 0, 0)
    head = (q[:2] if id is None else struct.pack(">H", (struct.unpack(">H", q[:2])[0] + id) & 0xFFFF))
    return head + struct.pack(">5H", flags | rcode, *counts) + (q[12:end] if question is None else question) + records


def rr(data, kind=1, owner=b"\xc0\x0c", length=None):
    return owner + struct.pack(">HHIH", kind, 1, 60, len(data) if length is None else length) + data


A = rr(b"\x7f\0\0\1")
OPT = b"\0" + struct.pack(">HHIH", 41, 1232, 0, 0)
OTHER = b"\5other\4test\0\0\1\0\1"
LATE = "timed out; what came had another id or question, or was late"
sentence = {1: "FORMERR: the server does not understand the question", 2: "SERVFAIL: the server has no answer because of a fault",
            4: "NOTIMP: the server does not know this kind of question", 5: "REFUSED: the server does not answer such questions",
            9: "NOTAUTH: the server has no such zone", 10: "NOTZONE", 12: "RCODE12"}


def loops(q):
    end = name_of(q)[1]
    return rr(b"\x7f\0\0\1", owner=b"\xc0" + bytes([end + 2]) + b"\xc0" + bytes([end]))


# name: what a question for it is answered with, a list of datagrams; the sentence; fields of the question
UDP = {
    "good": (lambda q: [reply(q, A)], "-"),
    "silence": (lambda q: [], "timed out"),
    "id-first": (lambda q: [reply(q, A, id=64), reply(q, A)], "-"),
    "id-only": (lambda q: [reply(q, A, id=64)], LATE),
    "slot-only": (lambda q: [reply(q, A, id=1)], LATE),
    "question-first": (lambda q: [reply(q, A, question=OTHER), reply(q, A)], "-"),
    "question-only": (lambda q: [reply(q, A, question=OTHER)], LATE),
    "type-only": (lambda q: [reply(q, A, question=q[12:name_of(q)[1] - 4] + b"\0\x1c\0\1")], LATE),
    "class-only": (lambda q: [reply(q, A, question=q[12:name_of(q)[1] - 4] + b"\0\1\0\3")], LATE),
    "letter-only": (lambda q: [reply(q, A, question=q[12:13] + b"z" + q[14:name_of(q)[1]])], LATE),
    "capitals": (lambda q: [reply(q, A, question=q[12:name_of(q)[1] - 4].upper() + q[name_of(q)[1] - 4:name_of(q)[1]])], "-"),
    "its-own-question": (lambda q: [q], LATE),
    "a-status": (lambda q: [reply(q, A, flags=0x9180)], LATE),
    "empty-first": (lambda q: [b"", reply(q, A)], "-"),
    "byte-first": (lambda q: [q[:1], q[:2], q[:11], reply(q, A)], "-"),
    "head-only": (lambda q: [reply(q, counts=(0, 0, 0, 0), question=b"")], LATE),
    "head-of-formerr": (lambda q: [reply(q, counts=(0, 0, 0, 0), question=b"", rcode=1)], sentence[1]),
    "two-questions": (lambda q: [reply(q, question=q[12:name_of(q)[1]] + OTHER, counts=(2, 0, 0, 0))], LATE),
    "claims-more": (lambda q: [reply(q, A, n=2)], "malformed answer"),
    "claims-65535": (lambda q: [reply(q, A, n=65535)], "malformed answer"),
    "claims-less": (lambda q: [reply(q, A + A, n=1)], "malformed answer"),
    "byte-behind": (lambda q: [reply(q, A + b"\0")], "malformed answer"),
    "data-too-long": (lambda q: [reply(q, rr(b"\x7f\0\0\1", length=65535))], "malformed answer"),
    "data-cut": (lambda q: [reply(q, A[:-1])], "malformed answer"),
    "a-of-3": (lambda q: [reply(q, rr(b"\x7f\0\0"))], "malformed answer"),
    "a-of-5": (lambda q: [reply(q, rr(b"\x7f\0\0\1\1"))], "malformed answer"),
    "a-of-0": (lambda q: [reply(q, rr(b""))], "malformed answer"),
    "owner-points-to-itself": (lambda q: [reply(q, rr(b"\x7f\0\0\1", owner=b"\xc0" + bytes([name_of(q)[1]])))], "malformed answer"),
    "owners-point-to-each-other": (lambda q: [reply(q, loops(q))], "malformed answer"),
    "owner-points-on": (lambda q: [reply(q, rr(b"\x7f\0\0\1", owner=b"\xc0\xff"))], "malformed answer"),
    "owner-points-to-head": (lambda q: [reply(q, rr(b"\x7f\0\0\1", owner=b"\xc0\x02"))], "malformed answer"),
    "owner-reserved-40": (lambda q: [reply(q, rr(b"\x7f\0\0\1", owner=b"\x41a\0"))], "malformed answer"),
    "owner-reserved-80": (lambda q: [reply(q, rr(b"\x7f\0\0\1", owner=b"\x81a\0"))], "malformed answer"),
    "owner-of-256": (lambda q: [reply(q, rr(b"\x7f\0\0\1", owner=(b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"a" * 62 + b"\0"))], "malformed answer"),
    "owner-grows": (lambda q: [reply(q, rr(b"\x7f\0\0\1", owner=b"\x3f" + b"a" * 63 + b"\xc0" + bytes([name_of(q)[1]])))], "malformed answer"),
    "cname-loop": (lambda q: [reply(q, rr(b"\xc0\x0c", kind=5))], "-"),
    "cname-endless": (lambda q: [reply(q, rr(b"\1a\xc0" + bytes([name_of(q)[1] + 12]), kind=5))], "malformed answer"),
    "string-too-long": (lambda q: [reply(q, rr(b"\x09abc", kind=16))], "malformed answer"),
    "soa-cut": (lambda q: [reply(q, rr(b"\0\0\0\0\0\1", kind=6), counts=(1, 0, 1, 0))], "malformed answer"),
    "two-opt": (lambda q: [reply(q, A + OPT + OPT, counts=(1, 1, 0, 2))], "malformed answer", "edns=1232"),
    "opt-option-too-long": (lambda q: [reply(q, A + OPT[:-2] + b"\0\4\0\3\0\1", counts=(1, 1, 0, 1))], "malformed answer", "edns=1232"),
    "opt-as-answer": (lambda q: [reply(q, OPT)], "malformed answer", "edns=1232"),
    "badvers": (lambda q: [reply(q, OPT[:5] + b"\1\0\0\0" + OPT[9:], counts=(1, 0, 0, 1))],
                "BADVERS: the server knows no such version of EDNS", "edns=1232"),
    "another-cookie": (lambda q: [reply(q, A + b"\0" + struct.pack(">HHIHHH", 41, 1232, 0, 12, 10, 8) + b"strange!", counts=(1, 1, 0, 1))],
                       "the answer has another client's cookie", "cookie"),
    "cookie-of-3": (lambda q: [reply(q, A + b"\0" + struct.pack(">HHIHHH", 41, 1232, 0, 7, 10, 3) + b"abc", counts=(1, 1, 0, 1))],
                    "the answer has another client's cookie", "cookie"),
    "nobody-on-tcp": (lambda q: [reply(q, flags=0x8380)], "truncated, then over TCP: connection refused"),
    "cut-by-tc": (lambda q: [reply(q, A[:7], flags=0x8380, n=1)], "malformed answer", "no_tcp"),
    "large": (lambda q: [reply(q, rr(b"\x7f\0\0\1") * 4000, n=4000)], "-"),
    "three-times": (lambda q: [reply(q, A)] * 3, "-"),
    "noise-before": (lambda q: [b"noise" * 8 for _ in range(100)] + [reply(q, A)], "-"),
    **{"rcode-%d" % n: (lambda q, n=n: [reply(q, rcode=n)], text) for n, text in sentence.items()},
}
WHOLE = 12 + len(b"\6cut-00\4test\0\0\1\0\1") + len(A)
UDP.update({"cut-%02d" % k: (lambda q, k=k: [reply(q, A)[:k]], LATE if k < WHOLE - len(A) else "malformed answer")
            for k in range(WHOLE)})


class Wrong:
    """Answers over UDP as UDP says, or as `udp` does; over TCP by serve(connection), on the same port."""

    def __init__(self, udp=None, serve=None):
        self.udp, self.serve, self.over = udp, serve, False
        self.seen = []
        while True:
            self.s, self.t = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
            self.s.bind(("127.0.0.1", 0))
            self.port = self.s.getsockname()[1]
            self.t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                self.t.bind(("127.0.0.1", self.port))
                break
            self.s.close()
            self.t.close()
        self.threads = [threading.Thread(target=self.datagrams, daemon=True)]
        if serve:
            self.t.listen(64)
            self.threads.append(threading.Thread(target=self.connections, daemon=True))
        for thread in self.threads:
            thread.start()

    def datagrams(self):
        while not self.over:
            try:
                q, who = self.s.recvfrom(4096)
            except OSError:
                return
            if len(q) < 12:
                continue
            label = name_of(q)[0]
            self.seen.append(label)
            if self.udp:
                self.udp(self.s, who, q)
                continue
            for packet in UDP[label][0](q):
                self.s.sendto(packet, who)

    def connections(self):
        while not self.over:
            try:
                c, _ = self.t.accept()
            except OSError:
                return
            threading.Thread(target=self.connection, args=(c,), daemon=True).start()

    def connection(self, c):
        with contextlib.suppress(OSError), c:
            c.settimeout(20)
            self.serve(c)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over = True
        with contextlib.suppress(OSError):
            self.s.sendto(b"", ("127.0.0.1", self.port))  # wakes its thread
        with contextlib.suppress(OSError):
            self.t.shutdown(socket.SHUT_RDWR)
        self.threads[0].join(5)
        self.s.close()
        self.t.close()


def said(answer):
    return answer[0].split(" | ", 1)[1]


@test("wrong answers over UDP: one sentence for each")
def _(dir):
    check(len(UDP) >= 40)
    with Wrong() as server:
        lines = ["ask %s %s.test timeout=%s %s" % ("TXT" if name == "string-too-long" else "A", name,
                                                    0.12 if row[1] in (LATE, "timed out") else 10, "".join(row[2:]))
                 for name, row in UDP.items()]
        got, r = ask(dir, f"udp://127.0.0.1:{server.port}", *lines, program=build(PROGRAM, *SANITIZED), seconds=120)
        each(UDP, lambda name: same(said(one(got, name + ".test")), UDP[name][1], got[name + ".test"]))
        same(int(re.search(r"exit code 1: (\d+) of (\d+) requests failed", r.err)[1]),
             sum(row[1] != "-" for row in UDP.values()), r)
        same(sorted(server.seen), sorted(UDP), "each was asked once")
        check("ignored=1 " in one(got, "id-first.test")[0] and "ignored=3 " in one(got, "byte-first.test")[0], r)


@test("late, from elsewhere, again: over UDP")
def _(dir):
    before = []

    def udp(s, who, q):
        label = name_of(q)[0]
        if label == "late":
            before.append((q, who))
        elif label == "next":
            s.sendto(reply(before[0][0], A), before[0][1])
            s.sendto(reply(q, A), who)
        elif label == "elsewhere":  # the socket of the kit hears of its server alone
            with socket.socket(type=socket.SOCK_DGRAM) as other:
                other.bind(("127.0.0.1", 0))
                other.sendto(reply(q, A), who)
        elif label == "again":
            before.append(label)
            if before.count("again") == 3:
                s.sendto(reply(q, A), who)

    with Wrong(udp) as server:
        got, r = ask(dir, f"udp://127.0.0.1:{server.port}", "ask A late.test timeout=0.2", "ask A next.test",
                     "ask A elsewhere.test timeout=0.2", "ask A again.test timeout=0.3 retries=4",
                     "ask A never.test timeout=0.1 retries=2", program=build(PROGRAM, *SANITIZED))
        same(one(got, "late.test")[0], "none 0/0/0 tries=1 ignored=0 | timed out", r)
        same(one(got, "next.test"), ["NOERROR ra 1/0/0 tries=1 ignored=1 | -", "127.0.0.1"], r)
        same(one(got, "elsewhere.test")[0], "none 0/0/0 tries=1 ignored=0 | timed out", r)
        same(one(got, "again.test")[0], "NOERROR ra 1/0/0 tries=3 ignored=0 | -", r)
        same(one(got, "never.test")[0], "none 0/0/0 tries=3 ignored=0 | timed out", r)


@test("a flood over UDP and TCP ends with the time limit, and takes no memory")
def _(dir):
    def until_over(send):
        deadline = time.monotonic() + 5
        with contextlib.suppress(OSError):
            while time.monotonic() < deadline and not server.over:
                send()

    def udp(s, who, q):
        wrong = reply(q, A, id=64)
        threading.Thread(target=until_over, args=(lambda: s.sendto(wrong, who),), daemon=True).start()

    def serve(c):
        q = c.recv(4096)[2:]
        wrong = reply(q, A, id=64)
        until_over(lambda: c.sendall((struct.pack(">H", len(wrong)) + wrong) * 100))

    limit = 256 << 20
    for url in "udp", "tcp":
        with Wrong(udp, serve) as server:
            got, r = ask(dir, f"{url}://127.0.0.1:{server.port}", "ask A flood.test timeout=1",
                         before_exec=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
            same(said(one(got, "flood.test")), LATE, r)
            check(int(re.search(r"ignored=(\d+)", got["flood.test"][0][0])[1]) > 100, r)
            check(r.seconds < 4, r)


# name: what is written to the connection for one question (None: it is closed, "reset"), the sentence
def framed(m):
    return struct.pack(">H", len(m)) + m


TCP = {
    "good": (lambda q: [framed(reply(q, A))], "-"),
    "in-bytes": (lambda q: [bytes([b]) for b in framed(reply(q, A))], "-"),
    "other-first": (lambda q: [framed(reply(q, A, id=1)) + framed(reply(q, A))], "-"),
    "empty-first": (lambda q: [b"\0\0" + framed(reply(q, A))], "-"),
    "short-first": (lambda q: [b"\0\5hello" + framed(reply(q, A))], "-"),
    "closed": (lambda q: [None], "connection closed by peer"),
    "reset": (lambda q: ["reset"], "connection reset by peer"),
    "length-only": (lambda q: [b"\0\x40", None], "connection closed by peer"),
    "too-short": (lambda q: [framed(reply(q, A))[:-1], None], "connection closed by peer"),
    "waits-for-rest": (lambda q: [framed(reply(q, A))[:-1]], "timed out"),
    "silence": (lambda q: [], "timed out"),
    "tc": (lambda q: [framed(reply(q, A, flags=0x8380))], "truncated, though not over UDP"),
    "other-only": (lambda q: [framed(reply(q, A, id=1))], LATE),
    "question-only": (lambda q: [framed(reply(q, A, question=OTHER))], LATE),
    "longest": (lambda q: [framed(reply(q, rr(b"x" * 255, kind=10) * 240, n=240))], "-"),
    "longest-of-zeros": (lambda q: [framed(reply(q) + b"\0" * 65000), None], "malformed answer"),
    "malformed": (lambda q: [framed(reply(q, A, n=2))], "malformed answer"),
    "http": (lambda q: [b"HTTP/1.1 400 Bad Request\r\n\r\n", None], "connection closed by peer"),
    **{"cut-%02d" % k: (lambda q, k=k: [framed(reply(q, A))[:k], None], "connection closed by peer")
       for k in range(0, WHOLE + 2, 3)},
}


def serve_table(c):
    data = b""
    while True:
        while len(data) < 2 or len(data) < 2 + struct.unpack(">H", data[:2])[0]:
            more = c.recv(4096)
            if not more:
                return
            data += more
        n = struct.unpack(">H", data[:2])[0]
        q, data = data[2:2 + n], data[2 + n:]
        for piece in TCP[name_of(q)[0]][0](q):
            if piece is None:
                return
            if piece == "reset":
                c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            c.sendall(piece)
            if len(piece) == 1:
                time.sleep(0.001)  # pieces that arrive as such


@test("wrong answers over TCP: one sentence for each")
def _(dir):
    with Wrong(serve=serve_table) as server:
        url = f"tcp://127.0.0.1:{server.port}"
        lines = []
        for name, row in TCP.items():  # a connection each: on a kept one a question that was lost is asked again
            kind = "NULL" if name == "longest" else "A"
            lines += ["connect " + url, "ask %s %s.test timeout=%s" % (
                kind, name, 0.2 if row[1] in (LATE, "timed out") else 10)]
        got, r = ask(dir, url, *lines, program=build(PROGRAM, *SANITIZED), seconds=120)
        # connect opened it: it was kept when the question went out, which is then asked once more
        each(TCP, lambda name: same(said(one(got, name + ".test")), TCP[name][1], got[name + ".test"]))
        check("tries=2 " in one(got, "closed.test")[0] and "tries=1 " in one(got, "good.test")[0], r)


@test("TCP: a connection that the server closed is opened again; questions share one, in any order")
def _(dir):
    n = [0]

    def closes(c):  # after each second question, without an answer to that
        n[0] += 1
        for last in False, True:
            q = c.recv(4096)[2:]
            if not q or last:
                return
            c.sendall(framed(reply(q, A)))

    with Wrong(serve=closes) as server:
        got, r = ask(dir, f"tcp://127.0.0.1:{server.port}", *("ask A h%d.test" % i for i in range(4)))
        same([got["h%d.test" % i][0][0].split(" | ")[0].split()[-2] for i in range(4)],
             ["tries=1", "tries=2", "tries=2", "tries=2"], r)
        same((r.rc, n[0]), (0, 4), r)

    connections = []

    def backwards(c):  # waits for ten questions, and answers the last one first
        connections.append(c)
        data = b""
        while data.count(b"\4test") < 10:
            more = c.recv(4096)
            if not more:
                return
            data += more
        answers = []
        while data:
            size = struct.unpack(">H", data[:2])[0]
            answers.append(framed(reply(data[2:2 + size], A)))
            data = data[2 + size:]
        c.sendall(b"".join(answers[::-1]))
        c.recv(1)

    with Wrong(serve=backwards) as server:
        got, r = ask(dir, "udp://127.0.0.1:9", f"times 10\nconnect tcp://127.0.0.1:{server.port} sharing=10\nask A x.test timeout=10")
        same([said(a) for a in got["x.test"]], ["-"] * 10, r)
        same(len(connections), 1, r)


# ---- over HTTP ----

HTTP = {
    "bytes": (None, b"\0\0\x12\4\0\0\0\0\0", None, "not an HTTP/1.x response: the server may speak HTTP/2 alone"),
    "good": (200, "application/dns-message", lambda q: reply(q, A), "-"),
    "not-found": (404, "text/plain", lambda q: b"no", "HTTP status 404 in place of an answer"),
    "as-text": (200, "text/html", lambda q: reply(q, A), "not application/dns-message"),
    "empty": (200, "application/dns-message", lambda q: b"", "malformed answer"),
    "short": (200, "application/dns-message", lambda q: q[:11], "malformed answer"),
    "echo": (200, "application/dns-message", lambda q: q, "an answer to another question"),
    "another-id": (200, "application/dns-message", lambda q: reply(q, A, id=1), "an answer to another question"),
    "other-question": (200, "application/dns-message", lambda q: reply(q, A, question=OTHER), "an answer to another question"),
    "malformed": (200, "application/dns-message", lambda q: reply(q, A, n=2), "malformed answer"),
    "truncated": (200, "application/dns-message", lambda q: reply(q, A, flags=0x8380), "truncated, though not over UDP"),
    "no-such-name": (200, "application/dns-message", lambda q: reply(q, rcode=3), "NXDOMAIN: there is no such name"),
    "end": (None, b"", None, "connection closed without a response: the server may speak HTTP/2 alone"),
    "half": (None, b"HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: 100\r\n\r\nabc", None,
             "connection closed inside the response body"),
}


def serve_http(c, seen):
    import base64
    f = c.makefile("rb")
    while True:
        line = f.readline().decode()
        if not line:
            return
        fields = dict(h.decode().rstrip().lower().split(": ", 1) for h in iter(f.readline, b"\r\n") if h)
        if line.startswith("GET"):
            text = line.split()[1].split("dns=")[1]
            q = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        else:
            q = f.read(int(fields["content-length"]))
            same(fields["content-type"], "application/dns-message")
        seen.append((line.split()[0], line.split()[1].split("?")[0], fields["accept"], q[:2]))
        status, kind, body, _ = HTTP[name_of(q)[0]]
        if status is None:
            c.sendall(kind)
            c.shutdown(socket.SHUT_RDWR)
            return
        data = body(q)
        c.sendall(b"HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (status, kind.encode(), len(data)) + data)


@test("over HTTP: POST and GET, the row is the question's, one sentence for each wrong answer")
def _(dir):
    seen = []
    with Wrong(serve=lambda c: serve_http(c, seen)) as server:
        for get in "", " get":
            seen.clear()
            url = f"http://127.0.0.1:{server.port}/dns-query"
            got, r = ask(dir, url, "connect %s%s" % (url + ("{?dns}" if get else ""), get),
                         *("ask A %s.test row=h" % name for name in HTTP),
                         program=build(PROGRAM, *SANITIZED))
            each(HTTP, lambda name: same(said(one(got, name + ".test")), HTTP[name][3], got[name + ".test"]))
            same(set(seen), {("GET" if get else "POST", "/dns-query", "application/dns-message", b"\0\0")})
            rows = set(re.findall(r"^(\w+) +(\S.*?) {2,}\d", r.err, re.M))
            same(rows - {("DNS", "connect http"), ("Type", "Name")}, {("DNS", "h")}, r)


@test("what cannot be asked fails the task with a sentence")
def _(dir):
    rows = [
        ("ask FOO a.test", 'locust_dns_query knows no type "FOO": write one such as "A", "HTTPS" or "TYPE65280"'),
        ("ask AXFR a.test", "locust_dns_query asks for one answer, and a zone transfer (AXFR) is many"),
        ("ask A a..test", 'the question "a..test" of locust_dns_query is no name of DNS'),
        ("ask A a.test subnet=192.0.2.0/33", "has a .subnet that is no prefix, such as 192.0.2.0/24"),
    ]
    each(rows, lambda line, sentence: check(sentence in str(ask(dir, "udp://127.0.0.1:9", line)[1]), line))
    rows = [("quic://127.0.0.1", "unknown URL scheme"), ("udp://", "invalid URL")]
    each(rows, lambda url, sentence: check(sentence in str(ask(dir, "http://127.0.0.1:9", "connect " + url)[1])))


@test("a program that asks nothing holds nothing of it")
def _(dir):
    names = subprocess.run(["nm", build("examples/demo.c", "-O2")], capture_output=True, text=True, check=True).stdout
    same([line for line in names.splitlines() if "locust_dns" in line or "dns_client" in line or "dns_line" in line
          or "dns_data" in line or "os_packets" in line], [])


main(parallel=4)
