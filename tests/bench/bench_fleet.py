#!/usr/bin/env python3
"""make bench B=fleet: masters of thousands of workers, users on all cores, and a stock worker beside ours.

many     so many workers (tests/whole/programs/many_workers.c: one process, a connection each, on the real wire, in
         Locust's rhythm: a heartbeat each second, a report of three rows each three) on one master, for some seconds after
         all have joined. CPU is what the scheduler accounts to the master, memory its VmRSS less that before they came.
         Once with reports of a stock worker, once with those of ours. Aim: 20 % of a core, 40 KB a worker.
held     so many users over --processes N, from several loopback addresses to as many servers as processes (more than asked for where the limit on descriptors wants it); each makes a
         request and stays, connected. Steps, failures, resident bytes of all processes of the test a user, the kernel's slabs.
worker   a stock worker in Python (FastHttpUser) and one of ours, each with as many users as keep it busy, on a master of
         ours: requests a second of its CPU. Aim: ten times as many. It needs Locust.

Usage: bench_fleet.py [--workers 5000] [--users 1000000] [--processes 4] [--seconds 20] [ROW...]
"""
import argparse
import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from benches import ROOT, Target, compile_program, compile_test, nanoseconds, resident

HELD = """#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
static void get(locust_user *u) // from the server of this process
{
    static char url[64];
    const char *ports = getenv("PORTS");
    if (!*url) {
        for (int i = 0; i < locust_worker_index(u->env); i++)
            ports = strchr(ports, ' ') + 1;
        snprintf(url, sizeof url, "http://127.0.0.1:%d/", atoi(ports));
    }
    locust_get(u, url, .name = "/");
}
LOCUST_USER(Held, .wait_time = LOCUST_CONSTANT(3600), .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = {&Held})
"""
BUSY = """#include "locust.h"
static void get(locust_user *u) { locust_get(u, "/"); }
LOCUST_USER(Busy, .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = {&Busy})
"""
BUSY_PY = """import locust.runners
from locust import FastHttpUser, task
if not locust.runners.__version__:
    locust.runners.__version__ = "2"
class Busy(FastHttpUser):
    @task
    def get(self):
        self.client.get("/")
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def start(command, log, **options):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)


def text(log):
    return os.pread(log.fileno(), 1 << 24, 0).decode(errors="replace")


def wait_for(true, process, log, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        if process.poll() is not None or time.monotonic() > end:
            sys.exit("bench: %s\n%s" % (process.args, text(log)[-3000:]))
        time.sleep(0.1)


def many(o, dir):
    master, workers = compile_test("fleet_busy", BUSY), compile_program("many_workers")
    for kind in "stock", "own":
        port = free_port()
        with open(dir + "/m", "w+") as log, open(dir + "/w", "w+") as said:
            m = start([master, "--master", "--headless", "--only-summary", "--master-bind-port", str(port),
                       "--expect-workers", str(o.workers), "-u", str(o.workers), "-r", str(o.workers), "-t",
                       str(o.seconds + 10), "--summary", dir + "/s.json", "-H", "http://127.0.0.1:1"], log)
            wait_for(lambda: "Waiting for workers" in text(log), m, log)
            before = resident(m.pid)
            w = start([workers, str(o.workers), str(port), kind], said)
            wait_for(lambda: "users spawned" in text(log) or "Spawning is complete" in text(log), m, log)
            time.sleep(4)
            cpu, at = nanoseconds(m.pid), time.monotonic()
            time.sleep(o.seconds)
            share = (nanoseconds(m.pid) - cpu) / 1e9 / (time.monotonic() - at)
            memory = (resident(m.pid) - before) / o.workers
            m.wait(120)
            w.wait(60)
            missing = text(log).count("setting state to missing")
        with open(dir + "/s.json") as f:
            counted = json.load(f)["total"]["requests"]
        print("many    %5d workers, reports %-5s   CPU %5.1f %% of a core   memory %4.1f KB a worker   missing %d   "
              "requests counted %d" % (o.workers, kind, 100 * share, memory / 1000, missing, counted), flush=True)


def slabs():
    with open("/proc/meminfo") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Slab:")) * 1024


def family(pid):
    """A process and its children."""
    found = [pid]
    for at in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % at) as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(at))
        except OSError:
            pass
    return found


def held(o, dir):
    program, target = compile_test("fleet_held", HELD), compile_program("target")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = max(o.processes, -(-o.users // (limit - 300)))  # ports: 28,000 from each address
    servers = [subprocess.Popen([target, "--port", "0"], stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    ports = " ".join(s.stdout.readline().split(":")[-1].strip() for s in servers)
    slab = slabs()
    with open(dir + "/h", "w+") as log:
        began = time.monotonic()
        p = start([program, "--headless", "--only-summary", "--processes", str(processes), "-u", str(o.users), "-r",
                   str(o.rate), "--source", "127.0.1.0/26", "--summary", dir + "/s.json"], log,
                  env=dict(os.environ, PORTS=ports))
        wait_for(lambda: "users spawned" in text(log) or "Spawning is complete" in text(log), p, log, 600)
        took = time.monotonic() - began
        time.sleep(8)  # the last requests, and their reports
        memory = sum(resident(at) for at in family(p.pid))
        kernel = slabs() - slab
        p.terminate()
        p.wait(120)
    for s in servers:
        s.terminate()
        s.communicate()
    with open(dir + "/s.json") as f:
        total = json.load(f)["total"]
    print("held    %7d users in %d processes   started in %5.1f s   requests %d, failures %d, unanswered %d   %.0f bytes a "
          "user, kernel %.0f (both ends)" % (o.users, processes, took, total["requests"], total["failures"],
                                             total["unanswered"], memory / o.users, kernel / o.users), flush=True)


def worker(o, dir):
    locust = o.locust or shutil.which("locust")
    if not locust:
        print("worker  needs Locust: --locust PATH")
        return
    program = compile_test("fleet_busy", BUSY)
    with open(dir + "/locustfile.py", "w") as f:
        f.write(BUSY_PY)
    figures = {}
    for kind in "stock", "own":
        port = free_port()
        with Target() as target, open(dir + "/m", "w+") as log, open(dir + "/w", "w+") as said:
            m = start([program, "--master", "--headless", "--only-summary", "--master-bind-port", str(port), "-u", "50",
                       "-r", "50", "-t", "%d" % (o.seconds + 6), "-H", target.url, "--summary", dir + "/s.json"], log)
            w = start([program, "--worker", "--master-port", str(port)] if kind == "own" else
                      [locust, "-f", dir + "/locustfile.py", "--worker", "--master-port", str(port)], said, cwd=dir)
            wait_for(lambda: "users spawned" in text(log) or "Spawning is complete" in text(log), m, log)
            cpu, at = nanoseconds(w.pid), time.monotonic()
            time.sleep(o.seconds)
            cpu, took = (nanoseconds(w.pid) - cpu) / 1e9, time.monotonic() - at
            m.wait(60)
            w.wait(30)
            with open(dir + "/s.json") as f:
                rps = json.load(f)["total"]["rps"]
        figures[kind] = rps * took / cpu
        print("worker  %-5s   %8.0f requests a second   CPU %3.0f %% of a core   %8.0f requests a second of CPU" %
              (kind, rps, 100 * cpu / took, figures[kind]), flush=True)
    print("worker  ours makes %.1f times as many of a core" % (figures["own"] / figures["stock"]))


ROWS = {"many": many, "held": held, "worker": worker}


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--workers", type=int, default=5000)
    a.add_argument("--users", type=int, default=1000000)
    a.add_argument("--processes", type=int, default=4)
    a.add_argument("--rate", type=int, default=20000)
    a.add_argument("--seconds", type=int, default=20)
    a.add_argument("--locust")
    a.add_argument("rows", nargs="*", default=list(ROWS))
    o = a.parse_args()
    for row in o.rows or ROWS:
        with tempfile.TemporaryDirectory(prefix="locust-fleet-") as dir:
            ROWS[row](o, dir)


main()
