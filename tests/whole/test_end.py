#!/usr/bin/env -S python3 -B
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
    m = re.search(r"^run: 2 requests and (\d+) arrivals were unanswered at the end, the longest for (\d\.\d+) s \(there "
                  r"was no answer\)$", r.err, re.M)
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
        r = judged(dir, "Get", "-u", "16", "-r", "16", "-t", "2", "--compact", "--summary", "s.json", "--csv", "c",
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
            r = judged(dir, "Get", "-u", "3", "-r", "3", "-t", "2", "--compact", "--check", checks, url=server.url)
            same(r.rc, code, checks, r)
            same({failed for failed, _ in remarks(r).values()}, {code == 1}, checks, r)
            server.served += 3


@test("an ordinary end is nothing to speak of")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "-u", "64", "-r", "64", "-t", "1", "--compact", "--summary", "s.json", url=server.url,
                   paths="/delay/2")
    same((r.rc, remarks(r)), (0, {}), r)
    total = summary(r.dir + "/s.json")["total"]
    check(total["requests"] > 1000 and total["percentiles_ms"]["100"] <= total["max_ms"] + 50, total)


@test("--stop-timeout: what is answered in its time is answered")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "-u", "4", "-r", "4", "-t", "1", "--stop-timeout", "9", "--compact", "--summary", "s.json",
                   url=server.url, paths="/delay/1800")
    same((r.rc, remarks(r)), (0, {}), r)
    total = summary(r.dir + "/s.json")["total"]
    same((total["requests"], total["unanswered"]), (4, 0), total)
    check(total["rps"] <= 4 / 1.8 + 0.01, "the rate is up to the last answer, then", total)
    with Starving(most=0) as server:
        r = judged(dir, "Get", "-u", "4", "-r", "4", "-t", "1", "--stop-timeout", "1", "--compact", url=server.url)
    check(r.rc == 1 and re.match(r"4 requests were .* the longest for (1\.9|2\.)", remarks(r)["unanswered"][1]), r)


@test("--warm-up: a request that began in it is not counted, a user that starves since then is")
def _(dir):
    with Starving(served=2, after=0.005) as server:
        r = judged(dir, "Get", "-u", "5", "-r", "5", "-t", "3", "--warm-up", "1", "--compact", "--summary", "s.json",
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
        for args, ramps in ((("-u", "2000", "-r", "2000", "-t", "2"), 1), (("--stages", "0s:2000,3s:2000"), 2)):
            r = judged(dir, "Get", *args, "--compact", url=server.url, wait=0.5, before_exec=memory(16))
            same(r.rc, 1, r)
            m = re.search(r"ERROR/locust.runners: out of memory after (\d+) users: the test goes on with these$", r.err, re.M)
            check(m and 0 < int(m[1]) < 2000, r)
            r.says('Only %s of 2000 users spawned: {"Get": %s' % (m[1], m[1]))
            check("All users spawned" not in r.err, r)
            for line in "out of memory", "Ramping to":
                same(len(re.findall(line, r.err)), ramps, "once for each ramp", r)
            same(remarks(r)["fewer_users"], (True, "%s of 2000 users could be started: out of memory" % m[1]), r)
        r = judged(dir, "Get", "-t", "2", "--rate", "1000", "--compact", url=server.url, paths="/delay/900",
                   before_exec=memory(16))
        same((r.rc, remarks(r)["fewer_users"][0]), (1, True), r)
        same(len(re.findall(r"ERROR/locust.runners: out of memory after \d+ users: arrivals wait", r.err)), 1, r)


@test("a class with a fixed count takes no more: said, and no failure")
def _(dir):
    source = dir + "/three.c"
    with open(source, "w") as f:
        f.write("""#include "locust.h"
static void nothing(locust_user *u) { locust_record(u, &(locust_sample){.method = "DO", .name = "it"}); }
LOCUST_USER(Three, .fixed_count = 3, .wait_time = LOCUST_CONSTANT(0.1), .tasks = LOCUST_TASKS(LOCUST_TASK(nothing)));
LOCUST_MAIN(.users = {&Three})
""")
    program = build(source)
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


main(parallel=4)
