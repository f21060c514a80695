#!/usr/bin/env -S python3 -B
"""--processes: a test in several processes of one command. And --secret.

    tests/whole/test_processes.py [WORD...]    only the tests whose name contains a word
"""
import json, os, random
from kit.lib import *
from kit.stock import LOCUSTFILE, installed


def forked(dir, *args, classes=("Many",), **env):
    return Program(dir, [build("fleet_users.c", "-O1"), "--headless", *args, *classes],
                   env={"FLEET_" + k.upper(): str(v) for k, v in env.items()})


def summary(dir, name="s.json"):
    with open(dir + "/" + name) as f:
        return json.load(f)


def children(pid):
    """The processes that this one has started and that live."""
    found = []
    for at in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if at.isdigit():
                with open("/proc/%s/stat" % at) as f:
                    state, parent = f.read().rsplit(")", 1)[1].split()[:2]
                if int(parent) == pid and state != "Z":
                    found.append(int(at))
    return found


def alive(pid):
    with contextlib.suppress(OSError):
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    return False


@test("as one program: its iterations, its figures, its output")
def _(dir):
    with Target(dir) as target:
        r = run(dir, [build("fleet_users.c", "-O1"), "--headless", "--processes", "3", "-u", "9", "-r", "90", "-i", "200",
                      "-H", target.url, "--summary", "s.json", "--request-log", "log.csv", "Many"])
        served = target.stop()[0]
    same((r.rc, served, summary(dir)["total"]["requests"]), (0, 200, 200), r)
    logs = sorted(glob.glob(dir + "/log.csv*"))
    same([os.path.basename(log) for log in logs], ["log.csv.1", "log.csv.2", "log.csv.3"], r)
    same(sum(len(open(log).readlines()) - 1 for log in logs), 200)
    same(r.err.count("Shutting down"), 1, r)
    same(r.err.count("Starting locust.h"), 1, r)
    r.says("All users spawned: {\"Many\": 9} (9 total users)")


@test("the same samples in one process and in eight: the same figures, byte for byte")
def _(dir):
    pick = random.Random(5)
    with open(dir + "/samples.csv", "w") as f:
        f.write("name,ms,bytes,error\n")
        for i in range(4000):
            f.write("/%d,%.3f,%d,%s\n" % (pick.randrange(7), pick.lognormvariate(3, 2), pick.randrange(9999),
                                           pick.choice(["", "", "", "timed out", "404 Client Error: Not Found"])))
    texts = []
    for n in "1", "8":
        more = ["--processes", n] if n != "1" else []
        r = run(dir, [build("recorded_samples.c", "-O1"), "--headless", "-u", "16", "-r", "99", "-t", "4", *more,
                      "--summary", n + ".json"])
        same(r.rc, 1, r)
        got = summary(dir, n + ".json")
        for row in [*got["rows"], got["total"]]:
            del row["rps"], row["fps"]  # by how long the run took, to the microsecond
        for f in got["failures"]:
            del f["first_seen"], f["last_seen"]
        got["failures"].sort(key=lambda f: (f["name"], f["error"]))
        same(got["total"]["requests"], 4000)
        texts.append(json.dumps([got[k] for k in ("rows", "total", "failures")], indent=1))
    check(texts[0] == texts[1], *(line for pair in zip(texts[0].split("\n"), texts[1].split("\n"))
                                   if pair[0] != pair[1] for line in pair))


@test("Ctrl-C, to all processes of the terminal: one end, in order")
def _(dir):
    with Target(dir) as target, Program(dir, [build("fleet_users.c", "-O1"), "--headless", "--processes", "3", "-u", "9",
                                              "-r", "90", "-H", target.url, "--summary", "s.json", "Many"],
                                        before_exec=os.setsid) as p:
        until(lambda: "All users spawned" in p.read("err"), 20, "users")
        workers = children(p.p.pid)
        same(len(workers), 3)
        os.killpg(p.p.pid, signal.SIGINT)
        r = p.wait(20)
        same([alive(w) for w in workers], [False] * 3)
        served = target.stop()[0]
    got = summary(dir)["total"]
    same((r.rc, got["requests"] + got["unanswered"]), (0, served), r)
    same(sorted(r.out.split()), sorted(["start", "none", "-1", "start", "none", "0", "start", "none", "1", "start",
                                        "none", "2", *["stop"] * 4]), r)


@test("a process that is killed: told, its users go to the others, the run is partial")
def _(dir):
    with Target(dir) as target, forked(dir, "--processes", "3", "-u", "9", "-r", "90", "-t", "4", "-H", target.url,
                                       "--summary", "s.json", "--fail-on-lost-workers") as p:
        until(lambda: "All users spawned" in p.read("err"), 20, "users")
        os.kill(children(p.p.pid)[1], signal.SIGKILL)
        r = p.wait(30)
        target.stop()
    same(r.rc, 5, r)
    check(re.search(r"process \d of 3 \(pid \d+\) was killed by signal 9", r.err), r)
    r.says("was killed by signal 9: its 3 users go to the others")
    r.says("exit code 5: partial: 1 of 3 workers was lost")
    same(summary(dir)["remarks"][0]["key"], "partial")


@test("all processes are killed: the test ends, and has failed")
def _(dir):
    with forked(dir, "--processes", "2", "-u", "2", "-H", shared_target().url) as p:
        until(lambda: "All users spawned" in p.read("err"), 20, "users")
        for child in children(p.p.pid):
            os.kill(child, signal.SIGKILL)
        r = p.wait(20)
    same(r.rc, 1, r)
    r.says("The last worker went missing or quit, stopping test.")


@test("the first process is killed: the others end")
def _(dir):
    with forked(dir, "--processes", "3", "-u", "3", "-H", shared_target().url) as p:
        until(lambda: "All users spawned" in p.read("err"), 20, "users")
        workers = children(p.p.pid)
        p.p.kill()
        p.p.wait()
        until(lambda: not any(alive(w) for w in workers), 10, "the end of all")


@test("what is wrong is said once")
def _(dir):
    program = build("fleet_users.c", "-O1")
    for args, text in ((["-H", "htp://x"], "unknown scheme"), (["--processes", "257"], "--processes takes up to 256"),
                       (["--processes", "0"], "a whole number from 1, or -1"),
                       (["--check", "p99<"], "--check")):
        r = run(dir, [program, "--headless", "--processes", "3", *args, "Many"])
        same(r.rc, 2, r)
        same(r.err.count(text), 1, r)
        same(r.err.count("\n"), 1, r)
    r = run(dir, [program, "--headless", "--processes", "2", "Many"])
    same(r.rc, 1, r)
    check("no host: give --host" in r.err[r.err.index("Shutting down"):], "among the exceptions", r)


@test("--worker --processes: workers of another master")
def _(dir):
    port = free_port()
    with Target(dir) as target, forked(dir, "--master", "--master-bind-port", str(port), "--expect-workers", "3", "-u",
                                       "6", "-r", "90", "-t", "2", "-H", target.url, "--summary", "s.json") as m, \
            Program(dir, [build("fleet_users.c", "-O1"), "--worker", "--master-port", str(port), "--processes", "3"]) as p:
        r = m.wait(30)
        same((r.rc, p.wait(20).rc), (0, 0), r)
        same(summary(dir)["total"]["requests"] + summary(dir)["total"]["unanswered"], target.stop()[0])
    with Program(dir, [build("fleet_users.c", "-O1"), "--worker", "--master-port", str(port), "--processes", "2"]) as p:
        until(lambda: len(children(p.p.pid)) == 2, 10, "two children")
        until(lambda: p.read("err").count("trying again") == 2, 10, "both look for a master")
        p.p.send_signal(signal.SIGTERM)
        same(p.wait(10).rc, 1)


@test("a secret: who knows it is taken, all others are refused in words, on both ends")
def _(dir):
    port = free_port()
    for name, text in ("right", "correct horse\n"), ("wrong", "battery staple\n"), ("short", "x\n"):
        with open("%s/%s" % (dir, name), "w") as f:
            f.write(text)
    program = build("fleet_users.c", "-O1")
    worker = [program, "--worker", "--master-port", str(port)]
    with contextlib.ExitStack() as stack:
        start = lambda argv, **o: stack.enter_context(Program(dir, argv, **o))
        m = start([program, "--master", "--headless", "--master-bind-port", str(port), "--secret", "right", "-u", "2",
                   "-r", "9", "-t", "2", "-H", shared_target().url, "Many"])
        without, wrong = start(worker), start([*worker, "--secret", "wrong"])
        until(lambda: "it wants a --secret, and this worker has none: trying again" in without.read("err"), 10, "one")
        until(lambda: "it refuses this --secret: its own is another: trying again" in wrong.read("err"), 10, "two")
        until(lambda: "this master wants one" in m.read("err") or "has another --secret" in m.read("err"), 10, "three")
        check("reported as ready" not in m.read("err"), m.read("err"))
        if shutil.which("locust"):
            with open(dir + "/locustfile.py", "w") as f:
                f.write(LOCUSTFILE)
            theirs = start([installed(), "-f", "locustfile.py", "--worker", "--master-port", str(port)])
            until(lambda: "this master wants a --secret" in theirs.read("err"), 20, "a stock worker reads why")
        without.kill()
        wrong.kill()
        right = start(worker, env={"LOCUST_SECRET": "correct horse"})
        r = m.wait(20)
        same((r.rc, right.wait(10).rc), (0, 0), r)
        same(r.err.count("reported as ready"), 1, r)
        r = run(dir, [*worker, "--secret", "short"])
        same(r.rc, 2, r)
        r.says("too short for a secret")
        r = run(dir, [*worker, "--secret", "no-such-file"])
        same(r.rc, 2, r)

main(parallel=4, before=lambda: (build("fleet_users.c", "-O1"), shared_target()))
