#!/usr/bin/env -S python3 -B
"""Figures for other programs: Locust's --json, HdrHistogram's log, Prometheus, OTLP, InfluxDB, statsd.

    tests/whole/test_figures.py [WORD...]    only the tests whose name contains a word

Collectors are scripted here; tests/servers/collectors.py has the real ones.
"""
import collections, contextlib, json, os, re, socket, subprocess, sys, threading, time
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
            check(int(began) - 1 <= int(second) <= time.time() + 1, second, began)  # its second may begin within one
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


# ---- Prometheus ----

def prometheus(text):
    """The samples of an exposition: {name: {(label, value)...: number}}, and {family: type}. Each family has its
    HELP and TYPE right before its samples."""
    samples, types, family = {}, {}, None
    for line in text.splitlines():
        m = re.match(r"# HELP (\S+) .+\.$", line)
        if m:
            check(m[1] not in types, "twice", line)
            family = m[1]
            continue
        m = re.match(r"# TYPE (\S+) (counter|gauge|histogram)$", line)
        if m:
            same(m[1], family)
            types[family] = m[2]
            continue
        m = re.match(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (\S+)$', line)
        check(m, line)
        check(m[1] == family or (types[family] == "histogram" and re.sub("_(bucket|sum|count)$", "", m[1]) == family), line)
        labels = tuple((key, value.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\"))
                       for key, value in re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', m[2] or ""))
        check(labels not in samples.setdefault(m[1], {}), "twice", line)
        samples[m[1]][labels] = float(m[3])
    return samples, types


@test("--metrics-file: Prometheus' text, with the figures of the summary")
def _(dir):
    r = report(dir, "-u", "6", "-t", "3", "--metrics-file", "m", "--export-every", "1", "--summary", "s",
               "--check", "requests>5", "A", "B", "Names")
    samples, types = prometheus(open(dir + "/m").read())
    check(not os.path.exists(dir + "/m.new"), os.listdir(dir))
    rows = json.load(open(dir + "/s"))["rows"]
    check(any("\n" in row["name"] for row in rows) and any('"' in row["name"] for row in rows), rows)
    for row in rows:
        key = (("method", row["method"]), ("name", row["name"]))
        for name, field in ("requests_total", "requests"), ("failures_total", "failures"), \
                ("response_bytes_total", "bytes"), ("unanswered_requests_total", "unanswered"):
            same(samples["locust_" + name][key], row[field], name, key)
        buckets = [(float(labels[2][1].replace("+Inf", "inf")), n) for labels, n in
                   samples["locust_response_time_seconds_bucket"].items() if labels[:2] == key]
        same(buckets, sorted(buckets), "not cumulative")
        same([b for b, _ in buckets], [m * 10 ** k for k in range(-4, 2) for m in (1, 2, 5)] + [float("inf")])
        for bound, n in buckets:
            same(n, sum(n for us, n in row["histogram_us"] if us / 1e6 <= bound), bound, row)
        same(samples["locust_response_time_seconds_count"][key], row["requests"])
        mean = samples["locust_response_time_seconds_sum"][key] / row["requests"]
        check(abs(mean * 1e3 - row["avg_ms"]) < 0.001, mean, row)
        p99 = samples["locust_response_time_percentile_seconds"][key + (("percentile", "99"),)]
        check(abs(p99 * 1e3 - row["percentiles_ms"]["99"]) < 0.001, p99, row)
    same(types["locust_requests_total"], "counter")
    same(types["locust_response_time_seconds"], "histogram")
    same(samples["locust_check_held"], {(("check", "requests>5"),): 1})
    same(sorted(samples["locust_users"]), [(("user_class", name),) for name in "AB"] + [(("user_class", "Names"),)])
    check(samples["locust_run_seconds"][()] >= 3 and samples["process_cpu_seconds_total"][()] > 0, samples)


# ---- collectors ----

class Collector(Script):
    """An HTTP server that keeps what is POSTed to it; `answer`: what it says to each, None: nothing."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"):
        self.got, self.answer = [], answer
        super().__init__(self.one_connection)

    def one_connection(self, c):
        while True:
            head = read_head(c)
            if not head:
                return
            n, body = int(re.search(rb"(?i)content-length: (\d+)", head)[1]), b""
            while len(body) < n:
                more = c.recv(65536)
                if not more:
                    return
                body += more
            self.got.append((head.decode(), body.decode()))
            if self.answer:
                c.sendall(self.answer)
            if self.answer and b"close" in self.answer:
                return


def attributes(of):
    return {a["key"]: a["value"]["stringValue"] for a in of["attributes"]}


@test("--otlp: metrics with Locust's names beside ours")
def _(dir):
    with Collector() as collector:
        r = report(dir, "-u", "4", "-t", "3", "--otlp", collector.url + "/base/", "--export-every", "1", "--summary", "s",
                   "A", "B", env={"OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, other=c", "OTEL_SERVICE_NAME": "shop"})
    check("arrive" not in r.err, r)
    # One connection, and another where the end of the run cut a report.
    check(3 <= len(collector.got) <= 5 and len(collector.connections) <= 2, len(collector.got), collector.connections)
    for head, _ in collector.got:
        check(head.startswith("POST /base/v1/metrics HTTP/1.1\r\n"), head)
        check("\r\nContent-Type: application/json\r\n" in head and "\r\napi-key: a b\r\nother: c\r\n" in head, head)
    rows = {row["name"]: row for row in json.load(open(dir + "/s"))["rows"]}
    resource, = json.loads(collector.got[-1][1])["resourceMetrics"]
    same([attributes(resource["resource"])[key] for key in ("service.name", "service.version")], ["shop", "0.1.0"])
    metrics = {m["name"]: m for m in resource["scopeMetrics"][0]["metrics"]}
    duration = metrics["locust.client.duration"]
    same((duration["unit"], duration["histogram"]["aggregationTemporality"]), ("s", 2))
    same(len(duration["histogram"]["dataPoints"]), len(rows))
    for point in duration["histogram"]["dataPoints"]:
        row = rows[attributes(point)["name"]]
        same(int(point["count"]), row["requests"])
        same(sum(int(n) for n in point["bucketCounts"]), row["requests"])
        same(len(point["bucketCounts"]), len(point["explicitBounds"]) + 1)
        check(abs(point["sum"] / row["requests"] * 1e3 - row["avg_ms"]) < 0.001, point, row)
        check(abs(point["max"] * 1e3 - row["max_ms"]) < 0.001 and abs(point["min"] * 1e3 - row["min_ms"]) < 0.001, point)
        check(0 < int(point["startTimeUnixNano"]) < int(point["timeUnixNano"]) <= time.time_ns(), point)
    for name, field in ("locust.requests", "requests"), ("locust.failures", "failures"), ("locust.response.bytes", "bytes"):
        check(metrics[name]["sum"]["isMonotonic"], metrics[name])
        for point in metrics[name]["sum"]["dataPoints"]:
            same(int(point["asInt"]), rows[attributes(point)["name"]][field])
    errors = {attributes(p)["error.type"]: int(p["asInt"]) for p in metrics["locust.client.failures"]["sum"]["dataPoints"]}
    same(errors, {"500 Server Error: Server Error": rows["/status/500"]["failures"],
                  "404 Client Error: Not Found": rows["/status/404"]["failures"]})
    users = json.loads(collector.got[0][1])["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    users = [m for m in users if m["name"] == "locust.users.count"][0]
    same({attributes(p)["user_class"]: p["asInt"] for p in users["gauge"]["dataPoints"]}, {"A": "3", "B": "1"})


@test("--otel: to the endpoint of the environment")
def _(dir):
    with Collector() as collector:
        report(dir, "-t", "1", "--otel", "Pace", env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    same(len(collector.got), 1)  # the last report
    check(collector.got[0][0].startswith("POST /v1/metrics "), collector.got)


@test("--traceparent: a trace context in each request, spans of the sampled ones")
def _(dir):
    heads, lock = [], threading.Lock()

    def serve(c):
        while True:
            head = read_head(c).decode()
            if not head:
                return
            n = re.search(r"(?i)content-length: (\d+)", head)
            while n and int(n[1]) and len(c.recv(int(n[1]))) < int(n[1]):
                pass
            with lock:
                heads.append(head)
            path = head.split()[1]
            if path == "/":  # two hops of one request
                c.sendall(b"HTTP/1.1 302 Found\r\nLocation: /landed\r\nContent-Length: 0\r\n\r\n")
            else:
                c.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok" % (404 if "404" in path else 200))

    with Collector() as collector, Script(serve) as server:
        r = run(dir, [build("rows_for_reports.c", "-O0"), "--headless", "-H", server.url, "-u", "8", "-r", "1000000", "-t", "3",
                      "--stop-timeout", "3", "--traceparent", "--trace-sample", "0.4", "--otlp", collector.url,
                      "--export-every", "1", "--summary", "s", "A", "B"])
    check("arrive" not in r.err and "no room" not in r.err, r)
    asked, runs = {}, set()
    for head in heads:
        m = re.search(r"\r\ntraceparent: 00-([0-9a-f]{32})-([0-9a-f]{16})-0([01])\r\n", head)
        check(m and set(m[1]) != {"0"} and set(m[2]) != {"0"}, head)
        b = re.search(r"\r\nbaggage: locust\.run=([0-9a-f]{16}),locust\.user=(\d+)\r\n", head)
        check(b and 1 <= int(b[2]) <= 8, head)
        runs.add(b[1])
        asked.setdefault((m[1], m[2], m[3]), []).append(head.split()[1])
    same(len(runs), 1)
    same(len({trace for trace, _, _ in asked}), len(asked))
    sampled = {key[:2]: paths for key, paths in asked.items() if key[2] == "1"}
    total = json.load(open(dir + "/s"))["total"]["requests"]
    check(0.2 * total < len(sampled) < 0.6 * total, len(sampled), total)  # of several hundred, at 0.4
    spans = {}
    for head, body in collector.got:
        if head.startswith("POST /v1/traces "):
            resource, = json.loads(body)["resourceSpans"]
            same(attributes(resource["resource"])["service.name"], "locust")
            for span in resource["scopeSpans"][0]["spans"]:
                key = span["traceId"], span["spanId"]
                check(key not in spans, span)
                spans[key] = span
    same(sorted(spans), sorted(sampled))
    for key, span in spans.items():
        paths, about = sampled[key], {a["key"]: list(a["value"].values())[0] for a in span["attributes"]}
        check(paths == ["/", "/landed"] or len(paths) == 1 and paths[0] != "/", paths)
        same(span["name"], about["http.request.method"] + " " + about["locust.name"])
        same(about["http.response.status_code"], "404" if "404" in paths[0] else "200")
        same(span["status"], {"code": 2, "message": "404 Client Error: X"} if "404" in paths[0] else {})
        check(0 <= int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) < 3e9, span)
        check(abs(int(span["endTimeUnixNano"]) - time.time_ns()) < 60e9 and span["kind"] == 3, span)


def influx_line(line):
    """A line of the protocol: measurement, {tag: value}, {field: text}, time."""
    m = re.match(r"((?:[^ \\]|\\.)+) (\S+) (\d+)$", line)
    check(m, line)
    measurement, *tags = re.split(r"(?<!\\),", m[1])
    plain = lambda text: re.sub(r"\\([ ,=])", r"\1", text)
    tags = dict((plain(part) for part in re.split(r"(?<!\\)=", tag)) for tag in tags)
    return measurement, tags, dict(field.split("=") for field in m[2].split(",")), int(m[3])


@test("--influx: a line for each row, names escaped")
def _(dir):
    with Collector(b"HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1\r\n\r\n") as collector:
        url = collector.url.replace("://", "://ann:pass@")
        r = report(dir, "-u", "3", "-t", "3", "--influx", url, "--export-every", "1", "--summary", "s", "A", "Names")
    check("arrive" not in r.err, r)
    for head, _ in collector.got:
        check(head.startswith("POST /write?db=locust HTTP/1.1\r\n"), head)
        check("\r\nAuthorization: Basic YW5uOnBhc3M=\r\n" in head, head)
    rows = {row["name"].replace("\n", " "): row for row in json.load(open(dir + "/s"))["rows"]}
    last = [influx_line(line) for line in collector.got[-1][1].splitlines()]
    same(sorted(tags["name"] for what, tags, *_ in last if what == "locust"), sorted([*rows, "Aggregated"]))
    for what, tags, fields, when in last:
        check(abs(when - time.time_ns()) < 60e9, when)
        if what == "locust" and "method" in tags:
            row = rows[tags["name"]]
            same([fields["requests"], fields["failures"], fields["bytes"]],
                 ["%di" % row[f] for f in ("requests", "failures", "bytes")])
    same([fields["generator_ok"] in ("true", "false") for what, _, fields, _ in last if what == "locust_run"], [True])
    # Times are of the interval: the second report's are not the first one's.
    of = lambda body: {t.get("name"): f for what, t, f, _ in map(influx_line, body.splitlines()) if what == "locust"}
    first, second = of(collector.got[0][1]), of(collector.got[1][1])
    check("p99_ms" in second["/delay/30"] and 30 <= float(second["/delay/30"]["p50_ms"]) < 200, second)
    check(int(second["/"]["requests"][:-1]) > int(first["/"]["requests"][:-1]), first, second)


@test("--influx: the whole URL that version 2 wants, with its token")
def _(dir):
    with Collector(b"HTTP/1.1 204 No Content\r\n\r\n") as collector:
        report(dir, "-t", "1", "--influx", collector.url + "/api/v2/write?org=o&bucket=b", "Pace",
               env={"INFLUX_TOKEN": "t0ken"})
    check(collector.got[0][0].startswith("POST /api/v2/write?org=o&bucket=b HTTP/1.1\r\n"), collector.got)
    check("\r\nAuthorization: Token t0ken\r\n" in collector.got[0][0], collector.got)


@test("--statsd: counters that add up, in small datagrams")
def _(dir):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))
    s.setblocking(False)
    r = report(dir, "-u", "6", "-t", "3", "--statsd", "localhost:%d" % s.getsockname()[1], "--export-every", "1",
               "--summary", "s", "A", "B", "Names")
    check("arrive" not in r.err, r)
    sums, gauges, sizes = collections.Counter(), {}, []
    with contextlib.suppress(BlockingIOError):
        while True:
            data = s.recv(65536)
            sizes.append(len(data))
            for line in data.decode().splitlines():
                m = re.match(r"(locust\.[\w.-]+):([\d.]+)\|([cg])$", line)
                check(m, line)
                if m[3] == "c":
                    sums[m[1]] += int(m[2])
                else:
                    gauges[m[1]] = float(m[2])
    s.close()
    check(max(sizes) <= 1400 and len(sizes) > 5, sizes)
    summary = json.load(open(dir + "/s"))
    for field in "requests", "failures", "bytes":
        same(sums["locust.total." + field], summary["total"][field])
    delay = [row for row in summary["rows"] if row["name"] == "/delay/30"][0]
    same(sums["locust.GET._delay_30.requests"], delay["requests"])
    check(30 <= gauges["locust.GET._delay_30.p50_ms"] <= 200 and "locust.users" in gauges, gauges)


@test("a collector that is slow, gone or broken costs no load and is reported once")
def _(dir):
    def bad(what, why):
        answers = {"gone": None, "mute": None, "500": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
                   "closes": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                   "other": b"SSH-2.0-x\r\n"}
        with Collector(answers[what]) as collector:
            url = collector.url if what != "gone" else "http://127.0.0.1:%d" % free_port()
            r = report(dir, "-u", "4", "-t", "3", "--otlp", url, "--influx", url + "/write", "--export-every", "1",
                       "--summary", what, "Pace")
        same(r.rc, 0, r)
        requests = json.load(open("%s/%s" % (dir, what)))["total"]["requests"]
        check(100 <= requests <= 124, what, requests)  # 4 users, ten a second each, for 3 s
        told = re.findall(r"--(otlp|influx) (\S+): figures did not arrive: (.*); the test goes on", r.err)
        ends = re.findall(r"--(otlp|influx) \S+: (\d+) of (\d+) reports", r.err)
        if why is None:
            same((told, ends), ([], []), r)
            return
        same(sorted(t[0] for t in told), ["influx", "otlp"], r)
        check(all(re.search(why, t[2]) for t in told), told)
        same(len(ends), 2, r)
        check(all(1 <= int(lost) == int(all) <= 5 for _, lost, all in ends), ends)
        check(r.seconds < 3 + 2 + 3, r)

    each([("gone", "refused"), ("mute", "."), ("500", "status 500"), ("closes", None), ("other", "HTTP")], bad)


@test("exports that are refused")
def _(dir):
    def refused(args, word):
        r = run(dir, [build("ends_at_once.c", "-O0"), "--headless", "-H", "http://127.0.0.1:1", *args])
        same(r.rc, 2, args, r)
        same(r.out, "", r)
        check(len(r.err.splitlines()) == 1 and word in r.err, args, r)

    each([(["--otlp", "http://a b"], "--otlp"), (["--otlp", "ftp://a"], "--otlp"), (["--influx", "x"], "--influx"),
          (["--otlp", "https://a"], "LOCUST_TLS"), (["--statsd", "127.0.0.1"], "HOST:PORT"),
          (["--statsd", "127.0.0.1:70000"], "HOST:PORT"), (["--statsd", ":8125"], "HOST:PORT"),
          (["--metrics-file", "no/such/m"], "No such"), (["--export-every", "x"], "--export-every"),
          (["--trace-sample", "0.5"], "--traceparent"), (["--traceparent", "--trace-sample", "2"], "--trace-sample"),
          (["--target-pid", "999999999"], "--target-pid"), (["--target-cgroup", "no/such"], "--target-cgroup")], refused)
    for option in ["--otel"], ["--statsd", "127.0.0.1:1"], ["--metrics-file", "m"]:
        r = run(dir, [build("ends_at_once.c", "-O0", "-DLOCUST_NO_EXPORT"), "--headless", *option])
        same(r.err, "locust: %s: this test was compiled with LOCUST_NO_EXPORT\n" % option[0])


# ---- the server's CPU ----

def ticks(pid):
    """CPU seconds of a process, by the kernel."""
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@test("--target-pid: the CPU of a process and of those that it started")
def _(dir):
    with Target(dir) as server:
        # A parent whose child is the server: the parent itself takes nothing.
        parent = subprocess.Popen(["sh", "-c", "\"$0\" --port 0 & echo $!; wait", build("target.c")],
                                  stdout=subprocess.PIPE, text=True)
        lines = sorted(parent.stdout.readline() for _ in "12")
        child, url = int(lines[0]), "http://" + lines[1].split()[-1]
        try:
            for pid, at, measured in (server.p.pid, server.url, server.p.pid), (parent.pid, url, child):
                before = ticks(measured)
                r = run(dir, [build("rows_for_reports.c", "-O0"), "--headless", "-u", "300", "-r", "1000000", "-t", "2",
                              "--compact", "-H", at, "--target-pid", str(pid), "--summary", "s", "Names"])
                took = ticks(measured) - before
                m = re.search(r"^target known=1 cpu_us=(\S+) cores=(\S+) mb=(\S+) generator_cpu_us=(\S+)$", r.out, re.M)
                check(m, r)
                summary = json.load(open(dir + "/s"))
                n = summary["total"]["requests"]
                check(n > 1000, n)
                check(abs(float(m[1]) * n / 1e6 - took) <= 0.03 + took / 10, m[0], n, took)
                check(float(m[4]) > 1 and 0.5 < float(m[3]) < 100, m[0])
                same(summary["target"]["cpu_us_per_request"], float(m[1]))
        finally:
            os.kill(child, 9)
            parent.wait()


@test("--target-cgroup: what cpu.stat says")
def _(dir):
    os.mkdir(dir + "/group")
    files = [dir + "/group/cpu.stat", dir + "/group/memory.current"]

    def write(us):
        for path, text in zip(files, ("usage_usec %d\nuser_usec 1\n" % us, "5000000\n")):
            open(path + ".new", "w").write(text)
            os.replace(path + ".new", path)

    write(7000000)
    with Program(dir, [build("rows_for_reports.c", "-O0"), "--headless", "-t", "2", "-H", shared_target().url,
                       "--target-cgroup", dir + "/group", "--summary", "s", "Pace"]) as program:
        until(lambda: "spawned" in program.read("err"), 10, "users are spawned")
        write(7500000)
        r = program.wait(20)
    summary = json.load(open(dir + "/s"))
    target = summary["target"]
    check(abs(target["cpu_us_per_request"] - 500000 / summary["total"]["requests"]) < 0.001, target)
    check(abs(target["cores"] - 0.25) < 0.01 and target["memory_mb"] == 5, target)
    check("target: " in r.err and "(25 % of a core), 5.0 MB" in r.err, r)


main(parallel=4, before=lambda: (build("rows_for_reports.c", "-O0"), shared_target()))
