#!/usr/bin/env -S python3 -B
"""Real MQTT brokers under load: the kit's counts against each broker's own.

    tests/servers/mqtt.py [NAME...]       all, or those; `make servers` does so

aedes (npm), mochi (Go) and moquette (Maven), over TCP and WebSocket; 3.1.1, and 5 where they speak it. (mosquitto is in
tests/whole/test_mqtt.py.) Users publish with each QoS and receive what they
published themselves; the brokers count what clients published to them. Installs into build/servers/mqtt.
"""
import os, re, shutil, signal, socket, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__)) + "/mqtt"
sys.path.insert(0, os.path.join(HERE, "..", "..", "whole"))
WORDS, sys.argv[1:] = sys.argv[1:], []
from kit.lib import ROOT, build, check, count, failed, run, same, stats_csv, until
from kit.mosquitto import free_ports
from kit.pick import pick

KEPT = os.path.join(ROOT, "build", "servers", "mqtt")
USERS, EACH = 20, 10


def do(*argv, cwd=None):
    done = subprocess.run(argv, capture_output=True, text=True, cwd=cwd)
    check(done.returncode == 0, " ".join(argv), done.stdout[-2000:], done.stderr[-2000:])


def aedes():
    if not os.path.exists(KEPT + "/aedes/node_modules/aedes"):
        do("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", KEPT + "/aedes", "aedes@1.2.0", "ws@8")
    shutil.copy(HERE + "/aedes.js", KEPT + "/aedes/aedes.js")
    return ["node", KEPT + "/aedes/aedes.js"]


def mochi():
    do("go", "build", "-o", KEPT + "/mochi", ".", cwd=HERE)
    return [KEPT + "/mochi"]


def moquette():
    if not os.path.exists(KEPT + "/moquette/jars"):
        do("mvn", "-q", "-B", "-f", HERE + "/pom.xml", "dependency:copy-dependencies",
           "-DoutputDirectory=" + KEPT + "/moquette/jars")
    do("javac", "-nowarn", "-cp", KEPT + "/moquette/jars/*", "-d", KEPT + "/moquette", HERE + "/Moquette.java")
    return ["java", "-cp", KEPT + "/moquette:" + KEPT + "/moquette/jars/*", "Moquette"]


BROKERS = {  # how to start it, versions, WebSocket
    "aedes": (aedes, (4,), True),
    "mochi": (mochi, (4, 5), True),
    "moquette": (moquette, (4,), True),
}

SCRIPT = """connect version=%d id=user%%u
subscribe own/%%u/# qos=2
loop %d
publish own/%%u/0 x qos=0 name=0 stamp=1
loop %d
publish own/%%u/1 x qos=1 name=1 window=5
flush
loop %d
publish own/%%u/2 x qos=2 name=2
drain 2
unsubscribe own/%%u/#
disconnect"""


def load(dir, url, version):
    r = run(dir, [build("scripted_mqtt.c"), "--headless", "--only-summary", "--host", url, "--users", str(USERS),
                  "--spawn-rate", "1000", "--csv", "out"], env={"MQTT_SCRIPT": SCRIPT % (version, EACH, EACH, EACH)})
    same(r.rc, 0, r)
    rows, _ = stats_csv(dir + "/out")
    rows = {name: (count(row), failed(row)) for (_, name), row in rows.items()}
    for qos in 0, 1, 2:
        same(rows["publish:%d:%d" % (qos, qos)], (USERS * EACH, 0), rows)
    for name in "connect", "disconnect":
        same(rows[name], (USERS, 0), rows)
    got = sum(int(n) for n in re.findall(r"^drain 1 (\d+)", r.out, re.M))
    same(got, 3 * USERS * EACH, r)


def one(name):
    start, versions, web = BROKERS[name]
    command = start()
    dir = tempfile.mkdtemp(prefix="locust-mqtt-")
    ports = free_ports(["tcp", "ws"])
    with open(dir + "/out", "w+") as out:
        p = subprocess.Popen([*command, str(ports["tcp"]), str(ports["ws"])], stdout=out, stderr=subprocess.STDOUT, cwd=dir)
        try:
            for port in ports.values():
                until(lambda: listens(port), 40, name + " listens")
            n = 0
            for version in versions:
                for url in ["mqtt://127.0.0.1:%d" % ports["tcp"], "mqtt+ws://127.0.0.1:%d/mqtt" % ports["ws"]][:1 + web]:
                    load(dir, url, version)
                    n += 3 * USERS * EACH
            p.send_signal(signal.SIGTERM)
            p.wait(30)
            out.seek(0)
            published = re.search(r"^published (\d+)", out.read(), re.M)
            check(published, "%s counts nothing" % name)
            same(int(published[1]), n)
        finally:
            if p.poll() is None:
                p.kill()
                p.wait()
            shutil.rmtree(dir)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def main():
    os.makedirs(KEPT, exist_ok=True)
    bad = []
    for name in pick(WORDS, sorted(BROKERS)):
        try:
            one(name)
            print("ok %s: MQTT %s, tcp and ws; its count is ours" % (name, ", ".join(
                {4: "3.1.1", 5: "5"}[v] for v in BROKERS[name][1])), flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError) as why:
            bad.append(name)
            print("not ok %s: %s" % (name, str(why)[-1500:]), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
