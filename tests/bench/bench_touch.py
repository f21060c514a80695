#!/usr/bin/env python3
"""make bench B=touch: what memory of its user a request touches, in cache lines of 64 bytes.

    tests/bench/bench_touch.py [HEADER...]    beside this header others: paths, or revisions of git

Eight users ask nginx for 12 bytes over a kept connection each; valgrind (lackey) writes down every load
and store. All users touch what they share in each of their requests; a line that is touched again only
after the other users have had their turns is one user's own: of its stack, its block, its answer. Counted
is how often that happens, for each request; beside it all lines that are not the program's text. Neither
depends on how busy the machine is.
"""
import collections
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from benches import BUILD, ROOT, Nginx

USERS, REQUESTS, LINE = 8, 40, 64  # REQUESTS of each user
OTHERS = USERS // 2  # turns of other users between two of one's own, at least
TEST = """#include "%s"
static void get(locust_user *u) { locust_get(u, "/"); }
LOCUST_USER(Visitor, .tasks = LOCUST_TASKS(LOCUST_TASK(get)), .iterations = %d);
LOCUST_MAIN(.users = { &Visitor })
"""


def header_of(what):
    """The path of a header: itself, or what git has of a revision."""
    if os.path.exists(what):
        return os.path.abspath(what)
    path = os.path.join(BUILD, f"bench_touch_{re.sub(r'[^A-Za-z0-9]', '_', what)}.h")
    with open(path, "w") as file:
        subprocess.check_call(["git", "-C", ROOT, "show", what + ":locust.h"], stdout=file)
    return path


def build(header, name):
    """A static program, so that the addresses of nm are those that run."""
    path = os.path.join(BUILD, "bench_touch_" + name)
    with open(path + ".c", "w") as file:
        file.write(TEST % (header, REQUESTS))
    subprocess.check_call([os.environ.get("CC", "cc"), "-O2", "-static", path + ".c", "-o", path],
                          stderr=subprocess.DEVNULL)  # static programs and getaddrinfo
    symbols = subprocess.check_output(["nm", path], text=True)
    return path, int(re.search(r"^(\w+) \w recvmsg$", symbols, re.M)[1], 16)


def count(program, recvmsg, url):
    """(lines of its own, all lines) that a request touches."""
    read = f"{recvmsg:x}"
    last, turn, own, both = {}, 0, collections.Counter(), collections.Counter()
    command = ["valgrind", "--tool=lackey", "--trace-mem=yes", "--log-fd=9", program, "--headless", "-u", str(USERS),
               "-r", str(USERS), "-H", url, "--only-summary", "-L", "ERROR"]
    out, into = os.pipe()
    os.dup2(into, 9)
    os.close(into)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, pass_fds=[9]) as process, open(out) as trace:
        os.close(9)
        for text in trace:
            if text.startswith("I"):
                turn += text[3:].split(",")[0].lstrip("0") == read
            elif text.startswith(" "):
                at, size = text[3:].split(",")
                for line in range(int(at, 16) // LINE, (int(at, 16) + int(size) - 1) // LINE + 1):
                    gap = turn - last.get(line, turn)
                    own[turn] += gap > OTHERS and gap < 2 * USERS
                    both[turn] += gap > 0
                    last[line] = turn
    if process.returncode:
        sys.exit(f"bench: {program} ended with {process.returncode}")
    some = range(10 * USERS, turn - 4 * USERS)  # all users are there, and none has ended
    return sum(own[t] for t in some) / len(some), sum(both[t] for t in some) / len(some)


def main():
    headers = {"locust.h": ROOT + "/locust.h", **{name: header_of(name) for name in sys.argv[1:]}}
    print(f"cache lines that a request touches, {USERS} users on kept connections")
    print(f"{'':20}{'of its user':>14}{'all':>8}")
    with Nginx() as nginx:
        for i, (name, header) in enumerate(headers.items()):
            own, both = count(*build(header, str(i)), nginx.url)
            print(f"{name[-20:]:20}{own:14.1f}{both:8.1f}")
            sys.stdout.flush()


main()
