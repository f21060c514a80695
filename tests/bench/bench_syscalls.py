#!/usr/bin/env python3
"""make bench B=syscalls: what one keep-alive request of 64 takes, counted, beside wrk and a bare loop.

System calls are counted by strace; allocations, clock reads and formatting are calls into the C library,
counted by a preloaded library; instructions in user space are counted by valgrind (cachegrind). Each
program runs twice, once longer; the difference by the server's count of requests is what a request takes,
so no start is in it. The counts hold on a busy machine, where times do not; only the share of an
epoll_wait depends on how many answers come at once. The server is nginx.

Usage: bench_syscalls.py [seconds]
"""
import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from benches import BUILD, GENERATOR_CORE, Nginx, compile_test, compile_program, pin

USERS = 64
SECONDS = int(sys.argv[1]) if __name__ == "__main__" and len(sys.argv) > 1 else 4

KIT = """#include "locust.h"
static void get(locust_user *u) { locust_get(u, "/"); }
LOCUST_USER(Visitor, .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = { &Visitor })
"""

GROUPS = {
    "allocations": "malloc calloc realloc",
    "clock reads": "clock_gettime gettimeofday time",
    "formatting": "snprintf vsnprintf __snprintf_chk __vsnprintf_chk",
}
SYSTEM_CALLS = {
    "send": "write writev send sendto sendmsg",
    "receive": "read readv recv recvfrom recvmsg",
    "epoll_wait": "epoll_wait epoll_pwait epoll_pwait2",
    "epoll_ctl": "epoll_ctl",
}

COUNTER = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
int __vsnprintf_chk(char *, size_t, int, size_t, const char *, va_list);
int __snprintf_chk(char *, size_t, int, size_t, const char *, ...);
enum { ALLOCATIONS, CLOCKS, FORMATS, N };
static unsigned long long n[N];
static void *find(const char *name) { return dlsym(RTLD_NEXT, name); }
#define NEXT(name) static __typeof__(name) *next; if (!next) next = (__typeof__(name) *)find(#name)
void *malloc(size_t size) { n[ALLOCATIONS]++; return __libc_malloc(size); }
void *calloc(size_t k, size_t size) { n[ALLOCATIONS]++; return __libc_calloc(k, size); }
void *realloc(void *p, size_t size) { n[ALLOCATIONS]++; return __libc_realloc(p, size); }
int clock_gettime(clockid_t c, struct timespec *t) { NEXT(clock_gettime); n[CLOCKS]++; return next(c, t); }
int gettimeofday(struct timeval *restrict t, void *restrict z)
{ NEXT(gettimeofday); n[CLOCKS]++; return next(t, z); }
time_t time(time_t *t) { NEXT(time); n[CLOCKS]++; return next(t); }
int vsnprintf(char *s, size_t k, const char *f, va_list a) { NEXT(vsnprintf); n[FORMATS]++; return next(s, k, f, a); }
int __vsnprintf_chk(char *s, size_t k, int g, size_t z, const char *f, va_list a)
{ NEXT(__vsnprintf_chk); n[FORMATS]++; return next(s, k, g, z, f, a); }
int snprintf(char *s, size_t k, const char *f, ...)
{ va_list a; int r; va_start(a, f); r = vsnprintf(s, k, f, a); va_end(a); return r; }
int __snprintf_chk(char *s, size_t k, int g, size_t z, const char *f, ...)
{ va_list a; int r; va_start(a, f); r = __vsnprintf_chk(s, k, g, z, f, a); va_end(a); return r; }
__attribute__((destructor)) static void end(void)
{
    fprintf(stderr, "counted %llu %llu %llu\\n", n[ALLOCATIONS], n[CLOCKS], n[FORMATS]);
}
"""


class Counted(Nginx):
    def servers(self):
        return super().servers()[:-1] + " location = /count { stub_status; } }"

    def requests(self):
        text = subprocess.check_output(["curl", "-s", self.url + "/count"], text=True)
        return int(text.split("\n")[2].split()[2])


def run(command, env=None):
    done = subprocess.run(command, env=dict(os.environ, **(env or {})), capture_output=True, text=True,
                          preexec_fn=pin(GENERATOR_CORE))
    if done.returncode:
        sys.exit(f"bench: {command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def system_calls(command):
    with tempfile.NamedTemporaryFile("r") as out:
        run(["strace", "-f", "-c", "-U", "calls,name", "-o", out.name, *command])
        rows = re.findall(r"^ *(\d+) +(\w+)$", out.read(), re.M)
    return collections.Counter({name: int(n) for n, name in rows if name != "total"})


def library_calls(command, counter):
    text = run(command, {"LD_PRELOAD": counter})
    return collections.Counter(dict(zip(GROUPS, map(int, re.search(r"counted (\d+) (\d+) (\d+)", text).groups()))))


def instructions(command):
    text = run(["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", *command])
    return collections.Counter(instructions=int(re.search(r"I +refs: +([\d,]+)", text)[1].replace(",", "")))


def by_request(nginx, command, count, *more, seconds=SECONDS):
    """What the longer run counted beyond the shorter one, for each request: {name: number}."""
    taken = []
    for lasts in (1, 1 + seconds):
        before = nginx.requests()
        counted = count(command(lasts), *more)
        taken.append((nginx.requests() - before - 1, counted))
    requests = taken[1][0] - taken[0][0]
    return {name: (n - taken[0][1][name]) / requests for name, n in taken[1][1].items()}


def main():
    kit = compile_test("bench_syscalls_kit", KIT)
    bare = compile_program("bare_epoll")
    counter = os.path.join(BUILD, "bench_syscalls_counter.so")
    compile_test("bench_syscalls_counter.so", COUNTER, ["-shared", "-fPIC", "-fno-builtin"], ["-ldl"])
    with Counted() as nginx:
        url = nginx.url + "/"
        commands = {
            "locust.h": lambda s: [kit, "--headless", "-u", str(USERS), "-r", str(USERS), "-t", f"{s}s", "-H",
                                   nginx.url, "--only-summary", "-L", "ERROR"],
            "wrk": lambda s: ["wrk", "-t1", f"-c{USERS}", f"-d{s}s", url],
            "bare": lambda s: [bare, url, str(USERS), str(s)],
        }
        missing = [tool for tool in ("strace", "valgrind", "curl", "wrk") if not shutil.which(tool)]
        for tool in missing:
            print(f"{tool}: not installed")
        print(f"for each request, {USERS} connections")
        columns = [*SYSTEM_CALLS, "other calls", *GROUPS, "instructions"]
        print(f"{'':10}" + "".join(f"{name:>13}" for name in columns))
        for name, command in commands.items():
            if name in missing:
                continue
            row = {}
            if "strace" not in missing:
                calls = by_request(nginx, command, system_calls)
                for group, names in SYSTEM_CALLS.items():
                    row[group] = sum(calls.pop(n, 0) for n in names.split())
                row["other calls"] = sum(calls.values())
            row.update(by_request(nginx, command, library_calls, counter))
            if "valgrind" not in missing:
                row.update(by_request(nginx, command, instructions))
            print(f"{name:10}" + "".join(f"{row[c]:13.{0 if c == 'instructions' else 3}f}" if c in row else f"{'-':>13}"
                                         for c in columns))


if __name__ == "__main__":
    main()
