"""Questions over UDP beside dnsperf: CPU of the generator for each, and what an idle client takes.

knot answers, on the last core. Both generators keep 100 questions open, and so many as the server takes:
dnsperf by -q 100, the kit by 100 users without a wait. CPU is that of the whole process, from its start
to its end; questions are those that it says were answered.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from benches import GENERATOR_CORE, SERVER_CORE, compile_test, median, pin, resident
from kit import dns

AIM_DNSPERF = 0.8
ROUNDS, SECONDS = 5, 3

KIT = """#include "locust.h"
#include <stdio.h>
static void ask(locust_user *u) {
    static unsigned n;
    char name[32];
    snprintf(name, sizeof name, "h%u.example.test", n++ % 1000);
    locust_dns_query(u, name, "A", .name = "A h");
}
LOCUST_USER(Resolver, .tasks = LOCUST_TASKS(LOCUST_TASK(ask)));
LOCUST_MAIN(.users = { &Resolver })
"""

IDLE = """#include "locust.h"
static void ask(locust_user *u) { locust_dns_query(u, "h1.example.test", "A", .name = "A h"); }
static void nothing(locust_user *u) { (void)u; }
LOCUST_USER(Idle, .wait_time = LOCUST_CONSTANT(1000), .on_start = ask, .tasks = LOCUST_TASKS(LOCUST_TASK(nothing)));
LOCUST_USER(Mute, .wait_time = LOCUST_CONSTANT(1000), .tasks = LOCUST_TASKS(LOCUST_TASK(nothing)));
LOCUST_MAIN(.users = { &Idle, &Mute })
"""


def cpu_of(command):
    """(seconds of CPU, what it printed)."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, preexec_fn=pin(GENERATOR_CORE))
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        out.seek(0)
        return usage.ru_utime + usage.ru_stime, out.read().decode(errors="replace")


def kit(program, port):
    cpu, text = cpu_of([program, "--headless", "-u", "100", "-r", "100", "-t", f"{SECONDS}s", "--host",
                        f"udp://127.0.0.1:{port}", "--only-summary"])
    row = re.search(r"Aggregated +(\d+) +(\d+)\(", text[text.rindex("Aggregated", 0, text.rindex("percentiles")):])
    return cpu, int(row[1]), int(row[2])


def dnsperf(questions, port):
    cpu, text = cpu_of(["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", questions, "-l", str(SECONDS),
                        "-q", "100", "-W"])
    done, lost = (int(re.search(r"Queries %s: +(\d+)" % what, text)[1]) for what in ("completed", "lost"))
    return cpu, done + lost, lost


def idle(program, klass, port, users):
    command = [program, "--headless", "-u", str(users), "-r", "2000", "-t", "60s", "--host",
               f"udp://127.0.0.1:{port}", "--only-summary", klass]
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, preexec_fn=pin(GENERATOR_CORE))
        deadline = time.monotonic() + 60
        while b"All users spawned" not in os.pread(out.fileno(), 1 << 20, 0):
            if child.poll() is not None or time.monotonic() > deadline:
                child.kill()
                sys.exit(f"bench: {klass}: {os.pread(out.fileno(), 1 << 20, 0).decode()}")
            time.sleep(0.05)
        time.sleep(0.5)  # the last answers
        bytes = resident(child.pid)
        child.terminate()
        child.wait()
        return bytes


def bench():
    if not shutil.which("dnsperf") or not shutil.which("knotd"):
        sys.exit("bench: dnsperf or knotd is missing: run make deps")
    program, still = compile_test("bench_dns", KIT), compile_test("bench_dns_idle", IDLE)
    with dns.Knot(before_exec=pin(SERVER_CORE), threads=1) as server:
        questions = os.path.join(server.dir, "questions")
        with open(questions, "w") as file:
            file.write("".join(f"h{i}.example.test A\n" for i in range(1000)))
        rows = {"kit": [], "dnsperf": []}
        for _ in range(ROUNDS):
            rows["kit"].append(kit(program, server.port))
            rows["dnsperf"].append(dnsperf(questions, server.port))
        for name, each in rows.items():
            each_us = [1e6 * cpu / n for cpu, n, _ in each]
            print(f"{name:8} {median(each_us):6.2f} us of CPU a question  {median([n for _, n, _ in each]) / SECONDS:8.0f} "
                  f"questions/s  {sum(lost for _, _, lost in each)} lost or failed")
        ratio = median([(k[0] / k[1]) / (d[0] / d[1]) for k, d in zip(rows["kit"], rows["dnsperf"])])
        print(f"UDP: {ratio:.2f} of dnsperf's CPU a question (aim: at most {AIM_DNSPERF})")
        users = 10000
        asked, mute = (idle(still, klass, server.port, users) for klass in ("Idle", "Mute"))
        print(f"an idle client, with its last answer: {(asked - mute) / users:.0f} bytes "
              f"({asked / users:.0f} with its user)")
    return ratio <= AIM_DNSPERF
