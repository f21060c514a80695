#!/usr/bin/env python3
# serial
"""Latency truth: p50 lies within 1 % + 0.2 ms of a known delay, p99 within as much of the server's own.

    tests/test_latency.py

500 users, about 1,000 requests a second on connections that are open already. The server (tests/e2e/late.c) measures how long each delay
really was: on a small or shared machine a timer of 1 ms is late by 0.1 to 3 ms in one of a hundred
cases, and that is a delay that was injected. p50 is held against the delay that was asked for, p99
against the one in a hundred of what the server did. `make bench B=latency` prints p99 against the
delay that was asked for too: at 1 ms it is beyond this bound in some rounds.

What else delays the kit itself on a busy machine is in its figures and cannot be told apart, so
there are up to three rounds and for each delay the best p50 and p99 count. The bound is never
loosened.
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
        for delay, (p50, p99, _, p99_really) in rounds[-1].items():
            best.setdefault(("p50", delay), []).append(abs(p50 - delay))
            if p99_really - delay <= bound(delay):
                best.setdefault(("p99", delay), []).append(abs(p99 - p99_really))
        if len(best) == 8 and all(min(off) <= bound(delay) for (_, delay), off in best.items()):
            break
    best = {key: min(off) for key, off in best.items()}
    each(sorted(best), lambda name, delay: check(
        best[name, delay] <= bound(delay), "off by %.3f ms in the best of %d rounds, allowed is %.3f; "
        "kit's p50 and p99, server's p50 and p99: %s" % (
            best[name, delay], ROUNDS, bound(delay), [r[delay] for r in rounds])))
    # Never before its time (the histogram rounds by 0.4 %).
    for rows in rounds:
        for delay, (p50, *_) in rows.items():
            check(p50 >= delay * 0.99, "p50 of /delay/%d is %.3f ms" % (delay, p50))
    lost = [delay for delay in DELAYS if ("p99", delay) not in best]
    if lost:
        raise Skip("this machine is too busy to judge p99: timers of %s ms were late by %.2f ms" % (
            " and ".join(map(str, lost)), min(r[d][3] - d for r in rounds for d in lost)))


if __name__ == "__main__":
    main()
