#!/usr/bin/env -S python3 -B
# timeout: 900
"""locust.h on systems that are not here: macOS, the BSDs, Linux on rare machines.

Honestly: macOS and the BSDs are only compiled and linked for, against their own headers and the names
in their own libraries, which come with Zig's C compiler (tools/zig.sh). Nothing shows here that a
program works there. Programs for Linux run, under qemu-user.

    tests/whole/test_systems.py [WORD...]    only the tests whose name contains a word

At first a C library is built for each program that runs, which takes two cores 20 s. So one of them runs
unasked; "all" among the words runs all: tests/whole/test_systems.py all runs
"""
import glob, os, sys
from kit.lib import *
from kit.binary import Binary

FULL = ("-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wstrict-prototypes "
        "-Wmissing-prototypes -Wvla -Werror").split()
FAST = ["-O0", "-fno-sanitize=undefined"]  # zig's -O0 would add a sanitizer; -O2 takes ten times as long
WHOLE = ["-DLOCUST_IMPLEMENTATION", "-x", "c", "locust.h"]  # every function, not just those a test calls
DEMO = "examples/demo.c"

# Which machine: word size, order of bytes, ELF's number, Mach-O's number.
MACHINES = {
    "x86_64": (64, "<", 62, 0x01000007), "x86": (32, "<", 3, None),
    "aarch64": (64, "<", 183, 0x0100000C), "aarch64_be": (64, ">", 183, None),
    "arm": (32, "<", 40, None), "armeb": (32, ">", 40, None), "thumb": (32, "<", 40, None),
    "mips": (32, ">", 8, None), "mipsel": (32, "<", 8, None),
    "mips64": (64, ">", 8, None), "mips64el": (64, "<", 8, None),
    "powerpc": (32, ">", 20, None), "powerpc64": (64, ">", 21, None),
    "powerpc64le": (64, "<", 21, None), "riscv32": (32, "<", 243, None),
    "riscv64": (64, "<", 243, None), "s390x": (64, ">", 22, None), "sparc": (32, ">", 2, None),
    "sparc64": (64, ">", 43, None), "loongarch64": (64, "<", 258, None),
}

# Those for which zig has headers and LLVM has code; DragonFly is not among them.
MACOS = ["x86_64-macos", "aarch64-macos"]
FREEBSD = [m + "-freebsd" for m in ("x86_64", "aarch64", "x86", "powerpc64", "powerpc64le", "riscv64")] + [
    "arm-freebsd-eabihf"]
OPENBSD = [m + "-openbsd" for m in ("x86_64", "aarch64", "x86", "mips64", "mips64el", "powerpc64",
                                    "riscv64")] + ["arm-openbsd-eabi", "powerpc-openbsd-eabihf"]
NETBSD = [m + "-netbsd" for m in ("x86_64", "aarch64", "aarch64_be", "x86", "riscv32", "riscv64", "sparc",
                                  "sparc64")] + [
    "arm-netbsd-eabi", "armeb-netbsd-eabi", "mips-netbsd-eabi", "mipsel-netbsd-eabi",
    "powerpc-netbsd-eabihf"]
LOADER = {"freebsd": "/libexec/ld-elf.so.1", "openbsd": "/usr/libexec/ld.so",
          "netbsd": "/libexec/ld.elf_so"}

# Linux. What qemu calls the machine; what the compiler is told; whether it runs unasked.
RUN = [
    ("riscv32-linux-musl", "riscv32", [], True),
    ("mips64-linux-muslabin32", "mipsn32", [], False),  # 32-bit pointers in 64-bit registers
    ("mips64el-linux-muslabin32", "mipsn32el", [], False),
    ("loongarch64-linux-musl", "loongarch64", ["-mcpu=baseline-lsx"], False),  # not in qemu before 8.1
    ("powerpc-linux-musleabihf", "ppc", [], False),
    ("thumb-linux-musleabihf", "arm", [], False),
    ("armeb-linux-musleabihf", "armeb", [], False),
    ("aarch64_be-linux-musl", "aarch64_be", [], False),
    ("powerpc64-linux-musl", "ppc64", [], False),
    ("s390x-linux-musl", "s390x", [], False),
]
COMPILE = [r[0] for r in RUN if not r[3]] + [
    "riscv32-linux-gnu", "loongarch64-linux-gnu", "mips64-linux-gnuabin32", "x86_64-linux-gnux32",
    "sparc64-linux-gnu", "armeb-linux-gnueabihf", "mips-linux-musleabi"]

ZIG = subprocess.run(["tools/zig.sh", "find"], capture_output=True, text=True).stdout.strip()
CACHE = os.path.abspath("build/zig/cache")
KNOWN = subprocess.run([ZIG, "targets"], capture_output=True, text=True).stdout if ZIG else ""


def zig(dir, target, *args, language="cc"):
    """Runs the compiler; what it says. Fails if that is anything, or if it fails."""
    if not ZIG:
        raise Skip("zig is missing")
    arch, system = target.split("-", 1)
    if '"%s-%s' % (arch, re.sub(r"\.[\d.]+", "", system)) not in KNOWN:
        raise Skip("this zig has no C library for %s" % target)
    env = dict(os.environ, ZIG_GLOBAL_CACHE_DIR=CACHE, ZIG_LOCAL_CACHE_DIR=os.path.join(dir, "cache"))
    command = [ZIG, language, "-target", target, "-I."] + list(args)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env)
    # it says this of libraries that it builds for itself
    said = [l for l in done.stderr.splitlines() if "warning: argument unused during compilation" not in l]
    check(done.returncode == 0 and not said, " ".join(command[1:]), "\n".join(said)[:3000])


def judge(path, target, poller="kevent"):
    """Whether a file is for that target and waits by that; what else it is."""
    binary = Binary(path)
    bits, order, elf, mach_o = MACHINES[target.split("-")[0]]
    if "abin32" in target or "x32" in target:
        bits = 32
    same((binary.bits, binary.order, binary.machine), (bits, order, mach_o if "macos" in target else elf))
    same("macos" in target, binary.system == 1)
    same([p for p in ("kevent", "epoll_wait") if binary.calls(p)], [poller] if poller else [],
         sorted(binary.missing))
    return binary


def each_target(targets, name):
    """Registers a test, function(dir, target), for each of them."""
    def register(function):
        for target in targets:
            test(name % target)(lambda dir, target=target: function(dir, target))
        return function
    return register


# ---- macOS and the BSDs ----

@each_target(MACOS + FREEBSD + OPENBSD + NETBSD, "%s")
def _(dir, target):
    zig(dir, target, *FULL, *FAST, *WHOLE, "-c", "-o", dir + "/o")
    judge(dir + "/o", target)


@each_target(["aarch64-macos", "x86_64-freebsd", "mips64-openbsd", "arm-netbsd-eabi"], "%s with poll()")
def _(dir, target):
    zig(dir, target, *FULL, *FAST, "-DLOCUST_POLL", *WHOLE, "-c", "-o", dir + "/o")
    judge(dir + "/o", target, None)


# zig's list of what NetBSD 10, its default, has in its C library is one name short: __kevent100
@each_target(["x86_64-macos", "aarch64-macos", "x86_64-freebsd", "arm-freebsd-eabihf", "x86_64-openbsd",
              "mips64-openbsd", "x86_64-netbsd.11.0", "arm-netbsd.11.0-eabi"], "%s links")
def _(dir, target):
    usual = target in ("aarch64-macos", "x86_64-freebsd")
    zig(dir, target, *FULL, *(["-O2"] if usual else FAST), DEMO, "-o", dir + "/program")
    program = judge(dir + "/program", target)
    check(program.executable, program.type)
    system = target.split("-")[1].split(".")[0]
    same(program.loader, LOADER.get(system))
    check(system == "macos" or system in [n.lower() for n in program.notes], program.notes)


@test("aarch64-macos, the contract")
def _(dir):
    for name in ("custom_protocol", "library", "session", "simulation", "tasksets"):
        zig(dir, "aarch64-macos", "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", *FAST,
            "-c", "examples/%s.c" % name, "-o", dir + "/o")


@each_target(["aarch64-macos", "x86_64-freebsd", "x86_64-openbsd", "x86_64-netbsd"], "%s, late, and from C++")
def _(dir, target):
    zig(dir, target, *FULL, *FAST, "-c", "tests/build/late.c", "-o", dir + "/o")
    if target == "aarch64-macos":  # the others' headers would be read in the same way
        zig(dir, target, "-std=c++17", "-Wall", "-Wextra", "-pedantic", "-Werror", *FAST, "-c",
            "tests/build/cpp_main.cpp", "-o", dir + "/o", language="c++")


@each_target(["aarch64-macos", "x86_64-freebsd"], "%s with TLS")
def _(dir, target):
    found = [p for p in sorted(glob.glob("build/mbedtls/*/include")) if "-linux-" not in p]
    if not found:
        raise Skip("there is no mbedTLS in build/mbedtls")
    zig(dir, target, *FULL, *FAST, "-DLOCUST_TLS", "-isystem", found[-1], *WHOLE, "-c", "-o", dir + "/o")
    judge(dir + "/o", target)


# ---- Linux ----

@each_target(COMPILE, "%s")
def _(dir, target):
    zig(dir, target, *FULL, *FAST, *WHOLE, "-c", "-o", dir + "/o")
    program = judge(dir + "/o", target, "epoll_wait")
    if target == "armeb-linux-gnueabihf":  # where it isn't 64 bits wide by itself
        check("__clock_gettime64" in program.missing, sorted(program.missing))


@each_target(["hexagon-linux-musl", "sparc64-openbsd"], "%s is refused")
def _(dir, target):
    try:
        zig(dir, target, *FAST, *WHOLE, "-c", "-o", dir + "/o")
    except AssertionError as why:
        check("swapcontext" in str(why), why)
    else:
        check(False, "%s has a context switch now: move it among the others" % target)


for target, machine, flags, usual in RUN:
    if not usual and "all" not in sys.argv[1:]:
        continue

    @test("%s runs" % target)
    def _(dir, target=target, machine=machine, flags=flags):
        program = dir + "/program"
        zig(dir, target, *FULL, *flags, "-O2", "-static", DEMO, "-o", program)
        check(Binary(program).executable, "no program")
        qemu = shutil.which("qemu-%s-static" % machine) or shutil.which("qemu-%s" % machine)
        if not qemu:
            raise Skip("it compiles, but qemu-%s-static is missing" % machine)
        r = run(dir, [qemu, program, "--version"])
        check(r.rc == 0 and r.out.startswith("locust.h "), r)
        with Target(dir) as server:
            r = run(dir, [qemu, program, "--headless", "-H", server.url, "--users", "20",
                          "--spawn-rate", "20", "--iterations", "3000", "--only-summary", "--csv", "out"])
            same(r.rc, 0, r)
            all = stats_csv(dir + "/out")[1]
            same((count(all), failed(all)), (server.stop()[0], 0), r)
            check(count(all) >= 3000, r)


if __name__ == "__main__":
    sys.argv[1:] = [w for w in sys.argv[1:] if w != "all"]
    main(parallel=os.cpu_count() or 1)
