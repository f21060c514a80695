#!/usr/bin/env -S python3 -B
"""The static program where there is next to nothing: in an empty folder by chroot, without environment,
descriptors, rights, memory, a clock or newer system calls, as process 1; against nginx on loopback,
whose access log must say what the program's own report says.

    tests/whole/test_bare.py [WORD...]    only the tests whose name contains a word
"""
import collections, datetime, os, resource, sys
from kit.lib import *
from kit import certs, nginx

SOURCE = PROGRAMS + "bare_system.c"
ROOT_USER = os.getuid() == 0
NOBODY = 65534
MB = 1 << 20
PATHS = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
CONFIG = """
daemon off; master_process off; pid D/pid; error_log stderr;
worker_rlimit_nofile 4096;
events { worker_connections 2048; }
http {
    log_format bare '$connection $status $request';
    access_log D/access.log bare;
    client_body_temp_path D/temp; proxy_temp_path D/temp; fastcgi_temp_path D/temp;
    uwsgi_temp_path D/temp; scgi_temp_path D/temp;
    types { text/plain txt; } keepalive_requests 100000; root D/www;
    server {
        listen 127.0.0.1:HTTP backlog=1024;
        location = /slow.txt { limit_rate 1000; }
        location = /upload { client_max_body_size 1k; lingering_close off; return 200 thanks; }
    }
    TLS
}
"""
# What the rows of bare_system.c must be in the access log.
LINES = {"page": "200 GET /page.txt HTTP/1.1", "slow": "200 GET /slow.txt HTTP/1.1",
         "other": "200 GET /other.txt HTTP/1.1", "big": "200 GET /big.txt HTTP/1.1",
         "upload": "413 PUT /upload HTTP/1.1"}


# ---- certificates and nginx ----

_once, _locks, _compiling = {}, collections.defaultdict(threading.RLock), threading.Lock()


def once(name, make):
    """make(), the first time; what it raised is raised each time."""
    with _locks[name]:
        if name not in _once:
            try:
                _once[name] = make()
            except Exception as why:
                _once[name] = why
        if isinstance(_once[name], Exception):
            raise _once[name]
        return _once[name]


def in_turn(rows, function, at_once=3):
    """Like each(), but some rows at a time."""
    def attempt(row):
        try:
            function(*(row if isinstance(row, tuple) else (row,)))
        except AssertionError as why:
            return "row %r: %s" % (row, why)
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        wrong = [text for text in pool.map(attempt, rows) if text]
    check(not wrong, "\n".join(w[:1500] for w in wrong[:8]), "%d of %d rows failed" % (len(wrong), len(rows)))


def pki():
    """(file of the root, a leaf for shop.test)"""
    def make():
        if not shutil.which("openssl"):
            raise Skip("openssl is missing")
        ours = certs.Pki(OUT + "/pki", "ec")
        return ours.root, ours.leaf("good", san="DNS:shop.test,IP:127.0.0.1")
    return once("pki", make)


class Site(nginx.Process):
    """nginx on ports of its own; with tls it is shop.test, too."""

    def __init__(self, dir, tls=False):
        self.leaf = pki()[1] if tls else None
        os.makedirs(dir + "/nginx/www")
        for name, size in ("page", 700), ("other", 70), ("slow", 1500), ("big", 8 * MB):
            with open("%s/nginx/www/%s.txt" % (dir, name), "w") as f:
                f.write("x" * size)
        super().__init__(dir + "/nginx", ["http", "https"] if tls else ["http"])
        port, tls_port = self.port["http"], self.port.get("https", 0)
        self.url = "http://127.0.0.1:%d" % port
        self.name = ("-H", "http://shop.test:%d" % port, "--resolve", "shop.test:%d:127.0.0.1" % port)
        self.https = ("-H", "https://shop.test:%d" % tls_port,
                      "--resolve", "shop.test:%d:127.0.0.1" % tls_port)

    def text(self):
        server = ""
        if self.leaf:
            server = "server { listen 127.0.0.1:%d ssl; ssl_certificate %s; ssl_certificate_key %s; }" % (
                self.port["https"], self.leaf.chain, self.leaf.key)
        text = CONFIG.replace("TLS\n", server + "\n").replace("HTTP;", "")
        return text.replace(":HTTP ", ":%d " % self.port["http"]).replace(" D/", " %s/" % self.dir)

    def log(self, n=0):
        """Ends nginx, once it has written n lines; its log: [(connection, status and request)]."""
        def lines():
            with open(self.dir + "/access.log") as f:
                return [tuple(line.rstrip("\n").split(" ", 1)) for line in f]
        with contextlib.suppress(AssertionError):
            until(lambda: len(lines()) >= n, 5, "")
        self.finish()
        return lines()

    def each(self, rows, n, function):
        """Calls function(tag, *row) for every row; each must bring n requests of /page.txt?TAG, and nothing
        else may come."""
        tags, wrong = {"-".join(map(str, row)): row for row in rows}, []
        try:
            each([(tag, *row) for tag, row in tags.items()], function)
        except AssertionError as why:
            wrong.append(str(why))
        got = collections.Counter(line for _, line in self.log())
        want = {"200 GET /page.txt?%s HTTP/1.1" % tag: n for tag in tags}
        wrong += ["nginx's log: %d of %s, want %d" % (got[line], line, want.get(line, 0))
                  for line in sorted(set(got) | set(want)) if got[line] != want.get(line, 0)]
        check(not wrong, "\n".join(wrong))


# ---- programs ----

def compiled(name, compiler, *args):
    """The path of a program; Skip where the compiler is missing."""
    def make():
        if not shutil.which(compiler):
            raise Skip(compiler + " is missing")
        os.makedirs(OUT, exist_ok=True)
        command = [compiler, *args, "-I.", "-o", OUT + "/" + name]
        with _compiling:
            done = subprocess.run(command, capture_output=True, text=True)
        check(done.returncode == 0 and not done.stderr, " ".join(command), done.stderr)
        return OUT + "/" + name
    return once("program " + name, make)


def musl_tls():
    done = subprocess.run(["tools/mbedtls.sh", "list"], capture_output=True, text=True)
    for line in done.stdout.splitlines():
        if line.split()[0] == "musl":
            return tuple(line.replace(ROOT + "/", "").split()[2:])
    raise Skip("no build/mbedtls/musl: tools/mbedtls.sh build musl")


def glibc_tls():
    done = subprocess.run([CC, "-E", "-"], input="#include <mbedtls/ssl.h>\n", capture_output=True, text=True)
    if done.returncode:
        raise Skip("libmbedtls-dev is missing")
    return TLS


class Flavour:
    """A way to make static programs."""

    def __init__(self, name, compiler, opt, tls):
        self.name, self.compiler, self.opt, self.tls = name, compiler, opt, tls

    def __call__(self):
        return compiled(self.name, self.compiler, self.opt, "-static", SOURCE)

    def https(self, source=SOURCE):
        libs = once("tls " + self.name, self.tls)
        return compiled("%s-tls-%s" % (self.name, os.path.basename(source)), self.compiler, "-O0", "-static",
                        "-DLOCUST_TLS", source, *libs)

    def clocked(self):
        """Its clock says what CLOCK_AT says; with https, where it can be had."""
        try:
            libs = ["-DLOCUST_TLS", *once("tls " + self.name, self.tls)]
        except Skip:
            libs = []
        return compiled(self.name + "-clock", self.compiler, "-O0", "-static", SOURCE,
                        *wrapped(), *libs)

    def with_ca(self):
        """Its certificate authority is compiled in."""
        with open(pki()[0]) as f:
            lines = "".join('    "%s\\n" \\\n' % line for line in f.read().splitlines())
        path = OUT + "/with-ca-%s.c" % self.name
        with open(path, "w") as f:
            f.write('#define LOCUST_CA_PEM \\\n%s\n#include "%s/%s"\n' % (lines, ROOT, SOURCE))
        return self.https(path)


FLAVOURS = [Flavour("musl", "musl-gcc", "-O1", musl_tls), Flavour("glibc", CC, "-O0", glibc_tls)]
static = FLAVOURS[0 if shutil.which("musl-gcc") else 1]


def https_flavour():
    """The first that can do https in an empty folder, too: glibc's has no need of /dev/urandom."""
    for flavour in FLAVOURS[1], FLAVOURS[0]:
        with contextlib.suppress(Skip):
            flavour.https()
            return flavour
    raise Skip("no static mbedTLS: neither libmbedtls-dev nor build/mbedtls/musl is there")


def flavours_test(name):
    def register(function):
        for flavour in FLAVOURS:
            @test("%s: %s" % (flavour.name, name))
            def _(dir, flavour=flavour):
                function(dir, flavour)
    return register


class Bare(Program):
    """A program whose environment is `env` and nothing else; `closed` are descriptors it does not have."""

    def __init__(self, dir, argv, env=None, before=None, cwd=None, closed=(), pipes=None, name=None):
        self.out = tempfile.NamedTemporaryFile(dir=dir, prefix="out.", delete=False)
        self.err = tempfile.NamedTemporaryFile(dir=dir, prefix="err.", delete=False)

        def before_exec():
            if before:
                before()
            for fd in closed:
                os.close(fd)
        self.started = time.monotonic()
        self.p = subprocess.Popen(
            [name, *argv[1:]] if name is not None else argv, executable=argv[0], stdin=subprocess.DEVNULL,
            stdout=(pipes or {}).get(1, self.out), stderr=(pipes or {}).get(2, self.err), env=env or {},
            cwd=cwd or dir, preexec_fn=before_exec)


def bare(dir, argv, seconds=40, **options):
    with Bare(dir, argv, **options) as p:
        return p.wait(seconds)


class Cell:
    """A folder with the program alone, which is its root directory; who is not root needs helpers for
    that, and goes without where these would be in the way."""

    def __init__(self, dir, program):
        self.dir, self.path = dir, dir + "/cell"
        os.mkdir(self.path, 0o755)
        shutil.copy(program, self.path + "/test")
        os.makedirs(dir + "/outside")

    def start(self, *args, before=None, ahead=(), closed=(), name=None, **options):
        argv = [*ahead, "/test", "--headless", *args]

        def enter():
            os.chroot(self.path)
            os.chdir("/")
            if before:
                before()
        if ROOT_USER:
            options["before"] = enter
        elif before or closed or name is not None:  # that is not for the helpers below
            argv = [self.path + word if word in ("/deny", "/test") else word for word in argv]
            options.update(before=before, cwd=self.path)
        else:
            argv = [*unshare("-r", "true"), "-r", shutil.which("chroot", path=PATHS), self.path, *argv]
        return Bare(self.dir + "/outside", argv, closed=closed, name=name, **options)

    def run(self, *args, seconds=40, **options):
        with self.start(*args, **options) as p:
            return p.wait(seconds)


def unshare(*probe):
    """["/usr/bin/unshare"], if it may do what the probe does, with -r for who is not root."""
    path = shutil.which("unshare", path=PATHS)
    if not path:
        raise Skip("unshare (util-linux) is missing")
    done = subprocess.run([path, *probe], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise Skip("unshare %s: %s" % (" ".join(probe), (done.stdout + done.stderr).strip()))
    return [path]


MAP = [] if ROOT_USER else ["-r"]  # options of unshare for who is not root


# ---- what a run must have left ----

def table(r):
    """{name: (requests, failures)} of the final table."""
    found = {}
    for line in tables(r.err[r.err.rindex("Shutting down"):])[0]:
        m = re.match(r"(?:GET|PUT)? +(\w+) +(\d+) +(\d+)\(", line)
        if m:
            found[m[1]] = (int(m[2]), int(m[3]))
    return found


def judge(r, site, good, bad=None, csv=None, out=True, err=True, rc=None):
    """The run was as it should be, and nginx, table, CSV files and standard output agree on it.

    `good`: {row: requests that went well; None: some}, `bad`: {row: (failures or None, sentence)}, which
    never came to nginx. `site` None: nginx's log is judged elsewhere."""
    bad = bad or {}
    same(r.rc, (1 if bad else 0) if rc is None else rc, r)
    log = site.log() if site else None
    if site:
        got = collections.Counter(line for _, line in log)
        want = {LINES[name] for name in good}
        same(set(got), want, "lines in nginx's log", r)
    expect = {}
    for name, n in good.items():
        n = got[LINES[name]] if n is None else n
        if site:
            same(got[LINES[name]], n, "requests of %s in nginx's log" % name, r)
        expect[name] = (n, 0)
    for name, (n, _) in bad.items():
        n = table(r)[name][1] if n is None else n
        check(n > 0, "no failure of " + name, r)
        expect[name] = (expect.get(name, (0, 0))[0] + n, n)
    if err:
        r.says("Shutting down (exit code %d)" % r.rc)
        expect["Aggregated"] = tuple(map(sum, zip(*expect.values())))
        same(table(r), expect, "the final table", r)
        expect.pop("Aggregated")
        r.says("Response time percentiles")
    if out:
        printed = collections.Counter(line.split(" ")[0] for line in r.out.splitlines())
        for name, (n, _) in expect.items():
            same(printed[name], n, "lines on standard output for " + name, r)
    if csv:
        rows, total = stats_csv(csv)
        same({name: (count(row), failed(row)) for (_, name), row in rows.items()}, expect, "CSV")
        same((count(total), failed(total)), tuple(map(sum, zip(*expect.values()))), "CSV, total")
        for row in list(rows.values()) + [total]:
            for field in "Average Response Time", "Min Response Time", "Max Response Time", "Requests/s":
                check(0 <= float(row[field]) < 1e6, row)
        same(csv_files(csv), list(FILES))
        history = read_csv(csv, "stats_history")
        same(int(history[-1]["Total Request Count"]), count(total), "history")
        same(read_csv(csv, "exceptions"), [])
        same({f["Name"]: (int(f["Occurrences"]), f["Error"]) for f in read_csv(csv, "failures")},
             {name: (expect[name][1], sentence) for name, (_, sentence) in bad.items()}, "failures", r)
    return log


def sentence(r, *words, rc=2):
    """It did not begin: one line on standard error, nothing on standard output."""
    same((r.rc, r.out), (rc, ""), r)
    lines = r.err.splitlines()
    same(len(lines), 1, "lines on standard error", r)
    check(lines[0].startswith("locust: "), lines)
    for word in words:
        check(word in lines[0], "the sentence lacks: " + word, lines[0])


SHORT = ("-u", "5", "-r", "1000000", "-i", "40", "--stop-timeout", "10", "--only-summary")
MANY = ("-u", "100", "-r", "1000000", "-i", "1000", "--stop-timeout", "10", "--only-summary")


# ---- 1. an empty folder ----

@flavours_test("in an empty folder, http by address")
def _(dir, flavour):
    with Site(dir) as site:
        cell = Cell(dir, flavour())
        same(os.listdir(cell.path), ["test"])
        r = cell.run(*SHORT, "--csv", "c", "-H", site.url)
        judge(r, site, {"page": 40}, csv=cell.path + "/c")
        check(not [line for line in r.log() if line[0] != "INFO"], r)
        same(len(os.listdir(cell.path)), 1 + len(FILES))


@flavours_test("in an empty folder, http by a name of --resolve")
def _(dir, flavour):
    with Site(dir) as site:
        cell = Cell(dir, flavour())
        r = cell.run(*SHORT, "--csv", "c", *site.name)
        judge(r, site, {"page": 40}, csv=cell.path + "/c")


@flavours_test("in an empty folder, https with --cacert and nothing else")
def _(dir, flavour):
    with Site(dir, tls=True) as site:
        cell = Cell(dir, flavour.https())
        shutil.copy(pki()[0], cell.path + "/ca.pem")
        r = cell.run(*SHORT, "--csv", "c", *site.https, "--cacert", "/ca.pem")
        judge(r, site, {"page": 40}, csv=cell.path + "/c")


@flavours_test("in an empty folder, https with LOCUST_CA_PEM and no file at all")
def _(dir, flavour):
    with Site(dir, tls=True) as site:
        cell = Cell(dir, flavour.with_ca())
        r = cell.run(*SHORT, "--csv", "c", *site.https)
        judge(r, site, {"page": 40}, csv=cell.path + "/c")


@test("in an empty folder, --help, --version, --list and a wrong option")
def _(dir):
    cell = Cell(dir, static())
    for option in "--help", "--version", "--list":
        r = cell.run(option)
        check(r.rc == 0 and r.out and not r.err, r)
    r = cell.run("--userz", "3")
    check(r.rc == 2 and len(r.err.splitlines()) == 1, r)


# ---- 2. no certificates ----

def without_ca(dir, flavour):
    with Site(dir, tls=True) as site:
        cell = Cell(dir, flavour.https())
        r = cell.run(*SHORT, "--csv", "c", *site.https)
        same(site.log(), [], "nothing may be sent to a server that is not verified")
    return cell, r


@flavours_test("in an empty folder, https without any CA: one sentence that names the ways out")
def _(dir, flavour):
    cell, r = without_ca(dir, flavour)
    same(r.rc, 1, r)
    r.says("Shutting down (exit code 1)")
    said = [text for level, _, text in r.log() if level in ("WARNING", "ERROR", "CRITICAL")]
    same(len(said), 1, "sentences", r)
    for word in "--cacert", "SSL_CERT_FILE", "LOCUST_CA_PEM", "--insecure":
        check(word in said[0], "the sentence lacks: " + word, said)


# ---- 3. names ----

def no_name_server():
    """Skip where something on this machine answers at 127.0.0.1:53, which is who is asked in the end."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        try:
            s.connect(("127.0.0.1", 53))
            s.send(b"\0" * 12)
            s.recv(512)
        except ConnectionRefusedError:
            return
        except OSError:
            pass
    raise Skip("something listens on 127.0.0.1:53")


NAME_SENTENCES = ("host name not found", "host name lookup failed: no usable answer from a name server",
                  "host name lookup timed out")


@flavours_test("in an empty folder, names that nobody knows fail and are counted; the run goes on")
def _(dir, flavour):
    no_name_server()
    for i, host in enumerate(("no-such.example", "no-such", "a.b.c.no-such.example.")):
        sub = "%s/%d" % (dir, i)
        os.mkdir(sub)
        with Site(sub) as site:
            cell = Cell(sub, flavour())
            r = cell.run("-u", "3", "-r", "1000000", "-i", "12", "--csv", "c", "--only-summary",
                         "-H", "http://%s:%d" % (host, site.port["http"]), "--other", site.url + "/other.txt")
            check(r.seconds < 20, "a task's timeout is 20 s", r)
            said = {f["Error"] for f in read_csv(cell.path + "/c", "failures")}
            check(len(said) == 1 and said <= set(NAME_SENTENCES), "sentences", said)
            judge(r, site, {"other": 12}, {"page": (12, said.pop())}, csv=cell.path + "/c")


def localhost(dir, *hosts):
    def one(host):
        sub = tempfile.mkdtemp(dir=dir)
        with Site(sub) as site:
            cell = Cell(sub, static())
            r = cell.run("-u", "2", "-r", "1000000", "-i", "10", "--only-summary",
                         "-H", "http://%s:%d" % (host, site.port["http"]))
            judge(r, site, {"page": 10})
    each(hosts, one)


@test("in an empty folder, localhost is the loopback address")
def _(dir):
    localhost(dir, "localhost", "LocalHost")


@test("in an empty folder, so are the other names of RFC 6761 6.3")
def _(dir):
    no_name_server()
    localhost(dir, "localhost.", "www.localhost")


# ---- 4. environment and descriptors ----

@test("odd environments, or none")
def _(dir):
    cell = Cell(dir, static())
    os.mkdir(cell.path + "/dir")

    def one(env, *args):
        sub = tempfile.mkdtemp(dir=dir)
        with Site(sub) as site:
            r = cell.run(*SHORT, "--csv", "c", "-H", site.url, env=env, *args)
            judge(r, site, {"page": 40}, csv=cell.path + "/c")
            check(all(ord(c) < 128 for c in r.err), "not plain text", r)
            check(re.search(r"^GET +page +40 +0\(0\.00%\) \| +\d+\.\d{3} ", r.err, re.M), r)
    each([{}, {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}, {"LANG": "\udcff\udcfe,;", "LC_ALL": ""},
          {"LC_ALL": "xx_XX.NOTHING"}, {"LC_NUMERIC": "de_DE.UTF-8"}, {"HOME": "", "PATH": "", "TERM": ""},
          {"HOME": "/nowhere"}, {"HOME": "/dir"}, {"HOME": "/x" * 5000}, {"TZ": "Nowhere/At_All"},
          {"TZ": ":/test"}, {"TMPDIR": "/nowhere", "COLUMNS": "-1", "PWD": "relative"}], one)


@test("a program without a name of its own")
def _(dir):
    with Site(dir) as site:
        cell = Cell(dir, static())
        judge(cell.run(*SHORT, "-H", site.url, name=""), site, {"page": 40})


CLOSED = [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]


def closed_test(what, *args):
    """Who has no descriptor 0, 1 or 2 must not take a socket, a pipe or a file of its own for it."""
    @test("standard descriptors closed, " + what)
    def _(dir):
        program = static()

        def one(tag, place, *closed):
            sub = tempfile.mkdtemp(dir=dir)
            argv = [*SHORT, *args, "-H", site.url, "--page", "/page.txt?" + tag]
            if place == "inside":
                cell = Cell(sub, program)
                r, at = cell.run(*argv, closed=closed, seconds=10), cell.path
            else:
                r, at = bare(sub, [program, "--headless", *argv], seconds=10, closed=closed), sub
            judge(r, None, {"page": 40}, csv="--csv" in args and at + "/c", out=1 not in closed, err=False)
            check(2 in closed or "Response time percentiles" in r.err, "no report", r)
            if "--logfile" in args:
                with open(at + "/log") as f:
                    log = f.read()
                check(all(LOG.match(line) for line in log.splitlines()), "in the log file:", log)
                same(log.count("Shutting down (exit code 0)"), 1, log)
            for which in FILES if "--csv" in args else ():
                text = raw_csv(at + "/c", which)
                check(len({line.count(",") for line in text.splitlines()}) == 1, which, text)
        with Site(dir) as site:
            site.each([("inside", *c) for c in CLOSED] + [("outside", *c) for c in CLOSED[3:]], 40, one)


closed_test("without files")
closed_test("with CSV files", "--csv", "c")
closed_test("with a log file", "--logfile", "log")


@test("standard descriptors closed: a run with failures, and a wrong option")
def _(dir):
    cell = Cell(dir, static())
    for closed in (2,), (1, 2), (0, 1, 2):
        r = cell.run(*SHORT, "-H", "http://127.0.0.1:%d" % free_port(), closed=closed)
        same(r.rc, 1, closed, r)
        same(cell.run("--userz", closed=closed).rc, 2, closed)
        same(cell.run("--csv", "/test/c", "-H", "http://127.0.0.1:1", closed=closed).rc, 2, closed)
    for closed in (1,), (0, 1, 2):
        check(cell.run("--help", closed=closed).rc in (0, 1), "--help")
    same(os.listdir(cell.path), ["test"])


# ---- 5. rights ----

def nobody():
    if ROOT_USER:  # else we are somebody already who may not write where chmod says so
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


@contextlib.contextmanager
def unwritable(cell):
    os.chmod(cell.path, 0o555)
    try:
        yield
    finally:
        os.chmod(cell.path, 0o755)


@flavours_test("as nobody in a folder that is not theirs")
def _(dir, flavour):
    with Site(dir) as site:
        cell = Cell(dir, flavour())
        with unwritable(cell):
            judge(cell.run(*SHORT, "-H", site.url, before=nobody), site, {"page": 40})


READ_ONLY = 'mount --bind "$CELL" "$CELL" && mount -o remount,bind,ro "$CELL" && ' \
            'exec chroot "$CELL" /test --headless "$@"'


def read_only(cell, *args):
    path = [*unshare(*MAP, "-m", "sh", "-c", 'mount --bind "%s" "%s" && mount -o remount,bind,ro "%s"' % (
        (cell.path,) * 3)), *MAP, "-m"]
    return bare(cell.dir, [*path, "sh", "-c", READ_ONLY, "sh", *args],
                env={"CELL": cell.path, "PATH": PATHS})


@test("in an empty folder that is read-only")
def _(dir):
    with Site(dir) as site:
        cell = Cell(dir, static())
        judge(read_only(cell, *SHORT, "-H", site.url), site, {"page": 40})
        same(os.listdir(cell.path), ["test"])


def gone(dir):
    """A working directory that is removed before the program runs."""
    path = tempfile.mkdtemp(dir=dir)

    def go():
        os.chdir(path)
        os.rmdir(path)
    return go


@test("in a folder that exists no more")
def _(dir):
    with Site(dir) as site:
        r = bare(dir, [static(), "--headless", *SHORT, "-H", site.url], before=gone(dir))
        judge(r, site, {"page": 40})


# where, the reason that a person can act on
PLACES = {
    "as nobody": ("Permission denied", lambda cell, *args: cell.run(*args, before=nobody)),
    "read-only": ("Read-only file system", read_only),
    "gone": ("No such file or directory",
             lambda cell, *args: bare(cell.dir, [static(), "--headless", *args], before=gone(cell.dir))),
}


def cannot_write(dir, judged):
    def one(place):
        why, go = PLACES[place]
        sub = tempfile.mkdtemp(dir=dir)
        cell = Cell(sub, static())
        with Site(sub) as site, unwritable(cell):
            for option, value in ("--csv", "c"), ("--csv", "sub/c"), ("--logfile", "log"):
                judged(go(cell, *SHORT, option, value, "-H", site.url), value, why)
            same(site.log(), [], "it began")
        check(set(os.listdir(cell.path)) == {"test"}, os.listdir(cell.path))
    each(list(PLACES), one)


@test("files that cannot be written there: one sentence that names them, exit code 2")
def _(dir):
    cannot_write(dir, lambda r, value, why: sentence(r, value))


@test("files that cannot be written there: the sentence has the true reason")
def _(dir):
    cannot_write(dir, lambda r, value, why: sentence(r, why))


# ---- 6. little of everything ----

def limit(which, soft, hard=None):
    return lambda: resource.setrlimit(which, (soft, soft if hard is None else hard))


@test("100 users on one CPU")
def _(dir):
    if not hasattr(os, "sched_setaffinity"):
        raise Skip("this system has no CPU affinity")
    one = {min(os.sched_getaffinity(0))}
    with Site(dir) as site:
        cell = Cell(dir, static())
        r = cell.run(*MANY, "--csv", "c", "-H", site.url, before=lambda: os.sched_setaffinity(0, one))
        log = judge(r, site, {"page": 1000}, csv=cell.path + "/c")
        same(len({connection for connection, _ in log}), 100, "connections")


@test("100 users with 16 descriptors")
def _(dir):
    with Site(dir) as site:
        cell = Cell(dir, static())
        r = cell.run("-u", "100", "-r", "1000000", "-t", "3", "--stop-timeout", "10", "--only-summary",
                     "--csv", "c", "-H", site.url, before=limit(resource.RLIMIT_NOFILE, 16))
        rows, total = stats_csv(cell.path + "/c")
        good = count(total) - failed(total)
        check(good > 100 and failed(total) > 0, total)
        log = judge(r, site, {"page": good}, {"page": (
            failed(total), "too many open files: raise ulimit -n")}, csv=cell.path + "/c")
        check(5 <= len({connection for connection, _ in log}) <= 12, "connections")
        lines = [text for level, _, text in r.log() if level != "INFO"]
        check(len(lines) == 1 and "ulimit -n is 16" in lines[0], lines)
        r.says('All users spawned: {"Bare": 100} (100 total users)')


@test("3 users with 0 to 8 descriptors")
def _(dir):
    def one(n):
        sub = tempfile.mkdtemp(dir=dir)
        with Site(sub) as site:
            cell = Cell(sub, static())
            r = cell.run("-u", "3", "-r", "1000000", "-i", "3", "--only-summary", "-H", site.url,
                         before=limit(resource.RLIMIT_NOFILE, n))
            lines = r.out.count("page 200 \n")
            same(len(site.log()), lines, r)
            same(r.rc, 0 if lines == 3 else 2 if r.err.startswith("locust: ") else 1, r)  # it may not begin
            check(lines == 3 or re.search(r"open files|file descriptors|ulimit -n", r.err), "no sentence", r)
    in_turn([0, 3, 4, 5, 6, 8], one)


@test("a signal ends a run with 5 descriptors in order, if it begins at all")
def _(dir):
    with Site(dir) as site:
        cell = Cell(dir, static())
        with cell.start("-u", "3", "-r", "1000000", "-H", site.url, "--stop-timeout", "10",
                        before=limit(resource.RLIMIT_NOFILE, 5)) as p:
            until(lambda: "All users spawned" in p.read("err") or p.p.poll() is not None, 10, "users")
            if p.p.poll() is None:
                p.p.send_signal(signal.SIGTERM)
                r = p.wait(20)
                check(r.rc in (0, 1), r)
                r.says("Shutting down")
            else:
                sentence(p.wait(), "ulimit -n")


for name, size, what in (("RLIMIT_AS", 16 * MB, "16 MB of address space"),
                         ("RLIMIT_DATA", 16 * MB, "16 MB of data"), ("RLIMIT_STACK", 65536, "a stack of 64 KB")):
    @flavours_test("100 users with " + what)
    def _(dir, flavour, name=name, size=size):
        with Site(dir) as site:
            cell = Cell(dir, flavour())
            r = cell.run(*MANY, "--csv", "c", "-H", site.url, before=limit(getattr(resource, name), size))
            log = judge(r, site, {"page": 1000}, csv=cell.path + "/c")
            same(len({connection for connection, _ in log}), 100, "connections")


@test("1,000 users with 16 MB of address space: one sentence, and all have their turns on the stacks that fit")
def _(dir):
    with Site(dir) as site:
        cell = Cell(dir, static())
        r = cell.run("-u", "1000", "-r", "1000000", "-t", "2", "--stop-timeout", "10", "--only-summary",
                     "--csv", "c", "-H", site.url, before=limit(resource.RLIMIT_AS, 16 * MB))
        log = judge(r, site, {"page": None}, csv=cell.path + "/c", rc=r.rc)
        check(r.rc in (0, 1), r)
        said = [text for level, _, text in r.log() if level != "INFO"]
        check(len(said) == 1 and "out of memory" in said[0], "sentences", r)
        users = len({connection for connection, _ in log})
        m = re.match(r"out of memory for the stacks of more than (\d+) users: ", said[0])
        check(m and 64 <= int(m[1]) <= 256, said)
        same(users, 1000, "users")


@test("memory runs out, wherever it does: a sentence and no crash")
def _(dir):
    """16 KB steps would be of use to look for holes; 150 KB ones are quick."""
    step = int(os.environ.get("TEST_STEP_KB", "150")) * 1024
    cell = Cell(dir, static())
    with Site(dir) as site:
        def one(size):
            r = cell.run("-u", "100", "-r", "1000000", "-i", "100", "--csv", "c", "--only-summary",
                         "-H", site.url, before=limit(resource.RLIMIT_AS, size), seconds=10)
            check(r.rc in (0, 1) or (r.rc == 2 and r.err == "locust: out of memory\n"), "%.2f MB" % (size / MB), r)
            check(r.out.count("page 200 \n") == 100 or "out of memory" in r.err, "%.2f MB" % (size / MB), r)
        each(list(range(3 * MB // 2, 8 * MB, step)), one)
        same({line for _, line in site.log()}, {LINES["page"]})


@test("https where memory runs out: no sentence that blames the server or its certificate")
def _(dir):
    program, ca, wrong = https_flavour().https(), pki()[0], {}
    with Site(dir, tls=True) as site:
        for size in range(5 * MB, 15 * MB // 2, MB // 6):
            r = bare(dir, [program, "--headless", "-u", "30", "-r", "1000000", "-i", "30", "--only-summary",
                           "--stop-timeout", "5", *site.https, "--cacert", ca],
                     before=limit(resource.RLIMIT_AS, size))
            check(r.rc in (0, 1) or (r.rc == 2 and r.err == "locust: out of memory\n"), "%.2f MB" % (size / MB), r)
            check(r.out.count("page 200 \n") == 30 or "out of memory" in r.err or r.out, r)
            for line in set(r.out.splitlines()) - {"page 200 ", "page 0 out of memory"}:
                wrong.setdefault(line, []).append("%.2f MB" % (size / MB))
    check(not wrong, wrong)


@test("an answer that memory is too small for is a failure; the run goes on")
def _(dir):
    with Site(dir) as site:
        cell = Cell(dir, static())
        r = cell.run("-u", "2", "-r", "1000000", "-i", "10", "--csv", "c", "--only-summary", "-H", site.url,
                     "--page", "/big.txt", "--other", site.url + "/other.txt",
                     before=limit(resource.RLIMIT_AS, 12 * MB))
        same(r.rc, 1, r)
        rows, total = stats_csv(cell.path + "/c")
        row = rows["GET", "page"]
        same({f["Error"] for f in read_csv(cell.path + "/c", "failures")}, {"out of memory"}, r)
        same((count(row), failed(row)), (10, 10), r)
        same((count(rows["GET", "other"]), failed(rows["GET", "other"])), (10, 0), r)
        got = collections.Counter(line for _, line in site.log())
        same(got, {LINES["big"]: 10, LINES["other"]: 10})


class MemoryGroup:
    """A cgroup with so much memory, for a process that calls enter()."""

    def __init__(self, size):
        parent = "/sys/fs/cgroup"
        with open("/proc/self/cgroup") as f:
            groups = {line.split(":")[1]: line.rstrip("\n").split(":", 2)[2] for line in f}
        v1 = next((path for names, path in groups.items() if "memory" in names.split(",")), None)
        if v1 is not None:
            parent += "/memory" + v1
            file, self.peak = "memory.limit_in_bytes", "memory.max_usage_in_bytes"
        else:
            parent += groups.get("", "")
            file, self.peak = "memory.max", "memory.peak"
        self.path = "%s/locust-test.%d.%d" % (parent, os.getpid(), threading.get_ident())
        try:
            os.mkdir(self.path)
            with open(self.path + "/" + file, "w") as f:
                f.write(str(size))
            subprocess.run(["true"], preexec_fn=self.enter)
        except (OSError, subprocess.SubprocessError) as why:
            self.__exit__()
            raise Skip("no cgroup with limited memory can be had in %s: %s" % (parent, why))

    def enter(self):
        with open(self.path + "/cgroup.procs", "w") as f:
            f.write("0")

    def most(self):
        """How much it took at most; None: the kernel does not tell."""
        with contextlib.suppress(OSError), open(self.path + "/" + self.peak) as f:
            return int(f.read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if os.path.isdir(self.path):
            with contextlib.suppress(AssertionError):
                until(lambda: not open(self.path + "/cgroup.procs").read(), 5, "empty")
            os.rmdir(self.path)


def in_16_mb(dir, program, args, good, tls=False):
    with Site(dir, tls=tls) as site, MemoryGroup(16 * MB) as group:
        r = bare(dir, [program, "--headless", *args(site), "--csv", "c"], before=group.enter)
        most = group.most()
        log = judge(r, site, good, csv=dir + "/c")
        check(most is None or 0 < most <= 16 * MB, most)
        return log


@test("100 users with 16 MB of memory, by a cgroup")
def _(dir):
    log = in_16_mb(dir, static(), lambda site: [*MANY, "-H", site.url], {"page": 1000})
    same(len({connection for connection, _ in log}), 100, "connections")


@test("100 https users with 16 MB of memory, by a cgroup")
def _(dir):
    log = in_16_mb(dir, https_flavour().https(), lambda site: [*MANY, *site.https, "--cacert", pki()[0]],
                   {"page": 1000}, tls=True)
    same(len({connection for connection, _ in log}), 100, "connections")


# ---- 7. clocks ----

EPOCH = datetime.datetime(1970, 1, 1)
AT_1970, AT_2040 = 10, int((datetime.datetime(2040, 2, 3, 4, 5, 6) - EPOCH).total_seconds())
CLOCK_NAMES = ("clock_gettime", "gettimeofday", "time", "recvmsg")


def times(r, csv):
    """The seconds since 1970 of the log lines, and of the CSV history."""
    stamps = re.findall(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d{3}\]", r.err, re.M)
    log = [(datetime.datetime.strptime(t, "%Y-%m-%d %H:%M:%S") - EPOCH).total_seconds() for t in stamps]
    return log, [int(row["Timestamp"]) for row in read_csv(csv, "stats_history")]


def sane(r, csv, begin, seconds):
    """Times of the report lie in the run, which began then and took so long; so do response times."""
    for what, at in zip(("log", "history"), times(r, csv)):
        check(at and at == sorted(at), what, at)
        check(begin <= at[0] <= begin + 3 and at[-1] <= begin + seconds + 4, what, begin, at)
    check(seconds <= r.seconds < seconds + 3, r)
    history = read_csv(csv, "stats_history")
    check(seconds <= len(history) <= seconds + 3, "rows of history", history)
    for row in [*stats_csv(csv)[0].values(), stats_csv(csv)[1]]:
        check(0 <= float(row["Min Response Time"]) <= float(row["Average Response Time"])
              <= float(row["Max Response Time"]) < 2000, "response times", row)
        rate = count(row) / seconds
        check(rate * 0.5 <= float(row["Requests/s"]) <= rate * 1.5, "rate", row)


CLOCKED = ("-u", "5", "-r", "1000000", "-t", "2", "--stop-timeout", "10", "--only-summary", "--csv", "c")


def at_clock(dir, program, at, *args, tls=False, good=None, bad=None):
    with Site(dir, tls=tls) as site:
        r = bare(dir, [program, "--headless", *CLOCKED, *(site.https if tls else ("-H", site.url)), *args],
                 env={"CLOCK_AT": str(at), "TZ": "UTC"})
        judge(r, site, good or {}, bad, csv=dir + "/c")
        sane(r, dir + "/c", at, 2)
    return r


def wrapped(names=CLOCK_NAMES):
    return [PROGRAMS + "wrong_clock.c"] + ["-Wl,--wrap=" + name for name in names]


@flavours_test("at the beginning of 1970, and in 2040")
def _(dir, flavour):
    program = flavour.clocked()

    def one(at, text):
        r = at_clock(tempfile.mkdtemp(dir=dir), program, at, good={"page": None})
        check(r.err.startswith(text), r)
    in_turn([(AT_1970, "[1970-01-01 00:00:10,"), (AT_2040, "[2040-02-03 04:05:0")], one)


@flavours_test("https in 1970 and 2040: the certificate is not valid yet, has expired; --insecure works")
def _(dir, flavour):
    flavour.https()  # or skip
    program, ca = flavour.clocked(), ("--cacert", pki()[0])

    def one(at, args, good, bad):
        at_clock(tempfile.mkdtemp(dir=dir), program, at, *args, tls=True, good=good, bad=bad)
    in_turn([(AT_1970, ca, {}, {"page": (None, "certificate is not valid yet")}),
             (AT_2040, ca, {}, {"page": (None, "certificate has expired")}),
             (AT_1970, ["--insecure"], {"page": None}, {})], one)


@test("in 2040, with 32 bits")
def _(dir):
    compiler = "i686-linux-gnu-gcc"
    if not shutil.which(compiler):
        raise Skip(compiler + " is missing")
    with open(dir + "/probe.c", "w") as f:
        f.write("int main(void) { return 0; }\n")
    done = subprocess.run([compiler, "-static", dir + "/probe.c", "-o", dir + "/probe"], capture_output=True,
                          text=True)
    check(done.returncode == 0, done.stderr)
    try:
        subprocess.run([dir + "/probe"], check=True)
    except (OSError, subprocess.CalledProcessError) as why:
        raise Skip("this machine runs no i686 programs: %s" % why)
    try:
        program = compiled("i686", compiler, "-O0", "-static", SOURCE,
                           *wrapped(["__%s64" % name for name in CLOCK_NAMES]))
    except AssertionError as why:
        if "no context switch for this architecture in this version" in str(why):
            raise Skip("locust.h has no context switch for i686 in this version")
        raise
    r = at_clock(dir, program, AT_2040, good={"page": None})
    check(r.err.startswith("[2040-02-03 04:05:0"), r)


@test("faketime, a dynamic program: 1970, and what the kernel notes is 50 years later")
def _(dir):
    faketime = shutil.which("faketime")
    if not faketime:
        raise Skip("faketime is missing")
    program = compiled("dynamic", CC, "-O0", "-DLOCUST_TLS", SOURCE, *glibc_tls())

    def one(tls, args, good, bad):
        sub = tempfile.mkdtemp(dir=dir)
        with Site(sub, tls=tls) as site:
            r = bare(sub, [faketime, "-f", "@1970-01-01 00:00:10", program, "--headless", *CLOCKED,
                           *(site.https if tls else ("-H", site.url)), *args],
                     env={"TZ": "UTC", "PATH": PATHS, "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
            judge(r, site, good, bad, csv=sub + "/c")
            sane(r, sub + "/c", AT_1970, 2)
    in_turn([(False, [], {"page": None}, {}),
             (True, ["--cacert", pki()[0]], {}, {"page": (None, "certificate is not valid yet")})], one)


@test("the clock is set in the middle of a run: from 1970, from 2040")
def _(dir):
    """What a small machine without a battery does when its network is up."""
    program = static.clocked()

    def one(at):
        sub = tempfile.mkdtemp(dir=dir)
        now = time.time()
        with Site(sub) as site:
            r = bare(sub, [program, "--headless", "-u", "20", "-r", "1000000", "-t", "3", "--stop-timeout", "10",
                           "--only-summary", "--csv", "c", "-H", site.url, "--page", "/slow.txt",
                           "--other", site.url + "/other.txt"],
                     env={"CLOCK_AT": str(at), "CLOCK_SET": "1.2", "TZ": "UTC"})
            same(r.rc, 0, r)
            check(3 <= r.seconds < 5.5, "-t 3 took", r)
            got = collections.Counter(line for _, line in site.log())
            same(set(got), {LINES["slow"], LINES["other"]})
        rows, total = stats_csv(sub + "/c")
        for name, line in ("page", "slow"), ("other", "other"):
            row = rows["GET", name]
            same((count(row), failed(row)), (got[LINES[line]], 0), name)
            check(0 <= float(row["Min Response Time"]) and float(row["Max Response Time"]) < 2500, row)
            rate = count(row) / 3
            check(rate * 0.5 <= float(row["Requests/s"]) <= rate * 1.5, "rate", row)
        log, history = times(r, sub + "/c")
        check(at <= log[0] <= at + 1.5 and now + 2 <= log[-1] <= now + 7, "log", log)
        check(at <= history[0] <= at + 1.5 and now + 2 <= history[-1] <= now + 7, "history", history)
        check(3 <= len(history) <= 7, "rows of history", history)
    in_turn([AT_1970, AT_2040], one)


# ---- 8. the monotonic clock ----

@test("the monotonic clock right after boot, after a century, and past 2^31 and 2^32 of its units")
def _(dir):
    now = time.clock_gettime(time.CLOCK_MONOTONIC)
    shift = [*unshare(*MAP, "-T", "--monotonic", "1000", "true"), *MAP, "-T"]
    done = subprocess.run([*shift, "--monotonic", "1000000", sys.executable, "-c",
                           "import time; print(time.clock_gettime(time.CLOCK_MONOTONIC))"],
                          capture_output=True, text=True)
    if done.returncode or float(done.stdout) < now + 999999:
        raise Skip("unshare --time does not move the clock: " + (done.stdout + done.stderr).strip())
    program = static()

    def one(at):
        sub = tempfile.mkdtemp(dir=dir)
        offset = int(at - time.clock_gettime(time.CLOCK_MONOTONIC))  # it begins up to 1 s before
        with Site(sub) as site:
            begin = int(time.time())
            r = bare(sub, [*shift, "--monotonic", str(offset), "--boottime", str(offset), program, "--headless",
                           *CLOCKED, "-H", site.url], env={"TZ": "UTC"})
            judge(r, site, {"page": None}, csv=sub + "/c")
            sane(r, sub + "/c", begin, 2)
    in_turn([1, 2**31 / 1e6 - 1, 2**32 / 1e6 - 1, 2**31 / 1e3 - 1, 2**32 / 1e3 - 1, 2**31 - 1, 2**32 - 1,
             100 * 366 * 86400], one, at_once=8)


# ---- 9. old kernels, and containers that forbid ----

def deny():
    return compiled("deny", CC, "-O1", "-static", PROGRAMS + "deny_calls.c")


def refusable():
    done = subprocess.run([deny(), "list"], capture_output=True, text=True)
    return [name for name in done.stdout.split() if name != "epoll_create1"]


def refused(cell, number, names, *args, **options):
    if not os.path.exists(cell.path + "/deny"):  # by a process of its own: one that another test starts meanwhile
        subprocess.run(["cp", deny(), cell.path + "/deny"], check=True)  # would have the file open for writing
    r = cell.run(*args, ahead=("/deny", number, ",".join(names)), **options)
    if r.rc == 77:
        raise Skip(r.out.strip())
    return r


def refused_test(number, why):
    @flavours_test("system calls that answer %s (%s): each, and all together" % (number, why))
    def _(dir, flavour):
        cell, calls = Cell(dir, flavour()), refusable()
        check("getrandom" in calls and "madvise-guard" in calls, calls)
        rows = [(name,) for name in calls] + [tuple(calls)]

        def one(tag, *names):
            r = refused(cell, number, names, "-u", "3", "-r", "1000000", "-i", "12", "--only-summary",
                        "--csv", "c", "-H", site.url, "--page", "/page.txt?" + tag, seconds=10)
            judge(r, None, {"page": 12}, csv=cell.path + "/c")
            check(not [line for line in r.log() if line[0] != "INFO"], r)
        with Site(dir) as site:
            site.each(rows, 12, one)


refused_test("ENOSYS", "an older kernel")
refused_test("EPERM", "a container's filter")


@flavours_test("a kernel without epoll: it works, or a sentence names it")
def _(dir, flavour):
    for number in "ENOSYS", "EPERM":
        sub = tempfile.mkdtemp(dir=dir)
        with Site(sub) as site:
            cell = Cell(sub, flavour())
            r = refused(cell, number, ["epoll_create1"], *SHORT, "-H", site.url, seconds=10)
            if r.rc == 0:
                judge(r, site, {"page": 40})
            else:
                sentence(r, "epoll")


@flavours_test("https where getrandom is refused and /dev/urandom is there")
def _(dir, flavour):
    program = flavour.https()

    def one(number):
        sub = tempfile.mkdtemp(dir=dir)
        with Site(sub, tls=True) as site:
            r = bare(sub, [deny(), number, "getrandom", program, "--headless", *SHORT, *site.https,
                           "--cacert", pki()[0], "--csv", "c"])
            if r.rc == 77:
                raise Skip(r.out.strip())
            judge(r, site, {"page": 40}, csv=sub + "/c")
    one("ENOSYS")  # after another error mbedTLS itself does not ask /dev/urandom


@flavours_test("https without any random numbers: failures with a sentence of their own, and http goes on")
def _(dir, flavour):
    program = flavour.https()

    def one(number):
        sub = tempfile.mkdtemp(dir=dir)
        with Site(sub, tls=True) as site:
            cell = Cell(sub, program)
            r = refused(cell, number, ["getrandom"], *SHORT, *site.https, "--insecure", "--csv", "c",
                        "--other", site.url + "/other.txt")
            judge(r, site, {"other": 40}, {
                "page": (40, "no random numbers for TLS from getrandom() or /dev/urandom")}, csv=cell.path + "/c")
    each(["ENOSYS", "EPERM"], one)


# ---- 10. signals, no terminal ----

for number in signal.SIGINT, signal.SIGTERM:
    @test("%s ends a run in an empty folder, without a terminal, with the final report" % number.name)
    def _(dir, number=number):
        with Site(dir) as site:
            cell = Cell(dir, static())
            with cell.start("-u", "10", "-r", "1000000", "--stop-timeout", "10", "--csv", "c", "-H", site.url,
                            before=os.setsid) as p:
                until(lambda: p.read().count("page 200") > 50, 20, "50 requests")
                p.p.send_signal(number)
                r = p.wait(10)
            judge(r, site, {"page": None}, csv=cell.path + "/c")
            r.says("Got %s signal" % number.name)


def closes(c):
    """FIN and RST while the body comes: the client's next write fails with EPIPE."""
    read_head(c)
    c.shutdown(socket.SHUT_WR)


for name, action in ("by default", signal.SIG_DFL), ("ignored", signal.SIG_IGN):
    @test("SIGPIPE %s: a server that closes while it is sent to is a failure, no death" % name)
    def _(dir, action=action):
        before, cell = lambda: signal.signal(signal.SIGPIPE, action), Cell(dir, static())
        args = ["-u", "5", "-r", "1000000", "-i", "30", "--csv", "c", "--only-summary", "--upload", str(MB)]

        def figures():
            return [(count(row), failed(row)) for _, row in sorted(stats_csv(cell.path + "/c")[0].items())]
        with Site(dir) as site:
            r = cell.run(*args, "-H", site.url, before=before)
            same(collections.Counter(line for _, line in site.log(60)),
                 {LINES["page"]: 30, LINES["upload"]: 30}, r)
        same((r.rc, figures()), (1, [(30, 0), (30, 30)]), r)
        with Script(closes) as server:
            r = cell.run(*args, "-H", server.url, before=before)
        same((r.rc, figures()), (1, [(30, 30), (30, 30)]), r)
        said = {f["Error"] for f in read_csv(cell.path + "/c", "failures")}
        check(all(re.search("closed|reset", text) for text in said), said)


@test("SIGPIPE ignored: a reader of standard output or error that is gone does no harm")
def _(dir):
    def one(*fds):
        sub = tempfile.mkdtemp(dir=dir)
        with Site(sub) as site:
            cell = Cell(sub, static())
            reading, writing = os.pipe()
            os.close(reading)
            try:
                r = cell.run(*SHORT, "--csv", "c", "-H", site.url, pipes=dict.fromkeys(fds, writing),
                             before=lambda: signal.signal(signal.SIGPIPE, signal.SIG_IGN))
            finally:
                os.close(writing)
            judge(r, site, {"page": 40}, csv=cell.path + "/c", out=1 not in fds, err=2 not in fds)
    each([(1,), (2,), (1, 2)], one)


# ---- 11. process 1 ----

def as_init(dir, *args, root=None):
    """The program as process 1 of a namespace, and its number out here."""
    command = [*unshare(*MAP, "-pf", "true"), *MAP, "-pf", "--kill-child"]
    if root:
        command += ["-R", root.path, "/test"]
    else:
        command += [static()]
    p = Bare(dir, [*command, "--headless", *args])

    def child():
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError, IndexError):
                    with open("/proc/%s/stat" % name) as f:
                        if int(f.read().rpartition(")")[2].split()[1]) == p.p.pid:
                            with open("/proc/%s/status" % name) as status:
                                if re.search(r"^NSpid:.*\t1$", status.read(), re.M):
                                    return int(name)
    try:
        until(lambda: "All users spawned" in p.read("err") or p.p.poll() is not None, 10, "users")
        p.number = until(child, 5, "the child of unshare")
    except AssertionError:
        p.kill()
        raise
    return p


for number in signal.SIGTERM, signal.SIGINT:
    @test("process 1 in an empty folder: %s ends it with the final report" % number.name)
    def _(dir, number=number):
        with Site(dir) as site:
            cell = Cell(dir, static())
            with as_init(dir, "-u", "10", "-r", "1000000", "--stop-timeout", "10", "--csv", "/c", "-H", site.url,
                         root=cell) as p:
                until(lambda: p.read().count("page 200") > 50, 20, "50 requests")
                os.kill(p.number, number)
                r = p.wait(10)
            judge(r, site, {"page": None}, csv=cell.path + "/c")


@test("process 1 with failures ends with their exit code")
def _(dir):
    port = free_port()
    with as_init(dir, "-u", "2", "-r", "1000000", "-t", "1", "-H", "http://127.0.0.1:%d" % port) as p:
        r = p.wait(10)
    same(r.rc, 1, r)
    r.says("connection refused")


@test("process 1: a second signal does not wait for the stop timeout")
def _(dir):
    """As for any other process (test_stop.py); but its default action does nothing to process 1."""
    with Script(lambda c: c.recv(1) and time.sleep(30)) as silent:
        with as_init(dir, "-u", "2", "-r", "1000000", "--stop-timeout", "60", "-H", silent.url) as p:
            until(lambda: len(silent.connections) == 2, 10, "connections")
            os.kill(p.number, signal.SIGTERM)
            until(lambda: "Got SIGTERM" in p.read("err"), 5, "the first signal")
            os.kill(p.number, signal.SIGTERM)
            r = p.wait(5)
        check(r.rc != 0, r)


main(parallel=4)
