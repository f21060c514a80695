#!/usr/bin/env python3
"""make bench B=older: the CPU of a request beside that of an older header.

    tests/bench/bench_older.py [REVISION]     default: OLDER in the environment, else the last tag or HEAD~1

examples/demo.c is compiled by -O2 with the header as it is and as it was; both load the same server, in
turn, on a core of their own. Printed: the median CPU of a request of each, and the median of the ratios of
neighbouring runs, new to old. Where musl-gcc is installed, the size of the stripped static programs, too.
"""
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

from benches import GENERATOR_CORE, ROOT, Target, pin

ROUNDS, SECONDS = 11, 3


def revision():
    if sys.argv[1:] or os.environ.get("OLDER"):
        return (sys.argv[1:] + [os.environ.get("OLDER")])[0]
    done = subprocess.run(["git", "describe", "--tags", "--abbrev=0"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "HEAD~1"


def cpu_us(program, url, users):
    """Microseconds of CPU for a request of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [program, "--headless", "--compact", "--only-summary", "-H", url, "-u", str(users), "-r", str(users),
         "-t", str(SECONDS)], capture_output=True, text=True, preexec_fn=pin(GENERATOR_CORE))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = re.findall(r"^total reqs=(\d+) fails=0 ", done.stdout, re.M)
    if not total:
        sys.exit("bench_older.py: a run has failures, or no total:\n" + done.stdout[-500:] + done.stderr[-500:])
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent * 1e6 / int(total[-1])


def size(folder, name):
    program = os.path.join(folder, name + ".static")
    subprocess.check_call(["musl-gcc", "-O2", "-static", "-I" + os.path.join(folder, name),
                           ROOT + "/examples/demo.c", "-o", program])
    subprocess.check_call(["strip", program])
    return os.path.getsize(program)


def main():
    older = revision()
    with tempfile.TemporaryDirectory() as folder, Target() as target:
        for name, command in (("old", ["git", "-C", ROOT, "show", older + ":locust.h"]),
                              ("new", ["cat", ROOT + "/locust.h"])):
            os.mkdir(os.path.join(folder, name))
            with open(os.path.join(folder, name, "locust.h"), "w") as file:
                if subprocess.call(command, stdout=file):
                    sys.exit("bench_older.py: there is no revision \"%s\"" % older)
            subprocess.check_call([os.environ.get("CC", "cc"), "-O2", "-I" + os.path.join(folder, name),
                                   ROOT + "/examples/demo.c", "-o", os.path.join(folder, name + ".demo")])
        for users in (1, 64, 1000):
            runs = []
            for i in range(ROUNDS):
                order = ("old", "new") if i % 2 else ("new", "old")
                took = {name: cpu_us(os.path.join(folder, name + ".demo"), target.url, users)
                        for name in order}
                runs.append((took["old"], took["new"]))
            print("%5d users: %.2f us a request, %s %.2f us; ratio %.3f" % (
                users, statistics.median(new for _, new in runs), older,
                statistics.median(old for old, _ in runs), statistics.median(new / old for old, new in runs)),
                flush=True)
        if shutil.which("musl-gcc"):
            print("static, stripped: %d bytes, %s %d bytes" % (size(folder, "new"), older, size(folder, "old")))


main()
