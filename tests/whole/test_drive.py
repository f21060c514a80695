#!/usr/bin/env -S python3 -B
"""What drives a test: iterations, load shapes, stages, --config-users, own options, events, a program
of one's own, a single user; and the same scenario run by Locust 2.12 where it is installed.

    tests/whole/test_drive.py [WORD...]    only the tests whose name contains a word
"""
import collections, json, os, sys
from kit.lib import *

DRIVE, EVENTS, COMPARE = "driven_users.c", "order_of_events.c", "same_scenario.c"


def drive(dir, *args, seconds=30, conf=None, host=None, before_exec=None, **env):
    """One run of driven_users.c; variables as path="/", wait=0.1; others by their whole names."""
    own = tempfile.mkdtemp(dir=dir)
    if conf is not None:
        with open(own + "/locust.conf", "w") as f:
            f.write(conf)
    env = {k if k.isupper() else "DRIVE_" + k.upper(): str(v) for k, v in env.items()}
    head = ["--headless"] + (["-H", host or shared_target().url] if host is not False else [])
    r = run(own, [build(DRIVE, "-O0")] + head + list(args), seconds=seconds, env=env,
            before_exec=before_exec)
    r.dir = own
    return r


def sentence(r, rc, *words):
    """One line on standard error, `locust: ` and a sentence; no test has begun."""
    about = "%s" % r
    if rc is None:
        check(r.rc in (1, 2), about)
    else:
        same(r.rc, rc, about)
    check(r.err.endswith("\n") and r.err.count("\n") == 1, "not one line on standard error", about)
    check(re.match(r"locust: ([^A-Z]|[A-Z_]+\b)", r.err), "not of the form `locust: a sentence`", about)
    check(not r.err.endswith(".\n"), "a full stop at its end", about)
    check("start " not in r.out and "option" not in r.out, "it went on", about)
    for word in words:
        check(word in r.err, "the line does not name " + word, about)


def lines(r, word):
    """The words after the first of the lines that begin with it."""
    return [line.split()[1:] for line in r.out.splitlines() if line.split(" ")[0] == word]


def task_names(r):
    return collections.Counter(words[2] for words in lines(r, "task"))


def classes(r):
    """{class: users}, from on_start of each."""
    return dict(collections.Counter(words[1] for words in lines(r, "start")))


def life(r):
    """on_stop ran once for each user that started; the ids in the order of their ends."""
    started, stopped = ([int(w[0]) for w in lines(r, word)] for word in ("start", "stop"))
    same(sorted(started), list(range(1, len(started) + 1)), r)
    same(sorted(stopped), sorted(started), r)
    return stopped


def tuples(r, word):
    return [tuple(float(n) for n in words) for words in lines(r, word)]


# ---- -i, .iterations ----

def iterations(dir, users, n, *args, classes=("Plain",), **env):
    with Target(dir) as target:
        r = drive(dir, "-u", str(users), "-r", "1000000", "-i", str(n), "--csv", "c", "--only-summary",
                  *args, *classes, host=target.url, path="/", **env)
        served = target.stop()[0]
    same(len(lines(r, "task")), n, "users %d" % users, r)
    same(served, n, "requests at the server", r)
    total = stats_csv(r.dir + "/c")[1]
    same(count(total), n, "requests in the CSV")
    r.says("All iterations are done, shutting down")
    same(r.err.count("All iterations are done"), 1)
    life(r)
    return r


@test("--iterations: exactly so many task runs in all")
def _(dir):
    def one(users, n):
        same(iterations(dir, users, n).rc, 0)

    each([(u, n) for u in (1, 7, 50) for n in (1, 7, 100, 1000)], one)


@test("--iterations with waits, slow tasks, a slow on_stop, a ramp that still runs")
def _(dir):
    def one(users, n, env, args):
        r = iterations(dir, users, n, *args, **env)
        same(r.rc, 0, r)
        check(r.seconds < 5, "it took its time", r)

    each([(7, 7, {"wait": 60}, []), (7, 20, {"wait": 0.05}, []), (10, 30, {"task": 0.1}, []),
          (10, 5, {"task": 0.2, "end": 0.2}, []), (50, 7, {"wait": 60}, ["-s", "30"]),
          (1000, 5, {"wait": 60}, ["-r", "10"]), (1000, 1, {}, ["-r", "0.1"])], one)


@test("--iterations with nested task sets")
def _(dir):
    for users, n in ((1, 100), (7, 100), (50, 1000), (50, 20)):
        r = iterations(dir, users, n, classes=["Nested"])
        same(r.rc, 0, r)
        if n >= 100:
            same(set(task_names(r)), {"one", "two", "three", "leave", "leave_slowly"}, r)


@test("--iterations counts tasks that fail")
def _(dir):
    for users, n, k in ((1, 10, 1), (7, 100, 3), (50, 1000, 2), (50, 7, 1)):
        for which in ("Plain", "Nested"):
            r = iterations(dir, users, n, classes=[which], fail=k)
            same((r.rc, len(lines(r, "error"))), (1, n // k), r)


@test("--iterations: classes together, and from its other places")
def _(dir):
    r = iterations(dir, 12, 100, classes=["Plain", "Nested", "Heavy"])
    same(set(classes(r)), {"Plain", "Nested", "Heavy"})
    for where in ({"LOCUST_ITERATIONS": "9"}, {"conf": "iterations = 9\n"},
                  {"conf": "iterations = 5", "LOCUST_ITERATIONS": "9"}):
        r = drive(dir, "-u", "3", "-r", "1000000", "Plain", **where)
        same((r.rc, len(lines(r, "task"))), (0, 9), where, r)
    r = drive(dir, "-i", "9", "Plain", LOCUST_ITERATIONS="4")
    same(len(lines(r, "task")), 9, r)
    r = drive(dir, "--iterations=4", "-t", "1h", "Plain", DRIVE_CODE=7)
    same((r.rc, len(lines(r, "task"))), (7, 4), r)
    r = drive(dir, "-i", "1000000", "-t", "1", "Plain", wait=0.2)  # the run time comes first
    r.says("--run-time limit reached")


@test("--iterations: bad values")
def _(dir):
    def refused(value):
        sentence(drive(dir, "-i", value), 2, "-i", value)
        sentence(drive(dir, "--iterations", value), 2, "--iterations", value)
        if value:
            sentence(drive(dir, LOCUST_ITERATIONS=value), 2, "LOCUST_ITERATIONS", value)
            sentence(drive(dir, conf="iterations = %s\n" % value), 2, "iterations", value)

    each(["0", "-1", "ten", "1.5", "99999999999", "1e3", ""], refused)


@test(".iterations of a class")
def _(dir):
    for users in (1, 7, 50):
        for name, n in (("Counted", 3), ("CountedNested", 7)):
            r = drive(dir, "-u", str(users), "-r", "100", name)
            per_user = collections.Counter(w[0] for w in lines(r, "task"))
            same((r.rc, per_user), (0, {str(i): n for i in range(1, users + 1)}), r)
            life(r)
    r = drive(dir, "-u", "4", "-r", "1000000", "Counted", fail=1)
    same((r.rc, len(lines(r, "task")), len(lines(r, "error"))), (1, 12, 12), r)
    r = drive(dir, "-u", "4", "-r", "1000000", "Counted", wait=0.1)  # the wait after the last task is none
    same(len(lines(r, "task")), 12, r)
    r = drive(dir, "-u", "3", "-r", "2", "Counted")  # the first are through before the last come
    same((len(lines(r, "task")), len(life(r))), (9, 3), r)
    r = drive(dir, "-u", "10", "-r", "1000000", "-i", "8", "Counted", wait=0.01)  # both: the lower one
    same(len(lines(r, "task")), 8, r)
    r = drive(dir, "-u", "2", "-r", "1000000", "-i", "80", "-t", "20", "Counted")
    same(len(lines(r, "task")), 6, r)
    check(r.seconds < 5, r)
    r = drive(dir, "-u", "4", "-r", "1000000", "-t", "2", "Plain", "Counted", wait=0.2)
    same(len([w for w in lines(r, "task") if w[1] == "Counted"]), 6, r)  # others keep it alive
    r.says("--run-time limit reached")


@test(".iterations and users that end themselves earlier")
def _(dir):
    r = drive(dir, "-u", "3", "-r", "1000000", "-t", "5", "Quitter")
    same((len(lines(r, "task")), len(life(r))), (3, 3), r)
    check(r.seconds < 3, "all users are through, but the test goes on", r)


# ---- load shapes ----

@test("a shape ramps up and down, and its end is that of the test")
def _(dir):
    r = drive(dir, "Plain", shape="2:10:20,4:3:20,6:6:2,7:0:100", wait=0.02)
    same(r.rc, 0, r)
    check(7 <= r.seconds < 8.5, r)
    r.says("locust.runners: Ramping to 10 users at a rate of 20.00 per second")
    r.says("locust.runners: Ramping to 3 users at a rate of 20.00 per second")
    r.says("locust.runners: Ramping to 6 users at a rate of 2.00 per second")
    same(r.err.count("Ramping to"), 4, "an equal tick begins no ramp", r)
    r.says("Shape test stopping")
    ticks = [t for t, in tuples(r, "tick")]
    check(len(ticks) == 8 and all(abs(t - i) < 0.4 for i, t in enumerate(ticks)), ticks)
    same([n for n, t in tuples(r, "users") if 1 < t < 2][0], 10, r)
    for low, high, n in ((0.7, 1.9, 10), (2.4, 3.9, 3), (5.7, 5.95, 6)):
        seen = {m for m, t in tuples(r, "users") if low <= t <= high}
        same(seen, {n}, "users from %g to %g s" % (low, high), r)
    life(r)


@test("on_spawning_complete of a shape: when, and how many")
def _(dir):
    r = drive(dir, "Plain", shape="2:10:20,4:3:20,5:6:6,6:0:100", wait=0.02)
    same([int(n) for n, t in tuples(r, "spawned")], [10, 3, 6, 0], r)
    same([int(n) for n, in tuples(r, "counted")], [10, 3, 6, 0], r)
    for (n, t), want in zip(tuples(r, "spawned"), (0, 2, 4, 5)):
        check(want <= t <= want + 0.9, "ramp over at", t, r)
    same(re.findall(r'"Plain": (\d+)', r.err), ["10", "3", "6", "0"], r)


@test("a ramp-down takes the latest first and runs on_stop")
def _(dir):
    r = drive(dir, "Plain", shape="2:10:50,4:4:50,5:7:50", wait=0.02)
    stopped = life(r)
    same(set(stopped[:6]), {5, 6, 7, 8, 9, 10}, "the latest of the ten go first", r)
    same(sorted(stopped[6:]), [1, 2, 3, 4, 11, 12, 13], r)
    ends = {int(w[0]): float(w[2]) for w in lines(r, "stop")}
    check(all(2 <= ends[i] <= 2.6 for i in range(5, 11)), ends)
    r = drive(dir, "Plain", shape="1:6:50,5:2:2,7:2:2", wait=0.02)  # slowly, so the order shows
    same(life(r)[:4], [6, 5, 4, 3], r)


@test("a ramp-down without a stop timeout cuts tasks, with one it lets them finish")
def _(dir):
    args = ("Plain",)
    r = drive(dir, *args, shape="1:4:50,3:1:50", path="/delay/1700", end=0.1)
    ends = {int(w[0]): float(w[2]) for w in lines(r, "stop")}
    same(sorted(life(r)[:3]), [2, 3, 4], r)
    check(all(1 <= ends[i] <= 1.6 for i in (2, 3, 4)), ends)
    r = drive(dir, *args, "-s", "20", "--csv", "c", shape="1:4:50,3:1:50", path="/delay/1700", end=0.1)
    ends = {int(w[0]): float(w[2]) for w in lines(r, "stop")}
    same(sorted(life(r)[:3]), [2, 3, 4], r)
    check(all(1.6 <= ends[i] <= 2.6 for i in (2, 3, 4)), ends)
    same((count(stats_csv(r.dir + "/c")[1]), r.rc), (5, 0), r)
    r = drive(dir, *args, "-s", "1", shape="1:4:50,4:1:50", task=30)  # cut when it is over
    ends = {int(w[0]): float(w[2]) for w in lines(r, "stop")}
    check(all(2 <= ends[i] <= 2.7 for i in (2, 3, 4)), ends, r)
    r = drive(dir, *args, "-s", "30", shape="1:4:50,2:1:50", wait=60)  # who waits goes at once
    ends = {int(w[0]): float(w[2]) for w in lines(r, "stop")}
    check(all(1 <= ends[i] <= 1.6 for i in (2, 3, 4)) and r.seconds < 4, ends, r)


@test("a shape chooses classes")
def _(dir):
    r = drive(dir, "Plain", "Heavy", "Light", "Admin", shape="1:4:50:Heavy,2:6:50:Light,3:9:50:Light+Plain,"
              "4:11:50:Admin", wait=0.1)
    same([w[1] for w in sorted(lines(r, "start"), key=lambda w: int(w[0]))[:6]],
         ["Heavy"] * 4 + ["Light"] * 2, r)
    later = [w[1] for w in sorted(lines(r, "start"), key=lambda w: int(w[0]))[6:]]
    same((set(later[:3]), later[3:]), ({"Light", "Plain"}, ["Admin"] * 2), r)
    r = drive(dir, "Heavy", "Light", shape="1:40:500:Heavy+Light", wait=0.5)
    same(classes(r), {"Heavy": 30, "Light": 10}, r)


@test("a tick that names no classes is for all, whatever an earlier one named")
def _(dir):
    r = drive(dir, "Heavy", "Light", shape="1:4:50:Light,2:12:50", wait=0.1)
    same([w[1] for w in lines(r, "start")][:4], ["Light"] * 4, r)
    check("Heavy" in classes(r), "new users are of Light alone", r)


@test("a shape ignores --users, --spawn-rate and --run-time, and says so")
def _(dir):
    def one(*args):
        r = drive(dir, *args, "Plain", shape="1:3:50", wait=0.05)
        same(max(n for n, t in tuples(r, "users")), 3, r)
        check(1 <= r.seconds < 2.5, r)
        check("Ramping to 3 users at a rate of 50.00 per second" in r.err and r.err.count("Ramping") == 1, r)
        warned = [text for level, _, text in r.log() if level == "WARNING"]
        same(len(warned), 1 if args else 0, r)
        names = {"-u": "--users", "-r": "--spawn-rate", "-t": "--run-time"}
        if args:  # those that were given, and no others
            same(re.findall(r"--\S+[a-z]", warned[0]), [names[a] for a in args if a in names], warned)
            check("shape" in warned[0], warned)

    each([(), ("-u", "9"), ("-t", "1"), ("-r", "5"), ("-u", "9", "-r", "1000000", "-t", "1")], one)


@test("a shape that ends at once, and a rate of 0")
def _(dir):
    r = drive(dir, "Plain", shape="0:3:5")
    same((r.rc, lines(r, "start"), len(lines(r, "tick"))), (0, [], 1), r)
    r = drive(dir, "Plain", shape="3:2:0", wait=0.1)  # 0: one user a second
    r.says("Ramping to 2 users at a rate of 1.00 per second")
    check(0.9 <= float(lines(r, "start")[1][2]) <= 1.5, r)


@test("a signal, locust_stop_test and --iterations end a shape too")
def _(dir):
    r = drive(dir, "-i", "20", "Plain", shape="60:5:50")
    same((r.rc, len(lines(r, "task"))), (0, 20), r)
    with Program(dir, [build(DRIVE, "-O0"), "--headless", "Plain"],
                 env={"DRIVE_SHAPE": "60:5:50", "DRIVE_WAIT": "0.1"}) as p:
        until(lambda: "spawned 5" in p.read(), 10, "users")
        p.p.send_signal(signal.SIGTERM)
        r = p.wait(5)
    same((r.rc, len(life(r))), (0, 5), r)


@test("the contract's shape.c")
def _(dir):
    program = build("tests/build/contract/shape.c")
    for warning in (["-u", "7"], []):
        with Program(dir, [program, "--headless", "-H", shared_target().url] + warning) as p:
            until(lambda: re.search(r"^GET +/ +[1-9]", p.read("err"), re.M), 10, "requests in a table")
            p.p.send_signal(signal.SIGINT)
            r = p.wait(10)
        same(r.rc, 0, r)
        r.says("Ramping to 100 users at a rate of 5.00 per second")
        same("/WARNING/" in r.err, bool(warning), r)


# ---- --stages ----

def line(stages):
    """users(t) of the straight lines of [(seconds, users)]."""
    def users(t):
        at, before = 0, 0
        for seconds, n in stages:
            if t < at + seconds:
                return before + (n - before) * max(0, t - at) / seconds
            at, before = at + seconds, n
        return before
    return users


def on_line(r, stages):
    users, end = line(stages), sum(s for s, _ in stages)
    corners = [sum(s for s, _ in stages[:i]) for i in range(len(stages) + 1)]
    samples = [(n, t) for n, t in tuples(r, "users") if t < end]
    check(len(samples) > 30, "few samples", r)
    wrong = []
    for n, t in samples:
        near = [users(min(end, max(0, t + d))) for d in (-1, 0, 1)]
        near += [users(c) for c in corners if abs(c - t) <= 1]
        if not min(near) - 1 <= n <= max(near) + 1:
            wrong.append("%d users at %.3f s, the line has %.1f" % (n, t, users(t)))
    check(not wrong, "\n".join(wrong[:10]), "%d of %d" % (len(wrong), len(samples)), r)
    same(r.rc, 0, r)
    check(end <= r.seconds < end + 1.5, r)
    life(r)


for text, stages in (("3:30,2:30,3:0", [(3, 30), (2, 30), (3, 0)]),
                     ("2s:4,2s:20,2s:10", [(2, 4), (2, 20), (2, 10)]),
                     ("6:3", [(6, 3)]), ("3:900,2:100", [(3, 900), (2, 100)])):
    @test("--stages %s follows the line" % text)
    def _(dir, text=text, stages=stages):
        on_line(drive(dir, "--stages", text, "Plain", wait=0.02 if stages[0][1] < 100 else 0.5), stages)


@test("--stages: LOCUST_STAGES, a config file, minutes")
def _(dir):
    for where in ({"LOCUST_STAGES": "2:10"}, {"conf": "stages = 2:10\n"}):
        on_line(drive(dir, "Plain", wait=0.02, **where), [(2, 10)])
    r = drive(dir, "--stages", "1m:60,1h:0", "-i", "5", "Plain")
    r.says("Ramping to 60 users at a rate of 1.00 per second")
    r = drive(dir, "--stages", "1:2", "-u", "9", "-t", "1h", "Plain", wait=0.1)
    check("/WARNING/" in r.err and r.seconds < 3, r)


@test("--stages with a stage of no time: there at once")
def _(dir):
    r = drive(dir, "--stages", "0:20,3:20", "Plain", wait=0.05)
    late = [(n, t) for n, t in tuples(r, "users") if 1 < t < 3]
    same({n for n, t in late}, {20}, r)


@test("--stages: bad texts")
def _(dir):
    def refused(text):
        sentence(drive(dir, "--stages", text, "-i", "1"), 2, "--stages")
        sentence(drive(dir, "-i", "1", LOCUST_STAGES=text), 2, "LOCUST_STAGES")

    each(["x", "10", "10:", ":10", "1m:ten", "1x:10", "1m:-1", "1m:1.5", "1m:10,x", ",", "1m:10;1m:5", "1m:99999999999", "1m:10:5", "-1m:5", "1m: 10", "1m:10 junk"],
         refused)


# ---- --config-users ----

def config(dir, value, *args, users="8", **more):
    text = value if isinstance(value, str) else json.dumps(value)
    return drive(dir, "--config-users", text, "-u", users, "-r", "100", "-t", "1", *args,
                 host=False, wait=0.3, **more)


@test("--config-users: host, weight, fixed_count, tasks")
def _(dir):
    names = ("Heavy", "Light", "Admin")
    r = drive(dir, "-u", "10", "-r", "1000000", "-t", "1", *names, host=False, wait=0.3)
    same(classes(r), {"Heavy": 6, "Light": 2, "Admin": 2}, r)
    for value, users, want in (
            ({"user_class_name": "Heavy", "weight": 1}, "10", {"Heavy": 4, "Light": 4, "Admin": 2}),
            ({"user_class_name": "Heavy", "weight": 0}, "6", {"Light": 4, "Admin": 2}),
            ({"user_class_name": "Heavy", "weight": 0.5}, "8", {"Heavy": 2, "Light": 4, "Admin": 2}),
            ({"user_class_name": "Admin", "fixed_count": 5}, "9", {"Heavy": 3, "Light": 1, "Admin": 5}),
            ({"user_class_name": "Admin", "fixed_count": 0}, "10", {"Heavy": 6, "Light": 2, "Admin": 2}),
            ([{"user_class_name": "Light", "fixed_count": 3}, {"user_class_name": "Admin", "fixed_count": 1}],
             "7", {"Heavy": 3, "Light": 3, "Admin": 1})):
        same(classes(config(dir, value, *names, users=users)), want, value)
    url = shared_target().url
    r = config(dir, [{"user_class_name": "Heavy", "host": url, "tasks": ["two"]},
                     {"user_class_name": "Light", "tasks": ["one", "two"]}], *names)
    seen = {tuple(w[1:]) for w in lines(r, "task")}
    check({(c, h) for c, n, h in seen} == {("Heavy", url), ("Light", "http://127.0.0.1:1"),
                                           ("Admin", "http://127.0.0.1:1")}, seen)
    same({n for c, n, h in seen if c == "Heavy"}, {"two"}, r)
    r = drive(dir, "--config-users", '{"user_class_name": "Heavy", "host": "http://127.0.0.1:9"}', "-i", "1",
              "Heavy")  # --host goes first, as in Locust
    same(lines(r, "task")[0][3], url, r)


@test("--config-users: object, array, file, variable, blanks, escapes")
def _(dir):
    one = {"user_class_name": "Heavy", "weight": 0}
    for i, text in enumerate((json.dumps(one), json.dumps([one]), json.dumps(one, indent=2),
                              "  \n" + json.dumps([one], indent=1) + "\n",
                              '{"weight":0,"user_class_name":"He\\u0061vy"}')):
        path = "%s/u%d.json" % (dir, i)
        with open(path, "w") as f:
            f.write(text + "\n")
        for r in (config(dir, text, "Heavy", "Light"), config(dir, path, "Heavy", "Light"),
                  drive(dir, "-u", "8", "-r", "1000000", "-i", "8", "Heavy", "Light", wait=1,
                        LOCUST_CONFIG_USERS=text)):
            same(classes(r), {"Light": 8}, text, r)
    r = drive(dir, "-u", "8", "-r", "1000000", "-i", "8", "Heavy", "Light", wait=1,
              conf="config-users = %s\n" % path)
    same(classes(r), {"Light": 8}, r)


@test("--config-users: what is refused")
def _(dir):
    def refused(value):
        text = value if isinstance(value, str) else json.dumps(value)
        sentence(drive(dir, "--config-users", text, "-t", "1", "Heavy", "Light"), None, "config-users")

    def heavy(**more):
        return dict(user_class_name="Heavy", **more)

    each([{"user_class_name": "Nope"}, {"user_class_name": 5}, {"weight": 1}, heavy(wieght=1),
          heavy(wait_time=1), heavy(host=5), heavy(host=None), heavy(weight="3"), heavy(weight=-1),
          heavy(weight=None), heavy(weight=True), heavy(weight=[1]), heavy(fixed_count="1"),
          heavy(fixed_count=-1), heavy(fixed_count=10 ** 12), heavy(tasks="one"),
          heavy(tasks=["nope"]), heavy(tasks=[]), heavy(tasks=[5]), heavy(tasks={"one": 1}),
          heavy(tasks=None), [heavy(weight=1), {"user_class_name": "Nope"}], [heavy(weight=1), 5], [5],
          "{", "[", '{"user_class_name": "Heavy",}', "{'user_class_name': 'Heavy'}",
          '{"user_class_name": "Heavy"} x', "missing.json", ".", "Heavy"], refused)
    r = drive(dir, "--config-users", json.dumps(heavy(host="http://a b")), "-t", "1", "Heavy", host=False)
    sentence(r, None, "http://a b")


@test("--config-users: a fixed_count that is no whole number")
def _(dir):
    r = drive(dir, "--config-users", '{"user_class_name": "Heavy", "fixed_count": 1.5}', "-i", "1", "Heavy")
    sentence(r, None, "fixed_count")


@test("--config-users that leaves no class")
def _(dir):
    r = drive(dir, "--config-users", '{"user_class_name": "Light", "weight": 0}', "-t", "2", "Light")
    sentence(r, None, "weight")


# ---- events ----

WHO = ["own", "a", "b", "late", "later"]


def events(dir, *args, env=None, seconds=30):
    return run(dir, [build(EVENTS, "-O0")] + list(args), env=env, seconds=seconds)


def told(r):
    """[(event, who, the rest)]"""
    return [tuple((l.split(" ", 2) + [""])[:3]) for l in r.out.splitlines()
            if re.match(r"[a-z_]+ (own|a|b|late|later)( |$)", l)]


def grouped(r):
    """[(event, [who...])], of requests with their names; neighbours of one kind together."""
    out = []
    for event, who, rest in told(r):
        if event == "request":
            event = " ".join(rest.split(" url=")[0].split(" ", 1))
        if not out or out[-1][0] != event:
            out.append((event, []))
        out[-1][1].append(who)
    return out


REQUESTS = ["GET /", "GET /status/404", "OWN fine", "OWN broken", "SLEEP nap", "SLEEP bad nap"]


@test("the order of all events")
def _(dir):
    url = shared_target().url
    for fail in ("", "1"):
        r = events(dir, "command", "--headless", "--reset-stats", "-H", url,
                   env={"EVENTS_FAIL": fail} if fail else {})
        want = [("init", WHO[:3]), ("test_start", WHO), ("spawning_complete", WHO), ("reset_stats", WHO)]
        want += [(name, WHO) for name in REQUESTS] + ([("user_error", WHO)] if fail else [])
        want += [("test_stopping", WHO), ("test_stop", WHO), ("quitting", WHO[::-1]), ("quit", WHO)]
        same(grouped(r), want, r)
        same(r.out.splitlines()[0], "init own 0 0.000", r)
        same(r.rc, 1, r)


@test("the arguments of events")
def _(dir):
    url = shared_target().url
    r = events(dir, "command", "--headless", "-H", url, "-u", "1", env={"EVENTS_FAIL": "1"})
    args = {(e, w): rest for e, w, rest in told(r) if e != "request"}
    for w in WHO:
        same([args[e, w] for e in ("test_start", "spawning_complete", "user_error", "test_stopping", "test_stop",
                                   "quit")], ["0", "1 1", "1 task failed: really", "1", "0", "1"], r)
    common = "user=Visitor phases=%d response=%s timed=1 total=%d"
    want = ["OWN fine url=NULL error=NULL status=0 length=77 context=42 " + common % (0, "0/0", 3),
            "OWN broken url=NULL error=no luck status=0 length=0 context=0 " + common % (0, "0/0", 4),
            "SLEEP nap url=NULL error=NULL status=0 length=5 context=0 " + common % (0, "0/0", 5),
            "SLEEP bad nap url=NULL error=nightmare status=0 length=0 context=0 " + common % (0, "0/0", 6)]
    want = ["GET / url=%s/?n=1 error=404 Client Error: Not Found status=404 length=10 context=42 " % url
            + common % (1, "404/10", 1),
            "GET /status/404 url=%s/status/404 error=404 Client Error: Not Found status=404 length=7 context=0 "
            % url + common % (1, "404/7", 2)] + want
    for w in WHO:
        same([rest for e, who, rest in told(r) if (e, who) == ("request", w)], want, r)


@test("on_test_stopping comes before the users are stopped, after locust_stop_test too")
def _(dir):
    r = events(dir, "command", "--headless", "-H", shared_target().url)
    same({rest for e, w, rest in told(r) if e == "test_stopping"}, {"1"}, "users alive then", r)


@test("locust_set_exit_code")
def _(dir):
    url = shared_target().url
    for code in ("0", "7"):
        r = events(dir, "command", "--headless", "-H", url, env={"EVENTS_CODE": code})
        same((r.rc, {rest for e, w, rest in told(r) if e == "quit"}), (int(code), {code}), r)
        r.says("Shutting down (exit code %s)" % code)
    r = drive(dir, "-i", "1", "Plain", code=5)
    same((r.rc, lines(r, "quit")), (5, [["5"]]), r)
    r = drive(dir, "-i", "1", "--exit-code-on-error", "9", "Plain", path="/status/500", code=0)
    same((r.rc, lines(r, "quit")), (0, [["0"]]), r)


@test("locust_set_exit_code in on_init")
def _(dir):
    r = drive(dir, "-i", "1", "Plain", code_early=6)
    same((r.rc, lines(r, "quit")), (6, [["6"]]), r)


@test("resetting the figures")
def _(dir):
    r = drive(dir, "-u", "3", "-r", "1000000", "-i", "9", "--csv", "c", "Plain", path="/", reset=5)
    same(lines(r, "reset"), [["0"]], r)
    check(4 <= count(stats_csv(r.dir + "/c")[1]) <= 6, r)
    same(r.err.count("Resetting stats"), 1, r)
    r = drive(dir, "-u", "3", "-r", "1000000", "-i", "9", "--csv", "c", "Plain", path="/status/500", reset=9)
    same((r.rc, count(stats_csv(r.dir + "/c")[1]) <= 2), (r.rc, True), r)
    r = drive(dir, "-i", "9", "--csv", "c", "Plain", path="/status/500", reset=9)  # failures are forgotten
    same((r.rc, count(stats_csv(r.dir + "/c")[1])), (0, 0), r)
    r = drive(dir, "--reset-stats", "-u", "4", "-r", "2", "-i", "400", "-t", "20", "Plain", path="/", wait=0.02)
    same(len(lines(r, "reset")), 1, r)


@test("a program of its own has no on_quitting and no on_quit")
def _(dir):
    r = events(dir, "library", shared_target().url)
    want = [("init", WHO[:3]), ("test_start", WHO), ("spawning_complete", WHO)]
    want += [(name, WHO) for name in REQUESTS] + [("test_stopping", WHO), ("test_stop", WHO)]
    same(grouped(r), want, r)
    plain = [l for l in r.out.splitlines() if l.split()[0] in ("made", "returned", "freed")]
    same((plain, r.err, r.rc), (["made", "returned 1", "freed"], "", 0), r)
    check(r.out.index("init b") < r.out.index("made") < r.out.index("test_start"), r)


@test("as many listeners as LOCUST_LISTENERS_MAX")
def _(dir):
    r = events(dir, "full")
    same(re.findall(r"told (\d+) of (\d+)", r.out), [("32", "32")], "of those in .listeners", r)
    added = int(re.search(r"added (\d+) of", r.out)[1])
    check(27 <= added <= 30, r)


@test("on_usage_monitor and on_cpu_warning")
def _(dir):
    def first():  # root may have the core before all others
        with contextlib.suppress(OSError):
            os.nice(-19)

    r = drive(dir, "-u", "1", "-t", "12", "Plain", busy=0.05, before_exec=first)
    usage, cpu = tuples(r, "usage"), tuples(r, "cpu")
    same(len(usage), 1, r)
    percent, size, at = usage[0]
    check(9.9 <= at <= 11 and 1e5 < size < 1e9 and 0 < percent <= 110, usage)
    if percent <= 90 and not cpu:
        raise Skip("the machine is busy: the busy test got %.0f %% of a core" % percent)
    check(1 <= len(cpu) <= 2 and all(90 < c <= 110 for c, in cpu), cpu, r)
    same(len([1 for level, _, text in r.log() if level == "WARNING" and "core" in text]), 1, r)


# ---- own options ----

def own(r):
    return {w[0]: " ".join(w[1:]) for w in lines(r, "option")}


@test("own options from every place")
def _(dir):
    go = lambda *args, **more: own(drive(dir, "-i", "1", "Plain", *args, **more))
    base = {"api-key": '"none"', "dry-run": '"false"', "region": '""', "none-such": "NULL"}
    for args, more, key, want in (
            ((), {}, None, None), (("--api-key", "k 1"), {}, "api-key", '"k 1"'),
            (("--api-key=x=y",), {}, "api-key", '"x=y"'), (("--api-key=",), {}, "api-key", '""'),
            (("--api-key=-v",), {}, "api-key", '"-v"'), (("--api", "k"), {}, "api-key", '"k"'),
            ((), {"DRIVE_API_KEY": "e"}, "api-key", '"e"'), ((), {"conf": "api-key = c\n"}, "api-key", '"c"'),
            ((), {"conf": "api-key = c\n", "DRIVE_API_KEY": "e"}, "api-key", '"e"'),
            (("--api-key", "a"), {"conf": "api-key = c\n", "DRIVE_API_KEY": "e"}, "api-key", '"a"'),
            (("--api-key", "a", "--api-key", "b"), {}, "api-key", '"b"'),
            (("--dry-run",), {}, "dry-run", '"true"'), ((), {"DRIVE_DRY_RUN": "yes"}, "dry-run", '"true"'),
            ((), {"DRIVE_DRY_RUN": "0", "conf": "dry-run = true\n"}, "dry-run", '"false"'),
            ((), {"conf": "dry-run\n"}, "dry-run", '"true"'), (("--region", "eu"), {}, "region", '"eu"'),
            ((), {"conf": "region: eu\n"}, "region", '"eu"')):
        got = go(*args, **more)
        got.pop("API-KEY")
        same(got, dict(base, **({key: want} if key else {})), args, more)


@test("own options: names are compared as they are")
def _(dir):
    same(own(drive(dir, "-i", "1", "Plain"))["API-KEY"], "NULL")
    same(own(drive(dir, "-i", "1", "--api-key", "x", "Plain"))["API-KEY"], "NULL")


@test("own options: help, wrong values, misspellings, clashes")
def _(dir):
    r = drive(dir, "--help")
    same((r.rc, r.err), (0, ""), r)
    for text in (r"--api-key KEY\s+the key of the service", r"DRIVE_API_KEY", r"--dry-run\s+change nothing",
                 r"DRIVE_DRY_RUN", r"--region NAME\s+where"):
        check(re.search(text, r.out), "no " + text, r)
    check(all(len(l) <= 100 for l in r.out.splitlines()), r.out)
    sentence(drive(dir, "--api-key"), 2, "--api-key")
    sentence(drive(dir, "--dry-run=yes"), 2, "--dry-run")
    sentence(drive(dir, DRIVE_DRY_RUN="maybe"), 2, "DRIVE_DRY_RUN", "maybe")
    sentence(drive(dir, conf="dry-run = maybe\n"), 2, "dry-run", "maybe")
    each([("--api-kye", "--api-key"), ("--apikey", "--api-key"), ("--dryrun", "--dry-run"),
          ("--regoin", "--region")],
         lambda wrong, right: sentence(drive(dir, wrong, "x"), 2, wrong, "did you mean " + right))
    sentence(drive(dir, conf="regoin = x\n"), 2, "regoin", "did you mean region")
    each(["users", "help", "web-port", "csv", "api-key", "iterations"],
         lambda name: sentence(drive(dir, options=name), 2, "--" + name))
    sentence(drive(dir, "--re", "x"), 2, "--re", "--reset-stats", "--region", "--resolve")


# ---- locust_record, a single user, a program of one's own ----

@test("locust_record and LOCUST_MEASURE in the statistics")
def _(dir):
    r = events(dir, "command", "--headless", "-H", shared_target().url, "--csv", "c")
    rows, total = stats_csv(dir + "/c")
    same({k: (count(v), failed(v)) for k, v in rows.items()},
         {("GET", "/"): (1, 1), ("GET", "/status/404"): (1, 1), ("OWN", "fine"): (1, 0), ("OWN", "broken"): (1, 1),
          ("SLEEP", "nap"): (1, 0), ("SLEEP", "bad nap"): (1, 1)}, r)
    same((count(total), failed(total)), (6, 4))
    fine = rows["OWN", "fine"]
    same([float(fine[k]) for k in ("Average Response Time", "Min Response Time", "Max Response Time",
                                   "Average Content Size")], [12.5, 12.5, 12.5, 77.0], fine)
    nap = rows["SLEEP", "nap"]
    check(19.9 <= float(nap["Average Response Time"]) <= 200 and float(nap["Average Content Size"]) == 5, nap)
    failures = {(f["Method"], f["Name"]): (f["Error"], f["Occurrences"]) for f in read_csv(dir + "/c", "failures")}
    same((failures["OWN", "broken"], failures["SLEEP", "bad nap"]), (("no luck", "1"), ("nightmare", "1")))


@test("locust_run_single_user prints requests and answers")
def _(dir):
    url = shared_target().url
    r = events(dir, "single", url, "Look")
    out = r.out
    check(r.rc == 1 and "returned 1" in out, "two requests have failed", r)
    check(out.startswith("on_start 1\n") and out.count("on_start") == out.count("on_stop") == 1, r)
    for text in ("GET %s/size/20  200 OK" % url, "\n\nxxxxxxxxxxxxxxxxxxxx\n", "/status/404  404 Not Found",
                 "Content-Type: text/plain", "Content-Length: 20", "Server: target", "POST %s/echo  200" % url,
                 '{"a":1}', "5000 bytes", "OWN thing", "connection refused"):
        check(text in out, "it does not print " + text, r)
    check("Aggregated" not in out + r.err and "Ramping" not in r.err, r)
    same(r.err, "")


@test("locust_run_single_user: its end, its exit code")
def _(dir):
    url = shared_target().url
    r = events(dir, "single", url, "Fine")  # a fixed_count of 3: one all the same
    same((r.rc, r.out.count("on_start"), r.out.count("GET"), r.out.count("on_stop")), (0, 1, 1, 1), r)
    r = events(dir, "single", url, "Twice")
    same((r.rc, r.out.count("GET"), r.out.count("on_stop")), (0, 2, 1), r)
    r = events(dir, "single", "", "Fine")  # no host at all
    check(r.rc == 1 and r.err.count("\n") == 1 and "host" in r.err and r.seconds < 5, r)
    r = events(dir, "single", "http://a b", "Fine")
    check(r.rc in (1, 2) and "http://a b" in r.err, r)
    for number in (signal.SIGINT, signal.SIGTERM):
        with Program(dir, [build(EVENTS, "-O0"), "single", url, "Forever"]) as p:
            until(lambda: p.read().count("GET ") >= 3, 10, "three requests")
            p.p.send_signal(number)
            r = p.wait(5)
        same((r.rc, r.out.count("on_stop"), r.out.splitlines()[-1]), (0, 1, "returned 0"), r)


@test("two environments in one process, figures while they run")
def _(dir):
    with Target(dir) as target:
        r = events(dir, "twice", shared_target().url, target.url)
        served = target.stop()
    same((r.rc, r.err, len(r.out.splitlines())), (0, "", 2), r)
    for i, text in enumerate(r.out.splitlines()):
        f = dict(w.split("=") for w in text.split() if "=" in w)
        n = int(f["requests"])
        check(200 <= n <= 210, r)
        f.pop("late"), f.pop("requests")
        same(f,
             {"rc": "0", "failures": "0", "bytes": str(n * 100), "runs": str(n), "task": str(n),
              "listener": str(n), "name": "Aggregated", "users": "0", "p": "1", "mean": "1"}, r)
    same(served[0], n, r)


@test("no task of any user begins after locust_stop_test")
def _(dir):
    r = events(dir, "twice", shared_target().url, shared_target().url)
    same(re.findall(r"late=(\d+)", r.out), ["0", "0"], r)


@test("library.c")
def _(dir):
    with open("examples/library.c") as f:
        source = f.read()
    for path, code in (("", 0), ("/status/500?", 1)):
        with open(dir + "/library.c", "w") as f:
            f.write(source.replace("http://127.0.0.1:8080", shared_target().url + path))
        done = subprocess.run([CC, "-O0", "-I.", dir + "/library.c", "-o", dir + "/library"], capture_output=True)
        same((done.returncode, done.stderr), (0, b""))
        r = run(dir, [dir + "/library"])
        m = re.fullmatch(r"(\d+) requests, (\d+) failed, p95 ([\d.]+) ms, (\d+) seen by the listener\n", r.out)
        check(m and r.err == "", r)
        same((r.rc, m[2]), (code, m[1] if code else "0"), r)
        same(m[4], m[2], r)
        check(int(m[1]) > 10 and 2 <= r.seconds < 3.5, r)


# ---- the same by Locust 2.12 ----

def locust(dir, *args, tasks=0):
    """Runs Locust; with tasks, until so many have begun."""
    program = "/usr/bin/locust"
    if not os.path.exists(program):
        raise Skip("Locust is missing: apt-get install python3-locust")
    return run(tempfile.mkdtemp(dir=dir), [program, "-f", ROOT + "/tests/whole/kit/same_scenario.py", "--headless",
                                           "-H", shared_target().url] + list(args), seconds=90,
               env={"PYTHONDONTWRITEBYTECODE": "1", "COMPARE_TASKS": str(tasks)})


def ours(dir, *args):
    return run(tempfile.mkdtemp(dir=dir), [build(COMPARE, "-O0"), "--headless", "-H", shared_target().url] + list(args))


def both(dir, *args):
    return locust(dir, *args), ours(dir, *args)


def only(r, word):
    return [l for l in r.out.splitlines() if l.startswith(word + " ")]


@test("as Locust: users over classes")
def _(dir):
    for users in ("2", "14", "26"):
        a, b = both(dir, "-u", users, "-r", "100", "-t", "1", "Heavy", "Light", "Middle", "Admin")
        count = lambda r: collections.Counter(only(r, "user"))
        same(count(b), count(a), "users " + users)
        same(sum(count(a).values()), int(users))
        spawned = lambda r: re.search(r"All users spawned: (.*)", r.err)[1]
        same(spawned(b), spawned(a))


@test("as Locust: weighted tasks")
def _(dir):
    args = ["-u", "4", "-r", "1000000", "Weighted"]
    a, b = locust(dir, *args, tasks=600), ours(dir, *args, "-i", "600")
    for who, r in (("Locust", a), ("locust.h", b)):
        n = collections.Counter(l.split()[2] for l in only(r, "task"))
        total = sum(n.values())
        check(total >= 600, who, n)
        chi = sum((n[name] - total * share) ** 2 / (total * share)
                  for name, share in (("rare", 0.1), ("common", 0.6), ("usual", 0.3)))
        check(chi < 13.82, "%s: chi-square %.1f of 13.8 at 0.001 with 2 degrees" % (who, chi), n)


@test("as Locust: tags")
def _(dir):
    names = lambda r: {l.split()[2] for l in only(r, "task")}
    for tags, exclude in (([], []), (["pay"], ["slow"]), (["shop"], ["slow"]), (["critical", "slow"], []),
                          ([], ["pay", "shop"]), ([], ["slow"])):
        args = ["-u", "60", "-r", "1000000"]  # many: who enters a set that has lost its way out stays there
        a = locust(dir, *args, "Tagged", *(["-T"] + tags if tags else []), *(["-E"] + exclude if exclude else []),
                   tasks=900)
        b = ours(dir, *args, "Tagged", "-i", "3000", *(["-T", ",".join(tags)] if tags else []),
                 *(["-E", ",".join(exclude)] if exclude else []))
        check(names(a), a)
        same(names(b), names(a), tags, exclude)


@test("as Locust: nested sequential sets")
def _(dir):
    a, b = locust(dir, "-u", "1", "Ordered", tasks=60), ours(dir, "-u", "1", "-t", "2", "Ordered")
    a, b = (only(r, "task")[:60] for r in (a, b))
    check(len(a) == 60, a)
    same(b, a)


@test("as Locust: the order of events")
def _(dir):
    a, b = both(dir, "-u", "1", "-t", "4", "Eventful")
    same(only(b, "event"), only(a, "event"), a, b)
    same((b.rc, a.rc), (1, 1))


main(parallel=4, before=lambda: (build(DRIVE, "-O0"), build(EVENTS, "-O0"), build(COMPARE, "-O0"), shared_target()))
