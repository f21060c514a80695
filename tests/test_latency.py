#!/usr/bin/env python3
# serial
"""Latency truth: p50 and p99 lie within 1 % + 0.2 ms of a delay that a server injects, at 500 users.

    tests/test_latency.py

500 users, about 1,000 requests a second on connections that are open already. The server
(tests/e2e/late.c) never sleeps, so that its delays are what was asked for within some 20 us; it
prints what they really were. A machine that halts either side for a while makes both wrong, so there
are up to three rounds and for each delay the best p50 and p99 count. The bound is never loosened.
"""
import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "e2e"))
from lib import *

DELAYS = (1, 5, 20, 100)
ROUNDS = 3


def bound(delay):
    return 0.01 * delay + 0.2


def measure(dir):
    """{delay: (requests, kit's p50 and p99, server's p50 and p99)}"""
    with Target(dir, source="tests/e2e/late.c") as server:
        r = run(dir, [build("tests/e2e/latency.c"), server.url])
        server.p.terminate()
        text = server.p.communicate(timeout=20)[0]
    same((r.rc, r.err), (0, ""), r)
    really = {int(ms): (float(p50), float(p99)) for ms, p50, p99 in map(str.split, text.splitlines())}
    rows = {}
    for line in r.out.splitlines():
        name, p50, p99, requests, failures = line.split()
        delay = int(name.split("/")[2])
        same(failures, "0", line)
        check(int(requests) > 500, line)
        rows[delay] = (float(p50), float(p99)) + really[delay]
    same(set(rows), set(DELAYS))
    return rows


@test("p50 and p99 at 500 users")
def _(dir):
    rounds, best = [], {}
    while len(rounds) < ROUNDS:
        rounds.append(measure(dir))
        for delay, (p50, p99, *_) in rounds[-1].items():
            for key, got in ((("p50", delay), p50), (("p99", delay), p99)):
                best[key] = min(best.get(key, 1e9), abs(got - delay))
        if all(off <= bound(delay) for (_, delay), off in best.items()):
            break
    each(sorted(best), lambda name, delay: check(
        best[name, delay] <= bound(delay), "off by %.3f ms in the best of %d rounds, allowed is %.3f; "
        "kit's p50 and p99, server's p50 and p99: %s" % (
            best[name, delay], ROUNDS, bound(delay), [r[delay] for r in rounds])))
    # Never before its time (the histogram rounds by 0.4 %).
    for rows in rounds:
        for delay, (p50, *_) in rows.items():
            check(p50 >= delay * 0.99, "p50 of /delay/%d is %.3f ms" % (delay, p50))


if __name__ == "__main__":
    main()
