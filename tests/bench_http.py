#!/usr/bin/env python3
"""make bench B=http: requests a second and generator CPU for each request, beside wrk and hey.

All load one nginx process on the last core from the first core, over 64 keep-alive connections, in
interleaved rounds; medians are printed. CPU is what the kernel accounts to the generator's process
(user and system); user time is sampled by the kernel's tick, so it is good to about a tenth.
Usage: bench_http.py [rounds] [seconds]
"""
import re
import shutil
import sys

from benches import Nginx, compile_test, median, run

CONNECTIONS = 64
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 3

KIT = """#include "locust.h"
static void get(locust_user *u) { locust_get(u, "/"); }
LOCUST_USER(Visitor, .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = { &Visitor })
"""


def main():
    kit = compile_test("bench_http_kit", KIT)
    with Nginx() as nginx:
        url = nginx.url + "/"
        tools = {
            "locust.h": ([kit, "--headless", "-u", str(CONNECTIONS), "-r", str(CONNECTIONS), "-t",
                          f"{SECONDS}s", "-H", nginx.url, "--compact", "--only-summary", "-L", "ERROR"],
                         r"total reqs=(\d+) fails=0 "),
            "wrk": (["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", url], r"(\d+) requests in"),
            "hey": (["hey", "-cpus", "1", "-c", str(CONNECTIONS), "-z", f"{SECONDS}s", url],
                    r"\[200\]\s+(\d+) responses"),
        }
        results = {name: [] for name in tools if name == "locust.h" or shutil.which(name)}
        for _ in range(ROUNDS):
            for name in results:
                command, pattern = tools[name]
                server = nginx.cpu()
                text, wall, user, system = run(command)
                found = re.search(pattern, text)
                if not found:
                    sys.exit(f"bench: no figure in the output of {name}:\n{text}")
                n = int(found.group(1))
                results[name].append((n / wall, (user + system) / n * 1e6, user / n * 1e6,
                                      (user + system) / wall, (nginx.cpu() - server) / wall))
    print(f"nginx, {CONNECTIONS} keep-alive connections, {ROUNDS} rounds of {SECONDS} s, medians")
    print(f"{'':10} {'req/s':>9} {'CPU us/req':>11} {'user us/req':>12} {'generator':>10} {'server':>8}")
    columns = {name: [median(column) for column in zip(*rows)] for name, rows in results.items()}
    for name, (rate, cpu, user, busy, server) in columns.items():
        print(f"{name:10} {rate:9.0f} {cpu:11.2f} {user:12.2f} {busy:10.0%} {server:8.0%}")
    for name, rows in results.items():
        if name != "locust.h":
            ratio = median([ours[1] / theirs[1] for ours, theirs in zip(results["locust.h"], rows)])
            print(f"CPU per request, locust.h / {name}: {ratio:.2f}")
        else:
            continue
    for name in set(tools) - set(results):
        print(f"{name}: not installed")


main()
