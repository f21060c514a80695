#!/usr/bin/env python3
"""make bench B=memory: resident bytes for each idle, connected user.

Users make one request to nginx over a connection that stays open, and then wait for a minute. What is
printed is the whole process (VmRSS), and what a user adds to the process with one user. The kernel's
own memory for a socket (about 3.9 KB) is not in it.
"""
import os
import subprocess
import sys
import time

from benches import Nginx, compile_test

USERS = (1, 100, 1000, 15000)

TEST = """#include "locust.h"
static void get(locust_user *u) { locust_get(u, "/"); }
LOCUST_USER(Visitor, .wait_time = LOCUST_CONSTANT(60), .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = { &Visitor })
"""


def resident(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) * 1024


def connected(pid):
    return sum(os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
               for fd in os.listdir(f"/proc/{pid}/fd"))


def measure(test, url, users):
    process = subprocess.Popen([test, "--headless", "-u", str(users), "-r", "5000", "-t", "60s", "-H",
                                url, "--only-summary"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 50
    last = -1
    while True:  # until all are connected and nothing grows any more
        now = resident(process.pid)
        if connected(process.pid) >= users and now == last:
            break
        if time.monotonic() > deadline or process.poll() is not None:
            sys.exit(f"bench: {users} users did not connect: ulimit -n?")
        last = now
        time.sleep(0.5)
    process.kill()
    process.communicate()
    return now


def main():
    test = compile_test("bench_memory_kit", TEST)
    print(f"{'users':>7} {'resident KB':>12} {'bytes/user':>11}")
    with Nginx() as nginx:
        base = 0
        for users in USERS:
            size = measure(test, nginx.url, users)
            base = base or size
            added = f"{(size - base) / (users - 1):11.0f}" if users > 1 else ""
            print(f"{users:7} {size // 1024:12} {added}")
            if users == USERS[-1]:
                print(f"everything of ours counted: {size / users:.0f} bytes for each of {users} users")


main()
