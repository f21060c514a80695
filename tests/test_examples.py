#!/usr/bin/env python3
"""Builds every example with the plain command and runs it against a small server.

    tests/test_examples.py [WORD...]    only the tests whose name contains a word
"""
import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "e2e"))
from lib import *
from certs import Pki
import glob, http.server, ssl

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


@example("demo")
def _(dir, program):
    with Script(web) as server:
        r = run(dir, command(program, server.url, "-u", "5", "-r", "5", "-t", "1"))
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same(set(rows), {("GET", "index"), ("GET", "login")})
    same(failed(total), 0)
    check(abs(count(rows["GET", "index"]) - count(rows["GET", "login"])) <= 5, rows)
    check(count(total) > 50, total)


@example("simulation")
def _(dir, program):
    with Script(web) as server:
        r = run(dir, command(program, server.url, "-u", "10", "-r", "10", "-t", "2"))
    same(r.rc, 0, r)
    same(r.out, "test started\ntest stopped\n")
    rows, total = stats_csv(dir + "/c")
    same(count(rows["POST", "/loginReq"]), 5)  # one for each Shopper
    check(("GET", "index") in rows and failed(total) == 0, rows)
    r.says('All users spawned: {"Shopper": 5, "Ticker": 5} (10 total users)')
    posted = [s for s in seen if s[1] == "/loginReq"]
    same({s[2] for s in posted}, {b"username=admin&password=admin"})
    check("application/x-www-form-urlencoded" in posted[0][3], posted[0])


@example("weight")
def _(dir, program):
    r = run(dir, command(program, shared_target().url, "-u", "9", "-r", "9", "-t", "1"))
    same(r.rc, 0, r)
    r.says('All users spawned: {"Admin": 1, "Heavy": 6, "Light": 2} (9 total users)')
    same(set(stats_csv(dir + "/c")[0]), {("GET", "/")})


@example("response")
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


@example("library")
def _(dir, program):
    # Its host is in the source: port 8080, which may be anyone's.
    out = os.path.join(dir, "library.c")
    port = shared_target().port
    with open("examples/library.c") as f:
        text = f.read()
    check("http://127.0.0.1:8080" in text)
    with open(out, "w") as f:
        f.write(text.replace("127.0.0.1:8080", "127.0.0.1:%d" % port))
    r = run(dir, [build(out, "-O2")])
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
        r = run(dir, [build(out, "-O2")])
    m = re.fullmatch(r"(\d+) requests, (\d+) failed, p95 (\d+\.\d) ms, (\d+) seen by the listener\n", r.out)
    check(m, r)
    check(int(m[1]) > 10 and m[1] == m[2] == m[4], r)
    same((r.rc, r.err), (1, ""), r)


@example("custom_protocol")
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
        r = run(dir, command(program, url, "-u", "4", "-r", "4", "-t", "1"))
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


@example("cart")
def _(dir, program):
    r = run(dir, command(program, shared_target().url, "-u", "4", "-r", "4", "-t", "3"))
    same(r.rc, 0, r)
    rows, total = stats_csv(dir + "/c")
    same(set(rows), {("POST", "/login"), ("GET", "/catalogue"), ("POST", "/cart")})
    same((count(rows["POST", "/login"]), failed(total)), (4, 0))
    same(float(rows["GET", "/catalogue"]["Average Content Size"]), 2000.0)
    m = re.fullmatch(r"user 1 leaves with (\d+) items\n", r.out)
    check(m and int(m[1]) <= count(rows["POST", "/cart"]), r)
    with Script(web) as server:  # a server that forgets what it was sent
        r = run(dir, command(program, server.url, "-u", "4", "-r", "4", "-t", "3"))
    same(r.rc, 1, r)
    same({(f["Name"], f["Error"]) for f in read_csv(dir + "/c", "failures")},
         {("/cart", "the cart lost the item")})
    carts = [head.lower() for method, path, body, head in seen if path == "/echo"]
    check(carts and all("authorization: bearer none" in h and "accept-language: en" in h
                        for h in carts), carts)


@example("methods")
def _(dir, program):
    r = run(dir, command(program, shared_target().url, "-u", "3", "-r", "3", "-t", "2"))
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


@example("session", "-O2", "-DLOCUST_TLS", libs=TLS)
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


@example("stream")
def _(dir, program):
    with Script(feed) as server:
        r = run(dir, command(program, server.url, "-u", "3", "-r", "3", "-t", "3", "-s", "10", "--phases"),
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


@example("tasksets")
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
        r = run(dir, command(build(out, "-O2"), server.url, "-u", "4", "-r", "4", "-t", "4", "-s", "5"))
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


@example("tags")
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


@example("coroutine_local")
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
        r = run(dir, command(program, server.url, "-u", "3", "-r", "3", "-t", "3", "-s", "5"))
    same(r.rc, 0, r)
    said = {int(n): (int(a), int(b)) for n, a, b in
            re.findall(r"^user (\d) made (\d+) requests over (\d+) pages$", r.out, re.M)}
    same({n: a for n, (a, b) in said.items()}, {n: tokens.count("token-%d" % n) for n in (1, 2, 3)})
    check(all(a == b >= 1 for a, b in said.values()), said)


@test("every example has its test here")
def _(dir):
    same(sorted(os.path.basename(p)[:-2] for p in glob.glob("examples/*.c")), sorted(KNOWN))


main(parallel=4, before=shared_target)
