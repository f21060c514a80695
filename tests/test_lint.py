#!/usr/bin/env python3
"""Proves the layering and the names of locust.h, and that the two provers find what they look for."""
import os, re, shutil, subprocess, sys, tempfile

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
with open("locust.h") as file:
    HEADER = file.read()


def opening(tag):
    """Where a section's opening comment starts."""
    return HEADER.rindex("/* ====", 0, HEADER.rindex("\n * >>%s  " % tag))


def planted(text, above):
    """Does the checker refuse the header with this text at the end of the section above that one?
    What it says must name the function."""
    at = opening(above)
    with tempfile.NamedTemporaryFile("w", suffix=".h") as file:
        file.write(HEADER[:at] + text + "\n" + HEADER[at:])
        file.flush()
        done = subprocess.run(["tools/check_layers.py", file.name], capture_output=True, text=True)
    name = re.findall(r"(?:return|locust_error) (locust_+\w+)", text)[-1]
    return done.returncode == 1 and name in done.stdout, done.stdout + done.stderr


def passes(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


UPWARD = """static locust_error locust__stream_fill(locust_stream *s, int64_t deadline_ns) LOCUST__PARKS;
static locust_error locust__planted(locust_stream *s) LOCUST__PARKS { return locust__stream_fill(s, 0); }"""
PUBLIC = "static int locust__planted(void) { return locust_main(0, NULL, NULL); }"
TESTS = [
    ("a planted call of a later function is found", planted, (UPWARD, "sync")),
    ("a planted call of a public function is found", planted, (PUBLIC, "changes")),
    ("every section uses what stands above it", passes, ("tools/check_layers.py", "locust.h")),
    ("the name checker finds violations", passes, ("tools/check_names.py", "--self-test")),
    ("every name has the prefix", passes, ("tools/check_names.py", "locust.h")),
]

passed = failed = skipped = 0
for name, function, arguments in TESTS:
    if not (shutil.which("gcc") and shutil.which("readelf")):
        skipped += 1
        print("skip %s: gcc or readelf is missing" % name)
        continue
    good, output = function(*arguments)
    if good:
        passed += 1
        print("ok %s" % name)
    else:
        failed += 1
        print("%snot ok %s" % (output, name))
print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
sys.exit(1 if failed else 0)
