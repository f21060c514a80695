#!/usr/bin/env -S python3 -B
"""Servers that speak MongoDB's protocol, under load: the kit's counts against what pymongo finds in them.

    tests/servers/mongo.py [NAME...]       all, or those; `make servers` does so

FerretDB 1.24 (Go, documents in SQLite), without and with its logins by SCRAM, and mongo-java-server (Maven, documents in
memory, no logins). Neither is MongoDB, which is in no package registry. Installs into build/servers/mongo, where building
FerretDB takes some minutes once.
"""
import json, os, shutil, socket, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__)) + "/mongo"
sys.path.insert(0, os.path.join(HERE, "..", "..", "whole"))
WORDS, sys.argv[1:] = sys.argv[1:], []
try:
    import pymongo
    from bson import json_util
except ImportError:  # Debian's packages are for Debian's Python
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", os.path.abspath(__file__), *WORDS])
    sys.exit("mongo.py: python3-pymongo is missing")
from kit.lib import ROOT, build, check, count, failed, free_port, run, same, stats_csv, until
from kit.pick import pick

KEPT = os.path.join(ROOT, "build", "servers", "mongo")
USERS, EACH, MANY = 20, 10, 1500
FERRET = "github.com/FerretDB/FerretDB@v1.24.2"

NAIVE = json_util.JSONOptions(tz_aware=False)  # dates as pymongo reads them
TYPES = ('{"_id":{"$oid":"5f0000000000000000000001"},"i":1,"l":{"$numberLong":"5"},"d":1.5,"s":"\u00fc\\u0001",'
         '"at":{"$date":"2026-01-01T00:00:00.123Z"},"t":true,"n":null,"a":[1,{"b":{}}],'
         '"b":{"$binary":{"base64":"AQID","subType":"00"}},"r":{"$regularExpression":{"pattern":"^a","options":"i"}},'
         '"ts":{"$timestamp":{"t":5,"i":6}}}')
SCRIPT = """insert types %s
loop %d
insert own {"user":%%u,"n":1}
loop %d
find own {"user":%%u} limit=7 batch=3
update own {"user":%%u} {"$set":{"seen":true}} many=1
update own {"user":%%u,"n":2} {"$set":{"late":1}} upsert=1
delete own {"user":%%u,"n":2}
aggregate own [{"$match":{"user":%%u}},{"$count":"n"}]
command {"count":"own"}
insert own {"_id":5} name=same"""


def do(*argv, cwd=None):
    done = subprocess.run(argv, capture_output=True, text=True, cwd=cwd)
    check(done.returncode == 0, " ".join(argv), done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def ferret():
    """Its command builds from no proxy as it is: the file with its version is not in the module."""
    if not os.path.exists(KEPT + "/ferret"):
        os.makedirs(KEPT + "/go", exist_ok=True)
        with open(KEPT + "/go/go.mod", "w") as f:
            f.write("module servers\n\ngo 1.22\n")
        source = json.loads(do("go", "mod", "download", "-json", FERRET, cwd=KEPT + "/go"))["Dir"]
        shutil.rmtree(KEPT + "/source", ignore_errors=True)
        shutil.copytree(source, KEPT + "/source")
        do("chmod", "-R", "u+w", KEPT + "/source")
        with open(KEPT + "/source/build/version/version.txt", "w") as f:
            f.write("v1.24.2")
        do("go", "build", "-o", KEPT + "/ferret", "./cmd/ferretdb", cwd=KEPT + "/source")
    return lambda dir, port: [KEPT + "/ferret", "--handler=sqlite", "--sqlite-url=file:%s/" % dir, "--state-dir=" + dir,
                              "--listen-addr=127.0.0.1:%d" % port, "--debug-addr=-", "--telemetry=disable"]


def ferret_scram():
    plain = ferret()
    return lambda dir, port: [*plain(dir, port), "--test-enable-new-auth", "--setup-database=t", "--setup-username=u",
                              "--setup-password=p"]


def memory():
    if not os.path.exists(KEPT + "/jars"):
        do("mvn", "-q", "-B", "-f", HERE + "/pom.xml", "dependency:copy-dependencies", "-DoutputDirectory=" + KEPT + "/jars")
    do("javac", "-nowarn", "-cp", KEPT + "/jars/*", "-d", KEPT, HERE + "/Memory.java")
    return lambda dir, port: ["java", "-cp", KEPT + ":" + KEPT + "/jars/*", "Memory", str(port)]


SERVERS = {  # how to start it, user, options of the URL
    "ferretdb": (ferret, "", [""]),
    "ferretdb-scram": (ferret_scram, "u:p@", ["", "?authMechanism=SCRAM-SHA-1", "?authMechanism=SCRAM-SHA-256"]),
    "mongo-java-server": (memory, "", [""]),
}


def load(dir, url):
    """One run; returns its rows."""
    script = SCRIPT % (TYPES, EACH, EACH)
    r = run(dir, [build("scripted_mongo.c"), "--headless", "--only-summary", "--host", url, "--users", str(USERS),
                  "--spawn-rate", "1000", "--csv", "out"], env={"MONGO_SCRIPT": script, "MONGO_QUIET": "1"}, seconds=180)
    rows, _ = stats_csv(dir + "/out")
    check(r.rc == 1, r)
    return {name: (count(row), failed(row)) for (_, name), row in rows.items()}, r


def compare(dir, server, url, client):
    database = client["t"]
    for name in "own", "types", "many":
        database.drop_collection(name)
    rows, r = load(dir, url)
    want = {"connect": (USERS, 0), "insert types": (USERS, USERS - 1), "insert own": (USERS * EACH, 0),
            "find own": (USERS * EACH, 0), "update own": (2 * USERS, 0), "delete own": (USERS, 0),
            "aggregate own": (USERS, 0), "count own": (USERS, 0), "same": (USERS, USERS - 1)}
    check(all(f.startswith("E11000") for f in failures(dir)), failures(dir))
    same(rows, want, r)
    same(database.own.count_documents({"seen": True}), USERS * EACH)
    same(database.own.count_documents({}), USERS * EACH + 1)
    read = database.types.find_one()
    same(read, json_util.loads(TYPES, json_options=NAIVE), server)
    r = run(dir, [build("scripted_mongo.c"), "--headless", "--only-summary", "--host", url],
            env={"MONGO_SCRIPT": "many many %d 100\nfind many - batch=100\nfind types -" % MANY})
    check(r.rc == 0 and "many n=0 inserted=%d | -" % MANY in r.out and "find n=%d batches=" % MANY in r.out, r)
    same(json_util.loads(r.out.splitlines()[2].split(" ", 3)[3].rsplit(" | ", 1)[0], json_options=NAIVE), read)
    same(sorted(d["n"] for d in database.many.find({}, {"n": 1})), list(range(MANY)))


def failures(dir):
    import csv
    with open(dir + "/out_failures.csv") as f:
        return [row["Error"] for row in csv.DictReader(f)]


def one(name):
    start, user, options = SERVERS[name]
    command = start()
    dir = tempfile.mkdtemp(prefix="locust-mongo-")
    os.mkdir(dir + "/data")
    port = free_port()
    with open(dir + "/log", "w") as out:
        p = subprocess.Popen(command(dir + "/data", port), stdout=out, stderr=subprocess.STDOUT, cwd=dir)
    try:
        until(lambda: listens(port), 40, name + " listens")
        for option in options:
            url = "mongodb://%s127.0.0.1:%d/t%s" % (user, port, option)
            with pymongo.MongoClient(url if option or not user else url + "?authMechanism=SCRAM-SHA-256") as client:
                compare(dir, name, url, client)
    finally:
        p.kill()
        p.wait()
        shutil.rmtree(dir)


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def main():
    os.makedirs(KEPT, exist_ok=True)
    bad = []
    for name in pick(WORDS, sorted(SERVERS)):
        try:
            one(name)
            print("ok %s: MongoDB's protocol%s; what it has is what was sent" % (
                name, ", logins by SCRAM-SHA-256 and -1" if SERVERS[name][1] else ""), flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError, pymongo.errors.PyMongoError) as why:
            bad.append(name)
            print("not ok %s: %s" % (name, str(why)[-1500:]), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
