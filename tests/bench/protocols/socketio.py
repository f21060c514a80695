"""Socket.IO: CPU of the generator for a call and its acknowledgement, beside Locust's SocketIOUser.

python-socketio on uvicorn, on the last core, answers both; each runs 10 users that wait for nothing but the
acknowledgement. CPU is that of the whole process, from its start to its end; of Locust less that of one that
begins and ends at once.
"""
import os
import re
import subprocess
import sys
import tempfile

from benches import BUILD, GENERATOR_CORE, compile_test, pin

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "whole"))
from kit import rooms

AIM = 0.05
ROUNDS, SECONDS = 2, 5
KIT = """#include "locust.h"
static void join(locust_user *u) {
    locust_sio_connect(u, u->host, .auth = "{\\"token\\": \\"x\\"}", .sio_namespace = "/room");
}
static void ask(locust_user *u) { locust_sio_call(u, "sum", "1, 2", .timeout_s = 5); }
LOCUST_USER(Guest, .on_start = join, .tasks = LOCUST_TASKS(LOCUST_TASK(ask)));
LOCUST_MAIN(.users = { &Guest })
"""
LOCUST = """
from locust import task
from locust.contrib.socketio import SocketIOUser
class Guest(SocketIOUser):
    def on_start(self):
        self.sio.connect(self.host, auth={"token": "x"}, namespaces=["/room"], transports=["websocket"])
    @task
    def ask(self):
        self.sio.call("sum", (1, 2), namespace="/room", timeout=5)
    def on_stop(self):
        self.sio.disconnect()
"""


def cpu_of(command):
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, preexec_fn=pin(GENERATOR_CORE))
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        out.seek(0)
        return usage.ru_utime + usage.ru_stime, out.read().decode(errors="replace")


def cost(command, less=0.0):
    """Seconds of CPU for each call that was answered; None: there was none."""
    cpu, text = cpu_of(command)
    row = re.search(r"^WSC +sum +(\d+) +(\d+)\(", text, re.M)
    done = int(row[1]) - int(row[2]) if row else 0
    return (cpu - less) / done if done else None


def bench():
    folder = os.path.join(BUILD, "bench-locust")
    own = os.path.join(folder, "bin", "python")
    if not os.path.exists(own) or subprocess.run([own, "-c", "import locust, socketio, websocket"], capture_output=True).returncode:
        if subprocess.run(["python3", "-m", "venv", folder]).returncode or subprocess.run(
                [own, "-m", "pip", "install", "-q", "locust==2.47.0", "python-socketio[client]==5.18.1"]).returncode:
            print("no Locust of PyPI: not measured")
            return True
    program = compile_test("bench_socketio", KIT)
    file = os.path.join(BUILD, "bench_socketio.py")
    with open(file, "w") as out:
        out.write(LOCUST)
    common = ["--headless", "-u", "10", "-r", "1000", "--only-summary"]
    locust = [own, "-m", "locust", "-f", file, *common]
    ours, theirs = [], []
    idle = cpu_of([own, "-m", "locust", "-f", file, "--version"])[0]
    with rooms.serving("socketio") as port:
        url = f"http://127.0.0.1:{port}"
        for _ in range(ROUNDS):
            ours.append(cost([program, *common, "-t", f"{SECONDS}s", "-H", url]))
            theirs.append(cost([*locust, "-t", f"{SECONDS}s", "-H", url], idle))
    if not all(ours + theirs):
        print("no calls were answered: %r %r" % (ours, theirs))
        return False
    a, b = min(ours), min(theirs)
    print(f"call                {a * 1e6:8.2f} us CPU, least of {ROUNDS}")
    print(f"SocketIOUser        {b * 1e6:8.2f} us: the call is {a / b:.3f} of it, aim {AIM}")
    return a / b <= AIM
