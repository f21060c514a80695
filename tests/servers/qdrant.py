#!/usr/bin/env -S python3 -B
"""A server that speaks Qdrant's REST, under load: the kit's counts against what is in it.

    tests/servers/qdrant.py      `make servers` does so

BenoStreamDB's gateway (PyPI, a native program). It is not Qdrant, which is in no package registry, and takes no
recommendations by id; its answers are of another's reading of Qdrant's interface. Installs into build/servers/qdrant.
"""
import json, os, re, shutil, socket, subprocess, sys, tempfile, urllib.request, zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "whole"))
WORDS, sys.argv[1:] = sys.argv[1:], []
from kit.lib import ROOT, build, check, count, failed, free_port, run, same, stats_csv, until

KEPT = os.path.join(ROOT, "build", "servers", "qdrant")
WHEEL = "benostreamdb-search==0.13.1"
USERS, EACH = 8, 5

SCRIPT = """create load.docs 4
loop %d
upsert load.docs [{"id":%%u,"vector":[%%u,1,0,0],"payload":{"user":%%u}}]
loop %d
search load.docs 1,0.5,0,0 limit=5
scroll load.docs limit=3
search load.none 1 name=nowhere
delete load.docs [1000%%u]""" % (EACH, EACH)


def install():
    if os.path.exists(KEPT + "/bsdb-search"):
        return
    os.makedirs(KEPT, exist_ok=True)
    done = subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", KEPT, WHEEL],
                          capture_output=True, text=True)
    check(done.returncode == 0, done.stdout, done.stderr)
    wheel = next(KEPT + "/" + f for f in os.listdir(KEPT) if f.endswith(".whl"))
    with zipfile.ZipFile(wheel) as z:
        name = next(n for n in z.namelist() if n.endswith("/scripts/bsdb-search"))
        with z.open(name) as packed, open(KEPT + "/bsdb-search", "wb") as out:
            shutil.copyfileobj(packed, out)
    os.chmod(KEPT + "/bsdb-search", 0o755)
    os.remove(wheel)


def start(dir, ports):
    """It writes to a schema that a file of its root allows, and to no other."""
    os.makedirs(dir + "/data/load")
    with open(dir + "/data/.benostream-policy.json", "w") as f:
        json.dump({"policy_version": "1.0", "readwrite_schemas": ["load"], "default_write_schema": "load"}, f)
    env = {**os.environ, "BSDB_SEARCH_PORT": str(ports[0]), "BSDB_SEARCH_BIND": "127.0.0.1", "BSDB_QDRANT_PORT": str(ports[1]),
           "BSDB_SEARCH_STORAGE_URI": "file://" + dir + "/data", "BSDB_CACHE_DIR": dir + "/cache", "BSDB_WAL_DIR": dir + "/wal",
           "HOME": dir}
    with open(dir + "/log", "w") as log:
        return subprocess.Popen([KEPT + "/bsdb-search"], cwd=dir, env=env, stdout=log, stderr=log)


def ask(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["result"]


def load(dir, url):
    r = run(dir, [build("scripted_qdrant.c"), "--headless", "--only-summary", "--host", url],
            env={"QDRANT_SCRIPT": "create load.docs 4"})  # of several at once this server fails one
    same((r.rc, r.out), (0, "create 200 n=0 | -\n"), r)
    r = run(dir, [build("scripted_qdrant.c"), "--headless", "--only-summary", "--host", url, "--users", str(USERS),
                  "--spawn-rate", "1000", "--csv", "out"], env={"QDRANT_SCRIPT": SCRIPT}, seconds=120)
    same(r.rc, 1, r)  # one row fails on purpose
    rows, _ = stats_csv(dir + "/out")
    same({name: (count(row), failed(row)) for (_, name), row in rows.items()},
         {"create": (USERS, 0), "upsert": (USERS * EACH, 0), "search": (USERS * EACH, 0), "scroll": (USERS, 0),
          "nowhere": (USERS, USERS), "delete": (USERS, 0)}, r)
    lines = r.out.splitlines()
    same({l for l in lines if l.startswith("search 404")}, {"search 404 n=0 | Collection not found (404)"})
    check(all(re.match(r"search 200 n=[0-5]( \d+)* \| -$", l) for l in lines if l.startswith("search 200")), r)
    all_of_them = lambda: ask(url + "/collections/load.docs/points/scroll", {"limit": 1000})["points"]
    until(lambda: len(all_of_them()) >= USERS, 20, "the last points can be found")
    points = all_of_them()
    same(sorted(p["id"] for p in points), list(range(1, USERS + 1)))
    same({p["id"]: p["payload"] for p in points}, {i: {"user": i} for i in range(1, USERS + 1)})
    r = run(dir, [build("scripted_qdrant.c"), "--headless", "--only-summary", "--host", url],
            env={"QDRANT_SCRIPT": "search load.docs 3,1,0,0 limit=1 truth=3\nscroll load.docs limit=100"})
    same(r.rc, 0, r)
    same(r.out.splitlines()[0], "search 200 n=1 3 recall=1.00 | -")
    check(r.out.splitlines()[1].startswith("scroll 200 n=%d" % USERS), r)


def main():
    try:
        install()
        dir = tempfile.mkdtemp(prefix="locust-qdrant-")
        ports = free_port(), free_port()
        p = start(dir, ports)
        try:
            until(lambda: socket.socket().connect_ex(("127.0.0.1", ports[1])) == 0, 40, "the gateway listens")
            load(dir, "http://127.0.0.1:%d" % ports[1])
        finally:
            p.kill()
            p.wait()
            shutil.rmtree(dir)
        print("ok benostreamdb: Qdrant's REST; what it has is what was sent", flush=True)
        return 0
    except (AssertionError, OSError, subprocess.SubprocessError) as why:
        print("not ok benostreamdb: %s" % str(why)[:1500], flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
