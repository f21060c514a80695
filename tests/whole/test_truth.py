#!/usr/bin/env -S python3 -B
"""Percentiles against a server that knows the time of each answer, and a stall under the open model.

    tests/whole/test_truth.py [WORD...]    only the tests whose name contains a word

The server (programs/record_server.c) answers after 2 ms, every hundredth time after 200 ms, and notes when its
kernel had a request and when it sent the answer: what other programs cost it is in its record too.
Every percentile of --summary lies within 1 % + 0.2 ms of the same percentile of that record. A
machine that halts the generator between its clock and its request makes single ones wrong, so there
are up to four rounds and for each percentile the best one counts; the bound is never loosened.
"""
import os, sys
from kit.lib import *
from kit.judged import *

ROUNDS = 4
TWO = "/two/2/200/100"


def bound(ms):
    return 0.01 * ms + 0.2


def measure(dir, users, wait):
    """{percentile: (the summary's, the record's)} in ms"""
    with Truth(dir) as server:
        # They have connected before they begin: a new connection's time is more than the answer's.
        r = judged(dir, "Get", "-u", str(users), "-r", "5000", "-t", "5", "-s", "9", "--summary", "s.json",
                   url=server.url, paths=TWO, connect=1, wait=wait[0], wait_to=wait[1])
        times = [(one.sent_us - one.arrived_us) / 1e3 for one in server.stop() if one.path == TWO]
    same(r.rc, 0, r)
    row = next(row for row in summary(r.dir + "/s.json")["rows"] if row["name"] == TWO)
    same(row["requests"], len(times), "requests in the summary and at the server")
    check(len(times) >= 300, len(times))
    return {p: (got, quantile(times, float(p) / 100)) for p, got in row["percentiles_ms"].items()}


for users, wait in ((1, (0, 0.001)), (100, (0, 0.1)), (5000, (1, 3))):
    @test("2 ms, 1 %% after 200 ms, %d user%s: every percentile is the server's" % (users, "s" * (users > 1)))
    def _(dir, users=users, wait=wait):
        rounds, best = [], {}
        while len(rounds) < ROUNDS:
            rounds.append(measure(dir, users, wait))
            for p, (got, want) in rounds[-1].items():
                best[p] = min(best.get(p, 1e9), abs(got - want) - bound(want))
            if max(best.values()) <= 0:
                return
        wrong = [p for p, off in best.items() if off > 0]
        check(False, "in the best of %d rounds off by more than 1 %% + 0.2 ms: %s" % (ROUNDS, wrong),
              *[{p: found[p] for p in wrong} for found in rounds])


@test("a stall of 5 s in 15 s shows in the intended times")
def _(dir):
    # 100 a second; ten are in progress when the server stalls, 490 wait for their turn. A hundredth of
    # 1,500 are 15: those that were due in the first 0.15 s of the stall, which were late by 4.85 s.
    with Truth(dir) as server:
        r = judged(dir, "Get", "--rate", "100", "--max-in-flight", "10", "-t", "15", "-s", "5", "--compact",
                   "--check", "intended_p99>4.7s;intended_p99<5s;p98<1s", "--hgrm", "h", "--request-log", "log.csv",
                   url=server.url, paths="/stall/5/10")
        served = server.stop()
    got = compact_checks(r)
    same((r.rc, [ok for ok, _ in got.values()]), (0, [True] * 3), r)
    # The schedule is known: arrival k is due k / 100 s after the first one; the server knows the rest.
    sent = [one.sent_us for one in served]
    check(abs(len(sent) - 1500) <= 3, len(sent))
    due = [sent[0] + 10000 * k for k in range(len(sent))]
    intended = [(at - when) / 1e3 for at, when in zip(sorted(sent), due)]
    near(got["intended_p99>4.7s"][1], quantile(intended, 0.99), "the record of the server", more=50)
    log = request_log(r.dir + "/log.csv")
    hgrm(r.dir + "/h.intended", [float(one["response_time_ms"]) + float(one["late_ms"]) for one in log])


if __name__ == "__main__":
    main(parallel=2, before=lambda: (build(VERDICT), build("record_server.c", "-O1")))
