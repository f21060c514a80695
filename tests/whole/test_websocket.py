#!/usr/bin/env -S python3 -B
"""WebSocket and Socket.IO against servers that break each rule, to the byte, and against ones that keep them.
What is expected follows from RFC 6455, RFC 7692 and the protocols of Engine.IO 4 and Socket.IO 5.

    tests/whole/test_websocket.py [WORD...]    only the tests whose name contains a word
"""
import base64, hashlib, json, struct, zlib
from kit.lib import *
from kit import rooms

PROGRAM = "scripted_websocket.c"
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ZLIB = os.path.exists("/usr/include/zlib.h")


def program():
    flags = ("-O0", "-DLOCUST_ZLIB") if ZLIB else ("-O0",)
    return build(PROGRAM, *flags, libs=("-lz",) if ZLIB else ())


class Line:
    def __init__(self, text):
        self.what, self.came, self.error = text.split("\t")

    def __repr__(self):
        return "%s -> %s (%s)" % (self.what, self.came[:200], self.error)

    def value(self):
        return self.error if self.error != "-" else self.came


def speak(dir, *script, args=(), seconds=60):
    """Runs a script; its lines."""
    r = run(dir, [program(), "--headless", "--only-summary", *args], env={"WS_SCRIPT": "\n".join(script)},
            seconds=seconds)
    check(r.rc in (0, 1), r)
    return [Line(t) for t in r.out.splitlines()], r


def values(lines):
    return [line.value() for line in lines]


# ---- the server's half ----

def frame(opcode, payload=b"", fin=True, rsv=0, mask=False, form=None, length=None):
    """A frame; form: bytes of the length, 1, 3 or 9; length: what it says, if that is not the truth."""
    n = len(payload) if length is None else length
    form = form or (1 if n < 126 else 3 if n < 65536 else 9)
    head = bytes([(128 if fin else 0) | rsv << 4 | opcode])
    head += (bytes([n]) if form == 1 else bytes([126]) + struct.pack(">H", n) if form == 3
             else bytes([127]) + struct.pack(">Q", n)) if not mask else bytes([128 | n]) + b"\0\0\0\0"
    return head + payload


def close(code=1000, reason=b""):
    return frame(8, struct.pack(">H", code) + reason)


def read_request(c):
    """The path and the fields of a request; what came behind its head."""
    head = b""
    while b"\r\n\r\n" not in head:
        data = c.recv(65536)
        if not data:
            return None, {}, b""
        head += data
    head, rest = head.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    return lines[0].split(" ")[1], {n.lower(): v for n, v in (l.split(": ", 1) for l in lines[1:])}, rest


def accept_of(fields):
    key = fields["sec-websocket-key"].encode()
    return base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()


def shake(c, fields, *more, accept=None):
    c.sendall("\r\n".join(["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                           "Sec-WebSocket-Accept: " + (accept or accept_of(fields)), *more, "", ""]).encode())


class Frames:
    """What a client sends: (opcode, payload) of each frame, unmasked. A mask must be there (RFC 6455 5.1)."""

    def __init__(self, c, rest=b""):
        self.c, self.data, self.firsts = c, rest, []

    def take(self, n):
        while len(self.data) < n:
            got = self.c.recv(65536)
            if not got:
                raise EOFError
            self.data += got
        out, self.data = self.data[:n], self.data[n:]
        return out

    def next(self):
        first, second = self.take(2)
        check(second & 128, "a client's frame without a mask")
        n = second & 127
        if n >= 126:
            n = int.from_bytes(self.take(2 if n == 126 else 8), "big")
        mask = self.take(4)
        payload = self.take(n)
        self.firsts.append(first)
        return first & 15, bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def deflated(text, window=15, flush=True):
    z = zlib.compressobj(9, zlib.DEFLATED, -window)
    data = z.compress(text) + z.flush(zlib.Z_SYNC_FLUSH)
    return data[:-4]


PMD = "Sec-WebSocket-Extensions: permessage-deflate"
FLOOD = frame(9, b"x" * 125) * 200

# name: bytes behind the handshake, what a receive comes to, the code of the client's Close (None: any).
# A server that only hangs up gets none.
WRONG = {
    "RSV1 without an extension": (frame(1, b"a", rsv=4), "frame with a reserved bit", 1002),
    "RSV2": (frame(1, b"a", rsv=2), "frame with a reserved bit", 1002),
    "RSV3": (frame(2, b"a", rsv=1), "frame with a reserved bit", 1002),
    "all RSV in a ping": (frame(9, b"a", rsv=7), "frame with a reserved bit", 1002),
    "RSV1 in a ping": (frame(9, rsv=4), "frame with a reserved bit", 1002),
    "opcode 3": (frame(3, b"a"), "frame with an unknown opcode", 1002),
    "opcode 7": (frame(7), "frame with an unknown opcode", 1002),
    "opcode 11": (frame(11), "frame with an unknown opcode", 1002),
    "opcode 15": (frame(15, b"a"), "frame with an unknown opcode", 1002),
    "masked text": (frame(1, b"abc", mask=True), "masked frame from the server", 1002),
    "masked ping": (frame(9, b"", mask=True), "masked frame from the server", 1002),
    "ping in fragments": (frame(9, b"a", fin=False), "control frame in fragments", 1002),
    "Close in fragments": (frame(8, b"\x03\xe8", fin=False), "control frame in fragments", 1002),
    "ping of 126 bytes": (frame(9, b"a" * 126), "control frame of more than 125 bytes", 1002),
    "pong of 70000 bytes": (frame(10, b"a" * 70000), "control frame of more than 125 bytes", 1002),
    "Close of 200 bytes": (close(1000, b"a" * 198), "control frame of more than 125 bytes", 1002),
    "5 bytes in the form of 16 bits": (frame(1, b"hello", form=3), "frame length that is not in its shortest form", 1002),
    "5 bytes in the form of 64 bits": (frame(1, b"hello", form=9), "frame length that is not in its shortest form", 1002),
    "200 bytes in the form of 64 bits": (frame(1, b"a" * 200, form=9), "frame length that is not in its shortest form", 1002),
    "length of 2^63": (frame(2, b"", form=9, length=1 << 63), "frame length with its top bit set", 1002),
    "length of 2^62": (frame(2, b"", form=9, length=1 << 62), "message larger than .max_message", 1009),
    "a message above the limit": (frame(1, b"a" * 101), "message larger than .max_message", 1009),
    "fragments above the limit": (frame(1, b"a" * 90, fin=False) + frame(0, b"a" * 11), "message larger than .max_message", 1009),
    "fragment of nothing": (frame(0, b"a"), "fragment of no message", 1002),
    "fragment behind a ping": (frame(9) + frame(0, b"c"), "fragment of no message", 1002),
    "text inside of text": (frame(1, b"a", fin=False) + frame(1, b"b"), "message inside a fragmented one", 1002),
    "bytes inside of text": (frame(1, b"a", fin=False) + frame(2, b"b"), "message inside a fragmented one", 1002),
    "text that is not UTF-8": (frame(1, b"\xff"), "text that is not UTF-8", 1007),
    "an overlong slash": (frame(1, b"\xc0\xaf"), "text that is not UTF-8", 1007),
    "half of a surrogate pair": (frame(1, b"\xed\xa0\x80"), "text that is not UTF-8", 1007),
    "above U+10FFFF": (frame(1, b"\xf4\x90\x80\x80"), "text that is not UTF-8", 1007),
    "a character cut at the end": (frame(1, b"ab\xe2\x82"), "text that is not UTF-8", 1007),
    "a character cut by the end of fragments": (frame(1, b"\xe2", fin=False) + frame(0, b"\x82"), "text that is not UTF-8", 1007),
    "a character broken across fragments": (frame(1, b"\xe2", fin=False) + frame(0, b"a"), "text that is not UTF-8", 1007),
    "Close of one byte": (frame(8, b"\x03"), "Close with a code that is none", 1002),
    "Close 0": (close(0), "Close with a code that is none", 1002),
    "Close 999": (close(999), "Close with a code that is none", 1002),
    "Close 1004": (close(1004), "Close with a code that is none", 1002),
    "Close 1005": (close(1005), "Close with a code that is none", 1002),
    "Close 1006": (close(1006), "Close with a code that is none", 1002),
    "Close 1015": (close(1015), "Close with a code that is none", 1002),
    "Close 1016": (close(1016), "Close with a code that is none", 1002),
    "Close 2999": (close(2999), "Close with a code that is none", 1002),
    "Close 5000": (close(5000), "Close with a code that is none", 1002),
    "a reason that is not UTF-8": (close(1000, b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed"), "Close with a reason that is not UTF-8", 1007),
    "HTTP behind the handshake": (b"HTTP/1.1 400 Bad Request\r\n\r\n", "frame with a reserved bit", 1002),
    "Close 1000": (close(), "closed by peer: 1000", 1000),
    "Close 1011": (close(1011, b"boom"), "closed by peer: 1011", 1011),
    "keepalive": (close(1011, b"keepalive ping timeout"), "closed by peer: 1011, as our pong did not come in time", 1011),
    "idle": (close(1001, b"Connection Idle Timeout"), "closed by peer: 1001, as nothing was sent for long", 1001),
    "Close 4999": (close(4999), "closed by peer: 4999", 4999),
    "Close without a code": (frame(8), "closed by peer without a code", 1005),
    "Close and then a flood": (close(1012) + FLOOD * 100, "closed by peer: 1012", 1012),
}
HANGS_UP = {
    "at once": (b"", "connection closed by peer without a Close"),
    "inside a head": (b"\x81", "connection closed inside a frame"),
    "inside a length": (b"\x81\x7e\x01", "connection closed inside a frame"),
    "inside a payload": (frame(1, b"hello")[:4], "connection closed inside a frame"),
    "inside a ping": (frame(9, b"hello")[:4], "connection closed inside a frame"),
    "between fragments": (frame(1, b"a", fin=False), "connection closed inside a message"),
    "behind a flood of pings": (FLOOD * 50, "connection closed by peer without a Close"),
}
COMPRESSED = {
    "a message": (frame(1, deflated(b"hello" * 10), rsv=4), "hello" * 10, None),
    "one that is not": (frame(1, b"plain"), "plain", None),
    "in fragments": (frame(1, deflated(b"hello")[:3], fin=False, rsv=4) + frame(0, deflated(b"hello")[3:]), "hello", None),
    "a block marked as the last (7.2.3.5)": (frame(1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", rsv=4), "Hello", None),
    "two blocks (7.2.3.4)": (frame(1, b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", rsv=4), "Hello", None),
    "rubbish": (frame(1, b"\xff\xff\xff\xff\xff", rsv=4), "malformed compressed message", 1007),
    "RSV1 in a later fragment": (frame(1, deflated(b"hello")[:3], fin=False, rsv=4) + frame(0, b"x", rsv=4),
                                 "frame with a reserved bit", 1002),
    "a bomb": (frame(2, deflated(b"\0" * 5_000_000), rsv=4), "message larger than .max_message", 1009),
    "not UTF-8": (frame(1, deflated(b"\xff\xfe"), rsv=4), "text that is not UTF-8", 1007),
}
HANDSHAKES = {
    "status 200": (lambda f: ["HTTP/1.1 200 OK", "Content-Length: 0"], "status 200 in place of 101"),
    "status 403": (lambda f: ["HTTP/1.1 403 No", "Content-Length: 2"], "status 403 in place of 101"),
    "status 426": (lambda f: ["HTTP/1.1 426 ", "Sec-WebSocket-Version: 8", "Content-Length: 0"], "status 426 in place of 101"),
    "no Upgrade": (lambda f: ["HTTP/1.1 101 ", "Connection: Upgrade", "Sec-WebSocket-Accept: " + accept_of(f)],
                   "handshake without Upgrade: websocket"),
    "another Upgrade": (lambda f: ["HTTP/1.1 101 ", "Upgrade: h2c", "Connection: Upgrade",
                                   "Sec-WebSocket-Accept: " + accept_of(f)], "handshake without Upgrade: websocket"),
    "no Connection": (lambda f: ["HTTP/1.1 101 ", "Upgrade: websocket", "Sec-WebSocket-Accept: " + accept_of(f)],
                      "handshake without Connection: Upgrade"),
    "no Accept": (lambda f: ["HTTP/1.1 101 ", "Upgrade: websocket", "Connection: Upgrade"],
                  "handshake without Sec-WebSocket-Accept"),
    "a wrong Accept": (lambda f: ["HTTP/1.1 101 ", "Upgrade: websocket", "Connection: Upgrade",
                                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
                       "handshake with a wrong Sec-WebSocket-Accept"),
    "Accept twice": (lambda f: ["HTTP/1.1 101 ", "Upgrade: websocket", "Connection: Upgrade"]
                     + ["Sec-WebSocket-Accept: " + accept_of(f)] * 2, "handshake with a wrong Sec-WebSocket-Accept"),
    "an extension": (lambda f: ["HTTP/1.1 101 ", "Upgrade: websocket", "Connection: Upgrade", PMD,
                                "Sec-WebSocket-Accept: " + accept_of(f)],
                     "handshake with an extension that was not offered"),
    "a subprotocol": (lambda f: ["HTTP/1.1 101 ", "Upgrade: websocket", "Connection: Upgrade",
                                 "Sec-WebSocket-Protocol: mqtt", "Sec-WebSocket-Accept: " + accept_of(f)],
                      "handshake with a subprotocol that was not offered"),
    "not HTTP": (lambda f: ["SSH-2.0-x"], "not an HTTP/1.x response"),
    "a field without a colon": (lambda f: ["HTTP/1.1 101 ", "Upgrade websocket"], "malformed header field"),
    "all in other cases": (lambda f: ["HTTP/1.1 101 Web Socket Protocol Handshake", "upgrade: WebSocket",
                                      "CONNECTION: keep-alive, upgrade", "sec-websocket-accept: " + accept_of(f)], '""'),
}
EXTENSIONS = {
    "as offered": ("permessage-deflate", '""'),
    "windows": ("permessage-deflate;server_max_window_bits=12; client_max_window_bits=\"9\"", '""'),
    "no contexts": ("permessage-deflate; server_no_context_takeover; client_no_context_takeover", '""'),
    "another one": ("x-webkit-deflate-frame", None),
    "an unknown parameter": ("permessage-deflate; mystery=1", None),
    "a window of 16": ("permessage-deflate; server_max_window_bits=16", None),
    "a window of 7": ("permessage-deflate; client_max_window_bits=7", None),
    "a window without a size": ("permessage-deflate; client_max_window_bits", None),
    "twice": ("permessage-deflate, permessage-deflate", None),
    "a parameter twice": ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", None),
}


class Rows:
    """A server that finds in the path which row to play: /NUMBER. Keeps the codes of the client's Closes."""

    def __init__(self, play):
        self.play, self.closes, self.wrong, self.ended = play, {}, [], 0

    def __call__(self, c):
        try:
            self.one(c)
        finally:
            self.ended += 1

    def one(self, c):
        path, fields, rest = read_request(c)
        if path is None:
            return
        number = int(path.strip("/"))
        try:
            frames = Frames(c, rest)
            with contextlib.suppress(OSError):  # the client need not take all
                self.play(c, number, fields)
            while True:
                opcode, payload = frames.next()
                if opcode == 8:
                    self.closes[number] = int.from_bytes(payload[:2], "big") if payload else 1005
                    return
        except (EOFError, OSError):
            pass
        except AssertionError as why:
            self.wrong.append(why)


def play_rows(dir, rows, play, options="", command="receive 5"):
    """Runs all rows by one user: what each receive said; the codes of its Closes."""
    server = Rows(play)
    with Script(server) as s:
        script = []
        for i in range(len(rows)):
            script += ["connect ws://127.0.0.1:%d/%d %s" % (s.port, i, options), command]
        lines, r = speak(dir, *script)
        same(len(lines), 2 * len(rows), r)
        # The last Close may still be on its way when the program has ended.
        until(lambda: server.ended == len(s.connections), 5, "the server's end")
    check(not server.wrong, *server.wrong)
    return lines, server.closes, r


def check_rows(table, lines, closes, strict=True):
    for i, (name, row) in enumerate(table.items()):
        same(lines[2 * i].value(), '""', name)
        same(lines[2 * i + 1].value(), row[1], name)
        if row[2] is not None and (strict or i in closes):
            same(closes.get(i), row[2], name)


@test("wrong frames: one sentence each, and a Close with the code that RFC 6455 7.4.1 has for it")
def _(dir):
    rows = list(WRONG.values())

    def play(c, i, fields):
        shake(c, fields)
        c.sendall(rows[i][0])

    lines, closes, r = play_rows(dir, rows, play, "max=100")
    check_rows(WRONG, lines, closes)


@test("wrong frames in single bytes, and all in one piece with the handshake")
def _(dir):
    rows = list(WRONG.values())[:46]

    def bytewise(c, i, fields):
        shake(c, fields)
        for b in rows[i][0][:300]:
            c.sendall(bytes([b]))

    def at_once(c, i, fields):
        head = "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
        c.sendall((head % accept_of(fields)).encode() + rows[i][0])

    for play in bytewise, at_once:
        lines, closes, r = play_rows(dir, rows, play, "max=100")
        check_rows(dict(list(WRONG.items())[:46]), lines, closes, strict=False)


@test("a server that hangs up, at each place")
def _(dir):
    rows = list(HANGS_UP.values())
    whole = frame(1, b"hello") + frame(9, b"p") + frame(2, b"x" * 300, fin=False) + frame(0, b"y")

    def play(c, i, fields):
        shake(c, fields)
        c.sendall(rows[i][0])
        c.shutdown(socket.SHUT_WR)

    lines, closes, r = play_rows(dir, rows, play)
    for i, (name, row) in enumerate(HANGS_UP.items()):
        same(lines[2 * i + 1].value(), row[1], name)

    def cut(c, i, fields):
        shake(c, fields)
        c.sendall(whole[:i])
        c.shutdown(socket.SHUT_WR)

    lines, closes, r = play_rows(dir, range(len(whole)), cut)
    for i in range(len(whole)):
        want = "hello" if i >= 7 else HANGS_UP["inside a head"][1] if i else HANGS_UP["at once"][1]
        same(lines[2 * i + 1].value(), want, i)


@test("wrong handshakes, cut handshakes, silence")
def _(dir):
    rows = list(HANDSHAKES.values())

    def play(c, i, fields):
        c.sendall("\r\n".join([*rows[i][0](fields), "", ""]).encode())

    lines, closes, r = play_rows(dir, rows, play)
    for i, (name, row) in enumerate(HANDSHAKES.items()):
        same(lines[2 * i].value(), row[1], name)
        if row[1] != '""':
            same(lines[2 * i + 1].value(), row[1], "what comes after says the same: " + name)
    rows = list(EXTENSIONS.values()) if ZLIB else []
    lines, closes, r = play_rows(
        dir, rows, lambda c, i, f: shake(c, f, "Sec-WebSocket-Extensions: " + rows[i][0]), "deflate", "close 1000 ")
    for i, (name, row) in enumerate(EXTENSIONS.items() if ZLIB else ()):
        same(lines[2 * i].value(), row[1] or "handshake with an extension that was not offered", name)

    def cut(c, i, fields):
        text = "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        c.sendall((text + accept_of(fields) + "\r\n\r\n").encode()[:i * 7])
        c.shutdown(socket.SHUT_WR)

    lines, closes, r = play_rows(dir, range(15), cut)
    same({l.value() for l in lines[2:]}, {"connection closed inside the response header"}, r)
    same(lines[0].value(), "connection closed without a response", r)
    with Script(lambda c: c.recv(65536) and c.recv(1)) as s:
        lines, r = speak(dir, "connect ws://127.0.0.1:%d/ timeout=0.3" % s.port)
        same(values(lines), ["timed out"], r)


@test("compressed messages, and wrong ones")
def _(dir):
    if not ZLIB:
        raise Skip("no zlib")
    rows = list(COMPRESSED.values())

    def play(c, i, fields):
        check("permessage-deflate" in fields["sec-websocket-extensions"])
        shake(c, fields, PMD)
        c.sendall(rows[i][0])

    lines, closes, r = play_rows(dir, rows, play, "deflate max=1000")
    check_rows(COMPRESSED, lines, closes)


@test("what the client sends: masks, fragments, pongs, Close, text that is none")
def _(dir):
    got, firsts = [], []

    def serve(c):
        path, fields, rest = read_request(c)
        shake(c, fields, "Sec-WebSocket-Protocol: b")
        c.sendall(frame(9, b"are you there"))
        frames = Frames(c, rest)
        with contextlib.suppress(EOFError):
            while not got or got[-1][0] != 8:
                got.append(frames.next())
        firsts.extend(frames.firsts)
        c.sendall(close(1000))

    with Script(serve) as s:
        lines, r = speak(dir, "connect ws://127.0.0.1:%d/ protocol=a,b origin=http://a.test" % s.port, "receive 0.2",
                         "send hello", "bytes 70000", "part one", "part two", "last three", "send \xff".encode().decode(),
                         "close 4000 why not", "code")
    same(values(lines)[:2], ["b", "no message within the time given"], r)
    same(values(lines)[2:], ["sent"] * 6 + ["closed", "1000 "], r)
    same([g[0] for g in got], [10, 1, 2, 1, 0, 0, 1, 8])
    same([f & 128 for f in firsts], [128, 128, 128, 0, 0, 128, 128, 128])
    same([g[1] for g in got[:2]] + [len(got[2][1])] + [g[1] for g in got[3:6]],
         [b"are you there", b"hello", 70000, b"one", b"two", b"three"])
    same(got[7][1], struct.pack(">H", 4000) + b"why not")


@test("pings are answered and messages kept while the user does something else; a flood is bounded")
def _(dir):
    pongs = []

    def serve(c):
        path, fields, rest = read_request(c)
        shake(c, fields)
        frames = Frames(c, rest)
        for i in range(20):
            c.sendall(frame(1, b"m%d" % i) + frame(9, b"p%d" % i))
            pongs.append(frames.next())
        c.sendall(frame(1, b"last"))
        c.settimeout(2)
        with contextlib.suppress(OSError):  # more than the client takes: it stops reading
            while True:
                c.sendall(frame(2, b"x" * 50000))

    with Script(serve) as s:
        began = time.monotonic()
        lines, r = speak(dir, "connect ws://127.0.0.1:%d/ max=100000" % s.port, "sleep 3",
                         *["receive 1"] * 22, "ping 1")
    same(pongs, [(10, b"p%d" % i) for i in range(20)], r)
    same(values(lines)[1:22], ["m%d" % i for i in range(20)] + ["last"], r)
    same(values(lines)[22], "50000 bytes", r)
    check(time.monotonic() - began < 30, r)


@test(".ping_s: silence is found out, and a server that answers stays")
def _(dir):
    def silent(c):
        path, fields, rest = read_request(c)
        shake(c, fields)
        with contextlib.suppress(OSError):
            while c.recv(65536):
                pass

    def alive(c):
        path, fields, rest = read_request(c)
        shake(c, fields)
        frames = Frames(c, rest)
        with contextlib.suppress(EOFError, OSError):
            while True:
                opcode, payload = frames.next()
                if opcode == 9:
                    c.sendall(frame(10, payload))

    with Script(silent) as a, Script(alive) as b:
        lines, r = speak(dir, "connect ws://127.0.0.1:%d/ pings=1" % a.port, "receive 20",
                         "connect ws://127.0.0.1:%d/ pings=1" % b.port, "receive 4", "ping 2")
    same(values(lines), ['""', "no pong within .ping_s", '""', "no message within the time given", "pong"], r)


@test("redirects, cookies, credentials and fields go with the handshake")
def _(dir):
    seen = []

    def serve(c):
        path, fields, rest = read_request(c)
        seen.append((path, fields.get("cookie"), fields.get("authorization"), fields.get("origin")))
        if path == "/a":
            c.sendall(b"HTTP/1.1 302 \r\nLocation: ws://127.0.0.1:%d/b\r\nSet-Cookie: k=v\r\nContent-Length: 0\r\n\r\n"
                      % s.port)
        elif path == "/b":
            c.sendall(b"HTTP/1.1 307 \r\nLocation: c\r\nContent-Length: 0\r\n\r\n")
        elif path == "/round":
            c.sendall(b"HTTP/1.1 302 \r\nLocation: /round\r\nContent-Length: 0\r\n\r\n")
        else:
            shake(c, fields)
            c.recv(65536)

    with Script(serve) as s:
        lines, r = speak(dir, "connect ws://ann:x@127.0.0.1:%d/a origin=http://o" % s.port,
                         "connect ws://127.0.0.1:%d/round" % s.port, "connect ftp://127.0.0.1/")
    same(values(lines)[:2], ['""', "more than 30 redirects"], r)
    same(seen[:3], [("/a", None, "Basic YW5uOng=", "http://o"), ("/b", "k=v", "Basic YW5uOng=", "http://o"),
                    ("/c", "k=v", "Basic YW5uOng=", "http://o")])
    check('is not a URL for WebSocket' in r.err, r)


@test("through a proxy by CONNECT, and over a unix socket")
def _(dir):
    asked = []

    def proxy(c):
        head = b""
        while b"\r\n\r\n" not in head:
            head += c.recv(65536)
        asked.append(head.split(b"\r\n")[0])
        c.sendall(b"HTTP/1.1 200 \r\n\r\n")
        path, fields, rest = read_request(c)
        asked.append(path)
        shake(c, fields)
        c.sendall(frame(1, b"hello"))
        c.recv(65536)

    with Script(proxy) as s:
        lines, r = speak(dir, "connect ws://nowhere.test:81/x", "receive 3",
                         args=("--proxy", "http://127.0.0.1:%d" % s.port))
    same(values(lines), ['""', "hello"], r)
    same(asked, [b"CONNECT nowhere.test:81 HTTP/1.1", "/x"])


# ---- Socket.IO ----

OPEN = b'0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'


def t(text):
    return frame(1, text if isinstance(text, bytes) else text.encode())


class Engine:
    """A Socket.IO server that plays a row: (frames of the opening, frames behind the answer to 40)."""

    def __init__(self, rows):
        self.rows, self.wrong = rows, []

    def __call__(self, c):
        path, fields, rest = read_request(c)
        if path is None:
            return
        number = int(re.search(r"row=(\d+)", path)[1])
        opening, behind = self.rows[number][:2]
        try:
            shake(c, fields)
            c.sendall(opening)
            frames = Frames(c, rest)
            if behind is not None:
                opcode, payload = frames.next()
                check(payload.startswith(b"40"), payload)
                c.sendall(behind)
            while True:
                frames.next()
        except (EOFError, OSError):
            pass
        except AssertionError as why:
            self.wrong.append(why)


JOINED = t('40{"sid":"x1"}')
SESSION = "no Engine.IO session: the answer is not that of Engine.IO 4"
UNFIT = "Socket.IO packet with data that do not fit its type"
COUNT = "Socket.IO packet with a wrong number of attachments"
SIO = {
    # name: opening, behind 40 (None: it is not reached), of connect, of the event that is waited for
    "no session": (t("hello"), None, SESSION, None),
    "a session that is no JSON": (t("0{"), None, SESSION, None),
    "a session without sid": (t('0{"pingInterval":1}'), None, SESSION, None),
    "a session of an array": (t("0[]"), None, SESSION, None),
    "bytes in place of a session": (frame(2, OPEN), None, SESSION, None),
    "an empty session": (t(""), None, SESSION, None),
    "a wrong pingInterval": (t('0{"sid":"a","pingInterval":"x"}'), None, "Engine.IO session with an invalid pingInterval or pingTimeout", None),
    "a negative pingTimeout": (t('0{"sid":"a","pingTimeout":-5}'), None, "Engine.IO session with an invalid pingInterval or pingTimeout", None),
    "Close in place of a session": (close(1008), None, "closed by peer: 1008", None),
    "HTTP in place of a session": (b"HTTP/1.1 400 Bad Request\r\n\r\n", None, "frame with a reserved bit", None),
    "refused by an object": (t(OPEN), t('44{"message":"no"}'), "namespace refused: no", None),
    "refused by a string": (t(OPEN), t('44"Unable to connect"'), "namespace refused: Unable to connect", None),
    "refused without a reason": (t(OPEN), t('44{}'), "namespace refused: no reason given", None),
    "refused by a number": (t(OPEN), t('445'), UNFIT, None),
    "closed before it is joined": (t(OPEN), t("1"), "closed by the server", None),
    "disconnected before it is joined": (t(OPEN), t("41"), "disconnected by the server", None),
    "joined by an array": (t(OPEN), t("40[]"), UNFIT, None),
    "engine 7": (t(OPEN), JOINED + t("7"), "connected", "Engine.IO packet of an unknown type"),
    "engine x": (t(OPEN), JOINED + t("x"), "connected", "Engine.IO packet of an unknown type"),
    "an empty text": (t(OPEN), JOINED + t(""), "connected", "Engine.IO packet of an unknown type"),
    "a second session": (t(OPEN), JOINED + t(OPEN), "connected", "Engine.IO packet of an unknown type"),
    "an empty packet": (t(OPEN), JOINED + t("4"), "connected", "Socket.IO packet of an unknown type"),
    "packet 7": (t(OPEN), JOINED + t("47"), "connected", "Socket.IO packet of an unknown type"),
    "packet x": (t(OPEN), JOINED + t("4x[]"), "connected", "Socket.IO packet of an unknown type"),
    "an event without data": (t(OPEN), JOINED + t("42"), "connected", UNFIT),
    "an event of an empty array": (t(OPEN), JOINED + t("42[]"), "connected", UNFIT),
    "an event of an object": (t(OPEN), JOINED + t('42{"a":1}'), "connected", UNFIT),
    "an event whose name is a number": (t(OPEN), JOINED + t("42[1]"), "connected", UNFIT),
    "an event that is cut": (t(OPEN), JOINED + t('42["a",{"b":'), "connected", UNFIT),
    "an event with rubbish behind": (t(OPEN), JOINED + t('42["a"]x'), "connected", UNFIT),
    "an ack without a number": (t(OPEN), JOINED + t("43[]"), "connected", UNFIT),
    "an ack of an object": (t(OPEN), JOINED + t("430{}"), "connected", UNFIT),
    "a disconnect with data": (t(OPEN), JOINED + t("41[]"), "connected", UNFIT),
    "a number of 30 digits": (t(OPEN), JOINED + t("42" + "9" * 30 + '["a"]'), "connected", "Socket.IO packet with a number that is too long"),
    "no attachments": (t(OPEN), JOINED + t('450-["a"]'), "connected", COUNT),
    "a million attachments": (t(OPEN), JOINED + t('451000000-["a"]'), "connected", COUNT),
    "attachments without a hyphen": (t(OPEN), JOINED + t('451["a"]'), "connected", COUNT),
    "attachments without a number": (t(OPEN), JOINED + t('45-["a"]'), "connected", COUNT),
    "bytes of nothing": (t(OPEN), JOINED + frame(2, b"abc"), "connected", "bytes that belong to no Socket.IO packet"),
    "a packet before the bytes": (t(OPEN), JOINED + t('451-["a",{"_placeholder":true,"num":0}]') + t('42["b"]'), "connected",
                                  "Socket.IO packet before the attachments of the last one"),
    "nested 600 deep": (t(OPEN), JOINED + t('42["a",' + "[" * 600 + "]" * 600 + "]"), "connected", UNFIT),
    "engine close": (t(OPEN), JOINED + t("1"), "connected", "closed by the server"),
    "disconnect": (t(OPEN), JOINED + t("41"), "connected", "disconnected by the server"),
    "Close": (t(OPEN), JOINED + close(1000), "connected", "closed by peer: 1000"),
    "not UTF-8": (t(OPEN), JOINED + frame(1, b'42["\xff"]'), "connected", "text that is not UTF-8"),
    "silence": (t(OPEN), JOINED, "connected", "no event within the time given"),
    "events of another namespace": (t(OPEN), JOINED + t('42/x,["a"]') + t('451-/x,["b",{"_placeholder":true,"num":0}]')
                                    + frame(2, b"abc") + t('42["c",1]'), "connected", "c [1]"),
    "an event before it is joined": (t(OPEN) + t('42["early"]'), JOINED, "connected", "early []"),
    "an event of a name with escapes": (t(OPEN), JOINED + t(r'42["a\u00e9\n", "x"]'), "connected", "aé\n [\"x\"]".replace("\n", "")),
    "attachments": (t(OPEN), JOINED + t('452-["put",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]')
                    + frame(2, b"abc") + t("2") + frame(2, b""), "connected",
                    'put [{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}] +3 +0'),
    "an ack that nobody asked for": (t(OPEN), JOINED + t("4399[]") + t('42["ok"]'), "connected", "ok []"),
}


@test("Socket.IO: wrong sessions, packets and attachments; one sentence each")
def _(dir):
    table = {n: r for n, r in SIO.items() if "escapes" not in n}
    rows = list(table.values())
    server = Engine(rows)
    with Script(server) as s:
        script = []
        for i in range(len(rows)):
            script += ["sio http://127.0.0.1:%d path=/?row=%d timeout=5" % (s.port, i), "event 1"]
        lines, r = speak(dir, *script)
    check(not server.wrong, *server.wrong)
    same(len(lines), 2 * len(rows), r)
    for i, (name, row) in enumerate(table.items()):
        same(lines[2 * i].value(), row[2], name)
        same(lines[2 * i + 1].value(), row[3] if row[3] is not None else row[2], name)


@test("Socket.IO: what the client sends; heartbeats while the user does something else; acknowledgements")
def _(dir):
    got = []

    def serve(c):
        path, fields, rest = read_request(c)
        got.append(path)
        shake(c, fields)
        c.sendall(t(OPEN))
        frames = Frames(c, rest)
        got.append(frames.next())
        c.sendall(t('40/room,{"sid":"x"}') + t('42/room,7["hi",1]') + t("2"))
        with contextlib.suppress(EOFError):
            while True:
                opcode, payload = frames.next()
                got.append((opcode, payload))
                if payload.startswith(b"42/room,0"):
                    c.sendall(t("43/room,0[3]"))
                if opcode == 8:
                    c.sendall(close(1000))

    with Script(serve) as s:
        lines, r = speak(dir, 'sio http://127.0.0.1:%d space=/room auth={"token":"x"}' % s.port, "sleep 0.5",
                         "event 1", "ack 5", "call sum 1, 2", 'emit say "a"', "attach put 1", "call later 0", "leave",
                         'emit say "b"')
    same(values(lines), ["connected", "hi [1]", "sent", "[3]", "sent", "sent",
                         "no acknowledgement within the time given", "closed",
                         "closed by the test: a call of connect opens another connection"], r)
    same(got[0], "/socket.io/?EIO=4&transport=websocket")
    same(got[1:], [(1, b'40/room,{"token":"x"}'), (1, b"3"), (1, b"43/room,7[5]"), (1, b'42/room,0["sum",1, 2]'),
                   (1, b'42/room,["say","a"]'), (1, b'452-/room,["put",1]'), (2, b"\1\2\3"), (2, b""),
                   (1, b'42/room,1["later",0]'), (1, b"41/room,"), (8, struct.pack(">H", 1000))])
    for row in r"^WS +connect +1 +0\(", r"^WSC +sum +1 +0\(", r"^WSE +say +2 +1\(", r"^WSR +hi +1 +0\(", \
            r"^WSC +later +1 +1\(":
        check(re.search(row, r.err, re.M), row, r)


# ---- real servers, whose counts agree ----

@test("websockets of Python: its counts are ours")
def _(dir):
    seen = {}
    with rooms.serving("websocket", seen) as port:
        r = run(dir, [build("examples/websocket.c", "-O0"), "--headless", "-u", "20", "-r", "1000", "-t", "3",
                      "-H", "ws://127.0.0.1:%d" % port, "--csv", "c", "--only-summary"])
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same((seen["connections"], failed(total)), (count(rows["WS", "connect"]), 0), r)
    check(0 <= seen["messages"] - count(rows["WS", "echo"]) <= 20, seen, rows)  # those that the end cut short
    same(seen["bytes"], 5 * seen["messages"])


@test("python-socketio: its counts are ours, by WebSocket and by an upgrade")
def _(dir):
    with open("examples/socketio.c") as f:
        source = f.read()
    with open(dir + "/polling.c", "w") as f:
        f.write(source.replace("u->host, .auth", "u->host, .polling = true, .auth"))
    for path in "examples/socketio.c", dir + "/polling.c":
        seen = {}
        with rooms.serving("socketio", seen) as port:
            r = run(dir, [build(path, "-O0"), "--headless", "-u", "10", "-r", "1000", "-t", "4", "-H",
                          "http://127.0.0.1:%d" % port, "--csv", "c", "--only-summary"])
        same(r.rc, 0, r)
        rows, total = stats_csv(dir + "/c")
        same(failed(total), 0, r)
        same((seen["connections"], seen["join"]), (count(rows["WS", "connect"]), count(rows["WSE", "join"])), r)
        check(0 <= seen["sum"] - count(rows["WSC", "sum"]) <= 10, seen, rows)


# ---- what is not mentioned is not there ----

@test("a test that mentions none of it has not a byte of it")
def _(dir):
    sizes = []
    for name, without in ("a", []), ("b", ["--without", "7-protocol,flow_figures,flow_report"]):
        os.mkdir(os.path.join(dir, name))
        with open(os.path.join(dir, name, "locust.h"), "w") as out:
            subprocess.run(["tools/join.py", *without], stdout=out, check=True)
        program = os.path.join(dir, name, "demo")
        subprocess.run([CC, "-O2", "-s", "-I", name, os.path.abspath("examples/demo.c"), "-o", program],
                       cwd=dir, check=True)
        sizes.append(subprocess.check_output(["size", program], text=True).splitlines()[1].split("\t")[:3])
    same(sizes[0], sizes[1])


main(parallel=4, before=program)
