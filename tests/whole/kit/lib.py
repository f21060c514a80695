"""What the tests of whole programs share: building programs, running them, servers, reading reports.

    from kit.lib import *        # in a file of tests/whole, which Python then looks for modules in

    @test("a name")              # registers; the function raises (assert, check) to fail,
    def _(dir):                  # raises Skip(reason) to be skipped; `dir` is its own temporary folder
                                 # (full=True: long, so for `make check`, or by a word of its name)
        ...

    main(parallel=8)             # runs all whose name contains a word of argv, prints the sum
"""
import concurrent.futures, contextlib, csv, fcntl, glob, hashlib, io, os, re, shutil, signal, socket
import subprocess, sys, tempfile, threading, time, traceback
from kit.pick import containing

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
os.chdir(ROOT)
CC = os.environ.get("CC", "cc")
QUICK_CC = shutil.which("clang") or CC  # at -O0 it takes a fifth of gcc's time: it leaves out what nobody calls
SELF = os.path.splitext(os.path.basename(sys.argv[0]))[0]
OUT = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "whole",
                                   "%s.%d" % (SELF, os.getpid())))  # two runs may stand side by side

PROGRAMS = "tests/whole/programs/"
FILES = ("stats", "stats_history", "failures", "exceptions", "generator")
PERCENTILES = "50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"


class Skip(Exception):
    pass


def check(condition, *about):
    if not condition:
        raise AssertionError("\n".join(str(a) for a in about))


def same(got, want, *about):
    if got != want:
        raise AssertionError("\n".join(["got  %r" % (got,), "want %r" % (want,)]
                                       + [str(a) for a in about]))


def each(rows, function):
    """Calls function(*row) for every row; fails at the end with all that failed."""
    wrong = []
    for row in rows:
        row = row if isinstance(row, tuple) else (row,)
        try:
            function(*row)
        except AssertionError as why:
            wrong.append("row %r: %s" % (row, why))
    check(not wrong, "\n".join(w[:1500] for w in wrong[:8]),
          "%d of %d rows failed" % (len(wrong), len(rows)) if wrong else "")


def until(condition, seconds, what):
    """Waits for a condition with a deadline; returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, "after %g s still not: %s" % (seconds, what))
        time.sleep(0.01)


# ---- programs ----

TLS = ("-lmbedtls", "-lmbedx509", "-lmbedcrypto")
KEPT = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "programs"))
STRAIGHT = ("-DLOCUST_NO_SHORT",) if os.environ.get("TEST_STRAIGHT") else ()  # see tests/run
# The same over HTTP/2: programs speak it, and so do the servers of kit/nginx.py.
HTTP2 = ("-DLOCUST_HTTP2",) if os.environ.get("TEST_HTTP2") else ()
_built, _build_lock = {}, threading.Lock()


def build(source, *flags, libs=()):
    """Compiles a C file; the path of the program. What asks for no level of optimization, or for -O0, asks for
    a program in no time: that is QUICK_CC's. A name without a folder is that of one of PROGRAMS. What is built
    from files of the repository stays in build/programs, for other tests and runs, until its preprocessed
    source or its command differs."""
    if "/" not in source:
        source = PROGRAMS + source
    quick = not any(re.match("-O[123s]|-static-lib", flag) for flag in flags)
    flags = [flag for flag in flags if flag != "-O0"]  # as without
    command = (QUICK_CC if quick else CC, *flags, *STRAIGHT, *HTTP2, "-I.", source)
    with _build_lock:
        key = command + tuple(libs)
        if key not in _built:
            own = os.path.relpath(source, ROOT).startswith(("..", os.path.relpath(OUT, ROOT)))
            _built[key] = _program(command, libs, OUT if own else KEPT)
        return _built[key]


def _program(command, libs, where):
    source = command[-1]
    slot = os.path.join(where, hashlib.sha256(repr((command, libs)).encode()).hexdigest()[:16])
    program = os.path.join(slot, os.path.splitext(os.path.basename(source))[0])
    os.makedirs(slot, exist_ok=True)
    with open(slot + "/made-of", "a+") as note:
        fcntl.flock(note, fcntl.LOCK_EX)  # another test may want the same now
        note.seek(0)
        made_of = _made_of(command, libs)
        if note.read() != made_of or not os.path.exists(program):
            note.truncate(0)
            line = [*command, "-o", program + ".new", *libs]
            done = subprocess.run(line, capture_output=True, text=True)
            check(done.returncode == 0 and not done.stderr, " ".join(line), done.stderr)
            os.replace(program + ".new", program)  # who runs the old one keeps it
            note.write(made_of)
    return program


def _made_of(command, libs):
    """A digest of all that a compiler makes a program of."""
    digest = hashlib.sha256()
    for line in [command[0], "--version"], [*command, "-E"]:
        digest.update(subprocess.run(line, capture_output=True).stdout)
    for word in (*command, *libs):
        for file in sorted(glob.glob(word[2:] + "/*.a")) if word.startswith("-L") else [word]:
            if file.endswith(".a") and os.path.exists(file):
                digest.update(repr((file, os.stat(file).st_mtime_ns, os.stat(file).st_size)).encode())
    return digest.hexdigest()


class Result:
    def __init__(self, rc, out, err, seconds):
        self.rc, self.out, self.err, self.seconds = rc, out, err, seconds

    def __str__(self):
        return "exit code %s after %.2f s\n-- stdout\n%s\n-- stderr\n%s" % (
            self.rc, self.seconds, self.out[-4000:], self.err[-6000:])

    def log(self):
        """The log lines on standard error."""
        return log_lines(self.err)

    def says(self, text):
        check(text in self.err, "standard error does not say: " + text, self)


class Program:
    """A running program. Its output goes to files, so that it never blocks on us."""

    def __init__(self, dir, argv, env=None, before_exec=None, cwd=None):
        self.out = tempfile.NamedTemporaryFile(dir=dir, prefix="out.", delete=False)
        self.err = tempfile.NamedTemporaryFile(dir=dir, prefix="err.", delete=False)
        home = os.path.join(dir, "home")
        os.makedirs(home, exist_ok=True)
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LOCUST_")}
        clean.update({"HOME": home, "LC_ALL": "C"}, **(env or {}))
        self.started = time.monotonic()
        self.p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err,
                                  env=clean, cwd=cwd or dir, preexec_fn=before_exec)

    def read(self, which="out"):
        with open(getattr(self, which).name, newline="", errors="replace") as f:
            return f.read()

    def wait(self, seconds=60):
        try:
            rc = self.p.wait(seconds)
            took = time.monotonic() - self.started
        except subprocess.TimeoutExpired:
            took = time.monotonic() - self.started
            self.kill()
            raise AssertionError("still running after %g s\n%s" % (
                seconds, Result(None, self.read(), self.read("err"), took)))
        self.out.close()
        self.err.close()
        return Result(rc, self.read(), self.read("err"), took)

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()  # what it started goes with the group of the job: see tests/run
            self.p.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def run(dir, argv, seconds=60, **options):
    if HTTP2:
        argv = [*argv, "--http2"]
    with Program(dir, argv, **options) as program:
        return program.wait(seconds)


# ---- servers ----

class Target:
    """programs/target.c, or a server that is called and stopped like it, on a free port."""

    def __init__(self, dir, source="target.c"):
        program = build(source, "-O1")
        self.p = subprocess.Popen([program, "--port", "0"], stdout=subprocess.PIPE, cwd=dir,
                                  stdin=subprocess.DEVNULL, text=True)
        line = self.p.stdout.readline()
        check(line.startswith("listening on "), "target says: " + line)
        self.at = line.split()[-1]
        self.url, self.port = "http://" + self.at, int(self.at.split(":")[1])

    def stop(self):
        """What it served: requests, connections, bytes."""
        if self.p.poll() is None:
            self.p.terminate()
            text = self.p.communicate(timeout=20)[0]
            self.served = [int(n) for n in re.findall(r"\d+", text.splitlines()[-1])]
        return self.served

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Exception):
            self.stop()
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()


_shared, _shared_lock = [], threading.Lock()


def shared_target():
    """One target for all tests of a file; main() stops it."""
    with _shared_lock:
        if not _shared:
            os.makedirs(OUT, exist_ok=True)
            _shared.append(Target(OUT))
        return _shared[0]


class Script:
    """A server on 127.0.0.1 that calls serve(connection) in a thread for each connection."""

    def __init__(self, serve, listen=True):
        self.serve, self.closing = serve, False
        self.s = socket.socket()
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.s.bind(("127.0.0.1", 0))
        self.port = self.s.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self.connections = []
        if listen:
            self.s.listen(1024)
            threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.closing:
            try:
                c = self.s.accept()[0]
            except OSError:
                return
            self.connections.append(c)
            threading.Thread(target=self.one, args=(c,), daemon=True).start()

    def one(self, c):
        with contextlib.suppress(OSError):
            self.serve(c)
        with contextlib.suppress(OSError):
            c.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closing = True
        with contextlib.suppress(OSError):
            self.s.shutdown(socket.SHUT_RDWR)
        self.s.close()
        for c in self.connections:
            with contextlib.suppress(OSError):
                c.shutdown(socket.SHUT_RDWR)
            c.close()


def read_head(c):
    """One request head (our tests send these without a body); empty at the end of the stream."""
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        more = c.recv(1)
        if not more:
            return b""
        data += more
    return data


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- reports ----

LOG = re.compile(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] ([^/\s]+)/"
                 r"(DEBUG|INFO|WARNING|ERROR|CRITICAL)/([a-z_.]+): (.*)$")


def log_lines(text):
    """(level, logger, text) of each line in Locust's log format."""
    return [m.group(2, 3, 4) for m in map(LOG.match, text.split("\n")) if m]


def raw_csv(prefix, which):
    with open("%s_%s.csv" % (prefix, which), newline="") as f:
        return f.read()


def read_csv(prefix, which):
    """The rows as dictionaries."""
    return list(csv.DictReader(io.StringIO(raw_csv(prefix, which), newline=""), strict=True))


def stats_csv(prefix):
    """({(method, name): row}, the Aggregated row)"""
    rows = read_csv(prefix, "stats")
    check(rows and rows[-1]["Type"] == "" and rows[-1]["Name"] == "Aggregated", rows)
    return {(r["Type"], r["Name"]): r for r in rows[:-1]}, rows[-1]


def count(row):
    return int(row["Request Count"])


def failed(row):
    return int(row["Failure Count"])


def csv_files(prefix):
    return [w for w in FILES if os.path.exists("%s_%s.csv" % (prefix, w))]


def tables(text):
    """The statistics tables in a text: a list of lists of lines, header first, blank line left out."""
    found, at = [], None
    for line in text.split("\n"):
        if re.match(r"Type +Name +# reqs +# fails", line):
            at = []
            found.append(at)
        if at is not None:
            if not line:
                at = None
            else:
                at.append(line)
    return found


# ---- the harness ----

_tests = []


def test(name, full=False):
    def register(function):
        if not full or os.environ.get("FULL") or sys.argv[1:]:
            _tests.append((name, function))
        return function
    return register


def _one(name, function):
    dir = tempfile.mkdtemp(prefix="t.", dir=OUT)
    started = time.monotonic()
    try:
        function(dir)
        text = "ok " + name
    except Skip as why:
        text = "skip %s: %s" % (name, why)
    except AssertionError as why:
        where = [f for f in traceback.extract_tb(why.__traceback__)
                 if not f.filename.endswith("lib.py")][-1:]
        text = "%s%s\nnot ok %s" % ("".join("%s:%d: %s\n" % (os.path.relpath(f.filename), f.lineno, f.line)
                                            for f in where), why, name)
    except Exception:
        text = traceback.format_exc() + "not ok " + name
    if os.environ.get("TEST_TIMES"):
        text = "%5.1f s\n" % (time.monotonic() - started) + text
    shutil.rmtree(dir, ignore_errors=True)
    return text


def main(parallel=1, before=None):
    words = sys.argv[1:]
    os.makedirs(OUT, exist_ok=True)
    wanted = containing(words, _tests, lambda t: t[0])
    counts = {"ok": 0, "not": 0, "skip": 0}
    try:
        if before:
            before()
        with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
            for text in pool.map(lambda t: _one(*t), wanted):
                print(text, flush=True)
                counts[text.splitlines()[-1].split()[0]] += 1
    finally:
        for target in _shared:
            target.__exit__()
        shutil.rmtree(OUT, ignore_errors=True)
    print("%d passed, %d failed, %d skipped" % (counts["ok"], counts["not"], counts["skip"]))
    sys.exit(1 if counts["not"] else 0)
