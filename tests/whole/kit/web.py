"""HTTP as test_web.py and tests/servers/web.py speak it to web interfaces: one script of requests for Locust's and
ours, how two answers to it differ, and requests that are none."""
import http.client, json, re, socket, time, urllib.parse


def ask(port, method, path, form=None, headers={}, body=None):
    """(status, fields with names in lower case, body) of a request on a connection of its own."""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = dict(headers)
    if form is not None and body is None:
        body = urllib.parse.urlencode(form).encode()
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    try:
        c.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            c.putheader(name, value)
        if body is not None:
            c.putheader("Content-Length", str(len(body)))
        c.endheaders(body)
        r = c.getresponse()
        return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()
    finally:
        c.close()


def read_answer(c, have, head=False):
    """(status, fields, body, what came behind) from a socket."""
    while b"\r\n\r\n" not in have:
        data = c.recv(65536)
        if not data:
            raise AssertionError("the connection ended within a head: %r" % have[:200])
        have += data
    top, rest = have.split(b"\r\n\r\n", 1)
    lines = top.decode("latin-1").split("\r\n")
    fields = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
    n = 0 if head else int(fields.get("content-length", 0))
    while len(rest) < n:
        data = c.recv(65536)
        if not data:
            raise AssertionError("the connection ended within a body")
        rest += data
    return int(lines[0].split(" ")[1]), fields, rest[:n], rest[n:]


def speak(port, sent):
    """Sends bytes on a connection of its own. (status, None: none; all that came)."""
    with socket.create_connection(("127.0.0.1", port), 20) as c:
        try:
            c.sendall(sent)
            c.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has answered and closed
        have = b""
        while True:
            try:
                data = c.recv(65536)
            except OSError:
                break
            if not data:
                break
            have += data
    m = re.match(rb"HTTP/1\.1 (\d{3}) ", have)
    return int(m[1]) if m else None, have


# ---- the script ----

def script(port, target):
    """[(name, {"status", "fields", "body"})] of requests in order, with a test of six users in between."""
    out = []

    def note(name, method, path, form=None, headers={}, body=None):
        status, fields, body = ask(port, method, path, form, headers, body)
        out.append((name, {"status": status, "fields": {k: v for k, v in fields.items() if k in (
            "content-type", "allow", "content-disposition", "location")}, "body": body.decode("utf-8", "replace")}))
        return body

    def data(name):
        for path in ("/stats/requests", "/tasks", "/exceptions", "/worker-count", "/stats/requests/csv",
                     "/stats/failures/csv", "/exceptions/csv"):
            note("%s: GET %s" % (name, path), "GET", path)
        note(name + ": HEAD /tasks", "HEAD", "/tasks")
        page = ask(port, "GET", "/")[2].decode()
        out.append((name + ": templateArgs", {"status": 200, "fields": {}, "body": args_of(page)}))

    data("before")
    for path in ("/nope", "/assets/nope.js", "/swarm", "/login", "/stats/requests_full_history/csv", "/user"):
        note("GET " + path, "GET", path)
    for path in ("/tasks", "/swarm", "/user", "/nope"):
        note("OPTIONS " + path, "OPTIONS", path)
    for path in ("/tasks", "/", "/stats/requests", "/logs"):
        note("POST " + path, "POST", path, {})
    note("PUT /swarm", "PUT", "/swarm", {})
    for form in ({"user_count": "x", "spawn_rate": "1"}, {"user_count": "1.5", "spawn_rate": "1"},
                 {"user_count": "it's", "spawn_rate": "1"}, {"user_count": "1", "spawn_rate": "a\nb"},
                 {"user_count": "-1", "spawn_rate": "1"}, {"user_count": "1", "spawn_rate": "0"},
                 {"user_count": " 7 ", "spawn_rate": "nan"}, {"user_count": "1"}, {},
                 {"user_count": "1", "spawn_rate": "1", "run_time": "5x"}):
        note("swarm %s" % form, "POST", "/swarm", form)
    note("user: unknown class", "POST", "/user", headers={"Content-Type": "application/json"},
         body=b'{"user_class_name": "Nope"}')
    note("swarm", "POST", "/swarm", {"user_count": "6", "spawn_rate": "20", "host": target, "run_time": "", "fast": "false",
                                     "many": "4", "unknown": "1"})
    deadline = time.monotonic() + 30
    while True:  # both kinds of failures, all rows, and the end of the ramp
        seen = json.loads(ask(port, "GET", "/stats/requests")[2])
        if seen["state"] == "running" and len(seen["stats"]) == 4 and seen["errors"] and seen["user_count"] == 6 and \
                seen["stats"][-1]["num_requests"] > 100 and seen["current_rps"] > 0:
            break
        if time.monotonic() > deadline:
            raise AssertionError("no test runs: %s" % seen)
        time.sleep(0.1)
    data("running")
    note("swarm with a run time", "POST", "/swarm", {"user_count": "3", "spawn_rate": "10", "run_time": "1h20m"})
    note("stop", "POST", "/stop")
    while json.loads(ask(port, "GET", "/stats/requests")[2])["state"] != "stopped" and time.monotonic() < deadline:
        time.sleep(0.1)
    data("stopped")
    note("reset", "POST", "/stats/reset")
    time.sleep(2.1)  # Locust answers /stats/requests from a cache of two seconds
    note("after the reset: GET /stats/requests", "GET", "/stats/requests")
    note("no users", "POST", "/swarm", {"user_count": "0", "spawn_rate": "1", "host": target + "/<b>"})
    note("stop again", "POST", "/stop")
    note("stop once more", "POST", "/stop")
    return out


def args_of(page):
    """window.templateArgs, the last one of a page."""
    at = page.rindex("window.templateArgs = ") + len("window.templateArgs = ")
    return json.JSONDecoder().raw_decode(page[at:])[1] and page[at:at + json.JSONDecoder().raw_decode(page[at:])[1]]


# What differs by intention, or by what was measured: a path of keys, or a name of the script.
POINT = ["current_fail_per_sec", "current_rps", "response_time_percentile_0.5", "response_time_percentile_0.95", "time",
         "total_avg_response_time", "user_count"]
OWN_VALUES = {"version", "locustfile", "host", "error", "msg", "traceback", "first_seen", "last_seen"}
MEASURED = re.compile(r"rps|per_sec|response_time|content_length|occurrences|num_|count$|ratio|percentile|history")


def shape(value, key="", path=""):
    """A value without what was measured: types, keys in their order, texts."""
    if isinstance(value, dict):
        return {k: shape(v, k, path + "/" + k) for k, v in value.items()}
    if isinstance(value, list):
        if key == "history":  # empty in its first seconds
            return [] if not value or list(value[0]) == POINT else list(value[0])
        return [shape(v, key, path) for v in value]
    if key in OWN_VALUES and value is not None:
        return type(value).__name__
    if "/current_response_time_percentiles/" in path:
        return "int or null" if value is None or isinstance(value, int) else value
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if MEASURED.search(key):
        return type(value).__name__
    return value


def csv_shape(text):
    """The titles, and of each row what names it."""
    lines = text.replace("\r\n", "\n").split("\n")
    title = lines[0].split(",")
    if title[0] == "Count":
        return [lines[0], "..." if len(lines) > 2 else ""]
    return [lines[0]] + [",".join(line.split(",")[:2]) for line in lines[1:] if line]


def reduced(name, answer):
    """An answer as it is compared."""
    fields = dict(answer["fields"])
    body = answer["body"]
    if "allow" in fields:
        fields["allow"] = sorted(fields["allow"].split(", "))
    if "content-disposition" in fields:
        fields["content-disposition"] = re.sub(r"\d{4}-\d\d-\d\d-\d\dh\d\d_.*?_", "TIME_FILE_", re.sub(
            r"http://127\.0\.0\.1:\d+", "HOST", fields["content-disposition"]).replace("web_shop", "x").replace(
                "locustfile", "x").replace("x.py", "x"))
    kind = fields.get("content-type", "")
    if kind == "text/csv":
        body = csv_shape(body)
    elif kind == "application/json" or "templateArgs" in name:
        parsed = json.loads(body) if body else None
        if kind == "application/json" and body and body != json.dumps(parsed, indent=2) + "\n" and body.isascii():
            body = "not laid out as Locust's"
        else:
            body = json.dumps(shape(parsed))
    return {"status": answer["status"], "fields": fields, "body": body}


# Answers that are other than Locust's by intention: README, "The web interface".
INTENDED = {
    "user: unknown class": "text/plain: what a request says is no markup",
}


def differences(name, ours, theirs):
    """Sentences."""
    if name in INTENDED:
        return []
    a, b = reduced(name, ours), reduced(name, theirs)
    return ["%s: %s: ours %s, Locust's %s" % (name, k, a[k], b[k]) for k in a if a[k] != b[k]]


# ---- requests that are none ----

def bad_requests(port):
    """[(name, bytes, status; None: no answer)]"""
    rows = []
    get, host = b"GET /worker-count HTTP/1.1\r\n", b"Host: localhost\r\n"

    def add(name, sent, want):
        rows.append((name, sent, want))

    for line in (b"", b"GET", b"GET ", b"GET /", b"GET / ", b"GET / HTTP", b"GET / HTTP/", b"GET / HTTP/1", b"GET / HTTP/1.",
                 b"GET / HTTP/1.x", b"GET / HTTP/11", b"GET / HTTP/1.1x", b"GET / HTTP/1.10", b"GET / http/1.1", b"GET / HTTP /1.1",
                 b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b"GET\t/\tHTTP/1.1", b" GET / HTTP/1.1", b"GET /a b HTTP/1.1",
                 b"GET stats HTTP/1.1", b"GET ../x HTTP/1.1", b"GET https:/x HTTP/1.1", b"GET ftp://x/ HTTP/1.1",
                 b"GET http:// HTTP/1.1", b"GET http://u@localhost/ HTTP/1.1", b"CONNECT localhost:80 HTTP/1.1", b"GET \x00 HTTP/1.1",
                 b"GET /\x00 HTTP/1.1", b"GET /\x01 HTTP/1.1", b"GET /\x7f HTTP/1.1", b"GET /\xff HTTP/1.1", b"GET /# HTTP/1.1",
                 b"GET /a#b HTTP/1.1", b"G\x00T / HTTP/1.1", b"G(T / HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                 b"\x80\x2e\x01\x00\x02", b"SSH-2.0-x", b"*1", b"PRI * HTTP/2.0x", b"GET / HTTP/1.1\rHost: x", b"{}", b"EHLO x"):
        add("request line %r" % line, line + b"\r\n" + host + b"\r\n", 400)
    for escape in (b"%", b"%2", b"%zz", b"%2g", b"%00", b"%0a", b"%0d", b"%1f", b"%7f", b"%-1", b"%+1", b"% 1"):
        add("escape %r" % escape, b"GET /" + escape + b" HTTP/1.1\r\n" + host + b"\r\n", 400)
    for version, want in ((b"HTTP/2.0", 505), (b"HTTP/0.9", 505), (b"HTTP/3.0", 505), (b"HTTP/9.9", 505)):
        add("version %r" % version, b"GET / " + version + b"\r\n" + host + b"\r\n", want)
    for field in (b"Host", b"Host ", b": x", b" : x", b"A B: c", b"A\x00: c", b"A: \x00", b"A: \x01", b"A: \x7f", b"A: b\rc", b"A(: b",
                  b"A\xff: b", b"=", b"A", b"\x00", b"A : b", b"A\t: b", b"\"A\": b", b"A: b\x0bc", b"A: b\x0cc", b"A,B: c",
                  b"A;B: c", b"A/B: c", b"A@B: c", b"A[B: c", b"A{B: c", b"A=B: c", b"A?B: c"):
        add("field %r" % field, get + host + field + b"\r\n\r\n", 400)
    for hosts in (b"", b"Host: localhost\r\nHost: localhost\r\n", b"Host: localhost\r\nhost: 127.0.0.1\r\n", b"Host: a b\r\n",
                  b"Host: a/b\r\n", b"Host: a@b\r\n", b"Host: a\\b\r\n", b"Host: <b>\r\n", b"Host: a?b\r\n", b"Host: a#b\r\n",
                  b"Host: \"a\"\r\n"):
        add("hosts %r" % hosts, get + hosts + b"\r\n", 400)
    for name in (b"evil.test", b"evil.test:80", b"127.0.0.1.evil.test", b"localhost.evil.test", b"evil", b"%6cocalhost", b"[evil",
                 b"a,b", b"localhost:80:80"):
        add("name %r" % name, get + b"Host: " + name + b"\r\n\r\n", 421)
    post = b"POST /swarm HTTP/1.1\r\n" + host
    for framing in (b"Content-Length: x", b"Content-Length: -1", b"Content-Length: +1", b"Content-Length: 1.0", b"Content-Length: 0x1",
                    b"Content-Length: 1 1", b"Content-Length: 1,2", b"Content-Length: ", b"Content-Length: 1\r\nContent-Length: 2",
                    b"Content-Length: 99999999999999999999", b"Transfer-Encoding: chunked\r\nContent-Length: 1",
                    b"Content-Length: 1\r\nTransfer-Encoding: chunked", b"Content-Length: 1\r\n 2", b"Content-Length: 5\r\n\t"):
        add("framing %r" % framing, post + framing + b"\r\n\r\na", 400)
    for coding in (b"gzip", b"identity", b"chunked, chunked", b"gzip, chunked", b"chunked\r\nTransfer-Encoding: chunked", b"x", b"\"chunked\"",
                   b"chunked;q=1", b"chunkedx"):
        add("coding %r" % coding, post + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n", 501)
    for chunk in (b"x\r\n", b"-1\r\n", b"g\r\n", b"1\r\nab\r\n", b"1\r\na\n0\r\n\r\n", b"1\na\r\n", b"1 x\r\na\r\n",
                  b"ffffffffffffffffff\r\n", b"\r\n", b"1;\x00\r\na\r\n", b"0\r\nA\r\n\r\n", b"0\r\n: x\r\n\r\n", b"0\r\nA : b\r\n\r\n",
                  b"1\r\na", b"5\r\nab", b"0\r\n", b"1", b"1" * 5000 + b"\r\n", b";x\r\n", b"0x1\r\na\r\n"):
        add("chunk %r" % chunk[:30], post + b"Transfer-Encoding: chunked\r\n\r\n" + chunk, 400)
    add("cut body", post + b"Content-Length: 5\r\n\r\nab", 400)
    add("large length", post + b"Content-Length: 1048577\r\n\r\n", 413)
    add("huge length", post + b"Content-Length: 999999999999\r\n\r\n", 413)
    add("large chunk", post + b"Transfer-Encoding: chunked\r\n\r\n100001\r\n" + b"a" * 0x100001 + b"\r\n0\r\n\r\n", 413)
    add("expectation", post + b"Expect: more\r\n\r\n", 417)
    add("expectation of nothing", post + b"Expect:\r\n\r\n", 417)
    add("long target", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + host + b"\r\n", 431)
    add("long field", get + host + b"A: " + b"b" * 20000 + b"\r\n\r\n", 431)
    add("long name", get + host + b"A" * 20000 + b": b\r\n\r\n", 431)
    add("many fields", get + host + b"A: b\r\n" * 4000 + b"\r\n", 431)
    add("folds", get + host + b"A: b\r\n" + b" c\r\n" * 6000 + b"\r\n", 431)
    add("no end", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 3000, 431)
    add("zeros", b"\0" * 20000, 431)
    add("empty lines", b"\r\n" * 30000, None)
    add("nothing", b"", None)
    add("half a head", get + b"Host: loc", None)
    add("an old message without fields", b"GET /worker-count HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)
    for path in (b"/../etc/passwd", b"/..", b"/%2e%2e/etc/passwd", b"//etc/passwd", b"/./swarm", b"/assets/../../etc/passwd",
                 b"/assets/%2e%2e%2fswarm", b"/stats//requests", b"/stats/requests/", b"/Swarm", b"/swarm%20", b"/swarm;x", b"/\\swarm",
                 b"/stats/%5c..%5crequests", b"/?/../swarm/%2e"[:1] + b"index.html", b"/stop/", b"/locust-h", b"/locust-h/../swarm",
                 b"/metrics/x", b"/%2Fswarm", b"/etc/passwd%20", b"/.git/config", b"/assets/", b"/favicon.ico", b"/robots.txt"):
        add("path %r" % path, b"GET " + path + b" HTTP/1.1\r\n" + host + b"\r\n", 404)
    for method in (b"PUT", b"DELETE", b"PATCH", b"TRACE", b"get", b"X", b"PROPFIND", b"HEAD"):
        add("method %r" % method, method + b" /swarm HTTP/1.1\r\n" + host + b"\r\n", 405)
    for form in (b"", b"%", b"user_count", b"=", b"&&&", b"user_count=%zz&spawn_rate=%", b"a=" + b"b" * 60000, b"&".join([b"a=b"] * 20000)):
        add("form %r" % form[:30], post + b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(form)
            + form, 200)
    for body in (b"", b"--x", b"--x--", b"--x\r\n", b"--x\r\n\r\n", b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--",
                 b"--x\r\nContent-Disposition: form-data; name=\"a\r\n\r\nb\r\n--x--", b"--x\r\n" * 5000,
                 b"--x\r\nContent-Disposition: form-data; name=user_count\r\n\r\n"):
        add("parts %r" % body[:30], post + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n" % len(body)
            + body, 200)
    return rows
