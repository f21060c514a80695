#!/usr/bin/env -S python3 -B
"""make bench B=web: what it costs a load to be watched by 50 pages.

64 users without waits against build/target, as fast as one core goes; 50 watchers, each with a connection of its own, ask
/stats/requests and /locust-h/state every two seconds, as a page does. Alternately without and with them: the CPU time that the
generator takes for a request, whose ratio other programs on the machine move less than requests a second; the median of the pairs.

Usage: bench_web.py [PAIRS] [SECONDS]
"""
import asyncio, json, os, re, statistics, subprocess, sys, time, urllib.request

sys.dont_write_bytecode = True
from benches import BUILD, ROOT

WATCHERS, EVERY_S = 50, 2.0
LOAD = """#include "locust.h"
static void front(locust_user *u) { locust_get(u, "/"); }
static void item(locust_user *u) { locust_get(u, "/size/100", .name = "/item"); }
LOCUST_USER(Busy, .tasks = LOCUST_TASKS(LOCUST_TASK(front), LOCUST_TASK(item)));
LOCUST_MAIN(.users = {&Busy})
"""


def compiled(source, name):
    path = f"{BUILD}/bench_web_{name}"
    subprocess.run(["cc", "-O2", "-I" + ROOT, source, "-o", path], check=True)
    return path


async def watch(port, i, until, counted):
    await asyncio.sleep(EVERY_S * i / WATCHERS)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    after = 0
    while time.monotonic() < until:
        for path in ("/stats/requests", f"/locust-h/state?after={after}"):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            n = int(re.search(rb"Content-Length: (\d+)", head)[1])
            await reader.readexactly(n)
            counted[0] += 1
            counted[1] += n
        after = int(time.time()) - 2
        await asyncio.sleep(EVERY_S)
    writer.close()


def ask(port, path, form=None):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", form and form.encode(), timeout=30) as answer:
        return json.load(answer)


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        return sum(int(n) for n in f.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")


def run(program, target, seconds, watched):
    """CPU seconds a request, requests a second, and how much watchers got."""
    p = subprocess.Popen([program, "--web-port", "0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        port = next(int(m[1]) for m in (re.search(r"web interface at http://127.0.0.1:(\d+)", line) for line in p.stderr) if m)
        ask(port, "/swarm", f"user_count=64&spawn_rate=10000&host=http://{target}")
        time.sleep(1)
        before, began, cpu = ask(port, "/stats/requests")["stats"][-1]["num_requests"], time.monotonic(), cpu_s(p.pid)
        counted = [0, 0]
        if watched:
            async def all():
                await asyncio.gather(*(watch(port, i, began + seconds, counted) for i in range(WATCHERS)))
            asyncio.run(all())
        time.sleep(max(0, began + seconds - time.monotonic()))
        time.sleep(0.6)
        n = ask(port, "/stats/requests")["stats"][-1]["num_requests"] - before
        return (cpu_s(p.pid) - cpu) / n, n / (time.monotonic() - began), counted
    finally:
        p.kill()
        p.wait()


def serving(program, seconds):
    """The share of a core that serving the watchers takes, beside one user that gets no answer."""
    p = subprocess.Popen([program, "--web-port", "0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        port = next(int(m[1]) for m in (re.search(r"web interface at http://127.0.0.1:(\d+)", line) for line in p.stderr) if m)
        ask(port, "/swarm", "user_count=1&spawn_rate=1&host=http://127.0.0.1:1")
        time.sleep(1)
        before = cpu_s(p.pid)
        time.sleep(seconds)
        alone, counted, until = cpu_s(p.pid) - before, [0, 0], time.monotonic() + seconds

        async def all():
            await asyncio.gather(*(watch(port, i, until, counted) for i in range(WATCHERS)))
        asyncio.run(all())
        return (cpu_s(p.pid) - before - 2 * alone) / seconds, counted
    finally:
        p.kill()
        p.wait()


def main():
    pairs, seconds = (int(a) for a in (sys.argv[1:] + ["5", "6"][len(sys.argv) - 1:])[:2])
    os.makedirs(BUILD, exist_ok=True)
    with open(f"{BUILD}/bench_web_load.c", "w") as f:
        f.write(LOAD)
    program = compiled(f"{BUILD}/bench_web_load.c", "load")
    server = compiled(ROOT + "/tests/whole/programs/target.c", "target")
    share, counted = serving(program, 4 * seconds)
    print(f"web: serving {WATCHERS} pages takes {100 * share:.1f} % of a core ({counted[0]} answers, {counted[1] / 1e6:.1f} MB in "
          f"{4 * seconds} s)", flush=True)
    target = subprocess.Popen([server, "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        at = target.stdout.readline().split()[-1]
        ratios, best = [], 0
        for i in range(pairs):
            alone, rate, _ = run(program, at, seconds, False)
            watched, _, counted = run(program, at, seconds, True)
            ratios.append(watched / alone)
            best = max(best, rate)
            print(f"pair {i + 1}: {alone * 1e6:.2f} us of CPU a request alone, {watched * 1e6:.2f} us watched by {WATCHERS} "
                  f"({counted[0]} answers, {counted[1] / 1e6:.1f} MB), {rate:,.0f} requests/s: {watched / alone:.3f}", flush=True)
        print(f"web: watched by {WATCHERS} pages a request takes {statistics.median(ratios):.3f} of the CPU that it takes alone "
              f"(median of {pairs} pairs, {min(ratios):.3f} to {max(ratios):.3f}); up to {best:,.0f} requests/s")
    finally:
        target.kill()
        target.wait()


if __name__ == "__main__":
    main()
