#!/usr/bin/env python3
"""make bench B=scale: very many users in one process: a million that only sleep, and all that may connect.

Sleepers: each user waits 5 to 15 s between two tasks, which do nothing. Printed: how long the start of all took, resident
bytes for each (VmRSS), wake-ups a second and CPU for each, how late they were (from the time that was
asked for to the user's own code), in a window after all have started and woken once.

Connected: as many users as the limit on descriptors allows (ulimit -n, less some) each make a request to
tools/target from one of several source addresses and then wait, connected. After a pause all of them send
again, at once. Printed: the time to start and connect, resident bytes for each, the kernel's (growth of its
slabs; both ends are on this machine, so half of it), the time of the burst, and failures. More processes
have a server and source addresses each.

Usage: bench_scale.py [--sleepers 1000000] [--connected N] [--processes 1] [--seconds 10]
"""
import argparse
import os
import re
import resource
import sys
import time

sys.dont_write_bytecode = True
from benches import Running, Target, compile_test, nanoseconds, resident

PAUSE_S = 5
SPARE_FILES = 100

SLEEP = """#include "locust.h"
static int64_t late_ns[1 << 22];
static size_t n, started, users;
static bool counting;
static void note(locust_user *u)
{
    int64_t now_ns = locust__os_now_ns(), due_ns = *(int64_t *)u->data;
    if (!due_ns && ++started == users)
        printf("started %.2f\\n", locust_run_time(u->env)), fflush(stdout);
    if (due_ns && counting && n < sizeof late_ns / sizeof *late_ns)
        late_ns[n++] = now_ns - due_ns;
}
static double sleep_on(locust_user *u)
{
    double s = 5 + 10 * locust_random(u);
    *(int64_t *)u->data = locust__os_now_ns() + locust__time_ns(s);
    return s;
}
static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}
static void count(locust_user *u)
{
    locust_sleep(u, atof(getenv("BENCH_WARM")));
    printf("warm\\n"), fflush(stdout);
    counting = true;
    locust_sleep(u, atof(getenv("BENCH_SECONDS")));
    qsort(late_ns, n, sizeof *late_ns, by_size);
    printf("woke %zu late %.3f %.3f %.3f\\n", n, (double)late_ns[n / 2] / 1e6,
        (double)late_ns[n * 99 / 100] / 1e6, (double)late_ns[n - 1] / 1e6);
    fflush(stdout);
    locust_stop_test(u);
}
static void begin(locust_env *env)
{
    (void)env;
    users = (size_t)atoi(getenv("BENCH_USERS"));
}
LOCUST_USER(Sleeper, .data_size = 8, .wait_time = LOCUST_WAIT_FN(sleep_on), .tasks = LOCUST_TASKS(LOCUST_TASK(note)));
LOCUST_USER(Counter, .fixed_count = 1, .tasks = LOCUST_TASKS(LOCUST_TASK(count)));
LOCUST_MAIN(.users = { &Sleeper, &Counter }, .on_test_start = begin)
"""

CONNECT = """#include "locust.h"
static locust_semaphore gate = LOCUST_SEMAPHORE(0);
static int users, opened, again;
static int64_t sent_ns;
static void get(locust_user *u)
{
    locust_get(u, "/");
    if (++opened == users) {
        printf("connected %.2f\\n", locust_run_time(u->env)), fflush(stdout);
        locust_sleep(u, atof(getenv("BENCH_PAUSE")));
        sent_ns = locust__os_now_ns();
        for (int i = 0; i < users - 1; i++)
            locust_semaphore_give(u, &gate);
    } else {
        locust_semaphore_take(u, &gate);
    }
    if (!locust_get(u, "/")->reused)
        printf("connected anew\\n");
    if (++again == users) {
        printf("again %.3f failures %llu\\n", (double)(locust__os_now_ns() - sent_ns) / 1e9,
            (unsigned long long)locust_stats_total(u->env)->failures);
        fflush(stdout);
        locust_stop_test(u);
    }
    locust_sleep(u, 3600);
}
static void begin(locust_env *env)
{
    (void)env;
    users = atoi(getenv("BENCH_USERS"));
}
LOCUST_USER(Visitor, .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = { &Visitor }, .on_test_start = begin)
"""


def said(generator, pattern, seconds=300):
    """The groups of what a generator says."""
    generator.wait_for(lambda: re.search(pattern, generator.text()), seconds)
    found = re.search(pattern, generator.text())
    if not found:
        sys.exit(f"bench: the generator ended:\n{generator.text()}")
    return found.groups()


def kit(program, users, *more, **env):
    return Running([program, "--headless", "-u", str(users), "-r", str(users), "--only-summary", "-L", "ERROR",
                    "--compact", *more], {"BENCH_USERS": str(users), **env})


def sleepers(users, seconds):
    program = compile_test("bench_scale_sleep", SLEEP)
    with kit(program, users + 1, BENCH_USERS=str(users), BENCH_WARM=str(30 + users // 50000),
             BENCH_SECONDS=str(seconds)) as generator:
        started, = said(generator, r"started (\S+)")
        said(generator, "warm")
        before, size = nanoseconds(generator.process.pid), resident(generator.process.pid)
        woke, p50, p99, most = said(generator, r"woke (\d+) late (\S+) (\S+) (\S+)")
        busy = nanoseconds(generator.process.pid) - before
    woke = int(woke)
    print(f"{users:,} users that sleep: started in {float(started):.1f} s, {size / users:.0f} bytes each, "
          f"{woke / seconds:,.0f} wake-ups/s of {busy / woke / 1e3:.2f} us CPU, {busy / seconds / 1e9:.0%} of a core\n"
          f"late: p50 {p50} ms, p99 {p99} ms, at most {most} ms", flush=True)


def slabs():
    with open("/proc/meminfo") as f:
        return int(re.search(r"^Slab: +(\d+)", f.read(), re.M)[1]) * 1024


def connected(users, processes):
    program = compile_test("bench_scale_connect", CONNECT)
    generators, servers = [], []
    try:
        for i in range(processes):
            servers.append(Target().__enter__())
        time.sleep(0.5)
        kernel = slabs()
        for i, server in enumerate(servers):
            generators.append(kit(program, users, "-H", server.url, "--source", f"127.0.{i % 250 + 1}.1-127.0."
                                  f"{i % 250 + 1}.16", BENCH_PAUSE=str(PAUSE_S)).__enter__())
        times = [float(said(g, r"connected (\d\S+)")[0]) for g in generators]
        time.sleep(PAUSE_S / 2)
        sizes = [resident(g.process.pid) / users for g in generators]
        kernel = (slabs() - kernel) / users / processes / 2
        ends = [said(g, r"again (\S+) failures (\d+)") for g in generators]
        anew = sum(g.text().count("connected anew") for g in generators)
    finally:
        for running in generators + servers:
            running.__exit__(None, None, None)
    burst = max(float(seconds) for seconds, _ in ends)
    print(f"{users * processes:,} connected users, {processes} process{'es' * (processes > 1)}: started and connected "
          f"in {max(times):.1f} s, {sum(sizes) / processes:.0f} bytes each, and {kernel:.0f} of the kernel's\n"
          f"after {PAUSE_S} s all send at once: answered in {burst:.2f} s, {users * processes / burst:,.0f} requests/s, "
          f"{sum(int(n) for _, n in ends)} failures, {anew} connected anew", flush=True)


def main():
    parser = argparse.ArgumentParser()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for the server
    parser.add_argument("--sleepers", type=int, default=1000000)
    parser.add_argument("--connected", type=int, default=hard - SPARE_FILES)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=10)
    args = parser.parse_args()
    print(f"descriptors of a process: {hard:,}")
    if args.connected:
        connected(args.connected, args.processes)
    if args.sleepers:
        sleepers(args.sleepers, args.seconds)


main()
