#!/usr/bin/env python3
"""Debuggers see where a coroutine starts, and hardened builds switch.

gdb's backtrace from inside a coroutine, running or parked, ends at locust__ctx_entry; programs that
switch run when built with -fcf-protection=full (x86-64) and -mbranch-protection=standard (AArch64).
"""
import os, re, shutil, subprocess, sys, tempfile

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

PROGRAM = r"""
#include "locust.h"
#include <stdio.h>

static locust__loop loop;
static long total;

__attribute__((noinline)) void the_bottom(int depth)
{
    __asm__ volatile("" : : "r"(depth) : "memory");
}

__attribute__((noinline)) static int dive(int depth, int most)
{
    volatile int here = depth;
    if (depth < most)
        here = dive(depth + 1, most) - 1;
    else
        the_bottom(depth);
    locust__co_yield(&loop);
    return here;
}

static void coroutine_function(void *arg)
{
    for (int i = 0; i < 100; i++)
        total += dive(1, *(int *)arg) - 1;
}

int main(void)
{
    static int depths[] = {5, 9, 3};
    if (locust__loop_open(&loop) != 0)
        return 1;
    for (int i = 0; i < 3; i++)
        locust__co_start(&loop, "test", 0, coroutine_function, &depths[i], NULL);
    locust__loop_run(&loop);
    locust__loop_close(&loop);
    printf("total %ld\n", total);
    return 0;
}
"""

passed = failed = skipped = 0


def report(name, why=None, skip=None):
    global passed, failed, skipped
    if skip:
        skipped += 1
        print("skip %s: %s" % (name, skip))
    elif why:
        failed += 1
        print("%s\nnot ok %s" % (why.rstrip("\n"), name))
    else:
        passed += 1
        print("ok %s" % name)
    sys.stdout.flush()


def run(command, timeout=120):
    """(exit code, all it printed)"""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=timeout)
    except subprocess.TimeoutExpired:
        return -1, "%s: still runs after %d s" % (command[0], timeout)
    return done.returncode, done.stdout


def missing(*tools):
    for tool in tools:
        if not shutil.which(tool):
            return tool + " is missing"
    return None


def build(folder, compiler, flags):
    """(program, None) or (None, why not)"""
    source, program = os.path.join(folder, "unwind.c"), os.path.join(folder, "unwind")
    with open(source, "w") as file:
        file.write(PROGRAM)
    code, text = run([compiler] + flags + ["-I.", source, "-o", program])
    return (program, None) if code == 0 else (None, text)


def frames(text):
    """Functions of a backtrace, innermost first. gdb takes the two underscores in the name of a
    function without debug information for Ada's and shows a dot."""
    return [name.replace("locust.", "locust__")
            for name in re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\S+) \(", text, re.M)]


# The frames of a coroutine at the bottom of its dive of 5, as far as the optimizer leaves them.
def judge_running(text):
    got = frames(text)
    if not got or got[0] != "the_bottom":
        return "the backtrace does not start in the_bottom"
    if got[-1] != "locust__ctx_entry":
        return "the backtrace ends at %s" % got[-1]
    if got.count("locust__ctx_entry") != 1:
        return "locust__ctx_entry is not the one end"
    for name in "dive", "coroutine_function", "locust__co_body":
        if name not in got:
            return "%s is missing" % name
    return judge_no_garbage(text, got)


def judge_parked(text):
    got = frames(text)
    if not got or got[-1] != "locust__ctx_entry":
        return "the backtrace ends at %s" % (got[-1] if got else "nothing")
    if "dive" not in got or "coroutine_function" not in got:
        return "the frames of the coroutine are missing"
    return judge_no_garbage(text, got)


def judge_no_garbage(text, got):
    if "??" in text or "corrupt stack" in text or "Backtrace stopped" in text:
        return "there are garbage frames"
    if "main" in got:
        return "the loop's stack shows up"
    return None


def gdb(folder, name, compiler, flags, commands, judge):
    why_not = missing("gdb", compiler)
    if why_not:
        return report(name, skip=why_not)
    program, why = build(folder, compiler, flags)
    if not program:
        return report(name, why=why)
    command = ["gdb", "-q", "-nx", "-batch", "-ex", "set confirm off", "-ex",
               "set debuginfod enabled off"]
    for line in commands:
        command += ["-ex", line]
    code, text = run(command + [program])
    if "ptrace" in text.lower() and "not permitted" in text.lower():
        return report(name, skip="gdb may not trace here")
    text = text[text.find("#0"):] if "#0" in text else text
    why = judge(text)
    return report(name, why=why and "%s\n%s" % (why, text))


def runs(folder, name, compiler, flags, runner):
    why_not = missing(compiler, *runner[:1])
    if why_not:
        return report(name, skip=why_not)
    program, why = build(folder, compiler, flags)
    if not program:
        return report(name, why=why)
    code, text = run(runner + [program])
    return report(name, why=None if code == 0 and text == "total 0\n" else
                  "exit code %d, it printed: %s" % (code, text))


# Stops inside the switch itself, on its way out of a coroutine: registers pushed one by one.
def switch_steps(folder, name, compiler):
    why_not = missing("gdb", compiler)
    if why_not:
        return report(name, skip=why_not)
    program, why = build(folder, compiler, ["-O1", "-g"])
    if not program:
        return report(name, why=why)
    steps = 22
    command = ["gdb", "-q", "-nx", "-batch", "-ex", "break the_bottom", "-ex", "run", "-ex",
               "delete", "-ex", "break *locust__ctx_switch", "-ex", "continue"]
    for _ in range(steps):
        command += ["-ex", "echo <<<\\n", "-ex", "bt", "-ex", "stepi"]
    code, text = run(command + [program])
    traces = text.split("<<<\n")[1:]
    if len(traces) != steps:
        return report(name, why="gdb did not step\n" + text)
    for i, trace in enumerate(traces):
        got = frames(trace)
        ends = "locust__ctx_entry" if "locust__co_body" in got else "main"
        if not got or got[0] not in ("locust__ctx_switch", "locust__co_resume") or \
                got[-1] != ends or "??" in trace or "corrupt" in trace or \
                ("main" in got) == ("locust__ctx_entry" in got):
            return report(name, why="after %d instructions:\n%s" % (i, trace))
    return report(name)


def main():
    here = os.uname().machine
    with tempfile.TemporaryDirectory() as folder:
        for compiler in "gcc", "clang":
            for level in "-O0", "-O2":
                tail = ["-fno-optimize-sibling-calls"] if level != "-O0" else []
                gdb(folder, "gdb ends at the entry: %s %s" % (compiler, level), compiler,
                    [level, "-g"] + tail, ["break the_bottom", "run", "bt"], judge_running)
            # The second coroutine to come to the bottom looks back at the stack of the first.
            gdb(folder, "gdb unwinds a parked coroutine: %s" % compiler, compiler, ["-O0", "-g"],
                ["break the_bottom", "run", "set $first = loop.current", "continue",
                 "set $pc = ((locust__ctx_frame *)$first->sp)->ret",
                 "set $sp = (char *)$first->sp + sizeof(locust__ctx_frame)",
                 "set $%s = ((locust__ctx_frame *)$first->sp)->%s" % (
                     2 * ("rbp" if here == "x86_64" else "x29",)),
                 "bt"], judge_parked)
        if here == "x86_64":
            switch_steps(folder, "gdb unwinds on each instruction of the switch", "gcc")
            for compiler in "gcc", "clang":
                runs(folder, "-fcf-protection=full: %s" % compiler, compiler,
                     ["-O2", "-fcf-protection=full"], [])
        runs(folder, "-mbranch-protection=standard", "aarch64-linux-gnu-gcc",
             ["-O2", "-static", "-mbranch-protection=standard"], ["qemu-aarch64-static"])
        runs(folder, "-mbranch-protection=standard, BTI enforced on a CPU that has it",
             "aarch64-linux-gnu-gcc", ["-O2", "-static", "-mbranch-protection=standard"],
             ["qemu-aarch64-static", "-cpu", "max"])
        for compiler in "gcc", "clang":
            for flags in (["-O3"], ["-O2", "-flto"], ["-O2", "-fstack-protector-all"],
                          ["-O2", "-D_FORTIFY_SOURCE=2"], ["-O2", "-fomit-frame-pointer"],
                          ["-O2", "-static-pie"], ["-O2", "-no-pie"]):
                runs(folder, "%s %s" % (compiler, " ".join(flags)), compiler, flags, [])
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


sys.exit(main())
