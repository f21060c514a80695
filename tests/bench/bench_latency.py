#!/usr/bin/env python3
"""make bench B=latency: how far p50 and p99 lie from a known delay, at 500 users.

Each round prints, for each delay in ms: the kit's p50 and p99 less the delay that was asked for, and
the server's own p99 less it (what its timer really did). The aim is 1 % + 0.2 ms; a figure beyond it
is marked.
"""
import importlib.util
import os
import sys
import tempfile

sys.dont_write_bytecode = True
WHOLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole")
spec = importlib.util.spec_from_file_location("test_latency", os.path.join(WHOLE, "test_latency.py"))
latency = importlib.util.module_from_spec(spec)
spec.loader.exec_module(latency)

print(f"{'delay':>6} {'p50':>8} {'p99':>8} {'server p99':>11} {'aim':>6}")
for _ in range(6):
    with tempfile.TemporaryDirectory() as folder:
        rows, halted = latency.measure(folder)
    for delay, (p50, p99, _, really) in sorted(rows.items()):
        aim = latency.bound(delay)
        beyond = "  beyond the aim" if max(abs(p50 - delay), abs(p99 - delay)) > aim else ""
        print(f"{delay:6} {p50 - delay:+8.3f} {p99 - delay:+8.3f} {really - delay:+11.3f} {aim:6.2f}{beyond}")
    print(f"others had the server's core for {halted:.2%} of the time\n")
