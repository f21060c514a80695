#!/usr/bin/env -S python3 -B
"""Tests that do what they must not: named by task, and what was measured is not lost.

    tests/whole/test_misuse.py [WORD...]    only the tests whose name contains a word
"""
import os, re, resource, signal, subprocess, sys
from kit.lib import *


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def misuse(dir, what, *args, program=None):
    return run(dir, [program or build("misuse.c"), "--headless", "--csv", "c", "-u", "2", "-r", "2", "-t", "1"]
               + list(args), env={"MISUSE": what}, before_exec=no_core)


@test("a fault in a task names task and class, and ends by its signal")
def _(dir):
    def fault(what, number, says):
        r = misuse(dir, what, "Careless")
        same(r.rc, -number, r)  # 128 + number to a shell
        same([line for line in r.err.splitlines() if line.startswith("locust: ")], ["locust: " + says], r)
    each([("null", signal.SIGSEGV, "SIGSEGV in task bad of Careless: invalid access to memory at 0x0, as "
                                   "through a null pointer"),
          ("abort", signal.SIGABRT, "SIGABRT in task bad of Careless: abort() was called")]
         + [("division", signal.SIGFPE, "SIGFPE in task bad of Careless: invalid arithmetic, such as a division "
                                        "by zero")] * (os.uname().machine in ("x86_64", "i686")), fault)


@test("a shell sees the signal of a fault")
def _(dir):
    done = subprocess.run(["sh", "-c", "ulimit -c 0; MISUSE=null '%s' --headless -t 1 Careless; echo code $?"
                           % build("misuse.c")], capture_output=True, text=True)
    check("code 139\n" in done.stdout, done)


@test("AddressSanitizer still reports a fault")
def _(dir):
    program = build("misuse.c", "-O0", "-fsanitize=address")
    r = misuse(dir, "null", "Careless", program=program)
    r.says("SIGSEGV in task bad of Careless")
    r.says("ERROR: AddressSanitizer: SEGV on unknown address")
    check(re.search(r"#0 .* in crash", r.err), r)


@test("an on_start that failed: exit code 1, an exception, no on_stop")
def _(dir):
    r = misuse(dir, "on_start")  # as Locust 2.47
    same(r.rc, 1, r)
    same(r.out.count("stopped"), 1, r)  # of the other class
    rows = read_csv(dir + "/c", "exceptions")
    same([(row["Count"], row["Message"]) for row in rows], [("1", "cannot log in")], r)
    check("task" in r.out, r)


main(parallel=2)
