#!/usr/bin/env -S python3 -B
# straight
"""What is cut at the end of a run, what was not measured, and how a run says that it failed.

    tests/whole/test_end.py [WORD...]    only the tests whose name contains a word

The servers here stop answering at a known request, or serve some of their connections alone, as one does that
has a thread for each. How many requests have no answer, and how long they waited, follows from their own count.
"""
import resource, selectors, xml.etree.ElementTree
from kit.lib import *
from kit.judged import *

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Starving:
    """Answers the first `most` requests, on the first `served` connections; the others it reads or leaves,
    and says nothing. `after` (s): how long an answer takes."""

    def __init__(self, most=10 ** 9, served=10 ** 9, after=0):
        self.most, self.served, self.after = most, served, after
        self.answered, self.asked = 0, {}  # by connection
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        self.wake, waked = socket.socketpair()
        self.thread = threading.Thread(target=self.serve, args=(waked,), daemon=True)
        self.thread.start()

    def serve(self, waked):
        selector, due, n = selectors.DefaultSelector(), [], 0
        for one in self.socket, waked:
            selector.register(one, selectors.EVENT_READ)
        while True:
            wait = max(0, due[0][0] - time.monotonic()) if due else None
            for key, _ in selector.select(wait):
                if key.fileobj is waked:
                    for one in [key.fileobj for key in selector.get_map().values()]:
                        one.close()
                    return
                if key.fileobj is self.socket:
                    peer, _ = self.socket.accept()
                    peer.setblocking(False)
                    n += 1
                    self.asked[peer] = b""
                    if n <= self.served:
                        selector.register(peer, selectors.EVENT_READ)
                    continue
                peer, text = key.fileobj, b""
                with contextlib.suppress(OSError):
                    text = peer.recv(65536)
                if not text:
                    selector.unregister(peer)
                    peer.close()
                    continue
                self.asked[peer] += text
                while b"\r\n\r\n" in self.asked[peer]:
                    self.asked[peer] = self.asked[peer].split(b"\r\n\r\n", 1)[1]
                    due.append((time.monotonic() + self.after, peer))
            while due and due[0][0] <= time.monotonic():
                _, peer = due.pop(0)
                if self.answered < self.most:
                    with contextlib.suppress(OSError):
                        peer.send(ANSWER)
                        self.answered += 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wake.close()
        self.thread.join(20)
        self.socket.close()
        for peer in self.asked:
            peer.close()


def remarks(r):
    """{key: (failed, text)} of compact lines."""
    return {key: (failed == "1", text) for key, failed, text in
            re.findall(r"^remark about=run key=(\S+) failed=([01]) text=(.*)$", r.out, re.M)}


def total_line(r):
    return pairs(re.search(r"^total (.*)$", r.out, re.M)[1])


def generator_csv(r):
    with open(r.dir + "/c_generator.csv", newline="") as f:
        return next(csv.DictReader(f, strict=True))


# ---- what is cut at the end ----

@test("open model: the server goes away for good")
def _(dir):
    with Starving(most=300) as server:
        r = judged(dir, "Get", "--rate", "200", "-t", "3", "--compact", "--summary", "s.json", "--csv", "c",
                   "--check", "p75<500ms", "--check", "intended_p99<500ms", "--check", "unanswered<1",
                   "--check", "rps<110", url=server.url, paths="/a")
        answered = server.answered
    s = summary(r.dir + "/s.json")
    scheduled = int(re.search(r"^arrivals scheduled=(\d+) ", r.out, re.M)[1])
    lost = scheduled - answered  # each arrival is one request
    same((answered, abs(scheduled - 600) <= 1), (300, True), r)
    row = s["rows"][0]
    for part in s["total"], row:
        same((part["requests"], part["failures"], part["unanswered"]), (300, 0, lost), part)
        near(part["rps"], 300 / s["duration_s"], part, part=0.002)  # over the run
        check(part["max_ms"] < 500, "the slowest answer", part)
        # A request of second 1.5 + k / 200 waits from then on until second 3.
        for share, wait in (("75", 750), ("90", 1200), ("99", 1485), ("100", 1495)):
            check(abs(part["percentiles_ms"][share] - wait) < 60, share, part["percentiles_ms"])
        same(sum(n for _, n in part["unanswered_us"]), lost)
        check(sum(us * n for us, n in part["unanswered_us"]) / lost > 700e3, part["unanswered_us"])
    failed, text = remarks(r)["unanswered"]
    m = re.fullmatch(r"(\d+) requests were unanswered at the end, the longest for (\d\.\d+) s \(the slowest answer "
                     r"took (\d\.\d+) s\)", text)
    check(m and int(m[1]) == lost and abs(float(m[2]) - 1.495) < 0.06, text)
    check(not failed, "there is a check for that", r)
    same(total_line(r)["unanswered"], str(lost), r)
    near(float(total_line(r)["rps"]), 100, r, part=0.02)
    checks = compact_checks(r)
    same({c: ok for c, (ok, _) in checks.items()},
         {"p75<500ms": False, "intended_p99<500ms": False, "unanswered<1": False, "rps<110": True}, r)
    near(checks["intended_p99<500ms"][1], 1485, r, part=0.04)
    same(checks["unanswered<1"][1], float(lost), r)
    same(r.rc, 3, r)
    g = generator_csv(r)
    same((g["Unanswered Requests"], g["Unanswered Arrivals"], g["Starved Users"]), (str(lost), "0", "0"), g)
    near(float(g["Longest Unanswered"]), 1495, g, part=0.04)
    with open(r.dir + "/c_stats.csv", newline="") as f:
        rows = {row["Name"]: row for row in csv.DictReader(f)}
    near(float(rows["Aggregated"]["Requests/s"]), 100, rows, part=0.02)
    same(rows["Aggregated"]["Request Count"], "300", rows)


@test("open model: who is in flight fails the run, arrivals in the queue are told beside them")
def _(dir):
    with Starving(most=0) as server:
        r = judged(dir, "Get", "--rate", "50", "--max-in-flight", "2", "-t", "2", "--summary", "s.json", url=server.url)
    same(r.rc, 1, r)
    m = re.search(r"^run: 2 requests and (\d+) arrivals were unanswered at the end, the longest for (\d\.\d+) s "
                  r"\(there was no answer\)$", r.err, re.M)
    check(m and abs(int(m[1]) - 98) <= 1 and abs(float(m[2]) - 1.98) < 0.1, r)
    r.says("Arrivals: %d scheduled, 2 started (0 of them late), 0 shed, %s unanswered" % (int(m[1]) + 2, m[1]))
    s = summary(r.dir + "/s.json")
    same((s["rows"][0]["unanswered"], s["total"]["unanswered"]), (2, int(m[1]) + 2), s)
    check("run: not one request was counted" in r.err, r)


@test("arrivals that wait count on the intended clock alone")
def _(dir):
    with Starving(after=0.5) as server:  # one in flight: some four answers; 40 arrivals
        r = judged(dir, "Get", "--rate", "20", "--max-in-flight", "1", "-t", "2", "--compact", "--summary", "s.json",
                   "--check", "p99<700ms", "--check", "intended_p99<1500ms", url=server.url)
        answered = server.answered
    same({c: ok for c, (ok, _) in compact_checks(r).items()},
         {"p99<700ms": True, "intended_p99<1500ms": False}, r)
    near(compact_checks(r)["intended_p99<1500ms"][1], 1800, r, part=0.1)
    c = pairs(re.search(r"^arrivals (.*)$", r.out, re.M)[1])
    same(int(c["scheduled"]), int(c["started"]) + int(c["shed"]) + int(c["unanswered"]), c)
    check(int(c["unanswered"]) >= 40 - answered - 2, c)
    same([failed for failed, _ in remarks(r).values()], [False], r)  # the server answers: no request had stalled


@test("closed model: a server that serves 10 of 16 connections")
def _(dir):
    with Starving(served=10, after=0.005) as server:
        r = judged(dir, "Get", "-u", "16", "-r", "1000000", "-t", "2", "--compact", "--summary", "s.json", "--csv", "c",
                   url=server.url)
    same(r.rc, 1, r)
    told = remarks(r)
    check(told["starved"][0] and re.fullmatch(r"6 of 16 users never got an answer, and waited for up to [12]\.\d+ s",
                                              told["starved"][1]), told)
    check(told["unanswered"][0], told)
    total = summary(r.dir + "/s.json")["total"]
    check(6 <= total["unanswered"] <= 16 and total["failures"] == 0, total)
    check(total["max_ms"] < 1000 < total["percentiles_ms"]["100"], total)
    same(generator_csv(r)["Starved Users"], "6")


@test("a check of `unanswered` has the word about it")
def _(dir):
    with Starving(served=1, after=0.005) as server:
        for checks, code in (("unanswered<9", 0), ("unanswered<1", 3), ("unanswered<9 /delay/1", 1), ("p50<1s", 1)):
            r = judged(dir, "Get", "-u", "3", "-r", "1000000", "-t", "2", "--compact", "--check", checks, url=server.url)
            same(r.rc, code, checks, r)
            same({failed for failed, _ in remarks(r).values()}, {code == 1}, checks, r)
            server.served += 3


@test("an ordinary end is nothing to speak of")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "-u", "64", "-r", "1000000", "-t", "1", "--compact", "--summary", "s.json", url=server.url,
                   paths="/delay/2")
    same((r.rc, remarks(r)), (0, {}), r)
    total = summary(r.dir + "/s.json")["total"]
    check(total["requests"] > 1000 and total["percentiles_ms"]["100"] <= total["max_ms"] + 50, total)


@test("--stop-timeout: what is answered in its time is answered")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "-u", "4", "-r", "1000000", "-t", "1", "--stop-timeout", "9", "--compact", "--summary",
                   "s.json", url=server.url, paths="/delay/1800")
    same((r.rc, remarks(r)), (0, {}), r)
    total = summary(r.dir + "/s.json")["total"]
    same((total["requests"], total["unanswered"]), (4, 0), total)
    check(total["rps"] <= 4 / 1.8 + 0.01, "the rate is up to the last answer, then", total)
    with Starving(most=0) as server:
        r = judged(dir, "Get", "-u", "4", "-r", "1000000", "-t", "1", "--stop-timeout", "1", "--compact", url=server.url)
    check(r.rc == 1 and re.match(r"4 requests were .* the longest for (1\.9|2\.)", remarks(r)["unanswered"][1]), r)


@test("--warm-up: a request that began in it is not counted, a user that starves since then is")
def _(dir):
    with Starving(served=2, after=0.005) as server:
        r = judged(dir, "Get", "-u", "5", "-r", "1000000", "-t", "3", "--warm-up", "1", "--compact", "--summary", "s.json",
                   url=server.url)
    same((r.rc, list(remarks(r))), (1, ["starved"]), r)
    check(remarks(r)["starved"][1].startswith("3 of 5 users never got an answer"), r)
    check(summary(r.dir + "/s.json")["total"]["unanswered"] <= 2, r)
    with Starving(most=0) as server:  # begins after the warm-up: counted
        r = judged(dir, "Get", "--rate", "10", "-t", "3", "--warm-up", "1", "--compact", url=server.url)
    m = re.match(r"(\d+) requests were", remarks(r)["unanswered"][1])
    check(abs(int(m[1]) - 20) <= 1, r)


@test("users that a ramp takes down leave requests without an answer, too")
def _(dir):
    with Starving(most=0) as server:
        r = judged(dir, "Get", "--stages", "0s:8,2s:8,0s:2,1s:2", "--compact", "--summary", "s.json", url=server.url)
    same(r.rc, 1, r)
    same(summary(r.dir + "/s.json")["total"]["unanswered"], 8, r)
    check(re.match("8 of 8 users", remarks(r)["starved"][1]), r)


# ---- fewer users than asked, and nothing measured ----

def memory(mb):
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (mb << 20, mb << 20))


@test("out of memory after some users: said at the moment and at the end, and it fails the run")
def _(dir):
    with Truth(dir) as server:
        for args, ramps in ((("-u", "15000", "-r", "15000", "-t", "2"), 1), (("--stages", "0s:15000,3s:15000"), 2)):
            r = judged(dir, "Get", *args, "--compact", url=server.url, wait=0.5, before_exec=memory(16))
            same(r.rc, 1, r)
            m = re.search(r"ERROR/locust.runners: out of memory after (\d+) users: the test goes on with these$", r.err,
                          re.M)
            check(m and 0 < int(m[1]) < 15000, r)
            r.says('Only %s of 15000 users spawned: {"Get": %s' % (m[1], m[1]))
            check("All users spawned" not in r.err, r)
            for line in "ERROR.* out of memory after", "Ramping to":
                same(len(re.findall(line, r.err)), ramps, "once for each ramp", r)
            same(remarks(r)["fewer_users"], (True, "%s of 15000 users could be started: out of memory" % m[1]), r)
        r = judged(dir, "Get", "-t", "2", "--rate", "1000", "--compact", url=server.url, paths="/delay/900",
                   before_exec=memory(16))
        same((r.rc, remarks(r)["fewer_users"][0]), (1, True), r)
        m = re.findall(r"ERROR/locust.runners: out of memory for the stacks of more than (\d+) users: the others wait", r.err)
        same(len(m), 1, r)
        # Whether blocks of users run out, too, depends on what else is in the 16 MB.
        none_left = re.search(r"ERROR/locust.runners: out of memory after \d+ users: arrivals wait for these$", r.err, re.M)
        same(remarks(r)["fewer_users"][1],
             "out of memory: arrivals had to wait for the users that there were" if none_left else
             "out of memory: users had to wait for the stacks of the %s that did something" % m[0], r)


@test("a class with a fixed count takes no more: said, and no failure")
def _(dir):
    source = dir + "/three.c"
    with open(source, "w") as f:
        f.write("""#include "locust.h"
static void nothing(locust_user *u) { locust_record(u, &(locust_sample){.method = "DO", .name = "it"}); }
LOCUST_USER(Three, .fixed_count = 3, .wait_time = LOCUST_CONSTANT(0.1), .tasks = LOCUST_TASKS(LOCUST_TASK(nothing)));
LOCUST_MAIN(.users = {&Three})
""")
    program = build(source, "-O0")
    for users, told in (("10", {"fewer_users": (False, "3 of 10 users were started: the classes have a fixed_count and "
                                                       "take no more")}), ("3", {})):
        r = run(dir, [program, "--headless", "-u", users, "-r", "10", "-t", "1", "--compact"])
        same((r.rc, remarks(r)), (0, told), r)
        r.says('All users spawned: {"Three": 3} (3 total users)')


@test("nothing measured: said, and no check of anything but requests holds")
def _(dir):
    checks = "p99<1s;avg<1s;fail_ratio<1%;failures<1;fps<1;rps<9;shed<1;unanswered<1;requests<1"
    with Truth(dir) as server:
        for users, args, env in (("Get", ("-u", "0"), {}), ("Get", ("--warm-up", "5"), {}), ("Polite", (), {}),
                                 ("Get", ("--rate", "0.1"), {})):
            r = judged(dir, users, *args, "-t", "1", "--compact", "--check", checks, "--junit", "j.xml", url=server.url,
                       wait=0.1, **env)
            same(r.rc, 3, r)
            same({text: ok for text, (ok, _) in compact_checks(r).items()},
                 {text: text == "requests<1" for text in checks.split(";")}, args, r)
            same(list(remarks(r)), ["nothing_measured"], args, r)


# ---- that and why a run has failed ----

def free_url():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return "http://127.0.0.1:%d" % s.getsockname()[1]


def junit(r):
    """{class and name of a case: why it failed, or None}"""
    suite = xml.etree.ElementTree.parse(r.dir + "/j.xml").getroot()[0]
    cases = {}
    for case in suite.findall("testcase"):
        failure = case.find("failure")
        cases[case.get("classname"), case.get("name")] = None if failure is None else failure.get("message")
    bad = [message for message in cases.values() if message is not None]
    check(all(bad), "a failure without a message", cases)
    same((suite.get("tests"), suite.get("failures")), (str(len(cases)), str(len(bad))), suite.attrib)
    return cases


def reason(r):
    """What the log says of the exit code: the line before Locust's last; None: nothing."""
    log = r.log()
    last = [i for i, (_, _, text) in enumerate(log) if text.startswith("Shutting down (exit code ")][0]
    why = [text for _, _, text in log if text.startswith("exit code ")]
    if why and "report" not in why[0]:
        same((log[last - 1][2], len(why)), (why[0], 1), r)
        same(log[last][2], "Shutting down (exit code %s)" % why[0].split(":")[0].split()[-1], r)
    return why[0] if why else None


@test("--junit: the run is a case of its own, and the log says why the exit code is what it is")
def _(dir):
    refused, run_case, rows = free_url(), ("run", "run"), [("GET", "/", [312.0] * 4, "")]
    some = rows + [("GET", "/", [5.0], "broken")]
    r = judged(dir, "Get", "-t", "1", "--check", "p99<10s", "--junit", "j.xml", url=refused, wait=0.05)
    m = re.fullmatch(r"(\d+) of (\d+) requests failed", junit(r)[run_case] or "")
    check(r.rc == 1 and m and m[1] == m[2] and int(m[1]) > 1, r)
    same(junit(r)["check", "p99<10s"], None)
    same(reason(r), "exit code 1: " + m[0])

    def one(rows, args, rc, case, why, **env):
        r = known(dir, rows, "--junit", "j.xml", *args, **env)
        same((r.rc, junit(r)[run_case], reason(r)), (rc, case, why and "exit code %d: %s" % (rc, why)), r)

    bad = "1 of 5 requests failed"
    each([(rows, (), 0, None, None), (some, (), 1, bad, bad),
          (some, ("--exit-code-on-error", "0"), 0, None, None),
          (some, ("--exit-code-on-error", "7"), 7, bad, bad),
          (some, ("--check", "fail_ratio<50%"), 0, None, None),
          (some, ("--check", "p50<1s", "--check", "max<1ms"), 3, bad, "1 of 2 checks do not hold"),
          (rows, ("--check", "max<1ms"), 3, None, "1 of 1 checks do not hold")], one)
    one(rows, (), 9, "the test has set exit code 9", "the test has set it", code=9)
    r = known(dir, some, GITHUB_ACTIONS="true")
    check("::error title=locust.h::%s\n" % bad in r.out, r)

    with Starving(served=1, after=0.005) as server:
        r = judged(dir, "Get", "-u", "3", "-r", "1000000", "-t", "2", "--junit", "j.xml", url=server.url)
    check(r.rc == 1 and re.match("[23] requests were unanswered at the end", junit(r)[run_case]), r)
    same(reason(r), "exit code 1: " + junit(r)[run_case])
    r = judged(dir, "Get", "-t", "9", "--junit", "j.xml")
    check(r.rc == 1 and junit(r)[run_case].startswith("no host: give --host"), r)
    same(reason(r), "exit code 1: the test's own set-up failed")
    r = judged(dir, "Napper", "-t", "2", "--junit", "j.xml", "--fail-on-generator-limit")
    same((r.rc, junit(r)[run_case], reason(r)), (4, None, "exit code 4: the generator limited the load"), r)


@test("--junit: failed tasks, and a report that cannot be finished")
def _(dir):
    source = dir + "/fails.c"
    with open(source, "w") as f:
        f.write("""#include "locust.h"
static void fails(locust_user *u)
{
    locust_record(u, &(locust_sample){.method = "DO", .name = "it"});
    locust_fail(u, "no luck");
}
LOCUST_USER(Failing, .tasks = LOCUST_TASKS(LOCUST_TASK(fails)));
LOCUST_MAIN(.users = {&Failing})
""")
    r = run(dir, [build(source, "-O0"), "--headless", "-i", "3", "--junit", "j.xml"])
    r.dir = dir
    same((r.rc, junit(r)["run", "run"], reason(r)), (1, "3 tasks failed", "exit code 1: 3 tasks failed"), r)
    if not os.path.exists("/dev/full"):
        raise Skip("there is no /dev/full")
    os.symlink("/dev/full", dir + "/c_stats.csv")
    for args in ("--summary", "/dev/full"), ("--csv", dir + "/c"):
        r = known(dir, [("GET", "/", [5.0], "")], "--junit", "j.xml", *args)
        same((r.rc, junit(r)["run", "run"]), (1, "a report could not be written"), r)
        same(reason(r), "exit code 1: a report could not be written", r)


@test("exit code 2: nothing that keeps a test from beginning looks like failed requests")
def _(dir):
    source = dir + "/none.c"
    with open(source, "w") as f:
        f.write("""#include "locust.h"
static void task(locust_user *u) { locust_get(u, "/"); }
LOCUST_USER(Idle, .name = "Idle");
LOCUST_USER(Some, .tasks = LOCUST_TASKS(LOCUST_TASK(task)), .proxy = PROXY);
LOCUST_MAIN(.users = {CLASSES})
""")
    programs = {name: build(source, "-DCLASSES=" + classes, "-DPROXY=" + proxy, "-Wno-initializer-overrides")
                for name, classes, proxy in
                (("no tasks", "&Idle", "NULL"), ("no class", "NULL", "NULL"), ("proxy", "&Some", '"http://"'),
                 ("good", "&Some", "NULL"))}
    url = ("-H", free_url())
    each([("no tasks", url), ("no class", url), ("proxy", url), ("good", ("-H", "http://")), ("good", (*url, "Nope")),
          ("good", ("-H", "https://127.0.0.1:1")), ("good", (*url, "--csv", "/proc/no/x")),
          ("good", (*url, "--summary", "/proc/no/x")), ("good", (*url, "--junit", "/")),
          ("good", (*url, "--logfile", "/proc/no/x")), ("good", (*url, "--users", "ten"))],
         lambda name, args: sentence(run(dir, [programs[name], "--headless", "-t", "1", *args]), 2))
    same(run(dir, [programs["good"], "--headless", "-t", "1", *url]).rc, 1)


main(parallel=4)
