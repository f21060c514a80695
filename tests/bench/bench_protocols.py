#!/usr/bin/env python3
"""make bench B=protocols: CPU for each operation of a protocol, beside other generators.

Each module of tests/bench/protocols is about one protocol: its function bench() prints rows, and returns
False if one misses its aim. Generators have the first core, servers the last; they take turns, so that
what else the machine does meets both.

Usage: bench_protocols.py [NAME...]     the modules to run; none: all
"""
import importlib
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    folder = os.path.join(HERE, "protocols")
    names = sorted(f[:-3] for f in os.listdir(folder) if f.endswith(".py"))
    picked = sys.argv[1:] or names
    for name in picked:
        if name not in names:
            sys.exit(f"bench: no protocol {name}: there are {', '.join(names)}")
    good = True
    for name in picked:
        print(f"-- {name} --", flush=True)
        good &= importlib.import_module("protocols." + name).bench() is not False
    return not good


if __name__ == "__main__":
    sys.exit(main())
