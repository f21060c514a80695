#!/usr/bin/env python3
"""Proves that code in locust.h uses only what stands above it, by the compiler.

    tools/check_layers.py [locust.h]

Each prefix of the header that ends where a section does must compile by itself: what it uses from
below is undeclared there, or, as gcc says, "used but never defined". It is done once for each set of
settings that adds code. Beside it, two rules that no compiler knows: the contents in the first
comment are the sections, and the implementation calls no public function. Prints violations;
exit code 1 if there are any. Needs gcc.
"""
import concurrent.futures, os, re, subprocess, sys, tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
CC = os.environ.get("CHECK_LAYERS_CC", "gcc")
WARNINGS = ("-std=c11 -Wall -Wextra -Werror -Wno-unused-function -Wno-unused-variable "
            "-Wno-unused-const-variable -fsyntax-only -x c").split()
SETTINGS = {  # name: flags, a header without which it is left out
    "plain": ([], None),
    "TLS, zlib, poll, ucontext": (
        ["-DLOCUST_TLS", "-DLOCUST_ZLIB", "-DLOCUST_POLL", "-DLOCUST_UCONTEXT"], "mbedtls/ssl.h"),
    "kqueue": (["-DLOCUST_KQUEUE", "-isystem", os.path.join(TOP, "tests/build/kqueue")], None),
}
NO_CODE = ("intro", "api", "changes", "license")


def sections(text):
    """(tag, where it starts) in order."""
    return [(m[2], m.start()) for m in re.finditer(r"^/\* =+\n( \* >>(\w+))", text, re.M)]


def has(flags, header):
    return not header or subprocess.run([CC, *flags, "-x", "c", "-E", "-include", header, "/dev/null"],
                                        capture_output=True).returncode == 0


def compile_prefix(tag, prefix, flags, folder):
    """What the compiler says against a prefix: lines of text."""
    path = os.path.join(folder, "%s%d.h" % (tag, hash(tuple(flags)) & 0xFFFFFF))
    with open(path, "w") as file:
        file.write(prefix + "\n#endif\n")
    done = subprocess.run([CC, *WARNINGS, *flags, path], capture_output=True, text=True)
    return [line.replace(path, "the header up to the end of >>%s" % tag)
            for line in done.stderr.splitlines() if "error" in line][:8]


def layers(text):
    """Sentences about what is used from below."""
    found, problems = sections(text), []
    ends = [at for _, at in found[1:]] + [len(text)]
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = []
        for name, (flags, header) in SETTINGS.items():
            if not has(flags, header):
                print("check_layers.py: not checked with %s: %s is missing" % (name, header))
                continue
            jobs += [pool.submit(compile_prefix, tag, text[:end], flags, folder)
                     for (tag, _), end in zip(found, ends) if tag not in NO_CODE]
        for job in jobs:
            problems += job.result()
    return problems


def contents(text):
    """Sentences about a table of contents that is not the sections."""
    tags = [tag for tag, _ in sections(text)]
    listed = re.findall(r"^ \* {2,}>>(\w+)", text[:text.find("*/")], re.M)
    if listed != ["intro"] + tags:
        return ["the contents list %s, the sections are %s" % (listed[1:], tags)]
    return []


def public_calls(text):
    """Sentences about calls of public functions below the public part."""
    api = text[:text.find("#define LOCUST__IMPLEMENTED")]
    public = set(re.findall(r"\bLOCUST_API\b[^;{}()]*?\b(locust_\w+)\s*\(", api))
    public |= set(re.findall(r"^#define\s+(locust_[a-z0-9]\w*)\(", api, re.M))
    blank = lambda m: re.sub(r"[^\n]", " ", m[0])
    code = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)[len(api):]
    first = api.count("\n") + 1
    return ["line %d: calls %s: the implementation calls private functions only" % (
        first + code[:m.start()].count("\n"), m[2])
        for m in re.finditer(r"^([^\n]*?)\b(locust_[a-z0-9]\w*)\s*\(", code, re.M)
        if m[2] in public and m[1] and not m[1].startswith("LOCUST_API")]


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "locust.h"
    with open(path) as file:
        text = file.read()
    problems = contents(text) + public_calls(text) + layers(text)
    for problem in problems:
        print("%s: %s" % (path, problem))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
