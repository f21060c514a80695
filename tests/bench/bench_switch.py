#!/usr/bin/env python3
"""make bench B=switch: nanoseconds and instructions of one context switch, beside others'.

Two stacks switch to and fro: "flat" from the outermost function, "deep" from three calls below it on
both sides, as real programs do; there a switch that leaves by a jump in place of a return has
unbalanced the processor's return predictor. What is printed is half of a round trip: one switch. In
the deep rows the calls and returns are part of it, the same for all.

Peers: Boost.Context's jump_fcontext, where libboost-context-dev is installed (its switch ends in a
jump, as minicoro's and libaco's do), and the C library's swapcontext. The variants take turns; each figure is the
best of the rounds. Instructions are counted by valgrind: the difference of two runs, one switch longer each.

Usage: bench_switch.py [rounds]
"""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from benches import GENERATOR_CORE, compile_test, pin

SOURCE = """
#include "locust.h"
#if defined(BOOST)
typedef struct { void *fctx, *data; } transfer;
extern transfer jump_fcontext(void *to, void *arg);
extern void *make_fcontext(void *top, size_t size, void (*fn)(transfer));
static void *other;
static void swap(void) { other = jump_fcontext(other, NULL).fctx; }
#elif defined(UCONTEXT)
#include <ucontext.h>
static ucontext_t here, there;
static int inside;
static void swap(void) { if (inside) { inside = 0; swapcontext(&there, &here); }
                         else { inside = 1; swapcontext(&here, &there); } }
#else
static void *sp[2];
static int inside;
static void swap(void) { int was = inside; inside = !was; locust__ctx_switch(&sp[was], sp[!was]); }
#endif
static void (*volatile one)(void) = swap;
__attribute__((noinline)) static void three(void) { one(); __asm__ volatile(""); }
__attribute__((noinline)) static void two(void) { three(); __asm__ volatile(""); }
__attribute__((noinline)) static void deep(void) { two(); __asm__ volatile(""); }
static void (*way)(void);
static _Alignas(64) char stack[65536];
static void run(void) { for (;;) way(); }
#if defined(BOOST)
static void side(transfer from) { other = from.fctx; run(); }
#elif defined(UCONTEXT)
static void side(void) { run(); }
#else
static void side(void *arg) { (void)arg; run(); }
#endif
int main(int argc, char **argv)
{
    long n = argc > 2 ? atol(argv[2]) : 5000000;
    int64_t start;
    way = argc > 1 && *argv[1] == 'd' ? deep : swap;
#if defined(BOOST)
    other = make_fcontext(stack + sizeof stack, sizeof stack, side);
#elif defined(UCONTEXT)
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = sizeof stack;
    makecontext(&there, side, 0);
#else
    sp[1] = locust__ctx_make(stack + sizeof stack, side, NULL);
#endif
    start = locust__os_now_ns();
    for (long i = 0; i < n; i++)
        way();
    printf("%.2f\\n", (double)(locust__os_now_ns() - start) / (double)n / 2);
    return 0;
}
"""


def build():
    """{name: program}"""
    found = {"locust.h": compile_test("bench_switch_kit", SOURCE)}
    try:
        found["Boost.Context"] = compile_test("bench_switch_boost", SOURCE, ["-DBOOST"], ["-lboost_context"])
    except subprocess.CalledProcessError:
        print("(libboost-context-dev is not installed)")
    found["swapcontext"] = compile_test("bench_switch_ucontext", SOURCE, ["-DUCONTEXT"])
    return found


def nanoseconds(program, way):
    return float(subprocess.check_output([program, way], preexec_fn=pin(GENERATOR_CORE)))


def instructions(program, way):
    """Of one switch; None without valgrind."""
    if not shutil.which("valgrind"):
        return None

    def count(n):
        done = subprocess.run(["valgrind", "--tool=lackey", "--basic-counts=yes", program, way, str(n)],
                              capture_output=True, text=True)
        return int(re.search(r"guest instrs:\s+([\d,]+)", done.stderr)[1].replace(",", ""))

    return (count(2000) - count(1000)) / 2000


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    programs = build()
    best = {}
    for _ in range(rounds):
        for name, program in programs.items():
            for way in ("flat", "deep"):
                ns = nanoseconds(program, way)
                best[name, way] = min(ns, best.get((name, way), ns))
    print(f"{'':16} {'flat ns':>9} {'instr.':>7} {'deep ns':>9} {'instr.':>7}")
    for name, program in programs.items():
        row = f"{name:16}"
        for way in ("flat", "deep"):
            n = instructions(program, way)
            row += f" {best[name, way]:9.1f} " + (f"{n:7.0f}" if n is not None else f"{'-':>7}")
        print(row)


main()
