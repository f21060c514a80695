#!/usr/bin/env python3
"""make bench B=tls: https beside wrk and h2load, handshakes, and resident memory for each user.

All load one nginx process on the last core from the first core. Certificates are made fresh: root,
intermediate and leaf, ECDSA P-256 (and RSA 2048 for one line of handshakes); every cipher suite is
AES-128-GCM. The kit is built with the system's mbedTLS, with Debian's 3.6 and with that of tools/mbedtls.sh; where another
header is named (`git show c31f519:locust.h >FILE`), by that one too: the ratio to it is the median of each round's.

Requests: 1,000 keep-alive users. The window begins when the server has answered each connection
once, so no handshake is in it. Requests are nginx's own count (stub_status), CPU is what the kernel
accounts to all threads of the generator (schedstat) in the window; rounds are interleaved, medians
printed, the ratio to wrk is the median of each round's.
Handshakes: 1,000 users, a request each; then all close their connections and request again, some
times over. CPU is the test's own clock of process time and holds all there is: socket, handshake,
request. "step" is what the kit says of the handshake itself.
Memory: users with one open connection and nothing to do; VmRSS less that of one such user. "plain" is the same over
http, which shows what TLS itself adds.

Usage: bench_tls.py [rounds] [seconds] [FILE: another locust.h] [requests|handshakes|memory ...]
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../whole/kit"))
import certs
from benches import BUILD, ROOT, Nginx, Running, all_cpu, compile_test, median, nanoseconds, resident

USERS = 1000
OTHER = sys.argv[3] if len(sys.argv) > 3 else ""
WANTED = sys.argv[4:] or ["requests", "handshakes", "memory"]
REOPENED = 3  # times, in one round
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 3
IDLE = (1, 1000, 10000)
AIM_RATIO, AIM_OTHER, AIM_FULL, AIM_RESUMED, AIM_BYTES, AIM_ABOVE = 0.85, 0.9, 2.5, 0.4, 3000, 500

KIT = r"""#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int users, opened, rounds;
static double cpu0, wall0;

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void get(locust_user *u)
{
    locust_response *r = locust_get(u, "/");
    if (r->status != 200) {
        fprintf(stderr, "FAILED %s\n", r->error);
        exit(3);
    }
}

static void open_one(locust_user *u)
{
    get(u);
    if (++opened % users == 0) {
        double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
        fprintf(stderr, "OPENED cpu=%.4f wall=%.4f\n", cpu - cpu0, wall - wall0);
        cpu0 = cpu, wall0 = wall;
    }
}

static void reopen(locust_user *u)
{
    for (int i = 1; i <= rounds; i++) {
        while (opened < i * users)
            locust_sleep(u, 0.5);
        locust_close_connections(u);
        open_one(u);
    }
    if (opened == (rounds + 1) * users)
        locust_stop_test(u);
    locust_sleep(u, 1000);
}

static void idle(locust_user *u) { (void)u; }

static void begin(locust_env *env)
{
    (void)env;
    users = atoi(getenv("BENCH_USERS"));
    rounds = atoi(getenv("BENCH_ROUNDS"));
    wall0 = seconds(CLOCK_MONOTONIC);
}

LOCUST_USER(Busy, .on_start = open_one, .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_USER(Reopen, .on_start = open_one, .tasks = LOCUST_TASKS(LOCUST_TASK(reopen)));
LOCUST_USER(Idle, .wait_time = LOCUST_CONSTANT(1000), .on_start = open_one, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));
LOCUST_MAIN(.users = { &Busy, &Reopen, &Idle }, .on_test_start = begin)
"""


class Tls(Nginx):
    """Several ports: self.https(name) is the URL of one of PORTS. The one for http counts."""
    PORTS = {  # kind of key, protocol, bytes in a record; None: the default, 16 KB
        "ec12": ("ec", "TLSv1.2", None),
        "ec13": ("ec", "TLSv1.3", None),
        "rsa12": ("rsa", "TLSv1.2", None),
        "rsa13": ("rsa", "TLSv1.3", None),
        "small": ("ec", "TLSv1.2", 1400),
        "small13": ("ec", "TLSv1.3", 1400),
    }

    NAMES = ("http", *PORTS)

    def __init__(self):
        dir = tempfile.mkdtemp(prefix="locust-bench-")
        self.roots, self.leaves = {}, {}
        for kind in ("ec", "rsa"):
            pki = certs.Pki(f"{dir}/{kind}", kind)
            self.roots[kind] = pki.root
            self.leaves[kind] = pki.leaf("good", san="DNS:localhost,IP:127.0.0.1")
        super().__init__(dir)

    def servers(self):
        text = f"""map $connection_requests $first {{ 1 1; default 0; }}
  log_format opened "$ssl_protocol $ssl_cipher";
  server {{ listen 127.0.0.1:{self.port["http"]}; location / {{ stub_status; }} }}
"""
        for name, (kind, protocol, size) in self.PORTS.items():
            text += f"""
  server {{ listen 127.0.0.1:{self.port[name]} ssl backlog=4096; access_log {self.dir}/opened opened if=$first;
    ssl_protocols {protocol}; ssl_certificate {self.leaves[kind].chain}; ssl_certificate_key {self.leaves[kind].key};
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; {f"ssl_buffer_size {size};" if size else ""}
    location / {{ return 200 "hello world\\n"; }} }}
"""
        return text

    def https(self, name):
        return f"https://127.0.0.1:{self.port[name]}"

    def root(self, name):
        return self.roots[self.PORTS[name][0]]

    def requests(self):
        """How many there were, this one and those for this count among them."""
        text = urllib.request.urlopen(self.url).read().decode()
        return int(text.split("\n")[2].split()[2])

    def opened(self):
        """A line for each connection that was answered."""
        with open(self.dir + "/opened") as f:
            return f.read().splitlines()


def kit(program, user, url, root, users, *more):
    return Running([program, user, "--headless", "-u", str(users), "-r", "100000", "-H", url, "--cacert", root,
                    "--compact", "--only-summary", "-L", "ERROR", "--stop-timeout", "0", *more],
                   {"BENCH_USERS": str(users), "BENCH_ROUNDS": str(REOPENED)})


def versions():
    """Programs, {name: (program, has TLS 1.3)}, those by the other header under (name, "other"), and sentences on
    what is missing."""
    found, missing = {}, []
    cc = os.environ.get("CC", "cc")
    done = subprocess.run([cc, "-E", "-P", "-"], capture_output=True, text=True,
                          input="#include <mbedtls/version.h>\nMBEDTLS_VERSION_STRING\n")
    builds = []
    if done.returncode == 0:
        text = done.stdout.split()[-1].strip('"')
        builds.append((text, text, ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"]))
    else:
        missing.append("the system has no mbedTLS: libmbedtls-dev is missing")
    for name, command in ("3.6 Debian", ["fetch", "3.6.7"]), ("tuned", ["build"]), ("small-in", ["build", "--small-in"]):
        done = subprocess.run([ROOT + "/tools/mbedtls.sh", *command], capture_output=True, text=True)
        if done.returncode == 0:
            libs = done.stdout.splitlines()[-1].split()
            text = re.search(r"has mbedTLS (\S+)", done.stdout).group(1)
            builds.append((text + " Debian" if "Debian" in name else text + " tuned" if name == "tuned" else name, text, libs))
        else:
            missing.append(f"tools/mbedtls.sh {' '.join(command)}: {done.stderr.strip()}")
    if OTHER:
        os.makedirs(BUILD + "/bench_tls_other", exist_ok=True)
        shutil.copy(OTHER, BUILD + "/bench_tls_other/locust.h")
    for i, (name, text, libs) in enumerate(builds):
        has13 = text[0] != "2"
        found[name, ""] = (compile_test(f"bench_tls_kit{i}", KIT, ["-DLOCUST_TLS"], libs), has13)
        if OTHER and name != "small-in":
            flags = ["-DLOCUST_TLS", "-I" + BUILD + "/bench_tls_other"]
            found[name, "other"] = (compile_test(f"bench_tls_other{i}", KIT, flags, libs), has13)
    return found, missing


def title(name):
    return f"locust.h {name[0]}" + (", other" if name[1] else "")


# ---- requests ----

def busy(nginx, generator):
    """us of generator's CPU and of server's for a request, requests/s, both their and others' share
    of a core, bytes resident for each user."""
    before = len(nginx.opened())
    with generator:
        if not generator.wait_for(lambda: len(nginx.opened()) >= before + USERS):
            sys.exit(f"bench: {generator.command[0]} ended:\n{generator.text()}")
        time.sleep(0.3)
        pids = generator.process.pid, nginx.process.pid

        def sample():
            return (nginx.requests(), *map(nanoseconds, pids), all_cpu(), time.monotonic())
        first = sample()
        time.sleep(SECONDS)
        n, cpu, server, everybody, wall = (b - a for a, b in zip(first, sample()))
        lines = nginx.opened()[before:]
        if len(lines) != USERS or len(set(lines)) != 1:
            sys.exit(f"bench: {generator.command[0]} opened {len(lines)} connections: {set(lines)}")
        return (cpu / (n - 1) / 1e3, server / (n - 1) / 1e3, (n - 1) / wall, cpu / wall / 1e9,
                server / wall / 1e9, max(0, everybody - (cpu + server) / 1e9) / wall,
                resident(pids[0]) / USERS)


def bench_requests(nginx, programs):
    lines = {}
    for port in "ec12", "ec13":
        url = nginx.https(port) + "/"
        tools = {
            "wrk": ["wrk", "-t1", f"-c{USERS}", "-d600s", url],
            "h2load": ["h2load", "--h1", "-t1", f"-c{USERS}", "-D600", url],
        }
        for name, (program, has13) in programs.items():
            if name[0] != "small-in" and (has13 or port == "ec12"):
                lines[name, port] = (
                    lambda program=program, port=port: kit(program, "Busy", nginx.https(port), nginx.root(port), USERS))
        for name, command in tools.items():
            if not shutil.which(name):
                print(f"{name} is not installed")
            elif port == "ec12" or name == "wrk":
                lines[name, port] = lambda command=command: Running(command)
    results = {line: [] for line in lines}
    for _ in range(ROUNDS):
        for line, start in lines.items():
            results[line].append(busy(nginx, start()))
    print(f"Requests: {USERS} keep-alive users, {ROUNDS} rounds of {SECONDS:g} s, medians\n"
          f"{'':28} {'TLS':>4} {'CPU us/req':>11} {'req/s/core':>11} {'req/s':>8} {'generator':>10} {'server':>7} {'others':>7} "
          f"{'srv us/req':>11} {'RSS B/user':>11} {'/ wrk':>6} {'aim':>11} {'/ other':>8} {'aim':>11}")
    for (name, port), rows in results.items():
        cpu, server_cpu, rate, busy_share, server, others, rss = (median(column) for column in zip(*rows))
        row = (f"{name if isinstance(name, str) else title(name):28} {port[2]}.{port[3]:2} {cpu:11.2f} {1e6 / cpu:11.0f} {rate:8.0f} "
               f"{busy_share:10.0%} {server:7.0%} {others:7.0%} {server_cpu:11.2f} {rss:11.0f}")
        for versus, aim in ("wrk", AIM_RATIO), ((name[0], "other"), AIM_OTHER):
            theirs = results.get((versus, port))
            if theirs and not isinstance(name, str) and name != versus:
                ratio = median(a[0] / b[0] for a, b in zip(rows, theirs))
                aimed = f"{aim:.2f}{' missed' if ratio > aim else ''}" if not name[1] else ""
                row += f" {ratio:6.2f} {aimed:>11}"
        print(row)


# ---- handshakes ----

def handshakes(nginx, program, port):
    """CPU seconds of opening and of reopening USERS, ms of a step of each, the generator's shares."""
    with kit(program, "Reopen", nginx.https(port), nginx.root(port), USERS) as generator:
        generator.wait_for(lambda: generator.process.poll() is not None)
        text = generator.text()
    phases = [tuple(map(float, found)) for found in re.findall(r"OPENED cpu=(\S+) wall=(\S+)", text)]
    tls = re.search(r"tls full=(\d+) full_cpu=(\S+) resumed=(\d+) resumed_cpu=(\S+)", text)
    if len(phases) != REOPENED + 1 or not tls or tls.group(1, 3) != (str(USERS), str(USERS * REOPENED)):
        sys.exit(f"bench: not {USERS} full and {USERS * REOPENED} resumed handshakes:\n{text}")
    full, wall = phases[0]
    again = [cpu for cpu, _ in phases[1:]]
    return full, median(again), float(tls.group(2)), float(tls.group(4)), full / wall


def bench_handshakes(nginx, programs):
    lines = [(name, program, port) for port in ("ec12", "ec13", "rsa12", "rsa13")
             for name, (program, has13) in programs.items()
             if name[0] != "small-in" and (has13 or port in ("ec12", "rsa12"))]
    results = {line: [] for line in lines}
    for _ in range(max(1, ROUNDS - 1)):
        for line in lines:
            results[line].append(handshakes(nginx, *line[1:]))
    print(f"\nHandshakes: {USERS} users opened, then reopened {REOPENED} times; {max(1, ROUNDS - 1)} rounds, medians; "
          f"/s is for each core of the generator\n"
          f"{'':28} {'TLS':>4} {'key':>4} {'full CPU s':>11} {'aim':>11} {'/s':>6} {'step ms':>8} {'generator':>10} "
          f"{'resumed CPU s':>14} {'aim':>11} {'/s':>6} {'step ms':>8}")
    for (name, _, port), rows in results.items():
        full, resumed, full_ms, resumed_ms, share = (median(column) for column in zip(*rows))
        aims = "", ""
        if name[0].endswith("tuned") and not name[1]:
            aims = [f"{aim:.1f}{' missed' if value > aim else ''}"
                    for value, aim in ((full, AIM_FULL), (resumed, AIM_RESUMED))]
        print(f"{title(name):28} {port[-2]}.{port[-1]:2} {port[:-2].upper():>4} {full:11.2f} {aims[0]:>11} "
              f"{USERS / full:6.0f} {full_ms:8.3f} {share:10.0%} {resumed:14.3f} {aims[1]:>11} "
              f"{USERS / resumed:6.0f} {resumed_ms:8.3f}")


# ---- memory ----

def idle(program, url, root, users):
    """Resident bytes when all are connected and idle, or the sentence of the failure."""
    with kit(program, "Idle", url, root, users) as generator:
        generator.wait_for(lambda: "OPENED" in generator.text() or "FAILED" in generator.text(), 300)
        found = re.search(r"FAILED (.*)", generator.text())
        if found or generator.process.poll() is not None:
            return found.group(1) if found else generator.text()
        last = -1
        while (now := resident(generator.process.pid)) != last:
            last = now
            time.sleep(0.4)
        return now


def added(name, program, url, root, counts):
    """Bytes that a user adds, for each count but the first."""
    values = []
    for n in counts:
        got = idle(program, url, root, n)
        if isinstance(got, str):
            print(f"{title(name)}: users do not connect: {got}")
            break
        values.append(got)
    return [(value - values[0]) / (n - 1) for value, n in zip(values[1:], counts[1:])]


def bench_memory(nginx, programs):
    print(f"\nMemory: connected and idle users, resident, less one user's; above: what TLS adds to a plain connection\n"
          f"{'':28} {'TLS':>6} " + " ".join(f"{f'B/user of {n}':>16}" for n in IDLE[1:]) +
          f" {'above':>8} {'aim':>11} {'B/user aim':>12}")
    for name, (program, has13) in programs.items():
        small, plain = name[0] == "small-in", 0
        ports = ("small", "small13") if small else ("http", "ec12") + (("ec13",) if has13 else ())
        for port in ports:
            url = nginx.url if port == "http" else nginx.https(port)
            root = nginx.root("ec12" if port == "http" else port)
            got = added(name, program, url, root, IDLE[:2] if small or name[1] else IDLE)
            if not got:
                continue
            texts = [f"{value:16.0f}" for value in got] + [" " * 16] * (len(IDLE) - 1 - len(got))
            row = f"{title(name):28} {'plain' if port == 'http' else '1.3' if '13' in port else '1.2':>6} " + " ".join(texts)
            if port == "http":
                plain = got[-1]
            elif not small:
                above = got[-1] - plain
                row += f" {above:8.0f}"
                if not name[1]:
                    row += (f" {f'{AIM_ABOVE}' + (' missed' if above > AIM_ABOVE else ''):>11}"
                            f" {f'{AIM_BYTES}' + (' missed' if got[-1] > AIM_BYTES else ''):>12}")
            print(row)
            sys.stdout.flush()


def main():
    began = time.monotonic()
    programs, missing = versions()
    with Tls() as nginx:
        for what, bench in ("requests", bench_requests), ("handshakes", bench_handshakes), ("memory", bench_memory):
            if what in WANTED:
                bench(nginx, programs)
                sys.stdout.flush()
    for sentence in missing:
        print(f"Left out: {sentence}")
    print(f"\n{time.monotonic() - began:.0f} s; load at the end {open('/proc/loadavg').read().split()[0]}; "
          "a server at 100 % leaves the generator idle: what\n"
          "counts is CPU for each request. Figures are good only where the others' share is small")


main()
