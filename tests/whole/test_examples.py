#!/usr/bin/env -S python3 -B
"""Builds every example, strictly and without optimizing but for the demo, and runs it against a small server.

    tests/whole/test_examples.py [WORD...]    only the tests whose name contains a word
"""
import os, sys
from kit.lib import *
from kit.mosquitto import Mosquitto
from kit.postgres import Postgres
from kit.certs import Pki
from kit.rooms import serving
from kit import dns, h2, milvus, qdrant
from kit.h2 import *
from kit.nginx import Nginx
import glob, http.server, json, shlex, ssl, urllib.parse

try:
    from kit.mongo_peer import Mongo, Store
except ImportError:  # Debian's packages are for Debian's Python
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])
    Mongo = None

STRICT = ("-O0", "-std=c11", "-Wall", "-Wextra", "-pedantic")  # quick to build, and no warning passes
KNOWN = {}


def example(name, *flags, libs=()):
    def register(function):
        KNOWN[name] = function
        test(name)(lambda dir: function(dir, build("examples/%s.c" % name, *flags, libs=libs)))
    return register


def web(c):
    """Answers / /login /favicon.ico /loginReq and /api/item, as the examples want it."""
    while True:
        head = read_head(c).decode()
        if not head:
            return
        method, path = head.split()[:2]
        m = re.search(r"content-length: *(\d+)", head, re.I)
        body = b""
        while m and len(body) < int(m[1]):
            body += c.recv(int(m[1]) - len(body))
        seen.append((method, path, body, head))
        text = b'{"id": 7}' if path.startswith("/api/item") else b"hello"
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                  % (len(text), text))


seen = []


def command(program, url, *args):
    return [program, "--headless", "--csv", "c", "-H", url] + list(args)


@example("demo", "-O2")
def _(dir, program):
    with Script(web) as server:
        r = run(dir, command(program, server.url, "-u", "5", "-r", "1000000", "-t", "1"))
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same(set(rows), {("GET", "index"), ("GET", "login")})
    same(failed(total), 0)
    check(abs(count(rows["GET", "index"]) - count(rows["GET", "login"])) <= 5, rows)
    check(count(total) > 50, total)


@example("simulation", *STRICT)
def _(dir, program):
    with Script(web) as server:
        r = run(dir, command(program, server.url, "-u", "10", "-r", "1000000", "-t", "2"))
    same(r.rc, 0, r)
    same(r.out, "test started\ntest stopped\n")
    rows, total = stats_csv(dir + "/c")
    same(count(rows["POST", "/loginReq"]), 5)  # one for each Shopper
    check(("GET", "index") in rows and failed(total) == 0, rows)
    r.says('All users spawned: {"Shopper": 5, "Ticker": 5} (10 total users)')
    posted = [s for s in seen if s[1] == "/loginReq"]
    same({s[2] for s in posted}, {b"username=admin&password=admin"})
    check("application/x-www-form-urlencoded" in posted[0][3], posted[0])


@example("weight", *STRICT)
def _(dir, program):
    r = run(dir, command(program, shared_target().url, "-u", "9", "-r", "1000000", "-t", "1"))
    same(r.rc, 0, r)
    r.says('All users spawned: {"Admin": 1, "Heavy": 6, "Light": 2} (9 total users)')
    same(set(stats_csv(dir + "/c")[0]), {("GET", "/")})


@example("response", *STRICT)
def _(dir, program):
    with Script(web) as server:
        r = run(dir, command(program, server.url, "-t", "10"))
        same(r.rc, 0, r)
        check(r.seconds < 5, "locust_stop_test did not end it", r)
        check(re.match(r"200 OK, 9 bytes of application/json from %s/api/item\?id=7 in \d+\.\d{3} ms\n"
                       r'\{"id": 7\}' % re.escape(server.url), r.out), r)
        same([(k, count(v)) for k, v in stats_csv(dir + "/c")[0].items()], [(("GET", "/api/item"), 1)])
    with Script(web, listen=False) as nobody:
        r = run(dir, command(program, nobody.url, "-t", "10"))
        same(r.rc, 1, r)
        check("\nconnection refused\n" in r.err, r)


@example("library", *STRICT)
def _(dir, program):
    # Its host is in the source: port 8080, which may be anyone's.
    out = os.path.join(dir, "library.c")
    port = shared_target().port
    with open("examples/library.c") as f:
        text = f.read()
    check("http://127.0.0.1:8080" in text)
    with open(out, "w") as f:
        f.write(text.replace("127.0.0.1:8080", "127.0.0.1:%d" % port))
    r = run(dir, [build(out, *STRICT)])
    m = re.fullmatch(r"(\d+) requests, (\d+) failed, p95 (\d+\.\d) ms, (\d+) seen by the listener\n", r.out)
    check(m, r)
    same((r.rc, r.err), (0, ""))  # no output of its own
    check(int(m[1]) > 100 and m[2] == m[4] == "0", r)
    check(2 <= r.seconds < 4, r)


@test("library against nobody")
def _(dir):
    out = os.path.join(dir, "refused.c")
    with Script(web, listen=False) as nobody, open("examples/library.c") as f:
        with open(out, "w") as g:
            g.write(f.read().replace("127.0.0.1:8080", "127.0.0.1:%d" % nobody.port))
        r = run(dir, [build(out, *STRICT)])
    m = re.fullmatch(r"(\d+) requests, (\d+) failed, p95 (\d+\.\d) ms, (\d+) seen by the listener\n", r.out)
    check(m, r)
    check(int(m[1]) > 10 and m[1] == m[2] == m[4], r)
    same((r.rc, r.err), (1, ""), r)


@example("websocket", *STRICT)
def _(dir, program):
    with serving("websocket") as port:
        r = run(dir, command(program, "ws://127.0.0.1:%d" % port, "-u", "5", "-r", "1000000", "-t", "2"))
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same(set(rows), {("WS", "connect"), ("WS", "echo")})
    same((count(rows["WS", "connect"]), failed(total)), (5, 0))
    check(count(rows["WS", "echo"]) >= 5, rows)


@example("socketio", *STRICT)
def _(dir, program):
    with serving("socketio") as port:
        r = run(dir, command(program, "http://127.0.0.1:%d" % port, "-u", "5", "-r", "1000000", "-t", "4"))
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same((count(rows["WS", "connect"]), count(rows["WSE", "join"]), failed(total)), (5, 5, 0))
    check(set(rows) <= {("WS", "connect"), ("WSE", "join"), ("WSC", "sum"), ("WSR", "hello"), ("WSR", "bye")}, rows)
    check(count(rows["WSC", "sum"]) >= 5, rows)


@example("custom_protocol", *STRICT)
def _(dir, program):
    def echo(c):
        while True:
            data = c.recv(4096)
            if not data:
                return
            lines.append(data)
            c.sendall(data)

    lines = []
    with Script(echo) as server:
        url = server.url.replace("http", "tcp")
        r = run(dir, command(program, url, "-u", "4", "-r", "1000000", "-t", "1"))
        same(r.rc, 0, r)
        rows, total = stats_csv(dir + "/c")
        same(list(rows), [("ECHO", "line")])
        row = rows["ECHO", "line"]
        check(count(row) > 50 and failed(row) == 0, row)
        same(float(row["Average Content Size"]), 6.0)
        same(len(server.connections), 4)
        check(abs(b"".join(lines).count(b"hello\n") - count(row)) <= 4, row)
    with Script(echo, listen=False) as nobody:
        r = run(dir, command(program, nobody.url.replace("http", "tcp"), "-t", "1"))
        same(r.rc, 1, r)
        same({f["Error"] for f in read_csv(dir + "/c", "failures")}, {"connection refused"})


@example("cart", *STRICT)
def _(dir, program):
    r = run(dir, command(program, shared_target().url, "-u", "4", "-r", "1000000", "-t", "3"))
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same(set(rows), {("POST", "/login"), ("GET", "/catalogue"), ("POST", "/cart")})
    same((count(rows["POST", "/login"]), failed(total)), (4, 0))
    same(float(rows["GET", "/catalogue"]["Average Content Size"]), 2000.0)
    m = re.fullmatch(r"user 1 leaves with (\d+) items\n", r.out)
    check(m and int(m[1]) <= count(rows["POST", "/cart"]), r)
    with Script(web) as server:  # a server that forgets what it was sent
        r = run(dir, command(program, server.url, "-u", "4", "-r", "1000000", "-t", "3"))
    same(r.rc, 1, r)
    same({(f["Name"], f["Error"]) for f in read_csv(dir + "/c", "failures")},
         {("/cart", "the cart lost the item")})
    carts = [head.lower() for method, path, body, head in seen if path == "/echo"]
    check(carts and all("authorization: bearer none" in h and "accept-language: en" in h
                        for h in carts), carts)


@example("methods", *STRICT)
def _(dir, program):
    r = run(dir, command(program, shared_target().url, "-u", "3", "-r", "1000000", "-t", "2"))
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same({method for method, _ in rows},
         {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"})
    same({float(rows[m, "/echo"]["Average Content Size"]) for m in ("POST", "PUT", "PATCH")},
         {18.0, 15.0, 3.0})
    same(failed(total), 0)
    m = re.fullmatch(r"(\d+) bytes of answers\n", r.out)
    check(m and int(m[1]) == round(count(total) * float(total["Average Content Size"])), r)


class Shop(http.server.BaseHTTPRequestHandler):
    """https://shop.test and https://cdn.shop.test, as session.c wants them."""
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    asked = []

    def answer(self):
        n = int(self.headers.get("Content-Length", 0))
        self.asked.append((self.headers["Host"], self.command, self.path, dict(self.headers), self.rfile.read(n)))
        text = {"/account": b'<input name="csrf" value="abc123">',
                "/app.js": b'"use strict";'}.get(self.path, b"fine")
        self.send_response(200)
        self.send_header("Set-Cookie", "visit=1; Path=/; Secure")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


@example("session", *STRICT, "-DLOCUST_TLS", libs=TLS)
def _(dir, program):
    if not shutil.which("openssl"):
        raise Skip("openssl is missing")
    pki = Pki(dir + "/pki", "ec")
    leaf = pki.leaf("shop", san="DNS:shop.test,DNS:*.shop.test")
    shutil.copy(pki.root, dir + "/shop-ca.pem")
    with open(dir + "/report.pdf", "wb") as f:
        f.write(bytes(range(256)) * 300)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.chain, leaf.key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        r = run(dir, [program, "--headless", "-t", "4", "-s", "10", "--csv", "c", "--connect-to",
                      "::127.0.0.1:%d" % server.server_port])
    finally:
        server.shutdown()
        server.server_close()
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same(failed(total), 0)
    same(set(rows), {("GET", "/search"), ("POST", "/upload"), ("GET", "/account"), ("POST", "/account"),
                     ("GET", "/app.js")})
    first, second, third, fourth, fifth = Shop.asked[:5]
    same(first[:3], ("shop.test", "GET", "/search?q=tea+%26+cake&page=2"))
    same({a[3]["Accept-Language"] for a in Shop.asked}, {"de"})
    same([a[3].get("Cookie") for a in Shop.asked[:5]], [None] + ["visit=1"] * 3 + [None])  # of the other host
    check(bytes(range(256)) * 300 in second[4] and b'filename="report.pdf"' in second[4]
          and b"Content-Type: application/pdf" in second[4] and b"\r\n\r\nreport\r\n" in second[4], second[3])
    same(third[3]["Authorization"], "Basic YWRtaW46c2VjcmV0")
    same(fourth[4], b"csrf=abc123&name=Ann")
    same(fifth[:3], ("cdn.shop.test", "GET", "/app.js"))


def feed(c):
    """Events without an end, a large body, orders: as stream.c wants them."""
    while True:
        head = read_head(c).decode()
        if not head:
            return
        method, path = head.split()[:2]
        m = re.search(r"content-length: *(\d+)", head, re.I)
        while m and int(m[1]) and len(c.recv(int(m[1]))) < int(m[1]):
            pass
        fed.append((method, path, head))
        if path == "/events":
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            with contextlib.suppress(OSError):
                while True:
                    c.sendall(b": hello\r\nevent: tick\ndata: 1\n\n")
                    time.sleep(0.001)
            return
        text = b"x" * 1000000 if path == "/download" else b'{"id": 7}' if method == "POST" else b"{}"
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))


fed = []


@example("stream", *STRICT)
def _(dir, program):
    with Script(feed) as server:
        r = run(dir, command(program, server.url, "-u", "3", "-r", "1000000", "-t", "3", "-s", "10", "--phases"),
                env={"TOKEN": "t0ken"})
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same((set(rows), failed(total)), ({("GET", "/events"), ("GET", "/download"), ("POST", "/orders"),
                                       ("DELETE", "/orders/[id]")}, 0))
    said = re.findall(r"^(\d+) events, (\d+) bytes$", r.out, re.M)
    same(len(said), 3, r)
    same(sum(int(b) for _, b in said), 1000000 * count(rows["GET", "/download"]))
    check(sum(int(n) for n, _ in said) >= 10, said)
    deleted = [f for f in fed if f[0] == "DELETE"]
    check(deleted and all(f[1] == "/orders/7" and "Authorization: Bearer t0ken\r\n" in f[2] for f in deleted))
    r.says("Phases of requests (ms)")


@example("tasksets", *STRICT)
def _(dir, program):
    # Checkout is a sequence; Wander goes front -> search|leave, search -> front|leave, leave -> out.
    lock, sequences = threading.Lock(), {}

    def answer(c):
        mine = []
        with lock:
            sequences[id(c)] = mine
        while True:
            head = read_head(c).decode()
            if not head:
                return
            mine.append(head.split()[1])
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    out = os.path.join(dir, "tasksets.c")
    with open("examples/tasksets.c") as f:
        text = f.read()
    check("LOCUST_CONSTANT(1)" in text)  # a second between tasks is long for a test
    with open(out, "w") as f:
        f.write(text.replace("LOCUST_CONSTANT(1)", "LOCUST_CONSTANT(0.002)"))
    with Script(answer) as server:
        r = run(dir, command(build(out, *STRICT), server.url, "-u", "4", "-r", "1000000", "-t", "4", "-s", "5"))
    same(r.rc, 0, r)
    steps = {"/orders": ["/orders/pay"], "/": ["/search?q=1"]}
    starts, total = {"/ping": 0, "/orders": 0, "/": 0}, 0
    for paths in sequences.values():
        for before, now in zip([None] + paths, paths):
            if now == "/orders/pay":
                same(before, "/orders")
            elif now.startswith("/search"):
                same(before, "/")
            elif now == "/" and before in ("/search?q=1",):
                pass  # it may go on in the set, or leave it and come again
            elif before != "/orders":
                starts[now] += 1
                total += 1
            else:
                check(False, "%s after /orders" % now)
    # Of what is picked outside: 5 of 8 pings, 2 of 8 orders. Three standard deviations and more.
    check(total > 300, starts)
    for path, share in (("/ping", 5), ("/orders", 2)):
        check(abs(starts[path] - total * share / 8) < 5 * (total * share / 8 * (8 - share) / 8) ** 0.5 + 10,
              path, starts)
    same(set(stats_csv(dir + "/c")[0]), {("GET", "/ping"), ("POST", "/orders"), ("POST", "/orders/pay"),
                                         ("GET", "/"), ("GET", "/search")})


@example("tags", *STRICT)
def _(dir, program):
    for args, rows in (((), {("POST", "/orders"), ("GET", "/report"), ("GET", "/")}),
                       (("--tags", "pay", "--exclude-tags", "slow"), {("POST", "/orders")}),
                       (("-T", "pay,slow"), {("POST", "/orders"), ("GET", "/report")}),
                       (("-E", "pay"), {("GET", "/")})):
        with Script(web) as server:
            r = run(dir, command(program, server.url, "-t", "1", *args))
        same((r.rc, set(stats_csv(dir + "/c")[0])), (0, rows), args)
    r = run(dir, command(program, "http://127.0.0.1:1", "--tags", "nobody"))
    check(r.rc > 0 and len(r.err.splitlines()) == 1, r)
    r.says("user class Buyer has no tasks left by --tags and --exclude-tags")


@example("coroutine_local", *STRICT)
def _(dir, program):
    tokens = []

    def answer(c):
        while True:
            head = read_head(c).decode()
            if not head:
                return
            tokens.append(re.search(r"Authorization: (\S+)", head)[1])
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with Script(answer) as server:
        r = run(dir, command(program, server.url, "-u", "3", "-r", "1000000", "-t", "3", "-s", "5"))
    same(r.rc, 0, r)
    said = {int(n): (int(a), int(b)) for n, a, b in
            re.findall(r"^user (\d) made (\d+) requests over (\d+) pages$", r.out, re.M)}
    same({n: a for n, (a, b) in said.items()}, {n: tokens.count("token-%d" % n) for n in (1, 2, 3)})
    check(all(a == b >= 1 for a, b in said.values()), said)



def changed(dir, name, *replacements):
    """An example with other words in its source: builds it, the path of the program."""
    out = os.path.join(dir, name + ".c")
    with open("examples/%s.c" % name) as f:
        text = f.read()
    for old, new in replacements:
        check(old in text, "%s.c lacks %s" % (name, old))
        text = text.replace(old, new)
    with open(out, "w") as f:
        f.write(text)
    return build(out, *STRICT)


def answering(answer):
    """Serves connections by answer(method, path, head, body) -> (status, text)."""
    def serve(c):
        while True:
            head = read_head(c).decode()
            if not head:
                return
            method, path = head.split()[:2]
            m = re.search(r"content-length: *(\d+)", head, re.I)
            body = b""
            while m and len(body) < int(m[1]):
                body += c.recv(int(m[1]) - len(body))
            status, text = answer(method, path, head, body.decode())
            c.sendall(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text.encode()))
    return serve


@example("login", *STRICT)
def _(dir, _):
    lock, uses, given, wrong, out = threading.Lock(), {}, {}, [], []

    def answer(method, path, head, body):
        with lock:
            token = re.search(r"\r\nAuthorization: Bearer (\S+)\r\n", head)
            if path == "/login":
                user = re.fullmatch(r'\{"user": "(user\d)", "password": "secret"\}', body)[1]
                if user == "user4":
                    return 200, '{"auth": {}}'
                given[user] = given.get(user, 0) + 1
                uses["%s-%d" % (user, given[user])] = 0
                return 200, '{"auth": {"token": "%s-%d"}}' % (user, given[user])
            if not token or token[1] not in uses:
                wrong.append((path, head))
            elif path == "/logout":
                out.append(token[1].split("-")[0])
            else:
                uses[token[1]] += 1
                return (401, "") if uses[token[1]] > 5 else (200, "[]")
            return 200, ""

    program = changed(dir, "login", ("LOCUST_BETWEEN(0.5, 2)", "LOCUST_BETWEEN(0.005, 0.01)"))
    with Script(answering(answer)) as server:
        r = run(dir, command(program, server.url, "-u", "4", "-r", "1000000", "-t", "1", "-s", "5"))
    same(r.rc, 1, r)
    rows, total = stats_csv(dir + "/c")
    same(failed(total), 1)  # user4 alone: a 401 is no failure
    same([(f["Name"], f["Error"]) for f in read_csv(dir + "/c", "failures")],
         [("/login", "no token in the answer")])
    check(all(given[user] > 1 for user in ("user1", "user2", "user3")), given)
    check(not [w for w in wrong if w[0] != "/logout"], wrong)
    same(sorted(out), ["user1", "user2", "user3"])
    r.says("cannot log in")


@example("shape", *STRICT)
def _(dir, _):
    asked, began = [], []

    def answer(method, path, head, body):
        now = time.monotonic()
        began or began.append(now)
        asked.append((now - began[0], path))
        return 200, ""

    program = changed(dir, "shape", ("{  60, 100, 10,", "{ 1.5, 4, 100,"), ("{ 120, 200, 10,", "{ 3.5, 9, 100,"),
                      ("{ 180,  50, 10,", "{ 5.5, 2, 100,"), ("LOCUST_CONSTANT(1)", "LOCUST_CONSTANT(0.05)"))
    with Script(answering(answer)) as server:
        r = run(dir, command(program, server.url))
    same(r.rc, 0, r)
    check(5 < r.seconds < 9, r)
    counts = [int(row["User Count"]) for row in read_csv(dir + "/c", "stats_history")]
    same([n for n in (4, 9, 2) if n not in counts], [], counts)
    same(max(counts), 9)
    early = {path for at, path in asked if at < 1.2}
    same(early, {"/"})  # visitors alone
    same({path for _, path in asked}, {"/", "/size/10000"})


@example("assert_response", *STRICT)
def _(dir, program):
    lock, n = threading.Lock(), {}

    def answer(method, path, head, body):
        with lock:
            i = n[path] = n.get(path, -1) + 1
        if path == "/login":
            return 200, ('{"code": 0}', '{"code": 7}', '{"code": "x"}')[i % 3]
        if path.startswith("/search"):
            if i == 3:
                time.sleep(0.6)
            return ((200, "tea"), (429, "slow down"), (200, "no results"), (200, "tea"))[i % 4]
        if path == "/gone":
            return (404, 200)[i % 2], ""
        return 200, ('{"id": 7}', '{"no": 7}', '"id" = 7')[i % 3]

    with Script(answering(answer)) as server:
        r = run(dir, command(program, server.url, "-u", "4", "-r", "1000000", "-t", "2", "-s", "5"))
    same(r.rc, 1, r)
    rows = stats_csv(dir + "/c")[0]
    texts = {}
    for f in read_csv(dir + "/c", "failures"):
        texts.setdefault(f["Name"], []).append(f["Error"])
    same(sorted(texts["/login"]), ['login refused with code 7', 'no numeric field "code" in the reply'])
    same(sorted(texts["/search"]), ["slower than 500 ms", "tea was not found"])
    same((len(texts["/api/item"]), len(texts["/gone"])), (2, 1), texts)
    for (_, name), row in rows.items():
        share = {"/login": 3, "/search": 4, "/gone": 2, "/api/item": 3}[name]
        good = {"/login": 1, "/search": 3, "/gone": 1, "/api/item": 1}[name]
        check(abs(count(row) - failed(row) - count(row) * good / share) <= 3, name, row)
        check(count(row) > 4, row)


@example("feeder", *STRICT)
def _(dir, program):
    want = {("ann", "secret"), ("ben", 'comma, and "quotes"'), ("cleo", "\u00fcmlaut&more"), ("dora", "1234"),
            ("emil", "last one")}

    def go(*args):
        came = []

        def answer(method, path, head, body):
            if path == "/login":
                fields = dict(urllib.parse.parse_qsl(body, strict_parsing=True))
                came.append((fields["user"], fields["password"]))
            return 200, ""

        with Script(answering(answer)) as server:
            r = run(dir, command(program, server.url, "-u", "7", "-r", "1000000", "-t", "1", *args))
        return r, came

    accounts = os.path.abspath("examples/accounts.csv")
    r, came = go("--accounts", accounts)
    same(r.rc, 0, r)
    same((sorted(came), len(r.out.splitlines())), (sorted(want), 2), r)  # two users find none
    halves = [go("--accounts", accounts, "--worker-count", "2", "--worker-index", i)[1] for i in "01"]
    same((sorted(halves[0] + halves[1]), abs(len(halves[0]) - len(halves[1]))), (sorted(want), 1), halves)
    shutil.copy(accounts, dir + "/accounts.csv")
    same(sorted(go()[1]), sorted(want))  # the fallback
    r, came = go("--accounts", "nowhere.csv")
    check(r.rc != 0 and not came and "nowhere.csv" in r.err, r)


@example("assets", *STRICT)
def _(dir, _):
    lock, now, most, pages = threading.Lock(), [0], [0], []

    def answer(method, path, head, body):
        if path == "/":
            pages.append(now[0])
            return 200, "page"
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        return (404 if path == "/logo.svg" and broken else 200), ""

    program = changed(dir, "assets", ("LOCUST_BETWEEN(1, 3)", "LOCUST_CONSTANT(0.01)"))
    for broken in (False, True):
        pages.clear()
        with Script(answering(answer)) as server:
            r = run(dir, command(program, server.url, "-t", "1", "-s", "5"))
        rows, total = stats_csv(dir + "/c")
        n = len(pages)
        same({k: count(v) for k, v in rows.items()}, {("GET", "/"): n, ("GET", "part"): 12 * n, ("PAGE", "/"): n}, r)
        check(n >= 3, rows)
        same((most[0], set(pages)), (6, {0}))
        fastest = float(rows["PAGE", "/"]["Min Response Time"])
        check(100 <= fastest < 300, rows["PAGE", "/"])  # twelve, six at a time: twice 50 ms
        same((r.rc, failed(total)), (1, 2 * n) if broken else (0, 0), r)


@example("open_model", *STRICT)
def _(dir, program):
    began = []

    def answer(method, path, head, body):
        if path == "/size/100":
            now = time.monotonic()
            began or began.append(now)
            time.sleep(max(0.0, began[0] + stalls - now))  # no answer in the first seconds
        return 200, ""

    said = re.compile(r"(\d+) arrivals scheduled, (\d+) started, (\d+) of them late \(by at most "
                      r"(\d+\.\d) ms\), (\d+) shed\n")
    for stalls, args in ((1, ()), (1.5, ("--max-in-flight", "10", "--patience", "1"))):
        began.clear()
        with Script(answering(answer)) as server:
            r = run(dir, command(program, server.url, "--rate", "100", "-t", "2", *args))
        same(r.rc, 0, r)
        rows = stats_csv(dir + "/c")[0]
        m = said.fullmatch(r.out)
        check(m, r)
        scheduled, started, late, worst, shed = (float(n) for n in m.groups())
        check(200 <= scheduled <= 290, r)  # 100 a second and about 20
        if args:
            check(25 <= shed <= 90 and late > 0 and 900 <= worst < 1200, r)
            check(scheduled - 30 <= started + shed <= scheduled, r)
        else:  # the stall did not slow the arrivals
            check(shed == 0 and 190 <= count(rows["GET", "/call"]) <= 210, r)
        check(count(rows["GET", "/"]) >= 40, rows)  # two for each visitor


@example("compare", *STRICT)
def _(dir, program):
    target = shared_target().url
    with Script(answering(lambda *_: (500, ""))) as broken:
        r = run(dir, [program, target, broken.url])
    same(r.rc, 1, r)
    lines = re.findall(r"^(\S+) GET (\S+) +(\d+) requests, (\d+) failed, mean \d+\.\d\d ms, p99 \d+\.\d\d ms$",
                       r.out, re.M)
    same([line[:2] for line in sorted(lines)],
         sorted((url, name) for url in (target, broken.url) for name in ("/", "/page")), r)
    for url, name, n, bad in lines:
        n, bad = int(n), int(bad)
        check(n > 50 and bad == (n if url == broken.url else 0), r)
    check(2.4 <= r.seconds < 4, r)  # the second was ended at its first look
    same(len(re.findall(r"^\d\.\d s: 20 users, \d+ requests, p95 \d+\.\d ms$", r.err, re.M)),
         len(r.err.splitlines()), r)
    r = run(dir, [program, "not a url", target])
    check(r.rc == 2 and len(r.err.splitlines()) == 1, r)


@example("events", *STRICT)
def _(dir, program):
    keys = set()

    def answer(method, path, head, body):
        keys.add(re.search(r"\r\nX-Api-Key: (\S*)\r\n", head)[1])
        if path == "/delay/30":
            time.sleep(0.03)
        return (503 if path == "/status/503" else 200), ""

    def go(*args, **more):
        keys.clear()
        with Script(answering(answer)) as server:
            r = run(dir, command(program, server.url, "-t", "1", *args), **more)
        return r, stats_csv(dir + "/c")[0]

    r, rows = go("--api-key", "k1", "--slow-ms", "20", "--max-failed", "40")
    same((r.rc, keys), (0, {"k1"}), r)
    m = re.fullmatch(r"1 users are there after 0 s\n(\d+) slow, (\d+\.\d) % failed\n", r.out)
    check(m and count(rows["GET", "/report"]) <= int(m[1]) and 30 < float(m[2]) < 36, r)
    with open(dir + "/my.conf", "w") as f:
        f.write("slow-ms = 20\nshow-slow = true\nmax-failed = 10\n")
    r, rows = go("--config", "my.conf", env={"API_KEY": "k2"})
    same((r.rc, keys), (3, {"k2"}), r)
    check(r.out.count("slow: GET /report\n") == count(rows["GET", "/report"]) > 5, r)
    r = run(dir, [program, "--help"])
    check("--api-key KEY" in r.out and "--show-slow " in r.out and "failures allowed (0)" in r.out, r)


@example("mqtt", *STRICT)
def _(dir, program):
    with Mosquitto(dir, "plain") as broker:
        sub = broker.sub("sensors/#", 20, "-F", "%t %p")
        r = run(dir, command(program, broker.url(), "-u", "21", "-r", "1000", "-t", "2"))
        same(r.rc, 0, r)
        rows, total = stats_csv(dir + "/c")
        same(set(rows), {("MQTT", "connect"), ("MQTT", "publish:1:sensors/[id]"), ("MQTT", "subscribe:1:sensors/#"),
                         ("MQTT", "receive:sensors/#")})
        same([count(rows["MQTT", "connect"]), failed(total)], [21, 0])
        check(0 < count(rows["MQTT", "receive:sensors/#"]) <= count(rows["MQTT", "publish:1:sensors/[id]"]), rows)
        topic, payload = sub.communicate(timeout=60)[0].splitlines()[0].split(" ", 1)
        check(topic.startswith("sensors/") and re.fullmatch(r'\{"t": 21.5\} locust=[0-9a-f]{16}', payload), topic, payload)


@example("llm", *STRICT)
def _(dir, program):
    asked = []

    def model(c):
        while True:
            head = read_head(c).decode()
            if not head:
                return
            size, body = int(re.search(r"content-length: *(\d+)", head, re.I)[1]), b""
            while len(body) < size:
                body += c.recv(size - len(body))
            asked.append(json.loads(body))
            deltas = ['{"choices": [{"delta": {"content": "%s"}}]}' % text for text in ("Once", r' \"upon\"\n')]
            deltas += ['{"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}', "[DONE]"]
            text = "".join("data: %s\n\n" % d for d in deltas).encode()
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))

    with Script(model) as server:
        r = run(dir, command(program, server.url, "-u", "2", "-r", "100", "--iterations", "12", "--summary", "s.json"))
    same(r.rc, 0, r)
    with open(dir + "/s.json") as f:
        streams = json.load(f)["streams"]
    same({row["name"] for row in streams["rows"]}, {"turn %d" % n for n in range(1, 6)})
    same((streams["total"]["completed"], streams["total"]["total_output_tokens"]), (12, 24))
    longest = max(asked, key=lambda a: len(a["messages"]))["messages"]
    same([m["role"] for m in longest], ["user", "assistant"] * 4 + ["user"])
    same({m["content"] for m in longest if m["role"] == "assistant"}, {'Once "upon"\n'})


@example("mongodb", *STRICT)
def _(dir, program):
    if not Mongo:
        raise Skip("python3-pymongo is missing")

    class Shop(Store):
        def count(self, got):
            return {"n": 5, "ok": 1.0}

        def update(self, got):
            same(got["updates"][0]["u"], {"$set": {"shipped": True}})
            return {"n": 1, "nModified": 1, "ok": 1.0}

        def aggregate(self, got):
            return self.batch(got, [{"_id": 8, "n": 2}], "orders", "firstBatch", 101)
    shop = Shop()
    shop.collections["items"] = {i: {"_id": i, "name": "x"} for i in range(30)}
    with Mongo(shop) as server:
        r = run(dir, command(program, server.to(), "-u", "21", "-r", "1000", "-t", "3"))
        server.fine()
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same({name for _, name in rows}, {"connect", "find items", "count items", "insert orders", "update orders", "per item"})
    same([count(rows["MONGODB", "connect"]), failed(total)], [21, 0])
    same(len(shop.collections["orders"]), 2 * count(rows["MONGODB", "insert orders"]))


@example("postgres", *STRICT)
def _(dir, program):
    with Postgres() as pg:
        pg.psql("""create table items (id int, name text, price numeric); create table orders (item int, note text);
                   insert into items values (1, 'one', 1), (2, null, 9.98), (3, 'three', 9.99);
                   grant all on items, orders to public""")
        r = run(dir, command(program, pg.url("scram_u"), "-u", "10", "-r", "1000", "-t", "2"))
        same(r.rc, 0, r)
        rows, total = stats_csv(dir + "/c")
        same(set(rows), {("POSTGRES", "connect"), ("POSTGRES", "cheap items"), ("POSTGRES", "order")})
        same([count(rows["POSTGRES", "connect"]), failed(total)], [10, 0])
        orders = int(pg.psql("select count(*) from orders where item = 7 and note is null"))
        check(orders > 5 and 0 <= count(rows["POSTGRES", "order"]) - 3 * orders <= 20, orders, rows)
        same(len(re.findall(r"parse locust_|execute locust_\w+: select id", pg.log())), count(rows["POSTGRES", "cheap items"]))


@example("http2", *STRICT)
def _(dir, program):
    config = "events {} http { access_log @D/log; server { listen 127.0.0.1:@PORT http2; location / { return 200 ok; } } }"
    with Nginx(dir, config, PORT=None) as nginx:
        r = run(dir, command(program, nginx.url, "-u", "5", "-r", "1000000", "-t", "2"))
        nginx.finish()
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same((set(rows), failed(total)), ({("GET", "/"), ("GET", "/asset")}, 0))
    same(count(rows["GET", "/asset"]) % 4, 0)
    with open(dir + "/log") as f:
        check("HTTP/2.0" in f.read(), "nginx saw no HTTP/2")


@example("grpc", *STRICT)
def _(dir, program):
    def says(c, s):
        hello = H(b"\x88" + field("content-type", "application/grpc"), stream=s)
        return hello + D(b"\0\0\0\0\x0b\x0a\x09Hello ann", 0, s) + H(field("grpc-status", "0"), 5, s)
    with Scripted(says) as server:
        r = run(dir, command(program, server.url, "-u", "5", "-r", "1000000", "-t", "3"))
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    check(failed(total) == 0 and set(rows) <= {("grpc", "/helloworld.Greeter/" + m) for m in ("SayHello", "Many")}, rows)
    check(count(rows["grpc", "/helloworld.Greeter/SayHello"]) >= 5, rows)


@example("milvus", *STRICT)
def _(dir, program):
    """A server that answers in the order in which one user asks; it finds the entity 1 by vector, and none by query."""
    m = milvus.m
    fields = m(4, m(2, b"id") + m(3, 1) + m(5, 5)) + m(4, m(2, b"vector") + m(5, 101) + m(6, m(1, b"dim") + m(2, b"4")))
    first = iter([b"", b"", b"", m(2, 3), m(2, fields + m(5, 1)), m(7, 1)])  # loaded, described, written
    hit = m(2, m(4, b"\0\0\0\0") + m(5, m(1, m(1, b"\1"))))
    with h2.Scripted(lambda _, stream: milvus.reply(stream, next(first, hit))) as server:
        r = run(dir, command(program, server.url, "-u", "1", "-t", "3", "--exit-code-on-error", "0"))
        data = [payload for _, type, _, _, payload in server.said if type == h2.DATA]
    same(r.rc, 0, r)
    rows, _ = stats_csv(dir + "/c")
    check({n for _, n in rows} - {"query"} == {"create", "upsert", "search"}, rows)
    same([(count(rows["milvus", n]), failed(rows["milvus", n])) for n in ("create", "upsert")], [(1, 0), (1, 0)])
    same(failed(rows["milvus", "search"]), 0)
    check(("milvus", "query") not in rows or "nothing was found" in r.out + r.err, r)
    check(b'{"user":"1"}' in data[5], data[5])  # what is no field of the collection


@example("qdrant", *STRICT)
def _(dir, program):
    with qdrant.Qdrant(lambda method, path, body: qdrant.done() if method == "PUT" else qdrant.found(1, 2)) as server:
        r = run(dir, command(program, server.url, "-u", "5", "-r", "1000", "-t", "5"))
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same({key for key in rows}, {("qdrant", n) for n in ("create", "upsert", "search", "like the first", "scroll")})
    same([count(rows["qdrant", "create"]), count(rows["qdrant", "upsert"]), failed(total)], [5, 5, 0])
    same({body["query"]["nearest"][0] for _, path, body in server.seen if "nearest" in body.get("query", {})}, {0.5})


@example("udp", *STRICT)
def _(dir, program):
    s, n, late = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), {"": 0}, []
    s.bind(("127.0.0.1", 0))

    def serve():  # loses every 20th, and sends every 21st twice
        while True:
            data, at = s.recvfrom(100)
            if data == b"end":
                return
            n[""] += 1
            n[at] = n.get(at, 0) + 1
            check(data == b"ping %d" % n[at], data)
            if n[at] % 20 != 0:
                s.sendto(data, at)
            if n[at] % 21 == 0:
                s.sendto(data, at)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = "udp://127.0.0.1:%d" % s.getsockname()[1]
    r = run(dir, command(program, url, "-u", "4", "-r", "1000000", "-t", "2"))
    s.sendto(b"end", s.getsockname())
    thread.join(10)
    check(not thread.is_alive(), "a datagram was not as expected")
    rows, total = stats_csv(dir + "/c")
    same((r.rc, list(rows)), (1, [("UDP", "ping")]), r)
    row = rows["UDP", "ping"]
    same({f["Error"] for f in read_csv(dir + "/c", "failures")}, {"timed out"})
    lost = sum(k // 20 for at, k in n.items() if at)
    check(len(n) == 5 and lost - 4 <= failed(row) <= lost and failed(row) >= 4, n, row)
    check(abs(count(row) - n[""]) <= 4, n, row)


@example("resolver", *STRICT)
def _(dir, program):
    with dns.Knot(dir) as server:
        r = run(dir, command(program, "udp://127.0.0.1:%d" % server.port, "-u", "20", "-r", "100", "-t", "2"))
        rows, total = stats_csv(dir + "/c")
        same((r.rc, failed(total)), (0, 0), r)
        same(set(rows), {("DNS", name) for name in ("MX zone", "A exchange", "A h[n]", "no such name")})
        same(count(rows["DNS", "MX zone"]), count(rows["DNS", "A exchange"]))
        check(count(total) <= server.asked() <= count(total) + 20, server.asked(), total)  # of what was cut at the end


GUIDE = "examples/FROM_LOCUST.md"


def blocks(path, language=r"\w*"):
    with open(path) as f:
        return re.findall(r"^```%s\n(.*?)^```$" % language, f.read(), re.S | re.M)


def compiles(dir, path):
    found = blocks(path, "c")
    for i, text in enumerate(found):
        source = "%s/block%d.c" % (dir, i)
        with open(source, "w") as f:
            f.write('#include "locust.h"\n#include <stdio.h>\n#include <string.h>\n'
                    + text.replace('#include "locust.h"\n', ""))
        done = subprocess.run([CC, "-fsyntax-only", *STRICT, "-Wno-unused", "-I.", source],
                              capture_output=True, text=True)
        check(done.returncode == 0 and not done.stderr, text, done.stderr)
    return len(found)


@test("the C in FROM_LOCUST.md compiles, and the Python beside it")
def _(dir):
    n = compiles(dir, GUIDE)
    check(n >= 5, n)
    python = blocks(GUIDE, "python")
    same(len(python), n)
    for text in python:
        compile(text, GUIDE, "exec")


@test("the test in README.md runs by the command under it")
def _(dir):
    with open("README.md") as f:
        commands = re.findall(r"^    (cc .*|\./test .*)$", f.read(), re.M)
    same(commands[0], "cc -O2 test.c -o test")
    source, told = dir + "/readme_test.c", shlex.split(commands[1])
    with open(source, "w") as f:
        f.write(blocks("README.md", "c")[0])
    with Target(dir) as target:
        r = run(dir, [build(source, *STRICT), *told[1:], "--run-time", "3", "--csv", "c", "-H", target.url])
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    table = next(text for text in blocks("README.md") if "Aggregated" in text)
    same({" ".join(row) for row in rows}, set(re.findall(r"^\w+ +/\S+", re.sub(" +", " ", table), re.M)), rows)
    check(failed(total) == 0 and "# reqs" in table, total)
    r.says("ok       %s" % told[-1])
    r.says("generator: ")


@test("README.md and FROM_LOCUST.md point to what is there, and to each example")
def _(dir):
    linked = set()
    for path in ("README.md", GUIDE):
        with open(path) as f:
            text = f.read()
        heads = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)}
        for file, anchor in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
            full = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
            check(os.path.exists(full), path, file)
            check(file or anchor in heads, path, anchor)
            linked.add(full)
    same([e for e in sorted(glob.glob("examples/*.c")) if e not in linked], [])


@test("every example has its test here")
def _(dir):
    same(sorted(os.path.basename(p)[:-2] for p in glob.glob("examples/*.c")), sorted(KNOWN))


main(parallel=4, before=shared_target)
