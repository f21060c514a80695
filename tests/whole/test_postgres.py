#!/usr/bin/env -S python3 -B
"""PostgreSQL: against a server of its own, and against servers of the test's that are strict, slow or wrong."""
import base64, hashlib, hmac, os, re, socket, struct, threading, time
from kit.lib import *
from kit import certs
from kit.postgres import *

PROGRAM = "scripted_postgres.c"


def speak(dir, url, *script, users=1, rc=0, env=None, program=None, seconds=60):
    """Runs a script; returns its lines, the rows {name: (requests, failures)} and the failures {(name, error): n}."""
    r = run(dir, [program or build(PROGRAM, "-O0"), "--headless", "--only-summary", "--host", url, "--users", str(users),
                  "--spawn-rate", "1000", "--csv", "out"], env={"PG_SCRIPT": "\n".join(script), **(env or {})},
            seconds=seconds)
    same(r.rc, rc, r)
    rows, _ = stats_csv(dir + "/out")
    check(all(kind == "POSTGRES" for kind, _ in rows), rows)
    fails = {(f["Name"], f["Error"]): int(f["Occurrences"]) for f in read_csv(dir + "/out", "failures")}
    return r.out.splitlines(), {n: (count(x), failed(x)) for (_, n), x in rows.items()}, fails


def gave(lines, *want):
    """Each line of the script, without the name of its command; None: any."""
    got = [line.split(" ", 1)[1] for line in lines]
    check(len(got) == len(want) and all(w is None or g == w for g, w in zip(got, want)),
          "\n".join(got), "-- want", "\n".join(map(str, want)))


# ---- PostgreSQL itself ----

ITEMS = """create table items (id int primary key, name text, price numeric);
insert into items values (1, 'one', 1.50), (2, null, 3), (3, 'three', 20);
grant all on items to public; grant all on schema public to public; alter table items owner to trust_u"""


@test("PostgreSQL: logins, queries, transactions, COPY, cancelling")
def _(dir):
    pki = certs.Pki(dir + "/pki", "ec")
    pki.server = pki.leaf("server", san="IP:127.0.0.1,DNS:localhost")
    client = pki.leaf("cert_u", san="", usage="clientAuth")
    tls = build(PROGRAM, "-O0", "-DLOCUST_TLS", libs=TLS)
    with Postgres(pki=pki) as pg:
        pg.psql(ITEMS)
        queries(dir, pg)
        logins(dir, pg, pki, client, tls)
        counts(dir, pg)
        losses(dir, pg)


def queries(dir, pg):
    lines, rows, fails = speak(
        dir, pg.url(), "query select * from items order by id", "name cheap",
        "prepare select id, name from items where price < $1 order by id | 9.99", "name cheap",
        "prepare select id, name from items where price < $1 order by id | 99.9",
        "prepare insert into items values ($1, $2, $3) | 7 | \\N | 0.5", "query select name from items where id = 7",
        "query select 1; select 2 as b, 3 as c; update items set price = 1 where id > 2", "query select * from nosuch",
        "query begin", "query select broken", "query select 1", "query rollback", "query copy items to stdout",
        "prepare copy items to stdout", "query copy items from stdin", "prepare copy items from stdin", "query ",
        "query do $$ begin raise notice 'hello'; raise warning 'world'; end $$", "prepare select $1::int | x",
        "prepare select 1 | 2", "query select", "timeout 0.2", "query select pg_sleep(30)", "query select 4 as four",
        "timeout 0.2", "prepare select pg_sleep(30)", "prepare select 5 as five",
        "query set client_min_messages to error", "query alter table items add column more int",
        "prepare select * from items where id = 1", "query alter table items drop column more",
        "prepare select * from items where id = 1", "prepare select * from items where id = 1",
        "query deallocate all", "name cheap", "prepare select id, name from items where price < $1 order by id | 1",
        "name cheap", "prepare select id, name from items where price < $1 order by id | 1", rc=1)
    gave(lines, "id,name,price / 1,one,1.50 / 2,NULL,3 / 3,three,20 | SELECT 3 affected=3 I | -",
         "id,name / 1,one / 2,NULL | SELECT 2 affected=2 I | -",
         "id,name / 1,one / 2,NULL / 3,three | SELECT 3 affected=3 I | -", "| INSERT 0 1 affected=1 I | -",
         "name / NULL | SELECT 1 affected=1 I | -", "b,c / 2,3 | UPDATE 2 affected=4 I | -",
         "| - affected=0 I 42P01 | 42P01: relation ... does not exist", "| BEGIN affected=0 T | -",
         "| - affected=0 E 42703 | 42703: column ... does not exist",
         "| - affected=0 E 25P02 | 25P02: current transaction is aborted, commands ignored until end of transaction block",
         "| ROLLBACK affected=0 I | -", "| COPY 4 affected=4 I | -", "| COPY 4 affected=4 I | -",
         "| - affected=0 I 57014 | 57014: COPY from stdin failed: locust.h has no COPY FROM STDIN",
         "| - affected=0 I 57014 | 57014: COPY from stdin failed: locust.h has no COPY FROM STDIN",
         "| - affected=0 I | -", "| DO affected=0 I notices=2 world | -",
         "int4 | - affected=0 I 22P02 | 22P02: invalid input syntax for type integer: ...",
         "?column? | - affected=0 I 08P01 | 08P01: bind message supplies ... parameters, but prepared statement ... requires ...",
         "| SELECT 1 affected=1 I | -", "pg_sleep | - affected=0 I | timed out", "four / 4 | SELECT 1 affected=1 I | -",
         "pg_sleep | - affected=0 I | timed out", "five / 5 | SELECT 1 affected=1 I | -", None, None,
         "id,name,price,more / 1,one,1.50,NULL | SELECT 1 affected=1 I | -", None,
         "id,name,price,more | - affected=0 I 0A000 | 0A000: cached plan must not change result type",
         "id,name,price / 1,one,1.50 | SELECT 1 affected=1 I | -", "| DEALLOCATE ALL affected=0 I | -",
         "id,name | - affected=0 I 26000 | 26000: prepared statement ... does not exist",
         "id,name | SELECT 0 affected=0 I | -")
    same(rows["cheap"], (4, 1))
    same(rows["connect"], (1, 0))
    same(fails[("select pg_sleep(30)", "timed out")], 2)
    same(pg.psql("select count(*) from pg_stat_activity where query like '%pg_sleep(30)' and state = 'active'"), "0")


def logins(dir, pg, pki, client, tls):
    who = "query select current_user, ssl from pg_stat_ssl where pid = pg_backend_pid()"
    trust = {"PG_CACERT": pki.root}
    def row(user, ssl):
        return "current_user,ssl / %s,%s | SELECT 1 affected=1 I | -" % (user, "t" if ssl else "f")
    for user in "trust_u", "clear_u", "md5_u", "scram_u":
        gave(speak(dir, pg.url(user), who)[0], row(user, False))
    here = "postgresql://trust_u@/shop?host=%s&port=%d" % (pg.socket_dir.replace("/", "%2F"), pg.port)
    gave(speak(dir, here, who)[0], row("trust_u", False))
    for user, password, error in (("deny_u", "secret", "28000: pg_hba.conf rejects connection for host ..., user ..., "
                                   "database ..., no encryption"),
                                  ("ssl_u", "secret", "28000: no pg_hba.conf entry for host ..., user ..., database ..., "
                                   "no encryption"),
                                  ("scram_u", "wrong", "28P01: password authentication failed for user ..."),
                                  ("md5_u", "wrong", "28P01: password authentication failed for user ..."),
                                  ("clear_u", "wrong", "28P01: password authentication failed for user ...")):
        lines, rows, fails = speak(dir, pg.url(user, password=password), "query select 1", rc=1)
        gave(lines, "| - affected=0 0 %s | %s" % (error[:5], error))
        same((rows, fails), ({"connect": (1, 1)}, {("connect", error): 1}))
    for url, want in (
            (pg.url("ssl_u"), row("ssl_u", True)),
            (pg.url("ssl_u", "?sslmode=allow"), row("ssl_u", True)),
            (pg.url("scram_u", "?sslmode=allow"), row("scram_u", False)),
            (pg.url("nossl_u"), row("nossl_u", False)),
            (pg.url("scram_u", "?sslmode=disable"), row("scram_u", False)),
            (pg.url("scram_u", "?sslmode=require&channel_binding=require"), row("scram_u", True)),
            (pg.url("scram_u", "?sslmode=require&channel_binding=disable"), row("scram_u", True)),
            (pg.url("scram_u", "?sslmode=verify-full"), row("scram_u", True)),
            (pg.url("scram_u", "?sslmode=verify-full&sslrootcert=" + pki.root), row("scram_u", True)),
            (pg.url("cert_u", "?sslmode=require&sslcert=%s&sslkey=%s" % (client.chain, client.key)), row("cert_u", True)),
            (here + "&sslmode=require", row("trust_u", False))):
        gave(speak(dir, url, who, env=trust, program=tls)[0], want)
    other = certs.Pki(dir + "/other", "ec")
    for url, error in (
            (pg.url("scram_u", "?sslmode=verify-full&sslrootcert=" + other.root), "certificate has an unknown issuer"),
            (pg.url("scram_u", "?sslmode=require&sslrootcert=" + other.root), "certificate has an unknown issuer"),
            (pg.url("scram_u", "?sslmode=disable&channel_binding=require"),
             "login failed: there is no channel binding, which the URL requires"),
            (pg.url("trust_u", "?sslmode=require&channel_binding=require"),
             "login failed: there is no channel binding, which the URL requires"),
            (pg.url("nossl_u", "?sslmode=require"), "28000: no pg_hba.conf entry for host ..., user ..., database ..., "
             "SSL encryption")):
        same(speak(dir, url, "connect", env=trust, program=tls, rc=1)[2], {("connect", error): 1}, url)
    # Over TLS a query is cancelled over TLS.
    gave(speak(dir, pg.url("ssl_u", "?sslmode=require"), "timeout 0.2", "query select pg_sleep(30)", "query select 1 as one",
               env=trust, program=tls, rc=1)[0], "pg_sleep | - affected=0 I | timed out", "one / 1 | SELECT 1 affected=1 I | -")
    r = run(dir, [build(PROGRAM, "-O0"), "--headless", "--host", pg.url("ssl_u", "?sslmode=require")],
            env={"PG_SCRIPT": "query select 1"})
    check(r.rc and "-DLOCUST_TLS" in r.err, r)


def counts(dir, pg):
    before = pg.log()
    _, rows, _ = speak(dir, pg.url("scram_u", "?application_name=counted&options=-c%20work_mem%3D1MB"), "loop 10",
                       "query select 'simple'", "loop 20",
                       "prepare select 'prepared', $1::int | 1", users=30, env={"PG_QUIET": "1"})
    same(rows, {"connect": (30, 0), "select 'simple'": (300, 0), "select 'prepared', $1::int": (600, 0)})
    log = pg.log()[len(before):]
    same(log.count("statement: select 'simple'"), 300)
    same(len(re.findall(r"execute locust_\w+: select 'prepared'", log)), 600)


def losses(dir, pg):
    """A connection that ends while its user sleeps, and one that ends in a query."""
    kill = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'md5_u'"
    with Program(dir, [build(PROGRAM, "-O0"), "--headless", "--only-summary", "--host", pg.url("md5_u"), "--csv", "out"],
                 env={"PG_SCRIPT": "query select 1 as a\nsleep 1.5\nquery select 2 as b\nquery select pg_sleep(30)\n"
                      "query select 3 as c"}) as p:
        until(lambda: "md5_u" in pg.psql("select usename from pg_stat_activity where query = 'select 1 as a'"), 30, "a query")
        same(pg.psql(kill), "t")
        until(lambda: "md5_u" in pg.psql("select usename from pg_stat_activity where query like '%pg_sleep%' and "
                                         "usename = 'md5_u'"), 30, "the other")
        same(pg.psql(kill), "t")
        r = p.wait(60)
    same(r.rc, 1, r)
    gone = "57P01: terminating connection due to administrator command"
    gave(r.out.splitlines(), "a / 1 | SELECT 1 affected=1 I | -", "b / 2 | SELECT 1 affected=1 I | -",
         "pg_sleep | - affected=0 0 57P01 | " + gone, "c / 3 | SELECT 1 affected=1 I | -")
    same({(f["Name"], f["Error"]) for f in read_csv(dir + "/out", "failures")},
         {("disconnect", gone), ("select pg_sleep(30)", gone)})


# ---- servers that are wrong ----

NOT_IT = "the server does not speak PostgreSQL"
MALFORMED, UNEXPECTED = "malformed message of the server", "unexpected message of the server"
CLOSED, TOO_LONG = "connection closed by peer", "message of the server too long"
NO_MECHANISM = "login failed: the server has no mechanism of SASL that this kit has"
NO_PROOF = "login failed: the server does not prove that it knows the password"
SASL = auth(10, b"SCRAM-SHA-256\0\0")


def scram(first="r={nonce}more,s=c2FsdA==,i=2", final=None, after=LOGGED_IN):
    """A server that asks for SCRAM; `final`: what it says at the end; None: what is right."""
    def serve(peer):
        peer.send(SASL)
        kind, body = peer.next()
        bare = body.split(b"\0", 1)[1][4:].split(b",", 2)[2]
        text = first.format(nonce=re.search(rb"r=(.*)", bare)[1].decode()).encode()
        peer.send(auth(11, text))
        kind, body = peer.next()
        salted = hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 2)
        key = hmac.digest(salted, b"Server Key", "sha256")
        signed = hmac.digest(key, bare + b"," + text + b"," + body.rsplit(b",p=", 1)[0], "sha256")
        right = b"v=" + base64.b64encode(signed)
        peer.send(*([auth(12, final if final is not None else right)] if final != b"" else []), after)
    return serve


#          what it is, what the server sends when it has read StartupMessage, the error; None: it goes well
LOGINS = [
    ("closes at once", b"", CLOSED),
    ("HTTP", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", NOT_IT),
    ("SSH", b"SSH-2.0-OpenSSH_9.2p1\r\n", NOT_IT),
    ("a length below 4", b"R\0\0\0\3", NOT_IT),
    ("another message first", columns("a"), NOT_IT),
    ("a request without a code", m("R"), MALFORMED),
    ("GSSAPI", auth(7), "login failed: the server asks for one that this kit does not have, such as GSSAPI"),
    ("an unknown request", auth(99), "login failed: the server asks for one that this kit does not have, such as GSSAPI"),
    ("a salt of 3 bytes", auth(5, b"abc"), MALFORMED),
    ("a salt of 5 bytes", auth(5, b"abcde"), MALFORMED),
    ("more than a request for a password", auth(3, b"x"), MALFORMED),
    ("more than OK", auth(0, b"x") + READY, MALFORMED),
    ("OK, and closes", OK, CLOSED),
    ("ready before OK", READY, MALFORMED),
    ("a key before OK", KEY + LOGGED_IN, MALFORMED),
    ("a key of 7 bytes", OK + m("K", b"1234567") + READY, MALFORMED),
    ("a key of 9 bytes", OK + m("K", b"123456789") + READY, MALFORMED),
    ("a parameter without a value", OK + m("S", b"a\0") + READY, MALFORMED),
    ("a parameter that does not end", OK + m("S", b"a\0b") + READY, MALFORMED),
    ("OK twice", OK + LOGGED_IN, MALFORMED),
    ("an error", error("53300", "sorry, too many clients already", "FATAL"), "53300: sorry, too many clients already"),
    ("an error after OK", OK + error("3D000", 'database "x" does not exist', "FATAL"), "3D000: database ... does not exist"),
    ("an error without fields", m("E", b"\0"), "the server refused, and does not say why"),
    ("an error without a code", m("E", b"SFATAL\0Mno such user 17\0\0"), "no such user ..."),
    ("an error that does not end", m("E", b"SFATAL\0Mno"), MALFORMED),
    ("an error with something behind it", m("E", b"SFATAL\0\0x"), MALFORMED),
    ("an error in another order, two lines", m("E", b"C28000\0Mno\nway\0SFATAL\0\0"), "28000: no"),
    ("an error of control characters", m("E", b"C28000\0Mno \x1b[2J way\xff\0SFATAL\0\0"), "28000: no  [2J way?"),
    ("no mechanism", auth(10, b"\0"), NO_MECHANISM),
    ("a list of mechanisms without an end", auth(10, b"SCRAM-SHA-256\0"), MALFORMED),
    ("a mechanism without an end", auth(10, b"SCRAM-SHA-256"), MALFORMED),
    ("channel binding without TLS", auth(10, b"SCRAM-SHA-256-PLUS\0\0"), NO_MECHANISM),
    ("another mechanism", auth(10, b"OAUTHBEARER\0\0"), NO_MECHANISM),
    ("the second step of SASL first", auth(11, b"r=x"), MALFORMED),
    ("the last step of SASL first", auth(12, b"v=x"), MALFORMED),
    ("SASL twice", SASL + SASL, MALFORMED),
    ("SASL, and OK without a proof", SASL + LOGGED_IN, NO_PROOF),
    ("SCRAM as it should be", scram(), None),
    ("SCRAM with another nonce", scram("r=x{nonce},s=c2FsdA==,i=2"),
     "login failed: the nonce of the server's SCRAM message is not for this login"),
    ("SCRAM without rounds", scram("r={nonce}x,s=c2FsdA==,i=0"), "login failed: malformed SCRAM message"),
    ("SCRAM for hours", scram("r={nonce}x,s=c2FsdA==,i=2000000000"),
     "login failed: the server asks for more than ten million rounds of SCRAM"),
    ("SCRAM with a wrong signature", scram(final=b"v=" + base64.b64encode(b"x" * 32)),
     "login failed: the server's SCRAM signature is not of this password"),
    ("SCRAM with an error", scram(final=b"e=other-error"), "login failed: the server refused it"),
    ("SCRAM without its end", scram(final=b""), NO_PROOF),
    ("SCRAM, ended twice", scram(after=auth(12, b"v=x")), MALFORMED),
    ("a message of 2 MB", OK + b"N" + struct.pack(">I", 2 << 20), TOO_LONG),
    ("a message of 2 GB", OK + b"S" + struct.pack(">I", 0x7FFFFFFF), TOO_LONG),
    ("a message of 4 GB", OK + b"S\xff\xff\xff\xff", MALFORMED),
    ("a row as an answer to a login", OK + row(b"1"), UNEXPECTED),
    ("a state that is none", OK + m("Z", b"X"), MALFORMED),
    ("a state of two", OK + m("Z", b"II"), MALFORMED),
    ("another version", m("v", struct.pack(">II", 0, 0)) + LOGGED_IN, None),
    ("another version, cut", m("v", b"\0\0\0\0") + LOGGED_IN, MALFORMED),
    ("notices", OK + error("00000", "hello", "NOTICE", "N") * 1000 + LOGGED_IN[len(OK):], None),
    ("silence", None, "timed out"),
]

COPY_FORMAT = b"\0\0\1\0\0"
MISSING = "42P01: relation ... does not exist"
LARGE = "the result is larger than .max_result, which is LOCUST_MAX_BODY by default"
NOBODY = "the server sent an answer that nobody asked for"

#           what it is, the answer to "select 1", the error; None: it goes well
ANSWERS = [
    ("a row", columns("a") + row(b"1") + done("SELECT 1") + READY, None),
    ("no count", columns("a") + row(b"1") + done("SELECT") + READY, None),
    ("nothing but the end", READY, None),
    ("columns that are not there", m("T", b"\0\2" + columns("a")[7:]) + READY, MALFORMED),
    ("65535 columns", m("T", b"\xff\xff") + READY, MALFORMED),
    ("something behind the columns", m("T", columns("a")[5:] + b"x") + READY, MALFORMED),
    ("a binary column", columns("a", format=1) + READY, MALFORMED),
    ("a row without columns", row(b"1") + READY, MALFORMED),
    ("a row with a value too many", columns("a") + row(b"1", b"2") + READY, MALFORMED),
    ("a row with a value too few", columns("a", "b") + row(b"1") + READY, MALFORMED),
    ("a value longer than its row", columns("a") + m("D", b"\0\1\0\0\0\7abc") + READY, MALFORMED),
    ("a value of a negative length", columns("a") + m("D", b"\0\1\xff\xff\xff\xfeabc") + READY, MALFORMED),
    ("something behind a row", columns("a") + m("D", b"\0\1\0\0\0\1ab") + READY, MALFORMED),
    ("a row without a number of values", columns("a") + m("D", b"\0") + READY, MALFORMED),
    ("a command that does not end", m("C", b"SELECT 1") + READY, MALFORMED),
    ("two commands in one", m("C", b"SELECT 1\0x\0") + READY, MALFORMED),
    ("a row after the command", columns("a") + done("SELECT 0") + row(b"1") + READY, MALFORMED),
    ("a count of many digits", done("SELECT 99999999999999999999") * 3 + READY, None),
    ("closes after the command", done("SELECT 0"), CLOSED),
    ("closes in a row", columns("a") + row(b"12345")[:-2], CLOSED),
    ("a state that is none", done("SELECT 0") + m("Z", b"Q"), MALFORMED),
    ("an error", error() + READY, MISSING),
    ("an error after a row", columns("a") + row(b"1") + error() + READY, MISSING),
    ("two errors", error() + error("XX000", "no") + READY, MISSING),
    ("an error and silence behind it", error(), CLOSED),
    ("a fatal error", error("57P01", "terminating connection", "FATAL"), "57P01: terminating connection"),
    ("an error that does not end", m("E", b"C42P01"), MALFORMED),
    ("an answer of the other protocol", m("2") + READY, UNEXPECTED),
    ("a request for a password", auth(3) + READY, UNEXPECTED),
    ("a suspended portal", m("s") + READY, UNEXPECTED),
    ("a copy both ways", m("W", COPY_FORMAT) + READY, UNEXPECTED),
    ("data of no copy", m("d", b"x") + READY, UNEXPECTED),
    ("the end of no copy", m("c") + READY, MALFORMED),
    ("a copy", m("H", COPY_FORMAT) + m("d", b"x" * 100000) * 20 + m("c") + done("COPY 20") + READY, None),
    ("a copy whose columns are cut", m("H", b"\0\0\7\0") + READY, MALFORMED),
    ("an unknown message", m("?", b"x") + READY, UNEXPECTED),
    ("a length of 0", b"C\0\0\0\0", MALFORMED),
    ("a length of 4 GB", b"D\xff\xff\xff\xff", MALFORMED),
    ("an error of 2 GB", b"E\x7f\xff\xff\xff", TOO_LONG),
    ("a row of 2 GB that does not come", columns("a") + b"D\x7f\xff\xff\xff\0\1", CLOSED),
    ("a large row", columns("a") + row(b"x" * 3000000) + done("SELECT 1") + READY, LARGE),
    ("many rows", columns("a") + row(b"x" * 20000) * 100 + done("SELECT 100") + READY, LARGE),
    ("many small rows", columns("a", "b") + row(None, b"") * 200000 + done("SELECT 200000") + READY, LARGE),
    ("a large row, then a small one", columns("a") + row(b"x" * 3000000) + done("SELECT 1") + columns("a") + row(b"1") +
     done("SELECT 1") + READY, None),
    ("notices", error("01000", "hm", "WARNING", "N") * 20000 + done("SELECT 0") + READY, None),
    ("a notification", m("A", b"\0\0\0\1channel\0payload\0") + done("SELECT 0") + READY, None),
    ("a notification, cut", m("A", b"\0\0\0\1channel\0") + done("SELECT 0") + READY, MALFORMED),
    ("a parameter", m("S", b"TimeZone\0UTC\0") + done("SELECT 0") + READY, None),
    ("an empty query with a body", m("I", b"x") + READY, MALFORMED),
    ("silence", None, "timed out"),
]

#            what it is, the answers up to each Sync, the error; None: it goes well
PREPARED = [
    ("as it should be", [m("1") + m("t", b"\0\0") + columns("a") + READY, m("2") + row(b"1") + done("SELECT 1") + READY], None),
    ("without a description of parameters", [m("1") + columns("a") + READY, m("2") + row(b"1") + done("SELECT 1") + READY],
     None),
    ("no rows", [m("1") + m("n") + READY, m("2") + done("INSERT 0 1") + READY], None),
    ("a row where none is to come", [m("1") + m("n") + READY, m("2") + row(b"1") + READY], MALFORMED),
    ("refused", [error("42601", 'syntax error at or near "x"') + READY], "42601: syntax error at or near ..."),
    ("parsed, and closes", [m("1")], CLOSED),
    ("parsed with a body", [m("1", b"x") + READY], MALFORMED),
    ("parameters, cut", [m("1") + m("t", b"\0\3\0\0") + READY], MALFORMED),
    ("no data, with a body", [m("1") + m("n", b"x") + READY], MALFORMED),
    ("bound, and an error", [m("1") + m("n") + READY, m("2") + error("23505", 'duplicate key "k"') + READY],
     "23505: duplicate key ..."),
    ("forgotten", [m("1") + columns("a") + READY, error("26000", 'prepared statement "x" does not exist') + READY],
     "26000: prepared statement ... does not exist"),
    ("a row of another number of columns", [m("1") + columns("a") + READY, m("2") + row(b"1", b"2") + READY], MALFORMED),
    ("a portal that is suspended", [m("1") + columns("a") + READY, m("2") + row(b"1") + m("s") + READY], UNEXPECTED),
    ("a request to log in", [m("1") + columns("a") + READY, auth(0)], UNEXPECTED),
    ("described after it was bound", [m("1") + READY, m("2") + columns("a") + row(b"1") + done("SELECT 1") + READY], None),
]


class Wrong:
    """A server for a table: the user's database names the row. It closes when the row is over, but where the row is good
    or says nothing."""

    def __init__(self, table, answers):
        self.table, self.answers, self.cancelled = table, answers, set()

    def __call__(self, c):
        peer = Peer(c)
        code, body = peer.startup()
        if code == 80877102:  # CancelRequest
            return self.cancelled.add(struct.unpack(">II", body)[0])
        n = int(re.search(rb"\0row(\d+)\0", body)[1])
        self.say(peer, n, *self.table[n - 1])

    def say(self, peer, n, name, answer, error):
        if self.answers:
            peer.send(OK, m("K", struct.pack(">II", n, 42)), READY)
            for piece in answer if isinstance(answer, list) else [answer]:
                peer.until("Q", "S")
                if piece is None:
                    break
                peer.send(piece)
        elif callable(answer):
            answer(peer)
        elif answer is not None:
            peer.send(answer)
        if error is None or answer is None or error.startswith(("42", "23", "26", "the result")):
            while True:  # until the client goes
                peer.next()
        peer.c.shutdown(socket.SHUT_WR)
        while peer.c.recv(65536):
            pass


def wrong(dir, table, *script, program=None, env=None):
    """Runs a user for each row; the errors of each are to be what its row says."""
    answers = table is not LOGINS
    serve = Wrong(table, answers)
    with Script(serve) as server:
        url = "postgresql://u:secret@127.0.0.1:%d/row%%u?sslmode=disable" % server.port
        _, rows, fails = speak(dir, "postgresql://127.0.0.1:%d" % server.port,
                               "connect url=%s name=%s%%u timeout=4 max_result=1000000" % (url, "in" if answers else "row"),
                               *script, users=len(table), rc=1, program=program, env={"PG_QUIET": "1", **(env or {})})
        got = {}
        for (name, error), n in fails.items():
            check(n == 1 and name.startswith("row"), name, error, n)
            got[int(name[3:])] = error
        for i, (name, _, error) in enumerate(table):
            same(got.get(i + 1), error, name)
        same(sum(n for n, _ in rows.values()), len(table) * (2 if answers else 1), rows)
        return serve


@test("servers that are wrong at the login: %d" % len(LOGINS))
def _(dir):
    wrong(dir, LOGINS)


@test("servers that are wrong in an answer: %d" % len(ANSWERS))
def _(dir):
    serve = wrong(dir, ANSWERS, "timeout 2", "name row%u", "query select 1")
    same(serve.cancelled, {len(ANSWERS)})


@test("servers that are wrong in an answer to a prepared statement: %d" % len(PREPARED))
def _(dir):
    wrong(dir, PREPARED, "name row%u", "prepare select 1")
    # The same answers, in one, to a statement that is not kept.
    joined = [(name, b"".join(answers).replace(READY, b"") + READY * answers[-1].endswith(READY), error)
              for name, answers, error in PREPARED]
    with Script(Wrong(joined, True)) as server:
        _, _, fails = speak(dir, "postgresql://127.0.0.1:%d" % server.port,
                            "connect url=postgresql://u@127.0.0.1:%d/row%%u max_prepared=-1 name=in" % server.port,
                            "name row%u", "prepare select 1", users=len(joined), rc=1, env={"PG_QUIET": "1"})
        got = {int(name[3:]): error for name, error in fails}
        for i, (name, _, error) in enumerate(joined):
            same(got.get(i + 1), error, name)


@test("servers that are wrong when they are asked for TLS")
def _(dir):
    #       what it says, whether a login follows, sslmode, the error
    table = [(b"N", True, "prefer", None),
             (b"N", False, "require", "the server does not speak TLS, which sslmode asks for"),
             (b"S" + b"R\0\0\0\10\0\0\0\0", False, "require", "bytes in front of TLS that are not protected by it"),
             (b"E\0\0\0\10oops", False, "require", "malformed answer to the request for TLS"),
             (b"x", False, "require", "malformed answer to the request for TLS"),
             (b"", False, "require", CLOSED),
             (b"S", False, "require", "connection closed inside the TLS handshake")]
    for answer, follows, mode, error in table:
        def serve(c):
            peer = Peer(c)
            same(peer.startup()[0], 80877103)
            peer.send(answer)
            if follows:
                same(peer.startup()[0], 196608)
                peer.send(LOGGED_IN)
                peer.next()
            c.shutdown(socket.SHUT_WR)
            c.recv(65536)
        with Script(serve) as server:
            _, _, fails = speak(dir, "postgresql://u@127.0.0.1:%d/d?sslmode=%s" % (server.port, mode), "connect",
                                rc=int(error is not None), program=build(PROGRAM, "-O0", "-DLOCUST_TLS", libs=TLS))
            same(fails, {("connect", error): 1} if error else {}, answer, mode)


@test("what nobody asked for ends an idle connection, and is told")
def _(dir):
    served = []
    def serve(c):
        peer = Peer(c)
        peer.startup()
        peer.send(LOGGED_IN)
        peer.until("Q")
        served.append(c)
        peer.send(done("SELECT 0"), READY, *([m("S", b"a\0b\0"), row(b"1")] if len(served) == 1 else []))
        peer.next()
    with Script(serve) as server:
        lines, _, fails = speak(dir, "postgresql://u@127.0.0.1:%d/d?sslmode=disable" % server.port, "query select 1",
                                "sleep 0.2", "query select 2", rc=1)
    gave(lines, "| SELECT 0 affected=0 I | -", "| SELECT 0 affected=0 I | -")
    same(fails, {("disconnect", NOBODY): 1})
    same(len(served), 2)


@test("statements are kept up to a number, and then closed")
def _(dir):
    names, closed = {}, []
    def serve(c):
        peer = Peer(c)
        peer.startup()
        peer.send(LOGGED_IN)
        while True:
            answer = b""
            kind = ""
            while kind != "S":
                kind, body = peer.next()
                if kind == "X":
                    return
                if kind == "P":
                    name, sql = body.split(b"\0")[:2]
                    check(name not in names, name)
                    names[name] = sql
                    answer += m("1")
                if kind == "C":
                    closed.append(names[body[1:-1]])
                    answer += m("3")
                if kind == "D":
                    answer += m("n")
                if kind == "B":
                    check(body.split(b"\0")[1] in names, body)
                    answer += m("2")
                if kind == "E":
                    answer += done("SELECT 0")
            peer.send(answer + READY)
    with Script(serve) as server:
        one, two, three = ("prepare select %d" % i for i in (1, 2, 3))
        _, rows, _ = speak(dir, "postgresql://u@127.0.0.1:%d/d?sslmode=disable" % server.port, "connect max_prepared=2", one,
                           two, one, three, one, two, two, "disconnect", one)
    same(closed, [b"select 2", b"select 3"])
    same(list(names.values()), [b"select 1", b"select 2", b"select 3", b"select 2", b"select 1"])
    same(rows, {"connect": (2, 0), "select 1": (4, 0), "select 2": (3, 0), "select 3": (1, 0)})


@test("URLs, and what is wrong with them")
def _(dir):
    rows = [("postgresql://u@127.0.0.1:1:2/d", "invalid URL: port and connect_timeout take a whole number"),
            ("postgresql://u@127.0.0.1:99999/d", "invalid URL: port and connect_timeout take a whole number"),
            ("postgresql://u@a,b/d", "invalid URL: this kit takes one host of PostgreSQL"),
            ("postgresql://u@a/d?sslmode=maybe",
             "invalid URL: sslmode is disable, allow, prefer, require, verify-ca or verify-full"),
            ("postgresql://u@a/d?channel_binding=x", "invalid URL: channel_binding is disable, prefer or require"),
            ("postgresql://u@a/d?nosuch=1", "invalid URL: it has a parameter that this kit does not know"),
            ("postgresql://u@a/d?sslmode", "invalid URL: a parameter in it has no '='"),
            ("postgresql://u%4@a/d", "invalid URL: a '%' in it begins no character"),
            ("postgresql://u%00@a/d", "invalid URL: a '%' in it begins no character"),
            ("postgresql://127.0.0.1/d", "invalid URL: it names no user, nor does PGUSER"),
            ("mysql://u@127.0.0.1/d", "unknown URL scheme"),
            ("postgresql://u@127.0.0.1:1/d?sslmode=disable", "connection refused"),
            ("postgresql://u@/d?host=/nosuch&port=7", "no such unix socket")]
    for i, (url, error) in enumerate(rows):
        _, _, fails = speak(dir, "postgresql://h", "connect url=" + url, rc=1, env={"PGUSER": "", "USER": ""})
        same(fails, {("connect", error): 1}, url)


if __name__ == "__main__":
    main()
