#!/usr/bin/env -S python3 -B
"""--summary: its schema, tools/summary.schema.json, and that everything a run knows is in it.

    tests/whole/test_summary.py [WORD...]    only the tests whose name contains a word

jsonschema (Debian: python3-jsonschema) says whether a file is as the schema has it. Other tests that read a summary
hold it against the schema too: see kit/judged.py.
"""
import copy, json, os, resource, ssl, sys
from kit.certs import Pki
from kit.lib import *
from kit.judged import *

OPEN = "open_model.c"


def needs_validator():
    if not VALIDATOR:
        raise Skip("Python's jsonschema is missing")


def objects(value, path=()):
    """(path, object) of all objects in a value of JSON."""
    if isinstance(value, dict):
        yield path, value
    for key, inner in (value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()):
        yield from objects(inner, path + (key,))


def fine(s):
    """Holds a summary against the schema."""
    wrong = ["%s: %s" % ("/".join(map(str, e.path)), e.message) for e in VALIDATOR.iter_errors(s)]
    check(not wrong, "\n".join(wrong[:5]))
    return s


@test("the schema takes nothing that it does not name, and asks for all that it names")
def _(dir):
    needs_validator()
    VALIDATOR.check_schema(SCHEMA)
    for path, o in objects(SCHEMA):
        if o.get("type") == "object":
            same(o.get("additionalProperties"), False, path)
            same(o.get("required"), list(o["properties"]), path)
    # Every object of a real summary: one member more, or one less, is an error.
    r = known(dir, [("GET", "/a", [5.0], "broken"), ("GET", "/b", [6.0], "")], "--summary", "s.json", "--check", "p50<1s;max<1")
    s = fine(summary(r.dir + "/s.json"))
    for path, o in objects(s):
        for key in [None] + list(o):
            other = copy.deepcopy(s)
            at = other
            for step in path:
                at = at[step]
            if key is None:
                at["unnamed"] = None
            else:
                del at[key]
            check(not VALIDATOR.is_valid(other), "it takes a file %s" % ("with one member more" if key is None else
                  "without " + key), path)


@test("a closed run: phases, failures, exceptions, checks, classes, options, the machine")
def _(dir):
    needs_validator()
    with Truth(dir) as server:
        r = judged(dir, "Get", "Cl\u00e4ss", "-u", "4", "-r", "4", "-t", "30", "-s", "2", "--summary", "s.json", "--csv", "c",
                   "--phases", "--check", "p50<10s", "--compact", url=server.url.replace("//", "//zqx:secret@"),
                   wait=0.02, paths="/delay/3,/fail/2", hold=1, VERDICT_FAIL="it broke", VERDICT_CLASS="Cl\u00e4ss")
    with open(r.dir + "/s.json", encoding="utf-8") as f:
        text = f.read()
    check("secret" not in text and "zqx" not in text, "a password", text[:600])
    s = fine(json.loads(text))
    (e,) = s["exceptions"]
    (row,) = read_csv(r.dir + "/c", "exceptions")
    same((e["occurrences"], e["message"]), (int(row["Count"]), row["Message"]))
    check("it broke" in e["message"] and "judged_users.c" in e["place"], e)
    failures = read_csv(r.dir + "/c", "failures")
    same([(f["method"], f["name"], f["error"], f["occurrences"], f["first_seen"], f["last_seen"]) for f in s["failures"]],
         [(f["Method"], f["Name"], f["Error"], int(f["Occurrences"]), f["First Seen"], f["Last Seen"]) for f in failures])
    same([(c["name"], c["weight"], c["fixed_count"], c["arrivals"]) for c in s["user_classes"]],
         [("Cl\u00e4ss", 1, None, None), ("Get", 1, None, None)])
    same({c["host"] for c in s["user_classes"]}, {server.url})
    o = s["options"]
    same((o["host"], o["users"], o["spawn_rate"], o["run_time_s"], o["stop_timeout_s"], o["phases"], o["rate"], o["stages"]),
         (server.url, 4, 4, 30, 2, True, None, None))
    same((s["machine"]["host"], s["machine"]["release"], s["machine"]["cores"]),
         (os.uname().nodename, os.uname().release, os.sysconf("SC_NPROCESSORS_ONLN")))
    same((s["arrivals"], s["tls"], s["baseline"], s["find_max"]), (None, None, None, None))
    lines = re.findall(r"^phase=(\w+) n=(\d+) p50=(\S+) p95=(\S+) p99=(\S+) max=(\S+)(?: name=(.*))?$", r.out, re.M)
    check(len(lines) >= 6, r)
    rows = {"%s %s" % (row["method"], row["name"]): row for row in s["rows"] + [dict(s["total"], method="", name="")]}
    for phase, n, p50, p95, p99, longest, name in lines:
        got = rows[name or " "]["phases"][phase]
        same((got["requests"], [got["percentiles_ms"][p] for p in ("50", "95", "99", "100")]),
             (int(n), [float(t) for t in (p50, p95, p99, longest)]), phase, name)
    same(sum(row["phases"]["wait"]["requests"] for row in s["rows"]), s["total"]["phases"]["wait"]["requests"])


@test("the open model: arrivals of each class, times from the intended start")
def _(dir):
    needs_validator()
    r = run(dir, [build(OPEN), "--headless", "--compact", "--summary", dir + "/s.json", "-t", "2", "--rate", "30",
                  "--max-in-flight", "1", "--patience", "1", "--request-log", dir + "/log.csv"],
            env={"OPEN_CLASSES": "Own:rate=20,max=5;Shared:weight=1", "OPEN_TASK": "0.1"})
    s = fine(summary(dir + "/s.json"))
    line = pairs(re.search(r"^arrivals (.*)$", r.out, re.M)[1])
    same(s["arrivals"], {key: int(n) for key, n in line.items()}, r)
    check(s["arrivals"]["shed"] > 0 and s["arrivals"]["late"] > 0, s["arrivals"])
    classes = {c["name"]: c["arrivals"] for c in s["user_classes"]}
    same({name: a["rate"] for name, a in classes.items()}, {"Own": 20, "Shared": 30})
    for key, n in s["arrivals"].items():
        same(sum(a[key] for a in classes.values()), n, key)
    check(classes["Own"]["shed"] == 0 and 30 <= classes["Own"]["started"] <= 42, classes)
    same((s["options"]["rate"], s["options"]["max_in_flight"], s["options"]["patience_s"]), (30, 1, 1))
    log = request_log(dir + "/log.csv")
    for row in s["rows"] + [s["total"]]:
        times = [float(one["response_time_ms"]) + float(one["late_ms"]) for one in log
                 if row is s["total"] or one["name"] == row["name"]]
        same(row["intended"]["requests"], len(times))
        for p, got in row["intended"]["percentiles_ms"].items():
            want = quantile(times, float(p) / 100)
            if row["unanswered"]:  # what was cut had lasted, and would have lasted longer
                check(got > want - 0.002 - 0.004 * want, row["name"], p, got, want)
            else:
                near(got, want, "%s p%s" % (row["name"], p), more=0.002)
        same(sum(n for _, n in row["intended"]["histogram_us"]), len(times))


@test("https: handshakes and their CPU")
def _(dir):
    needs_validator()
    try:
        program = build(VERDICT, "-DLOCUST_TLS", libs=TLS)
    except AssertionError:
        raise Skip("mbedTLS is missing")
    leaf = Pki(dir + "/pki", "ec").leaf("good", san="DNS:localhost,IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(leaf.chain, leaf.key)

    def serve(c):
        with context.wrap_socket(c, server_side=True) as t:
            while read_head(t):
                t.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return

    with Script(serve) as server:
        r = run(dir, [program, "--headless", "--compact", "--insecure", "-i", "6", "--summary", dir + "/s.json", "-H",
                      "https://127.0.0.1:%d" % server.port, "Get"], env={"VERDICT_PATHS": "/"})
    s = fine(summary(dir + "/s.json"))
    line = pairs(re.search(r"^tls (.*)$", r.out, re.M)[1])
    same((s["tls"]["full"], s["tls"]["resumed"]), (int(line["full"]), int(line["resumed"])), r)
    same(s["tls"]["full"] + s["tls"]["resumed"], 6, s["tls"])
    near(s["tls"]["full_cpu_ms"], float(line["full_cpu"]) * s["tls"]["full"], part=0.01, more=0.01)
    check(s["options"]["insecure"] and s["options"]["tls_resume"], s["options"])


@test("a comparison and a search")
def _(dir):
    needs_validator()
    known(dir, [("GET", "/x", [5.0] * 100, ""), ("GET", "/old", [5.0], "")], "--summary", dir + "/b.json")
    r = known(dir, [("GET", "/x", [50.0] * 100, ""), ("GET", "/new", [5.0], "")], "--summary", "s.json", "--baseline",
              dir + "/b.json", "--baseline-margin", "7")
    b = fine(summary(r.dir + "/s.json"))["baseline"]
    same((b["file"], b["margin_percent"], b["worse"], r.rc), (dir + "/b.json", 7, True, 3))
    same({row["name"]: row["verdict"] for row in b["rows"]},
         {"GET /x": "slower", "GET /old": "gone", "GET /new": "new", "Aggregated": "slower"})
    why = {row["name"]: row["why"] for row in b["rows"]}
    check(re.match("p50 ms (49|50).*, was (4.9|5.0)", why["GET /x"]) and why["GET /new"] is None, why)
    with Truth(dir) as server:
        r = judged(dir, "Get", "--compact", "--rate", "1000", "--find-max", "p50<50ms", "--find-step", "1", "--summary",
                   "s.json", url=server.url, paths="/queue/10")
    f = fine(summary(r.dir + "/s.json"))["find_max"]
    same((f["checks"], f["rate"], f["broke"]), ("p50<50ms", None, 1000))
    same([("%d" % t["held"], "%.1f" % t["rate"], t["why"]) for t in f["tried"]],
         re.findall(r"^find_try held=([01]) rate=(\S+) why=(.+)$", r.out, re.M))
    check(f["text"].startswith("find-max: no rate held p50<50ms"), f)


@test("a run that measured nothing, stages of arrivals, iterations, secrets of a proxy")
def _(dir):
    needs_validator()
    with Truth(dir) as server:
        at = server.url

        def one(args, want):
            r = judged(dir, "Get", "--summary", "s.json", *args, url=at, wait=0.05)
            s = fine(summary(r.dir + "/s.json"))
            same({key: s["options"][key] for key in want}, want, r)
            return s

        s = one(["-u", "0", "-t", "1"], {"users": 0, "run_time_s": 1})
        same((s["total"]["requests"], s["total"]["intended"], s["rows"], len(s["remarks"])), (0, None, [], 1))
        s = one(["--stages", "1:20/s"], {"stages": "1:20/s", "rate": None, "iterations": None})
        same(s["user_classes"][0]["arrivals"]["rate"], None)
        one(["-i", "3"], {"iterations": 3})
        one(["-t", "1", "--proxy", at.replace("//", "//u:p%40ss@")], {"proxy": at})
        one(["-t", "1", "--poisson", "--rate", "9", "--patience", "30", "--max-in-flight", "7"],
            {"poisson": True, "rate": 9, "patience_s": 30, "max_in_flight": 7, "proxy": None})


@test("10,000 rows: little memory, little time")
def _(dir):
    needs_validator()
    n, text = 10000, []
    for i in range(n):
        for ms in (1.0, 5.0 + i % 9, 80.0, 700.0):
            text.append("GET\x1f/%d\x1f%.3f\x1f%s\x1e" % (i, ms, "broken" if ms > 500 else ""))
    with open(dir + "/known", "w") as f:
        f.write("".join(text))
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))
    r = judged(dir, "Known", "--summary", "s.json", "--only-summary", before_exec=limit, known=dir + "/known")
    same(r.rc, 1, r.err[-500:])
    s = summary(r.dir + "/s.json")
    same((len(s["rows"]), len(s["failures"]), s["total"]["requests"]), (n, n, 4 * n))
    check(r.ran < 3, "%g s of CPU" % r.ran)
    fine(dict(s, rows=s["rows"][:50], failures=s["failures"][:50]))


main(parallel=4, before=lambda: (build(VERDICT), build("record_server.c", "-O1"), build(OPEN)))
