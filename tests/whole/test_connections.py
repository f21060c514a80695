#!/usr/bin/env -S python3 -B
# straight
"""Connections, and what the client does by itself: the kit's counts against those of the server, which
stand in --summary and, where they are worth a sentence, at the end of the report.

    tests/whole/test_connections.py [WORD...]    only the tests whose name contains a word
"""
import collections, json, struct
from kit.lib import *

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Counting(Script):
    """A server that counts what it accepts and what it reads. answer(n, head): what the n-th request of a
    connection gets; b"" ends the connection."""

    def __init__(self, answer):
        super().__init__(self.talk)
        self.answer, self.lock = answer, threading.Lock()
        self.accepted, self.heads = 0, []

    def talk(self, c):
        with self.lock:
            self.accepted += 1
        for n in range(1 << 30):
            head = read_head(c)
            if not head:
                return
            length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
            left = int(length[1]) if length else 0
            while left:
                left -= len(c.recv(left))
            with self.lock:
                self.heads.append(head)
            said = self.answer(n, head)
            if not said:
                return
            c.sendall(said)


def ask(dir, server, *steps, options=(), users=1, **how):
    """Runs scripted_requests.c; its answers, the --summary, what it printed at the end."""
    with open(dir + "/script", "w") as f:
        for step in ({"users": users, **how},) + steps:
            f.write(" ".join("%s=%s" % (k, str(v).replace(" ", "%20")) for k, v in step.items()) + "\n")
    done = run(dir, [build("scripted_requests.c"), "--headless", "-H", server.url, "-u", str(users), "-r", "100",
                     "-t", "30", "--only-summary", "--summary", "s.json", "--csv", "c", *options],
               env={"SCRIPT": dir + "/script"})
    check(done.rc in (0, 1), done)
    Asked = collections.namedtuple("Asked", "answers summary client remarks result")
    lines = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
    with open(dir + "/s.json") as f:
        summary = json.load(f)
    return Asked([line for line in lines if "status" in line], summary, summary["client"],
                 {r["key"]: (r["about"], r["text"]) for r in summary["remarks"]}, done)


def get(url="/", **more):
    return dict(url=url, **more)


def agree(server, asked):
    same(asked.client["requests_sent"], len(server.heads), asked.client)
    same(asked.client["connections_opened"], server.accepted, asked.client)
    same(asked.client["sent_on_kept_connections"], len(server.heads) - server.accepted, asked.client)


@test("connections opened and reused: as the server counts them, and no remark")
def _(dir):
    with Counting(lambda n, head: OK) as server:
        asked = ask(dir, server, get(times=50), users=4)
    agree(server, asked)
    same((server.accepted, len(server.heads), asked.remarks), (4, 200, {}))
    same({k: v for k, v in asked.client.items() if k.endswith(("again", "answers", "bodies", "waits"))},
         {"sent_again": 0, "stray_answers": 0, "head_bodies": 0, "continue_waits": 0})


@test("a server that ends kept connections under a request: sent again, and told")
def _(dir):
    with Counting(lambda n, head: OK if n < 3 else b"") as server:  # webfs does so with more than 32
        asked = ask(dir, server, get(times=31))
    counted = asked.summary["total"]["requests"]
    agree(server, asked)
    same((counted, asked.summary["total"]["failures"]), (31, 0))
    same(asked.client["sent_again"], len(server.heads) - counted)
    same(asked.client["sent_again"], 10)
    about, text = asked.remarks["sent_again"]
    same(about, "client")
    check(text.startswith("10 requests were sent again on a new connection"), text)
    same(asked.result.err.count("client: " + text), 1, asked.result)


@test("redirects are requests, too")
def _(dir):
    def answer(n, head):
        moved = head.startswith(b"GET /old ")
        return b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n" if moved else OK
    with Counting(answer) as server:
        asked = ask(dir, server, get("/old", times=5))
    agree(server, asked)
    same((asked.summary["total"]["requests"], len(server.heads)), (5, 10))


@test("a HEAD that is answered with a body: the GET behind it is not to blame")
def _(dir):
    # evhttp, gevent, waitress and others; the body comes with the head, or a little later.
    for pause in (0, 0.01):
        def talk(c):
            with server.lock:
                server.accepted += 1
            while True:
                head = read_head(c)
                if not head:
                    return
                with server.lock:
                    server.heads.append(head)
                if not head.startswith(b"HEAD "):
                    c.sendall(OK)
                    continue
                c.sendall(OK if not pause else OK[:-2])
                if pause:
                    time.sleep(pause)
                    c.sendall(OK[-2:])
        with Counting(None) as server:
            server.serve = talk
            asked = ask(dir, server, *[get(method="HEAD"), get(), get("/post", method="POST", body="abc")] * 5)
        same([a["status"] for a in asked.answers], [200] * 15, pause)
        same(asked.summary["total"]["failures"], 0)
        same((asked.client["requests_sent"], asked.client["connections_opened"]), (len(server.heads), server.accepted))
        about, text = asked.remarks["head_bodies"]
        same(about, "server")
        check(re.match(r"answered [1-9]\d* HEAD requests with a body", text), text)
        check(asked.client["head_bodies"] >= 1, asked.client)


@test("a second that the client waited for 100 Continue is its own, and told")
def _(dir):
    with Counting(lambda n, head: OK) as server:
        asked = ask(dir, server, *[get(method="POST", body="abc", expect_continue=1)] * 2)
    agree(server, asked)
    same(asked.client["continue_waits"], 2)
    check(2 <= asked.client["own_waits_s"] < 4, asked.client)
    check(all(a["ms"] < 500 for a in asked.answers), asked.answers)
    check(asked.remarks["continue_waits"][1].startswith("2 times it waited a second"), asked.remarks)


@test("a server that closes unless it is asked to keep: --ask-keep-alive and .ask_keep_alive")
def _(dir):
    def answer(n, head):  # HTTP/1.0; merecat does so with 1.1, too
        keeps = b"\r\nConnection: keep-alive\r\n" in head
        c = b"Connection: keep-alive\r\n" if keeps else b""
        return b"HTTP/1.0 200 OK\r\n" + c + b"Content-Length: 2\r\n\r\nok"

    def connections(*options, **how):
        with Counting(answer) as server:
            asked = ask(dir, server, *[get()] * 5, options=options, **how)
        same(asked.summary["total"]["failures"], 0)
        agree(server, asked)
        return server.accepted, sum(b"connection:" in head.lower() for head in server.heads)
    same(connections(), (5, 0))
    same(connections("--ask-keep-alive"), (1, 5))
    same(connections(ask_keep_alive=1), (1, 5))
    same(connections("--ask-keep-alive", no_keep_alive=1), (5, 5))  # the class's own word counts
    same(connections("--ask-keep-alive", header="Connection:x"), (5, 5))  # and so does the test's


@test("an answer that a reset follows keeps its status, as curl says")
def _(dir):
    linger = struct.pack("ii", 1, 0)
    rows = [("501 to the close", b"HTTP/1.1 501 Not Implemented\r\n\r\nok"),
            ("404 to the close", b"HTTP/1.0 404 Not Found\r\nConnection: close\r\n\r\nok"),
            ("200 of nine bytes", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"),
            ("200, whole", OK)]
    curl = shutil.which("curl")

    def row(name, said):
        def serve(c):
            read_head(c)
            c.sendall(said)
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        with Script(serve) as script:
            asked = ask(dir, script, get())
            if curl:
                done = subprocess.run([curl, "-s", "-w", " %{http_code}", script.url], capture_output=True, text=True)
                same("%s %d" % (asked.answers[0]["body"], asked.answers[0]["status"]), done.stdout)
                same(bool(asked.answers[0]["error"]), done.returncode != 0)
        same(asked.answers[0]["status"], int(said[9:12]))
        same(asked.answers[0]["body"], "ok")
    each(rows, row)


main(parallel=3)
