#!/usr/bin/env -S python3 -B
# serial
"""Limits of the system, and servers that misbehave: counted, said once, and the run goes on.

    tests/whole/test_limits.py [WORD...]    only the tests whose name contains a word
"""
import os, resource, struct, sys
from kit.lib import *


def plain_lines(err, word):
    """Lines on standard error that name a word, outside tables and the error report."""
    before = err.split("Error report\n")[0]
    return [line for line in before.splitlines() if word in line.lower()]


def files(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def holder(dir, url, *args, **options):
    return run(dir, [build("keeps_connections.c"), "--headless", "--csv", "c", "-H", url] + list(args),
               **options)


def goes_on(dir, users):
    """From second to second more requests succeed, by about as many as there are working users."""
    rows = read_csv(dir + "/c", "stats_history")
    good = [int(row["Total Request Count"]) - int(row["Total Failure Count"]) for row in rows]
    steps = [b - a for a, b in zip(good[2:-2], good[3:-1])]
    check(steps and all(step > users * 0.5 for step in steps), "good requests by second", good)


@test("4,000 users under a hard limit of 1024 files")
def _(dir):
    with Target(dir) as target:
        r = holder(dir, target.url, "-u", "4000", "-r", "2000", "-t", "7", before_exec=files(1024, 1024))
        requests, connections, _ = target.stop()
    same(r.rc, 1, r)
    check(7 <= r.seconds < 10, r.seconds)
    r.says('All users spawned: {"Holder": 4000} (4000 total users)')
    lines = plain_lines(r.err, "1024")
    same(len(lines), 1, "lines that name the limit", r)
    needed = [int(n) for n in re.findall(r"\d+", lines[0].split("] ")[-1]) if int(n) != 1024]
    check(any(4000 <= n <= 4200 for n in needed), "it does not say how many are needed", lines)
    check("ulimit -n" in lines[0], lines)

    rows, total = stats_csv(dir + "/c")
    good = count(total) - failed(total)
    same({f["Error"] for f in read_csv(dir + "/c", "failures")},
         {"too many open files: raise ulimit -n"})
    check(900 <= connections <= 1024, "%d connections of at most 1024" % connections)
    check(abs(requests - good) <= 4000, "the server answered %d, the CSV says %d" % (requests, good))
    goes_on(dir, 900)
    history = read_csv(dir + "/c", "stats_history")
    check(any(row["User Count"] == "4000" for row in history), [row["User Count"] for row in history])


@test("a soft limit of 256 is raised by the kit")
def _(dir):
    with Target(dir) as target:
        r = holder(dir, target.url, "-u", "1000", "-r", "1000000", "-t", "2", before_exec=files(256, 4096))
        connections = target.stop()[1]
    same(r.rc, 0, r)
    same(failed(stats_csv(dir + "/c")[1]), 0)
    same(connections, 1000)
    same(plain_lines(r.err, "ulimit") + plain_lines(r.err, "open files"), [], r)


PORTS = """
set -e
ip link set lo up
echo "41000 41099" >/proc/sys/net/ipv4/ip_local_port_range
"$TARGET" --port 8080 >target.out &
target=$!
trap 'kill $target 2>/dev/null || true' EXIT
n=0
until grep -q listening target.out; do
    n=$((n + 1)); [ $n -lt 200 ]; sleep 0.05
done
code=0
"$HOLDER" --headless --csv c -H http://127.0.0.1:8080 -u 300 -r 300 -t 5 || code=$?
kill $target
wait $target || true
exit $code
"""


@test("the local ports run out")
def _(dir):
    way = None
    for flags in (["-n"], ["-rn"]):
        probe = ["unshare"] + flags + ["sh", "-c", "ip link set lo up && echo '41000 41099' "
                                       ">/proc/sys/net/ipv4/ip_local_port_range"]
        with contextlib.suppress(OSError):
            done = subprocess.run(probe, capture_output=True, text=True)
            if done.returncode == 0:
                way = ["unshare"] + flags
                break
    if not way:
        raise Skip("no network namespace of our own may be made here")
    r = run(dir, way + ["sh", "-c", PORTS],
            env={"TARGET": build("target.c", "-O1"), "HOLDER": build("keeps_connections.c")})
    same(r.rc, 1, r)
    check(5 <= r.seconds < 9, r.seconds)
    failures = read_csv(dir + "/c", "failures")
    same({f["Error"] for f in failures}, {"no local port left for this destination"})
    rows, total = stats_csv(dir + "/c")
    check(count(total) - failed(total) >= 300, total)
    goes_on(dir, 90)
    lines = [line for line in plain_lines(r.err, "port") if "no local port" not in line or "100" in line]
    lines = [line for line in lines if "41099" in line or "100" in line or "ip_local_port_range" in line]
    same(len(lines), 1, "lines about the ports", r)
    check(re.search(r"\b100\b|\b41000\b", lines[0]), "it does not say what the limit is", lines)
    check(re.search(r"\b300\b|ip_local_port_range", lines[0]), "it does not say what to change", lines)
    text = open(dir + "/target.out").read()
    connections = int(re.search(r"on (\d+) connections", text)[1])
    check(90 <= connections <= 100, text)


# ---- servers that misbehave ----

def silent(c):
    read_head(c)
    time.sleep(30)


def deaf(c):
    """Never reads, never answers."""
    time.sleep(30)


def reset_in_body(c):
    read_head(c)
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    time.sleep(0.05)  # the half has arrived before the reset, which would overtake it
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()


def sends(data, reading=True):
    def serve(c):
        if reading:
            read_head(c)
        c.sendall(data)
        c.shutdown(socket.SHUT_WR)
        while c.recv(4096):
            pass
    return serve


def endless(first, block):
    def serve(c):
        read_head(c)
        c.sendall(first)
        for _ in range((1 << 30) // len(block)):
            c.sendall(block)
    return serve


FAULTS = {  # name: what it does, the sentence
    "silent": (silent, "timed out"),
    "deaf": (deaf, "timed out"),
    "half_head": (lambda c: (read_head(c), c.sendall(b"HTTP/1.1 200 OK\r\nContent-"), time.sleep(30)),
                  "timed out"),
    "half_body": (lambda c: (read_head(c), c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
                             time.sleep(30)), "timed out"),
    "reset": (reset_in_body, "connection reset inside the response body"),
    "garbage": (sends(b"\x00\xff\x80 this is no HTTP\r\n\r\n" * 10), "not an HTTP/1.x response"),
    "ssh": (sends(b"SSH-2.0-OpenSSH_9.2\r\n"), "not an HTTP/1.x response"),
    "endless_fields": (endless(b"HTTP/1.1 200 OK\r\n", b"X-Name: " + b"a" * 1000 + b"\r\n"),
                       "response header too large"),
    "endless_line": (endless(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 4096), "response header too large"),
    "endless_status": (endless(b"HTTP/1.1 200 ", b"a" * 4096), "response header too large"),
    "endless_interim": (endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 50), None),
    "closes": (lambda c: read_head(c), "connection closed without a response"),
    "cut_head": (sends(b"HTTP/1.1 200 OK\r\nContent-Le"), "connection closed inside the response header"),
    "cut_body": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
                 "connection closed inside the response body"),
    "cut_chunk": (sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"),
                  "connection closed inside the response body"),
    "bad_chunk": (sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n"),
                  "malformed chunk"),
    "bad_length": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello"), "invalid Content-Length"),
    "both": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"5\r\nhello\r\n0\r\n\r\n"), "both Content-Length and Transfer-Encoding"),
    "huge": (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), "response body too large"),
    "refuses": (None, "connection refused"),
}


@test("servers that misbehave")
def _(dir):
    with contextlib.ExitStack() as stack:
        target = stack.enter_context(Target(dir))
        urls = {}
        for name, (serve, _) in FAULTS.items():
            urls[name] = stack.enter_context(Script(serve, listen=serve is not None)).url + "/"
        urls["good"] = target.url + "/"
        urls["good_status"] = target.url + "/status/204"
        p = stack.enter_context(Program(
            dir, [build("one_url_each.c", "-O0"), "--headless", "--csv", "c", "-t", "4", "-u",
                  str(len(urls)), "-r", "1000"],
            env={"FAULTS": " ".join("%s=%s" % item for item in urls.items())}))
        peak = 0
        while p.p.poll() is None:
            with contextlib.suppress(OSError, TypeError):
                with open("/proc/%d/status" % p.p.pid) as f:
                    peak = max(peak, int(re.search(r"VmHWM:\s+(\d+) kB", f.read())[1]))
            time.sleep(0.02)
        r = p.wait()
    same(r.rc, 1, r)
    check(4 <= r.seconds < 6.5, r.seconds)
    rows, total = stats_csv(dir + "/c")
    errors = {}
    for f in read_csv(dir + "/c", "failures"):
        errors.setdefault(f["Name"], {})[f["Error"]] = int(f["Occurrences"])

    def judge(name):
        row = rows[("GET", name)]
        same(failed(row), count(row), name)
        check(count(row) >= 2, "it tried only %d times" % count(row))
        same(sum(errors[name].values()), failed(row))
        want = FAULTS[name][1]
        if want:
            same(set(errors[name]), {want})
        same(len(errors[name]), 1)
    each(list(FAULTS), judge)
    for name in ("good", "good_status"):
        row = rows["GET", name]
        same(failed(row), 0, name)
        check(count(row) >= 12, "%d requests of %s" % (count(row), name))
        check(name not in errors, errors)
    same(failed(total), sum(failed(row) for row in rows.values()))
    check(0 < peak < 16 * 1024, "peak of resident memory: %d kB" % peak)


@test("endless headers from many connections at once stay within bounds")
def _(dir):
    with Script(endless(b"HTTP/1.1 200 OK\r\n", b"X-Name: " + b"a" * 1000 + b"\r\n")) as server:
        with Program(dir, [build("keeps_connections.c"), "--headless", "--csv", "c", "-t", "3", "-u", "40",
                           "-r", "1000000", "-H", server.url], env={"HOLDER_WAIT": "0.1"}) as p:
            peak = 0
            while p.p.poll() is None:
                with contextlib.suppress(OSError, TypeError):
                    with open("/proc/%d/status" % p.p.pid) as f:
                        peak = max(peak, int(re.search(r"VmHWM:\s+(\d+) kB", f.read())[1]))
                time.sleep(0.02)
            r = p.wait()
    same(r.rc, 1, r)
    same({f["Error"] for f in read_csv(dir + "/c", "failures")}, {"response header too large"})
    # 64 KB of header for each user, a doubling buffer, and the program itself
    check(0 < peak < 16 * 1024, "peak of resident memory: %d kB" % peak)


main()
