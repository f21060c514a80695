#!/usr/bin/env python3
"""make bench B=honest: what a starved generator says of a server's times, and of itself.

programs/delay_server.c, alone on the last core, answers after 5 ms and records how long each answer
really took it. The same 200 users, who pause for 50 to 150 ms between two requests, are run by this kit and by
Locust (FastHttpUser, where /usr/bin/locust is installed) on the first core: with the core to themselves,
and beside two busy loops that are pinned to it. A user connects in its on_start, by a request of another
name, for the server's record does not know what connecting took. Printed are p50 and p99 in ms, in that
record and as each tool reports them, and what each says of itself.

Usage: bench_honest.py [seconds]
"""
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from benches import GENERATOR_CORE, ROOT, SERVER_CORE, compile_test, pin

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
USERS = 200

KIT = """#include "locust.h"
static void join(locust_user *u) { locust_get(u, "/delay/0"); }
static void get(locust_user *u) { locust_get(u, "/delay/5"); }
LOCUST_USER(Visitor, .on_start = join, .wait_time = LOCUST_BETWEEN(0.05, 0.15),
    .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = { &Visitor })
"""
LOCUST = """from locust import FastHttpUser, task, between
class Visitor(FastHttpUser):
    wait_time = between(0.05, 0.15)
    def on_start(self): self.client.get("/delay/0")
    @task
    def get(self): self.client.get("/delay/5")
"""


def first(found, what):
    """The first of some, or the end of the bench with a sentence."""
    for one in found:
        return one
    sys.exit(f"bench: {SECONDS} s were too short: there is no {what}; 8 s are the usual")


def run(command, folder, starved, server_program):
    """Runs a generator; its output, and p50 and p99 of the server's record."""
    with open(folder + "/server", "w") as log:
        server = subprocess.Popen([server_program], stdout=log, preexec_fn=pin(SERVER_CORE))
    loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"], preexec_fn=pin(GENERATOR_CORE))
             for _ in range(2 if starved else 0)]
    try:
        while not os.path.getsize(folder + "/server"):
            if server.poll() is not None:
                sys.exit("bench: the server ended")
        with open(folder + "/server") as f:
            host = "http://" + f.readline().split()[-1]
        done = subprocess.run(command + ["--headless", "-u", str(USERS), "-r", str(USERS), "-t", f"{SECONDS}s", "-H",
                                         host], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, preexec_fn=pin(GENERATOR_CORE))
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
        server.send_signal(signal.SIGTERM)
        server.wait()
    with open(folder + "/server") as f:
        record = first((line.split() for line in f if line.startswith("5 ")), "answer in the server's record")
    return done.stdout, float(record[1]), float(record[2])


def of_kit(text, folder):
    with open(folder + "/summary.json") as f:
        row = first((row for row in json.load(f)["rows"] if row["name"] == "/delay/5"), "row of /delay/5 by locust.h")
    said = first((line for line in text.splitlines() if line.startswith("generator: ")), "word on the generator")
    return row["percentiles_ms"]["50"], row["percentiles_ms"]["99"], row["rps"], said


def of_locust(text, folder):
    with open(folder + "/l_stats.csv", newline="") as f:
        row = first((row for row in csv.DictReader(f) if row["Name"] == "/delay/5"), "row of /delay/5 by Locust")
    said = [line.split("WARNING/")[1] for line in text.splitlines() if "WARNING/" in line and "CPU" in line]
    return float(row["50%"]), float(row["99%"]), float(row["Requests/s"]), said[0] if said else "(nothing)"


def main():
    server = os.path.join(ROOT, "build", "bench_honest_server")
    kit = compile_test("bench_honest_kit", KIT)
    subprocess.check_call(["cc", "-O2", os.path.join(ROOT, "tests/whole/programs/delay_server.c"), "-o", server])
    tools = {"locust.h": ([kit, "--only-summary", "--summary", "summary.json"], of_kit)}
    if shutil.which("locust"):
        tools["Locust"] = ([shutil.which("locust"), "-f", "locustfile.py", "--only-summary", "--csv", "l"], of_locust)
    print(f"{USERS} users, answers after 5 ms, {SECONDS} s each")
    print(f"{'':10} {'core':8} {'req/s':>8} {'p50':>8} {'true':>8} {'p99':>8} {'true':>8}  says")
    for starved in False, True:
        for name, (command, read) in tools.items():
            with tempfile.TemporaryDirectory() as folder:
                with open(folder + "/locustfile.py", "w") as f:
                    f.write(LOCUST)
                text, true50, true99 = run(command, folder, starved, server)
                p50, p99, rate, said = read(text, folder)
            print(f"{name:10} {'shared' if starved else 'its own':8} {rate:8.0f} {p50:8.3f} {true50:8.3f} {p99:8.3f} "
                  f"{true99:8.3f}  {said}")
    if "Locust" not in tools:
        print("Locust: not installed")


main()
