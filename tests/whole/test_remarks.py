#!/usr/bin/env -S python3 -B
# straight
"""What a run says of its server: one line for each manner that explains figures, none where there is nothing to say.
The servers are scripts that do one thing each; Nagle's algorithm and the delayed ACK are the kernel's own.

    tests/whole/test_remarks.py [WORD...]    only the tests whose name contains a word
"""
import itertools, struct, sys
from kit.lib import *
from kit.judged import *


# ---- servers ----

def answer(body=b"hello", status="200 OK", *fields):
    head = ["HTTP/1.1 " + status, "Content-Length: %d" % len(body)] + list(fields)
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def quick(c):
    """No server's own wait: what it writes leaves at once."""
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def request(c):
    """One request head, or b"" at the end."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = c.recv(4096)
        if not more:
            return b""
        data += more
    return data


def plain(c, head=None):
    quick(c)
    while request(c):
        c.sendall(answer())


def apart(nodelay, body=b"hello"):
    """Head and body in two writes, as com.sun.net.httpserver and http.server do."""
    def serve(c):
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)
        while request(c):
            whole = answer(body)
            c.sendall(whole[:-len(body)])
            c.sendall(body)
    return serve


def pieces(*pauses):
    """A body in pieces with those pauses (s) between them, another set for each answer."""
    def serve(c):
        quick(c)
        for waits in itertools.cycle(pauses):
            if not request(c):
                return
            whole = answer(b"x" * len(waits))
            c.sendall(whole[:-len(waits)])
            for wait in waits:
                time.sleep(wait)
                c.sendall(b"x")
    return serve


def limited(n, said, status="200 OK"):
    """Closes after n answers; says so in the last one, or does not."""
    def serve(c):
        quick(c)
        for left in range(n - 1, -1, -1):
            if not request(c):
                return
            c.sendall(answer(b"hello", status, *(["Connection: close"] if said and not left else [])))
    return serve


def patient(seconds, last=b""):
    """Closes a connection that is idle for so long, after a last word."""
    def serve(c):
        quick(c)
        c.settimeout(seconds)
        with contextlib.suppress(socket.timeout):
            while request(c):
                c.sendall(answer())
            return
        c.sendall(last)
    return serve


# ---- runs ----

def remarks(dir, serve, *args, users=4, seconds=2, about="server", **more):
    """{key: text} of one run, the same in the summary and in the table."""
    with Script(serve) as server:
        r = judged(dir, "Get", "-u", str(users), "-r", "1000000", "-t", str(seconds), "--summary", "s.json", *args,
                   url=server.url, **{"paths": "/", **more})
    found = summary(r.dir + "/s.json")["remarks"]
    for m in found:
        check("\n%s: %s\n" % (m["about"], m["text"]) in r.err, "not in the table", m, r)
        check(not m["text"].endswith(".") and len(m["text"]) < 239, "cut, or a full stop", m)
    return {m["key"]: m["text"] for m in found if m["about"] == about}, r


def only(found, key, pattern):
    """The one remark, and the numbers in it."""
    got, r = found
    same(list(got), [key], got, r)
    m = re.search(pattern, got[key])
    check(m, pattern, got)
    return [float(g) for g in m.groups()]


# ---- two parts ----

@test("two parts: Nagle's algorithm and the delayed ACK, 40 ms")
def _(dir):
    n, ms = only(remarks(dir, apart(False)), "two_parts", r"sent (\d+) answers in two parts, the second (\d+) ms behind")
    check(n >= 60 and 38 <= ms <= 50, n, ms)  # Linux delays an ACK by 40 ms


@test("two parts: the same without the kernel's times of arrival")
def _(dir):
    n, ms = only(remarks(dir, apart(False), "--no-arrival-times"), "two_parts", r"sent (\d+) answers .* (\d+) ms behind")
    check(n >= 60 and 38 <= ms <= 55, n, ms)


@test("two parts: in the middle of a head, or in chunks")
def _(dir):
    def head(c):
        while request(c):
            c.sendall(b"HTTP/1.1 200 OK\r\n")
            c.sendall(b"Content-Length: 5\r\n\r\n")
            c.sendall(b"hello")

    def chunks(c):
        while request(c):
            c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            c.sendall(b"5\r\nhello\r\n")
            c.sendall(b"0\r\n\r\n")

    each([(head,), (chunks,)], lambda serve: only(remarks(dir, serve), "two_parts", "sent ([0-9]+) answers"))


@test("two parts: nothing is said of TCP_NODELAY, of a server that thinks, of a stream, of one answer in twenty")
def _(dir):
    rare = [[0.042]] + [[0]] * 19
    each([(apart(True),), (pieces([0.02], [0.042], [0.07], [0.1]),), (pieces([0.04] * 8),), (pieces(*rare),)],
         lambda serve: same(remarks(dir, serve)[0], {}))


# ---- closed ----

@test("keep-alive ends after N requests: said in the last answer, or only done")
def _(dir):
    def one(n, said):
        closed, after = only(remarks(dir, limited(n, said), seconds=1), "keep_alive_requests",
                             r"closed (\d+) connections after (\d+) requests each")
        check(after == n and closed >= 4, closed, after)
    each([(100, True), (100, False), (7, True), (2, True), (2, False)], one)


@test("keep-alive ends after N requests: none, each answer is the last one")
def _(dir):
    def old(c):
        if request(c):
            c.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello")  # it ends with the connection

    for serve in (limited(1, True), limited(1, False), old):
        n, = only(remarks(dir, serve, seconds=1), "keep_alive_none", r"closed (\d+) of \d+ connections after one answer")
        check(n >= 20, n)


@test("keep-alive: nothing is said of a limit that nobody met, nor of what the test itself closed")
def _(dir):
    def asked(c):
        quick(c)
        heads.append(request(c))
        c.sendall(answer(b"hello", "200 OK", "Connection: close"))

    heads = []

    each([(limited(10**6, True),), (plain,)], lambda serve: same(remarks(dir, serve, seconds=1)[0], {}))
    found, r = remarks(dir, asked, seconds=1, close=1)
    same(found, {})
    heads = [head.lower() for head in heads if head]
    check(len(heads) > 20 and all(b"\r\nconnection: close\r\n" in head for head in heads), heads[:1], r)


@test("keep-alive: nothing is said of errors, behind which servers close")
def _(dir):
    def serve(c):
        quick(c)
        for i in range(3):
            if request(c):
                c.sendall(answer(b"", *(["200 OK"] if i < 2 else ["400 Bad Request", "Connection: close"])))

    same(remarks(dir, serve, seconds=1)[0], {})


IDLE = r"closed (\d+) kept connections that had been idle for ([0-9.]+)(?: to [0-9.]+)? s"  # a busy machine: to more


@test("keep-alive ends after T seconds, to a tenth; waits may be longer than T by any time")
def _(dir):
    r = remarks(dir, patient(0.5), seconds=4, wait=0.9)
    n, seconds = only(r, "keep_alive_time", IDLE)
    check(n >= 8 and 0.5 <= seconds <= 0.6, n, seconds)
    n, seconds = only(remarks(dir, patient(0.5), seconds=4, wait=0.2, wait_to=1.2), "keep_alive_time", IDLE)
    check(n >= 4 and 0.5 <= seconds <= 0.6, n, seconds)


@test("keep-alive ends after T seconds: nothing is said where nobody waits so long")
def _(dir):
    same(remarks(dir, patient(1), seconds=2, wait=0.3)[0], {})


@test("keep-alive ends after no fixed number of requests")
def _(dir):
    counts = itertools.cycle((3, 5, 7, 11))
    n, least, most = only(remarks(dir, lambda c: limited(next(counts), False)(c), seconds=1), "keep_alive_varies",
                          r"closed (\d+) kept connections behind an answer, after (\d+) to (\d+) requests")
    check(n >= 10 and (least, most) == (3, 11), n, least, most)


# ---- idle, limited, left alone ----

@test("408 on an idle connection: named, and the answer of no request")
def _(dir):
    def one(status_line):
        last = answer(b"", "408 Request Timeout", "Connection: close").replace(b"HTTP/1.1", status_line, 1)
        found, r = remarks(dir, patient(0.3, last), seconds=3, wait=0.8)
        n, = only((found, r), "timeouts_408", r"408 Request Timeout on (\d+) idle connections")
        total = summary(r.dir + "/s.json")["total"]
        check(n >= 8 and total["failures"] == 0 and total["requests"] >= n, n, total, r)
    each([(b"HTTP/1.1",), (b"(null)",)], one)  # mini-httpd writes the second


@test("a limit of connections: closed at once, reset, or 503")
def _(dir):
    def limit(refuse, most=4):
        left = threading.Semaphore(most)

        def serve(c):
            if not left.acquire(blocking=False):
                refuse(c)
                return
            try:
                plain(c)
            finally:
                left.release()
        return serve

    def reset(c):
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def busy(c):
        if request(c):
            c.sendall(answer(b"", "503 Service Unavailable", "Connection: close"))

    def one(refuse):
        found, r = remarks(dir, limit(refuse), users=8, seconds=1, wait=0.1)
        n, open_ = only((found, r), "connections_shut",
                        r"accepted (\d+) connections and closed them .*; (\d+) or more were open")
        check(n >= 4 and 5 <= open_ <= 8, n, open_)
        same(n, summary(r.dir + "/s.json")["total"]["failures"], r)
    each([(lambda c: None,), (reset,), (busy,)], one)


@test("a limit of connections: nothing is said of a server that closes all of them, or none")
def _(dir):
    each([(lambda c: None,), (plain,)], lambda serve: same(remarks(dir, serve, seconds=1, wait=0.1)[0], {}))


@test("connections that are never answered, while others are")
def _(dir):
    def few(most, before):
        left = threading.Semaphore(most)

        def serve(c):
            for _ in range(before):
                request(c)
                c.sendall(answer())
            with left:
                plain(c)
        return serve

    def one(before):
        n, longest = only(remarks(dir, few(5, before), users=8, seconds=2), "connections_silent",
                          r"left (\d+) connections without an answer, for up to ([0-9.]+) s")
        check(n == 3 and 1.5 <= longest <= 2.5, n, longest)
    each([(0,), (1,)], one)  # from the beginning, or from their second request on


@test("connections without an answer: nothing is said of a slow server, nor of one that answers nobody")
def _(dir):
    def slow(c):
        quick(c)
        while request(c):
            time.sleep(0.9)
            c.sendall(answer())

    each([(slow,), (lambda c: c.recv(9999) and c.recv(1),)], lambda serve: same(remarks(dir, serve, seconds=2)[0], {}))


@test("connects that wait for the server's queue: a backlog of 2, and nobody accepts for a while")
def _(dir):
    with Script(plain, listen=False) as server:
        server.s.listen(2)
        timer = threading.Timer(0.7, server.accept)
        timer.daemon = True
        timer.start()
        r = judged(dir, "Get", "-u", "12", "-r", "1000000", "-t", "4", "--summary", "s.json", url=server.url, paths="/")
    found = {m["key"]: m["text"] for m in summary(r.dir + "/s.json")["remarks"] if m["about"] == "server"}
    n, of = only((found, r), "connects_slow", r"let (\d+) of (\d+) connects wait for a second or more")
    check(5 <= n <= 9 and of >= 12, n, of)  # a queue of 2 takes 3


@test("several servers: the one that it is about is named")
def _(dir):
    with Script(plain) as good, Script(limited(5, False)) as bad:
        r = judged(dir, "Get", "-u", "4", "-r", "1000000", "-t", "1", "--summary", "s.json", url=good.url,
                   paths="/,%s/" % bad.url)
    found = {m["key"]: m["text"] for m in summary(r.dir + "/s.json")["remarks"] if m["about"] == "server"}
    same(list(found), ["keep_alive_requests"], r)
    check(found["keep_alive_requests"].startswith(bad.url + " closed "), found)


main(parallel=2)
