"""WebSocket: CPU of the generator for a message and its echo, beside Artillery (npm) and beside a request of ours.

An echo server (node's ws, on the last core) answers both generators; each runs 10 users that wait for nothing but
the answer. Artillery sends without waiting for answers, and takes none: what it is measured by are messages sent.
The request of ours is one of 5 bytes to nginx. CPU is that of the whole process, from its start to its end, less
that of one that does nothing but begin.
"""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

from benches import BUILD, GENERATOR_CORE, SERVER_CORE, Nginx, compile_test, pin

AIM_ARTILLERY, AIM_HTTP, AIM_BYTES = 0.1, 1.3, 2500
ROUNDS, SECONDS = 3, 3
PACKAGES = ("ws@8.23.0", "artillery@1.7.9")

SERVER = """
const { WebSocketServer } = require('ws')
const s = new WebSocketServer({ port: +process.argv[1], host: '127.0.0.1' })
s.on('connection', c => c.on('message', (m, binary) => c.send(m, { binary })))
"""
KIT = """#include "locust.h"
static void echo(locust_user *u) {
    locust_ws_message m;
    LOCUST_MEASURE(u, "WS", "echo", one)
        if (!locust_ws_send(u, "hello") || !locust_ws_receive(u, &m, 5)) one->error = locust_ws_error(u);
}
static void get(locust_user *u) { locust_get(u, "/"); }
LOCUST_USER(Chatter, .tasks = LOCUST_TASKS(LOCUST_TASK(echo)));
LOCUST_USER(Visitor, .tasks = LOCUST_TASKS(LOCUST_TASK(get)));
LOCUST_MAIN(.users = { &Chatter, &Visitor })
"""
IDLE = """#include "locust.h"
static void open_it(locust_user *u) { locust_ws_connect(u, NULL); }
static void nothing(locust_user *u) { (void)u; }
LOCUST_USER(Idle, .wait_time = LOCUST_CONSTANT(1000), .on_start = open_it, .tasks = LOCUST_TASKS(LOCUST_TASK(nothing)));
LOCUST_USER(Mute, .wait_time = LOCUST_CONSTANT(1000), .tasks = LOCUST_TASKS(LOCUST_TASK(nothing)));
LOCUST_MAIN(.users = { &Idle, &Mute })
"""


def node_modules(packages):
    """The folder of npm packages, in build/; None: they cannot be had."""
    folder = os.path.join(BUILD, "bench-node")
    os.makedirs(folder, exist_ok=True)
    if not shutil.which("npm"):
        return None
    missing = [p for p in packages if not os.path.isdir(os.path.join(folder, "node_modules", p.split("@")[0]))]
    if missing and subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder,
                                   *missing]).returncode:
        return None
    return os.path.join(folder, "node_modules")


def cpu_of(command, **more):
    """(seconds of CPU, of its children too; what it printed)."""
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, preexec_fn=pin(GENERATOR_CORE), **more)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        out.seek(0)
        return usage.ru_utime + usage.ru_stime, out.read().decode(errors="replace")


def kit(program, which, url, seconds=SECONDS):
    """Seconds of CPU for each operation."""
    report = os.path.join(BUILD, "bench_websocket.json")
    cpu, text = cpu_of([program, "--headless", which, "-u", "10", "-r", "1000", "-t", f"{seconds}s", "--host", url,
                        "--only-summary", "--summary", report])
    with open(report) as file:
        rows = json.load(file)["rows"]
    done = sum(r["requests"] - r["failures"] for r in rows if r["name"] in ("echo", "/"))
    assert done > 100, text
    return cpu / done


def artillery(modules, port):
    """Seconds of CPU for each message sent."""
    script = os.path.join(BUILD, "bench_websocket.yml")
    with open(script, "w") as file:
        json.dump({"config": {"target": f"ws://127.0.0.1:{port}", "phases": [{"duration": 1, "arrivalCount": 10}]},
                   "scenarios": [{"engine": "ws", "flow": [{"loop": [{"send": "hello"}], "count": 3000}]}]}, file)
    env = dict(os.environ, ARTILLERY_DISABLE_TELEMETRY="true", NODE_PATH=modules)
    run = ["node", modules + "/artillery/bin/artillery", "run", script]
    cpu, text = cpu_of(run, env=env)
    sent = re.findall(r"Requests completed: +([0-9]+)", text)
    if not sent:
        return None, text
    return cpu / int(sent[-1]), text


def resident_of(program, which, n, port):
    p = subprocess.Popen([program, "--headless", which, "-u", str(n), "-r", str(n), "-t", "60s", "--host",
                          f"ws://127.0.0.1:{port}", "--only-summary"], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    deadline, before, now = time.monotonic() + 40, -1, 0
    try:
        while time.monotonic() < deadline and (now != before or now < 100 * n):  # until it no longer grows
            time.sleep(1.5)
            before = now
            with open(f"/proc/{p.pid}/smaps_rollup") as file:
                now = int(re.search(r"Rss: +(\d+)", file.read())[1]) * 1024
        return now
    finally:
        p.kill()
        p.wait()


def bench():
    modules = node_modules(PACKAGES)
    if not modules:
        print("no npm, or no packages: not measured")
        return True
    port = 9000 + os.getpid() % 900
    server = subprocess.Popen(["node", "-e", SERVER, str(port)], env=dict(os.environ, NODE_PATH=modules),
                              preexec_fn=pin(SERVER_CORE))
    nginx = Nginx()
    try:
        time.sleep(1)
        program = compile_test("bench_websocket", KIT)
        ws, http, other = [], [], []
        with nginx:
            for _ in range(ROUNDS):
                ws.append(kit(program, "Chatter", f"ws://127.0.0.1:{port}"))
                http.append(kit(program, "Visitor", nginx.url))
                cost, text = artillery(modules, port)
                if cost:
                    other.append(cost)
        good = True
        a, h = min(ws), min(http)
        print(f"echo                {a * 1e6:8.2f} us CPU, least of {ROUNDS}")
        print(f"request of ours     {h * 1e6:8.2f} us: echo is {a / h:.2f} of it, aim {AIM_HTTP}")
        good &= a / h <= AIM_HTTP
        if other:
            print(f"artillery           {min(other) * 1e6:8.2f} us: echo is {a / min(other):.3f} of it, aim {AIM_ARTILLERY}")
            good &= a / min(other) <= AIM_ARTILLERY
        else:
            print("artillery           did not run: " + text[-300:])
        idle = compile_test("bench_websocket_idle", IDLE)
        n = 2000
        more = [(resident_of(idle, which, 2 * n, port) - resident_of(idle, which, n, port)) / n
                for which in ("Idle", "Mute")]
        print(f"resident            {more[0]:8.0f} bytes for a user with an idle connection, {more[1]:.0f} without; "
              f"aim {AIM_BYTES} for both")
        return good & (more[0] <= AIM_BYTES)
    finally:
        server.kill()
        server.wait()
