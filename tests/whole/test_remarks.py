#!/usr/bin/env -S python3 -B
"""What a run says of its server: one line for each manner that explains figures, none where there is nothing to say.
The servers are scripts that do one thing each; Nagle's algorithm and the delayed ACK are the kernel's own.

    tests/whole/test_remarks.py [WORD...]    only the tests whose name contains a word
"""
import itertools, sys
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
        r = judged(dir, "Get", "-u", str(users), "-r", str(users), "-t", str(seconds), "--summary", "s.json", *args,
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
        n, = only(remarks(dir, serve, seconds=1), "keep_alive_none", r"closed (\d+) connections after one answer")
        check(n >= 20, n)


@test("keep-alive: nothing is said of a limit that nobody met, nor of what the test itself closed")
def _(dir):
    def asked(c):
        quick(c)
        check(b"\r\nconnection: close\r\n" in request(c).lower(), "the test closes")
        c.sendall(answer(b"hello", "200 OK", "Connection: close"))

    each([(limited(10**6, True),), (plain,)], lambda serve: same(remarks(dir, serve, seconds=1)[0], {}))
    found, r = remarks(dir, asked, seconds=1, close=1)
    same(found, {})
    check(summary(r.dir + "/s.json")["total"]["requests"] > 20, r)


@test("keep-alive: nothing is said of errors, behind which servers close")
def _(dir):
    def serve(c):
        quick(c)
        for i in range(3):
            if request(c):
                c.sendall(answer(b"", *(["200 OK"] if i < 2 else ["400 Bad Request", "Connection: close"])))

    same(remarks(dir, serve, seconds=1)[0], {})


@test("keep-alive ends after T seconds, to a tenth; waits may be longer than T by any time")
def _(dir):
    r = remarks(dir, patient(0.5), seconds=4, wait=0.9)
    n, seconds = only(r, "keep_alive_time", r"closed (\d+) kept connections that had been idle for ([0-9.]+) s")
    check(n >= 8 and seconds == 0.5, n, seconds)
    n, seconds = only(remarks(dir, patient(0.5), seconds=4, wait=0.2, wait_to=1.2), "keep_alive_time",
                      r"closed (\d+) kept connections that had been idle for ([0-9.]+) s")
    check(n >= 4 and seconds == 0.5, n, seconds)


@test("keep-alive ends after T seconds: nothing is said where nobody waits so long")
def _(dir):
    same(remarks(dir, patient(1), seconds=2, wait=0.3)[0], {})


main(parallel=2)
