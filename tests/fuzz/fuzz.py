#!/usr/bin/env -S python3 -B
"""Fuzzes the parsers with libFuzzer, ASan and UBSan.   tests/fuzz/fuzz.py SECONDS [NAME...]

Each tests/fuzz/NAME.c that is asked for (a NAME may be a glob; all if there is none) runs for that many
seconds, from the inputs (and words.dict) in tests/fuzz/seeds/NAME and what earlier runs found, kept in
build/fuzz/NAME; with 0 seconds through the former alone. An input that breaks a property is left in
build/fuzz, with the command that runs it again; the exit code is then 1. A line `flags: ...` in the
first five of a file is added to its compile command.
"""
import glob, os, re, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../whole"))
from kit.pick import pick

BUILD = "build/fuzz"
COMPILE = ("clang -std=c11 -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=undefined "
           "-fsanitize=fuzzer,address,undefined").split()


def build(source, program):
    with open(source) as file:
        head = "".join(line for line, _ in zip(file, range(5)))
    flags = re.search(r"flags: (.*)", head)
    done = subprocess.run(COMPILE + [source, "-o", program] + (flags[1].split() if flags else []),
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit("fuzz: %s does not compile\n%s" % (source, done.stderr))


def fuzz(name, seconds):
    """Whether every input kept the properties."""
    program, found, seeds = BUILD + "/" + name + ".bin", BUILD + "/" + name, "tests/fuzz/seeds/" + name
    os.makedirs(found, exist_ok=True)
    build("tests/fuzz/%s.c" % name, program)
    log = "%s/%s.log" % (BUILD, name)
    limits = ["-max_total_time=%d" % seconds, found] if seconds else ["-runs=0"]
    words = ["-dict=%s/words.dict" % seeds] * os.path.exists(seeds + "/words.dict")
    with open(log, "wb") as out:
        code = subprocess.run([program, "-max_len=4096", "-timeout=10", "-artifact_prefix=%s/%s-" % (BUILD, name)] +
                              words + limits + [seeds], stdout=out, stderr=out).returncode
    with open(log, errors="replace") as file:
        text = file.read()
    done = re.search(r"Done (\d+) runs|stat::number_of_executed_units: +(\d+)", text)
    if code == 0 and done:
        coverage = re.findall(r"cov: (\d+)", text)[-1]
        print("%-8s %9s inputs, %5s edges" % (name, done[1], coverage), flush=True)
        return True
    left = re.search(r"written to (\S+)", text)
    print("\n".join(line for line in text.splitlines() if not re.match("#[0-9]+\t|INFO:", line)))
    print("%s broke; run it again with: %s %s" % (name, program, left[1] if left else ""), flush=True)
    return False


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    seconds = int(sys.argv[1])
    names = sorted(os.path.basename(path)[:-len(".c")] for path in glob.glob("tests/fuzz/*.c"))
    return 0 if all([fuzz(name, seconds) for name in pick(sys.argv[2:], names)]) else 1


if __name__ == "__main__":
    sys.exit(main())
