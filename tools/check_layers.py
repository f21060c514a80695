#!/usr/bin/env python3
"""Proves that each part of the header uses only what stands above it, by the compiler.

    tools/check_layers.py           one prefix for each folder of tools/header
    tools/check_layers.py --parts   one prefix for each part

A prefix is the manifest all.h without the parts behind a certain one. Each must compile by itself: what
it uses from below is undeclared there, or, as gcc says, "used but never defined". It is done for each
set of settings that adds code. Beside it one rule that no compiler knows: the implementation calls no
public function. Prints violations; exit code 1 if there are any. TOP in the environment names another
folder than tools/header. Needs gcc.
"""
import concurrent.futures, os, re, subprocess, sys, tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TOP = os.environ.get("TOP", os.path.join(ROOT, "tools/header"))
CC = os.environ.get("CHECK_LAYERS_CC", "gcc")
WARNINGS = ("-std=c11 -Wall -Wextra -Werror -Wno-unused-function -Wno-unused-variable "
            "-Wno-unused-const-variable -fsyntax-only -x c").split()
SETTINGS = {  # name: flags, a header without which it is left out
    "plain": ([], None),
    "TLS, zlib, poll and ucontext": (
        ["-DLOCUST_TLS", "-DLOCUST_ZLIB", "-DLOCUST_POLL", "-DLOCUST_UCONTEXT"], "mbedtls/ssl.h"),
    "kqueue": (["-DLOCUST_KQUEUE", "-isystem", os.path.join(ROOT, "tests/build/kqueue")], None),
}
INCLUDE = re.compile(r'^#include "([\w/.-]+)"\n', re.M)


def read(name):
    with open(os.path.join(TOP, name)) as file:
        return file.read()


def has(flags, header):
    return not header or subprocess.run([CC, *flags, "-x", "c", "-E", "-include", header, "/dev/null"],
                                        capture_output=True).returncode == 0


def compile_prefix(text, flags, folder):
    """What the compiler says against a prefix: lines of text."""
    number, path = tempfile.mkstemp(suffix=".h", dir=folder)
    with os.fdopen(number, "w") as file:
        file.write(text)
    done = subprocess.run([CC, *WARNINGS, "-I", TOP, *flags, path], capture_output=True, text=True)
    said = [line.replace(TOP + "/", "") for line in done.stderr.splitlines() if "error:" in line]
    return said or ["the compiler failed: " + done.stderr] if done.returncode else []


def prefixes(manifest, each_part):
    """(its last part, its text) of each prefix that is checked."""
    includes = list(INCLUDE.finditer(manifest))
    for m, following in zip(includes, includes[1:] + [None]):
        if each_part or not following or following[1].split("/")[0] != m[1].split("/")[0]:
            if m[1].endswith(".c"):
                yield m[1], manifest[:m.end()] + INCLUDE.sub("", manifest[m.end():])


def layers(manifest, each_part):
    """Sentences about what is used from below."""
    problems = {}
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = []
        for name, (flags, header) in SETTINGS.items():
            if not has(flags, header):
                print("check_layers.py: not checked with %s: %s is missing" % (name, header))
                continue
            jobs += [(last, pool.submit(compile_prefix, text, flags, folder))
                     for last, text in prefixes(manifest, each_part)]
        for last, job in jobs:
            for line in job.result():
                if line not in problems:  # longer prefixes say the same again
                    problems[line] = "%s (in what ends with %s)" % (line, last)
    return list(problems.values())


def public_calls(parts):
    """Sentences about calls of public functions in the implementation."""
    api = "".join(read(part) for part in parts if part.endswith(".h"))
    public = set(re.findall(r"\bLOCUST_API\b[^;{}()]*?\b(locust_\w+)\s*\(", api))
    public |= set(re.findall(r"^#define\s+(locust_[a-z0-9]\w*)\(", api, re.M))
    blank = lambda m: re.sub(r"[^\n]", " ", m[0])
    for part in parts:
        if part.endswith(".h"):
            continue
        code = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, read(part), flags=re.S)
        for m in re.finditer(r"^([^\n]*?)\b(locust_[a-z0-9]\w*)\s*\(", code, re.M):
            if m[2] in public and m[1] and not m[1].startswith("LOCUST_API"):
                yield "%s:%d: calls %s: the implementation calls private functions only" % (
                    part, code[:m.start(2)].count("\n") + 1, m[2])


def main():
    manifest = read("all.h")
    problems = list(public_calls(INCLUDE.findall(manifest)))
    problems += layers(manifest, "--parts" in sys.argv[1:])
    sys.stdout.write("".join(p + "\n" for p in problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
