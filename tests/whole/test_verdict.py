#!/usr/bin/env -S python3 -B
"""Verdicts: checks, the generator's own, reports for machines, baselines, warm-up, --find-max.

    tests/whole/test_verdict.py [WORD...]    only the tests whose name contains a word

Figures that must be exact come from users who record what the test tells them (class Known); those
of requests are held against --request-log and against the server's own record (programs/record_server.c).
"""
import collections, datetime, fcntl, json, math, os, resource, sys, termios, xml.etree.ElementTree
from kit.lib import *
from kit.judged import *

alone = threading.Lock()  # held by what needs a calm machine, and by what makes it restless


# ---- the highest rate: first, for it takes the longest ----

def found_max(r):
    """(the rate that was found, the lowest that broke or None); every rate that was tried is listed, and in the log."""
    lines = re.findall(r"^find_max (.*)$", r.out, re.M)
    same(len(lines), 1, r)
    got = pairs(lines[0])
    rate, broke = float(got["rate"]), float(got["broke"]) if got["broke"] else None
    tried = [(held == "1", float(at), why) for held, at, why in
             re.findall(r"^find_try held=([01]) rate=(\S+) why=(.+)$", r.out, re.M)]
    logged = re.findall(r"find-max: (\S+) arrivals/s (do not )?hold: (.+)$", r.err, re.M)
    same([(not bad, float(at), why) for at, bad, why in logged], tried, r)
    check(not rate or (True, rate) in [t[:2] for t in tried], "it did not try what it found", r)
    check(broke is None or (False, broke) in [t[:2] for t in tried], "it did not try what broke", r)
    return rate, broke


def find_table(r):
    """[(held, rate, why)] of the table, and the sentence below it."""
    head, *rest = r.err.split("Rates that were tried\n")
    same(len(rest), 1, r)
    table, sentence = rest[0].split("\n\n")[:2]
    rows = [re.fullmatch(r"(ok|FAILED) +([\d.]+) (.+)", line) for line in table.split("\n")[2:]]
    check(all(rows), table)
    return [(m[1] == "ok", float(m[2]), m[3]) for m in rows], sentence


@test("--find-max: the rate that a server can do")
def _(dir):
    with Truth(dir) as server:
        found = []
        while len(found) < 2:
            r = judged(dir, "Get", "--compact", "--rate", "300", "--find-max", "p90<100ms", "--find-step", "2",
                       url=server.url, paths="/queue/2", seconds=120)
            found.append(r)
            rate, broke = found_max(r)
            same(r.rc, 0 if rate else 3, r)
            if abs(rate - 500) <= 75:  # 2 ms each, one at a time
                check(broke and rate < broke, r)
                return
    calm_or_skip(found, "500 a second are what it can do")


@test("--find-max: the first rate breaks, none breaks, nobody says where to begin, wrong texts")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "--compact", "--rate", "1000", "--find-max", "p50<50ms;fail_ratio<1%",
                   "--find-step", "1", url=server.url, paths="/queue/10")
        same((r.rc, found_max(r)), (3, (0.0, 1000.0)), r)
    with Truth(dir) as server:
        r = judged(dir, "Get", "--rate", "1000", "--find-max", "p50<50ms", "--find-step", "1", "--junit", "j.xml",
                   url=server.url, paths="/queue/10", GITHUB_ACTIONS="true")
        same(r.rc, 3, r)
        ((held, rate, why),), text = find_table(r)
        same((held, rate), (False, 1000.0), r)
        check(re.match(r"p50<50ms: ([\d.]+ ms|nothing measured)", why), why)
        same(text, "find-max: no rate held p50<50ms: 1000.0 arrivals/s, the lowest that was tried, did not (%s); "
                   "begin lower by --rate" % why)
        case = [case for case in xml.etree.ElementTree.parse(r.dir + "/j.xml").iter("testcase")
                if case.get("classname") == "find-max"]
        same([(c.get("name"), c.find("failure").get("message")) for c in case], [("p50<50ms", text)])
        check("\n::error title=locust.h::%s\n" % text.replace("%", "%25") in "\n" + r.out, r)
        r = judged(dir, "Get", "--compact", "--rate", "20", "--find-max", "p50<10s", "--find-step", "1", "-t", "4",
                   url=server.url, paths="/delay/1")
        rate, broke = found_max(r)
        same((r.rc, broke), (0, None), r)
        check(rate >= 20 and 2 <= r.seconds < 7, rate, r)  # it ends where no time is left for a step
        r = judged(dir, "Get", "--rate", "20", "--find-max", "p50<10s", "--find-step", "1", "-t", "3", "--junit", "j.xml",
                   url=server.url, paths="/delay/1")
        rows, text = find_table(r)
        same((r.rc, [held for held, _, _ in rows]), (0, [True] * len(rows)), r)
        same(text, "find-max: %.1f arrivals/s held p50<10s, and the run ended before a rate did not" % rows[-1][1])
        case = [case for case in xml.etree.ElementTree.parse(r.dir + "/j.xml").iter("testcase")
                if case.get("classname") == "find-max"]
        same([(c.find("failure"), c.find("system-out").text) for c in case], [(None, text)])
        r = judged(dir, "Get", "--rate", "20", "--find-max", "p50<10s", "--find-step", "1", "-t", "1", url=server.url)
        same((r.rc, find_table(r)), (3, ([], "find-max: the run ended before a rate was tried")), r)
        r = judged(dir, "Get", "--rate", "40", "--max-in-flight", "1", "--patience", "1", "--find-max", "p50<10s",
                   "--find-step", "1", "-t", "4", url=server.url, paths="/delay/100")
        (held, _, why), = find_table(r)[0]
        check(not held and re.match(r"\d+ (% of the arrivals were started|arrivals were shed)(;|$)", why), "the check held: not what broke", why)
        r = judged(dir, "Get", "--compact", "--find-max", "p50<10s", "--find-step", "1", "-t", "3", log=1, url=server.url)
        same((r.rc, found_max(r)[1]), (0, None), r)
        first = [line for line in r.out.splitlines() if line.startswith("sample ") and float(line.split()[3]) < 0.95]
        check(8 <= len(first) <= 11, "10 a second to begin with", len(first), r)
        each([("p50<",), ("",), ("p101<5",), ("p50<1s", "--find-step", "x"), ("p50<1s", "--find-step", "")],
             lambda *args: sentence(judged(dir, "Get", "--rate", "5", "-t", "9", "--find-max", *args, url=server.url),
                                    2, "--find-"))


@test("--find-max cut by the run time: the figures are of a rate that was tried")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "--rate", "20", "--find-max", "p50<10s", "--find-step", "1", "-t", "3", *EVERYWHERE,
                   url=server.url, paths="/delay/1")
    s = summary(r.dir + "/s.json")
    check(0 < s["duration_s"] <= r.seconds and s["total"]["requests"] > 0, s["duration_s"], s["total"], r)
    check(s["generator"]["cpu"] < 0.5, "20 to 80 arrivals a second are not the work of a core", s["generator"])
    generator_everywhere(r)


# ---- checks ----

ROWS = [("GET", "/a", [float(n) for n in range(1, 101)], ""), ("GET", "/b", [500.0] * 8, ""),
        ("GET", "/b", [700.0] * 2, "broken"), ("POST", "/a", [50.0] * 5, ""), ("GET", "my page", [20.0] * 4, "")]


def times_of(name):
    return [ms for method, row, times, _ in ROWS for ms in times if name in ("", row, method + " " + row)]


def failures_of(name):
    return sum(len(times) for method, row, times, error in ROWS
               if error and name in ("", row, method + " " + row))


def truth(metric, name):
    times = times_of(name)
    if metric[0] == "p":
        return quantile(times, float(metric[1:]) / 100)
    return {"min": min(times), "avg": sum(times) / len(times), "max": max(times), "med": quantile(times, 0.5),
            "requests": len(times), "failures": failures_of(name),
            "fail_ratio": failures_of(name) / len(times)}[metric]


TIMES = ("p1", "p50", "p66.6", "p75", "p90", "p99", "p99.9", "p99.999", "p100", "min", "avg", "max", "med")


@test("checks of times: every metric and operator, for all rows and for one")
def _(dir):
    def one(metric, name):
        value, behind = truth(metric, name), " " + name if name else ""
        want = {}
        for operator in ("<", "<=", ">", ">="):
            for factor in (0.9, 1.1):
                text = "%s%s%gms%s" % (metric, operator, round(value * factor, 3), behind)
                want[text] = (factor > 1) == (operator[0] == "<")
        r = known(dir, ROWS, "--compact", *[a for text in want for a in ("--check", text)])
        same(r.rc, 3, r)
        got = compact_checks(r)
        same({text: ok for text, (ok, _) in got.items()}, want, r)
        for _, told in got.values():
            near(told, value, r)

    each([(m, "") for m in TIMES] + [("p50", n) for n in ("/b", "GET /a", "POST /a", "my page", "GET my page")]
         + [("avg", "GET /b"), ("max", "GET /a"), ("min", "/b"), ("p99", "POST /a")], one)


@test("checks of counts and ratios: every operator")
def _(dir):
    def one(metric, name):
        value, behind = truth(metric, name), " " + name if name else ""
        written = "%g" % value
        wants = {"%s%s%s%s" % (metric, operator, written, behind): "=" in operator
                 for operator in ("<", "<=", ">", ">=")} if metric != "fail_ratio" else {}
        above = "%g" % (value + (0.01 if metric == "fail_ratio" else 1))
        wants.update({metric + "<" + above + behind: True, metric + "<=" + above + behind: True,
                      metric + ">" + above + behind: False, metric + ">=" + above + behind: False})
        if metric == "fail_ratio":
            wants.update({"fail_ratio<%g%%%s" % (100 * value + 1, behind): True,
                          "fail_ratio>%g%%%s" % (100 * value + 1, behind): False})
        r = known(dir, ROWS, "--compact", *[a for text in wants for a in ("--check", text)])
        same(r.rc, 3, r)
        got = compact_checks(r)
        same({text: ok for text, (ok, _) in got.items()}, wants, r)
        for _, told in got.values():
            near(told, value, r, part=0, more=0.001)

    each([(m, n) for m in ("requests", "failures", "fail_ratio") for n in ("", "/b", "GET /a", "POST /a")], one)


@test("checks of max and min against the very value")
def _(dir):
    want = {"max<=700ms": True, "max<700ms": False, "max>=700ms": True, "max>700ms": False, "min>=1ms": True,
            "min>1ms": False, "min<=1ms": True, "min<1ms": False, "max<=100 GET /a": True,
            "max<100 GET /a": False}
    r = known(dir, ROWS, "--compact", *[a for text in want for a in ("--check", text)])
    same({text: ok for text, (ok, _) in compact_checks(r).items()}, want, r)


@test("checks: units")
def _(dir):
    want = {"max<701ms": True, "max<701": True, "max<0.701s": True, "max<701000us": True, "max<1s": True,
            "max<699ms": False, "max<699": False, "max<0.699s": False, "max<699000us": False, "max<0.7": False,
            "max<700.5ms": True, "max<699.5ms": False}
    r = known(dir, ROWS, "--compact", *[a for text in want for a in ("--check", text)])
    got = compact_checks(r)
    same({text: ok for text, (ok, _) in got.items()}, want, r)
    check(all(abs(value - 700) < 0.001 for _, value in got.values()), got)  # in ms whatever was asked


@test("checks: a ; within a name, and between checks")
def _(dir):
    rows = [("GET", "/a;v=1", [5.0], ""), ("GET", "/a;v=1;w", [10.0], ""), ("GET", "/a", [20.0], ""), ("GET", "/;", [30.0], "")]
    lists = [("p50<6 /a;v=1", {"p50<6 /a;v=1": True}),
             ("p50<6ms GET /a;v=1;w", {"p50<6ms GET /a;v=1;w": False}),
             ("p50<21 /a;v=1;max>29", {"p50<21 /a;v=1": True, "max>29": True}),
             ("max<1s /a;v=1;w ; max>29;", {"max<1s /a;v=1;w": True, "max>29": True}),
             ("fail_ratio<1 % /a;v=1;fail_ratio<1 %", {"fail_ratio<1 % /a;v=1": True, "fail_ratio<1 %": True}),
             ("max<19 /a;min<6", {"max<19 /a": False, "min<6": True}),
             (" ;max<31 ;; min<6; ", {"max<31": True, "min<6": True})]

    def one(text, want):
        r = known(dir, rows, "--compact", "--check", text)
        same({text: ok for text, (ok, _) in compact_checks(r).items()}, want, r)

    each(lists, one)
    several = ["max<31 /;", "p50<6 /a;v=1", "min<6"]  # options are never joined
    r = known(dir, rows, "--compact", *[a for text in several for a in ("--check", text)])
    same(set(compact_checks(r)), {"max<31 /", "p50<6 /a;v=1", "min<6"}, r)
    each([("p50<6;v=1", "v=1"), ("p50<6 /a;p50<x", "p50<x"), ("p50<6 /a;bad<1", "bad<1")],
         lambda text, wrong: sentence(known(dir, rows, "--check", text), 2, "--check '%s': " % wrong))


@test("checks of rates: over the run")
def _(dir):
    rows = sorted(ROWS, key=lambda row: row[0] == "POST")  # each row's last request is at the end
    texts = ("rps>1", "rps<1000000", "rps>1000000", "fps>0.1", "fps<0.5", "fps>1000", "fps<=0 GET /a")
    r = known(dir, rows, "--compact", "--check", ";".join(texts), hold=2)
    same(r.rc, 3, r)
    got = compact_checks(r)
    same([got[text][0] for text in texts], [True, True, False, True, False, False, True], r)
    for text, n in (("rps>1", 119), ("fps>0.1", 2), ("fps<=0 GET /a", 0)):
        check(n / r.seconds * 0.99 - 0.001 <= got[text][1] <= n / 2 * 1.01 + 0.001, text, got, r)


@test("checks of rates: a run in whose last seconds nothing was answered")
def _(dir):
    r = known(dir, ROWS, "--compact", "--check", "rps>100;failures<9", "--summary", "s.json", after=3)
    same((r.rc, compact_checks(r)["rps>100"][0]), (3, False), "119 requests in 3 s are no 100 a second", r)
    near(summary(r.dir + "/s.json")["total"]["rps"], 119 / 3, r, part=0.05)


@test("checks: nothing was measured")
def _(dir):
    texts = ("p99<1000 /none", "p99>0 /none", "avg<1000 PUT /a", "rps>=0 /none", "fail_ratio<1 /none")
    r = known(dir, ROWS, "--compact", "--check", ";".join(texts))
    same(r.rc, 3, r)
    same(compact_checks(r), {text: (False, None) for text in texts}, r)
    r = known(dir, ROWS, "--check", texts[0], "--summary", "s.json")
    same(r.rc, 3, r)
    lines = check_table(r)
    same(len(lines), 1, r)
    check(lines[0].startswith("FAILED") and texts[0] in lines[0] and "nothing measured" in lines[0], lines)
    told = summary(r.dir + "/s.json")["checks"]
    same([(c["check"], c["ok"]) for c in told], [(texts[0], False)])
    r = known(dir, [], "--compact", "--check", "p99<1000")  # not a request in the whole run
    same((r.rc, compact_checks(r)), (3, {"p99<1000": (False, None)}), r)


@test("checks: in a table")
def _(dir):
    texts = ("p50<1000ms", "max<100ms", "fail_ratio<50%", "requests>=119", "p99<250ms GET /a")
    r = known(dir, ROWS, "--check", ";".join(texts))
    same(r.rc, 3, r)
    lines = check_table(r)
    same(len(lines), len(texts), r)
    for line, text, ok in zip(lines, texts, (1, 0, 1, 1, 1)):
        check(line.split()[0] == ("ok" if ok else "FAILED") and text in line, line)
    for line, value in ((lines[1], "700"), (lines[3], "119")):
        behind = line.split("ms" if "max" in line else ">=119", 1)[1]
        check(value in behind, "it does not say what was measured", line)
    check("check ok=" not in r.out and r.err.index("# reqs") < r.err.index("\nChecks"), r)
    r = known(dir, ROWS)
    check(not re.search(r"^Checks", r.err, re.M) and r.rc == 1, "a table of no checks", r)


@test("checks: exit codes")
def _(dir):
    good = [row for row in ROWS if not row[3]]

    def one(rows, args, env, rc):
        r = known(dir, rows, *args, **env)
        same(r.rc, rc, r)

    each([(good, [], {}, 0), (good, ["--check", "p99<1s"], {}, 0), (good, ["--check", "p99<1ms"], {}, 3),
          (good, ["--check", "p99<1s", "--check", "p99<1ms", "--check", "max<1s"], {}, 3),
          # A failure is exit code 1, unless a check of all rows says what may fail.
          (ROWS, [], {}, 1), (ROWS, ["--check", "p99<1s"], {}, 1), (ROWS, ["--check", "p99<1ms"], {}, 3),
          (ROWS, ["--check", "fail_ratio<5%"], {}, 0), (ROWS, ["--check", "fail_ratio<0.05"], {}, 0),
          (ROWS, ["--check", "failures<=2"], {}, 0), (ROWS, ["--check", "fps<100000"], {}, 0),
          (ROWS, ["--check", "fail_ratio<1%"], {}, 3), (ROWS, ["--check", "failures<2"], {}, 3),
          (ROWS, ["--check", "fail_ratio<50% GET /b"], {}, 1), (ROWS, ["--check", "failures<9 /b"], {}, 1),
          (ROWS, ["--check", "failures<9 /b", "--check", "fail_ratio<1"], {}, 0),
          (ROWS, ["--exit-code-on-error", "7"], {}, 7),
          (ROWS, ["--exit-code-on-error", "7", "--check", "p99<1s"], {}, 7),
          (ROWS, ["--exit-code-on-error", "7", "--check", "p99<1ms"], {}, 3),
          (ROWS, ["--exit-code-on-error", "7", "--check", "fail_ratio<5%"], {}, 0),
          (good, ["--check", "p99<1ms"], {"code": 9}, 9), (good, ["--check", "p99<1s"], {"code": 9}, 9)], one)


@test("checks: from the environment, config files, and several in one")
def _(dir):
    two = {"max<100": (False, 700.0), "requests>=119": (True, 119.0)}

    def one(args, more):
        r = known(dir, ROWS, "--compact", *args, **more)
        same((r.rc, compact_checks(r)), (3, two), r)

    each([(["--check", "max<100;requests>=119"], {}), (["--check=max<100", "--check=requests>=119"], {}),
          ([], {"LOCUST_CHECK": "max<100;requests>=119"}), ([], {"conf": "check = max<100;requests>=119\n"})], one)
    r = known(dir, ROWS, "--compact", conf="check = p99<250ms\n")
    same((r.rc, list(compact_checks(r))), (3, ["p99<250ms"]), r)
    r = known(dir, ROWS, "--compact", "--check", "p99<1 my page", LOCUST_CHECK="p99<250ms",
              conf="check = p50<250ms\n")
    check("p99<1 my page" in compact_checks(r) and r.rc == 3, r)


@test("checks: wrong texts")
def _(dir):
    def wrong(text):
        r = known(dir, ROWS, "--check", text)
        sentence(r, 2, "--check")
        same(r.out, "", r)

    each(["p999x<1", "p99<", "rps>10ms", "p101<5", "p99", "<5", "p99=5", "p99==5", "p99!=5", "p99<x", "p99<5kg",
          "p<5", "p-1<5", "p99.9.9<5", "pp99<5", "fail_ratio<5ms", "nonsense<5", "requests<1%", "failures<1s",
          "fps<1us",
          "p99<10%", "avg<5%", "p99<nan", "p99<<5", "p99<5msx", "intended_p101<5", "intended_<5", "shed<1ms",
          "p50<5;p99"], wrong)
    for more in ({"LOCUST_CHECK": "p99<"}, {"conf": "check = p99<\n"}):
        r = known(dir, ROWS, **more)
        sentence(r, 2, "p99<")
    r = known(dir, ROWS, "--check", "p99<5", "--check", "p101<5")
    sentence(r, 2, "p101<5")


@test("checks of intended times and of arrivals that were shed")
def _(dir):
    # One at a time, 100 ms each, 20 a second for 3 s: half of them wait, those that wait 1 s are shed.
    with Truth(dir) as server:
        texts = ("p50<150ms", "intended_p50<150ms", "intended_p50>150ms", "intended_p99>500ms /delay/100",
                 "shed<1", "shed>=1")
        r = judged(dir, "Get", "--compact", "--rate", "20", "--max-in-flight", "1", "--patience", "1", "-t", "4",
                   "-s", "3", "--request-log", "log.csv", "--check", ";".join(texts), url=server.url,
                   paths="/delay/100")
    same(r.rc, 3, r)
    got = compact_checks(r)
    same([got[text][0] for text in texts], [True, False, True, True, False, True], r)
    log = request_log(r.dir + "/log.csv")
    intended = [float(row["response_time_ms"]) + float(row["late_ms"]) for row in log]
    near(got["p50<150ms"][1], quantile([float(row["response_time_ms"]) for row in log], 0.5), r)
    near(got["intended_p50<150ms"][1], quantile(intended, 0.5), r, more=0.002)
    near(got["intended_p99>500ms /delay/100"][1], quantile(intended, 0.99), r, more=0.002)
    shed = int(re.search(r"^arrivals .* shed=(\d+)", r.out, re.M)[1])
    same(got["shed<1"][1], float(shed), r)


# ---- the generator ----

OK_LINE = (r"generator: ok \(CPU (\d+) % of a core, lateness p50 ([\d.]+) ms, p99 ([\d.]+) ms; "
           r"response times at most ([\d.]+) ms too high at p50, ([\d.]+) ms at p99\)")


def generator_everywhere(r, prefix="c", flag=False):
    """The verdict of the generator: once as a compact line, and in JSON and CSV; all say the same."""
    told = compact_generator(r)
    same(re.findall(r"\bgenerator: .*", r.err), [], "said twice, if a terminal shows both streams")
    s = summary(r.dir + "/s.json")["generator"]
    same((s["ok"], s["limits"]), (bool(told["ok"]), told["limits"]), r)
    fields = (("cpu", "cpu"), ("late_p50_ms", "late_p50"), ("late_p99_ms", "late_p99"), ("late_max_ms", "late_max"),
              ("stalled_s", "stalled"), ("stalled_max_s", "stalled_max"), ("stalled_requests", "stalled_reqs"),
              ("suspended_s", "suspended"), ("clock_set_s", "clock_set"), ("p50_high_ms", "p50_high"),
              ("p99_high_ms", "p99_high"))
    for field, key in fields:
        check(abs(s[field] - told[key]) <= 0.0011, field, s, told)
    with open(r.dir + "/c_generator.csv", newline="") as f:
        header, *rows = list(csv.reader(f, strict=True))
    same(header, "Verdict,CPU,Lateness 50%,Lateness 99%,Lateness 100%,Limits,Stalled s,Stalled Max s,Stalled Requests,"
         "Suspended s,Clock Set s,50% Too High,99% Too High,Unanswered Requests,Unanswered Arrivals,"
         "Longest Unanswered,Starved Users".split(","))
    same(len(rows), 1, rows)
    same(rows[0][0], "ok" if told["ok"] else "limited", rows)
    for got, (_, key) in zip(rows[0][1:5] + rows[0][6:13], fields):
        check(abs(float(got) - told[key]) <= 0.0011, key, rows, told)
    check(all(text in rows[0][5] for text in told["limits"]), rows, told)
    check(told["late_p50"] <= told["late_p99"] <= told["late_max"], told)
    # Late is what makes p50, or the p99 of a hundred requests and more, too high by over 0.5 ms and over a tenth.
    total = summary(r.dir + "/s.json")["total"]
    few, total = total["requests"] < 100, total["percentiles_ms"]
    parts = [told["p%s_high" % p] / max(0.5, total[p] / 10) for p in (("50",) if few else ("50", "99"))]
    if all(abs(part - 1) > 0.02 for part in parts):
        same(any(re.match("lateness: p50 ", text) for text in told["limits"]), max(parts) > 1, told, total)
    return told


EVERYWHERE = ("--compact", "--summary", "s.json", "--csv", "c")


def calm_or_skip(found, text):
    """Of runs none of which came out well: a machine that others use proves nothing."""
    shares = sorted(r.waited / r.seconds for r in found)
    if shares[0] > 0.005:
        raise Skip("it was ready to run and had no core for %s %% of the time" % ", ".join(
            "%.1f" % (100 * share) for share in shares))
    check(False, text, *found[:2])


@test("generator: ok in a quiet run")
def _(dir):
    found = []
    with Truth(dir) as server:
        while len(found) < 4:
            with alone:
                r = judged(dir, "Get", "-u", "20", "-r", "1000000", "-t", "2", "--fail-on-generator-limit", *EVERYWHERE,
                           url=server.url, paths="/delay/20", wait=0.02)
            found.append(r)
            told = generator_everywhere(r)
            same(r.rc, 0 if told["ok"] else 4, r)
            check(abs(told["cpu"] - r.ran / 2) < 0.1, "CPU: the kernel says %.3f" % (r.ran / 2), told)
            if told["ok"]:
                check(told["late_p99"] < 10, told)
                return
    calm_or_skip(found, "never ok")


@test("generator: the line of a run with tables")
def _(dir):
    r = known(dir, ROWS)
    lines = [line for line in r.err.splitlines() if "generator: " in line]
    same(len(lines), 1, r)
    check(re.search("(^|: )" + OK_LINE + "$", lines[0]) or "generator: limited by " in lines[0], lines)
    check(r.err.index("# reqs") < r.err.index("generator: "), r)
    same(r.out, "", r)


@test("generator: limited by CPU in a closed loop without waits")
def _(dir):
    with alone:
        r = judged(dir, "Busy", "-u", "20", "-r", "1000000", "-t", "6", *EVERYWHERE, pin=0)
    told = generator_everywhere(r)
    check(r.ran + r.waited > 5.5, "it wanted a core for itself", r.ran, r.waited)
    same((told["ok"], r.rc), (0.0, 0), r)
    if r.waited < 0.5:  # it had that core, but for less than a tenth
        check(told["limits"][0].startswith("CPU: ") and abs(told["cpu"] - r.ran / 6) < 0.05, told, r.ran)
        check(re.match(r"CPU: (9[5-9]|100) % of a core", told["limits"][0]), told)
    check(any(re.match("CPU: |other programs: |lateness: ", text) for text in told["limits"]), told)


@test("generator: limited by CPU in five seconds of a longer run")
def _(dir):
    with alone:
        r = judged(dir, "Burst", "-u", "5", "-r", "1000000", "-t", "8", *EVERYWHERE, pin=0)
    told = generator_everywhere(r)
    if r.ran > 5.85 or r.waited < 0.4:  # it had a core for the 6 s that it wanted one, but for less than a tenth of five
        check(told["limits"] and told["limits"][0].startswith("CPU: "), told, r.ran)
    elif r.waited > 0.9:  # over a tenth of 8 s; what lies between may be either
        check(not told["ok"], "others had a tenth of it", told, r.waited)


@test("generator: a run of a moment has no five seconds of CPU")
def _(dir):
    for _ in range(5):
        r = known(dir, ROWS, *EVERYWHERE)
        told = generator_everywhere(r)
        check(not any(text.startswith("CPU: ") for text in told["limits"]), told, r)


@test("generator: limited on a core that others use, exit code 4 if asked for")
def _(dir):
    core = sorted(os.sched_getaffinity(0))[-1]
    with alone, Truth(dir) as server:
        others = [subprocess.Popen(["taskset", "-c", str(core), "sh", "-c", "while :; do :; done"],
                                   stdin=subprocess.DEVNULL) for _ in range(3)]
        try:
            for flag, rc in (([], 0), (["--fail-on-generator-limit"], 4)):
                r = judged(dir, "Get", "-u", "200", "-r", "1000000", "-t", "3", *flag, *EVERYWHERE, url=server.url,
                           paths="/delay/10", wait=0.01, pin=core)
                told = generator_everywhere(r)
                check(r.waited > 0.3, "the others did not take its core", r.waited)
                same((told["ok"], r.rc), (0.0, rc), r)
                check(any(re.match("CPU: |other programs: |lateness: ", text) for text in told["limits"]), told)
                share = [int(n) for text in told["limits"] for n in re.findall(r"^other programs: (\d+) %", text)]
                check(share and abs(share[0] - 100 * r.waited / 3) < 20, told, r.waited / 3)
            # A check that does not hold comes after the generator; so does a failure.
            r = judged(dir, "Get", "-u", "50", "-r", "1000000", "-t", "2", "--fail-on-generator-limit", "--compact",
                       "--check", "p50<1ms", url=server.url, paths="/delay/10,/status/500", wait=0.01, pin=core)
            same(r.rc, 3 if compact_generator(r)["ok"] else 4, r)
        finally:
            for p in others:
                p.kill()
                p.wait()


for cls, task in (("Napper", "nap"), ("Spinner", "spin")):
    @test("generator: names the task %s of %s, which blocks everybody" % (task, cls))
    def _(dir, cls=cls, task=task):
        with alone:
            r = judged(dir, cls, "Polite", "-u", "6", "-r", "1000000", "-t", "3", "--fail-on-generator-limit", *EVERYWHERE)
        told = generator_everywhere(r)
        same((told["ok"], r.rc), (0.0, 4), r)
        texts = [text for text in told["limits"] if text.startswith("task ")]
        same(len(texts), 1, told)
        m = re.match(r"task %s of %s: held everybody up (\d+) times, ([\d.]+) ms at the longest" % (task, cls),
                     texts[0])
        check(m, texts)
        check(3 <= int(m[1]) <= 30, "3 s have place for 30 of them", texts)
        check(99 <= float(m[2]) <= 3000, texts)  # 100 ms and what others took
        check(told["late_max"] >= 80, "they take most of the time: others were due meanwhile", told)
        same(judged(dir, cls, "-t", "1", LOCUST_FAIL_ON_GENERATOR_LIMIT="true").rc, 4)


@test("generator: a task that waits as it should is not named")
def _(dir):
    r = judged(dir, "Polite", "-u", "50", "-r", "1000000", "-t", "3", "--compact")
    check(not any(text.startswith("task ") for text in compact_generator(r)["limits"]), r)


@test("generator: limited by file descriptors")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "-u", "100", "-r", "1000000", "-t", "2", "--fail-on-generator-limit", *EVERYWHERE,
                   url=server.url, paths="/delay/50", wait=0.05,
                   before_exec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50)))
    told = generator_everywhere(r)
    check(any(text.startswith("file descriptors: ") for text in told["limits"]), told)
    same(r.rc, 4, r)


PORTS = """
set -e
ip link set lo up
echo "41000 41049" >/proc/sys/net/ipv4/ip_local_port_range
"$TRUTH" >truth.out &
truth=$!
trap 'kill $truth 2>/dev/null || true' EXIT
n=0
until grep -q listening truth.out; do
    n=$((n + 1)); [ $n -lt 200 ]; sleep 0.05
done
"$VERDICT" --headless -H "http://127.0.0.1:$(sed s/.*:// truth.out)" -u 150 -r 150 -t 3 "$@" Get
"""


@test("generator: limited by local ports")
def _(dir):
    probe = "ip link set lo up && echo '41000 41049' >/proc/sys/net/ipv4/ip_local_port_range"
    ways = [["unshare", flag, "sh", "-c"] for flag in ("-n", "-rn")]
    way = next((way for way in ways if shutil.which("unshare") and
                subprocess.run(way + [probe], capture_output=True).returncode == 0), None)
    if not way:
        raise Skip("no network namespace of our own may be made here")
    r = run(dir, way + [PORTS, "sh", *EVERYWHERE], env={
        "TRUTH": build("record_server.c", "-O1"), "VERDICT": build(VERDICT), "VERDICT_WAIT": "0.5"})
    r.dir = dir
    told = generator_everywhere(r)
    check(any(text.startswith("local ports: ") for text in told["limits"]), told)


@test("generator: limited by arrivals that were shed")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "--rate", "50", "--max-in-flight", "2", "--patience", "1", "-t", "3",
                   "--fail-on-generator-limit", *EVERYWHERE, url=server.url, paths="/delay/200")
    told = generator_everywhere(r)
    shed = int(re.search(r"^arrivals .* shed=(\d+)", r.out, re.M)[1])
    # 10 a second of 50 are served; of the others all have lost patience but those of the last second.
    lost = [int(text.split()[0]) for text in told["limits"] if re.match(r"\d+ arrivals shed", text)]
    check(len(lost) == 1 and 40 <= lost[0] <= shed, told, shed)
    same(r.rc, 4, r)


def stood_still(told):
    """[(in all, at the longest, why)] of a verdict"""
    found = [re.match(r"stood still for ([\d.]+) s, ([\d.]+) s at the longest(?:, (.*))?$", text)
             for text in told["limits"]]
    return [(float(m[1]), float(m[2]), m[3]) for m in found if m]


def stopped(dir, span, *args, then=1.0, **env):
    """A run that is stopped for `span` s once it has sent requests: what it says, how long it was stopped."""
    argv = [build(VERDICT), "--headless", *args]
    with Watched(dir, argv, env={"VERDICT_" + k.upper(): str(v) for k, v in env.items()}) as p:
        until(lambda: p.read().count("sample ") > 5, 20, "requests")
        began = time.monotonic()
        p.p.send_signal(signal.SIGSTOP)
        while time.monotonic() < began + span:
            time.sleep(span / 10)
        p.p.send_signal(signal.SIGCONT)
        span = time.monotonic() - began
        r = p.wait(60)
    r.dir = dir
    return r, span


@test("generator: stood still while it was stopped, named with how long, exit code 4 if asked for")
def _(dir):
    with alone, Truth(dir) as server:
        r, span = stopped(dir, 1.5, "-H", server.url, "-u", "2", "-r", "1000000", "-t", "4", "--fail-on-generator-limit",
                          *EVERYWHERE, "Get", paths="/delay/60", log=1)
    told = generator_everywhere(r)
    same((told["ok"], r.rc), (0.0, 4), r)
    stalls = stood_still(told)
    check(any(why == "stopped by a signal" for _, _, why in stalls), "it does not say why", told)
    near(told["stalled_max"], span, r, part=0, more=0.15)
    near(max(longest for _, longest, _ in stalls), span, r, part=0, more=0.2)
    check(told["stalled"] >= told["stalled_max"], told)
    check(not any(text.startswith("task ") for text in told["limits"]), "a task is blamed", told)
    # The kernel knows when their answers came; those times are the server's.
    check(summary(r.dir + "/s.json")["total"]["max_ms"] < 1000, r)
    same((told["stalled_reqs"], "in_flight_over_stall" in r.out), (0, False), r)


@test("generator: requests in flight while it stood still are counted where their times hold it")
def _(dir):
    with alone, Truth(dir) as server:
        r, span = stopped(dir, 1, "-H", server.url, "-u", "2", "-r", "1000000", "-t", "3", "--no-arrival-times", *EVERYWHERE,
                          "Get", paths="/delay/60", log=1)
    told = generator_everywhere(r)
    check(told["ok"] == 0 and stood_still(told), told)
    over = sum(float(line.split()[4]) > 1000 * span - 200 for line in r.out.splitlines() if line.startswith("sample "))
    check(over >= 1, "no request took that long", r)
    check(told["stalled_reqs"] >= over, over, r)  # others may have had its core, too
    # They are few, and so are at the end of the percentiles: p99 is theirs, and said to be.
    if summary(r.dir + "/s.json")["total"]["requests"] < 150:
        check(told["p99_high"] > 1000 * span / 2, told, span, r)
    notes = [m for m in summary(r.dir + "/s.json")["remarks"] if m["key"] == "in_flight_over_stall"]
    same([(m["about"], float(m["text"].split()[0])) for m in notes], [("client", told["stalled_reqs"])], r)


@test("generator: what was before the warm-up or the end of spawning is not judged")
def _(dir):
    with alone, Truth(dir) as server:
        for more, want in ((["--warm-up", "2"], 0), (["--reset-stats"], 0), ([], 1)):
            r, _ = stopped(dir, 0.7, "-H", server.url, "-u", "4", "-r", "2", "-t", "4", *more, *EVERYWHERE, "Get",
                           paths="/delay/20", log=1)
            same(any(why == "stopped by a signal" for _, _, why in stood_still(generator_everywhere(r))), bool(want), r)


@test("generator: lateness is doubted where it is in the response times, and by how much")
def _(dir):
    def one(*more):
        # Napper keeps the loop for 100 ms at a time; connects, which nobody stamps, are before the warm-up.
        with Truth(dir) as server:
            r = judged(dir, "Napper", "Get", "-u", "4", "-r", "1000000", "-t", "5", "--warm-up", "2", *more, *EVERYWHERE,
                       url=server.url, paths="/delay/5", wait=0.02)
            truth = [(one.sent_us - one.arrived_us) / 1e3 for one in server.stop()]
        check(len(truth) > 20, r)
        told, total = generator_everywhere(r), summary(r.dir + "/s.json")["total"]["percentiles_ms"]
        check(told["late_p99"] > 50, "the loop was not held", told)
        # What the server took lies within the bounds. Some 120 requests: any of them, the server's slowest too, may
        # be that which met the nap and is p99.
        off = [(p, took) for p, took in (("50", quantile(truth, 0.5)), ("99", max(truth)))
               if total[p] - told["p%s_high" % p] > 1.02 * took + 2]
        return told, total, quantile(truth, 0.99), off

    def calm(*more):
        """A round in which nobody woke the server late, which it does not see: one of four."""
        for _ in range(4):
            *found, off = one(*more)
            if not off:
                return found
        check(False, off, found)

    with alone:
        told, total, truth = calm()
        check(told["p99_high"] < 0.5 and not any("lateness" in text for text in told["limits"]), told)
        told, total, truth = calm("--no-arrival-times")
        check(told["p99_high"] > 20 and total["99"] > truth + 20, told, total, truth)
        check(any(re.match(r"lateness: p50 of [\d.]+ ms at most [\d.]+ ms too high, p99 of", text)
                  for text in told["limits"]), told)


@test("generator: users in step are late, and their response times right")
def _(dir):
    found = []
    with Truth(dir) as server:
        while len(found) < 3:
            with alone:
                r = judged(dir, "Get", "-u", "1000", "-r", "1000000", "-t", "5", "--warm-up", "2", *EVERYWHERE,
                           url=server.url, paths="/delay/1", wait=1)
            found.append(r)
            told = generator_everywhere(r)
            check(told["late_p99"] > 0.5, "1,000 answers at once wait for each other", told)
            if told["ok"]:
                return
            check(not any("lateness" in text for text in told["limits"]), told)
    calm_or_skip(found, "never ok")


@test("users who are spawned N a second do not march in step")
def _(dir):
    with alone, Truth(dir) as server:
        r = judged(dir, "Get", "-u", "100", "-r", "100", "-t", "4", url=server.url, paths="/delay/0", wait=1)
        arrived = [one.arrived_us / 1e6 for one in server.stop()]
    r.says('All users spawned: {"Get": 100} (100 total users)')
    tenths = collections.Counter(int((t - min(arrived)) * 10) for t in arrived)
    same(sum(tenths[i] > 0 for i in range(30)), 30, "10 of them each tenth of a second", tenths)
    check(all(tenths[i] <= 40 for i in range(30)), "all of a second come at once", tenths)  # others halt it


@test("generator: a batch of connects is no task's fault")
def _(dir):
    with alone, Truth(dir) as server:
        r = judged(dir, "Get", "-u", "2500", "-r", "1000000", "-t", "2", *EVERYWHERE, url=server.url, paths="/delay/0",
                   wait=0.5)
    told = generator_everywhere(r)
    check(not any(text.startswith("task ") for text in told["limits"]), told)


CLOCK = ["-Wl,--wrap=clock_gettime", "-Wl,--wrap=recvmsg", "-Wl,--wrap=gettimeofday", "-Wl,--wrap=time",
         PROGRAMS + "wrong_clock.c"]


def by_wrong_clock(dir, *args, **env):
    with Truth(dir) as server, Watched(dir, [build(VERDICT, *CLOCK), "--headless", "-H", server.url, "-u", "2", "-r", "1000000",
                                             "-t", "2", *args, *EVERYWHERE, "Get"], env=env) as p:
        r = p.wait(60)
    r.dir = dir
    return r, generator_everywhere(r)


@test("generator: a wall clock that is set is named, by how much, and limits nothing")
def _(dir):
    build(VERDICT, *CLOCK)
    for at in (-3600, 3600):
        with alone:
            r, told = by_wrong_clock(dir, CLOCK_AT="%d" % (time.time() + at), CLOCK_SET="1", VERDICT_PATHS="/delay/20")
        near(told["clock_set"], -at, r, part=0, more=2)
        same((told["stalled"] > 0.5, told["suspended"], r.rc), (False, 0.0, 0), r)
        notes = [m for m in summary(r.dir + "/s.json")["remarks"] if m["key"] == "clock_set"]
        check(len(notes) == 1 and notes[0]["about"] == "run", notes)
        m = re.match(r"the wall clock was set (\w+) by (\d+\.\d) s", notes[0]["text"])
        check(m and m[1] == ("back" if at > 0 else "forward") and abs(float(m[2]) - 3600) <= 2, notes)
        check(not any("clock" in text for text in told["limits"]), told)
        s = summary(r.dir + "/s.json")["total"]  # times of answers do not go by that clock
        check(19 <= s["min_ms"] and s["percentiles_ms"]["50"] < 30 and s["max_ms"] < 1000, s)
    r, told = by_wrong_clock(dir, VERDICT_PATHS="/delay/20")
    check(told["clock_set"] == 0 and "clock_set " not in r.out.replace("clock_set=", ""), r)


@test("generator: a machine that was suspended is named, with how long")
def _(dir):
    with alone:
        r, told = by_wrong_clock(dir, "--fail-on-generator-limit", CLOCK_SUSPENDED="30", CLOCK_SET="1",
                                 VERDICT_PATHS="/delay/20")
    same((told["suspended"], told["clock_set"], r.rc), (30.0, 0.0, 4), r)
    check("the machine was suspended for 30.0 s" in told["limits"], told)
    check(not any(m["key"] == "clock_set" for m in summary(r.dir + "/s.json")["remarks"]), r)


class Terminal:
    """A terminal, or a pipe, that nobody reads until read() is called."""

    def __init__(self, kind):
        self.kind = kind
        self.ours, self.theirs = os.openpty() if kind == "terminal" else os.pipe()
        if kind == "terminal":  # as if a user had typed Ctrl-S: nothing fits
            termios.tcflow(self.theirs, termios.TCOOFF)
        else:
            fcntl.fcntl(self.theirs, 1031, 4096)  # F_SETPIPE_SZ

    def read(self):
        """All that comes until its last writer has gone."""
        if self.theirs is not None:
            if self.kind == "terminal":
                termios.tcflow(self.theirs, termios.TCOON)
            os.close(self.theirs)
            self.theirs = None
        text = b""
        with contextlib.suppress(OSError):  # EIO is a terminal's end
            while piece := os.read(self.ours, 65536):
                text += piece
        os.close(self.ours)
        return text.decode().replace("\r\n", "\n")


def unread(dir, kind, server, *args, read_at=None, seconds="3", **env):
    """A run whose standard error nobody reads, or from `read_at` on: its Result (err is what came), the
    longest time in which its server got no request."""
    t = Terminal(kind)
    env = dict(os.environ, HOME=dir, **{"VERDICT_" + k.upper(): str(v) for k, v in env.items()})
    began = time.monotonic()
    with open(dir + "/out", "w+") as out:
        p = subprocess.Popen([build(VERDICT), "--headless", "-H", server.url, "-u", "2", "-r", "1000000", "-t", seconds, *args,
                              "Get"], stdin=subprocess.DEVNULL, stdout=out, stderr=t.theirs, env=env, cwd=dir)
        flags = fcntl.fcntl(t.theirs, fcntl.F_GETFL)
        try:
            if read_at is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    p.wait(read_at)
                err = t.read()
            p.wait(30)
            took = time.monotonic() - began
            check(flags & os.O_NONBLOCK == 0, "the terminal's own open file does not block any more")
        finally:
            p.kill()
            p.wait()
        if read_at is None:
            err = t.read()
        out.seek(0)
        r = Result(p.returncode, out.read(), err, took)
    r.dir = dir
    sent = sorted(one.sent_us / 1e6 for one in server.stop())
    return r, sent


@test("a terminal or a pipe that nobody reads: the load goes on, and the run ends")
def _(dir):
    for kind in ("terminal", "pipe"):
        with alone, Truth(dir) as server:
            # Rows that fill a pipe of 4 KB with the first table.
            r, sent = unread(dir, kind, server, "--summary", "s.json", seconds="5", paths=",".join(
                "/delay/%d" % n for n in range(1, 31)))
        told = summary(dir + "/s.json")
        check(len(sent) > 100 and max(b - a for a, b in zip(sent, sent[1:])) < 1, "the load stopped", kind, len(sent), r)
        check(sent[-1] - sent[0] > 4.5, "it stopped before its end", kind, sent[-1] - sent[0], r)
        check(5 <= r.seconds < 5 + 5 + 4 and r.rc == 0, "it waits for ever", kind, r.seconds, r)
        check(not any("stood still" in text and "in its own" in text for text in told["generator"]["limits"]), told)


@test("a terminal or a pipe that is read late has all log lines, and the last table")
def _(dir):
    for kind in ("terminal", "pipe"):
        with alone, Truth(dir) as server:
            r, sent = unread(dir, kind, server, "--summary", "s.json", read_at=6, seconds="3", paths="/delay/20")
        texts = [text for _, _, text in log_lines(r.err)]
        for text in ("Starting locust.h", "All users spawned", "--run-time limit reached", "Shutting down (exit code 0)"):
            same(sum(text in line for line in texts), 1, kind, text, r)
        check("Response time percentiles" in r.err and r.err.rstrip().splitlines()[-1].startswith("generator: "), r)
        check(r.seconds < 3 + 5 + 4, r.seconds)


@test("a pipe that nobody reads: tables are left out as a whole, and counted")
def _(dir):
    rows = ",".join("/delay/0?%d" % n for n in range(400))  # a table of them has 60 KB
    with alone, Truth(dir) as server:
        r, sent = unread(dir, "pipe", server, "--summary", "s.json", read_at=9, seconds="9", paths=rows, wait=0.1)
    notes = [m for m in summary(dir + "/s.json")["remarks"] if m["key"] == "unread"]
    same(len(notes), 1, r)
    left_out = int(notes[0]["text"].split()[0])
    tables = r.err.count("Type     Name") - 1  # the last report has two
    check(left_out >= 1 and re.match(r"\d+ tables and 0 log lines were left out", notes[0]["text"]), notes)
    check(5 <= left_out + tables <= 7, "one every two seconds, and the last", left_out, tables, r)
    same(r.err.count("Aggregated"), tables + 1, "each that came is whole", r)


# ---- reports for machines ----

@test("--summary and --request-log: figures of the same requests")
def _(dir):
    start = time.time()
    with Truth(dir) as server:
        r = judged(dir, "Get", "-u", "5", "-r", "1000000", "-t", "3", "-s", "5", "--summary", "s.json", "--csv", "c",
                   "--request-log", "log.csv", "--check", "p99<10s", "--check", "max<1us", url=server.url,
                   wait=0.001, paths="/two/2/60/20,/fail/7,POST /delay/3,/status/404")
        served = server.stop()
    end = time.time()
    same(r.rc, 3, r)
    s, log = summary(r.dir + "/s.json"), request_log(r.dir + "/log.csv")
    same(sorted(s), sorted(SCHEMA["properties"]))
    same((s["users"], s["exit_code"]), (5, 3))
    check(s["version"] in run(dir, [build(VERDICT), "--version"]).out, s["version"])
    begun = datetime.datetime.strptime(s["start_time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    check(start - 1 <= begun.timestamp() <= end, s["start_time"])
    check(2.9 <= s["duration_s"] <= r.seconds, s["duration_s"], r.seconds)
    same([(c["check"], c["ok"]) for c in s["checks"]], [("p99<10s", True), ("max<1us", False)])

    same(len(log), len(served), "requests in the log and at the server")
    rows = {(row["method"], row["name"]): row for row in s["rows"]}
    same(len(rows), len(s["rows"]), "a row came twice")
    same(set(rows), {(row["method"], row["name"]) for row in log})
    table, aggregated = stats_csv(r.dir + "/c")
    for key, row in list(rows.items()) + [(None, s["total"])]:
        mine = [one for one in log if key in (None, (one["method"], one["name"]))]
        times = [float(one["response_time_ms"]) for one in mine]
        bad = sum(one["error"] != "" for one in mine)
        same((row["requests"], row["failures"]), (len(mine), bad), key)
        same(row["bytes"], sum(int(one["length"]) for one in mine), key)
        same((row["requests"], row["failures"]), (count(table[key] if key else aggregated),
                                                  failed(table[key] if key else aggregated)), key)
        near(row["min_ms"], min(times), key, part=0, more=0.0011)
        near(row["max_ms"], max(times), key, part=0, more=0.0011)
        near(row["avg_ms"], sum(times) / len(times), key, part=0, more=0.0015)
        near(row["rps"], len(mine) / s["duration_s"], key, part=0.03, more=0.01)
        near(row["fps"], bad / s["duration_s"], key, part=0.03, more=0.01)
        same(list(row["percentiles_ms"]), "50 66 75 80 90 95 98 99 99.9 99.99 99.999 100".split())
        for p, got in row["percentiles_ms"].items():
            near(got, quantile(times, float(p) / 100), "%s p%s" % (key, p), more=0.0015)
        same(sum(n for _, n in row["histogram_us"]), len(mine), key)
        at = [us for us, _ in row["histogram_us"]]
        same(at, sorted(set(at)), "the histogram is not in order")
        expanded = [us / 1000 for us, n in row["histogram_us"] for _ in range(n)]
        for got, want in zip(expanded, sorted(times)):
            near(got, want, "histogram of %s" % (key,), more=0.0015)
        if key:
            path = key[1]
            same(len(mine), sum(one.path == path for one in served), key)
            same({int(one["status"]) for one in mine}, {one.status for one in served if one.path == path}, key)
    same((s["total"]["method"], s["total"]["name"]), ("", "Aggregated"))
    same(sorted((f["method"], f["name"], f["error"], f["occurrences"]) for f in s["failures"]),
         sorted((m, n, e, c) for (m, n, e), c in collections.Counter(
             (one["method"], one["name"], one["error"]) for one in log if one["error"]).items()))
    for one in log:
        check(re.fullmatch(r"\d+\.\d{6}", one["time"]) and start <= float(one["time"]) <= end, one)
        check(one["user"] in "12345" and one["late_ms"] == "0.000", one)
        check(re.fullmatch(r"\d+\.\d{3,}", one["response_time_ms"]), one)
        same(one["error"] == "", one["status"] == "200", one)
    same({one["user"] for one in log}, set("12345"))
    # Each answer of the server is one of the log: it ended when that was sent.
    for path in {one.path for one in served}:
        ends = sorted(float(one["time"]) for one in log if one["name"] == path)
        for got, want in zip(ends, sorted(one.sent_us / 1e6 for one in served if one.path == path)):
            check(-0.002 <= got - want <= 0.5, "it ended %.6f s after the server sent it" % (got - want))


@test("CSV: microseconds are kept, in every column of times")
def _(dir):
    kinds = {"a": [0.02], "b": [3.54], "c": [0.02, 0.02, 3.54, 3.54, 3.54], "d": [5.0] * 3, "e": [123.456], "f": [1234.5],
             "g": [0.0], "h": [0.001, 0.002, 99.999, 100.004, 3600000.0]}
    r = known(dir, [("GET", name, times, "") for name, times in kinds.items()], "--csv", "c", "--csv-full-history")
    last = {row["Name"]: row for row in read_csv(r.dir + "/c", "stats_history")}
    for name, row in [(key[1], row) for key, row in stats_csv(r.dir + "/c")[0].items()]:
        times = kinds[name]
        for title, want in (("Min", min(times)), ("Max", max(times)), ("Average", sum(times) / len(times)),
                            ("Median", quantile(times, 0.5))):
            for value in (row[title + " Response Time"], last[name]["Total %s Response Time" % title]):
                near(float(value), want, (name, title), part=0.004 if title == "Median" else 1e-6, more=0.0011)
        for p in PERCENTILES.split(","):
            near(float(row[p]), quantile(times, float(p[:-1]) / 100), (name, p), part=0.004, more=0.0005)
    same([stats_csv(r.dir + "/c")[0]["GET", name]["50%"] for name in "abdg"], ["0.02", "3.54", "5", "0"])


@test("--summary: the exit code, at a signal too")
def _(dir):
    for args, env, rc in (((), {}, 1), (("--check", "p99<1ms"), {}, 3), ((), {"code": 9}, 9)):
        r = known(dir, ROWS, *args, "--summary", "s.json", **env)
        same((r.rc, summary(r.dir + "/s.json")["exit_code"]), (rc, rc), r)
    with Truth(dir) as server:
        argv = [build(VERDICT), "--headless", "-H", server.url, "-u", "3", "-r", "1000000", "--summary", "s.json", "--hgrm", "h",
                "--request-log", "log.csv", "--junit", "j.xml", "--check", "p99<10s", "-s", "5", "Get"]
        with Program(dir, argv, env={"VERDICT_WAIT": "0.01", "VERDICT_LOG": "1"}) as p:
            until(lambda: "sample" in p.read(), 20, "the first requests")
            p.p.send_signal(signal.SIGTERM)
            r = p.wait(20)
        served = len(server.stop())
    s = summary(dir + "/s.json")
    same((s["total"]["requests"], len(request_log(dir + "/log.csv"))), (served, served), r)
    check(s["checks"][0]["ok"] and served > 0, s)
    xml.etree.ElementTree.parse(dir + "/j.xml")
    check(os.path.getsize(dir + "/h") > 0, r)


@test("--summary: what was recorded, names that need quotes, no requests at all")
def _(dir):
    rows = [("GET", "/a?x=\"1\"", [12.0, 13.0], ""), ("DO", "back\\slash, comma", [5.0], "what \"it\" said"),
            ("GET", "\u00e4\u00f6", [1.0], "a\ttab"), ("GET", "two\nlines", [2.0], ""),
            ("GET", "/", [0.25, 3599000.0], "")]
    r = known(dir, rows, "--summary", "s.json", "--request-log", "log.csv")
    s, log = summary(r.dir + "/s.json"), request_log(r.dir + "/log.csv")
    same({(row["method"], row["name"], row["requests"]) for row in s["rows"]},
         {(method, name, len(times)) for method, name, times, _ in rows})
    same({(f["name"], f["error"]) for f in s["failures"]}, {(name, error) for _, name, _, error in rows if error})
    same([(o["method"], o["name"], float(o["response_time_ms"]), o["error"], o["length"]) for o in log],
         [(method, name, ms, error, "7") for method, name, times, error in rows for ms in times])
    near(s["total"]["max_ms"], 3599000.0, part=1e-6)
    r = known(dir, [], "--summary", "s.json", "--request-log", "log.csv", "--hgrm", "h.hgrm", "--junit", "j.xml")
    s = summary(r.dir + "/s.json")
    same((r.rc, s["rows"], s["total"]["requests"], s["total"]["histogram_us"], s["failures"], s["checks"]),
         (0, [], 0, [], [], []), s)
    same(request_log(r.dir + "/log.csv"), [])
    xml.etree.ElementTree.parse(r.dir + "/j.xml")


@test("--summary in the open model: how late an arrival was stands in the log")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "--rate", "20", "--max-in-flight", "1", "-t", "2", "-s", "9", "--summary", "s.json",
                   "--request-log", "log.csv", "--hgrm", "h.hgrm", LOCUST_CHECK="intended_p90>0", log=1,
                   url=server.url, paths="/delay/100")
    samples = [line.split()[3:] for line in r.out.splitlines() if line.startswith("sample ")]
    log = request_log(r.dir + "/log.csv")
    same([(float(one["response_time_ms"]), float(one["late_ms"])) for one in log],
         [(float(elapsed), float(late)) for _, elapsed, late in samples], r)
    intended = [float(one["response_time_ms"]) + float(one["late_ms"]) for one in log]
    check(max(intended) > 500, intended)
    # Arrival k is due at 50 (k + 1) ms; those without an answer at 2 s had waited since then.
    cut = [2000 - 50 * (k + 1) for k in range(len(log), 40)]
    near(summary(r.dir + "/s.json")["checks"][0]["value"], quantile_with_cut(intended, cut, 0.9))
    hgrm(r.dir + "/h.hgrm", [float(one["response_time_ms"]) for one in log])
    hgrm(r.dir + "/h.hgrm.intended", intended)


@test("--hgrm")
def _(dir):
    generator = random_times(5)
    for times in ([5.0], [1.0, 2.0], [7.5] * 100, [float(n) for n in range(1, 1001)], generator(20000)):
        r = known(dir, [("GET", "/", times, "")], "--hgrm", "h.hgrm")
        same(r.rc, 0, r)
        hgrm(r.dir + "/h.hgrm", times)
        check(not os.path.exists(r.dir + "/h.hgrm.intended"), "a closed model has no intended times")
    r = known(dir, ROWS, "--hgrm", "h.hgrm")
    hgrm(r.dir + "/h.hgrm", times_of(""))


def random_times(seed):
    """A function that gives so many times with a long tail, in whole microseconds."""
    state = [seed * 2654435761 % 2 ** 32 or 1]

    def unit():
        state[0] = (1103515245 * state[0] + 12345) % 2 ** 31
        return (state[0] >> 8) / 2 ** 23

    return lambda n, middle=20.0: [round(middle * (0.5 + unit() + (4 * unit() if unit() < 0.05 else 0)), 3)
                                   for _ in range(n)]


def system_out(root):
    return "".join(e.text for e in root.iter("system-out"))


@test("--junit")
def _(dir):
    texts = ("p99<250ms", "max<=700ms", "p50<1s GET /a", "fail_ratio<1%", "p50<1 /none")
    for flag in ([], ["--fail-on-generator-limit"]):
        r = known(dir, ROWS, "--junit", "j.xml", *flag, "--compact", "--check", ";".join(texts))
        root = xml.etree.ElementTree.parse(r.dir + "/j.xml").getroot()
        same((root.tag, [child.tag for child in root]), ("testsuites", ["testsuite"]))
        suite = root[0]
        same(suite.get("name"), "locust.h")
        cases = suite.findall("testcase")
        bad = [case for case in cases if case.find("failure") is not None]
        same((int(suite.get("tests")), int(suite.get("failures"))), (len(cases), len(bad)), suite.attrib)
        check(float(suite.get("time")) >= 0 and suite.get("timestamp").startswith("20"), suite.attrib)
        checks = [case for case in cases if case.get("classname") == "check"]
        same([case.get("name") for case in checks], list(texts))
        same([case.find("failure") is not None for case in checks], [True, False, False, True, True])
        check(all(case.find("failure").get("message") for case in bad), "a failure without a message")
        near(float(re.search(r"[\d.]+(?= ms)", checks[0].find("failure").get("message"))[0]), 700)
        check(all(case.get("time") is not None for case in checks), checks)
        generator = [case for case in cases if case.get("classname") == "generator"]
        same([case.get("name") for case in generator], ["generator"])
        limited = not compact_generator(r)["ok"]
        same(generator[0].find("failure") is not None, bool(flag) and limited)
        if not (flag and limited):
            check("generator: " in system_out(root), "no line of the generator")


@test("--junit: a limited generator fails with the flag only; names that XML has to escape")
def _(dir):
    rows = [("GET", "<a & \"b\">", [5.0], "")]
    r = known(dir, rows, "--junit", "j.xml", "--check", "p50<1ms <a & \"b\">")
    case = xml.etree.ElementTree.parse(r.dir + "/j.xml").getroot()[0].find("testcase[@classname='check']")
    same(case.get("name"), "p50<1ms <a & \"b\">")
    for flag in ([], ["--fail-on-generator-limit"]):
        r = judged(dir, "Napper", "-t", "2", "--junit", "j.xml", *flag)
        root = xml.etree.ElementTree.parse(r.dir + "/j.xml").getroot()
        generator = next(case for case in root[0].findall("testcase") if case.get("classname") == "generator")
        failure = generator.find("failure")
        same((failure is not None, r.rc), (bool(flag), 4 if flag else 0), r)
        text = failure.get("message") if flag else system_out(root)
        check("task nap of Napper" in text, text)


@test("annotations in GitHub Actions")
def _(dir):
    rows = [("GET", "/", [312.0] * 10, "")]
    args = ("--check", "max<250ms", "--check", "max<1s", "--check", "p99<250ms")
    r = known(dir, rows, *args, GITHUB_ACTIONS="true")
    lines = [line for line in r.out.splitlines() if line.startswith("::error")]
    same(lines[0], "::error title=locust.h::max<250ms does not hold: 312.000 ms", r)
    same(len(lines), 2, r)
    told = known(dir, ROWS, "--check", "fail_ratio<1%;p50<1 /none", GITHUB_ACTIONS="true").out
    for text in (r"fail_ratio<1%(25)?", "p50<1 /none"):
        check(re.search(r"(?m)^::error title=locust\.h::%s does not hold" % text, told), told)
    m = re.fullmatch(r"::error title=locust\.h::p99<250ms does not hold: ([\d.]+) ms", lines[1])
    check(m, lines)
    near(float(m[1]), 312)
    for value in ("", "false"):
        r = known(dir, rows, *args, GITHUB_ACTIONS=value)
        check("::" not in r.out, r)
    r = judged(dir, "Napper", "-t", "2", GITHUB_ACTIONS="true")
    lines = [line for line in r.out.splitlines() if line.startswith("::")]
    same(len(lines), 1, r)
    check(lines[0].startswith("::warning title=locust.h::generator: limited by "), lines)
    check("task nap of Napper" in lines[0], lines)


@test("files that cannot be written are a sentence before the run")
def _(dir):
    def one(option, path):
        r = known(dir, ROWS, option, path)
        sentence(r, 2, path)

    each([(option, path) for option in ("--junit", "--summary", "--hgrm", "--request-log")
          for path in ("none/such/file", "/")], one)


@test("reports: from the environment and config files")
def _(dir):
    env = {"LOCUST_JUNIT": "j.xml", "LOCUST_SUMMARY": "s.json", "LOCUST_HGRM": "h", "LOCUST_REQUEST_LOG": "l.csv"}
    conf = "junit = j.xml\nsummary = s.json\nhgrm = h\nrequest-log = l.csv\n"
    for more in (env, {"conf": conf}):
        r = known(dir, ROWS, **more)
        same(r.rc, 1, r)
        xml.etree.ElementTree.parse(r.dir + "/j.xml")
        same(summary(r.dir + "/s.json")["total"]["requests"], 119)
        hgrm(r.dir + "/h", times_of(""))
        same(len(request_log(r.dir + "/l.csv")), 119)


@test("--request-log-sample")
def _(dir):
    n = 20000
    times = [float(i) for i in range(1, n + 1)]
    picked = []
    for share in (0.1, 0.5, 1, 0.01):
        r = known(dir, [("GET", "/", times, "")], "--request-log", "log.csv", "--request-log-sample", "%g" % share,
                  "--summary", "s.json")
        log = [float(one["response_time_ms"]) for one in request_log(r.dir + "/log.csv")]
        bound = 5 * math.sqrt(n * share * (1 - share))
        check(abs(len(log) - n * share) <= bound, "%d of %d, a share of %g" % (len(log), n, share))
        same(log, sorted(set(log)), "a request came twice")
        same(summary(r.dir + "/s.json")["total"]["requests"], n, "the figures are of all requests")
        picked.append(log)
    # At random: halves of the run have their share, and gaps are not all alike.
    low = sum(ms <= n / 2 for ms in picked[0])
    check(abs(low - len(picked[0]) / 2) <= 5 * math.sqrt(len(picked[0])) / 2, low, len(picked[0]))
    gaps = [b - a for a, b in zip(picked[0], picked[0][1:])]
    check(len(set(gaps)) > 20 and 5 < max(gaps), sorted(set(gaps)))
    for value in ("0", "2", "x", "-0.1", "", "nan", "1.01"):
        sentence(known(dir, ROWS, "--request-log", "log.csv", "--request-log-sample", value), 2,
                 "--request-log-sample")


# ---- baselines ----

TIMES_OF_X = random_times(7)(2000)


def x(times, bad=0):
    """Rows of requests to /x, so many of which failed."""
    return [("GET", "/x", times[bad:], ""), ("GET", "/x", times[:bad], "broken")]


def baseline(dir, rows, *args, hold=2):
    """The summary of a run of these rows."""
    r = known(dir, rows, "--summary", "b.json", "--check", "failures<1000000", *args, hold=hold)
    same(r.rc, 0, r)
    return r.dir + "/b.json"


def scaled(times, factor):
    return [round(t * factor, 3) for t in times]


@test("--baseline: same, slower, faster")
def _(dir):
    base = baseline(dir, x(TIMES_OF_X))

    def one(times, args, rc, verdict):
        r = known(dir, x(times), "--baseline", base, "--compact", *args, hold=2)
        same((r.rc, compact_baseline(r)), (rc, {"GET /x": verdict, "Aggregated": verdict}), r)

    slow_tail = sorted(TIMES_OF_X)
    slow_tail[-100:] = scaled(slow_tail[-100:], 1.5)
    each([(TIMES_OF_X, [], 0, "same"), (random_times(8)(2000), [], 0, "same"),
          (scaled(TIMES_OF_X, 1.5), [], 3, "slower"), (scaled(TIMES_OF_X, 0.5), [], 0, "faster"),
          (scaled(TIMES_OF_X, 1.03), [], 0, "same"), (scaled(TIMES_OF_X, 0.97), [], 0, "same"),
          (scaled(TIMES_OF_X, 1.15), [], 3, "slower"),
          (scaled(TIMES_OF_X, 1.15), ["--baseline-margin", "20"], 0, "same"),
          (scaled(TIMES_OF_X, 1.5), ["--baseline-margin", "60"], 0, "same"),
          (scaled(TIMES_OF_X, 0.5), ["--baseline-margin", "60"], 0, "same"),
          (slow_tail, [], 3, "slower")], one)


@test("--baseline: few requests prove nothing")
def _(dir):
    base = baseline(dir, x([8.0, 9.0, 10.0, 11.0, 12.0]))
    for times in ([9.0, 10.0, 11.5, 12.0, 13.0], [7.0, 8.0, 9.0, 10.0, 11.0], [11.0]):
        r = known(dir, x(times * (5 // len(times))), "--baseline", base, "--compact", hold=2)
        same((r.rc, compact_baseline(r)), (0, {"GET /x": "same", "Aggregated": "same"}), r)


@test("--baseline: two runs of the same are the same, however few requests")
def _(dir):
    sizes = (3, 20, 50, 200)

    def rows(seed):
        draw = random_times(seed)
        return [("GET", "/%d/%d" % (n, i), draw(n), "") for n in sizes for i in range(100)]

    base = baseline(dir, rows(11))
    got = compact_baseline(known(dir, rows(12), "--baseline", base, "--compact", hold=2))
    told = {n: collections.Counter(got["GET /%d/%d" % (n, i)] for i in range(100)) for n in sizes}
    check(all(verdicts["same"] >= 96 for verdicts in told.values()), "verdicts by number of requests", told)


@test("--baseline: failures and requests a second")
def _(dir):
    base = baseline(dir, x(TIMES_OF_X))
    may = ["--compact", "--check", "failures<1000000"]
    same(known(dir, x(TIMES_OF_X), "--baseline", base, *may, hold=2).rc, 0)
    r = known(dir, x(TIMES_OF_X, bad=200), "--baseline", base, *may, hold=2)
    same(r.rc, 3, "2,000 requests, and 200 failures for none", r)
    worse = baseline(dir, x(TIMES_OF_X, bad=200))
    r = known(dir, x(TIMES_OF_X), "--baseline", worse, *may, hold=2)
    same(r.rc, 0, "fewer failures", r)
    r = known(dir, x(TIMES_OF_X, bad=205), "--baseline", worse, *may, hold=2)
    same(r.rc, 0, "failures by chance", r)
    r = known(dir, x(TIMES_OF_X), "--baseline", base, *may, hold=4)
    same(r.rc, 3, "half the requests a second", r)
    r = known(dir, x(TIMES_OF_X + TIMES_OF_X), "--baseline", base, *may, hold=2)
    same(r.rc, 0, "twice the requests a second", r)


def more_by_chance(k, n, was_k, was_n):
    """Fisher's exact test, in whole numbers: the odds of k failures of n or more, all of both runs being dealt."""
    every, failed = n + was_n, k + was_k
    ways = sum(math.comb(failed, x) * math.comb(every - failed, n - x) for x in range(k, min(n, failed) + 1))
    return ways / math.comb(every, n)


@test("--baseline: shares of failures are judged by their odds")
def _(dir):
    cases = [(23, 59, 6, 63), (8, 60, 4, 60), (0, 60, 0, 60), (60, 60, 60, 60), (60, 60, 0, 60), (0, 60, 60, 60),
             (3, 20, 0, 20), (10, 20, 0, 20), (1, 1, 0, 1), (9, 100, 0, 100), (10, 100, 0, 100), (100, 1000, 60, 1000),
             (100, 1000, 95, 1000), (1000, 4000, 900, 4000), (1050, 4000, 900, 4000), (4000, 4000, 3900, 4000),
             (3999, 4000, 3985, 4000), (12, 4000, 1, 2000)]

    def rows(of, at):
        return [("GET", "/%d" % i, [5.0] * part, error) for i, case in enumerate(cases)
                for part, error in ((case[at + 1] - case[at], ""), (case[at], "broken")) if part]

    base = baseline(dir, rows(cases, 2))
    r = known(dir, rows(cases, 0), "--baseline", base, "--compact", "--check", "failures<1000000", hold=2)
    got = compact_baseline(r)

    def one(i):
        k, n, was_k, was_n = cases[i]
        odds = more_by_chance(*cases[i])
        worse = odds < 0.001 and k / n > 1.05 * was_k / was_n
        same(got["GET /%d" % i], "slower" if worse else "same", cases[i], odds)

    same(got["GET /0"], "slower", "23 of 59 beside 6 of 63 are no chance: %g" % more_by_chance(*cases[0]))
    each(range(len(cases)), one)
    same(len(set(got.values())), 2, got)


@test("--baseline: rows of one run alone are named, in lines, the table and JUnit")
def _(dir):
    base = baseline(dir, x(TIMES_OF_X) + [("GET", "/old", [20.0] * 2000, "")])
    rows = x(scaled(TIMES_OF_X, 1.5)) + [("GET", "/new", [20.0] * 2000, "")]
    r = known(dir, rows, "--baseline", base, "--compact", "--junit", "j.xml", hold=2)
    same(r.rc, 3, r)
    got = compact_baseline(r)
    want = {"GET /x": "slower", "GET /old": "gone", "GET /new": "new"}
    same({name: got[name] for name in got if name != "Aggregated"}, want, r)
    cases = xml.etree.ElementTree.parse(r.dir + "/j.xml").getroot()[0].findall("testcase")
    found = {case.get("name"): case for case in cases if case.get("classname") == "baseline"}
    same({name: found[name].find("system-out").text for name in want}, want)
    same([name for name in want if found[name].find("failure") is not None], ["GET /x"])
    r = known(dir, rows, LOCUST_BASELINE=base, hold=2)
    same(r.rc, 3, r)
    for name, verdict in want.items():
        check(re.search(r"(?m)^%s +%s\b" % (verdict, name), r.err), name, r)
    r = known(dir, rows, conf="baseline = %s\nbaseline-margin = 70\n" % base, hold=2)
    same(r.rc, 0, r)
    alone = known(dir, [("GET", "/x", TIMES_OF_X, "")], "--baseline", base, "--compact", hold=2)
    same(alone.rc, 3, "half the requests a second in all", alone)


@test("--baseline: whatever a summary of ours holds can be read back")
def _(dir):
    texts = ["GET", "", "x" * 65, "m" * 3000, "say \"hi\" \\ / \\u0041", "two\nlines\tand\rthree", "\u00e4\u20ac\U0001f600",
             os.fsdecode(b"caf\xe9 \xff\xfe \xed\xa0\x80"), "\x01\x02\x1b[2J\x7f", "n" * 100000, "a b  c ", "[other] {x: 1}, \"y\""]
    rows = [(method, name, [5.0] * 3, "") for method in texts[:9] for name in texts]
    rows += [("GET", "an hour", [3600000.0, 3599999.0], ""), ("GET", "nothing", [0.0], ""), ("", "Aggregated", [1.0], ""),
             ("", "(other)", [1.0], "failed"), ("GET", "all", [2.0 ** (i / 8) for i in range(160)], "failed")]
    base = baseline(dir, rows)
    r = known(dir, rows, "--baseline", base, "--compact", "--check", "failures<1000", hold=2)
    same((r.rc, collections.Counter(re.findall(r"(?m)^baseline verdict=(\S+)", r.out))), (0, {"same": len(rows) + 1}), r)
    coarse = build(VERDICT, "-O0", "-DLOCUST_HIST_BITS=6")  # whose buckets' middles lie above an hour
    for program in (coarse, build(VERDICT)):
        with open(dir + "/known", "w") as f:
            f.write("GET\x1f/\x1f3600000\x1f\x1e")
        args = ["--baseline", dir + "/coarse.json"] if program != coarse else ["--summary", dir + "/coarse.json"]
        same(run(dir, [program, "--headless", *args, "Known"], env={"VERDICT_KNOWN": dir + "/known"}).rc, 0)


@test("--baseline: 10,000 rows, and a file above 64 MB")
def _(dir):
    n = 10000
    rows = [("GET", "/%d/%s" % (i, "p" * (i % 100)), [5.0 + i % 7], "") for i in range(n)]
    base = baseline(dir, rows)
    r = known(dir, rows[:-1] + [("GET", "/new", [5.0], "")], "--baseline", base, "--compact", hold=2)
    counted = collections.Counter(compact_baseline(r).values())
    same((r.rc, counted), (0, {"same": n, "gone": 1, "new": 1}), r.rc)
    check(r.ran < 5, "%g s of CPU" % r.ran)
    row = '{"method": "GET", "name": "/%d", "requests": 700, "failures": 0, "rps": 1, "histogram_us": [' + ", ".join(
        "[%d, 1]" % us for us in range(1000, 8000, 10)) + "]}"
    with open(dir + "/big.json", "w") as f:
        f.write('{"rows": [%s],\n "total":\n%s}' % (",\n".join(row % i for i in range(n)), row % n))
    check(os.path.getsize(dir + "/big.json") > 64 << 20, os.path.getsize(dir + "/big.json"))
    r = known(dir, [("GET", "/7", [5.0] * 700, "")], "--baseline", dir + "/big.json", "--compact", seconds=120)
    counted = collections.Counter(compact_baseline(r).values())
    same(counted["gone"], n - 1, r.rc)


@test("--baseline: a summary of an older version, and of a newer one")
def _(dir):
    path = baseline(dir, x(TIMES_OF_X))
    whole = summary(path)
    old_row = "method name requests failures bytes rps fps min_ms avg_ms max_ms percentiles_ms histogram_us".split()
    old = {key: whole[key] for key in "version start_time duration_s users exit_code generator checks".split()}
    old["rows"] = [{key: row[key] for key in old_row} for row in whole["rows"]]
    old["total"] = {key: whole["total"][key] for key in old_row}
    old["failures"] = whole["failures"]
    newer = json.loads(json.dumps(whole), object_hook=lambda o: dict({"an_object": {"rows": [[]]}, "to_come": None}, **o))

    def one(what, of):
        with open(dir + "/b.json", "w") as f:
            json.dump(of, f)
        r = known(dir, x(TIMES_OF_X), "--baseline", dir + "/b.json", "--compact", hold=2)
        same((r.rc, compact_baseline(r)), (0, {"GET /x": "same", "Aggregated": "same"}), r)

    each([("old", old), ("newer", newer), ("sorted", json.loads(json.dumps(whole, sort_keys=True)))], one)


@test("--baseline: a run can be its own next baseline")
def _(dir):
    base = baseline(dir, x(TIMES_OF_X))
    r = known(dir, x(TIMES_OF_X), "--baseline", base, "--summary", base, "--compact", hold=2)
    same((r.rc, compact_baseline(r)["GET /x"], summary(base)["total"]["requests"]), (0, "same", 2000), r)


@test("--baseline: what is no summary")
def _(dir):
    whole = open(baseline(dir, ROWS)).read()

    def one(text):
        path = os.path.join(dir, "base.json")
        with open(path, "w") as f:
            f.write(text)
        sentence(known(dir, ROWS, "--baseline", path), 2, "base.json")

    each(["", "hello", "{}", "[]", "null", "{\"rows\": []", whole[:len(whole) // 2], whole[1:],
          whole.rstrip()[:-1], "<xml/>", "\0\0\0", "{\"rows\": 5, \"total\": \"x\"}", "[" * 100000,
          whole.replace("\"histogram_us\"", "\"histogram\"")], one)
    for path in ("none.json", "/"):
        sentence(known(dir, ROWS, "--baseline", path), 2, path)
    path = baseline(dir, ROWS)
    for value in ("x", "-1", "", "nan"):
        sentence(known(dir, ROWS, "--baseline", path, "--baseline-margin", value), 2, "--baseline-margin")
    sentence(known(dir, ROWS, "--baseline", path, LOCUST_BASELINE_MARGIN="x"), 2, "LOCUST_BASELINE_MARGIN")


@test("--baseline: a server with half again and half the delay")
def _(dir):
    def one(path, *args):
        with Truth(dir) as server:
            return judged(dir, "Get", "-u", "30", "-r", "1000000", "-t", "3", "-s", "5", "--compact", *args,
                          url=server.url, paths=path, name="/x", pace=0.06)

    def twice():
        """The same again, which a machine that others use may deny."""
        base = one("/spread/20/20", "--summary", os.path.join(dir, "b.json"))
        return base, one("/spread/20/20", "--baseline", os.path.join(dir, "b.json"))

    with alone:
        found = []
        while not found or compact_baseline(found[-1])["GET /x"] != "same":
            if len(found) > 4:
                calm_or_skip(found, "never the same")
            found += twice()
        same(found[-1].rc, 0, found[-1])
        for path, rc, verdict in (("/spread/30/20", 3, "slower"), ("/spread/10/20", 0, "faster")):
            r = one(path, "--baseline", os.path.join(dir, "b.json"))
            same((r.rc, compact_baseline(r)["GET /x"]), (rc, verdict), r)


# ---- warm-up, ends, samples ----

@test("--warm-up: what began before is not counted")
def _(dir):
    args = ("Get", "-u", "10", "-r", "1000000", "-t", "4", "-s", "5", "--compact", "--summary", "s.json",
            "--check", "p99<150ms")
    with Truth(dir) as server:
        r = judged(dir, *args, url=server.url, paths="/start/300/1", wait=0.02)
        same((r.rc, compact_checks(r)["p99<150ms"][0]), (3, False), r)
    with Truth(dir) as server:
        r = judged(dir, *args, "--warm-up", "2", log=1, url=server.url, paths="/start/300/1", wait=0.02)
        served = len(server.stop())
    same(r.rc, 0, r)
    began = [float(line.split()[3]) for line in r.out.splitlines() if line.startswith("sample ")]
    same(len(began), served, "listeners see all requests")
    s = summary(r.dir + "/s.json")
    edge = sum(abs(t - 2) < 0.002 for t in began)
    late = sum(t >= 2 for t in began)
    counted = s["total"]["requests"]
    check(abs(counted - late) <= edge, "%d counted of %d after 2 s" % (counted, late))
    check(0 < late < len(began), late)
    near(s["total"]["rps"], s["total"]["requests"] / 2, s["duration_s"], part=0.08)  # over the time behind it
    check(s["total"]["max_ms"] < 150, s["total"])


@test("--warm-up longer than the run")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "-t", "1", "--warm-up", "5", "--summary", "s.json", url=server.url, wait=0.02)
    texts = [(level, text) for level, _, text in r.log() if "--warm-up" in text]
    same(len(texts), 1, r)
    check(texts[0][0] == "WARNING" and "--warm-up was longer than the run" in texts[0][1], texts)
    s = summary(r.dir + "/s.json")
    same(s["total"]["requests"], 0)
    same([(m["about"], m["key"], m["failed"]) for m in s["remarks"]], [("run", "nothing_measured", False)], r)
    check("\nrun: not one request was counted" in r.err, r)


@test("nothing measured: said in lines for programs, too; no check holds")
def _(dir):
    with Truth(dir) as server:
        r = judged(dir, "Get", "-u", "0", "-t", "1", "--compact", "--check", "p99<1s;fail_ratio<1%", url=server.url)
    same((r.rc, len(re.findall("^remark about=run key=nothing_measured failed=0 text=not one", r.out, re.M))), (3, 1), r)
    same(re.findall(r"^check ok=(\d)", r.out, re.M), ["0", "0"], r)


@test("--abort-on-fail: ends early, and not before its time")
def _(dir):
    with Truth(dir) as server:
        def one(checks, span, *args, **env):
            return judged(dir, "Get", "-u", "5", "-r", "1000000", "--compact", "--check", checks, "--abort-on-fail", span,
                          *args, url=server.url, paths="/delay/20", wait=0.01, **env)

        r = one("p50<5ms;p99<10s", "2", "-t", "30")
        same(r.rc, 3, r)
        check(2 <= r.seconds < 5, r.seconds)
        texts = [text for _, _, text in r.log() if "stopping" in text]
        same(texts, ["check p50<5ms does not hold: stopping"], r)
        r = one("p50<1s;requests>1000000", "1", "-t", "3")
        same(r.rc, 3, "requests can only be told at the end", r)
        check(3 <= r.seconds < 6 and "stopping" not in r.err, r)
        r = one("p50<1s;requests>5", "1s", "-t", "2")
        same(r.rc, 0, r)
        check(2 <= r.seconds < 5, r.seconds)
        r = judged(dir, "Get", "-t", "30", url=server.url, paths="/delay/20", LOCUST_CHECK="p50<5ms",
                   LOCUST_ABORT_ON_FAIL="1")
        check(r.rc == 3 and 1 <= r.seconds < 4, r)
        for value in ("x", "", "-1"):
            sentence(one("p50<1s", value), 2, "--abort-on-fail")


# ---- programs without reports, the list of options ----

NO_REPORTS = ("-O0", "-DLOCUST_NO_REPORTS")


@test("-DLOCUST_NO_REPORTS: compact lines and exit codes remain")
def _(dir):
    program = build(VERDICT, *NO_REPORTS)
    with open(dir + "/known", "w") as f:
        f.write("GET\x1f/\x1f312\x1f\x1e")
    r = run(dir, [program, "--headless", "--compact", "--check", "max<250ms;max<1s", "Known"],
            env={"VERDICT_KNOWN": dir + "/known"})
    same((r.rc, compact_checks(r)), (3, {"max<250ms": (False, 312.0), "max<1s": (True, 312.0)}), r)
    compact_generator(r)


@test("--help lists the options")
def _(dir):
    r = run(dir, [build(VERDICT), "--help"])
    for option in ("--check", "--abort-on-fail", "--junit", "--summary", "--baseline", "--baseline-margin", "--warm-up",
                   "--request-log", "--request-log-sample", "--hgrm", "--find-max", "--find-step",
                   "--fail-on-generator-limit"):
        check(re.search(r"(?m)^ .*%s\b(?!-)" % option, r.out), "--help does not list " + option, r.out)


main(parallel=8, before=lambda: (build(VERDICT), build("record_server.c", "-O1"), build(VERDICT, *NO_REPORTS)))
