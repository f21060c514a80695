#!/usr/bin/env python3
"""make bench B=http: requests a second and CPU for each request, beside wrk and others.

Every generator has the first core, the server the last: nginx (one process) or tools/target. They take
turns, in rounds, over 1, 64, 1,000 and 10,000 keep-alive connections, asking for 12 bytes ("hello\\n" of
target: 6) and for 16 KB. "bare" is programs/bare_epoll.c, an epoll loop that sends fixed bytes and counts replies:
the least that there is; "stamped" is the same with the kernel's times of arrival, from which the kit
computes response times; "as read" is the kit without them. The kit runs its user model and all
statistics.

A window begins when all connections are open. In it, requests are the server's own count (stub_status,
/count), CPU is what the scheduler accounts to all threads of the generator and of the server, so that
neither start nor end is in it. The user part is sampled by the kernel's tick: good to a tenth. Response
times are what each generator prints of its whole run: bare and h2load print no percentiles.

Medians over the rounds are printed; ratios are medians of each round's. h2load, hey, ab and Locust take
part in the first round alone, hey and Locust at up to 1,000 connections; 16 KB are asked of nginx alone,
over 64 connections, and target has 64 and 1,000. --full has all in all rounds. "limit" is who had no CPU left.

The table in README.md is brought up to date by a run without arguments, or with --full.

Usage: bench_http.py [--rounds 3] [--seconds 0.5] [--full] [--servers nginx,target]
                     [--connections 1,64] [--bytes 12,16384] [--tools kit,bare,wrk]
"""
import argparse
import os
import platform
import re
import shutil
import signal
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
from benches import (ROOT, Nginx, Running, Target, compile_test, compile_program, median, nanoseconds,
                     user_share)

BIG = 16384
FEW_ROUNDS = ("h2load", "hey", "ab", "Locust")
SLOW, SLOW_MOST = ("hey", "Locust"), 1000  # the start of more takes longer than a round
AIM_BARE, AIM_LOCUST, AIM_GROWTH = 1.10, 20, 1.3
AIM_WRK = {64: 0.92, 1000: 0.85}
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

KIT = """#include "locust.h"
static void get(locust_user *u) { locust_get(u, "%s"); }
LOCUST_USER(Visitor, .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = { &Visitor })
"""

LOCUSTFILE = """from locust import FastHttpUser, task
class Visitor(FastHttpUser):
    @task
    def get(self):
        self.client.get("%s")
"""


class BenchNginx(Nginx):
    name, small = "nginx", "/"

    def servers(self):
        with open(self.dir + "/big", "w") as f:
            f.write("x" * BIG)
        return super().servers()[:-1] + f"""
    location = /big {{ root {self.dir}; open_file_cache max=10; }} location = /count {{ stub_status; }} }}"""

    big = "/big"

    def requests(self):
        text = urllib.request.urlopen(self.url + "/count", timeout=60).read().decode()
        return int(text.split("\n")[2].split()[2])


class BenchTarget(Target):
    name, small, big = "target", "/", f"/size/{BIG}"

    def requests(self):
        return int(urllib.request.urlopen(self.url + "/count", timeout=60).read())


# ---- the generators ----

class Tool:
    """name, command(server, path, connections), and how p50 and p99 stand in its output, in what unit."""

    def __init__(self, name, program, command, percentiles=None, unit_ms=1.0):
        self.name, self.program, self.command = name, program, command
        self.percentiles, self.unit_ms = percentiles, unit_ms

    def times(self, text):
        """(p50, p99) in ms, or None."""
        found = self.percentiles and re.search(self.percentiles, text, re.S)
        return [self.milliseconds(v) for v in found.groups()] if found else None

    def milliseconds(self, text):
        number, unit = re.fullmatch(r"([\d.]+)(\w*)", text).groups()
        return float(number) * {"": self.unit_ms, "us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}[unit]


def tools(folder):
    def kit(server, path, n, *flags):
        name = "bench_http_kit" + re.sub(r"\W", "_", path)
        program = os.path.join(ROOT, "build", name)
        if name not in built:
            compile_test(name, KIT % path)
            built.add(name)
        # (A server that accepts one connection a turn is not to lose any to a full queue.)
        return [program, "--headless", "-u", str(n), "-r", str(min(n, 2500)), "-H", server.url, "--compact",
                "--only-summary", "-L", "ERROR", *flags]

    def locust(server, path, n):
        file = os.path.join(folder, "locustfile.py")
        with open(file, "w") as f:
            f.write(LOCUSTFILE % path)
        return ["locust", "-f", file, "--headless", "-u", str(n), "-r", str(n), "-H", server.url,
                "--only-summary", "-L", "ERROR"]

    built = set()
    bare = compile_program("bare_epoll")
    return [
        Tool("bare", bare, lambda server, path, n: [bare, server.url + path, str(n), "600"]),
        Tool("stamped", bare, lambda server, path, n: [bare, server.url + path, str(n), "600", "stamps"]),
        Tool("kit", "cc", kit, r"total .* p50=(\S+) .* p99=(\S+)"),
        Tool("as read", "cc", lambda server, path, n: kit(server, path, n, "--no-arrival-times"),
             r"total .* p50=(\S+) .* p99=(\S+)"),
        Tool("wrk", "wrk", lambda server, path, n: [
            "wrk", "-t1", f"-c{n}", "-d600s", "--latency", server.url + path], r"50% +(\S+).* 99% +(\S+)"),
        Tool("h2load", "h2load", lambda server, path, n: [
            "h2load", "--h1", "-t1", f"-c{n}", "-D600", server.url + path]),
        Tool("hey", "hey", lambda server, path, n: [
            "hey", "-cpus", "1", "-c", str(n), "-z", "600s", server.url + path],
            r"50% in (\S+) secs.* 99% in (\S+) secs", 1000.0),
        Tool("ab", "ab", lambda server, path, n: [
            "ab", "-q", "-k", "-r", "-c", str(n), "-t", "600", "-n", "20000000", server.url + path],
            r"50% +(\d+).* 99% +(\d+)"),
        Tool("Locust", "locust", locust, r"Aggregated +([\d.]+)(?: +[\d.]+){6} +([\d.]+)"),
    ]


# ---- measuring ----

class Sample:
    """A window: requests/s, us of CPU and of it user, both sides' share of a core, p50 and p99."""

    def __init__(self, tool, server, path, n, seconds):
        folder = f"/proc/{server.process.pid}/fd"
        most = len(os.listdir(folder)) + n
        with Running(tool.command(server, path, n)) as generator:
            pids = generator.process.pid, server.process.pid
            if not generator.wait_for(lambda: len(os.listdir(folder)) >= most, 120):
                sys.exit(f"bench: {tool.name} ended:\n{generator.text()}")
            time.sleep(0.2 + n / 20000)

            def sample():
                return (server.requests(), *map(nanoseconds, pids), *user_share(pids[0]), time.monotonic())
            first = sample()
            time.sleep(seconds)
            requests, cpu, served, user, ticks, wall = (b - a for a, b in zip(first, sample()))
            requests = max(1, requests - 1)  # the count itself is one
            self.rate, self.cpu = requests / wall, cpu / requests / 1e3
            self.user = self.cpu * user / max(1, ticks)
            self.busy, self.server = cpu / wall / 1e9, served / wall / 1e9
            self.times = self.ask_for_times(tool, generator)
        deadline = time.monotonic() + 20
        while len(os.listdir(folder)) > most - n and time.monotonic() < deadline:
            time.sleep(0.01)  # until the server has seen all connections end

    @staticmethod
    def ask_for_times(tool, generator):
        if not tool.percentiles:
            return None
        generator.process.send_signal(signal.SIGINT)
        generator.wait_for(lambda: False)
        return tool.times(generator.text())


class Cell:
    """All samples of one server, size and number of connections: {tool: [one for each round]}."""

    def __init__(self, server, size, connections):
        self.server, self.size, self.connections, self.samples = server, size, connections, {}

    def median(self, tool, value):
        values = [getattr(s, value) for s in self.samples.get(tool, [])]
        return median(values) if values else None

    def times(self, tool):
        both = [s.times for s in self.samples.get(tool, []) if s.times]
        return [median(column) for column in zip(*both)] if both else None

    def ratio(self, a, b, value="cpu"):
        """Median of a / b, round by round; None if they never met."""
        pairs = zip(self.samples.get(a, []), self.samples.get(b, []))
        ratios = [getattr(x, value) / getattr(y, value) for x, y in pairs]
        return median(ratios) if ratios else None

    def print(self):
        print(f"\n{self.server}, {self.size} bytes, {self.connections} connections")
        print(f"{'':8}{'req/s':>8}{'CPU us':>8}{'user us':>8}{'/ bare':>8}{'/ wrk':>8}{'p50 ms':>9}"
              f"{'p99 ms':>9}{'generator':>11}{'server':>8}  limit")
        for tool in self.samples:
            times = self.times(tool)
            text = f"{times[0]:9.3g}{times[1]:9.3g}" if times else f"{'-':>9}{'-':>9}"
            ratios = "".join(f"{r:8.2f}" if r else f"{'-':>8}"
                             for r in (self.ratio(tool, "bare"), self.ratio(tool, "wrk")))
            busy, server = self.median(tool, "busy"), self.median(tool, "server")
            limit = " and ".join(name for name, share in (("generator", busy), ("server", server)) if share > 0.93)
            print(f"{tool:8}{self.median(tool, 'rate'):8.0f}{self.median(tool, 'cpu'):8.2f}"
                  f"{self.median(tool, 'user'):8.2f}{ratios}{text}{busy:11.0%}{server:8.0%}  {limit or '-'}")
        sys.stdout.flush()


def measure(args, found, servers):
    cells = []
    for server in servers:
        with server() as at:
            for size in args.bytes:
                for n in args.connections:
                    few = n == 64 if size >= BIG else at.name == "nginx" or n in AIM_WRK
                    if not args.full and (not few or (size >= BIG and at.name == "target")):
                        continue
                    cell = Cell(at.name, size, n)
                    for turn in range(args.rounds):
                        for tool in found:
                            if turn and tool.name in FEW_ROUNDS and not args.full:
                                continue
                            if tool.name in SLOW and n > SLOW_MOST and not args.full:
                                continue
                            path = at.small if size < BIG else at.big
                            sample = Sample(tool, at, path, n, args.seconds)
                            cell.samples.setdefault(tool.name, []).append(sample)
                    cell.print()
                    cells.append(cell)
    return cells


def aims(cells):
    """Sentences on what the kit should reach."""
    print("\naims, small answers")
    grown = {}
    for cell in cells:
        if cell.size >= BIG:
            continue
        of = f"{cell.server}, {cell.connections} connections"

        def say(what, value, aim, atmost=True):
            if value is not None:
                good = value <= aim if atmost else value >= aim
                print(f"{'yes' if good else 'NO':4}{of}: {what} {value:.2f} ({'at most' if atmost else 'at least'} {aim})")

        say("CPU of a request, kit / bare", cell.ratio("kit", "bare"), AIM_BARE)
        if cell.connections in AIM_WRK:
            say("CPU of a request, kit / wrk", cell.ratio("kit", "wrk"), AIM_WRK[cell.connections])
        if cell.connections == 64:
            say("requests for the same CPU, kit / Locust", cell.ratio("Locust", "kit"), AIM_LOCUST, False)
        grown[cell.server, cell.connections] = cell.ratio("kit", "bare")
        if cell.connections == 10000 and grown.get((cell.server, 64)):
            say("kit / bare, against that at 64", grown[cell.server, 10000] / grown[cell.server, 64], AIM_GROWTH)


# ---- README.md ----

def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"(?:model name|Model|uarch)\s*:\s*(.*)", f.read())
    name = re.sub(r"\s+", " ", model[1]).strip() if model else platform.machine()
    return f"{os.cpu_count()} x {name}, Linux {platform.release().split('-')[0]}"


def table(cells, found, missing):
    """The small answers of nginx, and its big ones at 64, in Markdown."""
    mine = [c for c in cells if c.server == "nginx" and (c.size < BIG or c.connections == 64)]
    at64 = next(c for c in mine if c.connections == 64 and c.size < BIG)

    def number(value, form=".2f"):
        return format(value, form) if value is not None else "-"
    columns = [f"{c.connections:,}" + (", 16 KB" if c.size >= BIG else "") for c in mine]
    lines = [f"{machine()}; nginx on another core. CPU us of a request, by connections; requests/s, p50 and "
             f"p99 in ms at 64:", "",
             "| | " + " | ".join(columns) + " | requests/s | p50 | p99 |", "| --- |" + " ---: |" * (len(columns) + 3)]
    for tool in found:
        times = at64.times(tool.name) or (None, None)
        name = {"kit": "locust.h", "Locust": "Locust, FastHttpUser", "bare": "bare epoll loop",
                "stamped": "the same, with times of arrival",
                "as read": "locust.h, `--no-arrival-times`"}.get(tool.name, tool.name)
        lines.append(f"| {name} | " + " | ".join(number(c.median(tool.name, "cpu"), ".3g") for c in mine) +
                     f" | {at64.median(tool.name, 'rate'):,.0f} | {number(times[0], '.3g')} | {number(times[1], '.3g')} |")
    if missing:
        lines += ["", "Not installed: " + ", ".join(missing) + "."]
    return "\n".join(lines) + "\n"


def update_readme(text):
    path = os.path.join(ROOT, "README.md")
    with open(path) as f:
        before, rest = f.read().split(BEGIN + "\n", 1)
    with open(path, "w") as f:
        f.write(before + BEGIN + "\n" + text + END + rest.split(END, 1)[1])


def numbers(text):
    return [int(word) for word in text.split(",")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--servers", default="nginx,target")
    parser.add_argument("--connections", type=numbers, default=[1, 64, 1000, 10000])
    parser.add_argument("--bytes", type=numbers, default=[12, BIG])
    parser.add_argument("--tools", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="locust-bench-") as folder:
        listed = [t for t in tools(folder) if not args.tools or t.name in args.tools.split(",")]
        found = [t for t in listed if shutil.which(t.program)]
        missing = [t.name for t in listed if t not in found]
        servers = [s for s in (BenchNginx, BenchTarget) if s.name in args.servers.split(",")]
        print(f"{machine()}; {args.rounds} rounds of {args.seconds} s")
        for name in missing:
            print(f"{name}: not installed")
        cells = measure(args, found, servers)
    aims(cells)
    if set(sys.argv[1:]) <= {"--full"}:
        text = table(cells, found, missing)
        print("\n" + text)
        update_readme(text)


main()
