#!/usr/bin/env -S python3 -B
"""Tests that write themselves: tools/curl2c, log2c, har2c, openapi2c, and tools/hit.c.

    tests/whole/test_made.py [WORD...]    only the tests whose name contains a word

What curl sends is what curl itself sends: it runs each command of the table, and what the test made of it
sends must be the same, as far as a load generator sends it. Made tests compile without a warning.
"""
import copy, json, shlex
from kit.lib import *
from kit.shop import PASSWORD, Shop

WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror")
OWN = {"user-agent", "accept", "accept-encoding", "connection", "expect", "content-length", "host"}  # each client's own


class Recorder:
    """Answers every request with 200, or as `answer` says, and notes (method, target, fields, body)."""

    def __init__(self, answer=None):
        self.seen, self.answer, self.lock = [], answer, threading.Lock()

    def __enter__(self):
        self.s = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.at = "127.0.0.1:%d" % self.s.getsockname()[1]
        self.url = "http://" + self.at
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.s.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                c, _ = self.s.accept()
                threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        with contextlib.suppress(OSError, ValueError), c, c.makefile("rb") as f:
            while True:
                first = f.readline().decode("latin-1")
                if not first:
                    return
                method, target, _ = first.split()
                fields = {}
                for line in iter(f.readline, b"\r\n"):
                    name, _, value = line.decode("latin-1").partition(":")
                    fields.setdefault(name.strip().lower(), []).append(value.strip())
                if "expect" in fields:
                    c.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                if "chunked" in fields.get("transfer-encoding", [""])[0]:
                    body = b""
                    while size := int(f.readline(), 16):
                        body += f.read(size)
                        f.readline()
                    f.readline()
                else:
                    body = f.read(int(fields.get("content-length", ["0"])[0]))
                with self.lock:
                    self.seen.append((method, target, fields, body))
                status, more, text = self.answer(method, target, fields, body) if self.answer else (200, "", b"ok")
                c.sendall(b"HTTP/1.1 %d X\r\n%sContent-Length: %d\r\n\r\n%s" % (
                    status, more.encode(), len(text), b"" if method == "HEAD" else text))


def made(dir, tool, *args, stdin=None, rc=0, name="made.c"):
    """Runs a tool; its output lies in `name`."""
    r = subprocess.run([ROOT + "/tools/" + tool, *args], input=stdin, capture_output=True, cwd=dir, timeout=60)
    same(r.returncode, rc, r.stderr.decode("utf-8", "replace")[-3000:])
    with open(os.path.join(dir, name), "wb") as f:
        f.write(r.stdout)
    return r


def compiled(dir, name="made.c", *flags):
    program = os.path.join(dir, name[:-2])
    line = [QUICK_CC, "-O0", *WARNINGS, *flags, "-I" + ROOT, os.path.join(dir, name), "-o", program]
    done = subprocess.run(line, capture_output=True, text=True, timeout=200)
    check(done.returncode == 0 and not done.stderr, " ".join(line), done.stderr[-3000:])
    return program


# ---- curl2c ----

CURL = r"""curl U/
curl 'U/a?b=1&c=2'
curl -X POST U/post
curl -XDELETE U/item/7
curl --request PATCH U/item/7 -d 'x=1'
curl -d 'a=1' -d 'b=2' U/form
curl --data-raw '@not a file' U/raw
curl --data-urlencode 'q=a b&c' U/enc
curl --data-urlencode 'a b&c' U/enc2
curl -G -d 'q=1' --data-urlencode 'r=a b' 'U/get?z=0'
curl -H 'Content-Type: application/json' -d '{"a": 1}' U/json
curl --json '{"a": "b"}' U/json2
curl -H 'X-A: 1' -H 'X-B: two words' U/fields
curl -H 'X-Empty;' U/empty
curl -H 'X-Quote: "quoted" \ back' U/quote
curl -A 'Agent/1.0' U/agent
curl -e http://ref.example/ U/referer
curl -b 'a=1; b=2' U/cookie
curl -H 'Cookie: sid=%24x' U/cookie2
curl -u user:pass U/basic
curl -u 'us"er:p\ass' U/basic2
curl http://name:word@HOST/url-auth
curl --oauth2-bearer TOKEN U/bearer
curl -I U/head
curl -r 0-99 U/range
curl -L U/location
curl -k -s -S -f -o /dev/null U/quiet
curl -sSLfo /dev/null U/joined
curl --compressed U/compressed
curl -m 5 U/time
curl --max-time 5.5 U/time2
curl "U/double?q=\"x\""
curl $'U/ansi?q=\'x\'&t=a'
curl $'U/body' -d $'line1\nline2\ttab\u00e9'
curl U/two U/three
curl U/next -d x=1 --next U/next2
curl -d '' U/nothing
curl -d 'emoji=😀' U/utf8
curl -d '??=??/ trigraphs' U/tri
curl -d '"); system("id"); //' U/inject
curl -H 'X-C: */ int x; /*' U/comment
curl 'U/%2e/a%20b?x=%00'
curl -T U/nothing 2>/dev/null || true
curl --data-binary $'\x01\x02\xff' U/binary
curl -X OPTIONS U/options
curl -X PROPFIND U/propfind
curl -X PUT -d @FILE U/file
curl --data-binary @FILE U/file2
curl -T FILE U/upload
curl -F 'a=1' -F 'b=two words' U/multi
curl -F 'f=@FILE;type=text/x-own' U/multi2
curl --form-string 'a=@b;c' U/multi3
curl --url U/url
curl --get U/get2
curl --http1.1 -4 U/flags
curl -H 'Accept: text/x' U/accept
curl -H 'Content-Type: text/plain' --data-binary 'a b' U/text
curl -X POST U/continued \
  -H 'X-A: 1' \
  -d 'x'
curl 'U/a' -H 'X-Long: LONG'
curl -d 'LONGBODY' U/long
curl --user-agent '' U/no-agent
curl --head --location U/head2
curl -H "Authorization: Bearer abc.def" U/token"""


def commands(at, file):
    """The commands of the table; the line that no test is made of is left out."""
    text = CURL.replace("HOST", at).replace("U/", "http://%s/" % at).replace("FILE", file)
    text = text.replace("LONGBODY", "b" * 9000).replace("LONG", "h" * 3000)
    joined = re.sub(r"\\\n\s*", "", text).split("\n")
    return [c for c in joined if "||" not in c]


def shown(seen):
    """What counts of a request: method, target, fields in order of name, body. A boundary is no content."""
    method, target, fields, body = seen
    target = target.replace('"', "%22")  # the kit sends valid URLs (RFC 3986 2.1)
    agent = fields.get("user-agent", [""])[0]
    kept = {n: v for n, v in fields.items() if n not in OWN}
    for name, value in (("user-agent", agent), ("accept", fields.get("accept", [""])[0])):
        if value and not re.match(r"curl/|locust|\*/\*\Z", value):
            kept[name] = [value]
    kind = fields.get("content-type", [""])[0]
    if "boundary=" in kind:
        mark = kind.split("boundary=")[1].strip('"')
        body = re.sub(rb"; filename=\"[^\"]*\"", b"", body.replace(mark.encode(), b"MARK"))
        body = re.sub(rb"-+MARK", b"MARK", body)
        kept["content-type"] = ["multipart"]
    return method, target, sorted(kept.items()), body


@test("curl2c: 60 commands send what curl sends")
def _(dir):
    with open(dir + "/file.txt", "w") as f:
        f.write("of a file")
    with Recorder() as server:
        rows = commands(server.at, dir + "/file.txt")
        check(len(rows) >= 60, len(rows))
        subprocess.run(["bash", "-c", "curl() { command curl -s --noproxy '*' -o /dev/null \"$@\"; }\n" + "\n".join(rows)],
                       check=False, timeout=120, capture_output=True)
        by_curl, server.seen[:] = list(server.seen), []
        made(dir, "curl2c", stdin="\n".join(rows).encode("utf-8", "surrogateescape"))
        r = run(dir, [compiled(dir), "--headless", "--iterations", "1", "--only-summary"])
        by_test = list(server.seen)
    same([shown(t)[:2] for t in by_test], [shown(c)[:2] for c in by_curl])
    each([(shown(c), shown(t)) for c, t in zip(by_curl, by_test)], lambda c, t: same(t, c))
    same(r.rc, 0, r)


@test("curl2c: what it cannot take is a sentence; nothing of a command runs or becomes C")
def _(dir):
    deep = "curl " + "'" * 99999
    for text, words in (
            (b"", "no curl command"), (b"wget http://a/", "not a curl command: wget"), (b"curl", "has no URL"),
            (b"curl 'http://a/", "never closed"), (b'curl "http://a/', "never closed"), (b"curl --nonsense http://a/", "not known here"),
            (b"curl -! http://a/", "not known here"), (b"curl http://a/ -d", "lacks its value"), (b"curl ftp://a/", "not an http"),
            (b"curl 'http://a b/'", "blank or control"), (b"curl http://a/ -H $'A: b\\nC: d'", "not a header field"),
            (b"curl http://a/ -X $'GET\\r\\n'", "no method"), (b"curl http://a/ | sh", "no place in a test"),
            (b"curl http://a/ -m '1;system(1)'", "takes seconds"), (b"curl http://" + b"a" * 5000 + b"/" + b"x" * 5000, "more than 4000"),
            (deep.encode(), "never closed"), (b"\xff\xfe\x00", "not a curl command"), (b"x" * (1 << 21), "more than 1 MB"),
            (b"curl http://a/ -F novalue", "takes NAME=CONTENT")):
        r = made(dir, "curl2c", stdin=text, rc=2)
        check(words in r.stderr.decode(), text[:80], r.stderr)
        check(r.stdout == b"" and b"Traceback" not in r.stderr, text[:80], r.stderr[-2000:])
    marker = dir + "/ran"
    evil = ["curl 'http://127.0.0.1:1/`touch${IFS}%s`' -H 'X: $(touch %s)'" % (marker, marker),
            "curl http://127.0.0.1:1/ -d $'\\\\\"; abort(); //\\\\\\n*/ %s %%s%%n'" % marker,
            "curl \"http://127.0.0.1:1/$(touch${IFS}%s)\"" % marker, "curl 'http://127.0.0.1:1/#\\\n'",
            "curl 'http://127.0.0.1:1/' -d \"" + "\\\\" * 5000 + "\"", "curl --cacert $'x\\\n#error' http://127.0.0.1:1/",
            "curl http://127.0.0.1:1/ --proxy 'p??/\n#error'"]
    for tasks in [], ["--tasks"]:
        made(dir, "curl2c", *tasks, *evil)
        compiled(dir)
    check(not os.path.exists(marker))
    with open(dir + "/made.c") as f:
        check(re.search(r"^\s*#error", f.read(), re.M) is None)


# ---- hit.c ----

@test("hit: sends what curl sends, loads, and says what is wrong")
def _(dir):
    program = build("tools/hit.c", "-O0", *WARNINGS)
    with open(dir + "/file.txt", "w") as f:
        f.write("of a file")
    rows = [("U/a?b=1", ""), ("U/x -X DELETE", ""), ("U/f -d a=1 -d b=2", ""), ("U/j --header 'Content-Type: application/json' -d '{}'", ""),
            ("U/h --header 'X-A: 1' --header 'X-B: \"2\"'", ""), ("U/g --get -d q=1", ""), ("U/i --head", ""), ("U/m -F a=1 -F b=two", ""),
            ("U/u --upload-file file.txt", ""), ("U/d -d @file.txt", ""), ("U/r --data-raw @file", ""), ("U/p -F f=@file.txt;type=text/x", ""),
            ("U/c --cookie 'a=1; b=2'", ""), ("U/e --user-agent A/1 --referer http://r/", ""), ("U/o --oauth2-bearer T", ""),
            ("U/b --basic-auth u:p", "U/b --user u:p"), ("U/2 U/3", "")]
    with Recorder() as server:
        for ours, curls in rows:
            words = shlex.split((curls or ours).replace("U/", server.url + "/").replace("--header", "-H"))
            subprocess.run(["curl", "-s", "--noproxy", "*", "-o", "/dev/null", *words], cwd=dir, timeout=60, check=True,
                           stdout=subprocess.DEVNULL)
        by_curl, server.seen[:] = list(server.seen), []
        for ours, _ in rows:
            r = run(dir, [program, *shlex.split(ours.replace("U/", server.url + "/")), "--iterations", "1", "--only-summary"])
            same(r.rc, 0, r)
        by_hit = list(server.seen)
        each([(shown(c), shown(h)) for c, h in zip(by_curl, by_hit)], lambda c, h: same(h, c))
        same(len(by_hit), len(by_curl))
        r = run(dir, [program, server.url + "/n", "-u", "3", "-r", "1000", "--iterations", "50", "--name", "n", "--expect-status", "201",
                      "--csv", "c", "--check", "requests>=50"])
        same(r.rc, 1, r)
        rows, total = stats_csv(dir + "/c")
        same((list(rows), count(total), failed(total)), ([("GET", "n")], 50, 50))
    for args, words in (((), "no URL"), (("http://a/", "--header", "x"), "--header takes NAME: VALUE"), (("http://a/", "-d"), "lacks its value"),
                        (("http://a/", "--max-time", "x"), "takes a number"), (("http://a/", "--nonsense"), "unknown option --nonsense"),
                        (("http://a/", "-d", "x" * 70000), "longer than 64 KB")):
        r = run(dir, [program, *args])
        same(r.rc, 2, r)
        check(words in r.err, words, r)


# ---- log2c ----

def log_line(second, request, zone="+0000", more=' "-" "Agent \\"q\\""'):
    return '192.0.2.1 - - [29/Nov/2026:12:00:%02d %s] "%s" 200 5%s' % (second, zone, request, more)


@test("log2c: replays a log's requests in their order, at its pace or another")
def _(dir):
    log = [log_line(0, "GET /a?x=1 HTTP/1.1"), log_line(0, "GET /item/17 HTTP/1.1", more=""), log_line(0, "HEAD / HTTP/1.0"),
           log_line(1, "POST /form HTTP/1.1"), log_line(1, 'GET /q?s=\\x22a\\x22 HTTP/1.1'), log_line(0, "GET /back HTTP/1.1"),
           log_line(3, "GET http://other.test/abs?y HTTP/1.1"), log_line(3, 'GET /\\xC3\\xA9 HTTP/1.1'),
           "2026/11/29 an error line", log_line(3, "\\x16\\x03\\x01"), log_line(4, "PRI * HTTP/2.0"), ""]
    r = made(dir, "log2c", "replay", "-", stdin="\n".join(log).encode())
    same(sorted(r.stderr.decode().splitlines()), [
        "log2c: left out 1 line: no request of HTTP", "log2c: left out 1 line: not of the format",
        "log2c: left out 1 line: of a method that may change something: see --all", "log2c: left out 1 line: of another method"])
    program = compiled(dir, "replay.c")
    want = [("GET", "/a?x=1"), ("GET", "/item/17"), ("HEAD", "/"), ("GET", "/q?s=%22a%22"), ("GET", "/back"), ("GET", "/abs?y"),
            ("GET", "/%C3%A9")]
    for speed, least in ("2", 1.7), ("0", 0):
        with Recorder() as server:
            started = time.monotonic()
            r = run(dir, [program, "--headless", "-u", "4", "-r", "1000", "--host", server.url, "--speed", speed, "--csv", "c"])
            took = time.monotonic() - started
            same(r.rc, 0, r)
            seen = [(m, t.replace('"', "%22")) for m, t, _, _ in server.seen]
        same(seen if speed != "0" else sorted(seen), want if speed != "0" else sorted(want), r)
        check(took >= least, took)  # the last is due 3.5 s behind the first, by its log
        rows, _ = stats_csv(dir + "/c")
        check(("GET", "/item/[id]") in rows, rows)
    made(dir, "log2c", "--all", "all", "-", stdin="\n".join(log).encode())
    with open(dir + "/all.csv") as f:
        same(sum("POST" in line for line in f), 1)


@test("log2c: whatever the log is, a sentence or a test")
def _(dir):
    for text, rc in ((b"", 2), (b"\0" * 100000, 2), (b"\xff\xfe" * 1000, 2), (b"[" * 200000, 2), (b'"' * 200000, 2),
                     (b"x" * 5000000, 2), (log_line(61, "GET / HTTP/1.1").encode(), 0), (log_line(1, "GET /" + "x" * 5000 + " HTTP/1.1").encode(), 2),
                     (log_line(1, 'GET /"; system(\\"id\\"); // HTTP/1.1').encode(), 2), (log_line(1, "GET /%s%n%d HTTP/1.1").encode(), 0),
                     (log_line(1, "GET /a,b\\x0d\\x0aX: y HTTP/1.1").encode(), 2), (log_line(1, "GET / HTTP/1.1").encode()[:40], 2)):
        r = made(dir, "log2c", "evil", "-", stdin=text, rc=rc)
        check(b"Traceback" not in r.stderr, text[:60], r.stderr[-2000:])
        same(bool(r.stderr), rc == 2, text[:60])
    made(dir, "log2c", 'a"; b', "-", stdin=log_line(1, "GET / HTTP/1.1").encode())
    compiled(dir, 'a"; b.c')


# ---- har2c ----

HAR = ROOT + "/tests/whole/kit/shop.har"  # recorded by Chromium 156: kit/record_shop.py


def recorded():
    with open(HAR) as f:
        return json.load(f)


@test("har2c: a recording of Chromium logs in, finds its tokens and ids, and gets the same statuses")
def _(dir):
    har = recorded()
    made(dir, "har2c", HAR)
    program = compiled(dir)
    with open(dir + "/made.c") as f:
        text = f.read()
    secret = [PASSWORD, "staple"] + [p["value"] for e in har["log"]["entries"] for p in e["request"].get("postData", {}).get("params", [])
                                     if p["name"] == "csrf"] + [c["value"] for e in har["log"]["entries"] for c in e["response"]["cookies"]]
    check(len(secret) >= 6)
    same([s for s in secret if s in text], [])
    want = sorted((e["request"]["method"], re.sub(r"/orders/\w+", "/orders/ID", re.sub(r"^http://[^/]*|\?.*", "", e["request"]["url"])),
                   e["response"]["status"]) for e in har["log"]["entries"])
    for env, rc in ({"PASSWORD": PASSWORD}, 0), ({"PASSWORD": "wrong"}, 1):
        shop = Shop()
        threading.Thread(target=shop.serve_forever, daemon=True).start()
        r = run(dir, [program, "--headless", "-u", "3", "-r", "1000", "--iterations", "3", "--think", "0", "--host", shop.url, "--csv", "c"], env=env)
        shop.shutdown()
        shop.server_close()
        same(r.rc, rc, r)
        got = sorted((m, re.sub(r"/orders/\w+", "/orders/ID", p), s) for m, p, s in shop.statuses)
        if rc == 0:
            same(got, sorted(want * 3), r)
            rows, _ = stats_csv(dir + "/c")
            same(set(rows), {("GET", "/"), ("GET", "/login"), ("POST", "/login"), ("POST", "/api/cart"), ("POST", "/logout"),
                             ("GET", "/api/orders/[id]?view=short"), ("GET", "assets of /"), ("GET", "assets of /login"),
                             ("GET", "assets of /logout")})
        else:
            check(("POST", "/login", 401) in got, got)


def entry(url="http://a.test/", method="GET", **more):
    return {"startedDateTime": "2026-12-01T00:00:00.000Z", "time": 1, "request": {"method": method, "url": url, "headers": []},
            "response": {"status": 200, "headers": [], "content": {"mimeType": "text/html", "text": ""}, "redirectURL": ""}, **more}


def posting(kind, text, *fields, url="http://a.test/p"):
    e = entry(url, "POST")
    e["request"].update(postData={"mimeType": kind, "text": text}, headers=[{"name": n, "value": v} for n, v in fields])
    return e


@test("har2c: whatever the recording is, a sentence or a test that compiles")
def _(dir):
    def har(*entries):
        return json.dumps({"log": {"entries": list(entries)}}).encode()

    whole = open(HAR, "rb").read()
    for text, words in (
            (b"", "no JSON, or cut"), (whole[:len(whole) // 2], "no JSON, or cut"), (b"[]", "is no HAR"), (b"\xff\xfe{", "is no HAR"),
            (b'{"log": 3}', "is no HAR"), (har(), "no request"), (har({}), "is no HAR"), (har(3), "is no HAR"), (har(entry("data:x")), "no request"),
            (har(entry(startedDateTime="x")), "no time"), (b"[" * 100000, "har2c: "), (har(entry("http://a b/")), "no request"),
            (har(entry("http://a.test/" + "x" * 9000)), "no request")):
        r = made(dir, "har2c", "-", stdin=text, rc=2)
        check(words.encode() in r.stderr and b"Traceback" not in r.stderr and r.stdout == b"", text[:60], r.stderr[-1500:])
    evil = '"); system("id"); /* */ ??/ %s%n \\'
    answer = entry("http://a.test/first")
    answer["response"]["content"]["text"] = '<input value="ab12cd34ef56"> <b title="%d%s\\"x9y8z7w6v5u4">'
    rows = [answer, posting("application/json", json.dumps({"a": evil, "password": evil, "t": "ab12cd34ef56", "n": 5})),
            posting("application/x-www-form-urlencoded", "a=%22%29%3B&password=x&t=x9y8z7w6v5u4&" + "b=" + "c" * 9000),
            posting("text/plain", evil * 400, ("X-Evil", evil), ("Bad name", "x"), ("X-Break", "a\r\nb: c"), ("Authorization", "Bearer " + evil)),
            posting("application/octet-stream", "\x00\x01\ud800"), posting("multipart/form-data; boundary=x", "x"),
            entry("http://a.test/%22;abort();//?password=" + "p" * 20 + "&q=%s", method='BREW"(),'), entry("http://a.test/ab12cd34ef56/x?t=ab12cd34ef56"),
            entry("https://other.test/x")]
    for i, e in enumerate(rows):
        e["startedDateTime"] = "2026-12-01T00:00:%02d.000Z" % i
    del rows[6]["request"]["method"]
    rows[6]["request"]["method"] = "BREW"
    for args in (), ("--all-hosts",):
        made(dir, "har2c", *args, "-", stdin=har(*rows))
        compiled(dir)
    with open(dir + "/made.c") as f:
        text = f.read()
    check('s->' in text and "system(" not in re.sub(r'"(?:[^"\\]|\\.)*"|//[^\n]*', "", text), text[:3000])


# ---- openapi2c ----

PETS = {"openapi": "3.0.3", "info": {"title": "Pets"}, "servers": [{"url": "http://pets.test/{v}", "variables": {"v": {"default": "v1"}}}],
        "security": [{"bearer": []}],
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, "key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
                       "parameters": {"limit": {"name": "limit", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 5}}},
                       "schemas": {"Pet": {"type": "object", "required": ["name"], "properties": {
                           "name": {"type": "string", "example": "Rex \"the dog\""}, "born": {"type": "string", "format": "date"},
                           "tags": {"type": "array", "items": {"enum": ["a", "b"]}}, "parent": {"$ref": "#/components/schemas/Pet"},
                           "id": {"type": "integer", "readOnly": True}}}}},
        "paths": {
            "/pets": {"parameters": [{"$ref": "#/components/parameters/limit"}],
                      "get": {"operationId": "listPets", "responses": {"200": {}}},
                      "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}}},
                               "security": [{"key": []}], "responses": {"201": {}}}},
            "/pets/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "example": "a b"},
                                                  {"name": "full", "in": "query", "schema": {"type": "boolean"}}],
                                   "responses": {"2XX": {}}, "security": []},
                           "delete": {"parameters": [{"name": "id", "in": "path", "schema": {"type": "integer"}}], "responses": {"204": {}}}}}}


@test("openapi2c: a task for each operation, with values that the description gives")
def _(dir):
    with Recorder(lambda method, *_: (204 if method == "DELETE" else 201 if method == "POST" else 200, "", b"")) as server:
        for args, methods in ((), {"GET"}), (("--all",), {"GET", "POST", "DELETE"}):
            server.seen.clear()
            made(dir, "openapi2c", *args, "-", stdin=json.dumps(PETS).encode())
            r = run(dir, [compiled(dir), "--headless", "-u", "60", "-r", "1000", "--iterations", "60", "--host", server.url, "--csv", "c"],
                    env={"API_TOKEN": "T", "API_KEY": "K"})
            same(r.rc, 0, r)
            same({m for m, *_ in server.seen}, methods)
        got = {(m, t): (f, b) for m, t, f, b in server.seen}
        same(set(got), {("GET", "/v1/pets?limit=5"), ("POST", "/v1/pets?limit=5"), ("GET", "/v1/pets/a%20b"), ("DELETE", "/v1/pets/1")})
        fields, body = got["POST", "/v1/pets?limit=5"]
        pet = json.loads(body)
        same((pet["name"], pet["born"], pet["tags"], "id" in pet), ('Rex "the dog"', "2026-01-31", ["a"], False))
        same((fields["x-key"], "authorization" in fields), (["K"], False))
        same(got["DELETE", "/v1/pets/1"][0]["authorization"], ["Bearer T"])


@test("openapi2c: whatever the description is, a sentence or a test that compiles")
def _(dir):
    for text in (b"", b"[]", b"{}", b'{"paths": 3}', b'{"paths": {}}', json.dumps(PETS).encode()[:300], b"\xff\xfe\x00", b"[" * 100000):
        r = made(dir, "openapi2c", "-", stdin=text, rc=2)
        check(b"openapi2c: " in r.stderr and b"Traceback" not in r.stderr and r.stdout == b"", text[:60], r.stderr[-1500:])
    evil = '"); system("id"); /* */ ??/ %s%n \\'
    loop = {"$ref": "#/components/schemas/L"}
    api = {"info": {"title": evil + "*/\n#error"}, "host": "a.test", "basePath": "/b", "security": [{"k": []}], "securityDefinitions": {
        "k": {"type": "apiKey", "in": "query", "name": evil}}, "components": {"schemas": {"L": {"type": "object", "properties": {"l": loop}}}},
        "paths": {"/" + evil: {"get": {"operationId": evil, "summary": evil + "\n#error", "parameters": [
            {"name": evil, "in": "query", "required": True, "example": evil}, {"name": "X-A", "in": "header", "required": True, "example": "a\r\nb: c"},
            {"name": "bad name", "in": "header", "required": True, "example": "x"}, {"name": "c", "in": "query", "example": "x" * 9000}]}},
            "/loop": {"post": {"requestBody": {"content": {"application/json": {"schema": loop}}}}, "put": {"requestBody": {"content": {
                "text/plain": {"example": evil * 300}}}}, "patch": {"parameters": [{"in": "body", "name": "b", "schema": {"allOf": [loop, 3]}}]}},
            "/{x}/{y}": {"get": {"parameters": 7}, "delete": 3, "parameters": [3, {"in": 5}, {"$ref": "#/nowhere"}, {"$ref": "http://x/"}]},
            "/int": {"get": {"parameters": [{"name": "n", "in": "query", "required": True, "schema": {"type": ["null", "integer"], "minimum": 1e300}}]}}}}
    made(dir, "openapi2c", "--all", "-", stdin=json.dumps(api).encode())
    compiled(dir)
    with open(dir + "/made.c") as f:
        text = f.read()
    check("system(" not in re.sub(r'"(?:[^"\\]|\\.)*"|//[^\n]*', "", text) and not re.search(r"^\s*#error", text, re.M), text[:3000])


main(parallel=2)
