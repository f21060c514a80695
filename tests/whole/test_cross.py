#!/usr/bin/env -S python3 -B
# timeout: 900
"""tools/cross.sh: programs for two boards, run here against nginx, and what it says if it cannot.

    tests/whole/test_cross.py [WORD...]    only the tests whose name contains a word
"""
import os, struct, sys
from kit.lib import *
from kit import board

CROSS = ROOT + "/tools/cross.sh"
MACHINES = {"arm64": (183, 64), "armhf": (40, 32)}  # ELF's e_machine, bits
GNU = {"arm64": "aarch64-linux-gnu", "armhf": "arm-linux-gnueabihf"}
QEMU = {"arm64": "qemu-aarch64-static", "armhf": "qemu-arm-static"}
NAMES = ("x86_64 i386 arm64 armhf armel riscv64 mips mipsel mips64 mips64el ppc64el ppc64 powerpc s390x "
         "m68k sparc64 loongarch64").split()


def cross(*args, dir=None, env=None):
    done = subprocess.run([CROSS, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=dir,
                          env=env)
    return Result(done.returncode, done.stdout, done.stderr, 0)


def needs(*programs):
    for program in programs:
        if not shutil.which(program):
            raise Skip(program + " is missing")


def needs_source(*command):
    """What is made from Debian's sources: only where there is no archive it is skipped."""
    done = subprocess.run([ROOT + "/tools/" + command[0], *command[1:]], capture_output=True, text=True)
    if done.returncode and re.search("cannot be read|has no archive|needs apt-get|cannot download", done.stderr):
        raise Skip(done.stderr.strip().splitlines()[-1])
    check(done.returncode == 0, done.stderr)


def elf(path):
    """(e_machine, bits) of a static program; fails if it is none, or asks for a loader or libraries."""
    with open(path, "rb") as f:
        data = f.read()
    same(data[:4], b"\x7fELF")
    bits, order = {1: 32, 2: 64}[data[4]], {1: "<", 2: ">"}[data[5]]
    form = order + {32: "HHIIIIIHHH", 64: "HHIQQQIHHH"}[bits]
    kind, machine, _, _, at, _, _, _, size, n = struct.unpack_from(form, data, 16)
    same(kind, 2, "ET_EXEC")
    kinds = [struct.unpack_from(order + "I", data, at + i * size)[0] for i in range(n)]
    check(1 in kinds and 2 not in kinds and 3 not in kinds, "PT_LOAD, no PT_DYNAMIC, no PT_INTERP", kinds)
    return machine, bits


def one_line(r, rc, *words):
    same(r.rc, rc, r)
    same((r.out, len(r.err.splitlines())), ("", 1), r)
    for word in words:
        r.says(word)


_pkis, _pkis_lock = [], threading.Lock()


def pkis():
    with _pkis_lock:
        if not _pkis:
            needs("openssl")
            _pkis.append(board.make_pkis(OUT + "/pki"))
        return _pkis[0]


def builds(target, libc):
    """A test: builds for a target, looks at the program, runs it."""
    options = ["--libc=" + libc] * (libc != "musl")

    @test("%s, %s: built, static, its figures as in nginx's log" % (target, libc), full=True)
    def _(dir):
        gnu, qemu = GNU[target], QEMU[target]
        needs(gnu + "-gcc", "make", "dpkg-source")
        if libc == "musl":
            needs_source("musl.sh", gnu)
        r = cross(target, *options, ROOT + "/" + PROGRAMS + "every_request.c", "-o", "mix", dir=dir)
        same(r.rc, 0, r)
        program = dir + "/mix"
        lines = r.out.splitlines()
        same((len(lines), r.err), (1, ""), r)
        size = os.path.getsize(program)
        check(lines[0].startswith("mix: %d KB, static, %s" % ((size + 500) // 1000, libc)), r)
        check("https" not in lines[0] and " for %s (" % target in lines[0], r)
        same(elf(program), MACHINES[target])
        check(size < (1500000 if libc == "glibc" else 300000), size)
        with open(program, "rb") as f:
            check(b"locust__start_main" not in f.read(), "it is not stripped")
        needs(qemu)
        check(lines[0].endswith("here by %s ./mix --help" % qemu), r)
        with board.Site(dir + "/site", pkis()) as site:
            site.load([qemu, program], "http")


builds("arm64", "glibc")  # with https, and for all the others, by `make cross`
builds("armhf", "musl")


@test("a triplet, a folder with a blank, the name by default, arguments for the compiler")
def _(dir):
    needs("aarch64-linux-gnu-gcc")
    os.makedirs(dir + "/a b")
    with open(dir + "/a b/my test.c", "w") as f:
        f.write('#ifndef WORD\n#error WORD\n#endif\n#include "locust.h"\n#include "other.h"\n'
                "LOCUST_USER(A, .tasks = LOCUST_TASKS(LOCUST_TASK(task)));\nLOCUST_MAIN(.users = {&A})\n")
    os.makedirs(dir + "/c d")
    with open(dir + "/c d/other.h", "w") as f:
        f.write('static void task(locust_user *u) { locust_get(u, "/" WORD); }\n')
    r = cross("aarch64-linux-gnu", "a b/my test.c", '-DWORD="x y"', "-I", "c d", "--libc=glibc", dir=dir)
    same(r.rc, 0, r)
    same(elf(dir + "/my test-arm64"), MACHINES["arm64"])
    with open(dir + "/my test-arm64", "rb") as f:
        check(b"/x y\0" in f.read(), "the compiler did not get the definition")


@test("a test that does not compile: the compiler's words, exit code 1")
def _(dir):
    needs("aarch64-linux-gnu-gcc")
    with open(dir + "/bad.c", "w") as f:
        f.write('#include "locust.h"\nint main(void) { return nobody; }\n')
    r = cross("arm64", "bad.c", "--libc=glibc", dir=dir)
    same((r.rc, r.out), (1, ""), r)
    r.says("bad.c:2:")
    check(not os.path.exists(dir + "/bad-arm64"))


@test("one sentence for what is wrong with the command")
def _(dir):
    open(dir + "/t.c", "w").close()
    each([(["amiga", "t.c"], "there is no target \"amiga\"", "tools/cross.sh list"),
          (["arm64", "gone.c"], "there is no file gone.c", ""),
          (["arm64", "t.c", "--libc=dietlibc"], "--libc is musl or glibc, not \"dietlibc\"", ""),
          (["ppc64", "t.c", "--libc=musl"], "there is no musl for ppc64", ""),
          (["arm64", "t.c", "-o"], "-o needs the name of a file", "")],
         lambda args, *words: one_line(cross(*args, dir=dir), 2, "cross.sh: ", *words))
    same(os.listdir(dir), ["t.c"])
    for args in [], ["arm64"]:
        r = cross(*args)
        same((r.rc, r.out), (2, ""), r)
        r.says("tools/cross.sh TARGET test.c")


@test("list: every target, with its triplet")
def _(dir):
    r = cross("list")
    same((r.rc, r.err), (0, ""), r)
    same([line.split()[0] for line in r.out.splitlines()], NAMES)
    for name, gnu in GNU.items():
        check(re.search("^%s +%s  *\\S" % (name, gnu), r.out, re.M), r)


@test("without the compiler, and without the right to install it: the command of apt")
def _(dir):
    # A fresh machine: what the tools use themselves, a dpkg that has nothing installed, no sudo.
    os.makedirs(dir + "/bin")
    for program in "sh cat dirname basename sed grep ls sort tail head tr uname wc".split():
        os.symlink(shutil.which(program), dir + "/bin/" + program)
    for name, script in ("dpkg-query", "exit 1"), ("id", "echo 1000"):
        with open(dir + "/bin/" + name, "w") as f:
            f.write("#!/bin/sh\n%s\n" % script)
        os.chmod(dir + "/bin/" + name, 0o755)
    open(dir + "/t.c", "w").close()
    for target, words in (("armhf", "gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"),
                          ("mips64", "gcc-mips64-linux-gnuabi64 libc6-dev-mips64-cross")):
        one_line(cross(target, "t.c", dir=dir, env={"PATH": dir + "/bin"}), 1, "sudo apt-get install ", words)
    os.remove(dir + "/bin/dpkg-query")  # not even Debian
    one_line(cross("armhf", "t.c", dir=dir, env={"PATH": dir + "/bin"}), 1, "what Debian calls ",
             " gcc-arm-linux-gnueabihf")


main(parallel=2)
