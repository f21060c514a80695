#!/usr/bin/env -S python3 -B
"""tools/join.py: parts to header and back, on the project's own header in a repository of the test's own,
and leaving parts out, on a small header of its own."""
import os, shutil, subprocess, sys

from kit.lib import *

PART = "tools/header/5-http/cookie.c"
OTHER = "tools/header/4-net/dns.c"
LINE = "static"  # each part has a line that begins so


def run(dir, *command):
    done = subprocess.run(command, cwd=dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def repository(dir):
    """A fresh clone of header, parts and tool, committed."""
    os.makedirs(dir + "/tools")
    shutil.copytree("tools/header", dir + "/tools/header")
    shutil.copy("tools/join.py", dir + "/tools/join.py")
    shutil.copy("locust.h", dir + "/locust.h")
    for command in ("init -q", "add -A", "-c user.name=a -c user.email=a@example.test commit -qm a"):
        check(run(dir, "git", *command.split())[0] == 0, command)
    return dir


def text(path):
    with open(path) as file:
        return file.read()


def edit(path, old, new):
    """Replaces the first `old` in a file; what stood there before and stands there now."""
    was = text(path)
    check(old in was, "%s has no %r" % (path, old))
    with open(path, "w") as file:
        file.write(was.replace(old, new, 1))
    return was, text(path)


def a_line_of(path):
    return next(line for line in text(path).splitlines(True) if line.startswith(LINE))


@test("the joined header is current")
def _(dir):
    same(run(ROOT, "tools/join.py", "--check", "locust.h"), (0, ""))


@test("an edited part is joined, and --check says where until then")
def _(dir):
    repository(dir)
    edit(dir + "/" + PART, a_line_of(PART), "/* new */\n" + a_line_of(PART))
    code, said = run(dir, "tools/join.py", "--check", "locust.h")
    check(code == 1 and PART + ":" in said and "locust.h:" in said, said)
    same(run(dir, "tools/join.py", "--update", "locust.h"), (0, ""))
    same(run(dir, "tools/join.py", "--check", "locust.h"), (0, ""))
    edit(dir + "/" + PART, "/* new */\n", "/* newer */\n")  # again, the header being changed by now
    same(run(dir, "tools/join.py", "--update", "locust.h"), (0, ""))
    check("/* newer */\n" in text(dir + "/locust.h"), "the second edit is not in the header")


@test("an edited header is taken back into the right parts")
def _(dir):
    repository(dir)
    first, second = a_line_of(PART), a_line_of(OTHER)
    header = text(dir + "/locust.h")
    check(header.count(first) == 1 and header.count(second) == 1, "choose other lines")
    edit(dir + "/locust.h", first, "/* one */\n/* two */\n" + first)
    edit(dir + "/locust.h", second, "/* three */\n")
    code, said = run(dir, "tools/join.py", "--update", "locust.h")
    check(code == 0 and PART in said and OTHER in said, said)
    same(text(dir + "/" + PART), text(PART).replace(first, "/* one */\n/* two */\n" + first, 1))
    same(text(dir + "/" + OTHER), text(OTHER).replace(second, "/* three */\n", 1))
    same(run(dir, "git", "status", "--porcelain")[1].split(),
         ["M", "locust.h", "M", OTHER, "M", PART, "??", "build/"])


@test("where both were edited, the lines are named and nothing is written")
def _(dir):
    repository(dir)
    part = edit(dir + "/" + PART, a_line_of(PART), "/* mine */\n" + a_line_of(PART))[1]
    header = edit(dir + "/locust.h", a_line_of(OTHER), "/* yours */\n" + a_line_of(OTHER))[1]
    code, said = run(dir, "tools/join.py", "--update", "locust.h")
    check(code != 0 and PART + ":" in said and OTHER + ":" in said and "nothing was written" in said, said)
    same(text(dir + "/" + PART), part)
    same(text(dir + "/locust.h"), header)


@test("--where names the part and line of each line")
def _(dir):
    wanted = a_line_of(PART)
    number = text("locust.h").splitlines(True).index(wanted) + 1
    code, said = run(ROOT, "tools/join.py", "--where", "locust.h:%d" % number)
    path, line = said.strip().rsplit(":", 1)
    same((code, path, text(path).splitlines(True)[int(line) - 1]), (0, PART, wanted))
    for wrong in ("locust.h:0", "locust.h:99999999", "locust.h"):
        code, said = run(ROOT, "tools/join.py", "--where", wrong)
        check(code == 1 and "takes locust.h:LINE" in said, said)


@test("--without leaves a part out, unless another one uses it")
def _(dir):
    for name, uses in (("bson", ""), ("mongodb", " * Uses        >>bson\n"), ("mqtt", "")):
        with open("%s/%s.c" % (dir, name), "w") as file:
            file.write("/* ===\n * >>%s  x\n *\n%s * === */\nint %s;\n" % (name, uses, name))
    with open(dir + "/all.h", "w") as file:
        file.write("".join('#include "%s.c"\n' % name for name in ("bson", "mongodb", "mqtt")))
    tool = ["env", "TOP=" + dir, ROOT + "/tools/join.py"]
    code, said = run(dir, *tool, "--without", "mongodb,bson")
    check(code == 0 and "int mqtt;" in said and "int mongodb;" not in said and "int bson" not in said, said)
    code, said = run(dir, *tool, "--without", "bson")
    check(code == 1 and said == "join.py: cannot leave out bson: mongodb.c uses it\n", said)
    code, said = run(dir, *tool, "--without", "mqqt")
    check(code == 1 and said == "join.py: there is no part \"mqqt\"\n", said)


main(parallel=4)
