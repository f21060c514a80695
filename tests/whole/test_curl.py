#!/usr/bin/env -S python3 -B
# straight
"""Cookies and URLs: what a server gets from the kit, from curl, and what the RFCs say it should get.

A row is an exchange: URLs to ask for, what the server answers, and what it must see in every request.
That expectation comes from RFC 6265 (cookies) and RFC 3986 (URLs); the kit meets it to the letter. curl
walks through the same exchange and has to agree, which is what keeps an error of ours out of the tables;
where it does otherwise, the row says what, and why that is not followed. Newer releases of curl than the
7.88.1 of these notes may have come round to the RFC.

    tests/whole/test_curl.py [WORD...]    only the tests whose name contains a word
"""
import collections, os, sys
from kit.lib import *
import ssl

Curl = collections.namedtuple("Curl", "does why")  # where curl differs from `want`
Go = collections.namedtuple("Go", "to status", defaults=(302,))  # a redirect; the next answer follows
Raw = collections.namedtuple("Raw", "line")  # a header field as it is
Status = collections.namedtuple("Status", "code")
Wait = collections.namedtuple("Wait", "seconds")  # before this answer
Meet = collections.namedtuple("Meet", "barrier")  # likewise, until all are there

HOME = "http://example.test"
PAST, FUTURE = "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 07 Aug 2099 08:49:37 GMT"


class Row:
    """visits: a URL (or a path at HOME), or a tuple of one and the parts of its answer: texts are
    Set-Cookie lines. want: for each request, what show() makes of it."""

    def __init__(self, name, visits, want, curl=None, exact=False, show=None, error="", args=()):
        self.name, self.want, self.curl, self.exact = name, want, curl, exact
        self.show, self.error, self.args = show or (lambda seen: seen.cookie), error, list(args)
        self.urls, self.answers = [], []
        for visit in visits:
            url, *parts = visit if isinstance(visit, tuple) else (visit,)
            self.urls.append(HOME + url if url.startswith("/") else url)
            self.answers.append([])
            for part in parts:
                self.answers[-1].append(part)
                if isinstance(part, Go):
                    self.answers.append([])
        self.steps = ["get " + url for url in self.urls]


class Seen:
    """A request as the server got it."""

    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")[:-2]
        self.fields = [line.split(": ", 1) for line in lines[1:]]
        self.target = lines[0].split(" ", 1)[1].rsplit(" ", 1)[0]
        self.host, self.row = self.all("host"), self.all("x-row")
        self.cookie = self.all("cookie")  # RFC 6265 5.4: one field at most

    def all(self, name):
        return " + ".join(value for field, value in self.fields if field.lower() == name)


class Peer:
    """The server, http and https, for all rows of one client."""

    def __init__(self, rows, certificate=None):
        self.rows, self.seen, self.lock = rows, {id: [] for id in rows}, threading.Lock()
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)

    def plain(self, c):
        self.answer(c, read_head(c))

    def secure(self, c):
        c.settimeout(20)
        with self.tls.wrap_socket(c, server_side=True) as c:
            self.answer(c, read_head(c))
            c.unwrap()

    def answer(self, c, head):
        if not head:
            return
        seen = Seen(head)
        with self.lock:
            known = self.seen.setdefault(seen.row, [])
            known.append(seen)
            answers = self.rows[seen.row].answers if seen.row in self.rows else []
            parts = answers[len(known) - 1] if len(known) <= len(answers) else ()
        status, lines = 200, []
        for part in parts:
            if isinstance(part, Go):
                status = part.status
                lines.append("Location: " + part.to)
            elif isinstance(part, Status):
                status = part.code
            elif isinstance(part, Raw):
                lines.append(part.line)
            elif isinstance(part, Wait):
                time.sleep(part.seconds)
            elif isinstance(part, Meet):
                part.barrier.wait(20)
            else:
                lines.append("Set-Cookie: " + part)
        lines = ["HTTP/1.1 %d So" % status, "Content-Length: 2", "Connection: close"] + lines
        c.sendall("\r\n".join(lines + ["", "ok"]).encode("latin-1"))

    def __enter__(self):
        self.http = Script(self.plain)
        self.https = Script(self.secure) if self.tls else None
        self.to = ["::127.0.0.1:%d" % self.http.port]
        if self.tls:
            self.to.insert(0, ":443:127.0.0.1:%d" % self.https.port)
        return self

    def __exit__(self, *_):
        for script in (self.http, self.https):
            if script:
                script.__exit__()


# ---- the two clients ----

def walk_curl(peer, id, row, *options):
    """One curl for a row: the URLs of one command share its cookies."""
    command = ["curl", "-q", "-s", "-g", "-k", "-L", "-b", "", "-m", "30", "--max-redirs", "30",
               "--noproxy", "*", "-H", "X-Row: " + id] + row.args + list(options)
    for to in [] if options else peer.to:
        command += ["--connect-to", to]
    for url in row.urls:
        command += ["-o", "/dev/null", url.encode("latin-1")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                          env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"})
    check(not done.stdout, done.stdout)
    return [row.show(seen) for seen in peer.seen[id]]


# The bytes and lengths of these rows are odd enough to look for reads and writes out of bounds. A report
# does not end the program, so that a row fails for its own reason.
SANITIZED = ("-O0", "-g", "-fsanitize=address,undefined", "-fsanitize-recover=all", "-fno-omit-frame-pointer")
SANITIZER = {"ASAN_OPTIONS": "halt_on_error=0:detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}


def has_tls():
    header = b"#include <mbedtls/ssl.h>\n"
    return subprocess.run([CC, "-E", "-"], input=header, capture_output=True).returncode == 0


def walk_kit(dir, peer, rows, *options, tls=False, user_class="Rows"):
    """One program of the kit for all rows, a user for each: {id: [what came of each step]}"""
    if tls and not has_tls():
        raise Skip("libmbedtls-dev is missing")
    flags, libs = (("-DLOCUST_TLS",), TLS) if tls else (SANITIZED, ())
    program = build("planned_requests.c", *flags, libs=libs)
    plan = os.path.join(dir, "plan")
    with open(plan, "w", encoding="latin-1", newline="") as f:
        f.writelines("\t".join([id] + row.steps) + "\n" for id, row in rows.items())
    if not options:
        options = ("--connect-to", " ".join(peer.to))
    r = run(dir, [program, user_class, "--headless", "--only-summary", "-H", HOME, "-u", str(len(rows)),
                  "-r", "1000000", "-t", "30"] + (["--insecure"] if tls else []) + list(options),
            env=dict(SANITIZER, PLAN=plan))
    came = {id: [] for id in rows}
    for line in r.out.splitlines():
        id, step, what = line.split("|", 2)
        same(len(came[id]), int(step), line)
        came[id].append(what)
    for id, row in rows.items():
        same(len(came[id]), len(row.steps), row.name, r)
    return came, r


TABLES, TLS_TABLES, taken, taking = {}, {}, {}, threading.Lock()


def numbered(tables):
    return {"%s.%d" % (table, i): row for table, rows in tables.items() for i, row in enumerate(rows)}


def certificate(dir):
    """A key and its certificate; nobody verifies it here."""
    if not shutil.which("openssl"):
        raise Skip("openssl is missing")
    path = dir + "/cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", path, "-out", dir + "/crt.pem", "-days", "2",
                    "-subj", "/CN=example.test"], check=True, capture_output=True)
    with open(path, "a") as both, open(dir + "/crt.pem") as crt:
        both.write(crt.read())
    return path


def take(dir, tables, tls):
    """The walk of the kit, made once for all tables of a kind: (its peer, what came of steps, its end)"""
    with taking:
        if tls not in taken:
            rows = numbered(tables)
            try:
                with Peer(rows, certificate(dir) if tls else None) as peer:
                    taken[tls] = (peer,) + walk_kit(dir, peer, rows, tls=tls)
            except (AssertionError, Skip) as why:
                taken[tls] = why
        if isinstance(taken[tls], Exception):
            raise taken[tls]
        return taken[tls]


def loosely(cookies):
    """Without the order of a Cookie field: curl has one of its own, see ORDER."""
    return [sorted(cookie.split("; ")) for cookie in cookies]


def curl_agrees(got, row):
    wants = [row.want] + ([row.curl.does] if row.curl else [])
    if not row.exact:
        got, wants = loosely(got), [loosely(want) for want in wants]
    check(got in wants, "curl %r" % (got,), *("want %r" % (want,) for want in wants))


def table(name, tables, tls=False):
    """The tests of a table: the rows against curl, and the kit against the rows."""
    def rows():
        return {id: row for id, row in numbered(tables).items() if id.rsplit(".", 1)[0] == name}

    @test(name + ": curl")
    def _(dir):
        if not shutil.which("curl"):
            raise Skip("curl is missing")
        with Peer(rows(), certificate(dir) if tls else None) as peer, \
                concurrent.futures.ThreadPoolExecutor(2) as pool:
            walks = {id: pool.submit(walk_curl, peer, id, row) for id, row in rows().items()}
            each([(row.name, id) for id, row in rows().items()],
                 lambda _, id: curl_agrees(walks[id].result(), rows()[id]))

    @test(name + ": the kit")
    def _(dir):
        peer, came, _ = take(dir, tables, tls)

        def judge(_, id):
            row = rows()[id]
            same([row.show(seen) for seen in peer.seen[id]], row.want, came[id])
            if row.error is not None:
                same(came[id], [""] * (len(row.steps) - 1) + [row.error])
        each([(row.name, id) for id, row in rows().items()], judge)


def of(name, rows, tls=False):
    tables = TLS_TABLES if tls else TABLES
    tables[name] = list(rows)
    table(name, tables, tls)


# ---- cookies ----

TAB = "refuses tabs in and around names and values"
NAMELESS = "takes the first pair with a name; there is no cookie but before the first ';'"
NAME_CASE = "tells names from each other without regard to case; 5.3 step 11 knows no such thing"

# RFC 6265 5.2: (Set-Cookie lines, the Cookie field of the next request)
VALUES = [
    ("a=1", "a=1"),
    ("a=1; Path=/; HttpOnly", "a=1"),
    ("a=1;", "a=1"),
    ("a=1;;; ;x;=y;", "a=1"),
    ("a=1 ; Path=/", "a=1"),
    ("  a  =  1  ; Path=/", "a=1"),
    ("\ta\t=\t1\t; Path=/", "a=1", Curl("", TAB)),
    ("a=1 2  3", "a=1 2  3"),
    ("a b=1", "a b=1"),
    ("a=1\t2", "a=1\t2", Curl("", TAB)),
    ("a=", "a="),
    ("a=;", "a="),
    ("a=  ; Path=/", "a="),
    ("a==", "a=="),
    ("a=b=c", "a=b=c"),
    ("a==b==", "a==b=="),
    ('a="1"', 'a="1"'),
    ('a="1 2"', 'a="1 2"'),
    ('a=" 1 "', 'a=" 1 "'),
    ('a="1;2"', 'a="1'),
    ('a="1', 'a="1'),
    ('"a"=1', '"a"=1'),
    ("a='1'", "a='1'"),
    ("a=1,b=2", "a=1,b=2"),
    ("a=1, b=2; Path=/", "a=1, b=2"),
    ("a=1; b=2", "a=1"),
    ("a=%20%3B%41", "a=%20%3B%41"),
    ("a=\\;b", "a=\\"),
    ("a=<>[]{}()@:/?!#$&*+-.^_`|~", "a=<>[]{}()@:/?!#$&*+-.^_`|~"),
    ("!#$%&'*+-.^_`|~0aZ=1", "!#$%&'*+-.^_`|~0aZ=1"),
    ("a=\xc3\xa4\xe2\x82\xac", "a=\xc3\xa4\xe2\x82\xac"),
    ("\xc3\xa4=\xff", "\xc3\xa4=\xff"),
    ("$Version=1", "$Version=1"),
    ("Path=/x", "Path=/x"),
    ("Expires=" + PAST, "Expires=" + PAST),
    ("Max-Age=0", "Max-Age=0"),
    ("Secure=; x", "Secure="),
    ("", ""),
    (";", ""),
    ("; a=1", "", Curl("a=1", NAMELESS)),
    ("a", ""),
    ("a; Path=/", ""),
    ("a; b=1", ""),
    ("=", ""),
    ("=1", ""),
    (" =1; Path=/", "", Curl("Path=/", NAMELESS)),
    ("=a=1", ""),
    (("a=1", "b=2"), "a=1; b=2"),
    (("a=1", "a=2"), "a=2"),
    (("a=1", "A=2"), "a=1; A=2", Curl("A=2", NAME_CASE)),
    (("a=1", "a="), "a="),
    (("a=1", "a"), "a=1"),
    (("a=1", "=2"), "a=1"),
    (("a=1; Path=/x", "b=2"), "b=2"),
    (Raw("set-cookie:a=1"), "a=1"),
    (Raw("SET-COOKIE: a=1"), "a=1"),
    (Raw("Set-Cookie2: a=1"), ""),
    (Raw("X-Set-Cookie: a=1"), ""),
]

# What lies behind the first ';': RFC 6265 5.2, third to last step, and attributes it does not know.
ATTRIBUTES = [
    ("a=1; HttpOnly", "a=1"),
    ("a=1; httponly=no", "a=1"),
    ("a=1; SameSite=Strict", "a=1"),
    ("a=1; SameSite=Lax", "a=1"),
    ("a=1; SameSite=None", "a=1"),
    ("a=1; SameSite=x; Priority=High; Partitioned; Version=1; Comment=x", "a=1"),
    ("a=1; MAX-AGE=0", ""),
    ("a=1;max-age=0", ""),
    ("a=1;   Max-Age  =  0  ", ""),
    ("a=1; x=y; Max-Age=0; y=x", ""),
    ("a=1; EXPIRES=" + PAST, ""),
    ("a=1; expires = " + PAST, ""),
    ("a=1; Expire=" + PAST, "a=1"),
    ("a=1; XMax-Age=0", "a=1"),
    ("a=1; Max Age=0", "a=1"),
    ("a=1; PATH=/x", ""),
    ("a=1; pAtH = /x ", ""),
    ("a=1; DoMaIn=EXAMPLE.TEST", "a=1"),
    ("a=1; DOMAIN=other.test", ""),
    ("a=1; SECURE", ""),
    ("a=1, Max-Age=0", "a=1, Max-Age=0"),
]

NO_NUMBER = "removes the cookie where Max-Age is no number; 5.2.2: ignore the attribute"

# RFC 6265 5.2.2 and 5.3 step 3: (attributes, is the cookie there afterwards)
MAX_AGE = [
    ("Max-Age=100", True),
    ("Max-Age=1000000000", True),
    ("Max-Age=99999999999999999999999", True),
    ("Max-Age=9223372036854775807", True),
    ("Max-Age=18446744073709551616", True),
    ("Max-Age=0000000000000000000000000000001000", True),
    ("Max-Age=0", False),
    ("Max-Age=00", False),
    ("Max-Age=-0", False),
    ("Max-Age=-1", False),
    ("Max-Age=-99999999999999999999999", False),
    ("Max-Age=-9223372036854775808", False),
    ("Max-Age=", True, NO_NUMBER),
    ("Max-Age", True),
    ("Max-Age=x", True, NO_NUMBER),
    ("Max-Age=+0", True, NO_NUMBER),
    ("Max-Age=0.0", True, NO_NUMBER),
    ("Max-Age=0x0", True, NO_NUMBER),
    ("Max-Age=0 0", True, NO_NUMBER),
    ("Max-Age=-1x", True, NO_NUMBER),
    ('Max-Age="0"', True, NO_NUMBER),
    ("Max-Age=100; Max-Age=0", False),
    ("Max-Age=0; Max-Age=100", True),
    ("Max-Age=0; Max-Age=x", False),
    ("Max-Age=0; Expires=" + FUTURE, False),
    ("Expires=%s; Max-Age=0" % FUTURE, False),
    ("Max-Age=100; Expires=" + PAST, True),
    ("Expires=%s; Max-Age=100" % PAST, True),
    ("Expires=%s; Max-Age=x" % PAST, False),
    ("Max-Age=x; Expires=" + PAST, False),
]

REST = "knows no date with anything unknown in it"

# RFC 6265 5.1.1: -1: a date that is past, 1: one to come, 0: no date, so that the attribute is ignored
DATES = [
    # the three formats of RFC 9110 5.6.7, and what is around
    ("Sun, 06 Nov 1994 08:49:37 GMT", -1),
    ("Sunday, 06-Nov-94 08:49:37 GMT", -1),
    ("Sun Nov  6 08:49:37 1994", -1),
    ("Fri, 07 Aug 2099 08:49:37 GMT", 1),
    ("Friday, 07-Aug-2099 08:49:37 GMT", 1),
    ("Fri Aug  7 08:49:37 2099", 1),
    ("Sun, 06-Nov-1994 08:49:37 GMT", -1),
    ("Thu, 01 Jan 1970 00:00:00 GMT", -1),
    ("Thu, 01-Jan-1970 00:00:01 GMT", -1),
    ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
    ("Fri, 13 Dec 1901 20:45:51 GMT", -1, "knows no time before 1970"),
    ("Mon, 01 Jan 1601 00:00:00 GMT", -1, "likewise"),
    ("Tue, 19 Jan 2038 03:14:08 GMT", 1),
    ("Sun, 07 Feb 2106 06:28:16 GMT", 1),
    ("Fri, 31 Dec 9999 23:59:59 GMT", 1),
    # two digits of a year: 70 to 99 are 19xx, 00 to 69 are 20xx
    ("07-Aug-99 08:49:37", -1),
    ("07-Aug-70 08:49:37", -1, "takes it for 2070"),
    ("07-Aug-69 08:49:37", 1),
    ("07-Aug-00 08:49:37", -1),
    # day, month, year and time in any order
    ("06 Nov 1994 08:49:37", -1),
    ("08:49:37 06 Nov 1994", -1),
    ("1994 Nov 06 08:49:37", -1),
    ("Nov 1994 08:49:37 06", -1),
    ("Nov-06-1994 08:49:37", -1),
    ("06 94 Nov 08:49:37", -1),
    ("94 06 Nov 08:49:37", 0, "takes it for a year"),  # the first number of one or two digits is the day
    ("Mon, 06 Nov 1994 08:49:37 GMT", -1),  # it was a Sunday
    # delimiters: all but letters, digits, ':', controls and bytes past ASCII
    ("06\tNov\t1994\t08:49:37", -1),
    ("06/Nov/1994/08:49:37", -1),
    ("06_Nov_1994_08:49:37", -1),
    ("06~Nov~1994~08:49:37", -1),
    ("06=Nov=1994=08:49:37", -1),
    ("06.Nov.1994.08:49:37", -1),
    ("06+Nov,1994`08:49:37", -1),
    ("06\\Nov[1994]{08:49:37}", -1),
    ('"Sun, 06 Nov 1994 08:49:37 GMT"', -1),
    ("  06   Nov   1994   08:49:37  ", -1),
    ("06\xa0Nov\xa01994\xa008:49:37", 0, "takes all but letters and digits for delimiters"),
    ("06:Nov:1994:08:49:37", 0, "likewise"),
    # the rest of a token is ignored where no digit follows
    ("6th November 1994xyz 08:49:37Z", -1, REST),
    ("6 nov 1994 08:49:37", -1),
    ("6 NOV 1994 08:49:37", -1),
    ("6 Novgarbage 1994 08:49:37", -1, REST),
    ("6 Nov 1994 08:49:37.5", -1, REST),
    ("6 Nov 1994 08:49:37abc", -1, REST),
    ("6 Nov 1994 08:49:37 +0100 PST", -1, REST),
    ("6 Nov 1994 8:49:37 PM", -1, REST),
    ("6 Nov 1994 08:49:37:99", -1, REST),
    ("6 Nov 1994T08:49:37", 0, "finds a time in it"),
    ("6 Nov1994 08:49:37", 0, "finds a year in it"),
    ("6 Nov 1994 08:49:37 GMT " + "(comment) " * 20, -1, "reads no date of more than 127 bytes"),
    # the first token of its kind counts
    ("06 Nov 1994 08:49:37 2099", -1, REST),
    ("06 Nov 2099 08:49:37 1994", 1),
    ("06 Nov 1994 08:49:37 09:00:99", -1, REST),
    # time
    ("06 Nov 1994 8:9:7", -1),
    ("06 Nov 1994 00:00:00", -1),
    ("06 Nov 1994 23:59:59", -1),
    ("06 Nov 1994 24:00:00", 0),
    ("06 Nov 1994 23:60:00", 0),
    ("06 Nov 1994 23:59:60", 0, "knows leap seconds"),
    ("06 Nov 1994 08:49", 0, "needs no seconds"),
    ("06 Nov 1994", 0, "needs no time"),
    ("06 Nov 1994 008:49:37", 0),
    ("06 Nov 1994 08:049:37", 0),
    ("06 Nov 1994 08:49:370", 0),
    ("06 Nov 1994 08.49.37", 0),
    # day
    ("0 Nov 1994 08:49:37", 0),
    ("00 Nov 1994 08:49:37", 0),
    ("32 Jan 1994 08:49:37", 0),
    ("31 Nov 1994 08:49:37", 0, "takes it for 1 December"),
    ("30 Nov 1994 08:49:37", -1),
    ("31 Dec 1994 08:49:37", -1),
    ("29 Feb 1996 08:49:37", -1),
    ("29 Feb 2000 08:49:37", -1),
    ("29 Feb 1995 08:49:37", 0, "likewise"),
    ("29 Feb 1900 08:49:37", 0),
    ("30 Feb 1996 08:49:37", 0, "likewise"),
    ("006 Nov 1994 08:49:37", 0, "takes it for a day"),
    # month
    ("06 No 1994 08:49:37", 0),
    ("06 11 1994 08:49:37", 0),
    ("06 Xov 1994 08:49:37", 0),
    # year
    ("06 Nov 1600 08:49:37", 0),
    ("06 Nov 994 08:49:37", 0),
    ("06 Nov 4 08:49:37", 0, "takes it for a year"),
    ("06 Nov 19940 08:49:37", 0),
    ("06 Nov 08:49:37", 0),
    # not dates at all
    ("", 0),
    ("0", 0),
    ("-1", 0),
    ("784111777", 0),
    ("1994-11-06 08:49:37", 0),
    ("1994-11-06T08:49:37Z", 0),
    ("Sun, Nov 1994 08:49:37 GMT", 0),
    ("Sun", 0),
    ("now", 0),
    ("never", 0),
    (":::", 0),
]

SLASH = "takes a '/' off the end of a path"
ROOT = "takes '/' where 5.2.4 wants the default path"

# RFC 6265 5.1.4 and 5.2.4: (path of the URL that sets, attributes, paths it is sent to, others)
PATHS = [
    # the default path: up to the last '/', without it
    ("/", "", "/ /x /x/y /?q", ""),
    ("", "", "/ /x", ""),
    ("/x", "", "/ /x /y /x/y", ""),
    ("/x/", "", "/x /x/ /x/y /x?q /x/?q", "/ /xy /X"),
    ("/x/y", "", "/x /x/ /x/y /x/z /x/y/z", "/ /y /xy /x.html"),
    ("/x/y/", "", "/x/y /x/y/ /x/y/z", "/x /x/ /x/yz"),
    ("/x/y/z.html", "", "/x/y /x/y/ /x/y/a", "/x /x/z.html"),
    ("/x/y?/a/b/", "", "/x /x/y /x?y", "/ /a"),
    ("?/a/b", "", "/ /a", ""),
    ("/x;p/y", "", "/x;p /x;p/z", "/x /x/y"),
    ("/x%2Fy/z", "", "/x%2Fy /x%2Fy/a", "/x /x/y"),
    ("//x/y", "", "//x //x/z", "/ /x"),
    # the attribute
    ("/", "; Path=/x", "/x /x/ /x/y /x?y /x?", "/ /xy /x.y /X /y/x"),
    ("/", "; Path=/x/y", "/x/y /x/y/z", "/x /x/ /x/yz"),
    ("/x/y/z", "; Path=/", "/ /a /x/y", ""),
    ("/a/b", "; Path=/x", "/x /x/y", "/ /a /a/b"),
    ("/", "; Path=/x?y", "", "/ /x /x?y"),
    ("/", "; Path=/%78", "/%78 /%78/y", "/x"),
    ("/", "; Path=/\xc3\xa4", "", "/ /a"),
    ("/", "; Path=/x y", "", "/ /x"),
    ("/", "; Path=//", "//x", "/ /x", Curl("/ /x", SLASH)),
    ("/", "; Path=/x/", "/x/ /x/y", "/ /x /xy", Curl("/x", SLASH)),
    ("/", "; Path=/x//", "/x// /x//y", "/x /x/ /x/y", Curl("/x/", SLASH)),
    # no '/' in front: the default path again
    ("/a/b", "; Path=", "/a /a/b", "/", Curl("/", ROOT)),
    ("/a/b", "; Path", "/a /a/b", "/"),
    ("/a/b", "; Path=x", "/a /a/c", "/ /x", Curl("/ /x", ROOT)),
    ("/a/b", "; Path=.", "/a", "/", Curl("/", ROOT)),
    ("/a/b", "; Path=?/", "/a", "/", Curl("/", ROOT)),
    ("/a/b", '; Path="/x"', "/a /a/b", "/ /x", Curl("/a /a/b /x", "takes quotes off a path")),
    ("/a/b", "; Path=http://example.test/", "/a", "/", Curl("/", ROOT)),
    # the last one counts
    ("/", "; Path=/x; Path=/y", "/y", "/ /x"),
    ("/a/b", "; Path=/x; Path=", "/a", "/ /x", Curl("/ /x", ROOT)),
    ("/a/b", "; Path=/x; Path=z", "/a", "/ /x", Curl("/ /x", ROOT)),
]

# RFC 6265 5.1.3, 5.2.3 and 5.3 steps 5 and 6: (host that sets, attributes, hosts it is sent to, others)
DOMAINS = [
    ("example.test", "", "example.test EXAMPLE.test example.test:8080", "www.example.test other.test test"),
    ("www.example.test", "", "www.example.test", "example.test a.www.example.test"),
    ("EXAMPLE.Test", "", "example.test", "www.example.test"),
    ("example.test:81", "", "example.test example.test:82", "www.example.test:81"),
    ("example.test", "; Domain=example.test",
     "example.test www.example.test a.b.example.test Www.Example.Test",
     "other.test anexample.test example.test.other.test test"),
    ("example.test", "; Domain=.example.test", "example.test www.example.test", "anexample.test"),
    ("example.test", "; Domain=EXAMPLE.TEST", "example.test www.example.test", ""),
    ("www.example.test", "; Domain=example.test", "example.test www.example.test ftp.example.test",
     "other.test"),
    ("www.example.test", "; Domain=.example.test", "example.test ftp.example.test", ""),
    ("a.b.example.test", "; Domain=example.test", "example.test b.example.test", ""),
    ("a.b.example.test", "; Domain=b.example.test", "a.b.example.test b.example.test c.b.example.test",
     "example.test c.example.test"),
    ("example.test:81", "; Domain=example.test", "example.test www.example.test:82", ""),
    # no domain after all: the host alone
    ("example.test", "; Domain=", "example.test", "www.example.test"),
    ("example.test", "; Domain", "example.test", "www.example.test"),
    ("example.test", "; Domain=.", "example.test", "www.example.test",
     Curl("example.test", "refuses it; without its dot it is empty, 5.3 step 6: the host alone")),
    ("example.test", "; Domain=other.test; Domain=", "", "example.test other.test"),
    # not the host's
    ("example.test", "; Domain=other.test", "", "example.test other.test"),
    ("example.test", "; Domain=www.example.test", "", "example.test www.example.test"),
    ("example.test", "; Domain=ample.test", "", "example.test ample.test"),
    ("example.test", "; Domain=.ample.test", "", "example.test ample.test"),
    ("example.test", "; Domain=example.test.other.test", "", "example.test example.test.other.test"),
    ("example.test", "; Domain=example.test:80", "", "example.test"),
    ("example.test", '; Domain="example.test"', "", "example.test"),
    ("example.test", "; Domain=http://example.test", "", "example.test"),
    ("example.test", "; Domain=*.example.test", "", "example.test www.example.test"),
    ("www.example.test", "; Domain=..example.test", "", "example.test www.example.test"),
    ("www.example.test", "; Domain=example.test.", "", "www.example.test example.test"),
    ("www.example.test", "; Domain=xample.test", "", "www.example.test xample.test"),
    # a whole top level
    ("example.test", "; Domain=test", "", "example.test other.test"),
    ("example.test", "; Domain=.test", "", "example.test other.test"),
    ("example.com", "; Domain=com", "", "example.com other.com"),
    ("example.com", "; Domain=.com", "", "example.com other.com"),
    ("www.example.com", "; Domain=com", "", "www.example.com example.com"),
    ("example.test.", "; Domain=test.", "", "example.test. other.test."),
    ("example.test.", "; Domain=example.test.", "example.test. www.example.test.", "example.test"),
    ("intranet", "", "intranet", "www.intranet"),
    ("intranet", "; Domain=intranet", "intranet", "other"),
    # addresses match themselves only
    ("127.0.0.1", "", "127.0.0.1 127.0.0.1:81", "127.0.0.2 x.127.0.0.1"),
    ("127.0.0.1", "; Domain=127.0.0.1", "127.0.0.1", "127.0.0.2"),
    ("127.0.0.1", "; Domain=0.0.1", "", "127.0.0.1"),
    ("127.0.0.1", "; Domain=.0.0.1", "", "127.0.0.1 1.0.0.1"),
    ("[::1]", "", "[::1] [::1]:81", "[::2]"),
    # the last one counts
    ("www.example.test", "; Domain=other.test; Domain=example.test", "example.test www.example.test", "",
     Curl("example.test www.example.test", "refuses a cookie for any bad Domain; the last one counts")),
    ("www.example.test", "; Domain=example.test; Domain=other.test", "", "example.test www.example.test"),
]

# Exchanges of several answers: (name, visits, the Cookie field of each request)
STORE = [
    # RFC 6265 3.1, with .test for .com
    ("RFC 6265: session", [("/", "SID=31d4d96e407aad42"), "/"], ["", "SID=31d4d96e407aad42"]),
    ("RFC 6265: path and domain", [("/a", "SID=31d4d96e407aad42; Path=/; Domain=example.test"),
                                   "http://www.example.test/b"], ["", "SID=31d4d96e407aad42"]),
    ("RFC 6265: Expires", [("/", "lang=en-US; Expires=Wed, 09 Jun 2100 10:18:14 GMT"), "/"],
     ["", "lang=en-US"]),
    ("RFC 6265: removal", [("/", "SID=31d4d96e407aad42; Path=/", "lang=en-US; Path=/; Domain=example.test"),
                           "/", ("/", "lang=; Path=/; Domain=example.test; Expires=" + PAST), "/"],
     ["", "SID=31d4d96e407aad42; lang=en-US", "SID=31d4d96e407aad42; lang=en-US", "SID=31d4d96e407aad42"]),
    # 5.3 steps 11 and 12: name, domain and path make a cookie
    ("a new value", [("/", "a=1"), ("/", "a=2"), "/"], ["", "a=1", "a=2"]),
    ("another path is another cookie", [("/x/y", "a=1", "a=2; Path=/"), "/x/y", "/"],
     ["", "a=1; a=2", "a=2"]),
    ("another domain is another cookie", [("http://www.example.test/", "a=1; Domain=example.test", "a=2"),
                                          "http://www.example.test/", "/"], ["", "a=1; a=2", "a=1"]),
    ("the host alone or its domain: one cookie", [("/", "a=1"), ("/", "a=2; Domain=example.test"), "/",
                                                  "http://www.example.test/"], ["", "a=1", "a=2", "a=2"],
     Curl(["", "a=1", "a=1; a=2", "a=2"], "keeps both; to 5.3 step 11 they are one")),
    ("removed by Max-Age", [("/", "a=1"), ("/", "a=1; Max-Age=0"), "/"], ["", "a=1", ""]),
    ("removed by Expires", [("/", "a=1"), ("/", "a=2; Expires=" + PAST), "/"], ["", "a=1", ""]),
    ("removed within one answer", [("/", "a=1", "a=1; Max-Age=0", "b=2"), "/"], ["", "b=2"]),
    ("removed and set again", [("/", "a=1; Max-Age=0", "a=2"), "/"], ["", "a=2"]),
    ("not removed from another path", [("/x/y", "a=1"), ("/", "a=; Max-Age=0"), "/x/y"], ["", "", "a=1"]),
    ("not removed from another host", [("/", "a=1"), ("http://www.example.test/", "a=; Max-Age=0"), "/"],
     ["", "", "a=1"]),
    ("one gone, the others stay", [("/", "a=1", "b=2", "c=3"), ("/", "b=; Max-Age=-1"), "/"],
     ["", "a=1; b=2; c=3", "a=1; c=3"]),
    ("a refused one replaces nothing", [("/", "a=1"), ("/", "a=2; Domain=other.test"), "/"],
     ["", "a=1", "a=1"]),
    ("expires with time", [("/", "a=1; Max-Age=2", "b=2"), ("/", Wait(3.2)), "/"], ["", "a=1; b=2", "b=2"]),
    ("expires with time, unless renewed", [("/", "a=1; Max-Age=2"), ("/", Wait(3.2), "a=2"), "/"],
     ["", "a=1", "a=2"]),
    ("a longer life replaces a shorter", [("/", "a=1; Max-Age=2"), ("/", "a=2; Max-Age=100"),
                                          ("/", Wait(3.2)), "/"],
     ["", "a=1", "a=2", "a=2"]),
    ("answers of every status count", [("/", Status(404), "a=1"), ("/", Status(500), "b=2"),
                                       ("/", Status(401), "c=3"), "/"],
     ["", "a=1", "a=1; b=2", "a=1; b=2; c=3"]),
    ("another port is no other host", [("http://example.test:81/", "a=1"),
                                       ("http://example.test:82/", "a=2"), "/"],
     ["", "a=1", "a=2"]),
]

NEWEST = "sends the newest of equal paths first, 5.4 step 2 the oldest"

# RFC 6265 5.4 step 2: longer paths first, then what was there first.
ORDER = [
    ("longer paths first", [("/", "a=1; Path=/", "b=2; Path=/x", "c=3; Path=/x/y"), "/x/y/z", "/x/z", "/z"],
     ["", "c=3; b=2; a=1", "b=2; a=1", "a=1"]),
    ("longer paths first, the same name", [("/", "a=1; Path=/x/y", "a=2; Path=/", "a=3; Path=/x"), "/x/y"],
     ["", "a=1; a=3; a=2"]),
    ("the default path has a length, too", [("/x/y/z", "a=1; Path=/x", "b=2", "c=3; Path=/"), "/x/y/"],
     ["", "b=2; a=1; c=3"]),
    ("as they came", [("/", "b=1", "a=2", "c=3"), "/"], ["", "b=1; a=2; c=3"],
     Curl(["", "c=3; a=2; b=1"], NEWEST)),
    ("in the order of answers", [("/", "b=1"), ("/", "a=2"), ("/", "c=3"), "/"],
     ["", "b=1", "b=1; a=2", "b=1; a=2; c=3"], Curl(["", "b=1", "a=2; b=1", "c=3; a=2; b=1"], NEWEST)),
    ("a new value keeps the place", [("/", "a=1", "b=2", "c=3"), ("/", "b=4"), ("/", "a=5"), "/"],
     ["", "a=1; b=2; c=3", "a=1; b=4; c=3", "a=5; b=4; c=3"],
     Curl(["", "c=3; b=2; a=1", "c=3; b=4; a=1", "c=3; b=4; a=5"], NEWEST)),
    ("a new value within one answer keeps the place", [("/", "a=1", "b=2", "a=3"), "/"], ["", "a=3; b=2"],
     Curl(["", "b=2; a=3"], NEWEST)),
    ("what was removed comes last", [("/", "a=1", "b=2"), ("/", "a=; Max-Age=0"), ("/", "a=3"), "/"],
     ["", "a=1; b=2", "b=2", "b=2; a=3"], Curl(["", "b=2; a=1", "b=2", "a=3; b=2"], NEWEST)),
    ("what expired comes last", [("/", "a=1; Max-Age=2", "b=2"), ("/", Wait(3.2)), ("/", "a=3"), "/"],
     ["", "a=1; b=2", "b=2", "b=2; a=3"], Curl(["", "b=2; a=1", "b=2", "a=3; b=2"], NEWEST)),
    ("paths of one length: as they came", [("/", "a=1; Path=/x", "b=2", "c=3; Path=/x", "d=4"), "/x"],
     ["", "a=1; c=3; b=2; d=4"], Curl(["", "c=3; a=1; d=4; b=2"], NEWEST)),
    ("whatever the names", [("/", "a=1", "bb=2", "ccc=3"), "/"], ["", "a=1; bb=2; ccc=3"],
     Curl(["", "ccc=3; bb=2; a=1"], "sends longer names first")),
    ("whatever the domains", [("http://www.example.test/", "a=1; Domain=example.test", "b=2"),
                              "http://www.example.test/"], ["", "a=1; b=2"],
     Curl(["", "b=2; a=1"], "sends longer domains first")),
]

# Redirects: cookies of each hop count for the next one.
HOPS = [
    ("set by a redirect", [("/", "a=1", Go("/b"))], ["", "a=1"]),
    ("set by a chain", [("/", "a=1", Go("/b"), "b=2", Go("/c"), "a=3", Go("/d"))],
     ["", "a=1", "a=1; b=2", "a=3; b=2"]),
    ("removed by a redirect", [("/", "a=1"), ("/", "a=; Max-Age=0", Go("/b"))], ["", "a=1", ""]),
    ("not for another host", [("/", "a=1", Go("http://other.test/")), "/"], ["", "", "a=1"]),
    ("there and back", [("/", "a=1", Go("http://other.test/x"), "b=2", Go("http://example.test/y")),
                        "http://other.test/"], ["", "", "a=1", "b=2"]),
    ("each host its own", [("/", "a=1", Go("http://other.test/x"), "a=2", Go("http://example.test/y"), "a=3",
                                 Go("//other.test/"))], ["", "", "a=1", "a=2"]),
    ("to a host below", [("/", "a=1; Domain=example.test", "b=2", Go("http://www.example.test/"))],
     ["", "a=1"]),
    ("to a host above", [("http://www.example.test/", "a=1; Domain=example.test", "b=2",
                          Go("http://example.test/"))], ["", "a=1"]),
    ("to another port", [("http://example.test:81/", "a=1", Go("http://example.test:82/"))], ["", "a=1"]),
    ("into a path and out", [("/x/y", "a=1", Go("/z"), Go("/x/z"))], ["", "", "a=1"]),
    ("a redirect to itself", [("/", "a=1", Go("/"), "a=2", Go("/"))], ["", "a=1", "a=2"]),
    ("a foreign domain on the way", [("/", "a=1; Domain=other.test", Go("http://other.test/"), "b=2",
                                      Go("/x"))], ["", "", "b=2"]),
] + [("set by a %d" % status, [("/", "a=1", Go("/b", status))], ["", "a=1"])
     for status in (301, 302, 303, 307, 308)]

# A full name, with its dot, is another host than the one without: its text is what Domain must match.
FULL_NAMES = [
    ("back to it", [("http://example.test./", "a=1"), "http://example.test./"], ["", "a=1"]),
    ("not to the short one", [("http://example.test./", "a=1"), "/"], ["", ""]),
    ("not from the short one", [("/", "a=1"), "http://example.test./"], ["", ""]),
    ("a Domain in full", [("http://www.example.test./", "a=1; Domain=example.test."), "http://example.test./", "/"],
     ["", "a=1", ""]),
    ("a short Domain", [("http://www.example.test./", "a=1; Domain=example.test"), "http://example.test./", "/"],
     ["", "", ""]),
    ("a short one's Domain in full", [("http://www.example.test/", "a=1; Domain=example.test."), "/",
                                      "http://example.test./"], ["", "", ""]),
]

# Control characters: curl drops such a cookie, RFC 9110 5.5 lets a recipient refuse such a message. Either
# way nothing of it comes back.
CONTROLS = [Row("byte %d in a %s" % (byte, place), [("/", "a=1"), ("/", text % byte), "/"],
                ["", "a=1", "a=1"], error=None)
            for byte in (1, 2, 7, 8, 11, 12, 14, 27, 31, 127)
            for place, text in (("name", "b%cb=2"), ("value", "b=2%c2"))]

EIGHTY = {"%s%02d=1" % (letter, i) for letter, n in (("a", 30), ("b", 50)) for i in range(n)}

# RFC 6265 6.1 asks for 4096 bytes of name, value and attributes, 50 cookies for a domain and 3000 in all.
# Larger ones are refused, as curl and RFC 6265bis 5.6 do (4096 bytes of name and value).
LIMITS = [
    Row("4096 bytes, most in the value", [("/", "a=" + "v" * 4095), "/"], ["", "a=" + "v" * 4095],
        Curl(["", ""], "refuses a value of 4095 bytes by itself")),
    Row("4096 bytes", [("/", "n" * 96 + "=" + "v" * 4000), "/"], ["", "n" * 96 + "=" + "v" * 4000]),
    Row("4096 bytes, most in the name", [("/", "n" * 4000 + "=" + "v" * 96), "/"],
        ["", "n" * 4000 + "=" + "v" * 96]),
    Row("4096 bytes with attributes", [("/", "a=" + "v" * 2000 + "; Path=/; x=" + "x" * 2083), "/"],
        ["", "a=" + "v" * 2000]),
    Row("4097 bytes", [("/", "b=1", "n" * 97 + "=" + "v" * 4000), "/"], ["", "b=1"]),
    Row("4097 bytes, most in the name", [("/", "b=1", "n" * 4000 + "=" + "v" * 97), "/"], ["", "b=1"]),
    Row("30000 bytes", [("/", "b=1", "a=" + "v" * 30000), "/"], ["", "b=1"]),
    Row("a long path", [("/", "a=1; Path=/" + "p" * 500), "/" + "p" * 500, "/"], ["", "a=1", ""]),
    Row("50 for a domain", [("/", *("c%02d=%d" % (i, i) for i in range(50))), "/"],
        ["", "; ".join("c%02d=%d" % (i, i) for i in range(50))]),
    Row("80 for a domain: 50 at least", [("/", *("a%02d=1" % i for i in range(30))),
                                         ("/", *("b%02d=1" % i for i in range(50))), "/"], [0, 30, 50],
        show=lambda seen: min(50, len(set(seen.cookie.split("; ")) & EIGHTY)), exact=True),
    Row("3000 in all", [("http://h%d.test/" % host, *("c%02d=%d" % (i, host) for i in range(50)))
                        for host in range(60)] + ["http://h%d.test/" % host for host in range(60)],
        [""] * 60 + ["; ".join("c%02d=%d" % (i, host) for i in range(50)) for host in range(60)]),
]


HTTP, HTTPS = "http://example.test/", "https://example.test/"

# RFC 6265 5.2.5 and 5.4, and what RFC 6265bis 5.7 adds, as curl has it: no Secure from http, names that begin
# with __Secure- or __Host-. (the cookie, does https take it, does http then get it too, does http take it)
SECURE = [
    ("a=1", True, True, True),
    ("a=1; Secure", True, False, False),
    ("a=1; SECURE", True, False, False),
    ("a=1;secure ; Path=/", True, False, False),
    ("a=1; Secure=", True, False, False),
    ("a=1; Secure=no", True, False, False, Curl((True, True, True), "takes it for an unknown attribute")),
    ("a=1; Secure; Secure; HttpOnly", True, False, False),
    ("a=1; XSecure; Secur; Secure x", True, True, True),
    ("__Secure-a=1; Secure", True, False, False),
    ("__Secure-a=1; Secure; Domain=example.test; Path=/", True, False, False),
    ("__Secure-a=1", False, False, False),
    ("__Host-a=1; Secure; Path=/", True, False, False),
    ("__Host-a=1; Secure; Path=/; Domain=", True, False, False),
    ("__Host-a=1; Path=/", False, False, False),
    ("__Host-a=1; Secure; Path=/; Domain=example.test", False, False, False),
    ("__Host-a=1; Secure; Path=/x", False, False, False),
    ("__Secure=1", True, True, True),
    ("__Hosta=1", True, True, True),
    ("a__Host-=1", True, True, True),
]

SECURE_STORE = [
    ("RFC 6265 3.1", [(HTTPS, "SID=31d4d96e407aad42; Path=/; Secure; HttpOnly",
                       "lang=en-US; Path=/; Domain=example.test"), HTTPS, "https://www.example.test/", HTTP],
     ["", "SID=31d4d96e407aad42; lang=en-US", "lang=en-US", "lang=en-US"]),
    ("set by http", [(HTTP, "a=1"), HTTPS, HTTP], ["", "a=1", "a=1"]),
    ("down to http", [(HTTPS, "a=1; Secure", "b=2", Go(HTTP)), HTTPS], ["", "b=2", "a=1; b=2"]),
    ("up to https", [(HTTP, "a=1; Secure", "b=2", Go(HTTPS), "c=3; Secure", Go(HTTP + "x"))],
     ["", "b=2", "b=2"]),
    ("up with a path alone", [(HTTPS + "x", "a=1; Secure", Go("/y"))], ["", "a=1"]),
    ("up with a host alone", [(HTTPS + "x", "a=1; Secure; Domain=example.test", Go("//www.example.test/y"))],
     ["", "a=1"]),
    ("https takes Secure away", [(HTTPS, "a=1; Secure"), (HTTPS, "a=2"), HTTP], ["", "a=1", "a=2"]),
    ("https makes it Secure", [(HTTP, "a=1"), (HTTPS, "a=2; Secure"), HTTP, HTTPS], ["", "a=1", "", "a=2"]),
    ("http does not overwrite it", [(HTTPS, "a=1; Secure"), (HTTP, "a=2"), HTTPS, HTTP], ["", "", "a=1", ""]),
    ("http overwrites what expired", [(HTTPS, "a=1; Secure; Max-Age=2"), (HTTPS, Wait(3.2)), (HTTP, "a=2"),
                                      HTTP, HTTPS], ["", "a=1", "", "a=2", "a=2"]),
    ("http does not remove it", [(HTTPS, "a=1; Secure"), (HTTP, "a=; Max-Age=0"), HTTPS], ["", "", "a=1"]),
    ("__Host- and another default path", [(HTTPS + "x/y", "__Host-a=1; Secure"), HTTPS + "x/y"], ["", ""]),
]

# ---- URLs ----

BLANK = "refuses blanks"
RAW = "escapes nothing here; RFC 3986 knows no such character"
HEX = "writes %c3: 2.1 asks for capitals; and leaves queries as they are"

# RFC 3986: (URL, the target and host that the server gets; none: no request). The path of the URL that a test
# writes stays as it is, dot segments too, as with Locust's client and curl --path-as-is.
URLS = [
    ("http://example.test", "/ example.test"),
    ("http://example.test/", "/ example.test"),
    ("http://example.test?q=1", "/?q=1 example.test"),
    ("http://example.test?", "/? example.test"),
    ("http://example.test/?", "/? example.test"),
    ("http://example.test#f", "/ example.test"),
    ("http://example.test?#f", "/? example.test"),
    ("http://example.test/#f", "/ example.test"),
    ("http://example.test/x#f?q", "/x example.test"),
    ("http://example.test/x?q#f?g#h", "/x?q example.test"),
    ("http://example.test/x?q?r", "/x?q?r example.test"),
    ("http://example.test/x#", "/x example.test"),
    ("http://example.test//x//y/", "//x//y/ example.test"),
    ("http://example.test/a/../b", "/a/../b example.test"),
    ("http://example.test/a/./b/.", "/a/./b/. example.test"),
    ("http://example.test/../a/..", "/../a/.. example.test"),
    ("http://example.test/...", "/... example.test"),
    ("http://example.test/a?b/../c", "/a?b/../c example.test"),
    ("http://example.test/a/%2e%2E/b", "/a/%2e%2E/b example.test"),
    ("http://example.test/;a=b;c?d=e;f@g:h/i", "/;a=b;c?d=e;f@g:h/i example.test"),
    ("http://example.test/!$&'()*+,;=:@-._~?!$&'()*+,;=:@-._~/?[]",
     "/!$&'()*+,;=:@-._~?!$&'()*+,;=:@-._~/?[] example.test"),
    ("http://example.test/a%20b%2Fc%7e?%26%c3%A4", "/a%20b%2Fc%7e?%26%c3%A4 example.test"),
    ("http://example.test/100%?%zz%", "/100%?%zz% example.test"),
    ("http://example.test/a b?c d", "/a%20b?c%20d example.test", Curl([], BLANK)),
    ("http://example.test/\xc3\xa4?\xe2\x82\xac", "/%C3%A4?%E2%82%AC example.test",
     Curl(["/%c3%a4?\xe2\x82\xac example.test"], HEX)),
    ("http://example.test/\"<>\\^`{|}?\"<>\\^`{|}",
     "/%22%3C%3E%5C%5E%60%7B%7C%7D?%22%3C%3E%5C%5E%60%7B%7C%7D example.test",
     Curl(["/\"<>\\^`{|}?\"<>\\^`{|} example.test"], RAW)),
    ("http://example.test/" + "x" * 8000, "/" + "x" * 8000 + " example.test"),
    ("http://example.test:80/x", "/x example.test"),
    ("http://example.test:/x", "/x example.test"),
    ("http://example.test:0080/x", "/x example.test"),
    ("http://example.test:8080/x", "/x example.test:8080"),
    ("http://example.test:65535", "/ example.test:65535"),
    ("HTTP://example.test/X", "/X example.test"),
    ("Http://EXAMPLE.Test:81/X", "/X example.test:81"),
    ("http://example.test./x", "/x example.test."),
    ("http://example.test.:81/x", "/x example.test.:81"),
    ("http://my_host.example-2.test/x", "/x my_host.example-2.test"),
    ("http://host/x", "/x host"),
    ("http://127.0.0.1/x", "/x 127.0.0.1"),
    ("http://[::1]/x", "/x [::1]"),
    ("http://[::1]:8080/x", "/x [::1]:8080"),
    ("http://[2001:DB8::7]?q", "/?q [2001:db8::7]"),
    ("http://user:pw@example.test/x", "/x example.test Basic dXNlcjpwdw=="),
    ("http://user@example.test:81/x", "/x example.test:81 Basic dXNlcjo="),
    ("http://:pw@example.test/x", "/x example.test Basic OnB3"),
    ("http://user:p%40w%3A@example.test/x@y", "/x@y example.test Basic dXNlcjpwQHc6"),
    ("http://us%C3%A4r:pw@example.test/", "/ example.test Basic dXPDpHI6cHc="),
    ("http://%s:pw@example.test/x" % ("u" * 381), "/x example.test Basic " + "dXV1" + "dXV1" * 126 + "OnB3"),
    # no URLs
    ("http://", None),
    ("http:///x", None, Curl(["/ x"], "takes it for http://x; RFC 9110 4.2.1 refuses an empty host")),
    ("http://:80/x", None),
    ("http://example.test:65536/", None),
    ("http://example.test:8o/", None),
    ("http://example.test:81:82/", None),
    ("http://exa mple.test/", None),
    ("http://exa<mple.test/", None),
    ("http://exa\"mple.test/", None),
    ("http://{example}.test/", None),
    ("http://exa^mple.test/", None),
    ("http://ex\xc3\xa4mple.test/", None),  # RFC 3986 has no such names; xn--exmple-cua.test is it
    ("http://example.test\\x/", None),
    ("http://[::1/", None),
    ("http://[::1]x/", None),
    ("http://[example.test]/", None),
    ("http://::1/", None),
]

# RFC 3986 5.4.1 and 5.4.2, on http://a/b/c/d;p?q; without fragments, which are never sent
REFERENCES = [
    ("g:h", None),
    ("g", "/b/c/g a"),
    ("./g", "/b/c/g a"),
    ("g/", "/b/c/g/ a"),
    ("/g", "/g a"),
    ("//g", "/ g"),
    ("?y", "/b/c/d;p?y a"),
    ("g?y", "/b/c/g?y a"),
    ("#s", "/b/c/d;p?q a", Curl(["/b/c/ a"], "takes a fragment for a path")),
    ("g#s", "/b/c/g a"),
    ("g?y#s", "/b/c/g?y a"),
    (";x", "/b/c/;x a"),
    ("g;x", "/b/c/g;x a"),
    ("g;x?y#s", "/b/c/g;x?y a"),
    ("", "/b/c/d;p?q a", Curl([], "does not follow an empty Location")),
    (".", "/b/c/ a"),
    ("./", "/b/c/ a"),
    ("..", "/b/ a"),
    ("../", "/b/ a"),
    ("../g", "/b/g a"),
    ("../..", "/ a"),
    ("../../", "/ a"),
    ("../../g", "/g a"),
    ("../../../g", "/g a"),
    ("../../../../g", "/g a"),
    ("/./g", "/g a"),
    ("/../g", "/g a"),
    ("g.", "/b/c/g. a"),
    (".g", "/b/c/.g a"),
    ("g..", "/b/c/g.. a"),
    ("..g", "/b/c/..g a"),
    ("./../g", "/b/g a"),
    ("./g/.", "/b/c/g/ a"),
    ("g/./h", "/b/c/g/h a"),
    ("g/../h", "/b/c/h a"),
    ("g;x=1/./y", "/b/c/g;x=1/y a"),
    ("g;x=1/../y", "/b/c/y a"),
    ("g?y/./x", "/b/c/g?y/./x a"),
    ("g?y/../x", "/b/c/g?y/../x a"),
    ("g#s/./x", "/b/c/g a"),
    ("g#s/../x", "/b/c/g a"),
    ("http:g", None),  # the strict reading
]

EMPTY_QUERY = "drops the '?' of an empty query, which 5.3 keeps"
NO_HOST = "skips slashes until there is a host"

# More of them, on http://example.test/x/y?q
LOCATIONS = [
    ("?", "/x/y? example.test", Curl(["/x/y example.test"], EMPTY_QUERY)),
    ("?z#f", "/x/y?z example.test"),
    ("?http://other.test/", "/x/y?http://other.test/ example.test"),
    ("?a/../b", "/x/y?a/../b example.test"),
    ("#", "/x/y?q example.test", Curl(["/x/ example.test"], "takes a fragment for a path")),
    ("/", "/ example.test"),
    ("/?", "/? example.test", Curl(["/ example.test"], EMPTY_QUERY)),
    ("/.", "/ example.test"),
    ("/..", "/ example.test"),
    ("/...", "/... example.test"),
    ("/a/.", "/a/ example.test"),
    ("/a/..", "/ example.test"),
    ("/a/../", "/ example.test"),
    ("/a/./.?z", "/a/?z example.test"),
    ("..?z", "/?z example.test"),
    ("/a//b/../c", "/a//c example.test"),
    ("/a//../b", "/a/b example.test"),
    ("a/b/../../../../c", "/c example.test"),
    ("/a/%2e%2e/b", "/a/%2e%2e/b example.test"),
    ("./z:1", "/x/z:1 example.test"),
    ("/z:1", "/z:1 example.test"),
    ("//other.test", "/ other.test"),
    ("//other.test/path?q", "/path?q other.test"),
    ("//other.test?z", "/?z other.test"),
    ("//other.test#z", "/ other.test"),
    ("//other.test:81/z", "/z other.test:81"),
    ("//other.test/a/../b/./c", "/b/c other.test"),
    ("http://other.test", "/ other.test"),
    ("http://other.test?z", "/?z other.test"),
    ("http://other.test#z", "/ other.test"),
    ("http://other.test/a/../b/./c", "/b/c other.test"),
    ("http://other.test/../..?z", "/?z other.test"),
    ("http://other.test?a/../b", "/?a/../b other.test"),
    ("HTTP://OTHER.test/X", "/X other.test"),
    ("http://other.test:80/z", "/z other.test"),
    ("http://other.test:/z", "/z other.test"),
    ("http://other.test:81", "/ other.test:81"),
    ("http://other.test./", "/ other.test."),
    ("http://[::1]:81/z", "/z [::1]:81"),
    ("http://user:pw@other.test/z", "/z other.test"),
    ("//user@other.test/z", "/z other.test"),
    ("  /a\t", "/a example.test"),
    ("/a b?c  d#e f", "/a%20b?c%20%20d example.test",
     Curl(["/a%20b?c++d example.test"], "writes '+' in a query")),
    ("a b", "/x/a%20b example.test"),
    ("http://other.test/a b", "/a%20b other.test"),
    ("/\xc3\xa4?\xe2\x82\xac", "/%C3%A4?%E2%82%AC example.test",
     Curl(["/%c3%a4?%e2%82%ac example.test"], "writes %c3; 2.1 asks for capitals")),
    ("\xe4", "/x/%E4 example.test", Curl(["/x/%e4 example.test"], "writes %c3; 2.1 asks for capitals")),
    ("/a%20b%2Fc%7e?100%&%zz", "/a%20b%2Fc%7e?100%&%zz example.test"),
    ("/\"<>\\^`{|}?\"<>\\^`{|}", "/%22%3C%3E%5C%5E%60%7B%7C%7D?%22%3C%3E%5C%5E%60%7B%7C%7D example.test",
     Curl(["/\"<>\\^`{|}?\"<>\\^`{|} example.test"], RAW)),
    ("\\a", "/x/%5Ca example.test", Curl(["/x/\\a example.test"], RAW)),
    # nowhere to go
    ("z:1", None),
    ("mailto:x@example.test", None),
    ("javascript:0", None),
    ("//", None),
    ("///z", None, Curl(["/ z"], NO_HOST)),
    ("http://", None),
    ("http:///z", None, Curl(["/ z"], NO_HOST)),
    ("http:/z", None, Curl(["/ z"], NO_HOST)),
    ("http:z", None),
    ("http://other.test:99999/", None),
    ("http://other.test:x/", None),
    ("http://oth er.test/", None),
    ("//other.test\\a", None),
    ("http:\\\\other.test\\a", None),
    ("http://[::1/", None),
]

# The base of a reference is the URL of the request before, path and all, without query and fragment.
CHAINS = [
    ("each hop is the base of the next", [("/a/b", Go("c/d"), Go("e"), Go("../f?q"), Go("?r"),
                                           Go("//other.test/g/h"), Go("i"))],
     ["/a/b example.test", "/a/c/d example.test", "/a/c/e example.test", "/a/f?q example.test",
      "/a/f?r example.test", "/g/h other.test", "/g/i other.test"]),
    ("no path", [("http://example.test", Go("z"))], ["/ example.test", "/z example.test"]),
    ("no path, a query", [("http://example.test?a/b", Go("z"))], ["/?a/b example.test", "/z example.test"]),
    ("no path, another query", [("http://example.test?a", Go("?z"))],
     ["/?a example.test", "/?z example.test"]),
    ("slashes in the query", [("/a?b/c/", Go("d"))], ["/a?b/c/ example.test", "/d example.test"]),
    ("slashes in the fragment", [("/a#b/c/", Go("d"))], ["/a example.test", "/d example.test"],
     Curl(["/a example.test", "/a example.test"], "takes the fragment into the base")),
    ("an escaped slash", [("/a%2Fb/c", Go("d"))], ["/a%2Fb/c example.test", "/a%2Fb/d example.test"]),
    ("two slashes", [("/a//", Go("../d"))], ["/a// example.test", "/a/d example.test"]),
    ("slashes in front", [("//a/b", Go("c"))], ["//a/b example.test", "//a/c example.test"]),
    ("the port stays", [("http://example.test:81/a", Go("b"), Go("/c"), Go("?d"))],
     [t + " example.test:81" for t in ("/a", "/b", "/c", "/c?d")]),
    ("the port does not go to another host", [("http://example.test:81/a", Go("//other.test/b"))],
     ["/a example.test:81", "/b other.test"]),
    ("an address stays", [("http://[::1]:81/a", Go("b"))], ["/a [::1]:81", "/b [::1]:81"]),
    ("the query does not stay", [("/a?b", Go("c"), Go("/a"))],
     ["/a?b example.test", "/c example.test", "/a example.test"]),
    # credentials of a URL (RFC 7617) stay with its origin, those of a Location are not taken
    ("credentials: a path", [("http://a:b@example.test/x", Go("/y"), Go("?z"), Go("//example.test/"),
                              Go("http://example.test/x"))],
     [target + " example.test Basic YTpi" for target in ("/x", "/y", "/y?z", "/", "/x")]),
    ("credentials: another host", [("http://a:b@example.test/x", Go("http://other.test/y"))],
     ["/x example.test Basic YTpi", "/y other.test"]),
    ("credentials: another port", [("http://a:b@example.test/x", Go("http://example.test:81/y"))],
     ["/x example.test Basic YTpi", "/y example.test:81"]),
    ("credentials: of the other host", [("http://a:b@example.test/x", Go("http://c:d@other.test/y"))],
     ["/x example.test Basic YTpi", "/y other.test"]),
    ("credentials: of one request", ["http://a:b@example.test/x", "http://example.test/x"],
     ["/x example.test Basic YTpi", "/x example.test"]),
    ("dots of the base stay below a query", [("/a/../b/c", Go("?y"))],  # 5.2.2: T.path = Base.path
     ["/a/../b/c example.test", "/a/../b/c?y example.test"]),
]


def at(seen):
    """Target and host, whose case means nothing (3986 6.2.2.1), and credentials, if any."""
    return (seen.target + " " + seen.host.lower() + " " + seen.all("authorization")).rstrip()


def next_request(text, want, curl=None):
    """The row of one answer and what the next request says."""
    texts = text if isinstance(text, tuple) and not isinstance(text, Raw) else (text,)
    return Row(text, [("/",) + texts, "/"], ["", want], curl and Curl(["", curl.does], curl.why))


def age(attributes, kept, curl=None):
    return next_request("a=1; " + attributes, "a=1" if kept else "",
                        curl and Curl("" if kept else "a=1", curl))


def date(text, when, curl=None):
    """Two cookies tell three answers: y expired before, and lives if this is a date to come, for the last one
    counts. curl takes what is no date for one to come."""
    kept = "" if when < 0 else "x=1; y=1" if when > 0 else "x=1"
    return Row(text, [("/", "x=1; Expires=" + text, "y=1; Expires=%s; Expires=%s" % (PAST, text)), "/"],
               ["", kept], Curl(["", "x=1; y=1" if (when >= 0) != bool(curl) else ""], curl))


def places(build_url):
    """A cookie set in one place and sent to some; `curl` names those where curl decides otherwise."""
    def row(at, attributes, sent, others, curl=None):
        asked, differs = sent.split() + others.split(), curl.does.split() if curl else []
        want = [""] + ["a=1" if i < len(sent.split()) else "" for i in range(len(asked))]
        does = [""] + [{"a=1": "", "": "a=1"}[w] if p in differs else w for p, w in zip(asked, want[1:])]
        return Row((at, attributes), [(build_url(at), "a=1" + attributes)] + [build_url(p) for p in asked],
                   want, curl and Curl(does, curl.why))
    return row


def secure(cookie, https_takes, http_gets, http_takes, curl=None):
    pair = cookie.split(";")[0]

    def want(*sent):
        by_https, to_http, by_http = (pair if yes else "" for yes in sent)
        return ["", by_https, to_http, "", by_http, by_http]
    return Row(cookie, [(HTTPS, cookie), HTTPS, HTTP,
                        ("http://other.test/", cookie.replace("example", "other")),
                        "http://other.test/", "https://other.test/"],
               want(https_takes, http_gets, http_takes), curl and Curl(want(*curl.does), curl.why))


def url(text, want, curl=None):
    return Row(text, [text], [want] if want else [], curl, exact=True, show=at, args=["--path-as-is"],
               error="" if want else "invalid URL")


def location(base, first, reference, want, curl=None):
    return Row(reference, [(base, Go(reference))], [first] + ([want] if want else []),
               curl and Curl([first] + curl.does, curl.why), exact=True, show=at,
               error="" if want else "redirect to an invalid or unsupported location")


of("values", (next_request(*row) for row in VALUES))
of("attributes", (next_request(*row) for row in ATTRIBUTES))
of("Max-Age", (age(*row) for row in MAX_AGE))
of("dates", (date(*row) for row in DATES))
of("paths", (places(lambda path: HOME + path)(*row) for row in PATHS))
of("domains", (places(lambda host: "http://%s/" % host)(*row) for row in DOMAINS))
of("store", (Row(*row) for row in STORE))
of("order", (Row(*row, exact=True) for row in ORDER))
of("cookies of redirects", (Row(*row) for row in HOPS))
of("cookies of full names", (Row(*row) for row in FULL_NAMES))
of("control characters", CONTROLS)
of("limits of cookies", LIMITS)
of("secure cookies", (secure(*row) for row in SECURE), tls=True)
of("http and https", (Row(*row) for row in SECURE_STORE), tls=True)
of("URLs", (url(*row) for row in URLS))
of("references of RFC 3986", (location("http://a/b/c/d;p?q", "/b/c/d;p?q a", *row) for row in REFERENCES))
of("locations", (location("http://example.test/x/y?q", "/x/y?q example.test", *row) for row in LOCATIONS))
of("chains of locations", (Row(*row, show=at, exact=True, args=["--path-as-is"]) for row in CHAINS))


def hosts(seen):
    return seen.host + " " + seen.cookie


def hosted(name, host, visits, want, curl=None):
    """A row whose requests have a field Host by the test."""
    row = Row(name, visits, want, curl, show=hosts, exact=True, args=["-H", "Host: " + host])
    row.steps.insert(0, "host " + host)
    return row


# A Host by the test is the site in everything that asks for one, and stays with the host of the first URL.
LEAK = "sends the cookies of the site that it has left, and whose name it no longer says"
HOSTS = [
    ("its own domain", "app.test", [("/", "a=1; Domain=app.test"), "/"], ["app.test ", "app.test a=1"]),
    ("no domain", "app.test", [("/", "a=1"), "/"], ["app.test ", "app.test a=1"]),
    ("its parent's domain", "www.app.test", [("/", "a=1; Domain=.app.test"), "/"],
     ["www.app.test ", "www.app.test a=1"]),
    ("a port is no part of it", "app.test:8080", [("/", "a=1; Domain=app.test"), "/"],
     ["app.test:8080 ", "app.test:8080 a=1"]),
    ("case", "App.TEST", [("/", "a=1; Domain=app.test"), "/"], ["App.TEST ", "App.TEST a=1"]),
    ("an IPv6 address", "[::1]:80", [("/", "a=1"), "/"], ["[::1]:80 ", "[::1]:80 a=1"]),
    ("the domain of the URL is another's", "app.test", [("/", "a=1; Domain=example.test"), "/"], ["app.test "] * 2),
    ("another's domain", "app.test", [("/", "a=1; Domain=other.test"), "/"], ["app.test "] * 2),
    ("a redirect to a path", "app.test", [("/", "a=1; Domain=app.test", Go("/x"))], ["app.test ", "app.test a=1"]),
    ("a redirect to its name", "app.test", [("/", "a=1; Domain=app.test", Go("http://app.test/x"))],
     ["app.test ", "app.test a=1"]),
    ("a redirect to another host", "app.test", [("/", "a=1; Domain=app.test", Go("http://other.test/x"))],
     ["app.test ", "other.test "], Curl(["app.test ", "other.test a=1"], LEAK)),
    ("a redirect to another port", "app.test", [("/", "a=1; Domain=app.test", Go("http://example.test:81/x"))],
     ["app.test ", "app.test a=1"]),
    ("a redirect there and back", "app.test",
     [("/", "a=1; Domain=app.test", Go("http://other.test/x"), Go("http://example.test/y"))],
     ["app.test ", "other.test ", "app.test a=1"], Curl(["app.test ", "other.test a=1", "app.test a=1"], LEAK)),
]
of("Host by the test", (hosted(*row) for row in HOSTS))


# ---- what has no counterpart in curl ----

def jar(name, *steps, want=()):
    """A row of the kit alone. steps: (step, what comes of it; None: anything)."""
    row = Row(name, [], list(want))
    row.steps, row.came = [step for step, _ in steps], [came for _, came in steps]
    return row


REFUSED = ["", "a", "a; Path=/", "=1", "a=1; Domain=other.test", "a=1; Domain=test", "a=1; Secure",
           "a=\x01", "a\x7f=1", "a=" + "v" * 4096, "__Host-a=1; Path=/"]
JAR = [
    jar("set and sent", ("set / a=1", "taken"), ("set / b=2; Path=/x", "taken"),
        ("get http://example.test/", ""), ("get http://example.test/x", ""), ("get http://other.test/", ""),
        want=["a=1", "b=2; a=1", ""]),
    jar("set and read", ("cookie / a", "(none)"), ("set / a=1", "taken"), ("cookie / a", "1"),
        ("cookie http://example.test/x?y a", "1"), ("cookie / b", "(none)"), ("cookie / A", "(none)"),
        ("cookie http://other.test/ a", "(none)"), ("cookie http://www.example.test/ a", "(none)")),
    jar("an empty value is one", ("set / a=", "taken"), ("cookie / a", ""), ("get http://example.test/", ""),
        want=["a="]),
    jar("the URL that sets counts", ("set http://www.example.test/x/y a=1; Domain=example.test", "taken"),
        ("cookie /x a", "1"), ("cookie /x/y a", "1"), ("cookie / a", "(none)"),
        ("cookie http://ftp.example.test:81/x/z a", "1")),
    jar("a new value", ("set / a=1", "taken"), ("set / a=2", "taken"), ("cookie / a", "2"),
        ("get http://example.test/", ""), want=["a=2"]),
    jar("removed", ("set / a=1", "taken"), ("set / a=; Max-Age=0", None), ("cookie / a", "(none)"),
        ("get http://example.test/", ""), want=[""]),
    jar("cleared", ("set / a=1", "taken"), ("set http://other.test/ b=2", "taken"), ("clear", ""),
        ("cookie / a", "(none)"), ("cookie http://other.test/ b", "(none)"), ("get http://example.test/", ""),
        ("set / a=3", "taken"), ("get http://example.test/", ""), want=["", "a=3"]),
    jar("refused", ("set / a=0", "taken"), *(("set / " + text, "refused") for text in REFUSED),
        ("cookie / a", "0"), ("set http:// a=1", "refused"), ("cookie http:// a", "(none)"),
        ("get http://example.test/", ""), want=["a=0"]),
    jar("Secure from http", ("set / a=1; Secure", "refused"), ("cookie https://example.test/ a", "(none)")),
]
JAR_TLS = [
    jar("Secure from https", ("set https://example.test/ a=1; Secure", "taken"),
        ("cookie https://example.test/x a", "1"), ("cookie http://example.test/x a", "(none)"),
        ("get http://example.test/", ""), ("get https://example.test/", ""), want=["", "a=1"]),
]
SERVED = jar("served, read, replaced, cleared", ("get http://example.test/", ""), ("cookie / a", "1"),
             ("cookie /x b", "2"), ("set / a=3", "taken"), ("get http://example.test/x", ""), ("clear", ""),
             ("get http://example.test/x", ""), want=["", "b=2; a=3", ""])
SERVED.answers = [["a=1", "b=2; Path=/x"]]


def clean(r):
    found = re.search(r"^.*(runtime error|ERROR: \w+Sanitizer)(.*\n){1,20}", r.err, re.M)
    check(not found, found and found[0])
    check(r.rc in (0, 1), r)  # 1: some rows are there to fail


@test("nothing is read or written out of bounds")
def _(dir):
    clean(take(dir, TABLES, False)[2])
    with contextlib.suppress(Skip):
        clean(take(dir, TLS_TABLES, True)[2])


def alone(dir, rows, **how):
    """Walks through rows without curl."""
    rows = {str(i): row for i, row in enumerate(rows)}
    with Peer(rows, certificate(dir) if how.get("tls") else None) as peer:
        came, r = walk_kit(dir, peer, rows, **how)
    clean(r)

    def judge(_, id):
        row = rows[id]
        wants = getattr(row, "came", [""] * len(row.steps))
        for step, got, want in zip(row.steps, came[id], wants):
            if want is not None:
                same(got, want, step)
        same([row.show(seen) for seen in peer.seen[id]], row.want)
    each([(row.name, id) for id, row in rows.items()], judge)


@test("locust_cookie, locust_set_cookie, locust_clear_cookies")
def _(dir):
    alone(dir, JAR + [SERVED])


@test("a Host of the user is the site of locust_cookie and locust_set_cookie")
def _(dir):
    def row(name, *steps, want=()):
        made = jar(name, *steps, want=want)
        made.show = hosts
        return made
    alone(dir, [
        row("set and sent", ("header app.test:81", ""), ("set / a=1; Domain=app.test", "taken"),
            ("set / b=2; Domain=example.test", "refused"), ("cookie / a", "1"), ("get http://example.test/", ""),
            ("header ", ""), ("cookie / a", "(none)"), ("get http://example.test/", ""),
            ("cookie http://app.test/ a", "1"),
            want=["app.test:81 a=1", "example.test "]),
        row("a request's own goes first", ("header app.test", ""), ("set / a=1", "taken"), ("host other.test", ""),
            ("get http://example.test/", ""), ("host ", ""), ("get http://example.test/", ""),
            want=["other.test ", "app.test a=1"])])


@test("locust_cookie and locust_set_cookie of https")
def _(dir):
    alone(dir, JAR_TLS, tls=True)


@test("users never share cookies")
def _(dir):
    everybody = threading.Barrier(20)
    alone(dir, [Row("user %d" % i, [("/", "who=%d" % i, Meet(everybody)), ("/", Meet(everybody)),
                                    ("/", "only%d=1; Domain=example.test" % i), ("/", Meet(everybody)), "/"],
                    ["", "who=%d" % i, "who=%d" % i] + ["who=%d; only%d=1" % (i, i)] * 2) for i in range(20)])


@test(".no_cookies: none are kept, none are sent")
def _(dir):
    alone(dir, [Row("of answers", [("/", "a=1", "b=2; Domain=example.test"), "/", "/x"], ["", "", ""]),
                Row("of redirects", [("/", "a=1", Go("/x"), "b=2", Go("http://www.example.test/"))],
                    ["", "", ""]),
                jar("of the test", ("set / a=1", None), ("get http://example.test/", ""), want=[""]),
                jar("as read", ("get http://example.test/", ""), ("cookie / a", "(none)"), want=[""])],
          user_class="NoCookies")


@test("--resolve, and cookies of two servers under one name")
def _(dir):
    with Peer({}) as one, Peer({}) as two:
        at_one, at_two = ("http://example.test:%d/" % peer.http.port for peer in (one, two))
        row = Row("two ports", [(at_one, "a=1"), (at_two, "b=2", Go(at_one + "x")), at_two],
                  ["", "a=1", "a=1; b=2", "a=1; b=2"])
        names = ["example.test:%d:127.0.0.1" % peer.http.port for peer in (one, two)]
        one.rows = two.rows = {"curl": row, "kit": row}
        one.seen = two.seen = {"curl": [], "kit": []}
        came, r = walk_kit(dir, one, {"kit": row}, "--resolve", " ".join(names))
        clean(r)
        same([row.show(seen) for seen in one.seen["kit"]], row.want, came)
        same([seen.host for seen in one.seen["kit"]],
             ["example.test:%d" % peer.http.port for peer in (one, two, one, two)])
        if not shutil.which("curl"):
            raise Skip("curl is missing")
        same(loosely(walk_curl(one, "curl", row, *sum((["--resolve", name] for name in names), []))),
             loosely(row.want))

main(parallel=2)
