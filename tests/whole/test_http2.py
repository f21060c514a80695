#!/usr/bin/env -S python3 -B
"""HTTP/2 (RFC 9113): against nginx, and against servers of the test's own, which are odd or wrong.

    tests/whole/test_http2.py [WORD...]    only the tests whose name contains a word
"""
import collections, sys
from kit.lib import *
from kit.h2 import *
from kit import certs
from kit.nginx import Nginx

OK = "200||hello"
FRAME, ORDER = "malformed HTTP/2 frame", "HTTP/2 frame out of order"
FLOW, FIELD = "the server broke HTTP/2's flow control", "malformed header field"
BLOCK, FLOOD = "malformed HTTP/2 header block", "the server floods the HTTP/2 connection"
NONE, EMPTY = "server does not speak HTTP/2 on this port", "connection closed without a response"


def bad(sentence):
    return "0|%s|" % sentence


def continued(*parts, stream=1):
    """A header block in frames."""
    return b"".join([F(HEADERS, 0, stream, parts[0])] +
                    [F(CONTINUATION, DONE if i == len(parts) - 2 else 0, stream, part)
                     for i, part in enumerate(parts[1:])])


def goaway(last, code, text=b""):
    return F(GOAWAY, 0, 0, u32(last) + u32(code) + text)


def once(first, later=None):
    """What is said to the first stream of a test, and to later ones; those have ids of their own."""
    seen = []

    def answers(_, stream):
        seen.append(stream)
        return first if len(seen) == 1 else later if later is not None else H(stream=stream) + D(stream=stream)
    return answers


def same_id(says):
    """The answer with the stream's own id, written as stream 1."""
    def answers(_, stream):
        return says.replace(u32(1), u32(stream)) if stream != 1 else says
    return answers


STATUS = b"\x08\x03"  # a literal :status, three digits follow
OKS = H() + D()
# name, what a server says to the HEADERS of stream 1 (or a function), what came of it,
# what the client has to say: (type, the last four bytes of its payload) or None.
ROWS = [
    ("plain", OKS, OK, None),
    ("END_STREAM on the head", H(flags=DONE | END), "200||", None),
    ("an empty DATA at the end", H() + D(flags=0) + D(b""), OK, None),
    ("five DATA", H() + b"".join(D(bytes([c]), 0) for c in b"hell") + D(b"o"), OK, None),
    ("padding and priority", F(HEADERS, DONE | PAD | PRIO, 1, b"\x02\0\0\0\3\x10\x88\0\0") +
     F(DATA, END | PAD, 1, b"\x03hello\0\0\0"), OK, None),
    ("types and settings that nobody knows", F(250, 255, 1, b"x") + F(10, 0, 0, b"alt") +
     S((8, 1), (9, 1), (0xFE03, 1)) + OKS, OK, None),
    ("PRIORITY", F(PRIORITY, 0, 1, b"\0\0\0\3\x10") + F(PRIORITY, 0, 9, b"\0\0\0\3\x10") + OKS, OK, None),
    ("PING", H() + F(PING, 0, 0, b"12345678") + D(), OK, (PING, b"5678")),
    ("PING that answers none", F(PING, ACK, 0, b"12345678") + OKS, OK, None),
    ("103, then 200", H(STATUS + b"103" + field("link", "</a>")) + OKS, OK, None),
    ("100 twice, then 200", 2 * H(STATUS + b"100") + OKS, OK, None),
    ("trailers", H() + D(flags=0) + H(field("x-sum", "1"), DONE | END), OK, None),
    ("three CONTINUATION", continued(b"\x88", field("a", "b"), b"", field("c", "d")) + D(), OK, None),
    ("CONTINUATION in mid-field", continued(b"\x88\0", b"\x01a\x01", b"b") + D(), OK, None),
    ("END_STREAM on the head that CONTINUATION ends", F(HEADERS, END, 1, b"\x88") +
     F(CONTINUATION, DONE, 1), "200||", None),
    ("a table's size unasked", H(b"\x3f\xe1\x1f\x88") + D(), OK, None),
    ("Content-Length", H(b"\x88" + field("content-length", "5")) + D(), OK, None),
    ("RST_STREAM(NO_ERROR) behind the end", OKS + F(RST, 0, 1, u32(0)), OK, None),
    ("RST_STREAM(CANCEL) behind the end", OKS + F(RST, 0, 1, u32(8)), OK, None),
    ("all the credit that there is", F(WINDOW, 0, 0, u32(2**31 - 1 - 65535)) + OKS, OK, None),
    ("the largest frame size", S((5, 16777215)) + OKS, OK, None),
    ("SETTINGS in mid-answer", H() + S((3, 10), (4, 1000)) + D(), OK, None),
    ("GOAWAY that covers the stream", goaway(1, 0) + OKS, OK, None),
    ("GOAWAY twice", goaway(2**31 - 1, 0, b"max_age") + goaway(1, 0) + OKS, OK, None),
    ("the second answer from the table", lambda _, s: H(b"\x88" + (b"\x40\x01a\x01b" if s == 1 else b"\xbe"), stream=s) +
     D(stream=s), OK, None, "2*"),
    ("GOAWAY(NO_ERROR) that does not cover it, then another connection",
     lambda c, s: H(stream=s) + D(stream=s) if c else goaway(0, 0), OK, None),
    ("REFUSED_STREAM, then an answer", once(F(RST, 0, 1, u32(7))), OK, None),
    ("an end without a word on a kept connection", lambda c, s: OKS if s == 1 else None, OK, None, "2*"),
    ("HEAD", H(b"\x88" + field("content-length", "5"), DONE | END), "200||", None, "HEAD*"),
    ("HEAD that is answered with a body", H(b"\x88" + field("content-length", "5")) + D(), "200||", None, "HEAD*"),
    ("POST that is answered before its body", OKS + F(RST, 0, 1, u32(0)), OK, None, "POST*"),
    # wrong from the beginning
    ("HTTP/1.1", b"first: HTTP/1.1 400 Bad Request\r\n\r\n", bad(NONE), None),
    ("a TLS alert", b"first: \x15\3\1\0\2\2\x28", bad("the server speaks TLS on this port: use https://"), None),
    ("an SSH server", b"first: SSH-2.0-OpenSSH_9.2p1 Debian\r\n", bad(NONE), None),
    ("PING before SETTINGS", b"first: " + F(PING, 0, 0, b"12345678"), bad(NONE), None),
    ("an acknowledgement before SETTINGS", b"first: " + S(flags=ACK), bad(NONE), None),
    ("closed at once", lambda c, s: None, bad(EMPTY), None),
    ("closed inside the body", lambda c, s: b"close: " + H() + D(b"hel", 0),
     "200|connection closed inside the response body|hel", None),
    # SETTINGS
    ("SETTINGS of 5 bytes", F(SETTINGS, 0, 0, b"12345"), bad(FRAME), (GOAWAY, u32(6))),
    ("SETTINGS of a stream", S(stream=1), bad(ORDER), (GOAWAY, u32(1))),
    ("SETTINGS, acknowledged with a payload", S((3, 1), flags=ACK), bad(FRAME), (GOAWAY, u32(6))),
    ("a window of 2^31", S((4, 2**31)), bad(FLOW), (GOAWAY, u32(3))),
    ("a frame size of 100", S((5, 100)), bad(ORDER), (GOAWAY, u32(1))),
    ("a frame size of 2^24", S((5, 2**24)), bad(ORDER), (GOAWAY, u32(1))),
    ("pushes", S((2, 1)), bad(ORDER), (GOAWAY, u32(1))),
    # sizes and streams of frames
    ("PING of 7 bytes", F(PING, 0, 0, b"1234567"), bad(FRAME), (GOAWAY, u32(6))),
    ("PING of a stream", F(PING, 0, 1, b"12345678"), bad(ORDER), (GOAWAY, u32(1))),
    ("GOAWAY of 7 bytes", F(GOAWAY, 0, 0, b"1234567"), bad(FRAME), (GOAWAY, u32(6))),
    ("GOAWAY of a stream", F(GOAWAY, 0, 1, b"12345678"), bad(ORDER), (GOAWAY, u32(1))),
    ("WINDOW_UPDATE of 3 bytes", F(WINDOW, 0, 0, b"123"), bad(FRAME), (GOAWAY, u32(6))),
    ("WINDOW_UPDATE of 0", F(WINDOW, 0, 0, u32(0)), bad(ORDER), (GOAWAY, u32(1))),
    ("WINDOW_UPDATE of 0 for a stream", F(WINDOW, 0, 1, u32(0)), bad(FLOW), (RST, u32(1))),
    ("a window beyond 2^31", F(WINDOW, 0, 0, u32(2**31 - 1)), bad(FLOW), (GOAWAY, u32(3))),
    ("a stream's window beyond 2^31", F(WINDOW, 0, 1, u32(2**31 - 1)), bad(FLOW), (RST, u32(3))),
    ("a stream's window beyond 2^31 by SETTINGS", F(WINDOW, 0, 1, u32(2**31 - 1 - 65535)) + S((4, 65536)), bad(FLOW),
     (GOAWAY, u32(3))),
    ("WINDOW_UPDATE of a stream that was not opened", F(WINDOW, 0, 5, u32(1)), bad(ORDER), (GOAWAY, u32(1))),
    ("RST_STREAM of a stream that was not opened", F(RST, 0, 5, u32(8)), bad(ORDER), (GOAWAY, u32(1))),
    ("RST_STREAM of 5 bytes", F(RST, 0, 1, b"12345"), bad(FRAME), (GOAWAY, u32(6))),
    ("RST_STREAM of no stream", F(RST, 0, 0, u32(8)), bad(ORDER), (GOAWAY, u32(1))),
    ("DATA of no stream", D(stream=0), bad(ORDER), (GOAWAY, u32(1))),
    ("DATA before the head", D(), bad(ORDER), (RST, u32(1))),
    ("DATA of a stream that was not opened", D(stream=3), bad(ORDER), (GOAWAY, u32(1))),
    ("DATA of a stream of the server's", D(stream=2), bad(ORDER), (GOAWAY, u32(1))),
    ("HEADERS of no stream", H(stream=0), bad(ORDER), (GOAWAY, u32(1))),
    ("HEADERS of a stream that was not opened", H(stream=3), bad(ORDER), (GOAWAY, u32(1))),
    ("more padding than DATA", H() + F(DATA, END | PAD, 1, b"\x05hell"), "200|%s|" % ORDER, (GOAWAY, u32(1))),
    ("more padding than HEADERS", F(HEADERS, DONE | PAD, 1, b"\x02\x88"), bad(ORDER), (GOAWAY, u32(1))),
    ("a frame of 16385 bytes", H() + D(16385 * b"x"), "200|%s|" % FRAME, (GOAWAY, u32(6))),
    ("PUSH_PROMISE", F(PUSH, DONE, 1, u32(2) + b"\x82\x84\x86\x41\x01a"), bad(ORDER), (GOAWAY, u32(1))),
    # header blocks
    ("CONTINUATION of nothing", F(CONTINUATION, DONE, 1, b"\x88"), bad(ORDER), (GOAWAY, u32(1))),
    ("DATA inside a header block", F(HEADERS, 0, 1, b"\x88") + D(), bad(ORDER), (GOAWAY, u32(1))),
    ("CONTINUATION of another stream", F(HEADERS, 0, 1, b"\x88") + F(CONTINUATION, DONE, 3), bad(ORDER),
     (GOAWAY, u32(1))),
    ("a flood of CONTINUATION", F(HEADERS, 0, 1, b"\x88") + 100 * F(CONTINUATION, 0, 1, 1000 * b"\x82"), bad(FLOOD),
     (GOAWAY, u32(11))),
    ("a flood of empty CONTINUATION", F(HEADERS, 0, 1, b"\x88") + 2000 * F(CONTINUATION, 0, 1), bad(FLOOD),
     (GOAWAY, u32(11))),
    ("a flood of PING", 12000 * F(PING, ACK, 0, b"12345678"), bad(FLOOD), (GOAWAY, u32(11))),
    ("a flood of empty DATA", H() + 12000 * D(b"", 0), "200|%s|" % FLOOD, (GOAWAY, u32(11))),
    ("index 0", H(b"\x80"), bad(BLOCK), (GOAWAY, u32(9))),
    ("an index of nothing", H(b"\x88\xbe"), bad(BLOCK), (GOAWAY, u32(9))),
    ("a field that is cut", H(b"\x88\0\x05ab"), bad(BLOCK), (GOAWAY, u32(9))),
    ("a table of 5000 bytes", H(b"\x3f\xe9\x26\x88"), bad(BLOCK), (GOAWAY, u32(9))),
    ("a list of fields of 300 KB by few bytes", H(b"\x88\x40\x01a\x7f\xa1\x1e" + 4000 * b"v" + 100 * b"\xbe"),
     bad("response header too large"), (RST, u32(1))),
    ("no status", H(field("a", "b")), bad(FIELD), (RST, u32(1))),
    ("two statuses", H(b"\x88\x88"), bad(FIELD), (RST, u32(1))),
    ("a status of letters", H(STATUS + b"2xx"), bad(FIELD), (RST, u32(1))),
    ("a status behind a field", H(field("a", "b") + b"\x88"), bad(FIELD), (RST, u32(1))),
    ("a :path", H(b"\x88\x84"), bad(FIELD), (RST, u32(1))),
    ("a capital letter in a name", H(b"\x88" + field("Age", "1")), bad(FIELD), (RST, u32(1))),
    ("an empty name", H(b"\x88" + field("", "1")), bad(FIELD), (RST, u32(1))),
    ("a blank in a name", H(b"\x88" + field("a b", "1")), bad(FIELD), (RST, u32(1))),
    ("a line end in a value", H(b"\x88" + field("a", "b\r\nc: d")), bad(FIELD), (RST, u32(1))),
    ("a blank before a value", H(b"\x88" + field("a", " b")), bad(FIELD), (RST, u32(1))),
    ("Connection", H(b"\x88" + field("connection", "close")), bad(FIELD), (RST, u32(1))),
    ("Transfer-Encoding", H(b"\x88" + field("transfer-encoding", "chunked")), bad(FIELD), (RST, u32(1))),
    ("101", H(STATUS + b"101"), bad("unexpected 101 Switching Protocols"), (RST, u32(1))),
    ("103 that ends the stream", H(STATUS + b"103", DONE | END), bad(FIELD), (RST, u32(1))),
    ("trailers that do not end the stream", H() + D(flags=0) + H(field("a", "b")), "200|%s|hello" % FIELD,
     (RST, u32(1))),
    ("a status in trailers", H() + D(flags=0) + H(b"\x88", DONE | END), "200|%s|hello" % FIELD, (RST, u32(1))),
    ("fewer bytes than Content-Length", H(b"\x88" + field("content-length", "6")) + D(),
     "200|invalid Content-Length|hello", (RST, u32(1))),
    ("a Content-Length that is none", H(b"\x88" + field("content-length", "x")) + D(), bad("invalid Content-Length"),
     (RST, u32(1))),
    ("two Content-Lengths", H(b"\x88" + field("content-length", "5") + field("content-length", "6")) + D(),
     bad("invalid Content-Length"), (RST, u32(1))),
    # the server gives up
    ("RST_STREAM(CANCEL)", F(RST, 0, 1, u32(8)), bad("stream reset by the server: CANCEL"), None),
    ("RST_STREAM(PROTOCOL_ERROR)", F(RST, 0, 1, u32(1)), bad("stream reset by the server: PROTOCOL_ERROR"), None),
    ("RST_STREAM(INTERNAL_ERROR) in the body", H() + D(b"he", 0) + F(RST, 0, 1, u32(2)),
     "200|stream reset by the server: INTERNAL_ERROR|he", None),
    ("RST_STREAM(ENHANCE_YOUR_CALM)", F(RST, 0, 1, u32(11)), bad("the server finds too much load: ENHANCE_YOUR_CALM"), None),
    ("RST_STREAM(HTTP_1_1_REQUIRED)", F(RST, 0, 1, u32(13)),
     bad("the server wants HTTP/1.1 for this: HTTP_1_1_REQUIRED"), None),
    ("RST_STREAM of a code that nobody knows", F(RST, 0, 1, u32(0x1234)), bad("stream reset by the server"), None),
    ("REFUSED_STREAM for ever", lambda c, s: F(RST, 0, s, u32(7)), bad("stream refused by the server: REFUSED_STREAM"), None),
    ("GOAWAY(ENHANCE_YOUR_CALM) for ever", goaway(0, 11), bad("the server finds too much load: ENHANCE_YOUR_CALM"), None),
    ("GOAWAY(PROTOCOL_ERROR), then the end", lambda c, s: b"close: " + goaway(1, 1),
     bad("the server ended the HTTP/2 connection with an error"), None),
    ("no answer", b"", bad("timed out"), (RST, u32(8))),
    ("no streams at all", b"first: " + S((3, 0)), bad("timed out"), None),
    ("no window for a body", S((4, 0)), bad("timed out"), (RST, u32(8)), "POST*"),
]


@test("a hundred things that a server may say")
def _(dir):
    servers = []
    with contextlib.ExitStack() as stack:
        for name, says, *_ in ROWS:
            first = S()
            if isinstance(says, bytes) and says.startswith(b"first: "):
                first, says = says[7:], b""
            server = stack.enter_context(Scripted(says if callable(says) else lambda c, s, says=says: says, first))
            servers.append(server)
        words = [(row[4] if len(row) > 4 else "") + server.url + "/" for row, server in zip(ROWS, servers)]
        r = run(dir, [build("http2_rows.c", "-O0"), "--headless", "--only-summary", "--exit-code-on-error", "0"],
                env={"ROWS": " ".join(words)})
        got = dict(line.split(" ", 1) for line in r.out.splitlines() if re.match(r"\d+ \d+\|", line))
        same(r.rc, 0, r)
        wrong = []
        for i, ((name, _, want, says, *_), server) in enumerate(zip(ROWS, servers)):
            if got.get(str(i)) != want:
                wrong.append("%s: got %s, want %s" % (name, got.get(str(i)), want))
            if says and not any(type == says[0] and payload.endswith(says[1])
                                for _, type, _, _, payload in server.said):
                wrong.append("%s: the client does not say %s; it says %s" % (name, says, server.said))
            if not says and any(type == GOAWAY and payload[4:] != u32(0) for _, type, _, _, payload in server.said) and \
                    NONE not in want:
                wrong.append("%s: the client complains" % name)
        check(not wrong, "\n".join(wrong))


# ---- nginx ----

CONFIG = r"""
events {}
http { log_format l "$connection $server_protocol $request_method $uri $status $request_length"; default_type text/plain;
  access_log @D/log l; client_max_body_size 10m; keepalive_requests @KEPT; http2_max_concurrent_streams @STREAMS;
  ssl_certificate @CHAIN; ssl_certificate_key @KEY; root @D/www;
  server { listen 127.0.0.1:@PLAIN http2; @WHERE }
  server { listen 127.0.0.1:@TLS ssl http2; @WHERE }
  server { listen 127.0.0.1:@OLD ssl; @WHERE }
  server { listen 127.0.0.1:@OLDER; location = /length { return 200 "$http_content_length\n"; } location / { } } }
"""
WHERE = "location = /length { proxy_pass http://127.0.0.1:@OLDER; }"
PER_PAGE = {"/": 1, "/asset": 16, "/length": 1, "/length of a function": 1, "/big": 1, "/big cut": 1, "/big head": 1}


@contextlib.contextmanager
def nginx(dir, **values):
    leaf = certs.Pki(dir + "/pki", "ec").leaf("good", san="DNS:localhost,IP:127.0.0.1")
    config = CONFIG.replace("@WHERE", WHERE)
    with Nginx(dir, config, PLAIN=None, TLS=None, OLD=None, OLDER=None, CHAIN=leaf.chain, KEY=leaf.key,
               **{"KEPT": 1000000, "STREAMS": 128, **values}) as server:
        os.makedirs(dir + "/www", exist_ok=True)
        for name, text in ("index.html", "hello"), ("a.css", "a"), ("big", 3000000 * "x"):
            with open(dir + "/www/" + name, "w") as f:
                f.write(text)
        yield server


def load(dir, server, port, pages=6, users=2, tls=False, args=(), env=None, rc=0):
    """Runs the pages; the rows by name, and nginx's log: (connection, protocol, method, uri, status)."""
    flags, libs = (("-O0", "-DLOCUST_TLS"), TLS) if tls else (("-O0",), ())
    url = "%s://127.0.0.1:%d" % ("https" if tls else "http", server.port[port])
    r = run(dir, [build("http2_users.c", *flags, libs=libs), "--headless", "--only-summary", "-H", url, "-u", str(users),
                  "-r", "100", "-i", str(pages), "--csv", "c", *args], env=env)
    same(r.rc, rc, r)
    rows, _ = stats_csv(dir + "/c")
    got = {name: (count(row), failed(row)) for (_, name), row in rows.items()}
    same(got, {name: (n * pages, 0) for name, n in PER_PAGE.items()}, r)
    server.finish()
    with open(dir + "/log") as f:
        return [line.split() for line in f if "127.0.0.1" not in line]


def of_clients(log):
    return [line for line in log if line[1] == "HTTP/2.0"]


@test("the streams of a user share its connection; uploads and bodies in pieces")
def _(dir):
    with nginx(dir) as server:
        log = of_clients(load(dir, server, "PLAIN"))
    same(len({line[0] for line in log}), 2)
    same(len(log), 6 * sum(PER_PAGE.values()))


@test("as many streams at once as the server takes, and a new connection when it ends one")
def _(dir):
    with nginx(dir, STREAMS=2, KEPT=50) as server:
        log = of_clients(load(dir, server, "PLAIN"))
    check({line[4] for line in log} <= {"200", "499"}, log)
    per = collections.Counter(line[0] for line in log)
    check(len(per) >= 6 * sum(PER_PAGE.values()) // 50 and max(per.values()) <= 50, per)


@test("over TLS, by ALPN")
def _(dir):
    with nginx(dir) as server:
        log = of_clients(load(dir, server, "TLS", tls=True))
    same(len({line[0] for line in log}), 2)


@test("LOCUST_HTTP_AUTO: HTTP/2 where the server has it, else HTTP/1.1; over http HTTP/1.1")
def _(dir):
    for port, tls, version in ("TLS", True, "HTTP/2.0"), ("OLD", True, "HTTP/1.1"), ("OLDER", False, "HTTP/1.1"):
        os.makedirs(dir + "/" + port)
        with nginx(dir + "/" + port) as server:
            log = load(dir + "/" + port, server, port, tls=tls, env={"AUTO": "1"})
        same({line[1] for line in log} - {"HTTP/1.0"}, {version}) # 1.0: of nginx to itself


@test("a server without HTTP/2 is told of in words")
def _(dir):
    with nginx(dir) as server:
        for scheme, port, want in ("http", "OLDER", NONE), ("https", "OLD", "server does not speak HTTP/2 over TLS"):
            flags, libs = (("-O0", "-DLOCUST_TLS"), TLS) if scheme == "https" else (("-O0",), ())
            r = run(dir, [build("http2_users.c", *flags, libs=libs), "--headless", "--only-summary", "-i", "1", "--csv",
                          "c", "-H", "%s://127.0.0.1:%d" % (scheme, server.port[port])])
            same(r.rc, 1, r)
            same({f["Error"] for f in read_csv(dir + "/c", "failures")}, {want}, r)


@test("--http2 in a test without HTTP/2 says how to have it")
def _(dir):
    r = run(dir, [build("tagged_tasks.c", "-O0"), "--headless", "--http2", "-H", "http://127.0.0.1:1"])
    same(r.rc, 2, r)
    check("--http2: this test was compiled without HTTP/2: give a user class .http_version = LOCUST_HTTP_2, or compile "
          "it with -DLOCUST_HTTP2" in r.err, r)


if __name__ == "__main__":
    sys.exit(main())
