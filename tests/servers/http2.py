#!/usr/bin/env -S python3 -B
"""Real servers of HTTP/2 under load, by prior knowledge: pages of 16 streams, bodies of 3 MB, uploads where they can.

    tests/servers/http2.py [NAME...]       all, or those; `make servers` does so

apache, caddy, haproxy (before caddy), node, h2o, nghttpd; nginx is in tests/whole/test_http2.py. Each one's own count of
requests must be the kit's, where it has one. What is not installed is fetched and unpacked into build/servers/http2.
"""
import glob, os, shutil, signal, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "whole"))
WORDS, sys.argv[1:] = sys.argv[1:], []
from kit.lib import ROOT, build, check, count, failed, free_port, run, same, stats_csv, until
from kit.pick import pick
import socket

KEPT = os.path.join(ROOT, "build", "servers", "http2")
USERS, PAGES = 10, 200
os.environ["PATH"] += ":/usr/sbin:/sbin"

APACHE = """ServerRoot @D
PidFile @D/pid
ErrorLog @D/err
Listen 127.0.0.1:@P
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
Protocols h2c http/1.1
DocumentRoot @D/www
DirectoryIndex index.html
LogFormat "%m %U %>s" l
CustomLog @D/log l
<Directory />
Require all granted
</Directory>
"""
CADDY = """{
 admin off
 auto_https off
 servers {
  protocols h1 h2 h2c
 }
}
http://127.0.0.1:@P {
 log {
  output file @D/log
 }
 root * @D/www
 file_server
}
"""
HAPROXY = """defaults
 mode http
 timeout client 60s
 timeout server 60s
 timeout connect 5s
frontend f
 bind 127.0.0.1:@P proto h2
 default_backend b
backend b
 server s 127.0.0.1:@B
"""
NODE = """const fs = require('fs');
require('http2').createServer((q, s) => {
  fs.appendFileSync('@D/log', q.url + '\\n');
  if (q.method === 'POST') { let n = 0; q.on('data', d => n += d.length); q.on('end', () => s.end(String(n))); }
  else s.end(q.url === '/big' ? Buffer.alloc(3000000, 120) : 'hello');
}).listen(@P, '127.0.0.1');
"""
H2O = """user: root
listen:
  host: 127.0.0.1
  port: @P
access-log:
  path: @D/log
  format: "%m %U %s"
hosts:
  default:
    paths:
      /:
        file.dir: @D/www
"""


def deb(package, program):
    """A program of a package that is unpacked, not installed."""
    if not glob.glob(KEPT + "/" + package + "/usr/*bin/" + program):
        os.makedirs(KEPT + "/" + package, exist_ok=True)
        for argv in ["apt-get", "download", package], ["sh", "-c", "dpkg-deb -x %s_*.deb ." % package]:
            done = subprocess.run(argv, cwd=KEPT + "/" + package, capture_output=True, text=True)
            check(done.returncode == 0, done.stderr)
    return glob.glob(KEPT + "/" + package + "/usr/*bin/" + program)[0]


SERVERS = {  # command, files, whether it counts in @D/log, whether it takes uploads
    "apache": (["apache2", "-X", "-f", "@D/conf"], {"conf": APACHE}, True, False),
    "caddy": (["caddy", "run", "--config", "@D/conf", "--adapter", "caddyfile"], {"conf": CADDY}, True, False),
    "haproxy": (["sh", "-c", "caddy run --config @D/conf --adapter caddyfile & exec haproxy -db -f @D/cfg"],
                {"conf": CADDY.replace("@P", "@B"), "cfg": HAPROXY}, False, False),
    # An answer that is cut short counts against the memory of Node's session for ever: at 10 MB of them it answers
    # everything by ENHANCE_YOUR_CALM. So none is cut there.
    "node": (["node", "@D/server.js"], {"server.js": NODE}, True, True),
    "h2o": (lambda: [deb("h2o", "h2o"), "-c", "@D/conf"], {"conf": H2O}, True, False),
    "nghttpd": (lambda: [deb("nghttp2-server", "nghttpd"), "--no-tls", "-a", "127.0.0.1", "-d", "@D/www", "@P"], {},
                False, False),
}


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def one(name):
    command, files, counts, uploads = SERVERS[name]
    dir = tempfile.mkdtemp(prefix="locust-http2-")
    os.makedirs(dir + "/www")
    names = {"@D": dir, "@P": str(free_port()), "@B": str(free_port())}

    def filled(text):
        for key, value in names.items():
            text = text.replace(key, value)
        return text

    for file, text in {"index.html": "hello", "a.css": "a", "big": 3000000 * "x"}.items():
        with open(dir + "/www/" + file, "w") as f:
            f.write(text)
    for file, text in files.items():
        with open(dir + "/" + file, "w") as f:
            f.write(filled(text))
    argv = [filled(word) for word in (command() if callable(command) else command)]
    with open(dir + "/out", "w") as out:
        p = subprocess.Popen(argv, stdout=out, stderr=out, cwd=dir, start_new_session=True,
                             env={**os.environ, "HOME": dir})
    try:
        until(lambda: p.poll() is not None or all(listens(int(names[k])) for k in ("@P", "@B") if k in str(files) or k == "@P"),
              20, name + " listens")
        check(p.poll() is None, name + " ends", open(dir + "/out").read()[-1000:])
        r = run(dir, [build("http2_users.c"), "--headless", "--only-summary", "-H", "http://127.0.0.1:" + names["@P"], "-u",
                      str(USERS), "-r", "1000", "-i", str(PAGES), "--csv", "c"], env={"WHOLE" if uploads else "STATIC": "1"},
                seconds=120)
        rows, total = stats_csv(dir + "/c")
        each = {n: (count(row) // PAGES, failed(row)) for (_, n), row in rows.items()}
        want = {"/": (1, 0), "/asset": (16, 0), "/big": (1, 0), "/big cut": (1, 0), "/big head": (1, 0)}
        if uploads:
            del want["/big cut"]
            want.update({"/length": (1, 0), "/length of a function": (1, 0)})
        same(each, want, r)
        if counts:
            def lines():
                with open(dir + "/log") as f:
                    return sum(1 for _ in f)
            until(lambda: lines() >= count(total), 10, name + " has written its log")
            same(lines(), count(total))
    finally:
        os.killpg(p.pid, signal.SIGKILL)
        p.wait()
        shutil.rmtree(dir, ignore_errors=True)


def main():
    os.makedirs(KEPT, exist_ok=True)
    bad = []
    for name in pick(WORDS, sorted(SERVERS)):
        try:
            one(name)
            print("ok %s: HTTP/2, %d pages%s" % (name, PAGES, "; its count is ours" if SERVERS[name][2] else ""), flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError) as why:
            bad.append(name)
            print("not ok %s: %s" % (name, str(why)[-1500:]), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
