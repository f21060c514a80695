"""gRPC: CPU of the generator for a unary call, beside ghz (Go proxy), 32 at once on one connection. The server is
grpc-go (tests/servers/grpc), its health service. The runs take turns; what is printed is the median of the ratios.
"""
import csv
import os
import re
import statistics
import subprocess
import tempfile

from benches import BUILD, GENERATOR_CORE, SERVER_CORE, compile_test, pin

ROUNDS, SECONDS = 3, 3
HERE = os.path.dirname(os.path.abspath(__file__))

TEST = """#include "locust.h"
static void stream(locust_user *u, void *arg)
{
    char bytes[16];
    locust_pb_writer w = LOCUST_PB_WRITER(bytes);
    (void)arg;
    for (int i = 0; i < 500; i++)
        locust_grpc_call(u, "/grpc.health.v1.Health/Check", &w);
}
static void check(locust_user *u)
{
    locust_group *g = locust_group_new(u, 32);
    for (int i = 0; i < 32; i++)
        locust_group_start(u, g, stream, NULL);
    locust_group_join(u, g);
}
LOCUST_USER(Checker, .tasks = LOCUST_TASKS(LOCUST_TASK(check)));
LOCUST_MAIN(.users = { &Checker })
"""
PROTO = """syntax = "proto3";
package grpc.health.v1;
message HealthCheckRequest { string service = 1; }
message HealthCheckResponse { int32 status = 1; }
service Health { rpc Check(HealthCheckRequest) returns (HealthCheckResponse); }
"""


def go(*argv, **env):
    subprocess.check_call(["go", *argv], cwd=HERE + "/../../servers/grpc", env={**os.environ, **env},
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def cpu_of(command, dir):
    before = os.times()
    done = subprocess.run(command, cwd=dir, capture_output=True, text=True, preexec_fn=pin(GENERATOR_CORE), timeout=90)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system, done.stdout


def bench():
    bin = os.path.abspath(BUILD) + "/bench_grpc"
    go("build", "-o", bin + "/server", ".")
    if not os.path.exists(bin + "/ghz"):
        go("install", "github.com/bojand/ghz/cmd/ghz@v0.93.0", GOBIN=bin)
    program = compile_test("bench_grpc_call", TEST)
    pairs = []
    with tempfile.TemporaryDirectory(prefix="locust-bench-") as dir:
        with open(dir + "/health.proto", "w") as f:
            f.write(PROTO)
        server = subprocess.Popen([bin + "/server"], stdout=subprocess.PIPE, text=True, preexec_fn=pin(SERVER_CORE))
        try:
            at = "127.0.0.1:" + server.stdout.readline().strip()
            for _ in range(ROUNDS):
                mine, _ = cpu_of([program, "--headless", "-u", "1", "-t", f"{SECONDS}s", "--csv", dir + "/out",
                                  "--only-summary", "-H", "http://" + at], dir)
                with open(dir + "/out_stats.csv") as f:
                    mine /= int(list(csv.DictReader(f))[-1]["Request Count"])
                other, out = cpu_of([bin + "/ghz", "--insecure", "--proto", "health.proto", "--call",
                                     "grpc.health.v1.Health.Check", "-c", "32", "--connections", "1", "-z",
                                     f"{SECONDS}s", "-d", "{}", at], dir)
                other /= int(re.search(r"Count:\s+(\d+)", out)[1])
                pairs.append((mine * 1e6, other * 1e6))
        finally:
            server.kill()
            server.wait()
    mine, other = [statistics.median(side) for side in zip(*pairs)]
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"unary call: {mine:6.2f} us of CPU, ghz {other:6.2f}: ratio {ratio:.2f} (at most 0.15)", flush=True)
    return ratio <= 0.15
