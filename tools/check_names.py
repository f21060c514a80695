#!/usr/bin/env python3
"""Proves that including locust.h adds only names with the prefix locust_ or LOCUST_.

    tools/check_names.py [locust.h]     prints violations as file:line: sentence; exit code 1 if any
    tools/check_names.py --self-test    shows that it finds them, in small broken headers

Asked are the compiler and its tools: `cc -E -dD` for macros, the debug information of an object file
for functions, objects, types, tags and enum constants, and `nm` for symbols that only the assembly
defines. What the system's headers add does not count. Needs gcc and binutils.
"""
import os, re, subprocess, sys, tempfile

PREFIXED = re.compile(r"(locust|LOCUST)_")
# Asked for by name in the C library's manual; they must be defined before the first include.
FEATURES = {"_DEFAULT_SOURCE", "_DARWIN_C_SOURCE", "_FILE_OFFSET_BITS", "_TIME_BITS"}
MODES = [[], ["-DLOCUST_IMPLEMENTATION"], ["-DLOCUST_NO_IMPLEMENTATION"], ["-DLOCUST_POLL"]]
CC = os.environ.get("CHECK_NAMES_CC", "gcc")


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout


def macros(path, mode):
    """Yields (line, name) of each #define in the header itself."""
    file, line = "", 0
    for text in output(CC, "-E", "-dD", "-x", "c", *mode, path).splitlines():
        marker = re.match(r'# (\d+) "([^"]*)"', text)
        if marker:
            line, file = int(marker[1]), marker[2]
            continue
        define = re.match(r"#define (\w+)\b(?! \1$)", text)  # one that stands for itself adds no name
        if define and file == path:
            yield line, define[1]
        line += 1


def debug_names(path, object_file):
    """Yields (line, name) of the top-level entries of the debug information."""
    text = output("readelf", "--wide", "--debug-dump=rawline", object_file)
    table = text[text.index("The File Name Table"):]
    own = {int(m[1]) for m in re.finditer(r"^\s+(\d+)\s.*\s(\S+)$", table, re.M)
           if os.path.basename(m[2]) == os.path.basename(path)}
    entry, parents = {}, {}

    def finished():
        depth, tag = entry.get("depth"), entry.get("tag")
        parents[depth] = entry
        if tag == "DW_TAG_enumerator":  # has no place of its own: the enum's counts
            entry["file"], entry["line"] = parents[depth - 1].get("file"), parents[depth - 1].get("line")
            depth = depth - 1
        if depth == 1 and entry.get("name") and entry.get("file") in own:
            return [(entry["line"], entry["name"])]
        return []

    for line in output("readelf", "--wide", "--debug-dump=info", object_file).splitlines():
        start = re.match(r" <(\d+)><[0-9a-f]+>: Abbrev Number: \d+ \((\w+)\)", line)
        if start:
            yield from finished()
            entry = {"depth": int(start[1]), "tag": start[2]}
            continue
        form = r"\s*: (?:\([^)]*\)[: ]*)*"  # how the value is stored, in some versions of readelf
        name = re.match(r"\s+<[0-9a-f]+>\s+DW_AT_name" + form + r"(\S+)", line)
        place = re.match(r"\s+<[0-9a-f]+>\s+DW_AT_decl_(file|line)" + form + r"(\d+)", line)
        if name:
            entry["name"] = name[1]
        elif place:
            entry[place[1]] = int(place[2])
    yield from finished()


def symbols(object_file):
    """Yields (0, name) of each symbol the object defines; a suffix like .1 marks a local one."""
    for line in output("nm", "--defined-only", object_file).splitlines():
        name = line.split()[-1]
        if not re.search(r"\.\d+$|^\.|^\$", name):
            yield 0, name


def check(path):
    problems = set()
    with tempfile.TemporaryDirectory() as folder:
        object_file = os.path.join(folder, "locust.o")
        for mode in MODES:
            output(CC, "-x", "c", "-w", "-O0", "-g", "-gdwarf-4", "-fkeep-static-functions",
                   "-fno-eliminate-unused-debug-types", "-fno-eliminate-unused-debug-symbols",
                   *mode, "-c", path, "-o", object_file)
            for finder, names in (("macro", macros(path, mode)),
                                  ("name", debug_names(path, object_file)),
                                  ("symbol", symbols(object_file))):
                for line, name in names:
                    if not PREFIXED.match(name) and name not in FEATURES:
                        problems.add((line, "%s:%d: the %s %s lacks the prefix" % (
                            path, line, finder, name)))
    return [sentence for _, sentence in sorted(problems)]


GOOD = """#ifndef LOCUST_H
#define LOCUST_H
#include <stdio.h>
typedef struct locust_x { int field; } locust_x;
enum { LOCUST_A = 1 };
static const int locust__table[1];
static inline int locust__f(int arg) { static int count = 1; int local = arg; return local + count++; }
__asm__(".text\\nlocust__asm: nop\\n1: nop\\n.Llocal: nop\\n");
/*HERE*/
#endif
"""
SELF_TESTS = [
    ("a good header", "", None),
    ("a macro", "#define MIN(a, b) ((a) < (b) ? (a) : (b))", "macro MIN"),
    ("a function", "static int helper(void) { return 1; }", "name helper"),
    ("an object", "static int counter = 1;", "name counter"),
    ("a typedef", "typedef int number;", "name number"),
    ("a struct tag", "struct pair { int a, b; };", "name pair"),
    ("a nested tag", "struct locust_o { struct inner { int a; } b; };", "name inner"),
    ("an enum constant", "enum { RED = 7 };", "name RED"),
    ("an assembly symbol", '__asm__(".text\\nswitch_now: nop\\n");', "symbol switch_now"),
]


def self_test():
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "toy.h")
        for name, text, want in SELF_TESTS:
            with open(path, "w") as file:
                file.write(GOOD.replace("/*HERE*/", text))
            said = check(path)
            if not (any(want in sentence for sentence in said) if want else not said):
                bad += 1
                print("self-test \"%s\": wants %s, got %s" % (name, want, said))
    print("self-test: %d cases, %d wrong" % (len(SELF_TESTS), bad))
    return 1 if bad else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    path = sys.argv[1] if len(sys.argv) > 1 else "locust.h"
    try:
        problems = check(path)
    except subprocess.CalledProcessError as error:
        sys.exit("tools/check_names.py: %s failed" % error.cmd[0])
    print("\n".join(problems) if problems else "%s: every name has the prefix" % path)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
