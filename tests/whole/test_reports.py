#!/usr/bin/env -S python3 -B
"""Tables, compact lines, CSV files and log lines of a run, in Locust's forms.

    tests/whole/test_reports.py [WORD...]    only the tests whose name contains a word

Where we differ from Locust 2.47 by decision: times on the console have three decimals, in wider
columns; percentiles in CSV files have microseconds; these are written once more at the end; current
rates go up to now.
"""
import datetime, os, sys
from kit.lib import *

STATS = ("Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,"
         "Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s," + PERCENTILES)
HISTORY = ("Timestamp,User Count,Type,Name,Requests/s,Failures/s," + PERCENTILES +
           ",Total Request Count,Total Failure Count,Total Median Response Time,"
           "Total Average Response Time,Total Min Response Time,Total Max Response Time,"
           "Total Average Content Size")
FAILURES = "Method,Name,Error,Occurrences,First Seen,Last Seen"
EXCEPTIONS = "Count,Message,Traceback,Nodes"
GENERATOR = ("Verdict,CPU,Lateness 50%,Lateness 99%,Lateness 100%,Limits,Stalled s,Stalled Max s,Stalled Requests,"
             "Suspended s,Clock Set s,50% Too High,99% Too High,Unanswered Requests,Unanswered Arrivals,"
             "Longest Unanswered,Starved Users")


def report(dir, *args, **options):
    return run(dir, [build("rows_for_reports.c", "-O0"), "--headless", "-H", shared_target().url] + list(args),
               **options)


_runs = {}
_runs_lock = threading.Lock()


def usual():
    """One run of A and B for 5 s that several tests look at: (result, CSV prefix, start, end)."""
    with _runs_lock:
        if not _runs:
            dir = os.path.join(OUT, "usual")
            os.makedirs(dir)
            start = time.time()
            r = report(dir, "-u", "4", "-r", "1000000", "-t", "5", "--csv", "c", "A", "B")
            _runs["usual"] = r, dir + "/c", start, time.time()
        return _runs["usual"]


# ---- tables ----

@test("statistics table: columns and separators")
def _(dir):
    r = usual()[0]
    for table in tables(r.err):
        header, rule, *rows, rule2, total = table
        # The left part is Locust's to the character, for a name column of 80.
        check(header.startswith("%-8s %-76s %7s %12s |" % ("Type", "Name", "# reqs", "# fails")), header)
        same(header.split()[-7:], ["Avg", "Min", "Max", "Med", "|", "req/s", "failures/s"])
        check(rule.startswith("-" * 8 + "|" + "-" * 76 + "|" + "-" * 7 + "|" + "-" * 13 + "|"), rule)
        same(rule2, rule)
        check(set(rule) == {"-", "|"} and len(rule.split("|")) == 10, rule)
        same(len(rule), len(header), header, rule)
        for i, c in enumerate(header):
            check(c != "|" or rule[i] == "|", "the bars do not stand below each other", header, rule)
        for row in rows + [total]:
            same(len(row), len(header), header, row)
            check(re.match(r"^.{8} .{76} +\d+ +\d+\(\d+\.\d\d%\) \|( +\d+\.\d{3}){4} \| +\d+\.\d\d +\d+\.\d\d$",
                           row), row)
            right = [header.index(word) + len(word) for word in
                     ("Avg", "Min", "Max", "Med", "req/s", "failures/s")]
            for at in right:
                check(row[at - 1].isdigit() and (at == len(row) or row[at] == " "), header, row)
                check(row[:at].rsplit(None, 1)[-1].count(".") == 1, row)
        check(total.startswith(" " * 9 + "%-76s " % "Aggregated"), total)
        names = [(row[9:85].strip(), row[:8].strip()) for row in rows]
        same(names, sorted(names))
    final = tables(r.err)[-1]
    same([row[:85].split() for row in final[2:-2]],
         [["GET", "/"], ["GET", "/delay/30"], ["GET", "/size/[n]"], ["GET", "/status/404"],
          ["POST", "/status/500"]])
    check("\n\n" in r.err, "no blank line after the table")


@test("statistics table: figures")
def _(dir):
    r, prefix, *_ = usual()
    rows, total = stats_csv(prefix)
    final = tables(r.err)[-1]
    for line, row in list(zip(final[2:-2], rows.values())) + [(final[-1], total)]:
        m = re.match(r".{86} *(\d+) +(\d+)\((.*)%\) \| +(\S+) +(\S+) +(\S+) +(\S+) \| +(\S+) +(\S+)$",
                     line.replace("|", "| "))
        m = m or re.match(r".{85} +(\d+) +(\d+)\((.*)%\) +\| +(\S+) +(\S+) +(\S+) +(\S+) +\| +(\S+) +(\S+)$",
                          line)
        check(m, line)
        same((int(m[1]), int(m[2])), (count(row), failed(row)))
        same(m[3], "%.2f" % (100 * failed(row) / count(row)))
        for got, field in ((m[4], "Average"), (m[5], "Min"), (m[6], "Max")):
            check(abs(float(got) - float(row[field + " Response Time"])) <= 0.0006, line, row)
        check(float(m[5]) <= float(m[7]) <= float(m[6]), line)
        check(abs(float(m[8]) - float(row["Requests/s"])) <= 0.006, line, row)
        check(abs(float(m[9]) - float(row["Failures/s"])) <= 0.006, line, row)


@test("a table at once, every two seconds, at the end")
def _(dir):
    r = usual()[0]
    same(len(tables(r.err)), 4, r)  # 0, 2, 4 s and the end
    same([len(t) for t in tables(r.err)][0], 4, "the first one is empty")
    check(r.err.index("Aggregated") < r.err.index("Ramping to"), "the first one comes before the users")
    same(r.out, "")
    r = report(dir, "-t", "3", "--only-summary", "Pace")
    same(len(tables(r.err)), 1, r)
    check(r.err.index("Shutting down") < r.err.index("# reqs"), r)


@test("current and total rates")
def _(dir):
    r = report(dir, "-u", "10", "-r", "1000000", "-t", "7", "--csv", "c", "Pace")
    all = tables(r.err)
    same(len(all), 5, r)
    # The first second of a test is not a whole one: six of the mean's seconds hold 5 to 6.
    at_6 = float(all[3][-1].split()[-2])
    check(80 <= at_6 <= 111, "after 6 s at 100 requests a second: %s" % at_6)
    final = float(all[4][-1].split()[-2])
    check(95 <= final <= 112, "over the whole run: %s" % final)
    now = [float(h["Requests/s"]) for h in read_csv(dir + "/c", "stats_history")]
    check(80 <= now[6] <= 111, now)
    check(all[4][-1].split()[-1] == "0.00", all[4][-1])


@test("percentile table")
def _(dir):
    r, prefix, *_ = usual()
    same(r.err.count("Response time percentiles (approximated)\n"), 1)
    lines = r.err.split("Response time percentiles (approximated)\n")[1].split("\n\n")[0].split("\n")
    header, rule, *rows, rule2, total = lines
    check(header.startswith("%-8s %-80s " % ("Type", "Name")), header)
    same(header.split(), ["Type", "Name"] + PERCENTILES.split(",") + ["#", "reqs"])
    check(rule.startswith("-" * 8 + "|" + "-" * 80 + "|"), rule)
    same(rule2, rule)
    same((len(rule), len(rule.split("|")), set(rule)), (len(header), 14, {"-", "|"}))
    table = stats_csv(prefix)
    for line, row in list(zip(rows, table[0].values())) + [(total, table[1])]:
        same(len(line), len(header), header, line)
        same((line[:8].strip(), line[9:89].strip()), (row["Type"], row["Name"]))
        *times, reqs = line[89:].split()
        same(int(reqs), count(row))
        check(all(re.fullmatch(r"\d+\.\d{3}", t) for t in times), line)
        values = [float(t) for t in times]
        same(values, sorted(values))
        same(len(values), 11)
        check(abs(values[-1] - float(row["Max Response Time"])) <= 0.0006, line, row)
        for word in PERCENTILES.split(","):
            at = re.search(r" %s(?= |$)" % re.escape(word), header).end()
            check(line[at - 1].isdigit() and line[at] == " ", header, line)
    delay = next(line for line in rows if "/delay/30" in line)[89:].split()
    check(abs(float(delay[0]) - 30) < 3, delay)
    r = report(dir, "-t", "1", "-u", "0")
    check("Response time percentiles (approximated)" in r.err and "Error report" not in r.err, r)


@test("error report")
def _(dir):
    r, prefix, *_ = usual()
    lines = r.err.split("Error report\n")[1].split("\n")
    rule = "-" * 18 + "|" + "-" * 141
    same(lines[0], "%-18s %-100s" % ("# occurrences", "Error"))
    same(lines[1], rule)
    end = lines.index(rule, 2)
    same(lines[end + 1], "")
    failures = read_csv(prefix, "failures")
    same(len(failures), 2)
    want = ["%-18d %-100s" % (int(f["Occurrences"]), "%s %s: %s" % (f["Method"], f["Name"], f["Error"]))
            for f in failures]
    same(sorted(lines[2:end]), sorted(want))
    check("/status/500" in lines[2], "not in the order of their first occurrence", lines)
    check("Error report" not in report(dir, "-t", "1", "Pace").err)


@test("names that are not of ASCII keep the columns")
def _(dir):
    r = report(dir, "-t", "1", "Names")
    line = next(line for line in tables(r.err)[-1] if "\u00e4\u00f6" in line)
    same(len(line), len(tables(r.err)[-1][0]), line)


@test("a line end in a name or a failure does not break a row in two")
def _(dir):
    r = report(dir, "-t", "1", "Names", "Verdict", "-u", "2", "-r", "1000000")
    table = tables(r.err)[-1]
    check(all(re.match(r"[A-Z]+ |  +Aggregated|-+\|", line) for line in table[1:]), "\n".join(table))
    errors = r.err.split("Error report\n")[1].split("\n")
    check(all(re.match(r"\d+ +GET |-+\|", line) for line in errors[1:5] if line), "\n".join(errors))


# ---- --reset-stats ----

@test("--reset-stats")
def _(dir):
    r = report(dir, "-u", "3", "-r", "1", "-t", "4", "--reset-stats", "--csv", "c", "First")
    texts = [(logger, text) for _, logger, text in r.log()]
    at = texts.index(("locust.runners", "Resetting stats"))
    check(texts[at - 1][1].startswith("All users spawned"), texts)
    rows, total = stats_csv(dir + "/c")
    first = raw_csv(dir + "/c", "stats").split("\r\n")
    check("GET,/first,0,0,0,0.0,0,0,0,0.0,0.0" + ",N/A" * 11 in first, first)
    line = next(line for line in tables(r.err)[-1] if "/first" in line)
    same(line.split()[2:4], ["0", "0(0.00%)"])
    same(line.split("|")[1].split() + line.split("|")[2].split(), ["0.000"] * 4 + ["0.00"] * 2)
    check("/first" not in r.err.split("percentiles")[1], "a row without requests has percentiles")
    check(15 <= count(rows["GET", "/"]) <= 70, rows)  # two seconds of three users
    same(count(total), count(rows["GET", "/"]))


@test("--reset-stats forgets failures too")
def _(dir):
    r = run(dir, [build("ends_at_once.c", "-O0"), "--headless", "-H", shared_target().url, "-u", "2", "-r", "1",
                  "-t", "2", "--reset-stats", "--csv", "c"],
            env={"QUICK_PATH": "/status/404", "QUICK_SLEEP": "60"})
    same(count(stats_csv(dir + "/c")[1]), 1 if failed(stats_csv(dir + "/c")[1]) else 0, r)
    r = report(dir, "-u", "2", "-r", "1000000", "-t", "1", "--reset-stats", "B", "--csv", "d")
    same(r.rc, 1, r)  # failures after the reset


# ---- --compact ----

PAIR = r"[a-z0-9_]+=\S+"


@test("--compact")
def _(dir):
    r = report(dir, "-u", "5", "-r", "1000000", "-t", "5", "--compact", "A", "B", "--csv", "c")
    lines = r.out.split("\n")
    same(lines.pop(), "")
    check(not tables(r.err) and "Error report" not in r.err and "percentiles" not in r.err, r)
    parsed = []
    for line in lines:
        m = re.fullmatch(r"(?:(row|total|error|generator|generator_time) )?((?:%s ?)*?)(?: ?(?:name|limits)=(.*))?" % PAIR, line)
        check(m, "not key=value: " + line)
        parsed.append((m[1], dict(p.split("=", 1) for p in m[2].split()), m[3]))
        check(len(line) - len(m[3] or "") <= 160, "too long for a console", line)
    ticks = [p[1] for p in parsed if "t" in p[1]]
    same(len(ticks), 3, r)  # at 0, 2, 4 s
    for i, tick in enumerate(ticks):
        check(abs(float(tick["t"]) - 2 * i) <= 0.5, "tick %d says t=%s" % (i, tick["t"]))
        same(int(tick["users"]), 5 if i else 0)
    rows, total = stats_csv(dir + "/c")
    named = {p[2]: p[1] for p in parsed if p[0] == "row"}
    same(set(named), {"%s %s" % key for key in rows})
    for key, row in rows.items():
        got = named["%s %s" % key]
        same((int(got["reqs"]), int(got["fails"])), (count(row), failed(row)), key)
        check(abs(float(got["max"]) - float(row["Max Response Time"])) < 0.001, got, row)
        check(abs(float(got["avg"]) - float(row["Average Response Time"])) < 0.001, got, row)
    sums = [p[1] for p in parsed if p[0] == "total"]
    same([(int(s["reqs"]), int(s["fails"])) for s in sums], [(count(total), failed(total))])
    for s in list(named.values()) + sums + ticks:
        check({"reqs", "fails", "rps"} <= set(s), s)
        [float(v) for v in s.values()]
    same(sum(int(p[1]["count"]) for p in parsed if p[0] == "error"), failed(total))


@test("--compact stays one line a row, whatever a name holds")
def _(dir):
    r = report(dir, "-t", "1", "-u", "2", "-r", "1000000", "--compact", "Names", "Verdict")
    for line in r.out.splitlines():
        check(re.match(r"(t=|row |total |error |generator |generator_time )", line), "a line of its own: " + line)


# ---- CSV ----

@test("CSV: headers and line ends")
def _(dir):
    _, prefix, *_ = usual()
    for which, header in zip(FILES, (STATS, HISTORY, FAILURES, EXCEPTIONS, GENERATOR)):
        text = raw_csv(prefix, which)
        check(text.startswith(header + "\r\n"), which, text[:400])
        check(text.endswith("\r\n") and text.count("\n") == text.count("\r\n"), which)
    same(raw_csv(prefix, "exceptions"), EXCEPTIONS + "\r\n")


def microseconds(text):
    """Milliseconds with three decimals at most; a whole number as Locust writes it."""
    check(re.fullmatch(r"0|[1-9]\d*|\d+\.\d{0,2}[1-9]", text), text)
    return float(text)


@test("CSV: stats")
def _(dir):
    r, prefix, *_ = usual()
    rows = read_csv(prefix, "stats")
    same([(row["Type"], row["Name"]) for row in rows],
         [("GET", "/"), ("GET", "/delay/30"), ("GET", "/size/[n]"), ("GET", "/status/404"),
          ("POST", "/status/500"), ("", "Aggregated")])
    total = rows[-1]
    for field in ("Request Count", "Failure Count"):
        same(int(total[field]), sum(int(row[field]) for row in rows[:-1]))
    for row in rows:
        for field in ("Request Count", "Failure Count"):
            check(row[field].isdigit(), field, row)
        values = [microseconds(row[p]) for p in PERCENTILES.split(",")]
        same(values, sorted(values))
        check(abs(values[-1] - float(row["Max Response Time"])) <= 0.00051, row)
        for field in ("Average Response Time", "Min Response Time", "Max Response Time",
                      "Average Content Size", "Requests/s", "Failures/s"):
            same(repr(float(row[field])), row[field], field)  # as Python prints a float
        low, mean, high = (float(row[f + " Response Time"]) for f in ("Min", "Average", "Max"))
        check(0 < low <= mean <= high < 1000, row)
        same(row["Median Response Time"], row["50%"])
        check(low - 0.00051 <= microseconds(row["50%"]) <= high + 0.00051, row)
        # Rates are requests over the seconds from the start to the newest request.
        check(abs(float(row["Requests/s"]) / count(row) - float(total["Requests/s"]) / count(total))
              < 1e-9, row)
    check(any(len(row["Average Response Time"].split(".")[1]) > 3 for row in rows), "full precision")
    sizes = {row["Name"]: float(row["Average Content Size"]) for row in rows}
    same((sizes["/"], sizes["/size/[n]"], sizes["/delay/30"]), (6.0, 200.0, 5.0))
    check(abs(float(rows[1]["50%"]) - 30) < 3, rows[1])
    check(4.5 <= count(total) / float(total["Requests/s"]) <= 5.1, total)


@test("CSV: history")
def _(dir):
    r, prefix, start, end = usual()
    rows = read_csv(prefix, "stats_history")
    same({(row["Type"], row["Name"]) for row in rows}, {("", "Aggregated")})
    stamps = [int(row["Timestamp"]) for row in rows]
    check(6 <= len(stamps) <= 7, stamps)  # 0 to 5 s, and once more at the end
    check(all(1 <= b - a <= 2 for a, b in zip(stamps[:5], stamps[1:6])), stamps)
    check(int(start) <= stamps[0] and stamps[-1] <= end, start, stamps, end)
    zero = raw_csv(prefix, "stats_history").split("\r\n")[1].split(",", 1)[1]
    same(zero, "0,,Aggregated,0.000000,0.000000" + ",N/A" * 11 + ",0,0,0,0.0,0,0,0")
    same([int(row["User Count"]) for row in rows[1:5]], [4] * 4)
    for row in rows:
        for field in ("Requests/s", "Failures/s"):
            check(re.fullmatch(r"\d+\.\d{6}", row[field]), row)
    totals = [int(row["Total Request Count"]) for row in rows]
    same(totals, sorted(totals))
    total = stats_csv(prefix)[1]
    same(totals[-1], count(total), "the last line is written at the end")
    last = rows[-1]
    for field in ("Average Response Time", "Min Response Time", "Max Response Time",
                  "Average Content Size", "Median Response Time"):
        same(last["Total " + field], total[field], field)
    same([last[p] for p in PERCENTILES.split(",")], [total[p] for p in PERCENTILES.split(",")])


@test("CSV: --csv-full-history")
def _(dir):
    r = report(dir, "-u", "4", "-r", "1000000", "-t", "3", "--csv", "c", "--csv-full-history", "A", "B")
    rows = read_csv(dir + "/c", "stats_history")
    ticks = []
    for row in rows:
        if not ticks or ticks[-1][-1]["Name"] == "Aggregated":
            ticks.append([])
        ticks[-1].append(row)
    same([len(t) for t in ticks[:3]], [1, 6, 6])
    for tick in ticks:
        same(len({row["Timestamp"] for row in tick}), 1)
        names = [(row["Name"], row["Type"]) for row in tick[:-1]]
        same(names, sorted(names))
        same(tick[-1]["Type"], "")
        same(int(tick[-1]["Total Request Count"]), sum(int(row["Total Request Count"]) for row in tick[:-1]))


@test("CSV: failures")
def _(dir):
    r, prefix, start, end = usual()
    rows = read_csv(prefix, "failures")
    stats = stats_csv(prefix)[0]
    same(sorted((row["Method"], row["Name"]) for row in rows),
         [("GET", "/status/404"), ("POST", "/status/500")])
    for row in rows:
        same(int(row["Occurrences"]), failed(stats[row["Method"], row["Name"]]))
        check(row["Name"].split("/")[2] in row["Error"], row)
        seen = []
        for field in ("First Seen", "Last Seen"):
            check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row[field]), row)
            seen.append(datetime.datetime.fromisoformat(row[field][:-1] + "+00:00").timestamp())
        check(int(start) <= seen[0] and seen[0] + 3 <= seen[1] <= end, start, row, end)


@test("CSV: quotes, commas and line ends in names and failures")
def _(dir):
    report(dir, "-t", "1", "-u", "2", "-r", "1000000", "--csv", "c", "Names", "Verdict")
    text = raw_csv(dir + "/c", "stats")
    for field in ('GET,"a,b",', 'GET,"say ""hello""",', 'GET,"two\nlines",', "GET,plain name,",
                  "GET,A name that is longer than the eighty columns which a table has for the name "
                  "of a row", "GET,\u00e4\u00f6,"):
        check("\r\n" + field in text or ('"' not in field and field.replace("GET,", 'GET,"') in text
                                         and field.startswith("GET,A name")), field, text)
    check('GET,"A name' in text, "a name with a comma without quotes", text)
    rows = stats_csv(dir + "/c")[0]
    check(("GET", "two\nlines") in rows and ("GET", 'say "hello"') in rows, rows)
    errors = {row["Name"]: row["Error"] for row in read_csv(dir + "/c", "failures")}
    check('wanted "x", got y' in errors["comma"] and "first\nsecond" in errors["line"], errors)
    check("fine" not in errors, errors)
    same(failed(rows["GET", "fine"]), 0)
    check("first\nsecond" not in raw_csv(dir + "/c", "failures").replace('"first\nsecond"', ""))


@test("CSV: every file is whole while the run goes on")
def _(dir):
    with Program(dir, [build("rows_for_reports.c", "-O0"), "--headless", "-H", shared_target().url, "-t", "4",
                       "-u", "4", "-r", "1000000", "--csv", "c", "A", "B"]) as p:
        until(lambda: csv_files(dir + "/c") == list(FILES), 10, "all files")
        looked = 0
        while p.p.poll() is None:
            for which, header in zip(FILES, (STATS, HISTORY, FAILURES, EXCEPTIONS, GENERATOR)):
                text = raw_csv(dir + "/c", which)
                if text or looked > 50:
                    check(text.startswith(header + "\r\n") and text.endswith("\r\n"), which, text[-300:])
                    same({len(row) for row in csv.reader(io.StringIO(text, newline=""))},
                         {len(header.split(","))})
            if looked > 200:
                check(stats_csv(dir + "/c")[1]["Request Count"] is not None)
            looked += 1
            time.sleep(0.003)
        check(looked > 100, looked)
        p.wait()


# ---- log lines ----

@test("log lines, word for word")
def _(dir):
    r = usual()[0]
    with open("locust.h") as f:
        version = re.search(r'#define LOCUST_VERSION +"(.*)"', f.read())[1]
    log = r.log()
    host = socket.gethostname().split(".")[0]
    for line in r.err.splitlines():
        if line.startswith("["):
            check(LOG.match(line), line)
            same(LOG.match(line)[1], host)
    check(version in log[0][2] and log[0][2].startswith("Starting "), log)
    total = stats_csv(usual()[1])[1]
    same(log[1:], [
        ("INFO", "locust.main", "Run time limit set to 5 seconds"),
        ("INFO", "locust.runners", "Ramping to 4 users at a rate of 1000000.00 per second"),
        ("INFO", "locust.runners", 'All users spawned: {"A": 3, "B": 1} (4 total users)'),
        ("INFO", "locust.main", "--run-time limit reached, shutting down"),
        ("INFO", "locust.main", "exit code 1: %d of %d requests failed" % (failed(total), count(total))),  # ours
        ("INFO", "locust.main", "Shutting down (exit code 1)")])
    stamp = re.search(r"^\[(.{19}),\d{3}\]", r.err, re.M)[1]
    check(abs(time.mktime(time.strptime(stamp, "%Y-%m-%d %H:%M:%S")) - usual()[2]) < 3, stamp)


@test("log lines of a slow ramp")
def _(dir):
    r = report(dir, "-u", "2", "-r", "2", "-t", "1", "Pace", "First")
    r.says("locust.runners: Ramping to 2 users at a rate of 2.00 per second")
    r.says('All users spawned: {"First": 1, "Pace": 1} (2 total users)')
    r = report(dir, "-u", "3", "-r", "0.75", "-t", "1", "Pace")
    r.says("Ramping to 3 users at a rate of 0.75 per second")
    check("All users spawned" not in r.err, r)
    r.says("Shutting down (exit code 0)")


@test("a report that a full disk cuts is an exit code, whichever it is")
def _(dir):
    def full(*names):
        for name in names:
            os.symlink("/dev/full", os.path.join(dir, name))

    def cut(what, *options):
        r = report(dir, "-u", "1", "-t", "1", "First", *options)
        same(r.rc, 1, r)
        r.says("cannot write %s, " % what)
        r.says("No space left")

    full("c_stats.csv", "c_stats_history.csv", "s.json", "j.xml", "log.csv")
    each([("CSV files c_*.csv", "--csv", "c"), ("s.json", "--summary", "s.json"),
          ("j.xml", "--check", "requests>0", "--junit", "j.xml"),
          ("log.csv", "--request-log", "log.csv")], cut)


main(parallel=6, before=lambda: (build("rows_for_reports.c", "-O0"), shared_target()))
