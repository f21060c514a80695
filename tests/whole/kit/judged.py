"""What tests of verdicts share: runs of judged_users.c, the server record_server.c, reading what a run says of itself."""
import collections, json, math
from kit.lib import *

try:
    import jsonschema
except ImportError:
    jsonschema = None

VERDICT = "judged_users.c"
with open("tools/summary.schema.json") as f:
    SCHEMA = json.load(f)
VALIDATOR = hasattr(jsonschema, "Draft202012Validator") and jsonschema.Draft202012Validator(SCHEMA)


# ---- programs and servers ----

class Truth(Target):
    """programs/record_server.c; `records` are its answers, in the order in which it sent them."""

    def __init__(self, dir):
        super().__init__(dir, source="record_server.c")

    def stop(self):
        self.p.terminate()
        Record = collections.namedtuple("Record", "path status arrived_us sent_us")
        lines = [line.split() for line in self.p.communicate(timeout=20)[0].splitlines()]
        self.records = [Record(p, int(s), float(a), float(b)) for p, s, a, b in lines]
        return self.records


class Watched(Program):
    """A program of which one knows how long it had a core, and how long it was ready and had none."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.ran = self.waited = 0.0
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def watch(self):
        while self.p.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                with open("/proc/%d/schedstat" % self.p.pid) as f:
                    self.ran, self.waited = (int(n) / 1e9 for n in f.read().split()[:2])
            time.sleep(0.02)

    def wait(self, seconds=60):
        r = super().wait(seconds)
        self.watcher.join()
        r.ran, r.waited = self.ran, self.waited
        return r


def judged(dir, *args, url=None, conf=None, seconds=60, pin=None, before_exec=None, **env):
    """A run of judged_users.c in a folder of its own, r.dir; variables as paths="/", wait=0.1."""
    own = tempfile.mkdtemp(dir=dir)
    if conf is not None:
        with open(own + "/locust.conf", "w") as f:
            f.write(conf)
    env = {k if k.isupper() else "VERDICT_" + k.upper(): str(v) for k, v in env.items()}
    env.setdefault("GITHUB_ACTIONS", "")
    argv = (["taskset", "-c", str(pin)] if pin is not None else []) + [build(VERDICT), "--headless"]
    with Watched(own, argv + (["-H", url] if url else []) + list(args), env=env,
                 before_exec=before_exec) as p:
        r = p.wait(seconds)
    r.dir = own
    return r


def known(dir, rows, *args, **more):
    """A run that records [(method, name, times in ms, error or "")] and nothing else. Bytes that are no UTF-8 are
    written as os.fsdecode gives them."""
    with tempfile.NamedTemporaryFile("w", dir=dir, delete=False, encoding="utf-8", errors="surrogateescape",
                                     newline="") as f:
        f.write("".join("%s\x1f%s\x1f%.3f\x1f%s\x1e" % (method, name, ms, error)
                        for method, name, times, error in rows for ms in times))
    return judged(dir, *args, "Known", known=f.name, **more)


def sentence(r, rc, *words):
    """One line on standard error, `locust: ` and a sentence; no test has begun."""
    same(r.rc, rc, r)
    check(r.err.endswith("\n") and r.err.count("\n") == 1, "not one line on standard error", r)
    check(r.err.startswith("locust: "), "it does not begin with `locust: `", r)
    check(not r.err.endswith(".\n"), "a full stop at its end", r)
    for word in words:
        check(word in r.err, "the line does not name " + word, r)


# ---- what a run said ----

def pairs(text):
    return dict(p.split("=", 1) for p in text.split())


def compact_checks(r):
    """{text: (holds, value or None)}"""
    found = re.findall(r"^check ok=([01]) value=(\S*) text=(.*)$", r.out, re.M)
    return {text: (ok == "1", float(value) if value else None) for ok, value, text in found}


def compact_generator(r):
    lines = re.findall(r"^generator (.*) limits=(.*)$", r.out, re.M)
    same(len(lines), 1, "not one line of the generator", r)
    got = {k: float(v) for k, v in pairs(lines[0][0]).items()}
    same(list(got), ["ok", "cpu", "late_p50", "late_p99", "late_max"], r)
    more = re.findall(r"^generator_time (.*)$", r.out, re.M)
    same(len(more), 1, "not one line of the generator's times", r)
    more = {k: float(v) for k, v in pairs(more[0]).items()}
    same(list(more), ["p50_high", "p99_high", "stalled", "stalled_max", "stalled_reqs", "suspended", "clock_set"], r)
    got.update(more)
    got["limits"] = [text for text in lines[0][1].split("; ") if text]
    for share in re.findall(r"(\d+) %", lines[0][1]):
        check(int(share) <= 100, "more than all of it", lines)
    same(got["ok"], 0.0 if got["limits"] else 1.0, r)
    return got


def compact_baseline(r):
    return {name: verdict for verdict, name in
            re.findall(r"^baseline verdict=(\S+) name=(.*)$", r.out, re.M)}


def check_table(r):
    """{first words of a line: its rest}: the lines under the title, and which of them hold"""
    same(len(re.findall(r"^Checks\b.*$", r.err, re.M)), 1, "not one title Checks", r)
    lines = re.split(r"(?m)^Checks\b.*\n", r.err)[1].split("\n\n")[0].split("\n")
    return [line for line in lines if re.match(r"(ok|FAILED)\b", line)]


def summary(path):
    """A summary; where jsonschema is there and it is not a large one, it is held against the schema."""
    with open(path, encoding="utf-8") as f:
        s = json.load(f)
    if VALIDATOR and len(s["rows"]) < 100:
        wrong = ["%s: %s" % ("/".join(map(str, e.path)), e.message) for e in VALIDATOR.iter_errors(s)]
        check(not wrong, "not as tools/summary.schema.json has it", *wrong[:5])
    return s


def request_log(path):
    with open(path, newline="", encoding="utf-8") as f:
        same(f.readline().strip("\r\n"), "time,user,method,name,response_time_ms,late_ms,length,status,error")
        f.seek(0)
        return list(csv.DictReader(f, strict=True))


def quantile(values, share):
    """Locust's element of the sorted values."""
    values = sorted(values)
    return values[min(int(len(values) * share), len(values) - 1)]


def quantile_with_cut(values, cut, share):
    """The same where `cut` were cut short after so long: a life table (Kaplan and Meier); what was cut after
    the longest of `values` counts as so long."""
    seen, weight, known = 0.0, 1.0, len(values)
    every = sorted([(t, 0) for t in values] + [(t, 1) for t in cut])
    for at, (t, was_cut) in enumerate(every):
        if was_cut and known:
            left = len(every) - at
            weight *= left / (left - 1)
            continue
        known -= not was_cut
        seen += weight
        if seen > int(len(every) * share) + 1e-9:
            break
    return t


def near(got, want, about="", part=0.01, more=0.001):
    check(abs(got - want) <= part * abs(want) + more, "got %r, want %r" % (got, want), about)


def levels():
    """HdrHistogram's percentiles with 5 ticks to each half of the way to 100 %."""
    level = 0.0
    while True:
        yield level
        halves = math.floor(math.log2(100 / (100 - level))) + 1 if level < 100 else 60
        level += 100 / (5 * 2 ** halves)


def hgrm(path, times):
    """Holds a file against the layout that HdrHistogram documents, and against the times."""
    with open(path) as f:
        lines = f.read().split("\n")
    same(lines.pop(), "", "the last line has no end")
    check(re.fullmatch(r" *Value +Percentile +TotalCount +1/\(1-Percentile\)", lines[0]), lines[0])
    same(lines[1], "")
    data = [line for line in lines[2:] if not line.startswith("#")]
    feet = lines[2 + len(data):]
    same(len(feet), 3, "not three lines at the end", feet)
    patterns = (r"#\[Mean    = +(\d+\.\d+), StdDeviation   = +(\d+\.\d+)\]",
                r"#\[Max     = +(\d+\.\d+), Total count    = +(\d+)\]",
                r"#\[Buckets = +(\d+), SubBuckets     = +(\d+)\]")
    foot = [re.fullmatch(pattern, line) for pattern, line in zip(patterns, feet)]
    check(all(foot), feet)
    n, mean = len(times), sum(times) / len(times)
    near(float(foot[0][1]), mean, feet, more=0.002)
    deviation = math.sqrt(sum((t - mean) ** 2 for t in times) / n)
    near(float(foot[0][2]), deviation, feet, more=0.01 * mean + 0.01)
    near(float(foot[1][1]), max(times), feet, more=0.002)
    same(int(foot[1][2]), n)
    before, order = (0, 0), sorted(times)
    for i, (line, level) in enumerate(zip(data, levels())):
        last = i == len(data) - 1
        m = re.fullmatch(r" *(\d+\.\d+) +([01]\.\d+) +(\d+)(?: +(\d+\.\d+|inf))?", line)
        check(m, line)
        value, share, total = float(m[1]), float(m[2]), int(m[3])
        check(abs(share - (1 if last else level / 100)) < 1.1e-6, "percentile of line %d" % i, line, level / 100)
        if last:
            check(m[4] in (None, "inf"), line)
            near(value, order[-1], line, more=0.002)
            same(total, n, line)
        else:
            near(float(m[4]), 1 / (1 - level / 100), line, more=0.01)
            check(level / 100 * n * 0.999999 <= total <= n, line)
            # The value of that line is the highest of those that it counts.
            near(value, order[total - 1], line, part=0.01, more=0.002)
        check((value, total) >= before and total >= before[1], "it goes down", line)
        before = value, total
