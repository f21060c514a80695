#!/usr/bin/env python3
"""make bench B=size: bytes of a whole load test as one static, stripped program.

examples/demo.c, compiled by tools/cross.sh as a user would: every default on, with the settings
for small hosts, and with https (the small mbedTLS of tools/mbedtls.sh). Beside it wrk as the
distribution has it: the program, and the shared libraries that it loads, the C library left out.

Usage: bench_size.py [TARGET...]     by default x86_64, armhf, arm64, mipsel
"""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from benches import BUILD, ROOT

SMALL = ["-DLOCUST_NO_REPORTS", "-DLOCUST_NO_COOKIES", "-DLOCUST_NO_DIGEST", "-DLOCUST_BUFFER_SIZE=4096",
         "-DLOCUST_HIST_BITS=5", "-DLOCUST_MAX_ROWS=100"]


def size(target, *args):
    path = f"{BUILD}/bench_size_{target}"
    done = subprocess.run([ROOT + "/tools/cross.sh", target, ROOT + "/examples/demo.c", "-I" + ROOT, "-o",
                           path, *args], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"bench: {target}: " + (done.stderr.strip() or done.stdout.strip()).splitlines()[-1])
    return os.path.getsize(path)


def peer(name):
    path = shutil.which(name)
    if not path:
        return print(f"({name} is not installed)")
    libraries = re.findall(r"=> (\S+) \(", subprocess.check_output(["ldd", path], text=True))
    libraries = [l for l in libraries if not re.search(r"/lib(c|m|pthread|dl)\.so", l)]
    own, shared = os.path.getsize(path), sum(os.path.getsize(os.path.realpath(l)) for l in libraries)
    names = " ".join(os.path.basename(l).split(".so")[0] for l in libraries)
    print(f"{name}: {own:,} bytes, and {shared:,} in its shared libraries ({names})")


def main():
    print(f"{'target':10} {'default':>9} {'small':>9} {'https':>9}  bytes")
    for target in sys.argv[1:] or ("x86_64", "armhf", "arm64", "mipsel"):
        sizes = size(target), size(target, *SMALL), size(target, "--tls")
        print(f"{target:10} " + " ".join(f"{n:9,}" for n in sizes))
    peer("wrk")


main()
