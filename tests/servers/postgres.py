#!/usr/bin/env -S python3 -B
"""Servers that speak PostgreSQL's protocol, under load: the kit's counts against what each has in the end.

    tests/servers/postgres.py [NAME...]       all, or those; `make servers` does so

pgbouncer (Debian), which pools by session and by transaction in front of PostgreSQL; PGlite (npm), PostgreSQL in
WebAssembly, one connection at a time; H2 (Maven), another database. (PostgreSQL itself is in
tests/whole/test_postgres.py.) Users insert rows, by a prepared statement and by a plain one, and read them. Installs into
build/servers/postgres.
"""
import contextlib, glob, os, re, shutil, socket, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "whole"))
WORDS, sys.argv[1:] = sys.argv[1:], []
from kit.lib import ROOT, build, check, count, failed, free_port, read_csv, run, same, stats_csv, until
from kit.pick import pick
from kit.postgres import PASSWORD, Postgres, as_user

KEPT = os.path.join(ROOT, "build", "servers", "postgres")
EACH = 20
MISSING = "select * from nosuch"


def do(*argv, cwd=None):
    done = subprocess.run(argv, capture_output=True, text=True, cwd=cwd)
    check(done.returncode == 0, " ".join(argv), done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def process(argv, port, **more):
    with tempfile.TemporaryFile("w+") as out:
        p = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **more)
        try:
            def there():
                out.seek(0)
                check(p.poll() is None, argv[0], "has ended", out.read()[-2000:])
                return listens(port)
            until(there, 40, argv[0] + " listens")
            yield p
        finally:
            p.terminate()
            p.wait(20)


def load(dir, url, users, error, options=""):
    """Each user inserts EACH rows by either protocol, and reads them."""
    script = ["connect" + options, "loop %d" % EACH, "prepare insert into load_t values ($1) | 1",
              "loop %d" % EACH, "query insert into load_t values (2)", "name read", "prepare select count(*) from load_t where n = $1 | 1",
              "query " + MISSING, "query select 1 as one; select 2 as two", "disconnect", "query select 3 as three"]
    r = run(dir, [build("scripted_postgres.c"), "--headless", "--only-summary", "--host", url, "--users", str(users),
                  "--spawn-rate", "1000", "--csv", "out"], env={"PG_SCRIPT": "\n".join(script)}, seconds=120)
    same(r.rc, 1, r)  # for the table that is missing
    rows, _ = stats_csv(dir + "/out")
    rows = {name: (count(row), failed(row)) for (_, name), row in rows.items()}
    same(rows, {"connect": (2 * users, 0), "insert into load_t values ($1)": (EACH * users, 0),
                "insert into load_t values (2)": (EACH * users, 0), "read": (users, 0), MISSING: (users, users),
                "select 1 as one; select 2 as two": (users, 0), "select 3 as three": (users, 0)}, r)
    fails = {f["Error"] for f in read_csv(dir + "/out", "failures")}
    check(len(fails) == 1 and re.fullmatch(error, *fails), fails)
    same(len(re.findall(r"^query two / 2 \|", r.out, re.M)), users, r.out[-2000:])
    same(len(re.findall(r"^query three / 3 \|", r.out, re.M)), users, r.out[-2000:])


def pgbouncer(dir):
    root = KEPT + "/pgbouncer"
    if not os.path.exists(root + "/usr/sbin/pgbouncer"):
        os.makedirs(KEPT + "/debs", exist_ok=True)
        for package in "pgbouncer", "libevent-2.1-7", "libc-ares2":
            do("apt-get", "-q", "download", package, cwd=KEPT + "/debs")
            do("dpkg-deb", "-x", glob.glob("%s/debs/%s_*.deb" % (KEPT, package))[0], root)
    libraries = ":".join(glob.glob(root + "/usr/lib/*-linux-gnu*"))
    with Postgres() as pg:
        pg.psql("create table load_t (n int); grant all on load_t to public")
        for mode, options in ("session", ""), ("transaction", " max_prepared=-1"):
            port = free_port()
            pg.psql("truncate load_t")
            pg.write("pgbouncer.txt", '"md5_u" "%s"\n"scram_u" "%s"\n' % (PASSWORD, PASSWORD))
            pg.write("pgbouncer.ini", """[databases]
shop = host=127.0.0.1 port=%d
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = scram-sha-256
auth_file = %s/pgbouncer.txt
pool_mode = %s
max_client_conn = 200
default_pool_size = %d
""" % (pg.port, port, pg.dir, mode, 30 if mode == "session" else 5))
            with process([*as_user(), "env", "LD_LIBRARY_PATH=" + libraries, root + "/usr/sbin/pgbouncer",
                          pg.dir + "/pgbouncer.ini"], port, cwd="/"):
                load(dir, "postgresql://scram_u:%s@127.0.0.1:%d/shop" % (PASSWORD, port), 20,
                     r"42P01: relation \.\.\. does not exist", options)
            same(pg.psql("select n, count(*) from load_t group by n order by n"), "1|%d\n2|%d" % (20 * EACH, 20 * EACH))
            yield mode


def pglite(dir):
    where = KEPT + "/pglite"
    if not os.path.exists(where + "/node_modules/@electric-sql/pglite-socket"):
        do("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", where, "@electric-sql/pglite@0.5.14",
           "@electric-sql/pglite-socket@0.2.17")
    port = free_port()
    with process(["node", where + "/node_modules/@electric-sql/pglite-socket/dist/scripts/server.js", "--port=%d" % port,
                  "--host=127.0.0.1"], port, cwd=where):
        # All over one connection: it resets most that come right after the end of another.
        script = ["query create table load_t (n int)", "loop %d" % EACH, "prepare insert into load_t values ($1) | 1",
                  "loop %d" % EACH, "query insert into load_t values (2)", "query " + MISSING,
                  "query select count(*) as found from load_t where n = 1", "query select count(*) as found from load_t where n = 2"]
        r = run(dir, [build("scripted_postgres.c"), "--headless", "--only-summary", "--host",
                      "postgresql://postgres@127.0.0.1:%d/postgres?sslmode=disable" % port], env={"PG_SCRIPT": "\n".join(script)})
        same(r.rc, 1, r)
        same([line for line in r.out.splitlines()[-3:]],
             ["query | - affected=0 I 42P01 | 42P01: relation ... does not exist"] +
             ["query found / %d | SELECT 1 affected=1 I | -" % EACH] * 2, r.out)
        same(r.out.count("| INSERT 0 1 affected=1 I | -"), 2 * EACH, r.out)
    yield "one user"


def h2(dir):
    jar = KEPT + "/h2.jar"
    if not os.path.exists(jar):
        do("mvn", "-q", "-B", "dependency:copy", "-Dartifact=com.h2database:h2:2.5.252", "-DoutputDirectory=" + KEPT)
        os.rename(glob.glob(KEPT + "/h2-*.jar")[0], jar)
    port = free_port()
    with process(["java", "-cp", jar, "org.h2.tools.Server", "-pg", "-pgPort", str(port), "-ifNotExists", "-baseDir", dir],
                 port, cwd=dir):
        own(dir, "postgresql://sa:sa@127.0.0.1:%d/shop;DB_CLOSE_DELAY=-1" % port, 10, r"42S0[24]: .*")
    yield "10 users"


def own(dir, url, users, error):
    """Makes the table by our own client, loads, and counts by it."""
    def say(*script):
        r = run(dir, [build("scripted_postgres.c"), "--headless", "--only-summary", "--host", url],
                env={"PG_SCRIPT": "\n".join(script)})
        same(r.rc, 0, r)
        return r.out.splitlines()
    say("query create table load_t (n int)")
    load(dir, url, users, error)
    # It answers a statement that it cannot parse by an error, and then runs the one before it: so ours waits for the former.
    r = run(dir, [build("scripted_postgres.c"), "--headless", "--only-summary", "--host", url],
            env={"PG_SCRIPT": "prepare insert into load_t values ($1) | 3\nloop 3\nprepare insert into nosuch values ($1) | 4"})
    same(r.rc, 1, r)
    same(r.out.count("INSERT 0 1"), 1, r.out)
    for n, want in (1, users * EACH), (2, users * EACH), (3, 1), (4, 0):
        line = say("query select count(*) as found from load_t where n = %d" % n)[0]
        check("/ %d |" % want in line, n, line)


SERVERS = {"pgbouncer": pgbouncer, "pglite": pglite, "h2": h2}


def main():
    os.makedirs(KEPT, exist_ok=True)
    bad = []
    for name in pick(WORDS, sorted(SERVERS)):
        dir = tempfile.mkdtemp(prefix="locust-postgres-")
        try:
            for what in SERVERS[name](dir):
                print("ok %s, %s: its rows are those that were inserted" % (name, what), flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError) as why:
            bad.append(name)
            print("not ok %s: %s" % (name, str(why)[-1500:]), flush=True)
        finally:
            shutil.rmtree(dir, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
