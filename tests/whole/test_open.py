#!/usr/bin/env -S python3 -B
"""The open model: schedule, lateness, shedding, the times from the intended start.

    tests/whole/test_open.py [WORD...]    only the tests whose name contains a word

Times of arrivals come from the program: when a task began, less what its arrival was late.
"""
import math, os, sys
from kit.lib import *


def start(dir, *args, classes="", host=None, **env):
    env = {"OPEN_" + k.upper(): str(v) for k, v in env.items()}
    return Program(dir, [build("open_model.c"), "--headless", "--only-summary"]
                   + (["-H", host] if host else []) + list(args), env={"OPEN_CLASSES": classes, **env})


class Log(Result):
    """Of a failed test the events are left out."""

    def __str__(self):
        out = re.sub(r"(?m)^(start|task|done|stop|sample|so_far) .*\n", "", self.out)
        return str(Result(self.rc, out, self.err, self.seconds))


def ended(p, seconds=60):
    r = p.wait(seconds)
    return Log(r.rc, r.out, r.err, r.seconds)


def opened(dir, *args, rc=0, seconds=60, **env):
    with start(dir, *args, **env) as p:
        r = ended(p, seconds)
    same(r.rc, rc, r)
    return r


class Counts:
    def __init__(self, numbers):
        self.scheduled, self.started, self.late, self.shed, self.unanswered = map(int, numbers)
        self.lost = self.shed + self.unanswered

    def __repr__(self):
        return "%d scheduled, %d started, %d late, %d shed, %d unanswered" % (
            self.scheduled, self.started, self.late, self.shed, self.unanswered)


def counts(r):
    """The counts at the end: those of the program, which are those of the report."""
    c = Counts(re.search(r"^counts (.*)$", r.out, re.M)[1].split())
    if "arrivals scheduled=" in r.out:
        told = re.search(r"^arrivals scheduled=(\d+) started=(\d+) late=(\d+) shed=(\d+) unanswered=(\d+)$",
                         r.out, re.M)
    else:
        told = re.search(r"^Arrivals: (\d+) scheduled, (\d+) started \((\d+) of them late\), (\d+) shed, "
                         r"(\d+) unanswered$", r.err, re.M)
    check(told, "the report has no arrivals", r)
    same(str(Counts(told.groups())), str(c), "report and locust_arrivals_so_far differ")
    same(c.scheduled, c.started + c.lost, "scheduled is not started + shed + unanswered: %r" % c)
    check(c.late <= c.started, c)
    return c


def peak(r):
    """The most tasks, the most users at once."""
    return tuple(map(int, re.search(r"^peak (\d+) (\d+)$", r.out, re.M).groups()))


def events(r, what, cls=None):
    """[(id, time)] of start, task, done or stop."""
    rows = re.findall(r"^%s (\S+) (\d+) ([\d.]+)$" % what, r.out, re.M)
    return [(int(i), float(t)) for c, i, t in rows if cls in (None, c)]


def samples(r, name=None, cls=None):
    """[(id, time, elapsed, late)]; "op" are the first ones of the tasks, requests or not"""
    rows = re.findall(r"^sample (\S+) (\d+) ([\d.]+) (\S+) ([\d.]+) ([-\d.]+)$", r.out, re.M)
    return [(int(i), float(t), float(e), float(l)) for c, i, t, n, e, l in rows
            if cls in (None, c) and (name in (None, n) or name == "op" and n[0] == "/")]


def dues(r, cls=None):
    """When the arrivals were due, in seconds since the start."""
    began, found = {}, []
    for what, c, i, t, more in re.findall(r"^(task|sample) (\S+) (\d+) ([\d.]+)(.*)$", r.out, re.M):
        if what == "task":
            began[c, i] = float(t)
        elif cls in (None, c) and (c, i) in began:  # the first sample of a task
            found.append((began.pop((c, i)) - float(more.split()[-1])) / 1000)
    return sorted(found)


def per_second(times, seconds, shift):
    found = [0] * seconds
    for t in times:
        if 0 <= t - shift < seconds:
            found[int(t - shift)] += 1
    return found


def dispersion(found):
    mean = sum(found) / len(found)
    return sum((n - mean) ** 2 for n in found) / (len(found) - 1) / mean


def intended(r):
    """{naive and intended p50, p99, max} of the total, from the table or the compact lines."""
    if "arrivals scheduled=" in r.out:
        lines = re.findall(r"^intended (.*)$", r.out, re.M)
        check(len(lines) >= 2 and " name=GET /" in lines[0], "rows of intended times", r)
        pairs = dict(w.split("=") for w in lines[-1].split())
        same(list(pairs), ["p50", "p99", "max", "intended_p50", "intended_p99", "intended_max"])
        numbers = list(pairs.values())
    else:
        tail = r.err[r.err.index("Response times (ms), and from the intended start"):]
        check(re.search(r"^Type +Name +50% +99% +100% +int\. 50% +int\. 99% +int\. 100%$", tail, re.M), r)
        check(re.search(r"^GET +/ ", tail, re.M), "a row of the request", r)
        numbers = re.search(r"^ *Aggregated +(.*)$", tail, re.M)[1].split()
    same(len(numbers), 6, r)
    return [float(n) for n in numbers]


def stall(server, seconds):
    """Stops the server for a while: a fact of the test, not a wait for anything."""
    server.p.send_signal(signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        server.p.send_signal(signal.SIGCONT)


def stalled(dir, *args, seconds=2.0, classes="Plain"):
    with Target(dir) as server:
        with start(dir, *args, classes=classes, host=server.url, path="/", log=1) as p:
            until(lambda: "Users arrive" in p.read("err"), 20, "the start")
            time.sleep(1)
            stall(server, seconds)
            r = ended(p)
    same(r.rc, 0, r)
    return r


for compact in (False, True):
    @test("a stall of 2 s shows in the times from the intended start, %s" % ("--compact" if compact else "table"))
    def _(dir, compact=compact):
        # 10 s at 1,000 arrivals/s; the stages have a second without any after it, so all of them are served.
        quiet_end = ["--stages", "0s:1000/s,10s:1000/s,0s:0/s,1s:0/s", "--compact"]
        r = stalled(dir, *(quiet_end if compact else ["--rate", "1000", "-t", "10"]),
                    "--stop-timeout", "20", "--max-in-flight", "50")
        c = counts(r)
        check(abs(c.scheduled - 10000) <= 1, c)
        # A machine that halts the generator at the very end lets it lose what was due then; the stall sheds none.
        check(c.lost == 0 if compact else c.lost < 500, c)
        check(c.late >= 1500, c)
        p50, p99, most, i50, i99, imost = intended(r)
        check(p99 < 500, "naive p99 is %g ms" % p99, r)
        check(i99 > 1500, "intended p99 is %g ms" % i99, r)
        check(most >= 1900 and imost >= most, "max %g, intended %g" % (most, imost))
        check(i50 >= p50, "p50 %g, intended %g" % (p50, i50))
        check(peak(r)[0] <= 50, peak(r))
        lates = [late for *_, late in samples(r)]
        check(len(lates) == c.started and sum(late > 1000 for late in lates) > 300, len(lates))


@test("--patience 1: who waited longer is shed")
def _(dir):
    r = stalled(dir, "--rate", "500", "-t", "5", "--max-in-flight", "20", "--patience", "1", "--stop-timeout", "9")
    c = counts(r)
    check(abs(c.scheduled - 2500) <= 1, c)
    check(c.shed > 200 and c.late > 100, c)  # the stall is 2 s, half of it too long
    same(len(samples(r)), c.started)
    check(max(late for *_, late in samples(r)) < 1500, "one was served long after its patience", c)


@test("a negative patience: nobody waits")
def _(dir):
    r = stalled(dir, "-t", "4", "--stop-timeout", "9",
                classes="Own:rate=500,max=20,patience=-1")
    c = counts(r)
    check(abs(c.scheduled - 2000) <= 1, c)
    check(c.shed > 500, c)
    same(c.late, 0, c)
    same(len(samples(r)), c.started)


@test("waiting arrivals are shed when their patience is over, not when the server is back")
def _(dir):
    r = opened(dir, "-u", "1", "-t", "3", classes="Own:rate=50,max=1,patience=0.5;Watch:task=1", task=60,
               rc=1)  # the one operation that began was never done
    seen = [Counts(line.split()) for line in re.findall(r"^so_far (.*)$", r.out, re.M)]
    for a, b in zip(seen, seen[1:]):
        check(b.scheduled >= a.scheduled and b.started >= a.started and b.shed >= a.shed, a, b)
    for c in seen:
        check(c.scheduled >= c.started + c.shed, c)
    c = counts(r)
    same(c.started, 1, c)
    # At 3 s those of the first 2.5 s have waited for too long; 20 of them are allowed to be unnoticed.
    check(seen[-1].shed >= 100, "shed so far: %r; at the end: %r" % (seen[-1], c))


# ---- the schedule ----
# What was due while the machine had halted the generator at the very end is unanswered: it is added where
# arrivals are counted to the last one.

@test("even gaps")
def _(dir):
    r = opened(dir, "--rate", "200", "-t", "5", log=1)
    c = counts(r)
    check(abs(c.scheduled - 1000) <= 1, c)
    found = dues(r)
    check(abs(len(found) + c.unanswered - 1000) <= 1, len(found), c)
    same(per_second(found, 5, 0.0025)[:4], [200] * 4)
    check(dispersion(per_second(found, 5, 0.0025)[:4]) < 0.01)
    off = sorted(abs(t - (i + 1) / 200) for i, t in enumerate(found))
    check(off[len(off) * 9 // 10] < 0.001, "one in ten is off its place by %g s" % off[len(off) * 9 // 10])


def exponential(gaps, mean):
    """The statistic of Kolmogorov and Smirnov, times the root of n; above 2.7 once in a million."""
    gaps, n = sorted(gaps), len(gaps)
    worst = 0
    for i, g in enumerate(gaps):
        f = 1 - math.exp(-g / mean)
        worst = max(worst, (i + 1) / n - f, f - i / n)
    return worst * math.sqrt(n)


def looks_poisson(times, rate, seconds):
    n, want = len(times), rate * seconds
    check(abs(n - want) <= 5 * math.sqrt(want), "%d arrivals, mean %g" % (n, want))
    windows = [0] * int(seconds * rate / 10)  # ten in each, on average
    for t in times:
        i = int(t * rate / 10)
        if i < len(windows):
            windows[i] += 1
    got = dispersion(windows)
    check(abs(got - 1) <= 6 * math.sqrt(2 / len(windows)), "index of dispersion %g" % got)
    gaps = [b - a for a, b in zip(times, times[1:])]
    check(exponential(gaps, 1 / rate) < 2.7, "gaps are not exponential: %g" % exponential(gaps, 1 / rate))


@test("--poisson")
def _(dir):
    r = opened(dir, "--rate", "500", "--poisson", "-t", "6", log=1)
    c = counts(r)
    same(len(dues(r)), c.started, c)
    looks_poisson(dues(r), 500, 6)


@test("poisson in the class, even for another")
def _(dir):
    r = opened(dir, "-t", "5", classes="Some:rate=300,poisson=1;Even:rate=200", log=1)
    looks_poisson(dues(r, "Some"), 300, 5)
    same(per_second(dues(r, "Even"), 5, 0.0025)[:4], [200] * 4)


@test("--rate is shared by weight, and a class keeps its own")
def _(dir):
    r = opened(dir, "--rate", "200", "-t", "3", classes="A:weight=3;B;Own:rate=50", log=1)
    c = counts(r)
    got = {cls: len(dues(r, cls)) for cls in ("A", "B", "Own")}
    for cls, want in (("A", 450), ("B", 150), ("Own", 150)):
        check(want - 2 - c.unanswered <= got[cls] <= want + 2, got, c)
    check(abs(c.scheduled - 750) <= 3, c)


@test("a class without weight has no share of --rate")
def _(dir):
    r = opened(dir, "--rate", "100", "-t", "2", classes="A;None:weight=-1", log=1)
    check(abs(len(dues(r, "A")) + counts(r).unanswered - 200) <= 1, len(dues(r, "A")))
    same(events(r, "start", "None"), [])


@test("arrivals beside users that -u brings")
def _(dir):
    r = opened(dir, "-u", "5", "-r", "1000000", "-t", "3", classes="Own:rate=100;Watch:task=1", log=1)
    c = counts(r)
    check(abs(c.scheduled - 300) <= 1, c)
    same(len(events(r, "start", "Watch")), 5, r)
    check(len(events(r, "task", "Watch")) > 50, "the closed class hardly ran")
    same(len(events(r, "task", "Own")), c.started)
    r.says("All users spawned: {\"")


@test("the schedule is kept by a generator that was halted")
def _(dir):
    with start(dir, "--rate", "200", "-t", "4", "--stop-timeout", "9", log=1, path="/",
               host=shared_target().url) as p:
        until(lambda: "Users arrive" in p.read("err"), 20, "the start")
        stall(p, 1.5)
        r = ended(p)
    same(r.rc, 0, r)
    c = counts(r)
    check(abs(c.scheduled - 800) <= 1, c)
    same(len(dues(r)), c.started)
    check(sum(late > 500 for *_, late in samples(r, "op")) > 100, "nothing was late")
    found = per_second(dues(r), 4, 0.0025)[:3]
    check(all(abs(n - 200) <= 1 for n in found), found)  # one may be halted between being due and its task


# ---- stages ----

@test("--stages of arrivals follow straight lines")
def _(dir):
    r = opened(dir, "--stages", "2s:1000/s,2s:1000/s,2s:0/s", log=1)
    c = counts(r)
    found = per_second(dues(r), 7, 0)
    for got, want in zip(found, (250, 750, 1000, 1000, 750, 250, 0)):
        check(abs(got - want) <= max(2, want * 0.02), found)
    check(abs(c.scheduled - 4000) <= 3, c)
    r.says("All stages are over")
    check(r.seconds >= 6, r.seconds)
    check(all(t <= 6001 for _, t in events(r, "task")), "a task after the last stage")


@test("--stages of arrivals: a jump, shares, a class of its own, poisson")
def _(dir):
    r = opened(dir, "--stages", "0s:400/s,2s:400/s,1s:0/s", classes="A:weight=3;B;Own:rate=100", log=1)
    found = {cls: per_second(dues(r, cls), 3, 0) for cls in ("A", "B", "Own")}
    found["Own"][2] += counts(r).unanswered  # where the generator was halted at the very end
    for cls, want in (("A", (300, 300, 150)), ("B", (100, 100, 50)), ("Own", (100, 100, 100))):
        check(all(abs(g - w) <= 3 for g, w in zip(found[cls], want)), found)
    r = opened(dir, "--stages", "0s:500/s,3s:500/s", "--poisson", log=1)
    looks_poisson(dues(r), 500, 3)


@test("--stages of users beside arrivals")
def _(dir):
    r = opened(dir, "--stages", "1s:4,1s:4", classes="Own:rate=100;Watch:task=1", log=1)
    same(len(events(r, "start", "Watch")), 4, r)
    check(abs(counts(r).scheduled - 200) <= 1, counts(r))


@test("bad stages and options are a sentence")
def _(dir):
    def bad(option, text):
        r = run(dir, [build("open_model.c"), "--headless", "-t", "1", option, text])
        same(r.rc, 2, r)
        same((r.out, len(r.err.splitlines())), ("", 1), r)
        check(option in r.err, r)

    each([("--stages", s) for s in (
        "1m:100/s,1m:5", "1m:5,1m:100/s", "1m:5,1m:5,1m:1/s", "1m:100/m", "1m:/s", "1m:-5/s", "1m:100/s/s",
        "1m:100s", "1m:100/", "1m:100 /s", ":5/s", "x:5/s", "1m", "1m:5/s;1m:0/s", ",", "1m:5/S",
        "1m:99999999999/s", "-1m:5/s")]
         + [("--rate", s) for s in ("0", "-1", "x", "", "nan", "inf", "1/s")]
         + [("--max-in-flight", s) for s in ("0", "-1", "x", "")]
         + [("--patience", s) for s in ("x", "", "nan")], bad)


# ---- users and tasks ----

for tasks in (1, 3):
    @test("LOCUST_ARRIVE_USERS, %d task%s each" % (tasks, "s" * (tasks > 1)))
    def _(dir, tasks=tasks):
        r = opened(dir, "-t", "2", "--stop-timeout", "9",
                   classes="Own:rate=100,users=1,iterations=%d" % (tasks if tasks > 1 else 0), log=1)
        c = counts(r)
        check(abs(c.scheduled - 200) <= 1, c)
        started = [i for i, _ in events(r, "start")]
        same(len(started), c.started)
        same(len(set(started)), len(started), "an id came twice")
        same(sorted(i for i, _ in events(r, "stop")), sorted(started))
        per = {i: 0 for i in started}
        for i, _ in events(r, "task"):
            per[i] += 1
        check(sum(n != tasks for n in per.values()) <= 1, per)  # the end may cut the last one
        # Late is the first request alone: with it come those that were on time.
        first = set()
        for i, _, _, late in samples(r):
            check(late == 0 or i not in first, "a second request of %d is late" % i)
            first.add(i)


@test("LOCUST_ARRIVE_TASKS: users are reused")
def _(dir):
    r = opened(dir, "-t", "2", classes="Own:rate=200", log=1)
    c = counts(r)
    started = [i for i, _ in events(r, "start")]
    same(len(set(started)), len(started), "on_start came twice")
    same(sorted(started), sorted(i for i, _ in events(r, "stop")))
    same(len(events(r, "task")), c.started)
    check(len(started) <= c.started // 4, "%d users for %d tasks" % (len(started), c.started))
    for _, _, _, late in samples(r, "more"):
        same(late, 0.0, "the second request of a task")


for kind, classes, work in (("a request", "", {"path": "/delay/100"}),
                            ("a measured operation", "", {"task": 0.1}),
                            ("a request in a coroutine", ",task=5", {"path": "/delay/100"})):
    @test("one user, too slow: late_ms of %s is what the clock says" % kind)
    def _(dir, classes=classes, work=work):
        r = opened(dir, "-t", "3", "--stop-timeout", "9", "--compact", classes="Own:rate=20,max=1" + classes, log=1,
                   host=shared_target().url, **work)
        c = counts(r)
        check(abs(c.scheduled - 60) <= 1, c)
        same(len(events(r, "start")), 1, r)
        same(peak(r), (1, 1))
        rows = samples(r, "op")
        same(len(rows), c.started)
        same(c.late, c.started - 1)
        check(c.unanswered >= 25, c)  # none waits for as long as its patience
        for k, (_, t, elapsed, late) in enumerate(rows):
            # Arrival k is due at 50 (k + 1) ms and begins when k others have taken 100 ms each.
            check(late >= 50 * k - 1, "arrival %d is late by %g ms" % (k, late))
            check(abs(t - elapsed - late - 50 * (k + 1)) < 25, "due of arrival %d" % k, t, elapsed, late)
        longest = max(elapsed + late for _, _, elapsed, late in rows)
        told = float(re.findall(r" intended_max=([\d.]+)", r.out)[-1])
        check(abs(told - longest) <= 0.01 * longest, "intended_max %g, samples %g" % (told, longest))


for what, task in (("fail", 2), ("stop their users", 3), ("leave their set without a wait", 4)):
    @test("tasks that %s: each is an arrival" % what)
    def _(dir, task=task):
        r = opened(dir, "-t", "2", classes="Own:rate=100,task=%d" % task, task=0.001, log=1, rc=task == 2)
        c = counts(r)
        check(abs(c.scheduled - 200) <= 1, c)
        n = len(events(r, "task"))
        check(abs(n - c.started) <= 1, "%d tasks, %r" % (n, c))
        same(sorted(i for i, _ in events(r, "start")), sorted(i for i, _ in events(r, "stop")))


@test("locust_wait_spawned does not wait where nobody is spawned")
def _(dir):
    r = opened(dir, "-t", "1", classes="Own:rate=50,task=6", log=1)
    same(len(events(r, "task")), counts(r).started, r)


@test("--run-time beside stages of arrivals is not ignored in silence")
def _(dir):
    r = opened(dir, "--stages", "3s:100/s", "-t", "1", log=1)
    check(r.seconds < 2.9 or "--run-time" in r.err, r)


for kind in (0, 1):
    @test("the cap is never exceeded, %s" % ("users" if kind else "tasks"))
    def _(dir, kind=kind):
        r = opened(dir, "-t", "2", "--stop-timeout", "9",
                   classes="Own:rate=300,max=7,users=%d,patience=0.3" % kind, task=0.05, log=1)
        c = counts(r)
        same(peak(r), (7, 7), c)
        check(c.late > 50 and c.shed > 50, c)
        same(len(samples(r, "op")), c.started)


# ---- the end ----

for name, classes, task in (("tasks", "Plain", ""), ("users", "Own:rate=500,users=1", ""),
                            ("tasks in a queue", "Own:rate=500,max=3", 0.02),
                            ("users in a queue", "Own:rate=500,max=3,users=1", 0.02),
                            ("users of three tasks", "Own:rate=500,users=1,iterations=3", 0.01)):
    @test("-i 100 is a hundred task runs: %s" % name)
    def _(dir, classes=classes, task=task):
        r = opened(dir, "-i", "100", *(["--rate", "500"] if classes == "Plain" else []), classes=classes,
                   task=task, log=1)
        same(len(events(r, "task")), 100, r)
        same(len(events(r, "done")), 100)
        same(len(samples(r, "op")), 100)
        same(sorted(i for i, _ in events(r, "start")), sorted(i for i, _ in events(r, "stop")))
        r.says("All iterations are done")
        c = counts(r)
        if "iterations" not in classes:
            same(c.started, 100, c)  # an arrival that started is a task


@test("a signal while arrivals wait")
def _(dir):
    for args in ((), ("--stop-timeout", "1")):
        with start(dir, "--rate", "200", "--max-in-flight", "5", *args, classes="Plain;Watch:fixed=0,weight=-1",
                   task=60, log=1) as p:
            time.sleep(1.5)  # from a second on what was never answered fails the run
            p.p.send_signal(signal.SIGTERM)
            r = ended(p, 20)
        same(r.rc, 1, r)  # five operations were under way, and none had been done
        c = counts(r)
        same((c.started, c.late), (5, 0), c)
        check(c.shed == 0 and c.unanswered > 0, c)
        same(sorted(i for i, _ in events(r, "start")), [1, 2, 3, 4, 5])
        same(sorted(i for i, _ in events(r, "stop")), [1, 2, 3, 4, 5])
        same(events(r, "done"), [])


@test("no arrivals: no word about them")
def _(dir):
    r = opened(dir, "-u", "1", "-t", "1", task=0.1)
    check("Arrivals:" not in r.err and "intended" not in r.err, r)
    same(re.search(r"^counts (.*)$", r.out, re.M)[1], "0 0 0 0 0")


main(parallel=3, before=lambda: (build("open_model.c"), build("target.c", "-O1")))
