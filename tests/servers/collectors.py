#!/usr/bin/env -S python3 -B
"""Real programs that collect figures, and the figures that the kit's summary has.

    tests/servers/collectors.py [NAME...]      prometheus opentelemetry influxdb statsd hdrhistogram; `make servers` does so

Prometheus scrapes the text of --metrics-file and promtool finds no fault in it; an OpenTelemetry collector (Go) takes metrics
and spans; InfluxDB answers queries; statsd (npm) counts; HdrHistogram's own decoder (PyPI) reads the log beside
--hgrm. Debian's packages are unpacked, not installed. All lives in build/servers/collectors.
"""
import glob, http.server, json, os, re, shutil, signal, socket, subprocess, sys, tempfile, threading, time, urllib.parse, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "whole"))
WORDS, sys.argv[1:] = sys.argv[1:], []
from kit.lib import ROOT, Target, build, check, free_port, run, same, until
from kit.pick import pick

KEPT = os.path.join(ROOT, "build", "servers", "collectors")


def do(*argv, cwd=None):
    done = subprocess.run(argv, capture_output=True, text=True, cwd=cwd)
    check(done.returncode == 0, " ".join(argv), done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout + done.stderr


def debian(package, program):
    """A program of a package, unpacked."""
    where = os.path.join(KEPT, package)
    path = os.path.join(where, "usr", "bin", program)
    if not os.path.exists(path):
        os.makedirs(where, exist_ok=True)
        do("apt-get", "-q", "download", package, cwd=where)
        for file in glob.glob(where + "/*.deb"):
            do("dpkg-deb", "-x", file, where)
    return path


class Running:
    """A server, ended with the block; its output is in the folder."""

    def __init__(self, dir, *argv, **options):
        self.out = open(dir + "/out.server", "w+")
        self.p = subprocess.Popen(argv, stdout=self.out, stderr=subprocess.STDOUT, cwd=dir, stdin=subprocess.DEVNULL, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.terminate()
        try:
            self.p.wait(10)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        self.out.close()


def get(url, data=None):
    with urllib.request.urlopen(url, data and urllib.parse.urlencode(data).encode(), timeout=5) as answer:
        return answer.read().decode()


def answers(url):
    try:
        return get(url) or True
    except OSError:
        return False


def load(dir, *args):
    """A run of a few seconds with some failures; its summary: ({name: row}, total)."""
    with Target(dir) as target:
        r = run(dir, [build("rows_for_reports.c"), "--headless", "--only-summary", "-u", "6", "-r", "1000000", "-t", "5",
                      "-H", target.url, "--export-every", "1", "--summary", "s", *args, "A", "B", "Names"])
    check("did not arrive" not in r.err, r)
    summary = json.load(open(dir + "/s"))
    return {row["name"]: row for row in summary["rows"]}, summary["total"]


def prometheus(dir):
    rows, total = load(dir, "--metrics-file", "metrics", "--rate", "20")
    promtool = debian("prometheus", "promtool")
    with open(dir + "/metrics") as text:
        done = subprocess.run([promtool, "check", "metrics"], stdin=text, capture_output=True, text=True)
    same((done.returncode, done.stdout + done.stderr), (0, ""))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = open(dir + "/metrics", "rb").read()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(dir + "/config", "w") as f:
        f.write("scrape_configs: [{job_name: kit, scrape_interval: 1s, static_configs: [{targets: ['127.0.0.1:%d']}]}]\n"
                % server.server_port)
    port = free_port()
    with Running(dir, debian("prometheus", "prometheus"), "--config.file", "config", "--storage.tsdb.path", dir + "/data",
                 "--web.listen-address", "127.0.0.1:%d" % port):
        def query(text):
            try:
                return json.loads(get("http://127.0.0.1:%d/api/v1/query" % port, {"query": text}))["data"]["result"]
            except OSError:
                return []

        until(lambda: query("locust_requests_total"), 30, "Prometheus has scraped")
        same({m["metric"]["name"]: int(m["value"][1]) for m in query("locust_requests_total")},
             {name: row["requests"] for name, row in rows.items()})
        same(int(query("sum(locust_failures_total)")[0]["value"][1]), total["failures"])
        quantile = float(query('histogram_quantile(0.5, locust_response_time_seconds_bucket{name="/delay/30"})')[0]["value"][1])
        check(0.02 <= quantile <= 0.05, quantile)  # within the bucket of 30 ms
        target = json.loads(get("http://127.0.0.1:%d/api/v1/targets" % port))["data"]["activeTargets"][0]
        same((target["health"], target["lastError"]), ("up", ""))
    server.shutdown()
    return "promtool finds no fault, Prometheus has all %d rows" % len(rows)


def opentelemetry(dir):
    where = KEPT + "/collector"
    if not os.path.exists(where):
        do("go", "build", "-o", where, ".", cwd=HERE + "/collector")
    port = free_port()
    with open(dir + "/config.yaml", "w") as f:
        f.write("""receivers: {otlp: {protocols: {http: {endpoint: 127.0.0.1:%d}}}}
exporters: {file: {path: %s/got}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {metrics: {receivers: [otlp], exporters: [file]}, traces: {receivers: [otlp], exporters: [file]}}
""" % (port, dir))
    with Running(dir, where, dir + "/config.yaml") as server:
        until(lambda: "Everything is ready" in open(dir + "/out.server").read(), 30, "the collector listens")
        rows, total = load(dir, "--otlp", "http://127.0.0.1:%d" % port, "--traceparent", "--trace-sample", "1")
    got = [json.loads(line) for line in open(dir + "/got")]
    last = [g for g in got if "resourceMetrics" in g][-1]["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    metrics = {m["name"]: m for m in last}
    attribute = lambda point, key: [a["value"]["stringValue"] for a in point["attributes"] if a["key"] == key][0]
    same({attribute(p, "name"): int(p["count"]) for p in metrics["locust.client.duration"]["histogram"]["dataPoints"]},
         {name: row["requests"] for name, row in rows.items()})
    check("locust.users.count" in metrics, metrics)
    spans = [s for g in got if "resourceSpans" in g for s in g["resourceSpans"][0]["scopeSpans"][0]["spans"]]
    same(len(spans), total["requests"])
    same(sum("code" in s["status"] for s in spans), total["failures"])
    return "the collector has %d metrics and %d spans" % (len(metrics), len(spans))


def influxdb(dir):
    port, meta = free_port(), free_port()
    with open(dir + "/config", "w") as f:
        f.write('reporting-disabled = true\nbind-address = "127.0.0.1:%d"\n[meta]\ndir = "%s/meta"\n[data]\ndir = "%s/data"\n'
                'wal-dir = "%s/wal"\n[http]\nbind-address = "127.0.0.1:%d"\n' % (meta, dir, dir, dir, port))
    url = "http://127.0.0.1:%d" % port
    with Running(dir, debian("influxdb", "influxd"), "-config", "config"):
        until(lambda: answers(url + "/query?q=SHOW+DATABASES"), 30, "InfluxDB answers")
        get(url + "/query", {"q": "CREATE DATABASE locust"})
        rows, total = load(dir, "--influx", url)
        answer = get(url + "/query?" + urllib.parse.urlencode(
            {"db": "locust", "q": 'SELECT last("requests"), last("failures") FROM "locust" GROUP BY "name"'}))
        series = json.loads(answer)["results"][0]["series"]
        got = {s["tags"]["name"]: s["values"][0][1:] for s in series}
        same(got.pop("Aggregated"), [total["requests"], total["failures"]])
        same(got, {name.replace("\n", " "): [row["requests"], row["failures"]] for name, row in rows.items()})
    return "InfluxDB has %d series" % len(series)


def statsd(dir):
    where = KEPT + "/statsd"
    if not os.path.exists(where + "/node_modules/statsd"):
        do("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", where, "statsd@0.9.0")
    port, admin = free_port(), free_port()
    with open(dir + "/config.js", "w") as f:  # counters are kept: the interval is longer than the run
        f.write("{ port: %d, mgmt_port: %d, address: '127.0.0.1', mgmt_address: '127.0.0.1', flushInterval: 600000 }"
                % (port, admin))

    def ask(command):
        with socket.create_connection(("127.0.0.1", admin), 5) as s:
            s.sendall(command.encode() + b"\n")
            data = b""
            while b"END" not in data:
                data += s.recv(65536)
        return data.decode()

    def listens():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", admin)) == 0

    with Running(dir, "node", where + "/node_modules/statsd/stats.js", "config.js"):
        until(listens, 20, "statsd listens")
        rows, total = load(dir, "--statsd", "127.0.0.1:%d" % port)
        count = lambda: dict(re.findall(r"'?([\w.-]+)'?: (\d+)", ask("counters")))
        until(lambda: count().get("locust.total.requests") == str(total["requests"]), 5, count())
        same(count()["locust.total.failures"], str(total["failures"]))
        same(count()["statsd.bad_lines_seen"], "0")
        same(count()["locust.GET._delay_30.requests"], str(rows["/delay/30"]["requests"]))
    return "statsd counted %d requests" % total["requests"]


def hdrhistogram(dir):
    where = KEPT + "/python"
    if not os.path.exists(where + "/bin/pip"):
        do(sys.executable, "-m", "venv", where)
    do(where + "/bin/pip", "-q", "install", "hdrhistogram==0.10.8")
    rows, total = load(dir, "--hgrm", "h")
    said = do(where + "/bin/python", "-c", """
import json, sys
from hdrh.log import HistogramLogReader
from hdrh.histogram import HdrHistogram
reader, all = HistogramLogReader(sys.argv[1], HdrHistogram(1, 7200000000000, 3)), []
while True:
    h = reader.get_next_interval_histogram()
    if h is None:
        break
    all.append([h.tag, h.get_total_count(), h.get_max_value() / 1e6, h.get_mean_value() / 1e6])
print(json.dumps(all))
""", dir + "/h.hlog")
    got = json.loads(said)
    same([line[1] for line in got], [total["requests"]] + [row["requests"] for row in rows.values()])
    for line, row in zip(got, [total, *rows.values()]):
        check(abs(line[2] - row["max_ms"]) <= 0.005 * row["max_ms"] + 0.001, line, row["max_ms"])
        check(abs(line[3] - row["avg_ms"]) <= 0.005 * row["avg_ms"] + 0.001, line, row["avg_ms"])
    return "HdrHistogram reads %d histograms" % len(got)


COLLECTORS = {"prometheus": prometheus, "opentelemetry": opentelemetry, "influxdb": influxdb, "statsd": statsd,
              "hdrhistogram": hdrhistogram}


def main():
    os.makedirs(KEPT, exist_ok=True)
    bad = []
    for name in pick(WORDS, sorted(COLLECTORS)):
        dir = tempfile.mkdtemp(prefix="locust-collectors-")
        try:
            print("ok %s: %s" % (name, COLLECTORS[name](dir)), flush=True)
        except (AssertionError, OSError, KeyError, subprocess.SubprocessError) as why:
            bad.append(name)
            print("not ok %s: %s" % (name, str(why)[-1500:]), flush=True)
        finally:
            shutil.rmtree(dir, ignore_errors=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
