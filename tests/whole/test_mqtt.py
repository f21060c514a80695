#!/usr/bin/env -S python3 -B
"""MQTT: against mosquitto, and against brokers of the test's own, which are strict, slow or wrong.

    tests/whole/test_mqtt.py [WORD...]    only the tests whose name contains a word
"""
import errno, os, queue, struct, sys
from kit.lib import *
from kit import certs
from kit.mosquitto import *

PROGRAM = "scripted_mqtt.c"


def speak(dir, url, *script, users=1, rc=0, env=None, args=(), program=None, seconds=60):
    """Runs a script; returns its lines, and the rows {name: (requests, failures)} and failures {(name, error): n}
    of its report."""
    more = {"MQTT_SCRIPT": "\n".join(script), **(env or {})}
    r = run(dir, [program or build(PROGRAM, "-O0"), "--headless", "--only-summary", "--host", url, "--users", str(users),
                  "--spawn-rate", "1000", "--csv", "out", *args], env=more, seconds=seconds)
    same(r.rc, rc, r)
    rows, _ = stats_csv(dir + "/out")
    check(all(kind == "MQTT" for kind, _ in rows), rows)
    fails = {(f["Name"], f["Error"]): int(f["Occurrences"]) for f in read_csv(dir + "/out", "failures")}
    return r.out.splitlines(), {n: (count(x), failed(x)) for (_, n), x in rows.items()}, fails


def gave(lines, *want):
    """Each line of the script, without the name of its command; None: any."""
    got = [line.split(" ", 1)[1] for line in lines]
    want = ["1 | -" if w is True else w for w in want]
    check(len(got) == len(want) and all(w is None or g == w for g, w in zip(got, want)),
          "\n".join(got), "-- want", "\n".join(map(str, want)))


# ---- mosquitto ----

def both(function):
    """A test for 3.1.1 and for 5."""
    def run_both(dir):
        for version in "4", "5":
            os.makedirs(dir + "/" + version)
            function(dir + "/" + version, "version=" + version)
    return run_both


@test("mosquitto: publishes and receives, each QoS")
@both
def _(dir, version):
    with Mosquitto(dir, "plain") as m:
        lines, rows, _ = speak(
            dir, m.url(), "connect " + version, "subscribe a/#,b/+ qos=2", "publish a/1 hello qos=0", "receive 20",
            "publish a/1 hello qos=1", "receive 20", "publish b/1 hello qos=2 stamp=1", "receive 20",
            "unsubscribe a/#", "publish a/1 no qos=1", "publish b/2 yes qos=1 name=b", "receive 20", "disconnect")
        gave(lines, True, True, True, "1 a/1 hello len=5 qos=0 filter=a/#| -", True,
             "1 a/1 hello len=5 qos=1 filter=a/#| -", True, "1 b/1 hello len=5 qos=2 sent filter=b/+| -", True, True,
             True, "1 b/2 yes len=3 qos=1 filter=b/+| -", True)
        same(rows, {"connect": (1, 0), "subscribe:2:a/#": (1, 0), "subscribe:2:b/+": (1, 0), "publish:0:a/1": (1, 0),
                    "publish:1:a/1": (2, 0), "publish:2:b/1": (1, 0), "receive:b/+": (1, 0), "unsubscribe:a/#": (1, 0),
                    "publish:1:b": (1, 0), "disconnect": (1, 0)})


@test("mosquitto: another client reads what was published, with its properties")
def _(dir):
    with Mosquitto(dir, "plain") as m:
        sub = m.sub("t/#", 2, "-V", "5", "-q", "1", "-F", "%t %q %p %P")
        speak(dir, m.url(), "connect version=5", "publish t/1 plain qos=1",
              "publish t/2 rich qos=1 type=text/x response=r correlation=c properties=1 text=1")
        out = sub.communicate(timeout=60)[0].splitlines()
        same(out[0].split(), ["t/1", "1", "plain"])
        same(out[1].split(), ["t/2", "1", "rich", "k:v", "k:w"])


@test("mosquitto: what comes with a message of MQTT 5")
def _(dir):
    with Mosquitto(dir, "plain") as m:
        lines, _, _ = speak(
            dir, m.url(), "connect version=5 alias_max=3", "subscribe t/# qos=1 id=77",
            "publish t/1 x qos=1 type=text/x response=r correlation=c properties=1", "receive 20", "publish t/1 y qos=0",
            "receive 20", "subscribe n qos=1 no_local=1", "publish n mine qos=1", "receive 0.2")
        gave(lines, True, True, True, "1 t/1 x len=1 qos=1 filter=t/# id=77 type=text/x response=r correlation=c k:v k:w| -",
             True, "1 t/1 y len=1 qos=0 filter=t/# id=77| -", True, True, "0 | -")


@test("mosquitto: retained messages, a will, shared subscriptions")
@both
def _(dir, version):
    with Mosquitto(dir, "plain") as m:
        lines, _, _ = speak(
            dir, m.url(), "connect " + version, "publish r/1 kept qos=1 retain=1", "subscribe r/# qos=1", "receive 20",
            "publish r/1 live qos=1 retain=1", "receive 20")
        gave(lines, True, True, True, "1 r/1 kept len=4 qos=1 retain filter=r/#| -", True,
             "1 r/1 live len=4 qos=1 filter=r/#| -")
        sub = m.sub("w/#", 2, "-F", "%t %p")
        for end, topic in ("will", "w/1"), ("disconnect", "w/2"), ("will", "w/3"):
            speak(dir, m.url(), "connect %s will=%s will_text=gone will_qos=1" % (version, topic), end)
        same(sub.communicate(timeout=60)[0].splitlines(), ["w/1 gone", "w/3 gone"])
        lines, rows, _ = speak(dir, m.url(), "connect " + version, "subscribe $share/g/s/# qos=1", "sleep 0.5",
                               "loop 5", "publish s/1 x qos=1 stamp=1", "drain 1", users=4)
        same(sum(int(l.split()[2].rstrip("|")) for l in lines if l.startswith("drain")), 20)
        same(rows["receive:$share/g/s/#"], (20, 0))


@test("mosquitto: wrong passwords and certificates, each in words")
def _(dir):
    pki = certs.Pki(dir + "/pki", "ec")
    pki.server = pki.leaf("server", san="IP:127.0.0.1,DNS:localhost")
    client, other = [pki.leaf(name, san="", usage="clientAuth") for name in ("client1", "client2")]
    tls = build(PROGRAM, "-O0", "-DLOCUST_TLS", libs=TLS)
    for cert in client, other:
        certs.join(cert.cert + ".both", cert.chain, cert.key)
    with Mosquitto(dir, "plain", "password", "tls", "client-cert", pki=pki) as m:
        trust = {"MQTT_CACERT": pki.root}
        gave(speak(dir, m.url("password"), "connect user=u password=p", "publish t x qos=1")[0], True, True)
        gave(speak(dir, m.url("password").replace("://", "://u:p@"), "publish t x qos=1")[0], True)
        _, _, fails = speak(dir, m.url("password"), "connect user=u password=no", "connect version=5 user=u password=no",
                            rc=1)
        same(fails, {("connect", "the broker says: not authorized (5)"): 1,
                     ("connect", "the broker says: not authorized (0x87)"): 1})
        gave(speak(dir, m.url("tls"), "connect version=5", "publish t x qos=2", env=trust, program=tls)[0], True, True)
        _, _, fails = speak(dir, m.url("client-cert"), "connect", env=trust, program=tls, rc=1)
        same(sum(fails.values()), 1, fails)
        for cert in client, other:
            gave(speak(dir, m.url("client-cert"), "cert %s.both" % cert.cert, "connect version=5", "publish t x qos=1",
                       env=trust, program=tls)[0], True, True)
        for name in "client1", "client2":
            check("u'%s'" % name in m.log(), m.log())
        r = run(dir, [build(PROGRAM, "-O0"), "--headless", "--host", m.url("tls")], env={"MQTT_SCRIPT": "connect"})
        check(r.rc and "-DLOCUST_TLS" in r.err, r)


@test("mosquitto: a TLS session with one host vouches for no other")
def _(dir):
    pki = certs.Pki(dir + "/pki", "ec")
    pki.server = pki.leaf("server", san="DNS:localhost")
    tls = build(PROGRAM, "-DLOCUST_TLS", libs=TLS)
    with Mosquitto(dir, "tls", pki=pki) as m:
        by_name, by_address = ("connect version=5 url=mqtts://%s:%d" % (host, m.ports["tls"]) for host in ("localhost", "127.0.0.1"))
        lines, _, fails = speak(dir, m.url("tls"), by_name, "disconnect", by_name, "disconnect", by_address, rc=1,
                                env={"MQTT_CACERT": pki.root}, program=tls)
        gave(lines[:4], True, True, True, True)
        same([name for name, _ in fails], ["connect"], lines)
        check("certificate" in str(fails), fails)


@test("mosquitto: users that sleep keep their connections, and what they are sent")
def _(dir):
    with Mosquitto(dir, "plain") as m:
        lines, rows, _ = speak(dir, m.url(), "connect keep=1 version=5", "subscribe t/%u qos=1", "sleep 3.5",
                               "publish t/%u x qos=1 stamp=1", "sleep 0.5", "receive 0", users=5)
        same([l for l in lines if l.startswith("receive 1")] and len([l for l in lines if l.startswith("receive 1")]), 5,
             *lines)
        same(rows["connect"], (5, 0))
        same(m.log().count("Received PINGREQ") >= 5 * 3, True, m.log())


@test("mosquitto: its counts are ours")
def _(dir):
    with Mosquitto(dir, "plain") as m:
        sub = m.sub("load/#", 3000, "-q", "2", "-F", "%q")
        _, rows, _ = speak(dir, m.url(), "connect version=5 topic_aliases=4", "loop 10", "publish load/%u x qos=0 name=0",
                           "loop 10", "publish load/%u x qos=1 window=5 name=1", "flush", "loop 10",
                           "publish load/%u x qos=2 window=3 name=2", "flush", "disconnect", users=100,
                           env={"MQTT_QUIET": "1"})
        same(rows, {"connect": (100, 0), "publish:0:0": (1000, 0), "publish:1:1": (1000, 0), "publish:2:2": (1000, 0),
                    "disconnect": (100, 0)})
        out = sub.communicate(timeout=60)[0].split()
        same([out.count(q) for q in "012"], [1000, 1000, 1000])
        same(m.log().count("Received DISCONNECT from locust-"), 100)


@test("mosquitto: over WebSocket")
def _(dir):
    if os.geteuid() or not shutil.which("ip"):
        raise Skip("a network namespace takes root and ip: this broker listens on all addresses")
    with open(dir + "/w.conf", "w") as f:
        f.write(settings(dir, ["plain", "ws"], {"plain": 1883, "ws": 8080}))
    script = dir + "/w.sh"
    with open(script, "w") as f:
        f.write("ip link set lo up; mosquitto -c w.conf >w.log 2>&1 & broker=$!\n"
                "until grep -q 'mosquitto version.* running' w.log; do sleep 0.1; done\n"
                '"$@"; rc=$?; kill $broker; exit $rc\n')
    for version in "4", "5":
        r = run(dir, ["unshare", "-n", "sh", script, build(PROGRAM, "-O0"), "--headless", "--only-summary",
                      "--host", "mqtt+ws://127.0.0.1:8080"],
                env={"MQTT_SCRIPT": "\n".join(["connect version=" + version, "subscribe t/# qos=1", "publish t/1 hello qos=2",
                                               "receive 20", "big 20000", "publish t/1 x qos=1", "receive 20", "disconnect"])})
        gave(r.out.splitlines(), True, True, True, "1 t/1 hello len=5 qos=1 filter=t/#| -", True,
             "1 t/1 %s len=20000 qos=1 filter=t/#| -" % ("x" * 40), True)


# ---- strict brokers ----

def broker(*connections):
    """A broker that talks by one of these functions of a Peer on each connection, in turn."""
    turns = iter(connections)
    wrong = queue.Queue()

    def serve(c):
        peer = Peer(c)
        try:
            next(turns)(peer)
        except OSError:
            pass
        except Exception as why:
            wrong.put(why)
    s = Script(serve)
    s.mqtt = "mqtt://127.0.0.1:%d" % s.port
    s.wrong = wrong
    return s


def fine(s):
    if not s.wrong.empty():
        raise s.wrong.get()


def ack_all(p):
    """Acknowledges whatever comes, until the client goes."""
    while True:
        kind, flags, body = p.next()
        if kind == PUBLISH and flags & 6 == 2:
            p.send(packet(0x40, struct.pack(">H", p.publication(flags, body)[1])))
        elif kind == PUBLISH and flags & 6 == 4:
            p.send(packet(0x50, struct.pack(">H", p.publication(flags, body)[1])))
        elif kind == PUBREL:
            p.send(packet(0x70, body[:2]))
        elif kind == SUBSCRIBE:
            p.send(packet(0x90, body[:2] + (b"\0" if p.version == 5 else b"") + b"\1"))
        elif kind == PINGREQ:
            p.send(packet(0xD0))
        elif kind == DISCONNECT:
            return


@test("what a broker allows is obeyed")
def _(dir):
    seen = {}

    def limited(p):  # receive maximum 2, maximum packet 100, no QoS 2, no retain, 1 alias, keep alive 1 s
        p.accept(b"\x21\0\2" b"\x27\0\0\0\x64" b"\x24\1" b"\x25\0" b"\x22\0\1" b"\x13\0\1")
        waiting, most, pings = [], 0, 0
        while True:
            kind, flags, body = p.next()
            if kind == PUBLISH:
                topic, id, properties, _ = p.publication(flags, body)
                check(not flags & 1 and flags & 6 == 2 and len(body) < 99, flags, body)
                seen.setdefault("sent", []).append((topic, properties))
                waiting.append(id)
                most = max(most, len(waiting))
                if len(waiting) == 2:
                    for id in waiting:
                        p.send(packet(0x40, struct.pack(">H", id)))
                    waiting = []
            elif kind == PINGREQ:
                seen["pings"] = seen.get("pings", 0) + 1
                p.send(packet(0xD0))
            elif kind == DISCONNECT:
                seen["most"] = most
                return

    with broker(limited) as s:
        lines, rows, fails = speak(
            dir, s.mqtt, "connect version=5 aliases=5 keep=300", "loop 6", "publish a x qos=1 window=10", "flush",
            "publish a x qos=2", "publish a x qos=1 retain=1", "big 200", "publish a x qos=1", "sleep 3", "disconnect", rc=1)
        fine(s)
    same(seen["most"], 2)
    same(seen["sent"], [(b"a", b"\x23\0\1")] + 5 * [(b"", b"\x23\0\1")])
    check(seen["pings"] >= 2, seen)
    same(fails, {("publish:2:a", "the broker does not take publications of this QoS"): 1,
                 ("publish:1:a", "the broker does not take retained messages"): 1,
                 ("publish:1:a", "the packet is larger than the broker takes"): 1})
    same(rows["publish:1:a"], (8, 2))


@test("a session that outlives its connection: what was under way is sent again, with DUP")
@both
def _(dir, version):
    seen = []

    def first(p):
        p.accept()
        for _ in range(3):
            kind, flags, body = p.next()
            seen.append((kind, flags, p.publication(flags, body)[:2]))
        p.send(packet(0x50, struct.pack(">H", seen[2][2][1])))  # PUBREC of the third
        kind, flags, body = p.next()
        seen.append((kind, flags, body[:2]))

    def second(p):
        body = p.accept(session=True)
        check(not body[7] & 2, "no clean start", body)
        for _ in range(3):
            kind, flags, body = p.next()
            seen.append((kind, flags, p.publication(flags, body)[:2] if kind == PUBLISH else body[:2]))
        ids = [struct.pack(">H", seen[i][2][1]) for i in range(3)]
        p.send(packet(0x40, ids[1]), packet(0x40, ids[0]), packet(0x70, ids[2]))
        ack_all(p)

    with broker(first, second) as s:
        lines, rows, fails = speak(dir, s.mqtt, "connect session=1 id=me " + version, "publish a x qos=1 window=3",
                                   "publish b y qos=1 window=3", "publish c z qos=2 window=3", "flush", "publish d w qos=1")
        fine(s)
    same([x[:2] for x in seen], [(PUBLISH, 2), (PUBLISH, 2), (PUBLISH, 4), (PUBREL, 2), (PUBLISH, 10), (PUBLISH, 10),
                                 (PUBREL, 2)])
    same([seen[4][2], seen[5][2]], [seen[0][2], seen[1][2]])
    same(seen[6][2], struct.pack(">H", seen[2][2][1]))
    same(rows, {"connect": (2, 0), "publish:1:a": (1, 0), "publish:1:b": (1, 0), "publish:2:c": (1, 0),
                "publish:1:d": (1, 0)})


@test("a broker that lost the session: what was under way fails, subscriptions are made again")
def _(dir):
    def first(p):
        p.accept()
        kind, _, body = p.next()
        same(kind, SUBSCRIBE)
        p.send(packet(0x90, body[:2] + b"\1"))
        p.next()

    def second(p):
        p.accept()
        kind, _, body = p.next()
        same((kind, body[2:]), (SUBSCRIBE, text(b"t/#") + b"\1"))
        p.send(packet(0x90, body[:2] + b"\1"), packet(0x30, text(b"t/1") + b"hello"))
        ack_all(p)

    with broker(first, second) as s:
        lines, rows, fails = speak(dir, s.mqtt, "connect session=1 id=me", "subscribe t/# qos=1", "publish a x qos=1",
                                   "receive 20", rc=1)
        fine(s)
    same(fails, {("publish:1:a", "the broker lost the session"): 1})
    same(rows["subscribe:1:t/#"], (2, 0))
    check(lines[-1].startswith("receive 1 t/1 hello"), *lines)


@test("what comes unasked is kept, bounded, and aliases of the broker are known")
def _(dir):
    def serve(p):
        p.accept()
        kind, _, body = p.next()
        many = b"".join(packet(0x30, text(b"t/1") + b"\0" + b"%d" % i) for i in range(30))
        aliased = packet(0x30, text(b"t/2") + b"\3\x23\0\1" + b"one") + packet(0x30, b"\0\0" b"\3\x23\0\1" + b"two")
        p.send(packet(0x90, body[:2] + b"\0\1"), aliased, many)
        ack_all(p)

    with broker(serve) as s:
        lines, rows, fails = speak(dir, s.mqtt, "connect version=5 queue=10 alias_max=1", "subscribe t/# qos=0", "sleep 0.5",
                                   "receive 5", "receive 5", "drain 0.1", rc=1)
        fine(s)
    gave(lines, True, True, True, "1 t/2 one len=3 qos=0 filter=t/#| -", "1 t/2 two len=3 qos=0 filter=t/#| -", "1 8| -")
    same(fails, {("receive:t/#", "more than .queue messages waited for locust_mqtt_receive: this one was dropped"): 22})


@test("QoS 2 towards the client: each message once, also if it comes again")
@both
def _(dir, version):
    seen = []

    def serve(p):
        p.accept()
        kind, _, body = p.next()
        none = b"\0" if p.version == 5 else b""
        message = text(b"t/1") + b"\0\7" + none + b"x"
        p.send(packet(0x90, body[:2] + none + b"\2"), packet(0x34, message))
        seen.append(p.next())
        p.send(packet(0x3C, message), packet(0x62, b"\0\7"))
        seen.extend([p.next(), p.next()])
        p.send(packet(0x62, b"\0\7"), packet(0x34, message))
        seen.extend([p.next(), p.next()])
        ack_all(p)

    with broker(serve) as s:
        lines, _, _ = speak(dir, s.mqtt, "connect " + version, "subscribe t/# qos=2", "receive 20", "receive 20", "drain 0.2")
        fine(s)
    same([kind for kind, _, _ in seen], [PUBREC, PUBREC, PUBCOMP, PUBCOMP, PUBREC])
    same(lines[-1], "drain 1 0| -")


# ---- wrong brokers ----

def after(*what, wait=True, version=4):
    """Takes the CONNECT and one packet, and answers that by these bytes."""
    def serve(p):
        p.accept()
        kind, flags, body = p.next()
        id = body[:2] if kind != PUBLISH else struct.pack(">H", p.publication(flags, body)[1])
        p.send(*[w.replace(b"ID", id) for w in what])
        if wait:
            while True:
                p.next()
    return serve


def at_once(*what, wait=True):
    """Answers the CONNECT itself by these bytes."""
    def serve(p):
        p.next()
        p.send(*what)
        if wait:
            while True:
                p.next()
    return serve


def flood(p):
    p.accept()
    p.next()
    while True:
        p.send(packet(0x30, text(b"t/1") + b"x" * 1000) * 100)


BAD = "malformed MQTT packet: "
SENT = "publish:1:t"
TOOK = "subscribe:1:t"
WRONG = [  # name, version, command, broker, row, sentence
    ("FIN before the CONNACK", 4, "connect", at_once(wait=False), "connect", "the broker closed the connection"),
    ("no CONNACK", 4, "connect", at_once(), "connect", "timed out"),
    ("half a CONNACK, then FIN", 4, "connect", at_once(b"\x20\2", wait=False), "connect",
     "the broker closed the connection"),
    ("half a CONNACK, then silence", 4, "connect", at_once(b"\x20\2\0"), "connect", "timed out"),
    ("HTTP in place of a CONNACK", 4, "connect", at_once(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "connect",
     BAD + "reserved flags"),
    ("zeros in place of a CONNACK", 4, "connect", at_once(bytes(4)), "connect", BAD + "its type is reserved"),
    ("a CONNACK with reserved bits", 4, "connect", at_once(b"\x20\2\2\0"), "connect", BAD + "reserved flags"),
    ("a CONNACK with a session that refuses", 4, "connect", at_once(b"\x20\2\1\5"), "connect",
     BAD + "a refusal with a session"),
    ("a CONNACK that is too long", 4, "connect", at_once(b"\x20\3\0\0\0"), "connect",
     BAD + "bytes behind its last field"),
    ("a CONNACK of 3.1.1 to a client of 5", 5, "connect", at_once(b"\x20\2\0\0"), "connect",
     BAD + "properties that are longer than the packet"),
    ("refused: the version", 4, "connect", at_once(b"\x20\2\0\1", wait=False), "connect",
     "the broker does not speak MQTT 3.1.1: set .version to 5"),
    ("refused: the version, to a client of 5", 5, "connect", at_once(b"\x20\2\0\1", wait=False), "connect",
     "the broker does not speak MQTT 5: set .version to 4"),
    ("refused: the identifier", 4, "connect", at_once(b"\x20\2\0\2", wait=False), "connect",
     "the broker refused the client identifier (2)"),
    ("refused: unavailable", 4, "connect", at_once(b"\x20\2\0\3", wait=False), "connect",
     "the broker says: server unavailable (3)"),
    ("refused: a code that there is not", 4, "connect", at_once(b"\x20\2\0\x42", wait=False), "connect",
     "the broker says: a reason code that there is not"),
    ("refused: banned, in words too", 5, "connect", at_once(b"\x20\x08\0\x8a\5\x1f\0\2no", wait=False), "connect",
     "the broker says: banned (0x8A)"),
    ("a PUBLISH in place of a CONNACK", 4, "connect", at_once(packet(0x30, text(b"t") + b"x")), "connect",
     "the broker sent something before its CONNACK"),
    ("a CONNACK with a receive maximum of 0", 5, "connect", at_once(packet(0x20, b"\0\0\3\x21\0\0")), "connect",
     BAD + "a property with a value that it may not have"),
    ("a CONNACK with a property twice", 5, "connect", at_once(packet(0x20, b"\0\0\6\x21\0\1\x21\0\1")), "connect",
     BAD + "a property twice"),
    ("a CONNACK with a property of a PUBLISH", 5, "connect", at_once(packet(0x20, b"\0\0\3\x23\0\1")), "connect",
     BAD + "a property that it may not have"),
    ("a CONNACK with a property that there is not", 5, "connect", at_once(packet(0x20, b"\0\0\2\x7f\0")), "connect",
     BAD + "a property that there is not"),
    ("a CONNACK with a property that is cut", 5, "connect", at_once(packet(0x20, b"\0\0\2\x12\0")), "connect",
     BAD + "a property that is cut"),
    ("AUTH in place of a CONNACK", 5, "connect", at_once(packet(0xF0, b"\x18\0")), "connect",
     "the broker sent something before its CONNACK"),
    ("DISCONNECT in place of a CONNACK", 5, "connect", at_once(packet(0xE0, b"\x9d")), "connect",
     "the broker says: server moved (0x9D)"),
    ("a second CONNACK", 4, "publish t x qos=1", after(b"\x20\2\0\0"), SENT, "the broker sent a second CONNACK"),
    ("FIN in place of a PUBACK", 4, "publish t x qos=1", after(wait=False), SENT, "the broker closed the connection"),
    ("no PUBACK", 4, "publish t x qos=1 timeout=0.3", after(), SENT, "timed out"),
    ("a PUBACK of another id", 4, "publish t x qos=1", after(b"\x40\2\x77\x77"), SENT,
     "the broker acknowledged what was not sent"),
    ("a PUBACK of id 0", 4, "publish t x qos=1", after(b"\x40\2\0\0"), SENT, BAD + "a packet identifier of 0"),
    ("a PUBACK without an id", 4, "publish t x qos=1", after(b"\x40\1\0"), SENT, BAD + "it ends inside of a field"),
    ("a PUBACK that is too long", 4, "publish t x qos=1", after(b"\x40\3ID\0"), SENT,
     BAD + "bytes behind its last field"),
    ("a PUBACK with flags", 4, "publish t x qos=1", after(b"\x41\2ID"), SENT, BAD + "reserved flags"),
    ("a PUBREC in place of a PUBACK", 4, "publish t x qos=1", after(b"\x50\2ID"), SENT,
     "the broker acknowledged what was not sent"),
    ("a PUBCOMP before the PUBREC", 4, "publish t x qos=2", after(b"\x70\2ID"), "publish:2:t",
     "the broker acknowledged what was not sent"),
    ("a PUBACK of QoS 2", 4, "publish t x qos=2", after(b"\x40\2ID"), "publish:2:t",
     "the broker acknowledged what was not sent"),
    ("a PUBACK that refuses", 5, "publish t x qos=1", after(b"\x40\3ID\x97"), SENT,
     "the broker says: quota exceeded (0x97)"),
    ("a PUBREC that refuses", 5, "publish t x qos=2", after(b"\x50\3ID\x99"), "publish:2:t",
     "the broker says: payload format invalid (0x99)"),
    ("PUBREL without its flags", 4, "publish t x qos=1", after(b"\x60\2ID"), SENT, BAD + "reserved flags"),
    ("a PINGREQ", 4, "publish t x qos=1", after(b"\xc0\0"), SENT, BAD + "its type is one that only clients send"),
    ("a SUBSCRIBE", 4, "publish t x qos=1", after(b"\x82\0"), SENT, BAD + "its type is one that only clients send"),
    ("a length of five bytes", 4, "publish t x qos=1", after(b"\x40\x82\x80\x80\x80\1"), SENT,
     BAD + "its length is no number of up to four bytes"),
    ("a padded length", 4, "publish t x qos=1", after(b"\x40\x82\0ID"), SENT,
     BAD + "its length is no number of up to four bytes"),
    ("a packet of 256 MB", 4, "publish t x qos=1", after(b"\x30\xff\xff\xff\x7f" + bytes(100)), SENT,
     "the broker sent a packet that is longer than .max_packet"),
    ("AUTH", 5, "publish t x qos=1", after(packet(0xF0, b"\x18\0")), SENT,
     "the broker wants an authentication that was not begun"),
    ("DISCONNECT in place of a PUBACK", 5, "publish t x qos=1", after(packet(0xE0, b"\x8e"), wait=False), SENT,
     "the broker says: session taken over (0x8E)"),
    ("DISCONNECT of 3.1.1", 4, "publish t x qos=1", after(b"\xe0\0", wait=False), SENT, "the broker disconnected"),
    ("a SUBACK without codes", 4, "subscribe t qos=1", after(b"\x90\2ID"), TOOK, BAD + "no reason codes"),
    ("a SUBACK with two codes", 4, "subscribe t qos=1", after(b"\x90\4ID\1\1"), TOOK,
     "the broker acknowledged another number of filters"),
    ("a SUBACK of another id", 4, "subscribe t qos=1", after(b"\x90\3\x77\x77\1"), TOOK,
     "the broker acknowledged what was not sent"),
    ("a SUBACK that refuses", 4, "subscribe t qos=1", after(b"\x90\3ID\x80"), TOOK,
     "the broker refused the subscription (0x80)"),
    ("a SUBACK that refuses, of 5", 5, "subscribe t qos=1", after(b"\x90\4ID\0\x8f"), TOOK,
     "the broker says: topic filter invalid (0x8F)"),
    ("no SUBACK", 4, "subscribe t qos=1 timeout=0.3", after(), TOOK, "timed out"),
    ("a message of QoS 3", 4, "subscribe t qos=1", after(packet(0x36, text(b"t") + b"\0\1x")), TOOK, BAD + "a QoS of 3"),
    ("a message to a wildcard", 4, "subscribe t qos=1", after(packet(0x30, text(b"t/#") + b"x")), TOOK,
     BAD + "a topic that is empty or has wildcards"),
    ("a message without a topic", 4, "subscribe t qos=1", after(packet(0x30, b"\0\0x")), TOOK,
     BAD + "a topic that is empty or has wildcards"),
    ("a message whose topic is not UTF-8", 4, "subscribe t qos=1", after(packet(0x30, text(b"\xff") + b"x")), TOOK,
     BAD + "a text that is not UTF-8"),
    ("a message whose topic is cut", 4, "subscribe t qos=1", after(packet(0x30, b"\0\x09abc")), TOOK,
     BAD + "it ends inside of a field"),
    ("an alias that was never given", 5, "subscribe t qos=1", after(packet(0x30, b"\0\0\3\x23\0\1x")), TOOK,
     "the broker used a topic alias that there is not"),
    ("more messages of QoS 2 than .receive_max", 5, "subscribe t qos=1",
     after(*[packet(0x34, text(b"t") + b"\0%c\0x" % i) for i in (1, 2, 3)]), TOOK,
     "the broker sent more than .receive_max messages at once"),
    ("a flood", 4, "subscribe t qos=1 timeout=1", flood, TOOK, "timed out"),
]


@test("wrong brokers: one failure each, in words")
def _(dir):
    program = build(PROGRAM, "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")

    def one(name, version, command, serve, row, sentence):
        sub = "%s/%d" % (dir, abs(hash(name)))
        os.makedirs(sub)
        with broker(serve) as s:
            first = [] if command == "connect" else [command]
            _, rows, fails = speak(sub, s.mqtt, "connect version=%d timeout=1 receive_max=2 queue=-1" % version
                                   if command != "connect" else "connect version=%d timeout=0.4" % version, *first,
                                   rc=1, program=program, seconds=40)
            fine(s)
        same(fails, {(row, sentence): 1})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        wrong = [f for f in [(w[0], pool.submit(one, *w)) for w in WRONG] if f[1].exception()]
    check(not wrong, *["row %r: %s" % (n, str(f.exception())[:1500]) for n, f in wrong[:6]])


@test("wrong brokers: answers that are cut at every byte")
def _(dir):
    whole = (b"\x20\x06\0\0\3\x21\0\5", b"\x90\4ID\0\1", packet(0x32, text(b"t/1") + b"\0\1\0hello"))
    cuts = sum(map(len, whole))
    for silent in False, True:
        def serve(p, left=None):
            n = int(p.next()[2][-2:] or b"0", 10)  # the client's identifier says where to cut
            parts, out = list(whole), b""
            for i, part in enumerate(parts):
                part = part[:max(n, 0)]
                n -= len(part)
                p.send(part.replace(b"ID", out))
                if n <= 0:
                    break
                out = p.next()[2][:2]
            while silent:
                p.next()
        s = Script(lambda c: serve(Peer(c)))
        with s:
            script = []
            for n in range(cuts):
                script += ["connect version=5 id=c%02d timeout=0.05" % n, "subscribe t/# qos=1 timeout=0.05", "receive 0.05"]
            lines, _, fails = speak(dir, "mqtt://127.0.0.1:%d" % s.port, *script, rc=1)
        known = {"the broker closed the connection", "timed out", "connection reset by peer"}
        check({why for _, why in fails} <= known, fails)
        check(not any(l.startswith("receive 1") for l in lines), *lines)


@test("connections that end while the user sleeps are told, and opened again")
def _(dir):
    def leave(p):
        p.accept()
        p.next()

    with broker(leave, lambda p: (p.accept(), ack_all(p))) as s:
        lines, rows, fails = speak(dir, s.mqtt, "connect version=5", "publish t x qos=0", "sleep 0.5", "publish t x qos=1",
                                   rc=1)
    same(fails, {("disconnect", "the broker closed the connection"): 1})
    same(rows["connect"], (2, 0))
    same(rows["publish:1:t"], (1, 0))


@test("a broker that does not answer pings is given up")
def _(dir):
    def deaf(p):
        p.accept()
        while True:
            p.next()

    with broker(deaf) as s:
        _, _, fails = speak(dir, s.mqtt, "connect version=5 keep=1", "receive 20", rc=1)
    same(fails, {("disconnect", "the broker did not answer a ping"): 1})


@test("a program that does not mention MQTT has none of it")
def _(dir):
    program = build("examples/demo.c", "-O2")
    names = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    check("locust_" in names and "mqtt" not in names, [l for l in names.splitlines() if "mqtt" in l][:9])


main(parallel=6)
