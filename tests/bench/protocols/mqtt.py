"""MQTT: CPU of the generator for a publication of QoS 1, beside Locust's MqttUser (PyPI, in a virtual
environment under build/), and resident bytes for an idle client. The broker is mosquitto.

Ours waits for each PUBACK, which takes a send and a recv; Locust's sends ten and waits for the last. Of both
the CPU and the publications of a short run are taken off those of a long one, so that starting is not
counted. The runs take turns; what is printed is the median of the ratios.
"""
import csv
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from benches import BUILD, GENERATOR_CORE, SERVER_CORE, compile_test, pin, resident
from kit.mosquitto import free_ports

USERS, ROUNDS, SHORT, LONG, IDLE = 20, 3, 2, 6, 10000

TEST = """#include "locust.h"
static void publish(locust_user *u)
{
    locust_mqtt_publish(u, "bench", "01234567890123456789", .qos = 1);
}
LOCUST_USER(Publisher, .tasks = LOCUST_TASKS(LOCUST_TASK(publish)));
LOCUST_MAIN(.users = { &Publisher })
"""

LOCUST = """from locust import task
from locust.contrib.mqtt import MqttUser

class Publisher(MqttUser):
    host = "127.0.0.1"
    port = %d
    use_loop_selectors = True

    @task
    def publish(self):
        for _ in range(10):
            last = self.client.publish("bench", b"01234567890123456789", qos=1)
        last.wait_for_publish()
"""

WAIT = """#include "locust.h"
static void wait_here(locust_user *u)
{
%s    locust_sleep(u, 600);
}
LOCUST_USER(Waiter, .tasks = LOCUST_TASKS(LOCUST_TASK(wait_here)));
LOCUST_MAIN(.users = { &Waiter })
"""
CONNECT = """    if (!locust_mqtt_connect(u, u->host, .keep_alive_s = 60))
        locust_stop_user(u);
"""


class Broker:
    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="locust-bench-")
        self.port = free_ports(["plain"])["plain"]
        with open(self.dir + "/m.conf", "w") as f:
            f.write(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nlog_type none\nuser root\n")
        self.p = subprocess.Popen(["mosquitto", "-c", self.dir + "/m.conf"], preexec_fn=pin(SERVER_CORE),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()
        shutil.rmtree(self.dir)


def virtual():
    """The locust command of PyPI, installed once."""
    where = BUILD + "/bench_mqtt_python"
    if not os.path.exists(where + "/bin/locust"):
        subprocess.check_call(["python3", "-m", "venv", where])
        subprocess.check_call([where + "/bin/pip", "-q", "install", "locust", "paho-mqtt"])
    return where + "/bin/locust"


def cpu_of(command, dir, seconds):
    """(seconds of CPU, publications) of one run."""
    before = os.times()
    subprocess.run(command + ["--headless", "-u", str(USERS), "-r", "100", "-t", f"{seconds}s", "--csv", dir + "/out",
                              "--only-summary"], cwd=dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   preexec_fn=pin(GENERATOR_CORE), timeout=120)
    after = os.times()
    with open(dir + "/out_stats.csv") as f:
        n = sum(int(row["Request Count"]) - int(row["Failure Count"]) for row in csv.DictReader(f)
                if row["Name"] == "publish:1:bench")
    return (after.children_user - before.children_user) + (after.children_system - before.children_system), n


def cost(command, dir):
    """Microseconds of CPU for a publication."""
    (short, n_short), (long, n_long) = cpu_of(command, dir, SHORT), cpu_of(command, dir, LONG)
    return (long - short) / (n_long - n_short) * 1e6


def publishing(broker):
    ours = [compile_test("bench_mqtt", TEST), "-H", f"mqtt://127.0.0.1:{broker.port}"]
    with open(broker.dir + "/locustfile.py", "w") as f:
        f.write(LOCUST % broker.port)
    theirs = [virtual(), "-f", broker.dir + "/locustfile.py"]
    rounds = [(cost(ours, broker.dir), cost(theirs, broker.dir)) for _ in range(ROUNDS)]
    our, their = (statistics.median(r[i] for r in rounds) for i in (0, 1))
    ratio = statistics.median(a / b for a, b in rounds)
    print(f"QoS 1 publication, CPU of the generator: {our:.1f} us, Locust's MqttUser {their:.0f} us: {ratio:.3f} of it "
          "(at most 0.05)", flush=True)


def settled(program, broker):
    """Resident bytes of a process whose users wait, all connected if they connect."""
    p = subprocess.Popen([program, "-H", f"mqtt://127.0.0.1:{broker.port}", "--headless", "-u", str(IDLE), "-r", "2000",
                          "-t", "90s", "--only-summary"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
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


def idle(broker):
    with_client, sockets = settled(compile_test("bench_mqtt_idle", WAIT % CONNECT), broker)
    without, _ = settled(compile_test("bench_mqtt_none", WAIT % ""), broker)
    print(f"{sockets} idle clients in one process: {(with_client - without) / IDLE:.0f} resident bytes each (at most 2500), "
          "beside those of their users", flush=True)


def bench():
    with Broker() as broker:
        publishing(broker)
        idle(broker)
