#!/usr/bin/env -S python3 -B
"""Bodies of any size in flat memory: a 5 GB answer (more than 32 bits can count) and a 100 MB multipart upload, plain and over TLS.
And what an idle user takes.

    tests/whole/test_flat.py [WORD...]    only the tests whose name contains a word

nginx sends a sparse file, so that the disk holds nothing of it, and says how many bytes it received
by its access log. Over TLS 1 GB, for the time that encryption takes.
"""
import os, sys
from kit.lib import *
from kit.nginx import Nginx

GB, MB = 1 << 30, 1 << 20
CONFIG = """
events {}
http { log_format l '$uri $request_length'; access_log @D/access l; sendfile on; client_max_body_size 0;
  server { listen 127.0.0.1:@PORT; @LISTEN
    location = /small { return 200 ok; }
    location = /upload { client_body_in_file_only clean; client_body_buffer_size 1m;
      proxy_pass http://127.0.0.1:@PORT/taken; }
    location = /taken { return 200 taken; }
    location / { root @D/www; } } }
"""
TLS_LINES = "listen 127.0.0.1:@TLS ssl; ssl_certificate @D/c.pem; ssl_certificate_key @D/k.pem;"


@contextlib.contextmanager
def nginx(dir, tls):
    if tls:
        done = subprocess.run("openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 "
                              "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1", shell=True, cwd=dir,
                              capture_output=True, text=True)
        if done.returncode:
            raise Skip("openssl is missing")
    ports = dict.fromkeys(("PORT", "TLS") if tls else ("PORT",))
    with Nginx(dir, CONFIG.replace("@LISTEN", TLS_LINES if tls else ""), **ports) as at:
        yield "https://127.0.0.1:%d" % at.port["TLS"] if tls else at.url


def sparse(path, size):
    with open(path, "wb") as f:
        f.truncate(size)


def stream(dir, size, tls):
    with nginx(dir, tls) as url:
        sparse(dir + "/www/big", size)
        sparse(dir + "/file", 100 * MB)
        flags, libs = (("-O2", "-DLOCUST_TLS"), TLS) if tls else (("-O1",), ())
        r = run(dir, [build("large_bodies.c", *flags, libs=libs), "--headless", "-H", url, "--insecure",
                      "-L", "ERROR", "--only-summary"],
                seconds=200, env={"BIG": "/big", "FILE": dir + "/file"})
        same(r.rc, 0, r)
        lines = {line.split("|")[0]: line.split("|")[1:] for line in r.out.splitlines()}
        same([line[:2] for line in lines.values()], [["", "200"]] * 3, r)
        same(int(lines["stream"][2]), size)
        small, big, upload = (float(lines[name][3]) for name in ("small", "stream", "upload"))
        check(big < small + 1 and upload < small + 1, "memory grew, in MB: %r" % ((small, big, upload),))
        log = dict(line.split() for line in open(dir + "/access"))
        check(100 * MB < int(log["/upload"]) < 100 * MB + 2000, "nginx received %s bytes" % log["/upload"])


@test("5 GB in, 100 MB out", full=True)
def _(dir):
    stream(dir, 5 * GB, False)


@test("1 GB in, 100 MB out, over TLS")
def _(dir):
    stream(dir, GB, True)


def resident(dir, url, users):
    """Bytes of a process whose users have a connection each and wait."""
    def sockets():
        fds = os.listdir("/proc/%d/fd" % p.p.pid)
        return sum(os.path.realpath("/proc/%d/fd/%s" % (p.p.pid, fd)).find("socket:") >= 0 for fd in fds)

    def rss():
        with open("/proc/%d/status" % p.p.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) * 1024

    argv = [build("keeps_connections.c", "-O1"), "--headless", "--only-summary", "-H", url, "-u", str(users), "-r", "2000"]
    with Program(dir, argv, env={"HOLDER_WAIT": "60"}) as p:
        until(lambda: sockets() >= users, 30, "connections of %d users" % users)
        sizes = []
        until(lambda: sizes.append(rss()) or len(sizes) > 4 and sizes[-1] == sizes[-4], 30, "a size that stays")
        return sizes[-1]


@test("a user that has connected once and waits keeps one page of stack")
def _(dir):
    with Target(dir) as target:
        few, many = (resident(dir, target.url, users) for users in (100, 1100))
    # The page, the user's block, its coroutine's and the connection's.
    check((many - few) / 1000 < 6000, "%d bytes for each of 1,000 users" % ((many - few) / 1000))


if __name__ == "__main__":
    main()
