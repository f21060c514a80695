#!/usr/bin/env -S python3 -B
"""Builds and tests for every machine that tools/cross.sh knows; brings the table in README.md up to date.

    tests/whole/cross.py [TARGET...]       `make cross A="armhf mips"` is the same

For each target whose compiler is here: programs/every_request.c is built by tools/cross.sh without and
with https and loads an nginx on this machine, whose access log must say the same in every figure; big bodies
go both ways, and bad certificates are refused (tests/whole/kit/board.py). All of tests/unit are compiled
with warnings as errors and run: once with the C library of tools/cross.sh, once with glibc under UBSan,
alignment included. Programs for other machines run under qemu-user, that of tools/newer.sh if it is
there.

A target's row is replaced in the table, the rows of others stay. The exit code is 1 if anything failed.
What was built and said lies in build/cross.
"""
import glob, importlib.machinery, importlib.util, os, sys
from kit.lib import *
from kit import board

sys.path.append(ROOT + "/tests")  # where tests/run looks for modules
loader = importlib.machinery.SourceFileLoader("runner", "tests/run")
runner = importlib.util.module_from_spec(importlib.util.spec_from_loader("runner", loader))
loader.exec_module(runner)
runner.BUILD = BUILD = "build/cross"

UBSAN = "-fsanitize=undefined,alignment -fno-sanitize-recover=all"
TRAP = UBSAN + " -fsanitize-undefined-trap-on-error"  # without a library that says what was wrong
HERE = {"x86_64": ("x86_64", "i386"), "aarch64": ("arm64",)}  # what may run without qemu, by machine
NEWER = os.path.abspath("build/newer/bin")  # of tools/newer.sh
COLUMNS = ("target", "compiler", "C library", "run by", "http", "https", "unit tests", "UBSan", "KB", "KB, https")
BEGIN, END = "<!-- cross:begin -->", "<!-- cross:end -->"

started = time.monotonic()
say_lock, table_lock = threading.Lock(), threading.Lock()


def say(text):
    with say_lock:
        print("%5d s  %s" % (time.monotonic() - started, text), flush=True)


def sh(script, *args):
    """What a script says on standard output, with the functions of tools/targets.sh; None if it fails."""
    done = subprocess.run(["sh", "-c", ". tools/targets.sh; " + script, "sh", *args], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


class Sum:
    """Results of several programs with the same purpose."""

    def __init__(self):
        self.jobs = self.passed = self.failed = self.skipped = 0

    def add(self, job):
        self.jobs += 1
        self.passed += job.passed
        self.failed += job.failed
        self.skipped += job.skipped

    def __str__(self):
        return "%d / %d / %d" % (self.passed, self.failed, self.skipped) if self.jobs else "-"


class Target:
    def __init__(self, line):
        self.name, self.gnu, self.arch, self.qemu, self.musl, self.what = line.split(None, 5)
        self.dir = os.path.abspath("%s/%s" % (BUILD, self.name))
        self.cells = {column: "-" for column in COLUMNS}
        self.cells["target"] = self.name
        self.unit, self.ubsan, self.bad, self.left = Sum(), Sum(), [], 0

    def fail(self, what, why):
        self.bad.append(what)
        say("FAIL  %s %s\n%s\n---- end of %s %s" % (self.name, what, why, self.name, what))

    def build(self):
        """Builds what the user would build; true if there is something to run."""
        self.gcc = sh('find_target "$1" && find_gcc && echo "$gcc"', self.name)
        if not self.gcc:
            self.cells["compiler"] = "none in " + release()
            say("----  %s: no compiler" % self.name)
            return False
        version = subprocess.run([self.gcc, "-dumpfullversion"], capture_output=True, text=True).stdout.split(".")
        self.cells["compiler"] = "gcc " + ".".join(version[:2])
        os.makedirs(self.dir, exist_ok=True)
        self.programs = {}
        for name, source, options, column in (("mix", "every_request.c", [], "KB"),
                                              ("mix-tls", "every_request.c", ["--tls"], "KB, https"),
                                              ("tls", "tls_users.c", ["--tls"], None)):
            program = "%s/%s" % (self.dir, name)
            done = subprocess.run(["tools/cross.sh", self.name, PROGRAMS + source, *options, "-o", program],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                self.fail("build of " + name, done.stderr)
                if column:
                    self.cells[column] = "FAIL"
                continue
            self.programs[name] = program
            said = done.stdout.splitlines()[-1]
            self.cells["C library"] = re.search(r"static, ([^,]+)", said)[1]
            if column:
                self.cells[column] = "%d" % round(os.path.getsize(program) / 1000)
            say("built %s" % said[len(os.path.dirname(program)) + 1:].split(";")[0])
        self.run_by = self.find_runner()
        if self.run_by is None:
            for column in "http", "https", "unit tests", "UBSan":
                self.cells[column] = "only compiled" if column[0] == "h" else "-"
            say("----  %s: qemu-%s-static is missing, only compiled" % (self.name, self.qemu))
            return False
        self.native = not self.run_by
        return True

    def find_runner(self):
        """The words before a program of this target; None if it cannot run here."""
        if self.name in HERE.get(os.uname().machine, ()) and self.programs:
            with contextlib.suppress(OSError):
                program = next(iter(self.programs.values()))
                if subprocess.run([program, "--version"], capture_output=True).returncode == 0:
                    self.cells["run by"] = "this CPU"
                    return []
        qemu = shutil.which("qemu-%s-static" % self.qemu)
        if not qemu:
            return None
        version = subprocess.run([qemu, "--version"], capture_output=True, text=True).stdout
        self.cells["run by"] = "qemu " + re.search(r"version (\d+\.\d+)", version)[1]
        return [qemu]

    def jobs(self, pkis):
        """Yields functions to be called in any order, in threads."""
        slow = 1 if self.native else 10
        flags = ""
        if self.cells["C library"].startswith("musl"):
            flags = sh('tools/musl.sh "$1" | tail -n 1', self.name)
        library = subprocess.run([self.gcc, *UBSAN.split(), "-static", "-x", "c", "-", "-o", self.dir + "/ubsan"],
                                 input="int main(int n, char **v) { return 1 << n; }", capture_output=True, text=True)
        qemu = " ".join(self.run_by)
        runner.VARIANTS[self.name] = ("%s %s -O2 -static" % (self.gcc, flags), qemu, slow)
        runner.VARIANTS[self.name + "-ubsan"] = (
            "%s -O1 -static %s" % (self.gcc, UBSAN if library.returncode == 0 else TRAP), qemu, 3 * slow)
        self.note = "" if library.returncode == 0 else ", traps"
        tests = sorted(glob.glob("tests/unit/test_*.c"), key=os.path.getsize, reverse=True)  # the longest ones first
        for sum, variant in (self.unit, self.name), (self.ubsan, self.name + "-ubsan"):
            for path in tests:
                yield lambda sum=sum, variant=variant, path=path: self.unit_test(sum, variant, path)
        yield lambda: self.loads("http", pkis)
        yield lambda: self.loads("https", pkis)

    def do(self, job):
        job()
        with table_lock:
            self.left -= 1
            if not self.left:
                say("done  " + line(self.row()))
                update({self.name: self.row()})

    def unit_test(self, sum, variant, path):
        with open(path) as file:
            head = "".join(line for line, _ in zip(file, range(5)))
        job = runner.Job(path, variant, head).run()
        with say_lock:
            sum.add(job)
        if job.why:
            self.fail("%s (%s): %s" % (job.name, variant, job.why),
                      "\n".join(line for line in job.output.splitlines() if not line.startswith("ok "))[-6000:])
        else:
            say("pass  %-18s%-12s%4d tests, %d skipped, %6.1f s" % (
                variant, job.name, job.passed + job.skipped, job.skipped, job.seconds)
                + "".join("\n         " + l for l in job.output.splitlines() if l.startswith("skip ")))

    def loads(self, what, pkis):
        begin = time.monotonic()
        wants = ["mix"] if what == "http" else ["mix-tls", "tls"]
        if any(name not in self.programs for name in wants):
            self.cells[what] = "does not compile"
            return
        mix, *tls = [self.run_by + [self.programs[name]] for name in wants]
        dir = tempfile.mkdtemp(prefix=self.name + ".", dir=OUT)
        try:
            with board.Site(dir + "/site", pkis) as site:
                if what == "http":
                    site.load(mix, "http")
                else:
                    for name in site.servers:
                        if isinstance(name, tuple):
                            site.load(mix, name)
                    site.refuse(*tls)
                    site.transfer(*tls)
            self.cells[what] = "pass"
            say("pass  %-18s%-12sfigures as in nginx's log, %6.1f s" % (self.name, what, time.monotonic() - begin))
        except Skip as why:
            self.cells[what] = "not run: %s" % why
            say("----  %s %s: %s" % (self.name, what, why))
        except Exception as why:
            self.cells[what] = "FAIL"
            self.fail(what, str(why) if isinstance(why, AssertionError) else traceback.format_exc())
        shutil.rmtree(dir, ignore_errors=True)

    def row(self):
        if self.unit.jobs:
            self.cells["unit tests"] = str(self.unit)
            self.cells["UBSan"] = str(self.ubsan) + self.note
        return [self.cells[column] for column in COLUMNS]


# ---- the table ----

def release():
    with open("/etc/os-release") as f:
        found = dict(re.findall(r'^(\w+)="?([^"\n]*)', f.read(), re.M))
    return "%s %s" % (found.get("NAME", "Linux").split()[0], found.get("VERSION_ID", ""))


def line(cells):
    return "| %s |" % " | ".join(cells)


def update(rows):
    """Replaces rows of the table in README.md, {target: cells}; the text of the table."""
    with open("README.md") as f:
        text = f.read()
    before, rest = text.split(BEGIN + "\n", 1)
    old, after = rest.split(END, 1)
    lines = {cells[0]: cells for cells in
             ([cell.strip() for cell in row.strip("| ").split("|")] for row in old.splitlines()
              if row.startswith("| ")) if len(cells) == len(COLUMNS)}
    lines.update(rows)
    table = [line(COLUMNS), line(["---"] * len(COLUMNS))]
    table += [line(lines[name]) for name in names() if name in lines]
    table = "\n".join(table) + "\n"
    if table != old:
        with open("README.md", "w") as f:
            f.write(before + BEGIN + "\n" + table + END + after)
    return table


def names():
    return [row.split()[0] for row in sh("targets").splitlines()]


def main():
    targets = {target.name: target for target in map(Target, sh("targets").splitlines())}
    words = []
    for word in sys.argv[1:]:
        words += [name for name, target in targets.items() if word in (name, target.gnu)] or sys.exit(
            "cross.py: there is no target \"%s\": tools/cross.sh list prints them" % word)
    targets = {name: target for name, target in targets.items() if not words or name in words}
    os.makedirs(OUT, exist_ok=True)
    os.makedirs(BUILD, exist_ok=True)
    os.environ["PATH"] = NEWER + ":" + os.environ["PATH"]
    signal.signal(signal.SIGINT, runner.interrupt)
    signal.signal(signal.SIGTERM, runner.interrupt)
    pool = concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    try:
        pkis = board.make_pkis(OUT + "/pki")
        futures = []
        for target in targets.values():  # builds of the next run beside the tests of the last
            jobs = list(target.jobs(pkis)) if target.build() else []
            target.left = len(jobs)
            futures += [pool.submit(target.do, job) for job in jobs]
            if not jobs:
                with table_lock:
                    update({target.name: target.row()})
        for future in futures:
            future.result()
    except KeyboardInterrupt:
        with runner.running_lock:
            for process in runner.running:
                runner.stop_group(process)
        pool.shutdown(cancel_futures=True)
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(OUT, ignore_errors=True)
    print(update({}), end="")
    bad = ["%s: %s" % (target.name, what) for target in targets.values() for what in target.bad]
    print("\n".join(["failed:"] + bad) if bad else "all passed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
