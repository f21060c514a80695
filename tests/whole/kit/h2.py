"""Frames of HTTP/2 by hand, and a server that says what a row of a table says.

    F(type, flags, stream, payload)   a frame; H, D, S, ... those of a type
    field(name, value)                a literal field of a header block, not kept
    Scripted(answers)                 a server on 127.0.0.1; answers(connection, stream) gives what it says to the
                                      HEADERS of a stream: bytes, which behind "close: " are
                                      the last; None: closes. `connection` counts from 0.
                                      .said: the frames that clients sent, (connection, type, flags, stream, payload)
"""
import struct, threading
from kit.lib import *

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
END, ACK, DONE, PAD, PRIO = 1, 1, 4, 8, 32  # END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY


def F(type, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", type, flags, stream) + payload


def u32(n):
    return struct.pack(">I", n)


def S(*pairs, flags=0, stream=0):
    return F(SETTINGS, flags, stream, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def H(block=b"\x88", flags=DONE, stream=1):
    return F(HEADERS, flags, stream, block)


def D(text=b"hello", flags=END, stream=1):
    return F(DATA, flags, stream, text)


def field(name, value):
    name, value = [x if isinstance(x, bytes) else x.encode() for x in (name, value)]
    assert len(name) < 127 and len(value) < 127
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


class Gone(Exception):
    pass


class Scripted:
    def __init__(self, answers, first=S()):
        self.answers, self.first, self.said, self.n = answers, first, [], 0
        self.lock = threading.Lock()
        self.server = Script(self.serve)
        self.url = self.server.url

    def serve(self, c):
        with self.lock:
            number, self.n = self.n, self.n + 1
        c.settimeout(20)

        def take(n):
            got = b""
            while len(got) < n:
                more = c.recv(n - len(got))
                if not more:
                    raise Gone
                got += more
            return got

        with contextlib.suppress(Gone, OSError):
            same(take(len(PREFACE)), PREFACE)
            c.sendall(self.first)
            while True:
                head = take(9)
                length = int.from_bytes(head[:3], "big")
                type, flags, stream = struct.unpack(">BBI", head[3:])
                payload = take(length)
                self.said.append((number, type, flags, stream, payload))
                if type == HEADERS:
                    says = self.answers(number, stream)
                    says = b"close: " if says is None else says
                    ends = says.startswith(b"close: ")
                    c.sendall(says[7:] if ends else says)
                    if ends:
                        c.shutdown(socket.SHUT_WR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.__exit__()
