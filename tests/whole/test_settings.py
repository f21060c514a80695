#!/usr/bin/env -S python3 -B
"""The settings for small hosts, and those that are refused.

    tests/whole/test_settings.py [WORD...]    only the tests whose name contains a word

The tests of the parser, the client and the network run with a small buffer too: see tests/run, poll.
"""
import glob, http.server, os, sys, threading
from kit.lib import *

SMALL = ("-DLOCUST_STACK_SIZE=16384", "-DLOCUST_BUFFER_SIZE=4096", "-DLOCUST_HIST_BITS=5",
         "-DLOCUST_MAX_ROWS=100", "-DLOCUST_NO_REPORTS", "-DLOCUST_NO_COOKIES", "-DLOCUST_NO_DIGEST")


@test("all of them together: a run, in compact lines")
def _(dir):
    with Target(dir) as target:
        r = run(dir, [build("rows_for_reports.c", *SMALL), "--headless", "-u", "20", "-r", "1000000", "-t", "3",
                      "--stop-timeout", "3", "-H", target.url, "A"])
        served = target.stop()[0]
    same(r.rc, 0, r)
    total = re.findall(r"^total .*\breqs=(\d+) ", r.out, re.M)
    same(total, [str(served)], r)
    same(sum(int(n) for n in re.findall(r"^row reqs=(\d+) ", r.out, re.M)), served, r)
    check("Aggregated" not in r.err + r.out, "a table", r)


@test("a program without reports refuses --csv and writes nothing")
def _(dir):
    r = run(dir, [build("ends_at_once.c", *SMALL), "--headless", "--csv", "c", "-H", "http://127.0.0.1:1"])
    same(r.rc, 2, r)
    same(r.out, "", r)
    same(r.err.splitlines(), ["locust: --csv: this test was compiled with LOCUST_NO_REPORTS"])
    same(glob.glob(dir + "/c*"), [])


@test("answers and heads around the size of a small buffer")
def _(dir):
    def size(n):
        with Target(dir) as target:
            r = run(dir, [build("ends_at_once.c", *SMALL), "--headless", "-H", target.url],
                    env={"QUICK_PATH": "/size/%d" % n})
            served = target.stop()
        same(r.rc, 0, n, r)
        same(served[0], 1, n)

    each([(n,) for n in (0, 1, 3900, 4095, 4096, 4097, 8192, 100000, 5000000)], lambda n: size(n))


@contextlib.contextmanager
def asking():
    """A server whose every answer sets a cookie and asks for Digest; yields its URL and what requests said."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.headers.get("Cookie"), (self.headers.get("Authorization") or "").split(" ")[0]))
            moved = self.path == "/moved"
            self.send_response(302 if moved else 401)
            self.send_header("Set-Cookie", "a=b")
            self.send_header("Location", "/there") if moved else self.send_header(
                "WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    seen = []
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "http://me:secret@127.0.0.1:%d" % server.server_port, seen
        server.shutdown()


@test("LOCUST_NO_COOKIES keeps and sends none, LOCUST_NO_DIGEST sends Basic alone")
def _(dir):
    for flags, want in (((), [(None, "Basic"), ("a=b", "Basic"), ("a=b", "Digest")]),
                        (("-DLOCUST_NO_COOKIES",), [(None, "Basic"), (None, "Basic"), (None, "Digest")]),
                        (("-DLOCUST_NO_DIGEST",), [(None, "Basic"), ("a=b", "Basic")]),
                        (("-DLOCUST_NO_COOKIES", "-DLOCUST_NO_DIGEST"), [(None, "Basic")] * 2)):
        with asking() as (url, seen):
            r = run(dir, [build("ends_at_once.c", *flags), "--headless", "-H", url],
                    env={"QUICK_PATH": "/moved"})
        same(r.rc, 1, r)
        r.says("401")
        same(seen, want, flags)


for bits in (4, 5, 7, 10):
    @test("LOCUST_HIST_BITS %d keeps times to 1 in %d" % (bits, 2 ** (bits + 1)))
    def _(dir, bits=bits):
        r = run(dir, [build("hist_precision.c", "-DLOCUST_HIST_BITS=%d" % bits)])
        same(r.rc, 0, r)
        worst = float(r.out)
        check(worst <= 2.0 ** -(bits + 1), "an error of %g" % worst)
        check(worst > 2.0 ** -(bits + 2), "an error of %g: finer than it says" % worst)


@test("wrong settings do not compile, and say why")
def _(dir):
    for flag, words in (("-DLOCUST_BUFFER_SIZE=4095", "4096"), ("-DLOCUST_HIST_BITS=3", "4 to 10"),
                        ("-DLOCUST_HIST_BITS=11", "4 to 10"), ("-DLOCUST_KQUEUE -DLOCUST_POLL", "not both")):
        done = subprocess.run([CC, *flag.split(), "-x", "c", "-fsyntax-only", "locust.h"], capture_output=True,
                              text=True)
        check(done.returncode != 0 and words in done.stderr, flag, done.stderr[:400])


if __name__ == "__main__":
    main()
