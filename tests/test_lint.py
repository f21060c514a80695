#!/usr/bin/env python3
"""Proves the layering and the names of locust.h, and that the two provers find what they look for."""
import os, shutil, subprocess, sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
TESTS = [
    ("the map checker finds violations", ["tools/check_map.py", "--self-test"]),
    ("the name checker finds violations", ["tools/check_names.py", "--self-test"]),
    ("every section uses what stands above it", ["tools/check_map.py", "locust.h"]),
    ("every name has the prefix", ["tools/check_names.py", "locust.h"]),
]

passed = failed = skipped = 0
for name, command in TESTS:
    if "names" in command[0] and not (shutil.which("gcc") and shutil.which("readelf")):
        skipped += 1
        print("skip %s: gcc or readelf is missing" % name)
        continue
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode == 0:
        passed += 1
        print("ok %s" % name)
    else:
        failed += 1
        print("%snot ok %s" % (done.stdout, name))
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
sys.exit(1 if failed else 0)
