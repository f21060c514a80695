#!/usr/bin/env -S python3 -B
# serial
# straight
"""Real nginx: what our CSV counts is what nginx's access log holds, line by line.

    tests/whole/test_nginx.py [WORD...]    only the tests whose name contains a word
"""
import os, sys
from kit.lib import *
from kit import nginx

CONFIG = """
events { worker_connections 4096; }
http {
    log_format lines '$status $body_bytes_sent $request_method $uri $connection $connection_requests';
    access_log @D/access.log lines buffer=256k;
    types { text/plain txt; } default_type text/plain;
    keepalive_requests @REQUESTS; keepalive_timeout @TIMEOUT;
    server {
        listen 127.0.0.1:@PORT backlog=4096;
        root @D/www;
        location = /login { return 200 "welcome, user\\n"; }
        location = /r301 { return 301 /page.txt; }
        location = /204 { return 204; }
        location = /post { return 200 "thanks\\n"; }
        location = /idle { return 200 "idle\\n"; }
    }
}
"""


class Nginx(nginx.Nginx):
    """nginx with two files, one of every byte."""

    def __init__(self, dir, requests=100000, timeout="75s"):
        os.makedirs(dir + "/www", exist_ok=True)
        with open(dir + "/www/favicon.ico", "wb") as f:
            f.write(bytes(range(256)) * 5 + b"odd")  # 1283 bytes
        with open(dir + "/www/page.txt", "w") as f:
            f.write("a page\n" * 100)
        super().__init__(dir, CONFIG, PORT=None, REQUESTS=requests, TIMEOUT=timeout)

    def access_log(self):
        """(status, bytes, method, uri, connection, number of the request on it) of each line"""
        lines = []
        with open(self.dir + "/access.log") as f:
            for line in f:
                status, size, method, uri, connection, number = line.split()
                lines.append((int(status), int(size), method, uri, int(connection), int(number)))
        return lines


def content(row):
    return round(float(row["Average Content Size"]) * count(row))


def by_request(lines):
    """{(method, uri): [lines, of these with status 400 and above, bytes]}"""
    sums = {}
    for status, size, method, uri, *_ in lines:
        at = sums.setdefault((method, uri), [0, 0, 0])
        at[0] += 1
        at[1] += status >= 400
        at[2] += size
    return sums


def sum_is_total(rows, total):
    for field in ("Request Count", "Failure Count"):
        same(int(total[field]), sum(int(r[field]) for r in rows.values()), field)
    same(content(total), sum(content(r) for r in rows.values()), "bytes")


@test("demo.c: 1,000 users for 10 s, as the access log has it")
def _(dir):
    with Nginx(dir) as nginx:
        for name in ("demo.c", "locust.h"):  # the command of the README, and nothing beside
            shutil.copy(("examples/" if name == "demo.c" else "") + name, dir)
        done = subprocess.run((CC + " -O2 -I. demo.c -o demo").split(), cwd=dir,
                              capture_output=True, text=True)
        same((done.returncode, done.stdout, done.stderr), (0, "", ""))
        r = run(dir, ["./demo", "--headless", "-u", "1000", "-r", "500", "-t", "10s",
                      "--stop-timeout", "10", "--csv", "c", "-H", nginx.url])
        nginx.finish()
        log = nginx.access_log()
        rows, total = stats_csv(dir + "/c")
        same(r.rc, 0, r)
        check(10 <= r.seconds < 13, "-t 10s took %.2f s" % r.seconds)

        seen = by_request(log)
        same(set(seen), {("GET", "/login"), ("GET", "/favicon.ico")})
        same(set(rows), {("GET", "login"), ("GET", "index")})
        for uri, name in (("/login", "login"), ("/favicon.ico", "index")):
            row, (lines, bad, size) = rows["GET", name], seen["GET", uri]
            same((count(row), failed(row), content(row)), (lines, 0, size), name)
            same(bad, 0)
        same({line[0] for line in log}, {200})
        sum_is_total(rows, total)
        same((count(total), failed(total)), (len(log), 0))
        same(read_csv(dir + "/c", "failures"), [])
        check(count(total) > 20000, "1,000 users made but %d requests" % count(total))
        same(len({line[4] for line in log}), 1000, "one kept connection for each user")

        # The last table says the same.
        table = tables(r.err)[-1]
        check("Aggregated" in table[-1] and table[-1].split()[1:3] ==
              [str(count(total)), "0(0.00%)"], table[-1])
        r.says('All users spawned: {"Visitor": 1000} (1000 total users)')
        check(not [line for line in r.log() if line[0] != "INFO"], r)


@test("200, 301, 404, 204, HEAD, POST, with a new connection every 100 requests")
def _(dir):
    with Nginx(dir, requests=100, timeout="1s") as nginx:
        r = run(dir, [build("every_request.c"), "--headless", "-u", "50", "-r", "1000000", "-t", "4s",
                      "--stop-timeout", "10", "--csv", "c", "-H", nginx.url])
        nginx.finish()
        log = nginx.access_log()
        rows, total = stats_csv(dir + "/c")
        seen = by_request(log)
        same(set(rows), set(seen))
        same({line[0] for line in log}, {200, 204, 301, 404})
        for key, row in rows.items():
            lines, bad, size = seen[key]
            same((count(row), failed(row), content(row)), (lines, bad, size), key)
            same(failed(row), lines if key == ("GET", "/missing") else 0, key)
        sum_is_total(rows, total)
        same(count(total), len(log))
        same(r.rc, 1, r)  # the 404s

        failures = read_csv(dir + "/c", "failures")
        same([(f["Method"], f["Name"], int(f["Occurrences"])) for f in failures],
             [("GET", "/missing", seen["GET", "/missing"][0])])
        check("404" in failures[0]["Error"], failures)

        # It was worth its name: connections ended by their count and by their idle time.
        check(max(line[5] for line in log) == 100, "no connection carried 100 requests")
        idle = [line for line in log if line[3] == "/idle"]
        check(len(idle) >= 20 and all(line[5] == 1 for line in idle),
              "a connection outlived keepalive_timeout")


@test("nginx stops in the middle, and comes back")
def _(dir):
    with Nginx(dir) as nginx:
        with Program(dir, [build("every_request.c"), "--headless", "-u", "20", "-r", "1000000", "-t", "6s",
                           "--csv", "c", "-H", nginx.url, "Paced"]) as p:
            until(lambda: os.path.exists(dir + "/access.log") and
                  "All users spawned" in p.read("err"), 10, "spawned")
            time.sleep(1)  # load before
            nginx.p.terminate()
            nginx.p.wait(10)
            before = len(nginx.access_log())
            time.sleep(1.5)  # load against nothing
            check(p.p.poll() is None, "the run ended when nginx did", p.read("err"))
            check(nginx.start(), "nginx does not start again: " + nginx.errors())
            r = p.wait()
        nginx.finish()
        after = len(nginx.access_log()) - before
        check(6 <= r.seconds < 8, "-t 6s took %.2f s" % r.seconds)
        same(r.rc, 1, r)
        r.says("Shutting down (exit code 1)")
        check(before > 100 and after > 100, "%d requests before, %d after" % (before, after))

        rows, total = stats_csv(dir + "/c")
        failures = read_csv(dir + "/c", "failures")
        same(sum(int(f["Occurrences"]) for f in failures), failed(total))
        sentences = {f["Error"] for f in failures}
        check("connection refused" in sentences, sentences)
        check(sentences <= {"connection refused", "connection reset by peer",
                            "connection closed without a response",
                            "connection closed by peer while sending"}, sentences)
        for f in failures:  # and in the error report
            check(re.search(r"^%s +GET /page.txt: %s *$" % (f["Occurrences"], re.escape(f["Error"])),
                            r.err, re.M), f, r)
        # Without a stop timeout the last requests are cut: at most one for each user.
        ok = count(total) - failed(total)
        check(0 <= before + after - ok <= 40, "log %d, CSV %d" % (before + after, ok))


main()
