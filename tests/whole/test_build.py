#!/usr/bin/env -S python3 -B
# timeout: 900
"""Compiles tests/build/ and the public contract in the ways in which people compile locust.h.

    tests/whole/test_build.py [WORD...]    only the tests whose name contains a word

A test is a list of commands. Each must succeed without a word of output, unless it is `fails`, which
must fail and say a certain text.
"""
import concurrent.futures, glob, os, shutil, subprocess, sys
from kit.pick import containing

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
OUT = os.environ.get("BUILD", "build") + "/compile"
EVERY_WAY = os.environ.get("FULL")  # `make check`
FULL = ("-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wstrict-prototypes "
        "-Wmissing-prototypes -Wvla -Werror")
# -Wmisleading-indentation takes gcc 12 two seconds for a header of so many lines: FULL has it, and clang.
USUAL = "-Wall -Wextra -pedantic -Wno-misleading-indentation -Werror -I."
CONTRACT = "-std=c11 -Wall -Wextra -pedantic -Wno-unused-function -Werror -I. -fsyntax-only"
CONTRACT_PROGRAMS = sorted(glob.glob("examples/*.c") + glob.glob("tests/build/contract/*.c"))
ADVICE = "locust_is_implemented_in_two_files_define_LOCUST_NO_IMPLEMENTATION_in_one"


class Fails:
    def __init__(self, command, text):
        self.command, self.text = command, text


def exists(compiler, header):
    return subprocess.run([compiler, "-x", "c", "-E", "-include", header, "/dev/null"],
                          capture_output=True).returncode == 0


def tests():
    """Yields (name, commands). OUT/N in a command becomes a path of the test's own."""
    program = "tests/build/program.c -o OUT/a"
    for cc, cxx in (("gcc", "g++"), ("clang", "clang++")):
        # The header by itself, and its settings.
        for name, setting in (("header alone", ""), ("header declares", "-DLOCUST_NO_IMPLEMENTATION"),
                              ("header implements", "-DLOCUST_IMPLEMENTATION"),
                              ("header with poll", "-DLOCUST_POLL"),
                              ("header for valgrind", "-DLOCUST_VALGRIND"),
                              ("header with TLS and zlib", "-DLOCUST_TLS -DLOCUST_ZLIB")):
            missing = [h for flag, h in (("VALGRIND", "valgrind/memcheck.h"), ("TLS", "mbedtls/ssl.h"),
                                         ("ZLIB", "zlib.h")) if flag in setting and not exists(cc, h)]
            if missing:
                yield "%s %s" % (cc, name), "%s is missing" % missing[0]
                continue
            # gcc's warnings need an optimizer where they follow values; clang's are all there without. The unit
            # tests' variants optimize the poller and what valgrind is told.
            apart = "TLS" in setting or not setting
            for flags in (("-O2", "-O0") if apart else ("-O1",)) if EVERY_WAY else (
                    "-O1" if apart and cc == "gcc" else "-fsyntax-only",):
                yield "%s %s %s" % (cc, name, flags), [
                    "%s %s %s %s -x c -c locust.h%s" % (
                        cc, FULL, flags, setting, "" if "syntax" in flags else " -o OUT/locust.o")]

        # One file, several files, C++.
        # (clang's -O1 takes ten times its -O0; test_matrix.py has both compilers' levels.)
        yield "%s one file" % cc, ["%s %s %s %s" % (cc, "-O1" if cc == "gcc" else "-O0", USUAL, program), "OUT/a"]
        yield "%s included twice" % cc, [
            "%s %s tests/build/twice.c -o OUT/a" % (cc, USUAL), "OUT/a"]
        yield "%s two files; two implementations; C++" % cc, [
            "%s %s -DLOCUST_NO_IMPLEMENTATION -c tests/build/%s.c -o OUT/%s.o" % (cc, USUAL, f, f)
            for f in ("program", "implementation", "cpp_test")] + [
            "%s OUT/program.o OUT/implementation.o -o OUT/a" % cc, "OUT/a",
            "%s %s -DLOCUST_IMPLEMENTATION -c tests/build/program.c -o OUT/2.o" % (cc, USUAL),
            Fails("%s OUT/implementation.o OUT/2.o -o OUT/a" % cc, ADVICE),
            "%s -std=c++17 %s -c tests/build/cpp_main.cpp -o OUT/3.o" % (cxx, USUAL),
            "%s OUT/implementation.o OUT/cpp_test.o OUT/3.o -o OUT/b" % cxx, "OUT/b"]

        # Standards and the order of includes.
        yield "%s c11" % cc, ["%s -std=c11 %s %s" % (cc, USUAL, program), "OUT/a"]
        for std in ("gnu11", "c17", "gnu17"):
            yield "%s %s" % (cc, std), ["%s -std=%s %s -fsyntax-only tests/build/program.c" % (cc, std, USUAL)]
        yield "%s late include" % cc, [
            "%s -std=gnu17 %s tests/build/late.c -o OUT/a" % (cc, USUAL), "OUT/a"]
        yield "%s late include, strict" % cc, [
            Fails("%s -std=c11 %s -fsyntax-only tests/build/late.c" % (cc, USUAL),
                  "_DEFAULT_SOURCE")]  # the #error names the ways out
        yield "%s late include, strict, with the way out" % cc, [
            "%s -std=c11 -D_DEFAULT_SOURCE %s tests/build/late.c -o OUT/a" % (cc, USUAL), "OUT/a"]

        # What distributions and careful people add: in `make check`. test_matrix.py has the ways of optimizing
        # and linking.
        for flags in ("-O1 -fcf-protection=full", "-O1 -fstack-clash-protection") + cc.startswith("clang") * (
                      "-O1 -fstack-protector-all", "-O1 -fomit-frame-pointer") + cc.startswith("gcc") * (
                      "-O0 -DNDEBUG",
                      "-O0 -fno-pie -no-pie", "-O1 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3",
                      "-O0 -ffunction-sections -fdata-sections -Wl,--gc-sections",
                      "-O0 -Wl,-z,noexecstack,-z,relro,-z,now,--fatal-warnings",
                      "-O0 -D_FILE_OFFSET_BITS=64"):
            if not EVERY_WAY or ("cf-protection" in flags and os.uname().machine != "x86_64"):
                continue
            yield "%s %s" % (cc, flags), ["%s %s %s %s" % (cc, USUAL, flags, program), "OUT/a"]

        # Mistakes that cannot be made without a word.
        for name in ("index", "read", "send"):
            task = "-DTASK=%s tests/build/taken.c" % name
            yield "%s a task named %s" % (cc, name), [
                Fails("%s %s -fsyntax-only %s" % (cc, USUAL, task),
                      'LOCUST_TASK_NAMED(%s_task, "%s")' % (name, name))] + (name == "read") * [
                "%s %s -DNAMED %s -o OUT/a" % (cc, USUAL, task), "OUT/a"]
        for name, text in (("A_NUMBER_OF_TASKS", "const locust_task *"), ("A_CLASS_FOR_ITS_ADDRESS", "locust_user_class"),
                           ("A_FUNCTION_FOR_A_WAIT", "wait_time"), ("A_FUNCTION_FOR_TASKS", "locust_task")):
            yield "%s %s" % (cc, name.lower().replace("_", " ")), [
                Fails("%s %s -D%s -fsyntax-only tests/build/traps.c" % (cc, USUAL, name), text)]

        # The public contract. clang compiles the examples in test_examples.py, too.
        for path in CONTRACT_PROGRAMS if cc == "gcc" or EVERY_WAY else glob.glob("tests/build/contract/*.c"):
            yield "%s %s" % (cc, path), ["%s %s %s %s" % (
                cc, CONTRACT, "-Wno-misleading-indentation" if cc == "gcc" else "", path)]

    for path in sorted(glob.glob("build/mbedtls/*/include")):
        if "-linux-" not in path:
            # test_tls.py links and runs with each of them; the header with TLS, above, is optimized with the system's.
            yield "gcc with mbedTLS %s" % path.split("/")[2], [
                "gcc %s -fsyntax-only -DLOCUST_TLS -isystem %s -x c locust.h" % (FULL, path)]
    if EVERY_WAY:  # test_matrix.py links by -flto, test_bare.py with musl
        yield "musl", ["musl-gcc %s -static -O1 %s" % (USUAL, program), "OUT/a"]
        yield "gcc -flto-partition=max", [
            "gcc %s -O2 -flto=auto -flto-partition=max %s" % (USUAL, program), "OUT/a"]
    for flags in ("-O1 -mbranch-protection=standard",) + bool(EVERY_WAY) * ("-O2", "-O0"):
        yield "aarch64 %s" % flags, [
            "aarch64-linux-gnu-gcc %s -static %s %s" % (USUAL, flags, program),
            "qemu-aarch64-static OUT/a"]


def run(name, commands):
    """The line(s) to print for a test."""
    if isinstance(commands, str):
        return "skip %s: %s" % (name, commands)
    out = "%s/%s" % (OUT, "".join(c if c.isalnum() else "_" for c in name))
    os.makedirs(out, exist_ok=True)
    for step in commands:
        want = step.text if isinstance(step, Fails) else None
        command = (step.command if want else step).replace("OUT", out)
        if not shutil.which(command.split()[0]) and not command.startswith(out):
            return "skip %s: %s is missing" % (name, command.split()[0])
        done = subprocess.run(command.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, text=True, errors="replace")
        if want and (done.returncode == 0 or want not in done.stdout):
            return "%s\n%swants it to fail and to say: %s\nnot ok %s" % (
                command, done.stdout[:2000], want, name)
        if not want and (done.returncode != 0 or done.stdout):
            return "%s\n%sexit code %d\nnot ok %s" % (
                command, done.stdout[:2000], done.returncode, name)
    shutil.rmtree(out)
    return "ok " + name


def main():
    words = sys.argv[1:]
    wanted = containing(words, list(tests()), lambda test: test[0])
    counts = {"ok": 0, "not": 0, "skip": 0}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for text in pool.map(lambda test: run(*test), wanted):
            print(text, flush=True)
            counts[text.splitlines()[-1].split()[0]] += 1
    print("%d passed, %d failed, %d skipped" % (counts["ok"], counts["not"], counts["skip"]))
    return 1 if counts["not"] else 0


if __name__ == "__main__":
    sys.exit(main())
