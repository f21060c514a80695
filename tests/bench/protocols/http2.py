"""HTTP/2: CPU of the generator for a GET, beside h2load (apt nghttp2-client), with 1 and with 32 streams of one
connection, and resident bytes for an idle user with a connection. The server is nginx, by prior knowledge.

The runs take turns; what is printed is the median of the ratios.
"""
import csv
import os
import re
import statistics
import subprocess
import tempfile
import time

from benches import GENERATOR_CORE, SERVER_CORE, compile_test, pin, resident
from kit.nginx import Nginx

ROUNDS, SECONDS, IDLE = 5, 3, 5000

CONFIG = """events { worker_connections 20000; }
http { access_log off; keepalive_requests 100000000;
  server { listen 127.0.0.1:@PORT http2 backlog=4096; location / { return 200 "hello, world\\n"; } } }
"""
ONE = """#include "locust.h"
static void get(locust_user *u)
{
    locust_get(u, "/index.html");
}
LOCUST_USER(Getter, .http_version = LOCUST_HTTP_2, .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = { &Getter })
"""
MANY = """#include "locust.h"
static void stream(locust_user *u, void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++)
        locust_get(u, "/index.html");
}
static void get(locust_user *u)
{
    locust_group *g = locust_group_new(u, 32);
    for (int i = 0; i < 32; i++)
        locust_group_start(u, g, stream, NULL);
    locust_group_join(u, g);
}
LOCUST_USER(Getter, .http_version = LOCUST_HTTP_2, .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = { &Getter })
"""
WAIT = """#include "locust.h"
static void wait_here(locust_user *u)
{
%s    locust_sleep(u, 600);
}
LOCUST_USER(Waiter, .http_version = LOCUST_HTTP_2, .tasks = LOCUST_TASKS(LOCUST_TASK(wait_here)));
LOCUST_MAIN(.users = { &Waiter })
"""


class Server(Nginx):
    before_exec = staticmethod(pin(SERVER_CORE))


def cpu_of(command, dir):
    """(seconds of CPU, what it printed) of one run."""
    before = os.times()
    done = subprocess.run(command, cwd=dir, capture_output=True, text=True, preexec_fn=pin(GENERATOR_CORE), timeout=60)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system, done.stdout


def ours(program, url, dir):
    cpu, _ = cpu_of([program, "--headless", "-u", "1", "-t", f"{SECONDS}s", "--csv", dir + "/out", "--only-summary", "-H",
                     url], dir)
    with open(dir + "/out_stats.csv") as f:
        return cpu / int(list(csv.DictReader(f))[-1]["Request Count"]) * 1e6


def theirs(streams, url, dir):
    cpu, out = cpu_of(["h2load", "-t1", "-c1", f"-m{streams}", f"-D{SECONDS}", url + "/index.html"], dir)
    return cpu / int(re.search(r"(\d+) succeeded", out)[1]) * 1e6


def idle(url):
    sizes = []
    for what in "", '    locust_get(u, "/");\n':
        program = compile_test("bench_h2_idle%d" % len(sizes), WAIT % what)
        p = subprocess.Popen([program, "--headless", "-u", str(IDLE), "-r", "2000", "-t", "60s", "-H", url,
                              "--only-summary"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(IDLE / 2000 + 3)
        sizes.append(resident(p.pid))
        p.kill()
        p.wait()
    return (sizes[1] - sizes[0]) / IDLE


def bench():
    good = True
    one, many = compile_test("bench_h2_one", ONE), compile_test("bench_h2_many", MANY)
    with tempfile.TemporaryDirectory(prefix="locust-bench-") as dir, Server(dir, CONFIG, PORT=None) as nginx:
        for streams, program in (1, one), (32, many):
            pairs = [(ours(program, nginx.url, dir), theirs(streams, nginx.url, dir)) for _ in range(ROUNDS)]
            mine, other = [statistics.median(side) for side in zip(*pairs)]
            ratio = statistics.median(a / b for a, b in pairs)
            good &= ratio <= 0.9
            print(f"GET, {streams:2d} streams: {mine:6.2f} us of CPU, h2load {other:6.2f}: ratio {ratio:.2f} (at most 0.9)",
                  flush=True)
        print(f"idle user with a connection: {idle(nginx.url):.0f} bytes more than one without", flush=True)
    return good
