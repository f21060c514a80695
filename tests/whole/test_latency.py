#!/usr/bin/env -S python3 -B
# in full
# serial
"""Latency truth: p50 and p99 lie within 1 % + 0.2 ms of a delay that a server injects, at 500 users.

    tests/whole/test_latency.py

500 users, about 1,000 requests a second on connections that are open already. The server
(programs/delay_server.c) never sleeps, so that its delays are what was asked for within some 20 us; it
prints what they really were. A machine that halts either side for a while makes both wrong, so there
are up to six rounds and for each delay the best p50 and p99 count. The bound is never loosened: where
others had the server's core for a fifth of the hundredth that p99 leaves out, in all rounds but one,
nothing can be said, and the test is skipped with that share.
"""
import os, sys
from kit.lib import *

DELAYS = (1, 5, 20, 100)
ROUNDS = 6
CALM = 0.002  # share of the time in which others had the server's core


def bound(delay):
    return 0.01 * delay + 0.2


def told(server):
    """{delay: p50 and p99} of the server's own clock, the share of time in which it was halted"""
    server.p.terminate()
    lines = [line.split() for line in server.p.communicate(timeout=20)[0].splitlines()]
    return ({int(line[0]): tuple(map(float, line[1:])) for line in lines if line[0] != "halted"},
            next(float(line[1]) for line in lines if line[0] == "halted"))


def judge(shares, ok, text):
    """Of rounds of which none came out well: fails, or skips for want of calm."""
    if sum(share <= CALM for share in shares) < 2:
        raise Skip("others had the server's core for %s %% of the time" % ", ".join(
            "%.2f" % (100 * share) for share in sorted(shares)))
    check(ok, text)


def measure(dir):
    """{delay: (requests, kit's p50 and p99, server's p50 and p99)}, the share of time that others had"""
    with Target(dir, source="delay_server.c") as server:
        r = run(dir, [build("known_delays.c", "-O1"), server.url])
        really, halted = told(server)
    same((r.rc, r.err), (0, ""), r)
    rows = {}
    for line in r.out.splitlines():
        name, p50, p99, requests, failures = line.split()
        delay = int(name.split("/")[2])
        same(failures, "0", line)
        check(int(requests) > 500, line)
        rows[delay] = (float(p50), float(p99)) + really[delay]
    same(set(rows), set(DELAYS))
    return rows, halted


@test("p50 and p99 at 500 users")
def _(dir):
    rounds, shares, best = [], [], {}
    while len(rounds) < ROUNDS:
        rows, halted = measure(dir)
        rounds.append(rows)
        shares.append(halted)
        for delay, (p50, p99, *_) in rows.items():
            # Never before its time (the histogram rounds by 0.4 %).
            check(p50 >= delay * 0.99, "p50 of /delay/%d is %.3f ms" % (delay, p50))
            for key, got in ((("p50", delay), p50), (("p99", delay), p99)):
                best[key] = min(best.get(key, 1e9), abs(got - delay))
        if all(off <= bound(delay) for (_, delay), off in best.items()):
            return
    for (name, delay), off in sorted(best.items()):
        judge(shares, off <= bound(delay), "%s of /delay/%d is off by %.3f ms in the best of %d rounds, allowed "
              "is %.3f; kit's p50 and p99, server's p50 and p99: %s" % (
                  name, delay, off, ROUNDS, bound(delay), [r[delay] for r in rounds]))


@test("handshakes of other users do not make answers look slow")
def _(dir):
    # One core spins in the server of the delays; the other one has the kit and the server of TLS, and
    # is busy with handshakes of 2 to 8 ms most of the time.
    flags = "-accept 127.0.0.1:%d -cert c.pem -key k.pem -www -quiet"
    done = subprocess.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem "
                          "-out c.pem -days 2 -subj /CN=x", shell=True, cwd=dir, capture_output=True)
    if done.returncode:
        raise Skip("openssl is missing")
    port = free_port()
    tls = subprocess.Popen(["openssl", "s_server"] + (flags % port).split(), cwd=dir, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 10, "openssl s_server")
        best, shares = [], []
        for _ in range(ROUNDS):
            with Target(dir, source="delay_server.c") as server:
                r = run(dir, [build("beside_handshakes.c", "-O2", "-DLOCUST_TLS", libs=TLS), server.url,
                              "https://127.0.0.1:%d/" % port])
                delays, halted = told(server)
            rows = {line.split()[0]: line.split()[1:] for line in r.out.splitlines()}
            same((r.rc, {row[3] for row in rows.values()}), (0, {"0"}), r)
            check(int(rows["shake"][2]) > 200 and int(rows["/delay/5"][2]) > 500, r)
            best.append(abs(float(rows["/delay/5"][1]) - delays[5][1]))
            shares.append(halted)
            if min(best) <= bound(5):
                return
        judge(shares, False, "p99 is off by %.3f ms from the server's own in the best of %d rounds: %s" % (
            min(best), ROUNDS, best))
    finally:
        tls.kill()
        tls.wait()


if __name__ == "__main__":
    main()
