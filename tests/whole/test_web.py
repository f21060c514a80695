#!/usr/bin/env -S python3 -B
"""The web interface: Locust's routes as recorded from Locust 2.47.0 (kit/web_recorded.json, made by
tests/servers/web.py), tests that are started, changed, stopped and run again by it, and who is refused.

    tests/whole/test_web.py [WORD...]    only the tests whose name contains a word
"""
import base64, http.client, json, socket, urllib.parse
from kit.lib import *
from kit import web


class Shop(Program):
    """web_shop.c, waiting for what its page asks for."""

    def __init__(self, dir, *args, program=None, **options):
        super().__init__(dir, [program or build("web_shop.c", "-O0"), "--web-port", "0", *args], **options)
        said = until(lambda: re.search(r"Starting web interface at (\S+)( \(port \d+\))?", self.read("err"))
                     or self.p.poll() is not None, 20, "the line about the web interface")
        check(said is not True, self.read("err"))
        self.url = said[1].rstrip("/")
        named = re.search(r"\(port (\d+)\)", said[0])
        self.port = int(named[1] if named else self.url.split(":")[2].split("/")[0])

    def ask(self, method, path, form=None, headers={}, body=None):
        """(status, fields, body) of one request on a connection of its own."""
        return web.ask(self.port, method, path, form, headers, body)

    def json(self, path):
        status, _, body = self.ask("GET", path)
        same(status, 200, path, body)
        return json.loads(body)

    def swarm(self, **form):
        status, _, body = self.ask("POST", "/swarm", form)
        same(status, 200, body)
        return json.loads(body)

    def state(self):
        return self.json("/stats/requests")["state"]

    def stop(self):
        same(self.ask("POST", "/stop")[0], 200)

    def end(self):
        self.p.send_signal(signal.SIGINT)
        return self.wait(20)


def running(shop, users, rate=1000, **more):
    same(shop.swarm(user_count=users, spawn_rate=rate, host=shared_target().url, **more)["success"], True)
    until(lambda: shop.json("/stats/requests")["user_count"] == users, 10, "%d users" % users)


@test("Locust's routes answer as recorded from Locust 2.47.0")
def _(dir):
    with open(os.path.join(ROOT, "tests/whole/kit/web_recorded.json")) as f:
        recorded = json.load(f)
    with Shop(dir) as shop:
        ours = web.script(shop.port, shared_target().url)
        same([name for name, _ in ours], [name for name, _ in recorded])
        wrong = [d for (name, a), (_, b) in zip(ours, recorded) for d in web.differences(name, a, b)]
        check(not wrong, *wrong)


@test("a test is started, changed, reset, stopped and run again; each begins anew")
def _(dir):
    with Shop(dir) as shop:
        same(shop.state(), "ready")
        same(shop.swarm(user_count="4", spawn_rate="100", host=shared_target().url + "/<>"),
             {"success": True, "message": "Swarming started", "host": shared_target().url + "/"})
        until(lambda: shop.state() == "running", 10, "running")
        until(lambda: len(shop.json("/stats/requests")["stats"]) == 4, 20, "all rows")
        same([r["name"] for r in shop.json("/stats/requests")["stats"]],
             ["/", "/bad?id=[id]", "/size/100", "Aggregated"])
        running(shop, 9)  # up
        running(shop, 2)  # and down, in the same test
        same(shop.json("/locust-h/state")["run"]["users"], 2)
        same(shop.ask("POST", "/stats/reset")[2], b"ok")
        rows = shop.json("/stats/requests")["stats"]
        same(len(rows), 4, "rows stay")
        check(rows[-1]["num_requests"] < 200, rows)
        same(shop.ask("GET", "/stop")[0], 200)  # by GET, as before 2.47
        data = shop.json("/stats/requests")
        same((data["state"], data["user_count"]), ("stopped", 0))
        running(shop, 3, fast="true", api_key="zzz")
        until(lambda: any(r["name"] == "/size/1" for r in shop.json("/stats/requests")["stats"]), 10, "the option")
        names = [r["name"] for r in shop.json("/stats/requests")["stats"]]
        check("/size/100" not in names, "rows of the first test", names)
        shop.stop()
        r = shop.end()
        same(r.rc, 1, r)
        same(r.err.count("Ramping to"), 4, r)
        check(tables(r.err), r)


@test("run times: the last /swarm has the say; a test that is over can be followed by another")
def _(dir):
    with Shop(dir) as shop:
        same(shop.swarm(user_count=1, spawn_rate=1, host=shared_target().url, run_time="1")["run_time"], 1)
        same(shop.swarm(user_count=1, spawn_rate=1)["success"], True)  # without: no limit any more
        same(shop.swarm(user_count=1, spawn_rate=1, run_time="1h20m")["run_time"], 4800)
        began = time.monotonic()
        shop.swarm(user_count=1, spawn_rate=1, run_time="2s")
        until(lambda: shop.state() == "stopped", 10, "the end of the run time")
        check(1.8 < time.monotonic() - began < 4.5, time.monotonic() - began)
        shop.swarm(user_count=1, spawn_rate=1, run_time="20s")
        until(lambda: shop.state() == "running", 10, "a second test")
        shop.stop()


@test("/swarm: wrong fields start nothing, and say so")
def _(dir):
    rows = [({"user_count": "x", "spawn_rate": "1"}, "Invalid user_count value: 'x' (must be an integer)"),
            ({"user_count": "1.5", "spawn_rate": "1"}, "Invalid user_count value: '1.5' (must be an integer)"),
            ({"user_count": "it's", "spawn_rate": "1"}, "Invalid user_count value: \"it's\" (must be an integer)"),
            ({"user_count": "1", "spawn_rate": "fast"}, "Invalid spawn_rate value: 'fast' (must be a number)"),
            ({"user_count": "1", "spawn_rate": "1", "run_time": "5x"},
             "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc."),
            ({"user_count": "1", "spawn_rate": "1", "many": "zz"}, "many takes a whole number"),
            ({"user_count": "1", "spawn_rate": "1", "size": "huge"}, "size takes one of small,large")]
    missing = "Missing or invalid user_count or spawn_rate from /swarm request"
    rows += [(form, missing) for form in (
        {}, {"user_count": "1"}, {"spawn_rate": "1"}, {"user_count": "-1", "spawn_rate": "1"},
        {"user_count": "1", "spawn_rate": "0"}, {"user_count": "1", "spawn_rate": "-2"},
        {"user_count": "1", "spawn_rate": "inf"}, {"user_count": "1", "spawn_rate": "nan"})]
    with Shop(dir) as shop:
        each(rows, lambda form, message: same(
            shop.swarm(**form), {"success": False, "message": message, "host": None}))
        status, _, body = shop.ask("POST", "/swarm", headers={"Content-Type": "application/json"},
                                   body=b'{"user_count": 1, "spawn_rate": 1}')
        same((status, json.loads(body)["message"]), (200, missing))
        same(shop.state(), "ready")
        logs = shop.json("/logs")["master"]
        same(len([line for line in logs if "/ERROR/locust.web: " in line]), len(rows) + 1, logs)


@test("user classes are picked, and changed by /user")
def _(dir):
    with Shop(dir, "--class-picker") as shop:
        answer = shop.swarm(user_count=3, spawn_rate=100, host=shared_target().url, user_classes="Buyer")
        same(answer["user_classes"], ["Buyer"])
        until(lambda: shop.state() == "running", 10, "running")
        same({k: v["ratio"] for k, v in shop.json("/tasks")["per_class"].items()}, {"Buyer": 1.0, "Visitor": 0.0})
        shop.stop()
        same(shop.swarm(user_count=3, spawn_rate=100)["user_classes"], ["Buyer", "Visitor"])
        shop.stop()
        same(shop.swarm(user_count=3, spawn_rate=100, user_classes="Nobody")["user_classes"], [])
        shop.stop()
        same(shop.ask("POST", "/swarm", {"user_count": 1, "spawn_rate": 1, "shape_class": "Nope"})[::2], (500, b"'Nope'"))
        say = lambda what: shop.ask("POST", "/user", headers={"Content-Type": "application/json"},
                                    body=json.dumps(what).encode())
        same(say({"user_class_name": "Nope"})[::2], (500, b"'Nope'"))
        same(say({"user_class_name": "Buyer", "fixed_count": 2, "tasks": ["bad"]})[::2], (201, b"{}\n"))
        same(shop.ask("POST", "/user", body=b"x")[0], 500)
        shop.swarm(user_count=2, spawn_rate=100)
        until(lambda: shop.json("/stats/requests")["stats"][-1]["num_requests"] > 5, 10, "requests")
        same({r["name"] for r in shop.json("/stats/requests")["stats"]}, {"/bad?id=[id]", "Aggregated"})


@test("--autostart and --autoquit; the port that is in use; options that are wrong")
def _(dir):
    r = run(dir, [build("web_shop.c", "-O0"), "--web-port", "0", "--autostart", "--autoquit", "0", "-u", "2", "-r", "9", "-t", "1",
                  "--only-summary", "-H", shared_target().url])
    same(r.rc, 1, r)
    for line in ("Starting web interface", "Run time limit set to 1 seconds", "--autoquit time reached, shutting down"):
        r.says(line)
    with Shop(dir) as shop:
        r = run(dir, [build("web_shop.c", "-O0"), "--web-port", str(shop.port)])
        same((r.rc, r.err.count("\n")), (2, 1), r)
        r.says("in use")
        same(shop.end().rc, 0)  # without any test
    each([(["--web-port", "70000"], "65535"), (["--web-host", "shop.test"], "--web-host"),
          (["--web-base-path", "/a b"], "--web-base-path"), (["--web-login", "ann"], "USER:PASSWORD"),
          (["--tls-cert", "c.pem"], "--tls-key"), (["--autoquit", "3"], "--autostart")],
         lambda args, word: (lambda r: (same(r.rc, 2, r), check(word in r.err and r.err.count("\n") == 1, r)))(
             run(dir, [build("web_shop.c", "-O0"), *args])))


@test("routes of the test's own")
def _(dir):
    with Shop(dir) as shop:
        same(shop.json("/ops/percentiles?share=0.5"), {"method": "GET", "share": 0.5, "requests": 0})
        status, fields, body = shop.ask("POST", "/ops/percentiles", {"share": "0.25"})
        same((status, fields["content-type"], json.loads(body)["share"]), (200, "application/json", 0.25))
        same(shop.ask("HEAD", "/ops/percentiles")[0::2], (200, b""))
        same(shop.ask("PUT", "/ops/echo?a=1", headers={"X-Ops": "yes"}, body=b"hello")[0::2], (202, b"a=1|yes|hello"))
        same(shop.ask("POST", "/ops/echo", headers={"Origin": "http://evil.test"})[0], 403)


@test("the contract's routes.c; a page and 100 users in 4 MB")
def _(dir):
    with Shop(dir, "-u", "100", program=build("tests/build/contract/routes.c", "-O2")) as shop:
        status, fields, body = shop.ask("GET", "/ops/percentiles")
        same((status, fields["content-type"], body), (200, "application/json", b'{"p95": 0.000}\n'))
        same(shop.ask("POST", "/ops/percentiles", {"a": "b"})[0], 200)
        running(shop, 100)
        until(lambda: json.loads(shop.ask("GET", "/ops/percentiles")[2])["p95"] > 0, 10, "a time")
        until(lambda: shop.read("err").count('got ["ann", "bob"] from local') == 1, 10, "the message")
        for path in ("/", "/stats/requests", "/locust-h/state", "/tasks", "/logs", "/exceptions", "/stats/report"):
            same(shop.ask("GET", path)[0], 200)
        with open("/proc/%d/status" % shop.p.pid) as f:
            kb = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
        check(kb <= 4096, "%d KB resident" % kb)
        shop.stop()
        shop.swarm(user_count=1, spawn_rate=1)  # each test sends it
        until(lambda: shop.read("err").count('got ["ann", "bob"] from local') == 2, 10, "the message of the second test")


@test("the password, and the path below which all is")
def _(dir):
    with Shop(dir, "--web-base-path", "/lo/", "--web-login", "ann:b:c d") as shop:
        good = {"Authorization": "Basic " + base64.b64encode(b"ann:b:c d").decode()}
        for path in ("/lo/", "/lo/stats/requests", "/lo/nope", "/", "/lo/stop", "/lo/login"):
            status, fields, _ = shop.ask("GET", path)
            same((status, fields.get("www-authenticate", "").split(" ")[0]), (401, "Basic"), path)
        for wrong in ("ann:b:c", "ann:b:c dd", "", ":", "ann", "Ann:b:c d"):
            same(shop.ask("GET", "/lo/", headers={"Authorization": "Basic " + base64.b64encode(wrong.encode()).decode()})[0], 401)
        for wrong in ("Basic", "Basic !!", "Bearer x", ""):
            same(shop.ask("GET", "/lo/", headers={"Authorization": wrong})[0], 401)
        same([shop.ask("GET", p, headers=good)[0] for p in ("/lo/", "/lo", "/", "/stats/requests", "/lo/stats/requests")],
             [200, 308, 404, 404, 200])
        same(shop.ask("GET", "/lo", headers=good)[1]["location"], "/lo/")
        same(shop.ask("POST", "/lo/stop", headers=good)[0], 200)


@test("another page in somebody's browser is refused, whatever it calls itself")
def _(dir):
    with Shop(dir, "--web-host-display-name", "http://load.test:8000") as shop:
        pass_, form = "127.0.0.1:%d" % shop.port, {"user_count": 1, "spawn_rate": 1}
        rows = [({"Origin": "http://evil.test"}, 403), ({"Origin": "null"}, 403), ({"Origin": "http://127.0.0.1:1"}, 403),
                ({"Origin": "http://" + pass_ + ".evil.test"}, 403), ({"Origin": "http://evil.test#" + pass_}, 403),
                ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-site"}, 403),
                ({"Referer": "http://evil.test/" + pass_}, 403), ({"Origin": "http://%s@evil.test" % pass_}, 403),
                ({"Origin": "http://" + pass_, "Sec-Fetch-Site": "same-origin"}, 200), ({"Referer": "http://%s/?tab=stats" % pass_}, 200),
                ({"Sec-Fetch-Site": "none"}, 200), ({"Origin": "http://load.test:8000", "Host": "load.test:8000"}, 200), ({}, 200)]
        for path in ("/swarm", "/stop", "/stats/reset", "/user"):
            each(rows, lambda headers, want: same(
                shop.ask("POST", path, form, headers)[0], want if want == 403 or path != "/user" else 500, path))
        for path in ("/stop", "/stats/reset"):
            each(rows, lambda headers, want: same(shop.ask("GET", path, None, headers)[0], want, path))
        hosts = [("127.0.0.1", 200), ("127.0.0.1:99", 200), ("[::1]:8089", 200), ("localhost", 200), ("LOCALHOST.:80", 200),
                 ("a.localhost", 200), ("load.test", 200), (socket.gethostname(), 200), ("evil.test", 421),
                 ("127.0.0.1.evil.test", 421), ("localhost.evil.test", 421), ("load.test.evil.test", 421), ("", 200),
                 ("xn--localhost", 421), ("127.1", 421), ("0x7f.1", 421)]
        each(hosts, lambda host, want: same(shop.ask("GET", "/stats/requests", None, {"Host": host})[0], want))
        status, fields, _ = shop.ask("GET", "/stats/requests", None, {"Origin": "http://evil.test"})
        check(not [f for f in fields if f.startswith("access-control")], fields)
        fields = shop.ask("GET", "/")[1]
        check("default-src 'none'" in fields["content-security-policy"], fields)
        same(shop.ask("OPTIONS", "/swarm", None, {"Origin": "http://evil.test"})[0], 200)


@test("over https, by TLS 1.2 and 1.3; wrong files are named")
def _(dir):
    import ssl
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    dir + "/k.pem", "-out", dir + "/c.pem", "-days", "30000", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    program = build("web_shop.c", "-O0", "-DLOCUST_TLS", libs=TLS)
    with Shop(dir, "--tls-cert", "c.pem", "--tls-key", "k.pem", program=program) as shop:
        check(shop.url.startswith("https://"), shop.url)
        silent = socket.create_connection(("127.0.0.1", shop.port))  # says nothing, and holds nobody up
        plain = web.speak(shop.port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        same(plain[0], None)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=dir + "/c.pem")
            context.minimum_version = context.maximum_version = version
            try:
                raw = socket.create_connection(("127.0.0.1", shop.port), 20)
                c = context.wrap_socket(raw, server_hostname="localhost")
            except ssl.SSLError as why:  # an mbedTLS without that version
                check(version == ssl.TLSVersion.TLSv1_3, why)
                continue
            with c:
                c.sendall(b"POST /swarm HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n" + b"a" * 200000)
                same(web.read_answer(c, b"")[0], 200)
                c.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /tasks HTTP/1.1\r\nHost: localhost\r\n\r\n")
                status, _, body, rest = web.read_answer(c, b"")
                check(status == 200 and b"window.templateArgs" in body, body[:200])
                same(web.read_answer(c, rest)[0], 200)
        silent.close()
        same(shop.end().rc, 0)
    for args, word in ((["c.pem", "c.pem"], "--tls-key"), (["k.pem", "k.pem"], "--tls-cert"), (["gone", "k.pem"], "--tls-cert")):
        r = run(dir, [program, "--web-port", "0", "--tls-cert", args[0], "--tls-key", args[1]])
        check(r.rc == 2 and word in r.err and r.err.count("\n") == 1, r)
    r = run(dir, [build("web_shop.c", "-O0"), "--web-port", "0", "--tls-cert", "c.pem", "--tls-key", "k.pem"])
    check(r.rc == 2 and "-DLOCUST_TLS" in r.err, r)


@test("200 bad requests are refused in words, and the test goes on")
def _(dir):
    with Shop(dir) as shop:
        running(shop, 2)
        before = shop.json("/stats/requests")["stats"][-1]["num_requests"]
        rows = web.bad_requests(shop.port)
        check(len(rows) >= 200, len(rows))
        each(rows, lambda name, sent, want: same(web.speak(shop.port, sent)[0], want, name, sent[:200]))
        until(lambda: shop.json("/stats/requests")["stats"][-1]["num_requests"] > before, 10, "more requests")
        same(shop.json("/stats/requests")["user_count"], 2)
        same(shop.ask("GET", "/tasks")[0], 200)


@test("pieces, pipelines, chunks, interim answers, ends of connections")
def _(dir):
    with Shop(dir) as shop:
        line = b"GET /worker-count HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with socket.create_connection(("127.0.0.1", shop.port), 10) as c:
            for byte in line:  # byte by byte
                c.sendall(bytes([byte]))
            same(web.read_answer(c, b"")[0], 200)
            c.sendall(b"\r\n" + line * 3)  # three at once, behind an empty line
            rest = b""
            for _ in range(3):
                status, _, body, rest = web.read_answer(c, rest)
                same((status, body), (200, b'{\n  "worker_count": 0\n}\n'))
            c.sendall(b"POST /swarm HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n6\r\nuser_c\r\n7;x=y\r\nount=zz\r\n0\r\nA: b\r\n\r\n")
            check(b"Invalid user_count value: 'zz'" in web.read_answer(c, b"")[2])
            c.sendall(b"POST /swarm HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                      b"Content-Length: 12\r\nExpect: 100-continue\r\n\r\n")
            same(c.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            c.sendall(b"user_count=q")
            check(b"'q'" in web.read_answer(c, b"")[2])
            c.sendall(line.replace(b"1.1\r\n", b"1.1\r\nConnection: close\r\n", 1))
            answer = web.read_answer(c, b"")
            same((answer[1]["connection"], c.recv(1)), ("close", b""))
        with socket.create_connection(("127.0.0.1", shop.port), 10) as c:
            c.sendall(b"GET http://localhost/worker-count HTTP/1.0\r\n\r\n")  # absolute form, no Host
            answer = web.read_answer(c, b"")
            same((answer[0], answer[1]["connection"], c.recv(1)), (200, "close", b""))
        with socket.create_connection(("127.0.0.1", shop.port), 10) as c:
            c.sendall(b"GET /worker-count HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            same(web.read_answer(c, b"")[1]["connection"], "keep-alive")
            c.sendall(b"HEAD /tasks HTTP/1.1\r\nHost: localhost\r\n\r\n" + line)
            head = web.read_answer(c, b"", head=True)
            same((head[0], head[2]), (200, b""))
            same(web.read_answer(c, head[3])[0], 200)


@test("slow ones, silent ones and 3,000 at once keep out nobody")
def _(dir):
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with Shop(dir) as shop:
        running(shop, 3)
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(socket.create_connection(("127.0.0.1", shop.port), 20)) for _ in range(400)]
            for c in slow[:200]:
                with contextlib.suppress(OSError):
                    c.sendall(b"GET / HTTP/1.1\r\nX: ")
            for i in range(2600):
                c = socket.socket()
                stack.enter_context(c)
                c.setblocking(False)
                c.connect_ex(("127.0.0.1", shop.port))
                if i % 650 == 0:
                    began = time.monotonic()
                    same(shop.ask("GET", "/stats/requests")[0], 200)
                    check(time.monotonic() - began < 6, time.monotonic() - began)
            same(shop.json("/stats/requests")["user_count"], 3)
            with open("/proc/%d/status" % shop.p.pid) as f:
                kb = int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
            check(kb < 12000, "%d KB resident" % kb)
            with open(os.devnull):
                fds = len(os.listdir("/proc/%d/fd" % shop.p.pid))
            check(fds < 300, "%d descriptors" % fds)


@test("an answer that nobody reads does not keep others waiting, nor the end")
def _(dir):
    with Shop(dir) as shop:
        running(shop, 2)
        with socket.create_connection(("127.0.0.1", shop.port), 10) as c:
            c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 400)
            for _ in range(5):
                same(shop.ask("GET", "/tasks")[0], 200)
            began = time.monotonic()
            r = shop.end()
            check(time.monotonic() - began < 5, r)


@test("files: the history with ranges, the reports, the CSV as --csv writes it")
def _(dir):
    with Shop(dir, "--csv", "c", "--csv-full-history") as shop:
        running(shop, 2)
        until(lambda: shop.json("/stats/requests")["stats"][-1]["num_requests"] > 10, 10, "requests")
        shop.stop()
        status, fields, whole = shop.ask("GET", "/stats/requests_full_history/csv")
        same((status, whole.split(b",")[0]), (200, b"Timestamp"))
        tag = fields["etag"]
        rows = [("bytes=0-9", 206, whole[:10]), ("bytes=10-", 206, None), ("bytes=-5", 206, None),
                ("bytes=999999999-", 416, b""), ("bytes=5-2", 200, None), ("bytes=a", 200, None), ("lines=1-2", 200, None)]
        for text, want, body in rows:
            status, fields, got = shop.ask("GET", "/stats/requests_full_history/csv", headers={"Range": text})
            same(status, want, text)
            check(body is None or got == body, text, got)
        status, _, got = shop.ask("GET", "/stats/requests_full_history/csv", headers={"If-None-Match": tag})
        check(status in (304, 200) and (status == 200) == bool(got), status)
        until(lambda: b",Aggregated," in open(dir + "/c_stats.csv", "rb").read(), 10, "the CSV")
        disposition = shop.ask("GET", "/stats/requests/csv")[1]["content-disposition"]
        check(re.fullmatch(r"attachment;filename=Locust_\d{4}-\d\d-\d\d-\d\dh\d\d_web_shop_http://127.0.0.1:\d+_requests.csv",
                           disposition), disposition)
        csv = shop.ask("GET", "/stats/requests/csv")[2]
        shop.end()
        same(open(dir + "/c_stats.csv", "rb").read(), csv)


if __name__ == "__main__":
    main(parallel=2)
