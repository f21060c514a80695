#!/usr/bin/env -S python3 -B
# in full
# timeout: 900
"""The demo, compiled as people compile and link programs, loads a server; both must count the same.

    tests/whole/test_matrix.py [WORD...]    only the tests whose name contains a word

Compiler, optimization, way of linking and C library: each pair of them is met, not all 64 combinations. Without
FULL=1 in the environment, as `make check` has it, each of them is met once or more.
"""
import os, sys
from kit.lib import *
from kit.binary import Binary

DEMO = "examples/demo.c"
# test_build.py has -Wmisleading-indentation, which takes gcc 12 two seconds for a header of so many lines.
USUAL = "-Wall -Wextra -pedantic -Wno-misleading-indentation -Werror -I.".split()
# flags; ELF's type (2: at fixed addresses, 3: anywhere), whether it has a dynamic linker
LINKS = {"-flto": ("-fPIE -pie", 3, True), "-static": ("-static", 2, False),
         "-static-pie": ("-fPIE -static-pie", 3, False), "-fPIE": ("-fPIE -pie", 3, True)}
MUSL = os.uname().machine + "-linux-musl"


def ask(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def musl(cc, link):
    """What links with Debian's musl: musl-gcc is gcc only, and takes -static-pie for -pie."""
    lib = "/usr/lib/" + MUSL
    if not os.path.exists(lib + "/libc.a"):
        raise Skip("musl-dev is missing")
    start = {"-static": "crt1.o", "-static-pie": "rcrt1.o"}.get(link, "Scrt1.o")
    before = ["-nostdinc", "-isystem", "/usr/include/" + MUSL, "-isystem",
              ask(cc, "-print-file-name=include"), "-nostdlib", "-L" + lib, lib + "/" + start, lib + "/crti.o"]
    loader = "-Wl,-dynamic-linker,/lib/ld-musl-%s.so.1" % os.uname().machine
    return before, ["-lc", "-lgcc", "-lc", lib + "/crtn.o"] + ([loader] if LINKS[link][2] else [])


def demo(dir, cc, optimize, link, libc):
    if not shutil.which(cc):
        raise Skip("%s is missing" % cc)
    before, after = musl(cc, link) if libc == "musl" else ([], [])
    flags, kind, loader = LINKS[link]
    program = dir + "/demo"
    command = [cc, optimize] + USUAL + flags.split() + before + [DEMO, "-o", program] + after
    if link == "-flto":
        command.insert(1, "-flto=auto" if cc == "gcc" else link)
    done = subprocess.run(command, capture_output=True, text=True)
    check(done.returncode == 0 and not done.stderr + done.stdout, " ".join(command), done.stderr[:3000])
    binary = Binary(program)
    same((binary.type, "musl" in (binary.loader or ""), bool(binary.loader)),
         (kind, libc == "musl" and loader, loader))
    with Target(dir) as server:
        r = run(dir, [program, "--headless", "-H", server.url, "--users", "20", "--spawn-rate", "20",
                      "--iterations", "3000", "--only-summary", "--csv", "out"])
        same(r.rc, 0, r)
        sum = stats_csv(dir + "/out")[1]
        same((count(sum), failed(sum), server.stop()[0]), (6000, 0, 6000), r)  # two requests each


for o, optimize in enumerate(("-O0", "-O2", "-O3", "-Os")):
    for l, link in enumerate(LINKS):
        cc = ("gcc", "clang")[(o ^ l) & 1]
        libc = ("glibc", "musl")[(o >> 1 ^ l >> 1) & 1]
        if l != (3, 1, 0, 2)[o] and not os.environ.get("FULL"):
            continue

        @test(" ".join((cc, optimize, link, libc)))
        def _(dir, cc=cc, optimize=optimize, link=link, libc=libc):
            demo(dir, cc, optimize, link, libc)



@test("compilers keep what fetches the next user")
def _(dir):
    """gcc drops calls of a function that only prefetches. One prefetch is the timer wheel's."""
    if os.uname().machine != "x86_64" or not shutil.which("objdump"):
        raise Skip("needs objdump and an x86-64")

    def count(cc, optimize):
        program = "%s/%s%s" % (dir, cc, optimize)
        subprocess.run([cc, optimize, "-I.", DEMO, "-o", program], check=True)
        n = len(re.findall(r"\tprefetch", ask("objdump", "-d", "--no-show-raw-insn", program)))
        check(n > 1, "%d prefetches" % n)

    each([(cc, o) for cc in ("gcc", "clang") if shutil.which(cc) for o in ("-O2", "-Os")], count)


if __name__ == "__main__":
    main(parallel=os.cpu_count() or 1)
