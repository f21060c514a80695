#!/usr/bin/env -S python3 -B
"""gRPC: against a server of grpcio, and against one of the test's own, which is odd or wrong.

    tests/whole/test_grpc.py [WORD...]    only the tests whose name contains a word
"""
import sys
from kit.lib import *
from kit.h2 import *

NAMES = """CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED
RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS
UNAUTHENTICATED""".split()


def message(text=b"\x0a\x02hi", flags=0):
    return struct.pack(">BI", flags, len(text)) + text


HEAD = b"\x88" + field("content-type", "application/grpc")
GOOD = H(HEAD)


def end(status="0", *more):
    return H(field("grpc-status", status) + b"".join(field(*pair) for pair in more), DONE | END)


def alone(status, *more, head=HEAD):
    """Trailers-Only."""
    return H(head + field("grpc-status", status) + b"".join(field(*pair) for pair in more), DONE | END)


def http(status, *more):
    return H(b"\x08\x03" + str(status).encode() + b"".join(field(*pair) for pair in more), DONE | END)


def bad(name, sentence=""):
    return "%d|%s%s||0||0" % (NAMES.index(name) + 1, name, ": " + sentence if sentence else "")


HI = "0||hi|1||0"
# name, what is said to the call, as stream 1, what came of it
ROWS = [
    ("a message", GOOD + D(message(), 0) + end(), HI),
    ("byte by byte", GOOD + b"".join(D(bytes([c]), 0) for c in message()) + end(), HI),
    ("application/grpc+proto", H(b"\x88" + field("content-type", "application/grpc+proto")) + D(message(), 0) + end(), HI),
    ("an empty message", GOOD + D(message(b""), 0) + end(), "0|||1||0"),
    ("no message", GOOD + end(), "0|||0||0"),
    ("three messages, the last counts", GOOD + D(message(b"\x0a\x01a") + message(b"\x0a\x01b") + message(), 0) + end(),
     "0||hi|3||0"),
    ("an empty grpc-message", GOOD + D(message(), 0) + end("0", ("grpc-message", "")), HI),
    ("a grpc-message of a success", GOOD + D(message(), 0) + end("0", ("grpc-message", "OK")), HI),
    ("metadata at the end", GOOD + D(message(), 0) + end("0", ("x-trail", "v")), "0||hi|1|v|0"),
    ("metadata at the beginning", H(HEAD + field("x-trail", "v")) + D(message(), 0) + end(), "0||hi|1|v|0"),
    ("RST_STREAM(NO_ERROR) behind it", GOOD + D(message(), 0) + end() + F(RST, 0, 1, u32(0)), HI),
    ("a status behind a message", GOOD + D(message(), 0) + end("5", ("grpc-message", "gone")), "5|NOT_FOUND: gone|hi|1||0"),
    ("a message with escapes", alone("3", ("grpc-message", "50%25 of %C3%BC%")), bad("INVALID_ARGUMENT", "50% of \u00fc%")),
    ("a message with blanks as they are", alone("12", ("grpc-message", "unknown method")), bad("UNIMPLEMENTED", "unknown method")),
    ("a message with an escaped line end", alone("2", ("grpc-message", "a%0Ab")), bad("UNKNOWN", "a b")),
    ("a message that is cut", GOOD + D(message()[:-1], 0) + end(), "13|INTERNAL: the answer ends inside a message||0||0"),
    ("a prefix that is cut", GOOD + D(b"\0\0\0", 0) + end(), "13|INTERNAL: the answer ends inside a message||0||0"),
    ("unknown flags", GOOD + D(message(flags=2), 0) + end(), bad("INTERNAL", "a message with unknown flags")),
    ("a compressed message that nobody asked for", GOOD + D(message(flags=1), 0) + end(),
     bad("INTERNAL", "a compressed message that cannot be read")),
    ("a message of 4 GB", GOOD + D(b"\0\xff\xff\xff\xff" + b"x", 0),
     bad("RESOURCE_EXHAUSTED", "a message is larger than .max_message")),
    ("no status", GOOD + D(message(), END), "2|UNKNOWN: the answer has no grpc-status|hi|1||0"),
    ("a status of letters", GOOD + D(message(), 0) + end("ok"), "2|UNKNOWN: the answer has no grpc-status|hi|1||0"),
    ("a status that nobody knows", alone("99"), bad("UNKNOWN")),
    ("HTML", H(b"\x88" + field("content-type", "text/html")) + D(b"<h1>"), bad("UNKNOWN", "the answer is not application/grpc")),
    ("no content-type", H() + D(message(), END), bad("UNKNOWN", "the answer is not application/grpc")),
    ("400", http(400), bad("INTERNAL", "the answer is not gRPC's")),
    ("401", http(401), bad("UNAUTHENTICATED", "the answer is not gRPC's")),
    ("403", http(403), bad("PERMISSION_DENIED", "the answer is not gRPC's")),
    ("404", http(404), bad("UNIMPLEMENTED", "the answer is not gRPC's")),
    ("415", http(415), bad("UNKNOWN", "the answer is not gRPC's")),
    ("429", http(429), bad("UNAVAILABLE", "the answer is not gRPC's")),
    ("503", http(503), bad("UNAVAILABLE", "the answer is not gRPC's")),
    ("415 with a status", http(415, ("grpc-status", "3"), ("grpc-message", "no")), bad("INVALID_ARGUMENT", "no")),
    ("RST_STREAM(CANCEL)", F(RST, 0, 1, u32(8)), bad("CANCELLED", "stream reset by the server: CANCEL")),
    ("RST_STREAM(INTERNAL_ERROR)", F(RST, 0, 1, u32(2)), bad("INTERNAL", "stream reset by the server: INTERNAL_ERROR")),
    ("RST_STREAM(ENHANCE_YOUR_CALM)", F(RST, 0, 1, u32(11)),
     bad("RESOURCE_EXHAUSTED", "the server finds too much load: ENHANCE_YOUR_CALM")),
    ("RST_STREAM behind a message", GOOD + D(message(), 0) + F(RST, 0, 1, u32(2)),
     "13|INTERNAL: stream reset by the server: INTERNAL_ERROR|hi|1||0"),
    ("no answer in time", b"", bad("DEADLINE_EXCEEDED", "timed out")),
] + [(name, alone(str(i + 1), ("grpc-message", "m")), bad(name, "m")) for i, name in enumerate(NAMES)]


def calls(dir, url, words, *flags, libs=()):
    r = run(dir, [build("grpc_calls.c", "-O0", *flags, libs=libs), "--headless", "--only-summary", "--exit-code-on-error",
                  "0", "--csv", "c", "-H", url], env={"CALLS": " ".join(words)})
    same(r.rc, 0, r)
    rows, _ = stats_csv(dir + "/c")
    check(all(kind == "grpc" for kind, _ in rows), rows)
    lines = [line.split(" ", 1)[1] for line in r.out.splitlines() if re.match(r"\S+ \d+\|", line)]
    return lines, {name: (count(row), failed(row)) for (_, name), row in rows.items()}


@test("what a server may say")
def _(dir):
    said = []

    def answers(_, stream):
        row = ROWS[len(said)]
        said.append(stream)
        return reframe(row[1], stream)

    def reframe(text, stream):
        out = b""
        while text:
            n = 9 + int.from_bytes(text[:3], "big")
            out += text[:5] + u32(stream) + text[9:n]
            text = text[n:]
        return out

    with Scripted(answers) as server:
        words = ["/late" if name == "no answer in time" else "/row%d" % i for i, (name, *_) in enumerate(ROWS)]
        lines, rows = calls(dir, server.url, words)
        heads = [payload for _, type, _, _, payload in server.said if type == HEADERS]
        data = [payload for _, type, flags, _, payload in server.said if type == DATA]
    wrong = ["%s: got %s, want %s" % (row[0], got, row[2]) for row, got in zip(ROWS, lines) if got != row[2]]
    check(not wrong and len(lines) == len(ROWS), "\n".join(wrong), len(lines))
    check(all(d == b"\0\0\0\0\5\x0a\x03ann" for d in data) and len(data) == len(ROWS), data[:3])
    # What every call has to say, in the first head, which has no table to refer to.
    for text in b"trailers", b"application/grpc", b"grpc-timeout", b"10000m", b"/row0":
        check(text in heads[0], text, heads[0])
    check(sum(b"200m" in head for head in heads) == 1, "the deadline of /late")
    same(sum(n for n, _ in rows.values()), len(ROWS))


SERVER = r"""
import sys, time
from concurrent import futures
import grpc

def text(b):
    n = len(b)
    return b"\x0a" + (bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7])) + b

def hello(request, context):
    metadata = dict(context.invocation_metadata())
    if "x-fail" in metadata:
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: 50% of it")
    time.sleep(float(metadata.get("x-sleep", 0)))
    context.set_trailing_metadata((("x-trail", "end"),))
    return text(b"Hello " + request[2:])

class Generic(grpc.GenericRpcHandler):
    def service(self, details):
        return {"/g.G/SayHello": grpc.unary_unary_rpc_method_handler(hello),
                "/g.G/Many": grpc.unary_stream_rpc_method_handler(lambda r, c: (text(b"m") for _ in range(100))),
                "/g.G/Sum": grpc.stream_unary_rpc_method_handler(lambda r, c: text(b"%d" % sum(1 for _ in r))),
                "/g.G/Chat": grpc.stream_stream_rpc_method_handler(lambda r, c: r)}.get(details.method)

server = grpc.server(futures.ThreadPoolExecutor(8), compression=grpc.Compression.Gzip if "gzip" in sys.argv else None)
server.add_generic_rpc_handlers((Generic(),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
server.wait_for_termination(100)
"""


@contextlib.contextmanager
def grpcio(*words):
    for python in sys.executable, "/usr/bin/python3":  # Debian's packages are for Debian's Python
        if shutil.which(python) and not subprocess.run([python, "-c", "import grpc"], capture_output=True).returncode:
            break
    else:
        raise Skip("python3-grpcio is missing")
    p = subprocess.Popen([python, "-c", SERVER, *words], stdout=subprocess.PIPE, text=True)
    try:
        yield "http://127.0.0.1:%d" % int(p.stdout.readline())
    finally:
        p.kill()
        p.wait()


@test("grpcio: the four shapes, a deadline, metadata, a failure")
def _(dir):
    with grpcio() as url:
        words = "unary fail expected sleep many cut sum chat turn big unary /g.G/None".split()
        lines, rows = calls(dir, url, words)
    slept = lines.pop(3)
    check(slept.startswith("4|DEADLINE_EXCEEDED: "), slept)
    same(lines, ["0||Hello ann|1|end|0", "5|NOT_FOUND: no such thing: 50% of it||0||0", "5|||0||0", "0|||100||100",
                 "0|||3||3", "0||50|1||0", "0|||50||50", "0|||50||50", "0||" + 63 * "b" + "|1||0", "0||Hello ann|1|end|0",
                 "12|UNIMPLEMENTED: Method not found!||0||0"])
    same(rows["fail"], (1, 1))
    same(rows["expected"], (1, 0))
    same(rows["/g.G/SayHello"], (2, 0))


@test("grpcio: gzip both ways")
def _(dir):
    with grpcio("gzip") as url:
        lines, _ = calls(dir, url, ["gzip", "unary", "many", "big"], "-DLOCUST_ZLIB", libs=["-lz"])
    same(lines, ["0||Hello ann|1|end|0"] * 2 + ["0|||100||100", "0||" + 63 * "b" + "|1||0"])


if __name__ == "__main__":
    sys.exit(main())
