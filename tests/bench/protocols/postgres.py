"""PostgreSQL: CPU of the generator for a prepared `select 1`, beside `pgbench -M prepared`, and resident bytes for an
idle connection. The server is PostgreSQL for the former, for the latter a small one that has room for thousands.

Both wait for each answer. Of both the CPU and the queries of a short run are taken off those of a long one, so that
starting is not counted. The runs take turns; what is printed is the median of the ratios.
"""
import asyncio
import csv
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from benches import GENERATOR_CORE, SERVER_CORE, compile_test, pin, resident
from kit.postgres import LOGGED_IN, READY, Postgres, columns, done, row

USERS, ROUNDS, SHORT, LONG, IDLE = 20, 5, 2, 6, 5000

TEST = """#include "locust.h"
static void query(locust_user *u)
{
    locust_pg_query(u, "select 1", .prepare = true);
}
LOCUST_USER(Clerk, .tasks = LOCUST_TASKS(LOCUST_TASK(query)));
LOCUST_MAIN(.users = { &Clerk })
"""

WAIT = """#include "locust.h"
static void once(locust_user *u)
{
%s    (void)u;
}
LOCUST_USER(Waiter, .wait_time = LOCUST_CONSTANT(600), .tasks = LOCUST_TASKS(LOCUST_TASK(once)));
LOCUST_MAIN(.users = { &Waiter })
"""
QUERY = """    if (locust_pg_query(u, "select 1")->error)
        locust_stop_user(u);
"""


def cpu_of(command, dir):
    """(seconds of CPU, output) of a run."""
    before = os.times()
    out = subprocess.run(command, cwd=dir, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=120,
                         env={**os.environ, "PGSSLMODE": "disable"}, preexec_fn=pin(GENERATOR_CORE)).stdout
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system), out


def ours(program, pg, dir, seconds):
    cpu, _ = cpu_of([program, "-H", pg.url("trust_u", "?sslmode=disable"), "--headless", "-u", str(USERS), "-r", "1000", "-t",
                     f"{seconds}s", "--csv", "out", "--only-summary"], dir)
    with open(dir + "/out_stats.csv") as f:
        rows = {r["Name"]: int(r["Request Count"]) - int(r["Failure Count"]) for r in csv.DictReader(f)}
    return cpu, rows["select 1"]


def theirs(pg, dir, seconds):
    cpu, out = cpu_of(["pgbench", "-M", "prepared", "-n", "-f", dir + "/one.sql", "-c", str(USERS), "-j", "1", "-T",
                       str(seconds), "-h", "127.0.0.1", "-p", str(pg.port), "-U", "trust_u", "shop"], dir)
    return cpu, int(re.search(r"transactions actually processed: (\d+)", out)[1])


def cost(run):
    """Microseconds of CPU for a query."""
    (short, n_short), (long, n_long) = run(SHORT), run(LONG)
    return (long - short) / (n_long - n_short) * 1e6


def querying(dir):
    program = compile_test("bench_postgres", TEST)
    with open(dir + "/one.sql", "w") as f:
        f.write("select 1;\n")
    with Postgres(settings={"log_statement": "none"}.items()) as pg:
        subprocess.run(["taskset", "-a", "-p", "-c", str(SERVER_CORE), pg.postmaster()], stdout=subprocess.DEVNULL)
        rounds = [(cost(lambda s: ours(program, pg, dir, s)), cost(lambda s: theirs(pg, dir, s))) for _ in range(ROUNDS)]
    our, their = (statistics.median(r[i] for r in rounds) for i in (0, 1))
    ratio = statistics.median(a / b for a, b in rounds)
    print(f"select 1, prepared, CPU of the generator: {our:.1f} us, pgbench -M prepared {their:.1f} us: {ratio:.2f} of it "
          "(at most 1.0)", flush=True)
    return ratio <= 1.0


class Room:
    """Logs everybody in, and answers each query by a row."""

    def __enter__(self):
        self.ready, self.loop = threading.Event(), asyncio.new_event_loop()
        threading.Thread(target=self.serve, daemon=True).start()
        self.ready.wait(20)
        return self

    def serve(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self.one, "127.0.0.1", 0, backlog=4096))
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()

    async def one(self, reader, writer):
        try:
            await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
            writer.write(LOGGED_IN)
            while True:
                head = await reader.readexactly(5)
                await reader.readexactly(int.from_bytes(head[1:], "big") - 4)
                if head[:1] == b"Q":
                    writer.write(columns("?column?") + row(b"1") + done("SELECT 1") + READY)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)


def settled(program, room):
    """Resident bytes of a process whose users wait, and how many connections it has."""
    p = subprocess.Popen([program, "-H", f"postgresql://u@127.0.0.1:{room.port}/d?sslmode=disable", "--headless", "-u",
                          str(IDLE), "-r", "1000", "-t", "90s", "--only-summary"], stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, text=True)
    for line in p.stderr:
        if "All users spawned" in line:
            break
    last, now = -1, resident(p.pid)
    while now != last:
        time.sleep(3)
        last, now = now, resident(p.pid)
    sockets = sum(os.readlink(f"/proc/{p.pid}/fd/{fd}").startswith("socket:") for fd in os.listdir(f"/proc/{p.pid}/fd"))
    p.kill()
    p.wait()
    p.stderr.close()
    return now, sockets


def idle():
    with Room() as room:
        with_client, sockets = settled(compile_test("bench_postgres_idle", WAIT % QUERY), room)
        without, _ = settled(compile_test("bench_postgres_none", WAIT % ""), room)
    print(f"{sockets} idle connections in one process, a query behind them: {(with_client - without) / IDLE:.0f} resident "
          "bytes each, beside those of their users", flush=True)


def bench():
    if not shutil.which("pgbench"):
        sys.exit("bench: pgbench is not installed: run make deps")
    with tempfile.TemporaryDirectory(prefix="locust-bench-") as dir:
        good = querying(dir)
    idle()
    return good
