#!/usr/bin/env python3
"""make bench B=memory: resident bytes for each idle, connected user.

Users make one request to nginx over a connection that stays open, and then wait for a minute. What is
printed is the whole process (VmRSS), and what a user adds to the process with one user. The kernel's
own memory for a socket (about 3.9 KB) is not in it.

The same test is compiled for this machine's C library, statically for musl by tools/cross.sh, and for
armhf, which qemu-user runs: there qemu's own memory counts too, so the line of one user is mostly that.
"""
import os
import resource
import shutil
import subprocess
import sys
import time

from benches import BUILD, ROOT, Nginx, compile_test, resident

MOST = min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 64)
USERS = (1, 100, 1000, MOST)

TEST = """#include "locust.h"
static void get(locust_user *u) { locust_get(u, "/"); }
LOCUST_USER(Visitor, .wait_time = LOCUST_CONSTANT(60), .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = { &Visitor })
"""


def connected(pid):
    return sum(os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
               for fd in os.listdir(f"/proc/{pid}/fd"))


def cross(target):
    """The test, compiled for another machine or C library; None where that cannot be done."""
    path = f"{BUILD}/bench_memory_{target}"
    done = subprocess.run([ROOT + "/tools/cross.sh", target, BUILD + "/bench_memory_kit.c", "-I" + ROOT, "-o",
                           path], capture_output=True, text=True)
    if done.returncode:
        print(f"{target}: {done.stderr.strip().splitlines()[-1]}")
    return None if done.returncode else path


def measure(command, url, users):
    process = subprocess.Popen(command + ["--headless", "-u", str(users), "-r", "5000", "-t", "60s", "-H",
                                          url, "--only-summary"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
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


def table(name, command, url, all_users):
    print(f"{name}\n{'users':>7} {'resident KB':>12} {'bytes/user':>11}")
    base = 0
    for users in all_users:
        size = measure(command, url, users)
        base = base or size
        added = f"{(size - base) / (users - 1):11.0f}" if users > 1 else ""
        print(f"{users:7} {size // 1024:12} {added}")
    print(f"everything of ours counted: {size / users:.0f} bytes for each of {users} users\n")


def main():
    native = compile_test("bench_memory_kit", TEST)
    musl, arm = cross("x86_64") if os.uname().machine == "x86_64" else None, cross("armhf")
    with Nginx() as nginx:
        table("this machine's C library, dynamic, -O2", [native], nginx.url, USERS)
        if musl:
            table("x86-64, static, musl, -Os", [musl], nginx.url, USERS)
        if arm and shutil.which("qemu-arm-static"):
            table("armhf under qemu-user, qemu counted", ["qemu-arm-static", arm], nginx.url, (1, 100, 1000))


main()
