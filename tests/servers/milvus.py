#!/usr/bin/env -S python3 -B
"""Milvus Lite's server under load, over gRPC: the kit's counts against what pymilvus finds in it.

    tests/servers/milvus.py      `make servers` does so

Milvus Lite (PyPI) speaks Milvus's protocol and keeps its data in files; the whole of Milvus is in no package registry.
Installs into build/servers/milvus.
"""
import os, shutil, socket, subprocess, sys, tempfile, venv

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "whole"))
WORDS, sys.argv[1:] = sys.argv[1:], []
from kit.lib import ROOT, build, check, count, failed, free_port, run, same, stats_csv, until

KEPT = os.path.join(ROOT, "build", "servers", "milvus")
USERS, EACH = 8, 5

FIELDS = ('[{"name":"k","type":"VarChar","primary":true,"max_length":20},{"name":"v","type":"FloatVector","dim":2},'
          '{"name":"b","type":"Bool"},{"name":"i8","type":"Int8"},{"name":"f","type":"Float","nullable":true},'
          '{"name":"d","type":"Double"},{"name":"j","type":"JSON"},{"name":"a","type":"Array","element_type":"Int64",'
          '"max_capacity":8}]')
ROWS = ('[{"k":"one","v":[0.5,-1],"b":true,"i8":-5,"f":null,"d":1e-3,"j":{"x":[1]},"a":[1,-2]},'
        '{"a":[],"d":-7,"k":"t\\u00fc","v":[1,1],"b":false,"i8":5,"f":2.5,"j":{}}]')
ONE = [  # a line, and what it prints
    ("create kinds " + FIELDS, "create n=0 | - | []"),
    ("create kinds " + FIELDS, "create n=0 | - | []"),
    ("insert kinds " + ROWS, "insert n=2 | - | []"),
    ('query kinds k=="one" fields=b,i8,f,d,j,a,v',
     'query n=1 | - | [{"k": "one", "v": [0.5, -1], "b": true, "i8": -5, "f": null, "d": 0.001, "j": {"x": [1]}, "a": [1, -2], "$meta": {}}]'),
    ("create docs 3", "create n=0 | - | []"),
    ('insert docs [{"id":1,"vector":[0,0,1],"n":5},{"id":2,"vector":[0,4,0]},{"id":3,"vector":[9,0,0]}]',
     "insert n=3 1 2 3 | - | []"),
    ('upsert docs [{"id":3,"vector":[0,0,3]}]', "upsert n=1 3 | - | []"),
    ("search docs 0,0,1 limit=2 fields=id truth=1,9",
     'search n=2 1 3 @0 @4 recall=0.50 | - | [{"distance": 0, "id": 1, "$meta": {}}, {"distance": 4, "id": 3, "$meta": {}}]'),
    ("query docs id+>+0 fields=count(*)", 'query n=1 | - | [{"count(*)": 3}]'),
    ("delete docs id+in+[2]", "delete n=1 2 | - | []"),
    ("query docs id+==+2 not_empty=1", "query n=0 | nothing was found | []"),
    ("create load 2", "create n=0 | - | []"),  # of several at once this server fails some
    ("search none 1,1", "search n=0 | collection 'none' does not exist (100) | []"),
    ('insert docs [{"id":1}]', 'insert n=0 | invalid rows: one is without "vector" | []'),
    ('insert docs [{"id":"x","vector":[1,2,3]}]', 'insert n=0 | invalid rows: "id" has a value of another type | []'),
    ('insert docs [{"id":4,"vector":[1,2]}]', 'insert n=0 | invalid rows: "vector" is not 3 numbers | []'),
]
LOAD = """create load 2
loop %d
upsert load [{"id":%%u,"vector":[%%u,1],"user":%%u}]
loop %d
search load 1,0.5 limit=5
query load id==%%u fields=id
delete load id==1000%%u""" % (EACH, EACH)


def install():
    if os.path.exists(KEPT + "/done"):
        return
    venv.create(KEPT, with_pip=True, clear=True)
    done = subprocess.run([KEPT + "/bin/pip", "install", "-q", "pymilvus[milvus-lite]==3.0.2", "milvus-lite==3.2.2"],
                          capture_output=True, text=True)
    check(done.returncode == 0, done.stdout, done.stderr)
    open(KEPT + "/done", "w").close()


def load(dir, url):
    program = build("scripted_milvus.c", "-O0")
    r = run(dir, [program, "--headless", "--only-summary", "--host", url],
            env={"MILVUS_SCRIPT": "\n".join(line for line, _ in ONE)})
    same(r.out.splitlines(), [want for _, want in ONE], r)
    r = run(dir, [program, "--headless", "--only-summary", "--host", url, "--users", str(USERS), "--spawn-rate", "1000",
                  "--csv", "out"], env={"MILVUS_SCRIPT": LOAD, "MILVUS_QUIET": "1"}, seconds=120)
    same(r.rc, 0, r)
    rows, _ = stats_csv(dir + "/out")
    same({key: (count(row), failed(row)) for key, row in rows.items()},
         {("milvus", "create"): (USERS, 0), ("milvus", "upsert"): (USERS * EACH, 0), ("milvus", "delete"): (USERS, 0),
          ("milvus", "search"): (USERS * EACH, 0), ("milvus", "query"): (USERS, 0)}, r)
    seen = subprocess.run([KEPT + "/bin/python", "-c", "from pymilvus import MilvusClient as C\nimport sys\nr = C(sys.argv[1])"
                           ".query('load', 'id > 0', output_fields=['*'])\nprint(sorted((x['id'], [float(v) for v in "
                           "x['vector']], x['user']) for x in r))", url], capture_output=True, text=True, timeout=60)
    same(seen.stdout.strip(), str([(i, [float(i), 1.0], i) for i in range(1, USERS + 1)]), seen.stderr)


def main():
    try:
        install()
        dir = tempfile.mkdtemp(prefix="locust-milvus-")
        port = free_port()
        with open(dir + "/log", "w") as log:
            p = subprocess.Popen([KEPT + "/bin/milvus-lite", "server", "--data-dir", dir + "/data", "--port", str(port),
                                  "--host", "127.0.0.1"], stdout=log, stderr=log, cwd=dir)
        try:
            until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 60, "Milvus Lite listens")
            load(dir, "http://127.0.0.1:%d" % port)
        finally:
            p.kill()
            p.wait()
            shutil.rmtree(dir)
        print("ok milvus-lite: what it has is what was sent", flush=True)
        return 0
    except (AssertionError, OSError, subprocess.SubprocessError) as why:
        print("not ok milvus-lite: %s" % str(why)[:1500], flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
