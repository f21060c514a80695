#!/usr/bin/env -S python3 -B
"""Every fuzz target keeps its properties for the inputs that once broke them, in tests/fuzz/seeds.

    tests/whole/test_fuzz.py [WORD...]    only the targets whose name contains a word; to find more: make fuzz
"""
import glob, os, shutil, sys
from kit.lib import *


def has_libfuzzer():
    """clang is there, and its run-time, which is a package of its own in some releases."""
    if not shutil.which("clang"):
        return False
    runtime = subprocess.run(["clang", "-fsanitize=fuzzer", "-xc", "-", "-o", "/dev/null"], text=True,
                             input="int LLVMFuzzerTestOneInput(const char *p, long n) { return !p + !n; }",
                             capture_output=True)
    return runtime.returncode == 0


def add(name):
    @test(name)
    def _(dir):
        if not has_libfuzzer():
            raise Skip("clang with libFuzzer is missing")
        done = subprocess.run(["tests/fuzz/fuzz.py", "0", name], capture_output=True, text=True)
        check(done.returncode == 0, done.stdout + done.stderr)


for source in sorted(glob.glob("tests/fuzz/*.c")):
    add(os.path.basename(source)[:-len(".c")])

if __name__ == "__main__":
    main()
