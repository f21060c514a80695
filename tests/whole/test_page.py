#!/usr/bin/env -S python3 -B
"""--html: a report as one file, its figures against --summary, its texts, and the page in headless Chromium.

    tests/whole/test_page.py [WORD...]    only the tests whose name contains a word

Debian's chromium and chromium-driver show the page: see kit/browser.py. Python's own parser reads the file as one
without JavaScript would.
"""
import json, os, shutil, sys
from kit.browser import *
from kit.judged import *
from kit.lib import *
from kit.report import *

OPEN = "open_model.c"


_made = {}
_made_lock = threading.Lock()


def usual():
    """A run with failures, checks that hold and do not, and phases: (report, summary, path)."""
    with _made_lock:
        if "usual" not in _made:
            dir = os.path.join(OUT, "usual")
            os.makedirs(dir, exist_ok=True)
            r = run(dir, [build("rows_for_reports.c", "-O0"), "--headless", "-H", shared_target().url, "-u", "8", "-r", "4",
                          "-t", "3", "--only-summary", "--html", "r.html", "--summary", "s.json", "--phases", "--check", "p99<10s",
                          "--check", "rps>100000", "A", "B"])
            same(r.rc, 3, r)
            _made["usual"] = Reading(dir + "/r.html"), summary(dir + "/s.json"), dir + "/r.html"
        return _made["usual"]


def arrivals():
    """The same of a run of the open model."""
    with _made_lock:
        if "arrivals" not in _made:
            dir = os.path.join(OUT, "arrivals")
            os.makedirs(dir, exist_ok=True)
            r = run(dir, [build(OPEN, "-O0"), "--headless", "-H", shared_target().url, "--rate", "200", "-t", "3", "--only-summary",
                          "--html", "r.html", "--summary", "s.json"], env={"OPEN_PATH": "/delay/5"})
            same(r.rc, 0, r)
            _made["arrivals"] = Reading(dir + "/r.html"), summary(dir + "/s.json"), dir + "/r.html"
        return _made["arrivals"]


def near(got, want, about, step=0.0006):
    check(abs(float(got) - float(want)) <= step, "got %s, want %s" % (got, want), about)


def each_row(report, s, section):
    """(row of a table, row of the summary) of all rows, the total last."""
    rows, all = report.rows(section), s["rows"] + [s["total"]]
    same([(r["Type"], r["Name"]) for r in rows], [(r["method"], r["name"]) for r in all])
    return zip(rows, all)


# ---- figures ----

@test("the tables of a report have the figures of --summary")
def _(dir):
    for report, s, _ in usual(), arrivals():
        for row, of in each_row(report, s, "requests"):
            same([int(row[k]) for k in ("# Requests", "# Fails", "Unanswered")],
                 [of[k] for k in ("requests", "failures", "unanswered")], row)
            for title, key in ("Average (ms)", "avg_ms"), ("Min (ms)", "min_ms"), ("Max (ms)", "max_ms"):
                near(row[title], of[key], row)
            near(row["RPS"], of["rps"], row, 0.006)
            near(row["Failures/s"], of["fps"], row, 0.006)
            near(row["Average size (bytes)"], of["bytes"] / of["requests"], row, 0.5001)
        for row, of in each_row(report, s, "times"):
            for p in "50 66 75 80 90 95 98 99 99.9 99.99 100".split():
                near(row[p + "%ile (ms)"], of["percentiles_ms"][p], row)
    check("intended" not in usual()[0].tables and "arrivals" not in usual()[0].tables, "arrivals where there are none")
    report, s, _ = arrivals()
    for row, of in each_row(report, s, "intended"):
        for p in "50", "99", "100":
            near(row["Intended %s%%ile (ms)" % p], of["intended"]["percentiles_ms"][p], row)
            near(row[p + "%ile (ms)"], of["percentiles_ms"][p], row)
    same([{k.lower(): int(v) for k, v in row.items()} for row in report.rows("arrivals")], [s["arrivals"]])


@test("phases, failures, checks, options and machine of a report are those of --summary")
def _(dir):
    report, s, _ = usual()
    want = [(r["method"], r["name"], phase, p["requests"]) for r in s["rows"] + [s["total"]]
            for phase, p in r["phases"].items() if p["requests"]]
    same([(r["Type"], r["Name"], r["Phase"], int(r["# Requests"])) for r in report.rows("phases")], want)
    same([(r["Method"], r["Name"], r["Message"], r["First Seen"], r["Last Seen"], int(r["# Failures"]))
          for r in report.rows("failures")],
         [(f["method"], f["name"], f["error"], f["first_seen"], f["last_seen"], f["occurrences"]) for f in s["failures"]])
    check(s["failures"], "a run without failures shows nothing")
    same([(r["Check"], r["Result"]) for r in report.rows("checks")],
         [("p99<10s", "holds"), ("rps>100000", "does not hold")])
    for row, c in zip(report.rows("checks"), s["checks"]):
        near(re.match(r"[\d.]+", row["Measured"])[0], c["value"], row, 0.006)
    settings = dict(reversed(report.tables[""]))  # "host" is the one of the options, which stand first
    same((settings["users"], settings["run time s"], settings["host"]), ("8", "3", s["options"]["host"]))
    same((settings["cores"], settings["processor"]), (str(s["machine"]["cores"]), s["machine"]["processor"]))
    same(settings["requests sent"], str(s["client"]["requests_sent"]))
    check("Failed:" in report.source and "1 of 2 checks do not hold" in report.source, "the verdict on the run")
    check('id="generator"' in report.source, "the verdict on the generator")


@test("window.templateArgs has the keys of Locust 2.47's reports, and the same figures")
def _(dir):
    report, s, _ = usual()
    args = report.data("templateArgs")
    same(sorted(args), sorted("is_report requests_statistics response_time_statistics failures_statistics exceptions_statistics "
                              "start_time end_time duration host locustfile profile history tasks percentiles_to_chart "
                              "show_download_link".split()))
    rows = args["requests_statistics"]
    for row in rows:
        same(sorted(row), sorted("method name num_requests num_failures min_response_time max_response_time avg_response_time "
                                 "median_response_time current_rps current_fail_per_sec total_rps total_fail_per_sec "
                                 "avg_content_length response_time_percentile_0.95 response_time_percentile_0.99".split()))
    same([(r["method"], r["name"], r["num_requests"], r["num_failures"], r["response_time_percentile_0.99"]) for r in rows],
         [(r["method"], r["name"], r["requests"], r["failures"], r["percentiles_ms"]["99"]) for r in s["rows"] + [s["total"]]])
    same(type(rows[0]["num_requests"]), int, "programs decode it as a whole number")
    same(sorted(args["response_time_statistics"][0]),
         sorted("name method 0.5 0.6 0.7 0.8 0.9 0.95 0.99 1.0".split()))
    same([(f["method"], f["name"], f["error"], f["occurrences"]) for f in args["failures_statistics"]],
         [(f["method"], f["name"], f["error"], f["occurrences"]) for f in s["failures"]])
    same(sorted(args["failures_statistics"][0]), sorted("method name error occurrences first_seen last_seen".split()))
    for point in args["history"]:
        same(sorted(point), sorted("time current_rps current_fail_per_sec response_time_percentile_0.5 "
                                   "response_time_percentile_0.95 total_avg_response_time user_count".split()))
        check(all(value[0] == point["time"] for key, value in point.items() if key != "time"), point)
    same((args["is_report"], args["duration"], args["host"], args["percentiles_to_chart"]),
         (True, "3 seconds", s["options"]["host"], [0.5, 0.95]))
    tasks = args["tasks"]
    same(sorted(tasks), ["per_class", "total"])
    near(tasks["per_class"]["A"]["ratio"], 0.75, tasks)
    near(sum(t["ratio"] for c in tasks["total"].values() for t in c["tasks"].values()), 1, tasks)


@test("the run over time: slices add up to the whole, and so does the heat map")
def _(dir):
    for report, s, _ in usual(), arrivals():
        state = report.data("locustState")
        series, total = state["series"], s["total"]
        n = len(series["time"])
        check(3 <= n <= 5, "slices of a run of 3 s", series["time"])
        same({len(v) for v in series.values() if isinstance(v, list)}, {n})
        same([c[0] for c in state["heat"]["columns"]], series["time"])
        counted = sum(count for _, cells in state["heat"]["columns"] for _, count in cells)
        # What ends after the end of measuring is in the total alone: a user's last request at most.
        check(0 <= total["requests"] - counted <= 8, "heat map: %d of %d" % (counted, total["requests"]))
        # Every time is in the class that its edges say: those of the summary's histogram, put there by us.
        edges = state["heat"]["edges_ms"]
        same(edges[:-1], sorted(edges[:-1]))
        same(edges[-1], None)
        lengths = [b - a for a, b in zip([state["run"]["start_time"]] + series["time"], series["time"])]
        near(sum(rate * s for rate, s in zip(series["rps"], lengths)), counted, series["rps"], 0.02 * counted + 2)
        check(all(low is None or low <= p95 <= p99 for low, p95, p99 in zip(series["p50"], series["p95"], series["p99"])), series)
        for kind, of in ("raw", total), ("intended", total["intended"]):
            curve = state["curve"][kind]
            same(curve is None, of is None)
            if of:
                shares = dict(curve)
                same(curve, sorted(curve))
                near(shares[0.5], of["percentiles_ms"]["50"], kind)
                near(shares[1], of["percentiles_ms"]["100"], kind)
        row = state["rows"][-1]
        same((row["name"], row["requests"], row["raw"]["p99"], row["raw"]["max"]),
             ("Aggregated", total["requests"], total["percentiles_ms"]["99"], total["percentiles_ms"]["100"]))
    same(arrivals()[0].data("locustState")["arrivals"]["started"], arrivals()[1]["arrivals"]["started"])


@test("every time is counted in the class of the heat map that its edges say")
def _(dir):
    times = [0.001, 0.004, 0.0075, 0.015, 0.9, 1.0, 7.3, 40, 999, 3000, 60000]
    r = known(dir, [("GET", "/", times, "")], "--html", "r.html")
    heat = Reading(r.dir + "/r.html").data("locustState")["heat"]
    edges = heat["edges_ms"]
    got = sorted(cls for _, cells in heat["columns"] for cls, n in cells for _ in range(n))
    for cls, time in zip(got, times):
        # The histogram before it rounds to half a percent (a microsecond below 256 us).
        slack = max(0.001, time / 128)
        check(edges[cls] - slack <= time <= edges[cls + 1] + slack, "%s ms is in %s to %s" % (time, edges[cls], edges[cls + 1]))
    same(len(got), len(times))


@test("a long run has 240 slices at most, and loses nothing")
def _(dir):
    source = dir + "/slices.c"
    with open(source, "w") as f:
        f.write(SLICES)
    r = run(dir, [build(source, "-O0")])
    same((r.rc, r.out.split()), (0, "slices 1..239 period 1..8 requests all between all".split()), r)


SLICES = r"""
#define LOCUST__LAYERS 9
#include "tools/header/all.h"
// A run of 1000 s, told by the clock of its slices: each second one more request than the second before.
int main(void)
{
    static locust_env env;
    static locust__history h;
    uint64_t recorded = 0, counted = 0, heat = 0;
    size_t least = 1000, most = 0;
    double first = 0, last = 0;
    bool between = true;
    locust__history_init(&h, &env);
    locust__stats_init(&env.stats);
    env.start_ns = 1;
    for (int s = 1; s <= 1000; s++) {
        for (int i = 0; i < s % 50; i++, recorded++) {
            locust__hist_record(&env.stats.total.hist, 1000000 * (s % 7 + 1));
            env.stats.total.requests++;
        }
        env.until.at_ns = 1 + s * LOCUST__S; // the end of measuring is the time that a slice is taken at
        if (s == 1)
            first = (double)h.period_ns / 1e9;
        if (env.until.at_ns - h.at_ns >= h.period_ns - LOCUST__S / 4)
            locust__history_tick(&h);
        least = h.n && h.n < least ? h.n : least;
        most = h.n > most ? h.n : most;
        last = (double)h.period_ns / 1e9;
    }
    for (size_t i = 0; i < h.n; i++) {
        counted += h.slices[i].requests;
        for (int k = 0; k < LOCUST__HISTORY_STEPS; k++)
            heat += h.slices[i].heat[k];
        for (int k = 0; h.slices[i].requests && k < 3; k++)
            between = between && h.slices[i].times_ns[k] >= 990000 && h.slices[i].times_ns[k] <= 7100000;
    }
    printf("slices %zu..%zu period %.0f..%.0f requests %s between %s\n", least, most, first, last,
        counted == recorded && heat == recorded ? "all" : "lost", between ? "all" : "not all");
    locust__history_free(&h);
    locust__stats_free(&env.stats);
    return 0;
}
"""


# ---- texts ----

HOSTILE = ["</script><script>window.hacked=1</script>", "<img src=x onerror=window.hacked=2>", "<!--", "]]>", "a&amp;b & c",
           "\"'`${1}`", "\u2028\u2029 line", "<\\/title></style></main>", "\xe4\xf6 \u65e5\u672c", "&#60;b&#62;"]


def hostile(dir):
    rows = [("GET", name, [5.0], "failed: " + name) for name in HOSTILE] + [("<b>", "/", [5.0], "")]
    r = known(dir, rows, "--html", "r.html", "--check", "p99<1s </td><script>window.hacked=3</script>")
    same(r.rc, 3, r)
    return r.dir + "/r.html", rows


@test("no name, method, failure or check is markup: read without JavaScript")
def _(dir):
    path, rows = hostile(dir)
    report = Reading(path)
    shown = lambda text: re.sub("[\u2028\u2029]", " ", text)  # in a table they are blanks, as every control character
    same(sorted((r["Type"], r["Name"]) for r in report.rows("requests") if r["Name"] != "Aggregated"),
         sorted((method, shown(name)) for method, name, *_ in rows))
    same(sorted(r["Message"] for r in report.rows("failures")), sorted(shown("failed: " + name) for name in HOSTILE))
    check("img" not in report.tags and "b" not in report.tags[report.tags.index("table"):], "an element of a name")
    same(len(report.scripts), 2, "the data and the page, no other script")
    args, state = report.data("templateArgs"), report.data("locustState")
    same(sorted(r["name"] for r in args["requests_statistics"] if r["method"]), sorted(name for _, name, *_ in rows))
    same(sorted(f["error"] for f in args["failures_statistics"]), sorted("failed: " + name for name in HOSTILE))
    same(len(state["rows"]), len(rows) + 1)
    for raw in "<", ">", "&", "'", "\u2028", "\u2029":
        check(raw not in report.scripts[0].replace("window.", ""), "%r stands in the data" % raw)


@test("bytes that are no UTF-8, and a name and password in the host, are not in a report")
def _(dir):
    r = known(dir, [("GET", os.fsdecode(b"a\xff\xfeb\x01"), [5.0], os.fsdecode(b"\xc3("))], "--html", "r.html",
              "-H", "http://joseph:hunter2@127.0.0.1:9")
    report = Reading(r.dir + "/r.html")  # decodes strictly
    same(report.rows("requests")[0]["Name"], "a\ufffd\ufffdb ")
    check("hunter2" not in report.source and "joseph" not in report.source, "the password is in it")
    same(report.data("templateArgs")["host"], "http://127.0.0.1:9")


# ---- the file ----

@test("--html: names with numbers, folders that are made, a path that cannot be written")
def _(dir):
    for args, name in ((("-u", "3", "-r", "0.5", "-t", "2"), "3_0.5_2"), (("-u", "1", "-r", "7", "-t", "1m"), "1_7_60")):
        r = known(dir, [("GET", "/", [5.0], "")], *args, "--html", "a/b/h_{u}_{r}_{t}_{x}.html")
        check(os.path.exists(r.dir + "/a/b/h_%s_{x}.html" % name), os.listdir(r.dir + "/a/b"))
    with open(dir + "/file", "w"):
        pass
    r = known(dir, [("GET", "/", [5.0], "")], "--html", dir + "/file/r.html")
    sentence(r, 2, "/file/r.html", "Not a directory")


@test("a report is written after SIGTERM and SIGINT, and of a run without a request")
def _(dir):
    for sign in signal.SIGTERM, signal.SIGINT:
        own = tempfile.mkdtemp(dir=dir)
        with Program(own, [build("rows_for_reports.c", "-O0"), "--headless", "-H", shared_target().url, "--only-summary", "-u", "2",
                           "-r", "100", "--html", "r.html", "--summary", "s.json", "--csv", "c", "A"]) as p:
            until(lambda: os.path.exists(own + "/c_stats.csv") and "GET" in open(own + "/c_stats.csv").read(), 20, "a request")
            p.p.send_signal(sign)
            r = p.wait()
        report, s = Reading(own + "/r.html"), summary(own + "/s.json")
        same([int(row["# Requests"]) for row in report.rows("requests")], [x["requests"] for x in s["rows"] + [s["total"]]], r)
        check(report.source.rstrip().endswith("</html>"), "the report is whole")
    r = known(dir, [], "--html", "r.html", "-t", "1")
    report = Reading(r.dir + "/r.html")
    same([row["Name"] for row in report.rows("requests")], ["Aggregated"])
    same(report.rows("requests")[0]["Average (ms)"], "-")
    same(report.data("locustState")["curve"], {"raw": [], "intended": None})


@test("LOCUST_NO_REPORTS leaves the report out, and with LOCUST_NO_WEB the page, too")
def _(dir):
    program = build(VERDICT, "-O0", "-DLOCUST_NO_REPORTS", "-DLOCUST_NO_WEB")
    r = run(dir, [program, "--headless", "--html", "r.html", "-t", "1", "Known"])
    same((r.rc, r.err), (2, "locust: --html: this test was compiled with LOCUST_NO_REPORTS\n"), r)
    with open(build(VERDICT), "rb") as full, open(program, "rb") as small:
        mark = b"This page needs JavaScript"
        check(mark in full.read() and mark not in small.read(), "the page is in a program that cannot show it")


@test("the part that holds the page is made of its sources, and --check finds when it is not")
def _(dir):
    same(subprocess.run(["tools/page.py", "--check"], capture_output=True, text=True).stderr, "")
    folder = dir + "/header/9-outside/page"
    shutil.copytree("tools/header/9-outside/page", folder)
    env = dict(os.environ, TOP=dir + "/header")
    for name, text in ("page.js", "say('new');\n"), ("page.css", "b { color: red; }\n"), ("page.html", "<p>new\n"):
        with open(folder + "/" + name, "a") as f:
            f.write(text)
        done = subprocess.run(["tools/page.py", "--check"], capture_output=True, text=True, env=env)
        check(done.returncode == 1 and "make header" in done.stderr, name, done)
        subprocess.run(["tools/page.py"], check=True, env=env)
        same(subprocess.run(["tools/page.py", "--check"], env=env).returncode, 0)
    with open(folder + "/page.js", "a") as f:
        f.write("x();\n" * 16384)
    done = subprocess.run(["tools/page.py"], capture_output=True, text=True, env=env)
    check(done.returncode == 1 and "more than 65536" in done.stderr, done)


# ---- in a browser ----

@test("a report in Chromium: charts, themes, 420 pixels, keyboard, pictures, paper; nothing is asked for")
def _(dir):
    report, s, path = usual()
    url = "file://" + path
    with Browser(dir) as browser:
        for scheme, width in ("light", 1280), ("dark", 1280), ("dark", 420):
            browser.size(width)
            browser.media(scheme)
            browser.go(url + "?%s%d" % (scheme, width))
            if scheme == "dark":
                browser.click(".theme")  # a report is light until its reader wants it dark
            same(browser.run("return document.documentElement.dataset.theme"), scheme)
            browser.run("localStorage.clear()")
            # RPS, failures, three percentiles, users and the curve; and the heat map.
            browser.wait("document.querySelectorAll('path.line').length === 7", "seven lines")
            check(browser.run("return [...document.querySelectorAll('path.line')].every((p) => p.getTotalLength() > 50)"), "a line is no line")
            check(browser.run("return document.documentElement.scrollWidth") <= width, "it is wider than the screen")
            same(browser.run(CONTRAST), [], scheme, width)
            same(browser.run(NAMELESS), [], scheme, width)
            same(browser.run("return document.querySelectorAll('h1').length"), 1)
        browser.media("light")
        browser.size(1280)
        browser.go(url)
        # The chart says what it shows: the second slice, by keyboard.
        browser.wait("document.querySelector('#charts svg path.line')", "a chart")
        browser.run("document.querySelector('#charts svg').focus()")
        browser.keys("\ue011", "\ue014")  # Home, right arrow
        rps = report.data("locustState")["series"]["rps"][1]
        said = browser.wait("[...document.querySelectorAll('[aria-live]')].map((e) => e.textContent).join('')", "what is said")
        check("RPS %.2f" % rps in said.replace("\u202f", ""), said)
        same(browser.run("return [...document.querySelectorAll('.tip')].filter((t) => !t.hidden).length"), 4, "all charts over time")
        # Zooming in, and out.
        browser.keys("+")
        check(browser.run("return [...document.querySelectorAll('figcaption button')].some((b) => !b.hidden && b.innerText === 'Reset zoom')"), "no zoom")
        browser.keys("\ue00c")
        check(not browser.run("return [...document.querySelectorAll('figcaption button')].some((b) => !b.hidden && b.innerText === 'Reset zoom')"), "still zoomed")
        # The legend takes a line away.
        browser.click("#charts .legend button")
        browser.wait("document.querySelectorAll('path.line').length === 6", "a line less")
        # A table in the order of a column: upwards, downwards, as it was; its total stays last.
        column = "return [...document.querySelectorAll('#requests tbody tr')].map((r) => r.cells[%d].textContent)"
        was = browser.run(column % 1)
        counts = [int(n) for n in browser.run(column % 2)]
        for want in sorted(counts), sorted(counts, reverse=True), counts:
            browser.click("#requests th:nth-child(3) button")
            same([int(n) for n in browser.run(column % 2)], want)
        same(browser.run(column % 1), was)
        browser.run("document.querySelector('[aria-label^=\"Save Total\"]').click()")
        saved = until(lambda: [f for f in os.listdir(browser.downloads) if f.endswith(".png")], 20, "a picture")
        same(saved, ["total_requests_per_second.png"])
        with open(os.path.join(browser.downloads, saved[0]), "rb") as f:
            same(f.read(8), b"\x89PNG\r\n\x1a\n")
        browser.pdf(dir + "/r.pdf")
        with open(dir + "/r.pdf", "rb") as f:
            pages = len(re.findall(rb"/Type\s*/Page\b", f.read()))
        check(1 <= pages <= 6, "%d pages" % pages)
        # Texts that would be markup.
        hostile_path, rows = hostile(dir)
        browser.go("file://" + hostile_path)
        browser.wait("document.querySelector('#charts svg')", "the page")
        same(browser.run("return window.hacked === undefined && !document.querySelector('img,#report b b')"), True)
        same(sorted(browser.run(column % 1)), sorted(re.sub("[\u2028\u2029]", " ", name) for _, name, *_ in rows))
        # The open model: both kinds of percentiles, and arrivals.
        browser.go("file://" + arrivals()[2])
        browser.wait("document.querySelectorAll('path.line').length === 12", "twelve lines")
        titles = browser.run("return [...document.querySelectorAll('figure h3')].filter((h) => h.checkVisibility()).map((h) => h.innerText)")
        check("Arrivals per Second" in titles and len(titles) == 6, titles)
        same(browser.run(CONTRAST), [])
        same(browser.errors(), [])
        same({u.split("?")[0] for u in browser.asked()}, {url, "file://" + hostile_path, "file://" + arrivals()[2]})


main(parallel=4, before=lambda: (build("rows_for_reports.c", "-O0"), build(OPEN, "-O0"), build(VERDICT)))
