#!/usr/bin/env -S python3 -B
"""MongoDB: against servers of the test's own, which are strict, slow or wrong. None of them is MongoDB, which is in no
package registry; two that speak its protocol are loaded by `make servers`. BSON is compared with that of pymongo.

    tests/whole/test_mongo.py [WORD...]    only the tests whose name contains a word
"""
import datetime, json, os, random, struct, sys
from kit.lib import *
from kit import certs

try:
    import bson
    from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp, json_util
except ImportError:  # Debian's packages are for Debian's Python
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])
    bson = None
if bson:
    from kit.mongo_peer import *

PROGRAM = "scripted_mongo.c"


def speak(dir, url, *script, users=1, rc=0, env=None, args=(), program=None, seconds=60):
    """Runs a script; returns its lines, and the rows {name: (requests, failures)} and failures {(name, error): n}
    of its report."""
    r = run(dir, [program or build(PROGRAM, "-O0"), "--headless", "--only-summary", "--host", url, "--users", str(users),
                  "--spawn-rate", "1000", "--csv", "out", *args],
            env={"MONGO_SCRIPT": "\n".join(script), **(env or {})}, seconds=seconds)
    same(r.rc, rc, r)
    rows, _ = stats_csv(dir + "/out")
    check(all(kind == "MONGODB" for kind, _ in rows), rows)
    fails = {(f["Name"], f["Error"]): int(f["Occurrences"]) for f in read_csv(dir + "/out", "failures")}
    return r.out.splitlines(), {n: (count(x), failed(x)) for (_, n), x in rows.items()}, fails


def wire(name):
    """A test that needs Python's bson."""
    def register(function):
        def run_it(dir):
            if not bson:
                raise Skip("python3-pymongo is missing")
            function(dir)
        return test(name)(run_it)
    return register


# ---- what is sent ----

@wire("documents go out and come back, and each call has its row")
def _(dir):
    store = Store()
    with Mongo(store) as s:
        lines, rows, fails = speak(
            dir, s.to(), 'insert c [{"_id":1,"at":{"$date":"2026-01-01T00:00:00Z"}},{"_id":2}]', "find c -",
            'find c {} limit=1 projection={"x":1} sort={"_id":-1} skip=0 more={"comment":"m"} name=mine',
            'command {"ping":1}', 'command {"count":"c"}', rc=1)
        s.fine()
        until(lambda: "endSessions" in store.counts, 10, "the session ends")
    same(lines, ["insert n=0 inserted=2 | -",
                 'find n=2 batches=1 {"_id": 1, "at": {"$date": "2026-01-01T00:00:00Z"}} {"_id": 2} | -',
                 'find n=1 batches=1 {"_id": 1, "at": {"$date": "2026-01-01T00:00:00Z"}} | -',
                 'command n=1 {"ok": 1} | -', "command n=0 code=59 | no such command: 'count' (59)"])
    same(rows, {"connect": (1, 0), "insert c": (1, 0), "find c": (1, 0), "mine": (1, 0), "ping": (1, 0),
                "count c": (1, 1)})
    same(fails, {("count c", "no such command: 'count' (59)"): 1})
    insert, find, mine, ping, _, end = store.commands
    session = insert["lsid"]["id"]
    check(session.version == 4, session)  # Python reads binary data of subtype 4 as a UUID
    same(insert["documents"][0]["at"], datetime.datetime(2026, 1, 1))
    same({k: v for k, v in find.items() if k != "lsid"}, {"find": "c", "filter": {}, "$db": "t"})
    same({k: v for k, v in mine.items() if k != "lsid"},
         {"find": "c", "filter": {}, "sort": {"_id": -1}, "projection": {"x": 1}, "limit": 1, "comment": "m", "$db": "t"})
    same(ping, {"ping": 1, "$db": "t", "lsid": {"id": session}})
    same(end, {"endSessions": [{"id": session}], "$db": "admin"})


@wire("updates, deletes and aggregations as they go over the wire")
def _(dir):
    got = []

    def serve(p):
        p.hello(logicalSessionTimeoutMinutes=None)
        for answer in ({"n": 1, "nModified": 1, "ok": 1.0},
                       {"n": 1, "nModified": 0, "upserted": [{"index": 0, "_id": 5}], "ok": 1.0},
                       {"n": Int64(3), "nModified": 3.0, "ok": Int64(1)}, {"n": 7, "ok": 1},
                       {"cursor": {"nextBatch": [], "firstBatch": [{"a": 1}], "id": 0, "ns": "t.c"}, "ok": 1.0}):
            got.append(p.command())
            p.answer(answer)
    with Mongo(serve) as s:
        lines, rows, _ = speak(
            dir, s.to(more="?w=majority&journal=true&readConcernLevel=local&readPreference=nearest"),
            'update c {"a":1} {"$set":{"b":2}}', 'update c {"a":9} {"a":9} upsert=1 more={"ordered":false}',
            'update c - [{"$set":{"b":{"$numberLong":"5"}}}] many=1', 'delete c {"b":5} many=1',
            'aggregate c [{"$match":{}}] batch=5')
        s.fine()
    same(lines, ["update n=0 matched=1 modified=1 | -", "update n=0 upserted=1 | -",
                 "update n=0 matched=3 modified=3 | -", "delete n=0 deleted=7 | -", 'aggregate n=1 batches=1 {"a": 1} | -'])
    same(rows, {"connect": (1, 0), "update c": (3, 0), "delete c": (1, 0), "aggregate c": (1, 0)})
    concern = {"writeConcern": {"w": "majority", "j": True}, "$db": "t"}
    reads = {"$readPreference": {"mode": "nearest"}, "readConcern": {"level": "local"}, "$db": "t"}
    same(got, [{"update": "c", "updates": [{"q": {"a": 1}, "u": {"$set": {"b": 2}}, "multi": False, "upsert": False}],
                **concern},
               {"update": "c", "updates": [{"q": {"a": 9}, "u": {"a": 9}, "multi": False, "upsert": True}],
                "ordered": False, **concern},
               {"update": "c", "updates": [{"q": {}, "u": [{"$set": {"b": 5}}], "multi": True, "upsert": False}], **concern},
               {"delete": "c", "deletes": [{"q": {"b": 5}, "limit": 0}], **concern},
               {"aggregate": "c", "pipeline": [{"$match": {}}], "cursor": {"batchSize": 5}, **reads}])


@wire("what hello allows is obeyed: documents, messages and batches")
def _(dir):
    store, sizes = Store(maxWriteBatchSize=30, maxMessageSizeBytes=4000, maxBsonObjectSize=1000), []

    def serve(p):
        p.sizes = sizes
        store(p)
    with Mongo(serve) as s:
        lines, _, fails = speak(dir, s.to(), "many small 100 1", "many large 20 900", "many huge 3 1000",
                                "insert c [{}]", rc=1)
        s.fine()
    same([len(c["documents"]) for c in store.commands if c.get("insert") == "small"], [30, 30, 30, 10])
    same([len(c["documents"]) for c in store.commands if c.get("insert") == "large"], [4] * 5)
    check(max(sizes) <= 4000, sizes)
    same(lines[:2], ["many n=0 inserted=100 | -", "many n=0 inserted=20 | -"])
    same(fails, {("insert huge", "invalid request: a document is larger than the server takes"): 1})
    ids = {d["_id"] for c in store.commands if "insert" in c for d in c["documents"]}
    check(len(ids) == 121 and all(isinstance(i, ObjectId) for i in ids), len(ids))


@wire("batches: all of them, up to a limit, the first alone; cursors are closed")
def _(dir):
    store = Store()
    with Mongo(store) as s:
        lines, _, _ = speak(dir, s.to(), "many c 1000 1", "find c -", "find c - batch=300", "find c - batch=300 limit=650",
                            "find c - batch=10 one=1", 'command {"find":"c","batchSize":400} one=1',
                            'command {"find":"c"} name=x')
        s.fine()
    same([line.split(" {")[0] for line in lines[1:]],
         ["find n=1000 batches=2", "find n=1000 batches=4", "find n=650 batches=3", "find n=10 batches=1",
          "command n=400 batches=1", "command n=1000 batches=2"])
    same(store.cursors, {})
    same([c["batchSize"] for c in store.commands if "getMore" in c and "batchSize" in c], [300, 300, 300, 300, 50])
    same(store.counts["killCursors"], 1)


@wire("errors: of the write, of single documents, of the write concern")
def _(dir):
    concern = {"code": 64, "codeName": "WriteConcernTimeout", "errmsg": "waiting for replication timed out"}
    answers = [{"n": 0, "ok": 1.0, "writeErrors": [{"index": 0, "code": 11000, "errmsg": "E11000 duplicate key error "
                "collection: t.c index: _id_ dup key: { _id: %d }" % n}, {"index": 1, "code": 5, "errmsg": "other"}]}
               for n in (7, 8)]
    answers += [{"n": 1, "ok": 1.0, "writeConcernError": concern},
                {"errmsg": "cursor id 8456321479 not found, 5 tries", "code": 43, "ok": 0.0},
                {"ok": 0, "code": 2, "errmsg": "no document 5f0000000000000000000001\nin\x1bit \xff" + "x" * 500},
                {"ok": 0.0, "$err": "old words", "code": 10}, {"ok": False}]

    def serve(p):
        p.hello()
        for answer in answers:
            p.command()
            p.answer(answer)
    with Mongo(serve) as s:
        lines, rows, fails = speak(dir, s.to(), 'insert c {"_id":7}', 'insert c {"_id":8}', "delete c -", "find c -",
                                   "find c -", "find c -", "find c -", rc=1)
        s.fine()
    same(rows["insert c"], (2, 2))
    same(fails[("insert c", "E11000 duplicate key error collection: t.c index: _id_ (11000)")], 2)
    same(fails[("delete c", "waiting for replication timed out (64)")], 1)
    said = [line.split(" | ")[1] for line in lines[3:]]
    same(said[0], "cursor id N not found, 5 tries (43)")
    check(said[1].startswith("no document ID in it \u00ffxxx") and len(said[1]) < 340, said[1])
    same(said[2:], ["old words (10)", "an error without a sentence (0)"])
    same(lines[0], "insert n=0 code=11000 | E11000 duplicate key error collection: t.c index: _id_ (11000)")


@wire("an insert in several messages: ordered it stops at the first error, unordered it goes on")
def _(dir):
    store = Store(maxWriteBatchSize=2)
    documents = json.dumps([{"_id": n} for n in (1, 2, 2, 3, 4, 5)], separators=(",", ":"))
    with Mongo(store) as s:
        lines, _, _ = speak(dir, s.to(), "insert a " + documents, "insert b %s unordered=1" % documents, rc=1)
        s.fine()
    dup = "code=11000 | E11000 duplicate key error collection: t.c index: _id_ (11000)"
    same(lines, ["insert n=0 inserted=2 " + dup, "insert n=0 inserted=5 " + dup])
    same([len(c["documents"]) for c in store.commands if "insert" in c], [2, 2, 2, 2, 2])


@wire("what a test gives wrong is told before anything is sent")
def _(dir):
    store = Store()
    rows = [("find c {", "invalid request: the filter: no JSON"),
            ("find c []", "invalid request: the filter: no object"),
            ("find - {}", "invalid request: the collection: NULL"),
            ('find c {"a":{"$oid":"x"}}', "invalid request: the filter: a malformed $oid"),
            ("find c {} sort=5", "invalid request: .sort: no object"),
            ("find c {} projection=x", "invalid request: .projection: no JSON"),
            ("find c {} more=[1]", "invalid request: .more: no object"),
            ("insert c 5", "invalid request: what is inserted: no array"),
            ("insert c [5]", "invalid request: what is inserted: no array of objects"),
            ("insert c []", "invalid request: what is inserted: empty"),
            ("insert c -", "invalid request: what is inserted: no JSON"),
            ('insert c [{"a":%s}]' % ("[" * 205 + "]" * 205),
             "invalid request: what is inserted: nested deeper than 200 levels"),
            ("update c {} -", "invalid request: the update: no JSON"),
            ("delete c x", "invalid request: the filter: no JSON"),
            ("aggregate c {}", "invalid request: the pipeline: no array"),
            ("command x", "invalid request: the command: no JSON"),
            ("command {}", "invalid request: the command: empty")]
    with Mongo(store) as s:
        lines, _, _ = speak(dir, s.to(), *(row for row, _ in rows), rc=1)
        s.fine()
        until(lambda: store.counts, 10, "the session ends")
    same([line.split(" | ")[1] for line in lines], [why for _, why in rows])
    same(store.counts, {"endSessions": 1})


# ---- logins ----

@wire("logins: SCRAM-SHA-256, SCRAM-SHA-1, PLAIN, and which one is taken")
def _(dir):
    users = {"u": "p", "a=b,c": "x", "m\u00fc": "p\u00e4ss", "e": "q"}
    seen = []

    def login(**how):
        hello = {k: how.pop(k) for k in ("mechanisms",) if k in how}

        def serve(p):
            got = p.hello(**hello)
            seen.append((got.get("saslSupportedMechs"), *p.login(users, **how)))
            if seen[-1][-1]:
                got = p.command()
                check("lsid" in got, got)
                p.answer({"ok": 1})
        return serve

    def plain(p):
        p.hello()
        got = p.command()
        same((got["mechanism"], bytes(got["payload"]), got["$db"]), ("PLAIN", b"\0u\0p w", "$external"))
        p.answer({"conversationId": 1, "done": True, "payload": Binary(b""), "ok": 1})
        p.command()
        p.answer({"ok": 1})
    rows = [  # connection, user of the URL, options, what hello asked for, mechanism, succeeds
        (login(), "u:p@", "", "t.u", "SCRAM-SHA-256", True),
        (login(empty=True), "u:p@", "?authSource=admin", "admin.u", "SCRAM-SHA-256", True),
        (login(mechanisms=["SCRAM-SHA-1"]), "u:p@", "", "t.u", "SCRAM-SHA-1", True),
        (login(mechanisms=None), "u:p@", "", "t.u", "SCRAM-SHA-1", True),
        (login(), "u:p@", "?authMechanism=SCRAM-SHA-1", None, "SCRAM-SHA-1", True),
        (login(), "a%3Db%2Cc:x@", "?authMechanism=SCRAM-SHA-256", None, "SCRAM-SHA-256", True),
        (login(rounds=15000), "m%C3%BC:p%C3%A4ss@", "", "t.m\u00fc", "SCRAM-SHA-256", True),
        (login(), "u:wrong@", "", "t.u", "SCRAM-SHA-256", False),
        (login(), "nobody:p@", "", "t.nobody", "SCRAM-SHA-256", False),
        (login(), "u:%50@", "?authMechanism=SCRAM-SHA-1", None, "SCRAM-SHA-1", False),
    ]
    with Mongo([row[0] for row in rows] + [plain]) as s:
        script = ["connect url=" + s.to(user, more) + ("\ncommand {\"ping\":1}" if good else "")
                  for _, user, more, _, _, good in rows]
        script.append("connect url=%s user=u password=p\ncommand {\"ping\":1}" % s.to("", "?authMechanism=PLAIN")
                      .replace("password=p", ""))
        script[-1] = "connect url=%s\ncommand {\"ping\":1}" % s.to("u:p%20w@", "?authMechanism=PLAIN")
        lines, _, fails = speak(dir, s.to(), *script, rc=1)
        s.fine()
    same(seen, [(asked, name, good) for _, _, _, asked, name, good in rows])
    same([line.split(" ")[1] for line in lines if line.startswith("connect")], [str(int(r[5])) for r in rows] + ["1"])
    same(fails, {("connect", "Authentication failed. (18)"): 3})


@wire("logins that a server spoils")
def _(dir):
    def after(document):
        def serve(p):
            p.hello()
            p.command()
            p.answer(document)
        return serve

    def spoil(step, change):
        def serve(p):
            p.hello()
            p.login({"u": "p"}, spoil=lambda at, text: change(text) if at == step else text)
        return serve

    def few(p):
        p.hello()
        p.login({"u": "p"}, rounds=4095)

    def other(p):
        p.hello(mechanisms=["GSSAPI", "MONGODB-X509"])
        p.read(1)
    other_nonce = lambda text: "r=AAAAAAAAAAAAAAAAAAAAAAAAAAAAA," + text.split(",", 1)[1]
    payload = lambda text, **more: {"conversationId": 1, "payload": Binary(text), "done": False, "ok": 1, **more}
    rows = [
        (few, "login failed: the server asks for too few rounds of SCRAM"),
        (other, "login failed: the server offers neither SCRAM-SHA-256 nor SCRAM-SHA-1"),
        (spoil(1, lambda text: "x" + text), "login failed: malformed SCRAM message"),
        (spoil(1, lambda text: text.replace("i=4096", "i=99999999999")),
         "login failed: the server asks for more than ten million rounds of SCRAM"),
        (spoil(1, other_nonce), "login failed: the nonce of the server's SCRAM message is not for this login"),
        (spoil(1, lambda text: "m=x," + text), "login failed: the server asks for an extension of SCRAM"),
        (spoil(2, lambda text: "v=" + "A" * 43 + "="), "login failed: the server's SCRAM signature is not of this password"),
        (spoil(2, lambda text: "e=other-error"), "login failed: the server refused it"),
        (after({"payload": Binary(b""), "done": False, "ok": 1}), "malformed answer: no number of the login's conversation"),
        (after({"conversationId": 1, "done": False, "ok": 1}), "malformed answer: no payload in the login"),
        (after(payload(b"", done=True)), "login failed: the server is done before the password was proved"),
        (after({"ok": 0.0, "errmsg": "Unsupported mechanism", "code": 334}), "Unsupported mechanism (334)"),
    ]
    with Mongo([row[0] for row in rows]) as s:
        lines, _, _ = speak(dir, s.to("u:p@"), *["find c -"] * len(rows), rc=1)
        s.fine()
    same([line.split(" | ")[1] for line in lines], [why for _, why in rows])


@wire("the key of a password is made once for all users")
def _(dir):
    def serve(p):
        p.hello()
        check(p.login({"u": "p"}, rounds=50000)[1], "refused")
        while True:
            p.command()
            p.answer({"ok": 1})
    with Mongo(serve) as s:
        _, rows, _ = speak(dir, s.to("u:p@"), 'command {"ping":1}', users=40, env={"MONGO_QUIET": "1"})
        s.fine()
    same(rows, {"connect": (40, 0), "ping": (40, 0)})


# ---- connections ----

@wire("TLS: a certificate that is trusted by the URL's options, and one that is not")
def _(dir):
    pki = certs.Pki(dir + "/pki", "ec")
    server = pki.leaf("server", san="IP:127.0.0.1,DNS:localhost")
    program = build(PROGRAM, "-O0", "-DLOCUST_TLS", libs=TLS)
    with Mongo(Store(), tls=server) as s:
        lines, _, fails = speak(
            dir, s.to(more="?tls=true"), "find c -", "connect url=" + s.to(more="?tls=true&tlsCAFile=" + pki.root),
            "many c 300 100", "find c -", "connect url=" + s.to(more="?ssl=true&tlsInsecure=true"), "find c - limit=1",
            "connect url=" + s.to(more="?tls=true&tlsInsecure=false"), rc=1, program=program)
        s.fine()
    same([line.split(" {")[0].split(" |")[0] for line in lines],
         ["find n=0", "connect 1", "many n=0 inserted=300", "find n=300 batches=2", "connect 1", "find n=1 batches=1",
          "connect 0"])
    same(sum(fails.values()), 2, fails)
    r = run(dir, [build(PROGRAM, "-O0"), "--headless", "--host", s.to(more="?tls=true")], env={"MONGO_SCRIPT": "find c -"})
    check(r.rc and "-DLOCUST_TLS" in r.err, r)


@wire("a connection string that cannot be meant ends the test in words")
def _(dir):
    rows = [("mongodb+srv://h.test/t", "which are not looked up here"), ("mongodb://a,b/t", "names several hosts"),
            ("http://a/t", "the host of a MongoDB user is mongodb://"), ("mongodb://a/t?nosuch=1", "not known here: nosuch"),
            ("mongodb://u@a/t", "a user and no password"), ("mongodb://a/t?w=0", "nothing to time")]
    for url, words in rows:
        r = run(dir, [build(PROGRAM, "-O0"), "--headless", "--host", url], env={"MONGO_SCRIPT": "find c -"})
        check(r.rc == 1 and words in r.err, url, r)


@wire("timeouts, ends and connections anew")
def _(dir):
    def silent(p):
        p.hello()
        p.command()
        p.read(1)  # it goes: an answer that comes too late finds nobody

    def late(p):
        p.hello()
        p.command()
        p.answer({"ok": 1, "n": 1})

    def gone(p):
        p.hello()
        p.command()

    def half(p):
        p.hello()
        p.command()
        p.raw(message(1, p.id, {"ok": 1})[:30])

    def stray(p):  # answers what was not asked first, and something while nobody asks
        p.hello()
        p.command()
        p.raw(message(77, p.id + 1000, {"ok": 1, "n": -1}) + message(78, p.id - 1, {"ok": 0.0}))
        p.answer({"ok": 1, "n": 5})
        p.raw(message(79, p.id, {"ok": 1}))
        p.read(1)

    def idle(p):
        p.hello()
        p.command()
        p.answer({"ok": 1, "n": 6})

    def mute(p):
        p.read(100000)
    with Mongo([silent, late, gone, half, stray, idle, late, mute, late]) as s:
        lines, rows, fails = speak(
            dir, s.to(), 'command {"ping":1} timeout=0.3', 'command {"ping":1}', "sleep 0.2", 'command {"ping":1}',
            'command {"ping":1}', 'command {"ping":1}', "sleep 0.2", 'command {"ping":1}', "sleep 0.2",
            'command {"ping":1}', "connect timeout=0.3", 'command {"ping":1}', rc=1)
        s.fine()
    same(lines, ["command n=0 | timed out", 'command n=1 {"ok": 1, "n": 1} | -',
                 "command n=0 | connection closed by peer",
                 "command n=0 | malformed message: the connection ends in it", 'command n=1 {"ok": 1, "n": 5} | -',
                 'command n=1 {"ok": 1, "n": 6} | -', 'command n=1 {"ok": 1, "n": 1} | -', "connect 0 | timed out",
                 'command n=1 {"ok": 1, "n": 1} | -'])
    same(rows, {"connect": (9, 1), "ping": (8, 3)})


@wire("old servers, those that are no primary, and none at all")
def _(dir):
    got = []

    def old(p):  # knows isMaster alone, as mongo-java-server
        check("hello" in p.command(), "no hello")
        p.answer({"ok": 0, "errmsg": "no such command: 'hello'", "code": 59})
        check("isMaster" in p.command(), "no isMaster")
        p.answer({"ismaster": True, "maxWireVersion": 8, "maxWriteBatchSize": 1000, "ok": 1.0})
        got.append(p.command())
        p.answer({"ok": 1})

    def older(p):
        p.hello(maxWireVersion=5)
        p.read(1)

    def second(p):
        p.hello(isWritablePrimary=False, secondary=True, setName="rs")
        got.append(p.command())
        p.answer({"cursor": {"firstBatch": [], "id": Int64(0), "ns": "t.c"}, "ok": 1})
    with Mongo([old, older, second]) as s:
        lines, _, _ = speak(dir, s.to(), 'command {"ping":1}', "connect", "find c -", rc=1)
        s.fine()
        url = s.to()
    same(lines, ['command n=1 {"ok": 1} | -', "connect 0 | the server is older than MongoDB 3.6", "find n=0 batches=1 | -"])
    same(got[0], {"ping": 1, "$db": "t"})
    same(got[1]["$readPreference"], {"mode": "primaryPreferred"})
    lines, rows, _ = speak(dir, url, "find c -", rc=1)  # nobody listens there now
    same((lines, rows), (["find n=0 | connection refused"], {"connect": (1, 1)}))


@wire("users that are stopped while they wait leave an operation unanswered")
def _(dir):
    def serve(p):
        p.hello()
        p.command()
        p.read(100000)
    with Mongo(serve) as s:
        r = run(dir, [build(PROGRAM, "-O0"), "--headless", "--only-summary", "--host", s.to(), "--users", "3",
                      "--spawn-rate", "100", "--run-time", "1", "--csv", "out"], env={"MONGO_SCRIPT": "find c -"})
        s.fine()
    rows, _ = stats_csv(dir + "/out")
    same({name: count(row) for (_, name), row in rows.items()}, {"connect": 3, "find c": 0})
    check("unanswered" in r.err, r)


@wire("its counts are ours")
def _(dir):
    store = Store()
    with Mongo(store) as s:
        _, rows, _ = speak(dir, s.to(), "loop 10", 'insert c {"user":%u}', "loop 10", "find c - limit=3", users=50,
                           env={"MONGO_QUIET": "1"})
        s.fine()
        until(lambda: store.counts.get("endSessions") == 50, 10, "all sessions end")
    same(rows, {"connect": (50, 0), "insert c": (500, 0), "find c": (500, 0)})
    same(store.counts, {"insert": 500, "find": 500, "endSessions": 50})
    same(len(store.collections["c"]), 500)


# ---- wrong bytes ----

def reply(**more):
    """The bytes of a find's answer with one document, changed."""
    cursor = {"firstBatch": [{"a": 1}], "id": Int64(0), "ns": "t.c"}
    return bson.encode({"cursor": cursor, "ok": 1.0, **more})


def cut(n):
    return lambda id: message(1, id, reply())[:n]


def patched(at, bytes, code=None):
    """The answer with some of its bytes replaced; at < 0: from the document's end."""
    def make(id):
        data = bytearray(message(1, id, reply()))
        where = at if at >= 0 else len(data) + at
        data[where:where + len(bytes)] = bytes
        return bytes_of(data)
    return make


def bytes_of(data):
    return bytes(data)


def sized(length, tail=b""):
    """The answer with another length in its head, and bytes behind it."""
    def make(id):
        data = message(1, id, reply()) + tail
        return struct.pack("<I", length) + data[4:]
    return make


def told(**more):
    return lambda id: message(1, id, reply(**more))


def raw(document):
    return lambda id: message(1, id, document)


def flags(n, tail=b""):
    def make(id):
        data = bytearray(message(1, id, reply()) + tail)
        data[0:4] = struct.pack("<i", len(data))
        data[16:20] = struct.pack("<I", n)
        return bytes(data)
    return make


def wrong_rows():
    malformed, no_bson = "malformed message: ", "malformed message: it is no BSON"
    ends, head = malformed + "the connection ends in it", malformed + "the connection ends in its head"
    cursor = "malformed answer: a cursor without id, ns or batch"
    ok = {"ok": 1.0}
    at_first = len(message(1, 1, reply())) - len(reply())  # where the document is
    return [
        ("nothing", cut(0), "connection closed by peer"), ("one byte", cut(1), head), ("15 bytes", cut(15), head),
        ("the head alone", cut(16), ends), ("half of the flags", cut(18), ends), ("all but a byte", cut(-1), ends),
        ("a length of 0", sized(0), malformed + "it is too short"), ("of 15", sized(15), malformed + "it is too short"),
        ("of 25", sized(25), malformed + "it is too short"), ("of -1", sized(2 ** 32 - 1), "the answer is larger than LOCUST_MAX_BODY"),
        ("of 2^31", sized(2 ** 31), "the answer is larger than LOCUST_MAX_BODY"),
        ("of 1 GB", sized(1 << 30), "the answer is larger than LOCUST_MAX_BODY"),
        ("one byte too many", lambda id: sized(len(message(1, id, reply())) + 1, b"x")(id),
         malformed + "something behind the document"),
        ("one byte too few", lambda id: sized(len(message(1, id, reply())) - 1)(id),
         malformed + "a document longer than the message"),
        ("OP_REPLY", patched(12, struct.pack("<i", 1)), malformed + "not of the kind OP_MSG: is this a MongoDB server, of 3.6 or later?"),
        ("OP_COMPRESSED", patched(12, struct.pack("<i", 2012)), malformed + "it is compressed, which was not asked for"),
        ("HTTP", lambda id: b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
         malformed + "not of the kind OP_MSG: is this a MongoDB server, of 3.6 or later?"),
        ("more to come", flags(2), malformed + "it says that more is to come"),
        ("flag 2", flags(4), malformed + "it has flags that are not known"),
        ("flag 15", flags(1 << 15), malformed + "it has flags that are not known"),
        ("a checksum without its bytes", flags(1), malformed + "a document longer than the message"),
        ("documents first", patched(20, b"\1"), malformed + "it begins with documents"),
        ("a section of kind 2", patched(20, b"\2"), malformed + "it begins with documents"),
        ("a document of length 0", patched(at_first, b"\0\0\0\0"), malformed + "something behind the document"),
        ("a document of length -1", patched(at_first, b"\xff\xff\xff\xff"), malformed + "a document longer than the message"),
        ("a document without its end", patched(-1, b"\1"), no_bson),
        ("an element of type 0x20", patched(at_first + 4, b"\x20"), no_bson),
        ("a name and no value", raw(b"\x0c\0\0\0\x10okokok\0"), no_bson),
        ("a string too long", raw(struct.pack("<i", 17) + b"\2a\0\xff\0\0\0b\0\0\0\0\0"), no_bson),
        ("a boolean of 2", raw(struct.pack("<i", 9) + b"\x08b\0\2\0"), no_bson),
        ("a cursor longer than the document", patched(at_first + 12, b"\xff\xff"), no_bson),
        ("a cursor that is cut", patched(at_first + 12, b"\5\0"), no_bson),
        ("deeper than 200 levels", lambda id: message(1, id, nested(201)), no_bson),
        ("no ok", raw(b"\5\0\0\0\0"), "malformed answer: it does not say whether it is ok"),
        ("ok is a text", told(ok="yes"), "an error without a sentence (0)"),
        ("ok is 2", told(ok=2), "an error without a sentence (0)"),
        ("ok is no number", told(ok=float("nan")), "an error without a sentence (0)"),
        ("an error whose code is a text", told(ok=0, code="x", errmsg="why"), "why (0)"),
        ("an error whose sentence is a number", told(ok=0, code=5, errmsg=7), "an error without a sentence (5)"),
        ("no cursor", raw(bson.encode(ok) if bson else b""), "malformed answer: no cursor"),
        ("a cursor that is a number", told(cursor=5), "malformed answer: no cursor"),
        ("an empty cursor", told(cursor={}), cursor),
        ("no id", told(cursor={"firstBatch": [], "ns": "t.c"}), cursor),
        ("no batch", told(cursor={"id": 0, "ns": "t.c"}), cursor),
        ("the next batch first", told(cursor={"id": 0, "ns": "t.c", "nextBatch": []}), cursor),
        ("a batch that is a document", told(cursor={"id": 0, "ns": "t.c", "firstBatch": {}}), cursor),
        ("an open cursor without a name", told(cursor={"id": 5, "firstBatch": []}), cursor),
        ("an open cursor of no collection", told(cursor={"id": 5, "firstBatch": [], "ns": "t"}), cursor),
        ("a batch of numbers", told(cursor={"id": 0, "ns": "t.c", "firstBatch": [1]}),
         "malformed answer: a batch with something else than documents"),
    ]


def nested(levels):
    document = {}
    for _ in range(levels - 1):
        document = {"a": document}
    data = b"\5\0\0\0\0"
    for _ in range(levels - 1):
        data = b"\3a\0" + data
        data = struct.pack("<i", len(data) + 5) + data + b"\0"
    return data


def serve_wrong(make):
    def serve(p):
        p.hello()
        p.command()
        p.raw(make(p.id))
        p.c.shutdown(1)
        p.read(1 << 20)
    return serve


@wire("wrong bytes in place of an answer, each in words")
def _(dir):
    rows = wrong_rows()
    check(len(rows) >= 40, len(rows))
    with Mongo([serve_wrong(make) for _, make, _ in rows] + [serve_wrong(told())]) as s:
        lines, _, fails = speak(dir, s.to(), *["find c -\nconnect"] * len(rows), rc=1, seconds=120)
        s.fine()
    got = [line.split(" | ")[1] for line in lines if line.startswith("find")]
    wrong = ["%s\n   got  %s\n   want %s" % (name, g, want) for (name, _, want), g in zip(rows, got) if g != want]
    check(not wrong and len(got) == len(rows), *wrong, len(got))


@wire("wrong bytes in place of hello, and of a further batch")
def _(dir):
    def hello(make):
        def serve(p):
            p.command()
            p.raw(make(p.id))
            p.c.shutdown(1)
            p.read(1 << 20)
        return serve

    def batch(*answers):
        def serve(p):
            p.hello()
            p.command()
            p.answer({"cursor": {"firstBatch": [{"a": 1}], "id": Int64(9), "ns": "t.c"}, "ok": 1.0})
            for make in answers:
                got = p.command()
                same((got["getMore"], got["collection"]), (9, "c"))
                p.raw(make(p.id))
            p.c.shutdown(1)
            p.read(1 << 20)
        return serve
    more = lambda **cursor: lambda id: message(1, id, {"cursor": {"id": Int64(9), "ns": "t.c", **cursor}, "ok": 1})
    rows = [(hello(cut(9)), "malformed message: the connection ends in its head"),
            (hello(raw(bson.encode({"ok": 0, "code": 8000, "errmsg": "go away"}))), "go away (8000)"),
            (hello(raw(bson.encode({"ok": 1}))), "the server is older than MongoDB 3.6"),
            (hello(raw(b"\5\0\0\0\0")), "malformed answer: it does not say whether it is ok"),
            (hello(raw(b"\4\0\0\0")), "malformed message: it is too short"),
            (batch(cut(40)), "malformed message: the connection ends in it"),
            (batch(more(firstBatch=[])), "malformed answer: a cursor without id, ns or batch"),
            (batch(more(nextBatch=[{"a": 2}]), more(nextBatch=[7])),
             "malformed answer: a batch with something else than documents"),
            (batch(raw(bson.encode({"ok": 1}))), "malformed answer: no cursor"),
            (batch(raw(bson.encode({"ok": 0, "code": 43, "errmsg": "cursor id 9 not found"}))), "cursor id 9 not found (43)")]
    with Mongo([row[0] for row in rows] + [serve_wrong(told())]) as s:
        lines, _, _ = speak(dir, s.to(), *["find c -"] * 5, *["find c -\nconnect"] * 5, rc=1)
        s.fine()
    same([line.split(" | ")[1] for line in lines if line.startswith("find")], [why for _, why in rows])


# ---- BSON ----

def random_text(r):
    return "".join(r.choice(["a", "Z", '"', "\\", "\n", "\x01", "\u00fc", "\u20ac", "\U0001f600", "/"]) for _ in range(r.randrange(9)))


def random_value(r, depth):
    deeper = depth < 5
    kinds = [lambda: r.choice([1.0, -0.0, 0.1, 1e300, 5e-324, float("inf"), -float("inf"), 1e22, 1e23, r.uniform(-1e9, 1e9)]),
             lambda: struct.unpack("<d", struct.pack("<q", r.randrange(0x7FF0 << 48)))[0],
             lambda: random_text(r) + r.choice(["", "\0"]),
             lambda: random_document(r, depth + 1) if deeper else {},
             lambda: [random_value(r, depth + 1) for _ in range(r.randrange(4))] if deeper else [],
             lambda: Binary(bytes(r.randrange(256) for _ in range(r.randrange(20))), r.choice([0, 1, 2, 5, 0x80])),
             lambda: ObjectId(bytes(r.randrange(256) for _ in range(12))), lambda: r.random() < .5, lambda: None,
             lambda: datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=r.randrange(-10 ** 13, 2 * 10 ** 14)),
             lambda: Regex(random_text(r), r.choice(["", "i", "im"])), lambda: Code(random_text(r)),
             lambda: Code(random_text(r), random_document(r, depth + 1) if deeper else {}),
             lambda: r.choice([0, -1, 2 ** 31 - 1, -2 ** 31]), lambda: Timestamp(r.randrange(2 ** 32), r.randrange(2 ** 32)),
             lambda: Int64(r.choice([2 ** 63 - 1, -2 ** 63, r.randrange(-2 ** 63, 2 ** 63)])),
             lambda: Decimal128("%s%dE%+d" % (r.choice(["", "-"]), r.randrange(10 ** r.randrange(1, 35)), r.randrange(-90, 90))),
             MinKey, MaxKey]
    return r.choice(kinds)()


def random_document(r, depth=0):
    return {"k" + random_text(r): random_value(r, depth) for _ in range(r.randrange(6))}


@wire("BSON and Extended JSON are those of pymongo")
def _(dir):
    seed = random.randrange(10 ** 9)
    r, options = random.Random(seed), json_util.JSONOptions
    canonical = options(json_mode=json_util.JSONMode.CANONICAL)
    relaxed = options(json_mode=json_util.JSONMode.RELAXED)
    asked, documents = [], []
    for _ in range(1500):
        data = bson.encode(random_document(r))
        documents.append(data)
        asked += ["B " + data.hex(), "J " + json_util.dumps(bson.decode(data), json_options=canonical)]
    answers = subprocess.run([build("extended_json.c", "-O0")], input="\n".join(asked) + "\n", capture_output=True,
                             text=True, timeout=60).stdout.split("\n")
    for i, data in enumerate(documents):
        text, back = answers[2 * i], answers[2 * i + 1]
        same(back, data.hex(), "seed %d" % seed, asked[2 * i + 1])
        want = json_util.loads(json_util.dumps(bson.decode(data), json_options=relaxed), json_options=relaxed)
        got = json_util.loads(text, json_options=relaxed)
        same(bson.encode(got), bson.encode(want), "seed %d" % seed, text)


if __name__ == "__main__":
    main(parallel=4)
