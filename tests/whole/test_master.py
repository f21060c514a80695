#!/usr/bin/env -S python3 -B
"""Masters: on the wire with workers that do what the test says, and in runs with stock workers of Locust.

    tests/whole/test_master.py [WORD...]    only the tests whose name contains a word

The stock workers are those of the installed Locust; with FULL=1 in the environment, as `make check` has it, those of the
versions of test_fleet.py, too.
"""
import functools, json, os, sys
from kit.lib import *

try:
    import msgpack
    from kit.hand import Hand, entry, report
except ImportError:  # Debian's packages are for Debian's Python
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])
    Hand = None
from kit.stock import LOCUSTFILE, VERSIONS, installed, locust_of


def master(dir, port, *args, classes=("Few",), **env):
    return Program(dir, [build("fleet_users.c", "-O1"), "--master", "--headless", "--master-bind-host", "127.0.0.1",
                         "--master-bind-port", str(port), *args, *classes],
                   env={"FLEET_" + k.upper(): str(v) for k, v in env.items()})


def worker(dir, port, *args, **env):
    return Program(dir, [build("fleet_users.c", "-O1"), "--worker", "--master-port", str(port), *args],
                   env={"FLEET_" + k.upper(): str(v) for k, v in env.items()})


def wire(name):
    """A test that needs scripted workers."""
    def register(function):
        def run(dir):
            if not Hand:
                raise Skip("python3-zmq or python3-msgpack is missing")
            function(dir, free_port())
        return test(name)(run)
    return register


def summary(dir):
    with open(dir + "/s.json") as f:
        return json.load(f)


def row(dir, name):
    found = [r for r in summary(dir)["rows"] if r["name"] == name]
    return found[0] if found else None


@wire("all that a worker is told, from ack to quit")
def _(dir, port):
    with master(dir, port, "-u", "5", "-r", "2", "-t", "5", "-s", "1", "-H", "http://there.test", "-E", "a", "b",
                "--api-key", "k-1", "--summary", "s.json", classes=("Few", "Many")) as m, Hand(port) as w:
        same([d for t, d in w.seen if t == "ack"][0]["index"], 0)
        steps = []
        for n in 2, 4, 5:
            spawn = w.get("spawn", 5)
            same(sum(spawn["user_classes_count"].values()), n)
            same(set(spawn["user_classes_count"]), {"Few", "Many"})
            same((spawn["host"], spawn["stop_timeout"]), ("http://there.test", 1.0))
            same({k: spawn["parsed_options"][k] for k in ("tags", "exclude_tags", "expect_workers", "api_key",
                                                         "num_users", "spawn_rate", "run_time")},
                 {"tags": None, "exclude_tags": ["a", "b"], "expect_workers": 1, "api_key": "k-1", "num_users": 5,
                  "spawn_rate": 2.0, "run_time": 5.0})
            steps.append(spawn["timestamp"])
        check(all(0.9 < b - a < 2 for a, b in zip(steps, steps[1:])), "steps of a second", steps)
        same(w.get("spawning_complete", 5), {"user_count": 5})
        same(w.get("heartbeat", 5), None)
        w.send("stats", report(entry("/a", 30, 2), users=w.users, errors={
            "k": {"name": "/a", "method": "GET", "error": "no", "occurrences": 2, "first_seen": 1.0, "last_seen": 2.0}}))
        w.send("exception", {"msg": "it broke", "traceback": "File x\n line y"})
        w.last = report(entry("/a", 1), entry("/b", 4, ms=150, method="POST"))  # late: it counts
        w.get("stop", 10)
        w.get("quit", 10)
        r = m.wait(10)
    same(r.rc, 1, r)
    same([(x["method"], x["name"], x["requests"], x["failures"]) for x in summary(dir)["rows"]],
         [("GET", "/a", 31, 2), ("POST", "/b", 4, 0)])
    same(summary(dir)["total"]["requests"], 35)
    for line in "(index 0) reported as ready. 1 workers connected.", "All users spawned: {", "it broke":
        check(line in r.err, line, r)
    same(r.out.split(), ["start", "k-1", "-1", "stop"], r)


@wire("the order in which classes and workers get users is Locust's")
def _(dir, port):
    ids = ["h1_b", "h2_c", "h1_a"]  # dealt h1_a, h2_c, h1_b: the first of each host, then the second
    with master(dir, port, "-u", "4", "-r", "4", "-t", "3", "--expect-workers", "3",
                classes=("Few", "Many")) as m, contextlib.ExitStack() as stack:
        hands = {id: stack.enter_context(Hand(port, id)) for id in ids}
        got = {id: h.get("spawn", 5)["user_classes_count"] for id, h in hands.items()}
        m.wait(10)
    same(got, {"h1_a": {"Few": 1, "Many": 1}, "h2_c": {"Few": 0, "Many": 1}, "h1_b": {"Few": 1, "Many": 0}})


GOOD = {"state": "running", "current_cpu_usage": 1.0}
BAD_MESSAGES = [  # of one that has joined: what it reported before stays, and nothing of these counts
    ("no msgpack", b"\xc1"), ("an empty message", b""), ("cut off", b"\x93\xa5stats"), ("two elements", ["stats", None]),
    ("another's id", ["stats", None, "other"]), ("type as bytes", [b"stats", None, "ID"]),
    ("stats nil", ["stats", None, "ID"]), ("stats without rows", ["stats", {}, "ID"]),
    ("rows no list", ["stats", {"stats": 5, "errors": {}}, "ID"]),
    ("no errors", ["stats", {"stats": []}, "ID"]), ("errors a list", ["stats", {"stats": [], "errors": [1]}, "ID"]),
    ("a row that is none", ["stats", report() | {"stats": [7]}, "ID"]),
    ("a name that is no text", ["stats", report(entry(5, 1)), "ID"]),
    ("minus one request", ["stats", report(entry("/x", -1)), "ID"]),
    ("more than can be", ["stats", report(entry("/x", 2 ** 60)), "ID"]),
    ("not a number", ["stats", report(entry("/x", 1, total_response_time=float("nan"))), "ID"]),
    ("infinite", ["stats", report(entry("/x", 1, max_response_time=float("inf"))), "ID"]),
    ("failures beyond requests", ["stats", report(entry("/x", 1, 2)), "ID"]),
    ("more times than requests", ["stats", report(entry("/x", 1, response_times={5: 9})), "ID"]),
    ("more in seconds than requests", ["stats", report(entry("/x", 1, num_reqs_per_sec={5: 9})), "ID"]),
    ("keys of times as text", ["stats", report(entry("/x", 1, response_times={"5": 1})), "ID"]),
    ("min above max", ["stats", report(entry("/x", 1, min_response_time=99.0)), "ID"]),
    ("a good row, then a bad one", ["stats", report(entry("/x", 1), entry("/y", -1)), "ID"]),
    ("failures from nowhere", ["stats", report(errors={"k": {"name": "/x", "method": "", "error": "e",
                                                             "occurrences": 3}}), "ID"]),
    ("users as text", ["stats", report(users={}) | {"user_classes_count": {"Few": "9"}}, "ID"]),
    ("histogram of ours, broken", ["stats", report(entry("/x", 1, **{"locust.h": [1, 2, 3]})), "ID"]),
    ("histogram with a bucket too far", ["stats", report(entry("/x", 1, **{
        "locust.h": [1, 2, 0, 1, [7, 2 ** 40, 1], 0, None, None, None, None]})), "ID"]),
    ("histogram with more than requests", ["stats", report(entry("/x", 1, **{
        "locust.h": [1, 2, 0, 1, [7, 5, 99], 0, None, None, None, None]})), "ID"]),
    ("heartbeat nil", ["heartbeat", None, "ID"]), ("heartbeat of text", ["heartbeat", {"state": 5}, "ID"]),
    ("cpu nil", ["heartbeat", GOOD | {"current_cpu_usage": None}, "ID"]),
    ("spawning_complete nil", ["spawning_complete", None, "ID"]),
    ("exception nil", ["exception", None, "ID"]), ("exception without text", ["exception", {"msg": 1}, "ID"]),
    ("an unknown type", ["nonsense", {"a": [1]}, "ID"]), ("logs", ["logs", {"worker_id": 5}, "ID"]),
]
BAD_BYTES = [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\xff\0\0\0\0\0\0\0\1\x7f\1", b"",
             b"\xff" + bytes(8) + b"\x7f\x03\x01PLAIN" + bytes(48),
             b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48) + b"\0\5hello",
             b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48) + b"\4\x22\5READY\x0bSocket-Type\0\0\0\4PULL" + bytes(9),
             b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48) + b"\2" + b"\xff" * 8]


@wire("whatever workers send, the others' figures stay what they are")
def _(dir, port):
    with Target(dir) as target, master(dir, port, "-u", "6", "-r", "99", "-t", "6", "--expect-workers", "2", "-H",
                                       target.url, "--summary", "s.json", "--fail-on-lost-workers") as m, \
            worker(dir, port) as ours, Hand(port) as liar:
        liar.get("spawn", 10)
        liar.send("stats", report(entry("/true", 7)))
        sockets = []
        for bytes in BAD_BYTES:
            s = socket.create_connection(("127.0.0.1", port))
            s.sendall(bytes)
            sockets.append(s)
        for name, body in BAD_MESSAGES:
            if type(body) is list:
                body = msgpack.packb([liar.id if part == "ID" else part for part in body])
            liar.raw(body)
            time.sleep(0.02)  # what is unreadable closes its connection, and what is on its way with it
        with Hand(port, ready=False, beats=False) as stranger:
            for kind in "stats", "spawning", "spawning_complete", "exception", "client_stopped", "quit":
                stranger.send(kind, report(entry("/x", 5)) if kind == "stats" else None)
            stranger.send("heartbeat", GOOD)
            stranger.get("stop", 5)  # so that it joins anew
            r = m.wait(20)
        same(ours.wait(10).rc, 0)
        for s in sockets:
            s.close()
        served = target.stop()[0]
    same(r.rc, 5, r)
    rows = {x["name"]: (x["requests"], x["failures"]) for x in summary(dir)["rows"]}
    same(rows.pop("/true"), (7, 0))
    check(set(rows) == {"/", "/missing"}, rows)
    same(sum(n for n, _ in rows.values()), served)
    same(summary(dir)["total"]["requests"], served + 7)
    r.says("a report of worker %s is refused" % liar.id)
    check("Traceback" not in r.err, r)


@wire("a worker that falls silent: its users go to the others, and the run is partial")
def _(dir, port):
    with Target(dir) as target, master(dir, port, "-u", "6", "-r", "99", "-t", "10", "--expect-workers", "2", "-H",
                                       target.url, "--summary", "s.json", "--fail-on-lost-workers") as m, \
            worker(dir, port) as ours, Hand(port, "zz_1") as silent:
        until(lambda: "All users spawned" in m.read("err"), 10, "users")
        same(silent.users["Few"], 3)
        silent.send("stats", report(entry("/before", 11), users=silent.users))
        silent.beats = silent.follows = False
        until(lambda: "Worker zz_1 is missing: its 3 users go to the others; 11 requests" in m.read("err"), 8, "a line")
        r = m.wait(20)
        same(ours.wait(10).rc, 0)
        same(target.stop()[0], 6 * 21, "all six users ran, three of them in both places")
    same(r.rc, 5, r)
    same(row(dir, "/before")["requests"], 11)
    same(row(dir, "/")["requests"], 120)
    r.says("exit code 5: partial: 1 of 2 workers was lost (zz_1)")


@wire("a worker that comes back, one that comes late, one that leaves")
def _(dir, port):
    with master(dir, port, "-u", "6", "-r", "99", "-t", "14", "--expect-workers", "2", "--summary", "s.json") as m, \
            Hand(port, "a_1") as a, Hand(port, "b_1") as b:
        until(lambda: a.users == {"Few": 3} and b.users == {"Few": 3}, 5, "users")
        a.beats = False
        until(lambda: b.users == {"Few": 6}, 8, "all users at the other")
        a.send("stats", report(entry("/late", 2), users=a.users))  # of this run, though late
        a.beats = True
        until(lambda: a.users == {"Few": 3} and b.users == {"Few": 3}, 3, "healed")
        with Hand(port, "c_1") as c:
            until(lambda: [h.users for h in (a, b, c)] == [{"Few": 2}] * 3, 3, "a third")
            c.send("quit")
            until(lambda: a.users == {"Few": 3} and b.users == {"Few": 3}, 3, "two again")
        r = m.wait(20)
    same(r.rc, 0, r)
    same(row(dir, "/late")["requests"], 2)
    r.says("Worker a_1 self-healed with heartbeat, setting state to running.")
    r.says("Worker c_1 quit. 2 workers ready.")


@wire("two workers with one id: the second is refused while the first lives, and takes its place when it is dead")
def _(dir, port):
    with master(dir, port, "-u", "2", "-r", "99", "-t", "12", "--expect-workers", "1") as m, Hand(port, "x_1") as first:
        until(lambda: first.users == {"Few": 2}, 5, "users")
        with Hand(port, "x_1", ready=False) as second:
            second.send("client_ready", "2.47.0")
            until(lambda: "a second worker says that it is x_1" in m.read("err"), 5, "a sentence")
            check(not second.seen, second.seen)
            first.beats = first.follows = False  # half-open: nothing comes, and nothing closes
            until(lambda: "x_1 is missing" in m.read("err"), 8, "missing")
            check("is left, shutting down" not in m.read("out"))
            r = m.wait(10)
    check("last worker went missing" in r.err, r)
    same(r.rc, 1, r)


@wire("users by what workers can bear, and who is full")
def _(dir, port):
    with master(dir, port, "-u", "50", "-r", "99", "-t", "14", "--expect-workers", "2", "--share", "capacity") as m, \
            Hand(port, "a_1") as a, Hand(port, "b_1") as b:
        until(lambda: a.users == {"Few": 25} and b.users == {"Few": 25}, 5, "as many for each")
        a.cpu, b.cpu = 96.0, 24.0
        for h in a, b:
            h.send("stats", report(users=h.users))
        until(lambda: a.users == {"Few": 10} and b.users == {"Few": 40}, 13, "four times as many for the idle one")
        r = m.wait(10)
    r.says("Worker a_1 is full: it takes 96 % of a core for 25 users")
    check("b_1 is full" not in r.err, r)
    same(r.err.count("Sharing the users anew"), 1, r)


@test("workers that do not come")
def _(dir):
    r = run(dir, [build("fleet_users.c", "-O1"), "--master", "--headless", "--master-bind-port", str(free_port()),
                  "--expect-workers", "2", "--expect-workers-max-wait", "1"])
    same(r.rc, 1, r)
    r.says("Waiting for workers to be ready, 0 of 2 connected")
    r.says("Gave up waiting for workers to connect")


@test("a port that is taken, and options that contradict")
def _(dir):
    program = build("fleet_users.c", "-O1")
    with socket.create_server(("127.0.0.1", 0)) as s:
        r = run(dir, [program, "--master", "--headless", "--master-bind-host", "127.0.0.1", "--master-bind-port",
                      str(s.getsockname()[1])])
        same(r.rc, 2, r)
        r.says("another program does (--master-bind-host, --master-bind-port)")
    for args, text in ((["--worker"], "a process is one of the two"), (["--master-bind-host", "here"], "takes an address"),
                       (["--find-max", "p99<1s"], "it goes without --master")):
        r = run(dir, [program, "--master", "--headless", *args])
        same(r.rc, 2, r)
        r.says(text)


@test("workers of our own: exact figures, iterations split to the last, messages both ways")
def _(dir):
    port = free_port()
    with Target(dir) as target, master(
            dir, port, "-u", "10", "-r", "10", "-i", "100", "--expect-workers", "3", "-H", target.url, "--summary",
            "s.json", classes=("Many",), sends=1) as m, contextlib.ExitStack() as stack:
        ours = [stack.enter_context(worker(dir, port)) for _ in range(3)]
        r = m.wait(30)
        results = [w.wait(10) for w in ours]
        same([w.rc for w in results], [0, 0, 0], r)
        served = target.stop()[0]
    same(r.rc, 0, r)
    same((served, summary(dir)["total"]["requests"]), (100, 100), r)
    r.says("All iterations are done, shutting down")
    for w in results:
        check('message accounts ["ann", {"n": 1.5, "none": null, "at": [true, -3]}] from master at worker' in w.out, w)
    same(len(re.findall(r"type received: back \(from \S+_[0-9a-f]{32}\)", r.err)), 3, r)
    check(re.search(r"generator: \w+", r.err), r)


@test("arrivals of the open model are shared, for workers that were told nothing of them")
def _(dir):
    port = free_port()
    with Target(dir) as target, master(
            dir, port, "--rate", "200", "-t", "3", "--expect-workers", "2", "-H", target.url, "--phases", "--summary",
            "s.json", classes=("Many",)) as m, worker(dir, port) as a, worker(dir, port) as b:
        r = m.wait(30)
        same([a.wait(10).rc, b.wait(10).rc], [0, 0], r)
        served = target.stop()[0]
    got, arrivals = summary(dir)["total"], summary(dir)["arrivals"]
    check(590 <= arrivals["scheduled"] <= 600, arrivals)
    # (An arrival that waited at the end is in the row's "unanswered", too.)
    same(arrivals["started"] + arrivals["unanswered"], got["requests"] + got["unanswered"], arrivals, got)
    check(got["requests"] <= served <= arrivals["scheduled"], served, arrivals)
    check(got["intended"] and got["phases"], got)


@test("Ctrl-C at the master ends the workers in order")
def _(dir):
    port = free_port()
    with Target(dir) as target, master(dir, port, "-u", "8", "-r", "8", "--expect-workers", "2", "-H", target.url,
                                       "--summary", "s.json", classes=("Many",)) as m, \
            worker(dir, port) as a, worker(dir, port) as b:
        until(lambda: "All users spawned" in m.read("err"), 10, "users")
        m.p.send_signal(signal.SIGINT)
        r = m.wait(10)
        same([r.rc, a.wait(10).rc, b.wait(10).rc], [0, 0, 0], r)
        served = target.stop()[0]
    got = summary(dir)["total"]
    same(got["requests"] + got["unanswered"], served, r)


@test("a worker that is killed, and one that is stopped for a while")
def _(dir):
    port = free_port()
    with Target(dir) as target, master(dir, port, "-u", "9", "-r", "9", "-t", "18", "--expect-workers", "3", "-H",
                                       target.url, "--summary", "s.json", classes=("Many",)) as m, \
            worker(dir, port) as a, worker(dir, port) as killed, worker(dir, port) as stopped:
        until(lambda: "All users spawned" in m.read("err"), 10, "users")
        killed.p.kill()
        killed.p.wait()
        stopped.p.send_signal(signal.SIGSTOP)
        until(lambda: m.read("err").count("is missing: its 3 users go to the others") == 2, 10, "both are missing")
        stopped.p.send_signal(signal.SIGCONT)
        until(lambda: "self-healed" in m.read("err"), 10, "one is back")
        r = m.wait(30)
        same([a.wait(10).rc, stopped.wait(10).rc], [0, 0], r)
        served = target.stop()[0]
    got = summary(dir)["total"]
    lost = served - got["requests"] - got["unanswered"]
    check(0 <= lost < 9 * 50 * 4, "what the dead one had not reported", lost)
    r.says("partial: 1 of 3 workers was lost")
    same(summary(dir)["remarks"][0]["key"], "partial")


@test("a master that is started again: its workers come back and do its test")
def _(dir):
    port = free_port()
    with Target(dir) as target, worker(dir, port) as a:
        with master(dir, port, "-u", "2", "-r", "9", "-H", target.url, classes=("Many",)) as m:
            until(lambda: "All users spawned" in m.read("err"), 10, "users")
            m.p.kill()
            m.p.wait()
        with master(dir, port, "-u", "4", "-r", "9", "-t", "3", "-H", target.url, "--summary", "s.json",
                    classes=("Many",)) as m:
            r = m.wait(30)
        same((r.rc, a.wait(10).rc), (0, 0), r)
    check(summary(dir)["total"]["requests"] > 100, r)


# ---- stock workers ----

def stock(dir, locust, ours):
    """A run of ours with three workers, `ours` of them of our own."""
    port = free_port()
    with open(dir + "/locustfile.py", "w") as f:
        f.write(LOCUSTFILE)
    with Target(dir) as target:
        with master(dir, port, "--expect-workers", "3", "-u", "12", "-r", "6", "--csv", "c", "-H",
                    target.url) as m, contextlib.ExitStack() as stack:
            mine = [stack.enter_context(worker(dir, port)) for _ in range(ours)]
            theirs = [stack.enter_context(Program(dir, [locust, "-f", "locustfile.py", "--worker", "--master-port",
                                                        str(port)])) for _ in range(3 - ours)]
            until(lambda: re.search(r"Aggregated +252 ", m.read("err")), 120, "all requests, in the master's table")
            m.p.send_signal(signal.SIGINT)
            r = m.wait(30)
            same([p.wait(20).rc for p in mine + theirs], [0, 0, 0], r)
        same(r.rc, 1, "the exit code of a run with failures", r)
        rows, total = stats_csv(dir + "/c")
        same({k: (count(v), failed(v)) for k, v in rows.items()},
             {("GET", "/"): (240, 0), ("GET", "/missing"): (12, 12)}, r)
        same((count(total), failed(total)), (252, 12))
        same(target.stop()[0], 252, "requests that the target served")
        same(sum(int(f["Occurrences"]) for f in read_csv(dir + "/c", "failures")), 12)
        check(" is missing" not in r.err and "partial" not in r.err, r)


for name, locust in [("the installed one", installed)] + [
        (v, functools.partial(locust_of, v)) for v in VERSIONS if os.environ.get("FULL")]:
    test("three stock workers (%s)" % name)(lambda dir, l=locust: stock(dir, l(), 0))
    test("two stock workers and one of our own (%s)" % name)(lambda dir, l=locust: stock(dir, l(), 1))

main(parallel=4 if os.environ.get("FULL") else 8, before=lambda: (build("fleet_users.c", "-O1"), shared_target()))
