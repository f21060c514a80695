#!/usr/bin/env -S python3 -B
"""Real servers of gRPC under load: their health service, the kit's counts against each server's own.

    tests/servers/grpc.py [NAME...]       all, or those; `make servers` does so

grpc-go, also with connections that it ends by GOAWAY after a second. (grpcio is in tests/whole/test_grpc.py.)
"""
import os, signal, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__)) + "/grpc"
sys.path.insert(0, os.path.join(HERE, "..", "..", "whole"))
WORDS, sys.argv[1:] = sys.argv[1:], []
from kit.lib import ROOT, build, check, count, failed, run, same, stats_csv
from kit.pick import pick

KEPT = os.path.join(ROOT, "build", "servers", "grpc")
SERVERS = {"grpc-go": [], "grpc-go that ends connections": ["1"]}


def one(name):
    done = subprocess.run(["go", "build", "-o", KEPT + "/grpc-go", "."], cwd=HERE, capture_output=True, text=True)
    check(done.returncode == 0, done.stderr[-2000:])
    dir = tempfile.mkdtemp(prefix="locust-grpc-")
    p = subprocess.Popen([KEPT + "/grpc-go", *SERVERS[name]], stdout=subprocess.PIPE, text=True)
    try:
        url = "http://127.0.0.1:%d" % int(p.stdout.readline())
        r = run(dir, [build("grpc_health.c"), "--headless", "--only-summary", "-H", url, "-u", "10", "-r", "1000", "-t", "4",
                      "--csv", "c"])
        same(r.rc, 0, r)
        rows, total = stats_csv(dir + "/c")
        same((failed(total), count(total) > 1000), (0, True), r)
        p.send_signal(signal.SIGTERM)
        served = int(p.stdout.readline())
        # Those that the end of the run cut short may have been served.
        check(count(total) <= served <= count(total) + 80, served, count(total))
    finally:
        p.kill()
        p.wait()


def main():
    os.makedirs(KEPT, exist_ok=True)
    bad = []
    for name in pick(WORDS, sorted(SERVERS)):
        try:
            one(name)
            print("ok %s: gRPC; its count is ours" % name, flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError) as why:
            bad.append(name)
            print("not ok %s: %s" % (name, str(why)[-1500:]), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
