#!/usr/bin/env python3
"""make bench B=light: what a user that waits costs, beside another header.

    tests/bench/bench_light.py [--header PATH] [--rounds N] [ROW...]
    make bench B=light [OLDER=PATH]

tests/bench/light.c is compiled by -O2 with this header and with another one: a file, or a revision that git
has. Each row measures both in turn, which goes first alternating, and prints the median of each, the median
of the ratios (this header's to the other's) with the least and the most, and the aim. Without words all rows
are measured.

Resident bytes are VmRSS when nothing changes any more, less that of a process with one user, for each user
more; the kernel's own memory for a socket is not in them. CPU is what the scheduler accounts to the process.
A row is a function of a Build; see ROWS.
"""
import argparse
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../whole/kit"))
import certs
from benches import ROOT, Nginx, Running, Target, median, nanoseconds, resident

OTHER = "c31f519"  # users that have a stack each, of a page at least, all their life
TLS_LIBS = ("-lmbedtls", "-lmbedx509", "-lmbedcrypto")


class Build:
    """light.c and one header."""

    def __init__(self, name, header, folder):
        self.name, self.folder = name, os.path.join(folder, name)
        self.base = {}  # resident bytes of a process with one user
        os.mkdir(self.folder)
        with open(self.folder + "/locust.h", "wb") as f:
            f.write(header)
        self.plain = self.compile("plain")

    @functools.cached_property
    def tls(self):
        """None: this machine has no mbedTLS."""
        try:
            return self.compile("tls", "-DLOCUST_TLS", libs=TLS_LIBS)
        except subprocess.CalledProcessError:
            return None

    def compile(self, name, *flags, source="tests/bench/light.c", libs=()):
        """A program of the tree, compiled with the header."""
        path = f"{self.folder}/{name}"
        subprocess.run([os.environ.get("CC", "cc"), "-O2", *flags, "-I" + self.folder, f"{ROOT}/{source}", "-o", path, *libs],
                       check=True, capture_output=bool(libs))
        return path

    def run(self, cls, users, url="http://127.0.0.1:1", *more, tls=False):
        return Running([self.tls if tls else self.plain, cls, "--headless", "-u", str(users), "-r", "5000" if more or
                        cls == "Visitor" else "100000", "-H", url, "--only-summary", "-L", "ERROR", "--stop-timeout",
                        "0", *more], {"BENCH_USERS": str(users)})


def ready(generator, seconds=120):
    if not generator.wait_for(lambda: "ready" in generator.text(), seconds):
        sys.exit(f"bench: the generator ended:\n{generator.text()}")


def settled(generator):
    """Resident bytes when nothing has changed for three seconds: what a burst took has gone back then."""
    last, since = -1, time.monotonic()
    while time.monotonic() < since + 3:
        now = resident(generator.process.pid)
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.2)
    return last


def user_bytes(build, cls, users, url="http://127.0.0.1:1", *more, tls=False):
    def measure(n):
        with build.run(cls, n, url, *more, tls=tls) as generator:
            ready(generator)
            return settled(generator)
    if (cls, tls) not in build.base:
        build.base[cls, tls] = measure(1)
    return (measure(users) - build.base[cls, tls]) / (users - 1)


class Servers:
    """Started when a row asks for them, ended with the bench."""

    def __init__(self):
        self.started = {}

    def url(self, kind):
        if kind not in self.started:
            self.started[kind] = (Https() if kind == "https" else Target()).__enter__()
        return self.started[kind].url

    def stop(self):
        for server in self.started.values():
            server.__exit__(None, None, None)


class Https(Nginx):
    NAMES = ("http", "https")

    def __init__(self):
        folder = tempfile.mkdtemp(prefix="locust-bench-")
        pki = certs.Pki(f"{folder}/pki", "ec")
        self.root, self.leaf = pki.root, pki.leaf("good", san="DNS:localhost,IP:127.0.0.1")
        super().__init__(folder)
        self.url = f"https://127.0.0.1:{self.port['https']}"

    def servers(self):
        return f"""server {{ listen 127.0.0.1:{self.port["http"]}; return 200 "x"; }}
  server {{ listen 127.0.0.1:{self.port["https"]} ssl backlog=4096; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate {self.leaf.chain}; ssl_certificate_key {self.leaf.key};
    location / {{ return 200 "hello world\\n"; }} }}"""


servers = Servers()


def sleeping(build, users=10000):
    return user_bytes(build, "Sleeper", users)


def sleeping_100k(build):
    return sleeping(build, 100000)


def idle(build):
    return user_bytes(build, "Visitor", 10000, servers.url("http"))


def idle_tls(build):
    if not build.tls:
        return None
    url = servers.url("https")
    return user_bytes(build, "Visitor", 4000, url, "--cacert", servers.started["https"].root, tls=True)


def think(build, users=10000, seconds=5):
    """Microseconds of CPU of a request of users that send one a second."""
    url = servers.url("http")

    def answered():
        return int(subprocess.check_output(["curl", "-s", url + "/count"], text=True))
    with build.run("Thinker", users, url) as generator:
        ready(generator)
        time.sleep(1)
        before = answered(), nanoseconds(generator.process.pid)
        time.sleep(seconds)
        after = answered(), nanoseconds(generator.process.pid)
        return (after[1] - before[1]) / 1e3 / (after[0] - before[0] - 1)


def instructions(build, users=64, seconds=3):
    """In user space, of a keep-alive request: what the longer of two runs took beyond the shorter one."""
    import bench_syscalls as counts
    if not shutil.which("valgrind"):
        return None
    if "counted" not in servers.started:
        servers.started["counted"] = counts.Counted().__enter__()
    nginx = servers.started["counted"]

    def command(s):
        return [build.plain, "Busy", "--headless", "-u", str(users), "-r", str(users), "-t", f"{s}s", "-H", nginx.url,
                "--only-summary", "-L", "ERROR"]
    return counts.by_request(nginx, command, counts.instructions, seconds=seconds)["instructions"]


ROWS = {  # what it says, the function, the aim for the ratio
    "sleeping": ("resident bytes of a sleeping user, 10,000", sleeping, 0.2),
    "sleeping-100k": ("resident bytes of a sleeping user, 100,000", sleeping_100k, 0.2),
    "idle": ("resident bytes, plain idle connection, 10,000", idle, 0.36),
    "idle-tls": ("resident bytes, TLS idle connection, 4,000", idle_tls, 0.073),
    "think": ("CPU us of a request, 10,000 users, 1 s think time", think, 0.85),
    "instructions": ("instructions of a request, 64 connections", instructions, 0.55),
}


def other_header(name):
    if os.path.isfile(name):
        with open(name, "rb") as f:
            return f.read()
    done = subprocess.run(["git", "-C", ROOT, "show", name + ":locust.h"], capture_output=True)
    if done.returncode:
        sys.exit(f"bench_light.py: {name} is neither a file nor a revision that git has")
    return done.stdout


def row(name, builds, rounds):
    what, measure, aim = ROWS[name]
    values = {build.name: [] for build in builds}
    for i in range(rounds):
        for build in builds[::-1 if i % 2 else 1]:
            value = measure(build)
            if value is None:
                print(f"{what:52} left out: this machine lacks what it needs", flush=True)
                return
            values[build.name].append(value)
    ratios = [new / old for new, old in zip(values["new"], values["old"])]
    print(f"{what:52} {median(values['new']):9,.1f} {median(values['old']):9,.1f} {median(ratios):7.3f} "
          f"{min(ratios):7.3f} {max(ratios):7.3f}  {aim:.3f}{'' if median(ratios) <= aim else ' missed'}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--header", default=os.environ.get("OLDER") or OTHER)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    args = parser.parse_args()
    for word in args.rows:
        if word not in ROWS:
            sys.exit(f"bench_light.py: there is no row \"{word}\": " + " ".join(ROWS))
    with tempfile.TemporaryDirectory(prefix="locust-bench-") as folder:
        builds = [Build("new", other_header(ROOT + "/locust.h"), folder),
                  Build("old", other_header(args.header), folder)]
        print(f"beside the header of {args.header}, {args.rounds} rounds, medians\n"
              f"{'':52} {'this':>9} {'other':>9} {'ratio':>7} {'least':>7} {'most':>7}  aim", flush=True)
        try:
            for name in args.rows or ROWS:
                row(name, builds, args.rounds)
        finally:
            servers.stop()


main()
