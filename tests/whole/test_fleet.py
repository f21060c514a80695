#!/usr/bin/env -S python3 -B
"""Workers: on the wire with a master that does what the test says, and in a run of a stock master of Locust.

    tests/whole/test_fleet.py [WORD...]    only the tests whose name contains a word

The stock master is the installed one; with FULL=1 in the environment, as `make check` has it, the versions of
VERSIONS, too, from PyPI.
"""
import functools, os, sys
from kit.lib import *

try:
    from kit.master import Master
except ImportError:  # Debian's packages are for Debian's Python
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])
    Master = None
from kit.stock import LOCUSTFILE, VERSIONS, installed, locust_of
ENTRY = {"name", "method", "last_request_timestamp", "start_time", "num_requests", "num_none_requests",
         "num_failures", "total_response_time", "max_response_time", "min_response_time",
         "total_content_length", "response_times", "num_reqs_per_sec", "num_fail_per_sec"}


def worker(dir, port, *args, **env):
    return Program(dir, [build("fleet_users.c"), "--worker", "--master-port", str(port), *args],
                   env={"FLEET_" + k.upper(): str(v) for k, v in env.items()})


def wire(name):
    """A test that needs a scripted master."""
    def register(function):
        def run(dir):
            if not Master:
                raise Skip("python3-zmq or python3-msgpack is missing")
            with Master() as m:
                function(dir, m)
                same(m.bad, [], "messages that no master can read")
        return test(name)(run)
    return register


def entries(m):
    """The rows of all reports so far: (method, name) -> sums; checks what must hold in each report."""
    rows, errors = {}, {}
    for report in [s.data for s in m.seen if s.type == "stats"]:
        same(set(report), {"stats", "stats_total", "errors", "user_classes_count", "user_count"})
        for e in [*report["stats"], report["stats_total"]]:
            same(set(e), ENTRY)
            same(sum(e["response_times"].values()), e["num_requests"] - e["num_none_requests"], e)
            same(sum(e["num_reqs_per_sec"].values()), e["num_requests"], e)
            same(sum(e["num_fail_per_sec"].values()), e["num_failures"], e)
            check(all(type(k) is int for k in e["response_times"]), e)
        for key in "num_requests", "num_failures", "total_content_length":
            same(sum(e[key] for e in report["stats"]), report["stats_total"][key], key)
        same(sum(report["user_classes_count"].values()), report["user_count"])
        for e in report["stats"]:
            at = rows.setdefault((e["method"], e["name"]), [0, 0, 0])
            at[0] += e["num_requests"]
            at[1] += e["num_failures"]
            at[2] += e["total_content_length"]
        for key, e in report["errors"].items():
            same(set(e), {"name", "method", "error", "occurrences", "first_seen", "last_seen"})
            text = "%s.%s.%r" % (e["method"], e["name"], e["error"])
            same(key, hashlib.sha256(text.encode()).hexdigest())
            errors[e["method"], e["name"], e["error"]] = errors.get(
                (e["method"], e["name"], e["error"]), 0) + e["occurrences"]
    return rows, errors


@wire("a test from client_ready to quit")
def _(dir, m):
    with Target(dir) as target, worker(dir, m.port) as p:
        ready = m.get("client_ready")
        same(ready.data, -1)
        check(re.fullmatch("[^_]+_[0-9a-f]{32}", ready.id), ready.id)
        beat = m.get("heartbeat", 2).data
        same(set(beat), {"state", "current_cpu_usage", "current_memory_usage"})
        same(beat["state"], "ready")
        m.get("stats", 2)
        m.spawn(ready.id, {"Few": 3, "Many": 0, "Fails": 1, "Blocks": 0}, host=target.url,
                options={"api_key": "k-1"})
        m.get("spawning", 2)
        done = m.get("spawning_complete", 10).data
        same(done, {"user_classes_count": {"Few": 3, "Many": 0, "Fails": 1, "Blocks": 0}, "user_count": 4})
        m.send(ready.id, "spawning_complete", {"user_count": 4})
        m.get("heartbeat", 3, lambda s: s.data["state"] == "running")
        failed = m.get("exception", 10).data
        same(failed["msg"], "it is broken")
        check("fleet_users.c" in failed["traceback"], failed)
        until(lambda: entries(m)[0].get(("GET", "/missing"), [0])[0] == 3, 20, "the requests of all users")
        m.spawn(ready.id, {"Few": 3}, timestamp=1)  # out of date: `spawning`, and no more
        m.get("spawning", 2)
        m.spawn(ready.id, {"Few": 1})  # a class that is not named keeps its users
        m.get("spawning", 2)
        same(m.get("spawning_complete", 5).data["user_classes_count"],
             {"Few": 1, "Many": 0, "Fails": 1, "Blocks": 0})
        m.get("logs", 15)
        m.send(ready.id, "quit", None)
        asked = time.monotonic()
        last = m.get("quit", 5)
        check(last.at - asked < 0.5, "a master waits for half a second", last.at - asked)
        same([s.type for s in m.seen if s.at >= asked and s.type != "heartbeat"], ["stats", "quit"])
        same([s.data["user_count"] for s in m.seen if s.type == "stats"][-1], 0)
        r = p.wait(10)
        same(r.rc, 0, r)
        rows, errors = entries(m)
        same(rows, {("GET", "/"): [60, 0, 360], ("GET", "/missing"): [3, 3, rows["GET", "/missing"][2]]})
        same([(k, v) for k, v in errors.items()],
             [(("GET", "/missing", "404 Client Error: Not Found"), 3)])
        same(target.stop()[0], 63, "requests that the target served")
        same(r.out.split(), ["start", "k-1", "0", "stop"], r)


@wire("stop, and another test with tags")
def _(dir, m):
    url = shared_target().url
    with worker(dir, m.port, "-H", url) as p:
        id = m.get("client_ready").id
        for options, names in (({}, {"/", "/tagged"}), ({"tags": ["tagged"]}, {"/tagged"}),
                               ({"exclude_tags": ["tagged"]}, {"/"})):
            before = len(m.seen)
            m.spawn(id, {"Many": 4}, options=options)
            m.get("spawning_complete", 5)
            m.get("stats", 5, lambda s: s.data["user_count"] == 4 and s.data["stats_total"]["num_requests"] > 50)
            m.send(id, "stop", None)
            m.get("client_stopped", 5)
            m.get("client_ready", 5)
            seen = {e["name"] for s in m.seen[before:] if s.type == "stats" for e in s.data["stats"]}
            same(seen, names)
            types = [s.type for s in m.seen[before:] if s.type in ("client_stopped", "client_ready")]
            same(types, ["client_stopped", "client_ready"])
        m.send(id, "stop", None)  # without a test: the same two
        m.get("client_stopped", 5)
        m.get("client_ready", 5)
        p.p.send_signal(signal.SIGTERM)
        m.get("quit", 5)
        r = p.wait(5)
        same(r.rc, 0, r)
        same(r.out.split(), ["start", "none", "0", "stop"] * 3)


@wire("messages of the test")
def _(dir, m):
    with worker(dir, m.port, sends=1) as p:
        id = m.get("client_ready").id
        data = {"users": ["ann", "b\u00f6b", "\"\\\n"], "n": [1, -2, 2 ** 63, 0.1, None, True], "5": {}}
        m.send(id, "accounts", data)
        same(m.get("back", 5).data, data)
        m.send(id, "accounts", None)
        same(m.get("back", 5).data, None)
        m.send(id, "accounts", {1: b"\0\1", b"k": msgpack_ext()})
        same(m.get("back", 5).data, {"1": "AAE=", "aw==": None})
        m.spawn(id, {"Few": 0})
        same(m.get("accounts", 5).data, ["ann", {"n": 1.5, "none": None, "at": [True, -3]}])
        m.send(id, "nobody", 1)
        until(lambda: "Unknown message type received: nobody" in p.read("err"), 5, "a line in the log")
        m.send(id, "quit", None)
        r = p.wait(5)
        same(r.rc, 0, r)
        check("message accounts null from master at worker" in r.out, r)


def msgpack_ext():
    import msgpack
    return msgpack.ExtType(5, b"x")


@test("messages of a process on its own go to itself")
def _(dir):
    r = run(dir, [build("fleet_users.c"), "--headless", "-t", "1", "-u", "1", "-H", shared_target().url, "Few"],
            env={"FLEET_SENDS": "1"})
    check('message accounts ["ann", {"n": 1.5, "none": null, "at": [true, -3]}] from local at local' in r.out, r)
    check("Unknown message type received: back (from local)" in r.err, r)


@wire("reconnect, and a connection that is cut: the same id, no client_ready, and nothing is lost")
def _(dir, m):
    with Target(dir) as target, worker(dir, m.port, "-H", target.url, tasks=100) as p:
        id = m.get("client_ready").id
        m.spawn(id, {"Few": 2})
        m.get("spawning_complete", 5)
        for _ in range(2):
            before = len(m.seen)
            m.send(id, "reconnect", None)
            until(lambda: [s for s in m.seen[before:] if s.type == "heartbeat"], 10, "a heartbeat")
        until(lambda: entries(m)[0].get(("GET", "/missing"), [0])[0] == 2, 20, "the requests of all users")
        same(entries(m)[0]["GET", "/"][0], 200)
        same([s.type for s in m.seen if s.type == "client_ready"], ["client_ready"])
        same({s.id for s in m.seen}, {id})
        m.send(id, "quit", None)
        same(p.wait(5).rc, 0)
        same(target.stop()[0], 202)


@wire("a master that has restarted: users end, and the worker comes back under a new id")
def _(dir, m):
    with worker(dir, m.port, "-H", shared_target().url) as p:
        id = m.get("client_ready").id
        m.spawn(id, {"Many": 5})
        m.get("spawning_complete", 5)
        m.get("heartbeat", 5, lambda s: s.data["state"] == "running")
        m.close()
        until(lambda: ": trying again" in p.read("err"), 10, "a line about the loss")
        with Master(m.port) as other:
            ready = other.get("client_ready", 30)
            check(ready.id != id, ready.id)
            same({s.type for s in other.seen if s.id == id} - {"heartbeat", "stats"}, set())
            report = other.get("stats", 5, lambda s: s.id == ready.id).data
            same(report["user_count"], 0, report)  # what it counted is the new master's to forget
            other.spawn(ready.id, {"Many": 2})
            same(other.get("spawning_complete", 5).data["user_count"], 2)
            other.send(ready.id, "quit", None)
            r = p.wait(5)
            same(r.rc, 0, r)
            same(r.out.split(), ["start", "none", "0", "stop"] * 2, r)


@wire("a master that is late")
def _(dir, m):
    port = m.port
    m.close()
    with worker(dir, port) as p:
        until(lambda: "connection refused: trying again" in p.read("err"), 10, "a refusal")
        with Master(port) as late:
            late.get("client_ready", 10)
            late.get("heartbeat", 5)


@wire("a task that keeps the process to itself: heartbeats go on")
def _(dir, m):
    with worker(dir, m.port, blocks=7) as p:
        id = m.get("client_ready").id
        m.spawn(id, {"Blocks": 1})
        m.get("heartbeat", 20, lambda s: s.data["state"] == "running")
        m.get("stats", 20, lambda s: s.data["user_count"] == 1)
        beats = [s.at for s in m.seen if s.type == "heartbeat"]
        gaps = [b - a for a, b in zip(beats, beats[1:])]
        check(max(gaps) < 3.5, "a worker is lost after four seconds", gaps)
        m.send(id, "quit", None)
        same(p.wait(10).rc, 0)


@wire("a class that the test has not")
def _(dir, m):
    with worker(dir, m.port) as p:
        id = m.get("client_ready").id
        m.spawn(id, {"Few": 0, "Other": 0})
        m.get("spawning_complete", 5)
        m.spawn(id, {"Few": 0, "Other": 1})
        m.get("quit", 5)
        r = p.wait(5)
    same(r.rc, 2, r)
    r.says("asks for users of class Other, which this test has not")


@wire("what a master may not send does no harm")
def _(dir, m):
    with worker(dir, m.port) as p:
        id = m.get("client_ready").id
        for body in (b"", b"\xc1", b"\x93\xa5spawn", b"\x93\xa5spawn\xc0\xa1x", b"\x92\xa1a\xc0", b"\x80", b"\x01",
                     b"\x93\xa5spawn\x82\xa9timestamp\x05\xb2user_classes_count\x81\xa3Few\xff\xa1x"):
            with m.lock:
                m.socket.send_multipart([id.encode(), body])
        m.spawn(id, {"Few": 1}, host="not a host")
        same(m.get("spawning_complete", 5).data["user_count"], 1)
        m.send(id, "quit", None)
        r = p.wait(5)
        same(r.rc, 0, r)
        check(r.err.count("cannot be read") == 8, r)


@test("a port that is no master's")
def _(dir):
    with Script(lambda c: (c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), c.recv(9999))) as s, \
            worker(dir, s.port) as p:
        until(lambda: "it does not speak ZMTP: is this the port of a master?" in p.read("err"), 10, "a sentence")
        p.p.send_signal(signal.SIGINT)
        same(p.wait(5).rc, 1)


# ---- a stock master ----

def stock(dir, locust, python):
    """A run of a stock master with three workers, `python` of them its own."""
    port = free_port()
    with open(dir + "/locustfile.py", "w") as f:
        f.write(LOCUSTFILE)
    with Target(dir) as target:
        with Program(dir, [locust, "-f", "locustfile.py", "--master", "--headless", "--master-bind-port", str(port),
                           "--expect-workers", "3", "-u", "12", "-r", "100", "-t", "6", "--csv", "c",
                           "-H", target.url]) as master, contextlib.ExitStack() as stack:
            ours = [stack.enter_context(worker(dir, port)) for _ in range(3 - python)]
            theirs = [stack.enter_context(Program(dir, [locust, "-f", "locustfile.py", "--worker", "--master-port",
                                                        str(port)])) for _ in range(python)]
            r = master.wait(90)
            check("quit" in r.err, r)
            same([p.wait(20).rc for p in ours + theirs], [0, 0, 0], r)
        same(r.rc, 1, "the exit code of a run with failures", r)
        rows, total = stats_csv(dir + "/c")
        same({k: (count(v), failed(v)) for k, v in rows.items()},
             {("GET", "/"): (240, 0), ("GET", "/missing"): (12, 12)}, r)
        same((count(total), failed(total)), (252, 12))
        same(target.stop()[0], 252, "requests that the target served")
        same(sum(int(f["Occurrences"]) for f in read_csv(dir + "/c", "failures")), 12)
        same([e for e in read_csv(dir + "/c", "exceptions")], [])
        for word in ("ERROR", "Traceback", "missing"):
            check(word not in r.err.replace("/missing", ""), r)


for name, locust in [("the installed one", installed)] + [
        (v, functools.partial(locust_of, v)) for v in VERSIONS if os.environ.get("FULL")]:
    test("a stock master with three workers (%s)" % name)(lambda dir, l=locust: stock(dir, l(), 0))
    test("the same with one worker in Python (%s)" % name)(lambda dir, l=locust: stock(dir, l(), 1))

main(parallel=6, before=lambda: (build("fleet_users.c"), shared_target()))
