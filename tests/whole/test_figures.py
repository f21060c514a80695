#!/usr/bin/env -S python3 -B
"""Figures for other programs: Locust's --json, HdrHistogram's log, Prometheus, OTLP, InfluxDB, statsd.

    tests/whole/test_figures.py [WORD...]    only the tests whose name contains a word

Collectors are scripted here; tests/servers/collectors.py has the real ones.
"""
import json, os, sys
from kit.lib import *
from kit import hdr


def report(dir, *args, **options):
    return run(dir, [build("rows_for_reports.c", "-O0"), "--headless", "-H", shared_target().url, "-r", "1000000"] +
               list(args), **options)


# ---- Locust's JSON ----

ENTRY = ["name", "method", "last_request_timestamp", "start_time", "num_requests", "num_none_requests",
         "num_failures", "total_response_time", "max_response_time", "min_response_time", "total_content_length",
         "response_times", "num_reqs_per_sec", "num_fail_per_sec"]


@test("--json and --json-file: the rows as Locust prints them")
def _(dir):
    began = time.time()
    r = report(dir, "-u", "4", "-t", "3", "--json", "--json-file", "rows", "--summary", "s", "A", "B")
    same(r.rc, 1, r)
    rows = json.loads(r.out)
    same(r.out, json.dumps(rows, indent=4) + "\n")  # what Python's json.dumps makes of it, to the byte
    same(open(dir + "/rows.json").read(), r.out)
    summary = {(row["method"], row["name"]): row for row in json.load(open(dir + "/s"))["rows"]}
    same(sorted((row["method"], row["name"]) for row in rows), sorted(summary))
    for row in rows:
        same(list(row), ENTRY)
        ours = summary[row["method"], row["name"]]
        same([row["num_requests"], row["num_failures"], row["total_content_length"], row["num_none_requests"]],
             [ours["requests"], ours["failures"], ours["bytes"], 0])
        for ms, name in (row["min_response_time"], "min_ms"), (row["max_response_time"], "max_ms"), \
                (row["total_response_time"] / ours["requests"], "avg_ms"):
            check(abs(ms - ours[name]) < 0.001, row, ours)
        same(sum(row["response_times"].values()), ours["requests"])
        same(sum(row["num_reqs_per_sec"].values()), ours["requests"])
        same(sum(row["num_fail_per_sec"].values()), ours["failures"])
        for second in row["num_reqs_per_sec"]:
            check(began - 1 <= int(second) <= time.time() + 1, second, began)
        check(began <= row["start_time"] <= row["last_request_timestamp"] <= time.time(), row)
    delay = [row for row in rows if row["name"] == "/delay/30"][0]
    check(all(30 <= int(ms) < 200 for ms in delay["response_times"]), delay)
    # --json-file is in place of the final tables; what else the report says stays.
    check("Response time percentiles" not in r.err and "Error report" not in r.err, r)
    check("# reqs" not in r.err[r.err.index("Shutting down"):] and "generator: " in r.err, r)


@test("--json of a run without requests, and with the tables beside it")
def _(dir):
    r = report(dir, "-u", "0", "-t", "1", "--json", "Pace")
    same(json.loads(r.out), [], r)
    check("Response time percentiles" in r.err or "Aggregated" in r.err, r)


@test("--print-stats: tables in spite of --only-summary")
def _(dir):
    r = report(dir, "-t", "3", "--only-summary", "--print-stats", "Pace")
    same(len(tables(r.err)), 3, r)  # 0, 2 s and the end


# ---- HdrHistogram ----

@test("--hgrm: beside it a log with the histogram of each row")
def _(dir):
    r = report(dir, "-u", "4", "-t", "3", "--hgrm", "h", "--summary", "s", "A", "B")
    summary = json.load(open(dir + "/s"))
    rows = {None: summary["total"]}
    rows.update({row["method"] + "_" + row["name"]: row for row in summary["rows"]})
    log = hdr.log(dir + "/h.hlog")
    same([line[0] for line in log], list(rows), r)
    for tag, start, length, most, found in log:
        row = rows[tag]
        same(sum(found.values()), row["requests"])
        check(start == 0 and abs(length - summary["duration_s"]) < 1, start, length)
        check(abs(most - row["max_ms"]) <= 0.001, most, row)
        # Bucket for bucket the summary's, within what three digits are.
        ours = [ms for us, n in row["histogram_us"] for ms in [min(us, row["max_ms"] * 1e3) / 1e3] * n]
        theirs = [ns / 1e6 for ns, n in sorted(found.items()) for _ in range(n)]
        for a, b in zip(ours, theirs):
            check(abs(a - b) <= 0.001 * a + 0.001, tag, a, b)


main(parallel=4, before=lambda: (build("rows_for_reports.c", "-O0"), shared_target()))
