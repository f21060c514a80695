#!/usr/bin/env -S python3 -B
"""Real servers under load: the kit's count of requests against each server's own, and what the kit says of the server.

    tests/servers/servers.py [NAME...]       all, or those; `make servers S="waitress tomcat dns"` does so

Each server runs as its manual starts it, with its defaults, in a network of its own, where the kernel's counters tell
connections. Its own count is its access log, or a counter in the handlers beside this file. It is loaded three times by
users who wait for nothing but the answer, or 13 s once: LOADS. A row passes if both counts agree, but for what the kit
says it sent again or left unanswered, and if the kit says what the server is known to do. Outside CI: it takes some
minutes, and packages of six registries, into build/servers.
"""
import concurrent.futures, fcntl, glob, json, os, re, shutil, signal, socket, struct, subprocess, sys, time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "whole"))
from kit.lib import ROOT, build, check, until
from kit.pick import pick

KEPT = os.path.join(ROOT, "build", "servers")
WORK = os.path.join(KEPT, "run")
os.environ["PATH"] += ":/usr/sbin:/sbin"

#        name     users, seconds, wait
LOADS = [("load", 16, 4, 0), ("crowd", 128, 2, 0), ("idle", 8, 15, 13)]


# ---- the table ----

SERVERS = {}
PROTOCOLS = ["collectors", "dns", "grpc", "http2", "milvus", "mongo", "mqtt", "postgres", "qdrant", "web", "websocket"]  # not servers of HTTP/1.1: each has a program beside this file


class Server:
    """`start`: its command, where @D is its own folder, @P its port. `log`: the file there with a line for each
    request, and what a counted line has in it; None: it answers /count. `logs_ends`: connections stand there, too.
    `says`: what the kit must say of it, the key of a remark and a pattern. `longer`: how many times as long it is
    loaded. `env` of a deb: patterns of paths, @R for where it is unpacked."""

    def __init__(self, name, kind, package, start, version=None, files=(), log=None, logs_ends=False, says=None,
                 env=None, longer=1):
        self.name, self.kind, self.package, self.version = name, kind, package, version
        self.start, self.files, self.log, self.logs_ends = start, dict(files), log, logs_ends
        self.says, self.env, self.longer = says or {}, env or {}, longer
        SERVERS[name] = self


def debian(name, package, start, **more):
    """Fetched and unpacked, not installed: several of them exclude each other, and all would start a daemon."""
    Server(name, "deb", package, start, **more)


def installed(name, package, start, **more):
    """From tools/deps.sh, as for the other tests."""
    Server(name, "apt", package, start, **more)


def python(name, version, *command, package=None, **more):
    start = command or ("@K/python/bin/python", "-B", HERE + "/app.py", name.replace(".", "_"), "@P")
    Server(name, "python", [(package or name) + "==" + version], start, version=version, env={"PYTHONPATH": HERE},
           **more)


def java(name, **more):
    """It is slow until it has compiled itself."""
    Server(name, "java", name, ("java", "-Xmx256m", "-cp", "@K/java/jars/*:@K/java/classes", "Servers", name, "@P"),
           longer=3, **more)


NONE = {"keep_alive_none": ""}
APART = {"two_parts": r"the second [45]\d ms behind"}


def idle(pattern):
    """A pattern, as kernels and servers count ticks, and a busy machine is late."""
    return {"keep_alive_time": r"idle for (%s)\b" % pattern}


debian("busybox", ["busybox"], ("@R/bin/busybox", "httpd", "-f", "-vv", "-p", "127.0.0.1:@P", "-h", "@D/www"),
       log=("err", "response:200"), says=NONE)
debian("mini-httpd", ["mini-httpd"], ("@R/usr/sbin/mini_httpd", "-D", "-h", "127.0.0.1", "-p", "@P", "-d", "@D/www",
                                      "-l", "@D/log", "-u", "root"), log=("log", '" 200 '), says=NONE)
debian("webfs", ["webfs"], ("@R/usr/bin/webfsd", "-F", "-i", "127.0.0.1", "-p", "@P", "-r", "@D/www",
                            "-f", "index.html", "-L", "@D/log"),
       log=("log", '" 200 '), logs_ends=True, says=idle("10.."))
debian("civetweb", ["civetweb", "libcivetweb1"],
       ("@R/usr/bin/civetweb", "@D/conf", "-listening_ports", "127.0.0.1:@P", "-document_root", "@D/www",
        "-access_log_file", "@D/log"), files={"conf": ""}, log=("log", '" 200 '), says=NONE)
# A process for each connection, which the socket's keeper notes.
debian("micro-httpd", ["micro-httpd"],
       ("systemd-socket-activate", "--inetd", "-a", "-l", "127.0.0.1:@P", "@R/usr/sbin/micro-httpd", "@D/www"),
       log=("err", "Spawned"), says=NONE)
debian("puma", ["puma", "ruby3.1", "libruby3.1", "libyaml-0-2", "ruby-nio4r", "ruby-rack", "rubygems-integration"],
       ("@R/usr/bin/ruby3.1", "@R/usr/bin/puma", "-b", "tcp://127.0.0.1:@P", HERE + "/puma.ru"),
       env={"RUBYLIB": "@R/usr/lib/ruby/3.*:@R/usr/lib/*-linux-*/ruby/3.*:@R/usr/lib/ruby/vendor_ruby",
            "GEM_PATH": "@R/usr/lib/*-linux-*/rubygems-integration/3.*:@R/usr/share/rubygems-integration/all"})
installed("nginx", "nginx-light", ("nginx", "-p", "@D", "-e", "stderr", "-c", "@D/conf"), log=("log", '" 200 '), files={
    "conf": """daemon off; master_process off; pid @D/pid; error_log stderr; events {}
        http { access_log @D/log; client_body_temp_path @D/a; proxy_temp_path @D/b; fastcgi_temp_path @D/c;
        uwsgi_temp_path @D/d; scgi_temp_path @D/e; server { listen 127.0.0.1:@P; root @D/www; } }"""})
installed("apache", "apache2", ("apache2", "-f", "@D/conf", "-DFOREGROUND"), log=("log", '" 200 '),
          says=idle("5.."), files={"conf": """ServerRoot @D
        ServerName localhost
        DefaultRuntimeDir @D
        PidFile @D/pid
        Mutex pthread
        LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
        LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
        LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
        Listen 127.0.0.1:@P
        User www-data
        Group www-data
        ErrorLog @D/errors
        LogFormat "\\"%r\\" %>s %{remote}p" l
        CustomLog @D/log l
        DocumentRoot @D/www"""})
installed("lighttpd", "lighttpd", ("lighttpd", "-D", "-f", "@D/conf"), log=("log", '" 200 '),
          says=idle("[56].."), files={"conf": """server.document-root = "@D/www"
        server.bind = "127.0.0.1"
        server.port = @P
        server.modules = ("mod_accesslog")
        accesslog.filename = "@D/log"
        index-file.names = ("index.html")"""})
installed("haproxy", "haproxy", ("haproxy", "-db", "-f", "@D/conf"), log=("out", '"GET / '), files={
    "conf": """global
          log stdout format raw daemon
        defaults
          mode http
          log global
          log-format "%{+Q}r %ST"
          timeout connect 5s
          timeout client 60s
          timeout server 60s
        frontend f
          bind 127.0.0.1:@P
          http-request return status 200 content-type text/plain string hello
        """})
installed("caddy", "caddy", ("caddy", "run", "--adapter", "caddyfile", "--config", "@D/conf"),
          log=("log", '"status":200'), files={"conf": """{
          admin off
          auto_https off
        }
        http://127.0.0.1:@P {
          bind 127.0.0.1
          log {
            output file @D/log {
              roll_disabled
            }
          }
          root * @D/www
          file_server
        }
        """})

Server("http.server", "stdlib", None, ("python3", "-B", HERE + "/app.py", "stdlib", "@P"), says=APART)
python("microdot", "2.7.0", says=NONE)
python("waitress", "3.0.2")
python("cheroot", "11.1.2", says=idle("10.."))
python("werkzeug", "3.1.9", says=NONE)
python("gevent", "26.9.0", says=APART)
python("tornado", "6.6.1")
python("aiohttp", "3.14.5")
python("gunicorn", "27.0.1", "@K/python/bin/gunicorn", "-b", "127.0.0.1:@P", "--chdir", HERE, "app:wsgi",
       says=NONE)
python("gthread", "27.0.1", "@K/python/bin/gunicorn", "-k", "gthread", "--threads", "4", "-b", "127.0.0.1:@P",
       "--chdir", HERE, "app:wsgi", package="gunicorn", says=idle("2.."))
python("uvicorn", "0.54.0", "@K/python/bin/uvicorn", "--no-access-log", "--port", "@P", "--app-dir", HERE, "app:asgi",
       says=idle("5.."))
python("hypercorn", "0.18.0", "@K/python/bin/hypercorn", "-b", "127.0.0.1:@P", "app:asgi", says=idle("5.."))

Server("node", "node", [], ("node", HERE + "/node.js", "http", "@P"), says=idle("[56].."))
Server("fastify", "node", ["fastify@5.12.8"], ("node", HERE + "/node.js", "fastify", "@P"), version="5.12.8")
Server("express", "node", ["express@5.3.0"], ("node", HERE + "/node.js", "express", "@P"), version="5.3.0",
       says=idle("[56].."))

Server("tiny_http", "rust", "tiny_http", ("@K/rust/release/servers", "tiny_http", "@P"))
Server("khttp", "rust", "khttp", ("@K/rust/release/servers", "khttp", "@P"),
       says={"connections_silent": "it may serve only so many at once"})
Server("hyper", "rust", "hyper", ("@K/rust/release/servers", "hyper", "@P"))
Server("axum", "rust", "axum", ("@K/rust/release/servers", "axum", "@P"))
Server("actix", "rust", "actix-web", ("@K/rust/release/servers", "actix", "@P"), says=idle("[45].."))

Server("net/http", "go", None, ("@K/go/servers", "net/http", "@P"))
Server("fasthttp", "go", "github.com/valyala/fasthttp", ("@K/go/servers", "fasthttp", "@P"))

java("jdk", says=APART)
java("jetty")
java("tomcat", says={"keep_alive_requests": "after 100 requests"})
java("grizzly", says={"keep_alive_requests": "after 256 requests"})
java("undertow")
java("netty")


# ---- installing ----

class Missing(Exception):
    pass


def run(*argv, **more):
    """Its output; Missing with the end of what it said."""
    if not shutil.which(argv[0]):
        raise Missing("no " + argv[0])
    p = subprocess.run(["nice", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, errors="replace", **more)
    if p.returncode:
        raise Missing("%s: %s" % (" ".join(argv)[:60], (p.stdout.strip().splitlines() or ["it failed"])[-1]))
    return p.stdout.strip()


def fresh(stamp, *parts):
    """Is there nothing to do? True: what `stamp` was made from is the same."""
    text = "\n".join(map(str, parts))
    path = os.path.join(KEPT, stamp)
    with open(path) if os.path.exists(path) else open(os.devnull) as f:
        if f.read() == text:
            return True, lambda: None

    def done():
        with open(path, "w") as out:
            out.write(text)
    return False, done


def read(*names):
    return "".join(open(os.path.join(HERE, name)).read() for name in names)


def install_deb(servers):
    root = os.path.join(KEPT, "deb")
    for s in servers:
        for package in s.package:
            is_fresh, done = fresh("deb." + package, package)
            if not is_fresh:
                debs = os.path.join(KEPT, "debs")
                os.makedirs(debs, exist_ok=True)
                run("apt-get", "-q", "download", package, cwd=debs)
                run("dpkg-deb", "-x", glob.glob("%s/%s_*.deb" % (debs, package))[0], root)
                done()
        if s.start[0][0] != "@" and not shutil.which(s.start[0]):
            raise Missing("no " + s.start[0])
        s.env = {name: ":".join(path for pattern in filled(value, "", "").split(":") for path in glob.glob(pattern))
                 for name, value in s.env.items()}
        s.version = run("dpkg-deb", "-f", glob.glob("%s/debs/%s_*.deb" % (KEPT, s.package[0]))[0], "Version")
        s.env["LD_LIBRARY_PATH"] = ":".join(glob.glob(root + "/usr/lib/*-linux-*"))


def install_apt(servers):
    subprocess.run([ROOT + "/tools/deps.sh", "test"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for s in servers:
        if not shutil.which(s.start[0]):
            raise Missing("no " + s.start[0])
        s.version = run("dpkg-query", "-W", "-f=${Version}", s.package)


def install_python(servers):
    pip, wanted = KEPT + "/python/bin/pip", sorted({p for s in servers for p in s.package})
    is_fresh, done = fresh("python.stamp", *wanted)
    if not is_fresh:
        if not os.path.exists(pip):
            run("python3", "-m", "venv", KEPT + "/python")
        run(pip, "install", "-q", *wanted)
        done()


def install_stdlib(servers):
    servers[0].version = "Python " + ".".join(map(str, sys.version_info[:3]))


def install_node(servers):
    os.makedirs(KEPT + "/node", exist_ok=True)
    wanted = sorted({p for s in servers for p in s.package})
    is_fresh, done = fresh("node.stamp", *wanted)
    if wanted and not is_fresh:
        run("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock", "--prefix", KEPT + "/node",
            *wanted)
        done()
    for s in servers:
        s.version = s.version or run("node", "--version")
        s.env["NODE_PATH"] = KEPT + "/node/node_modules"


def install_rust(servers):
    is_fresh, done = fresh("rust.stamp", read("rust/Cargo.toml", "rust/src/main.rs"))
    if not is_fresh:
        shutil.copytree(HERE + "/rust", KEPT + "/rust/source", dirs_exist_ok=True)
        run("cargo", "build", "-q", "--release", "--target-dir", KEPT + "/rust", cwd=KEPT + "/rust/source")
        done()
    for s in servers:
        s.version = re.search(r'^%s = .*?"=?([0-9.]+)"' % s.package, read("rust/Cargo.toml"), re.M)[1]


def install_go(servers):
    is_fresh, done = fresh("go.stamp", read("go/go.mod", "go/main.go"))
    if not is_fresh:
        shutil.copytree(HERE + "/go", KEPT + "/go", dirs_exist_ok=True)
        run("go", "build", "-mod=mod", "-o", "servers", ".", cwd=KEPT + "/go")
        done()
    for s in servers:
        s.version = (re.search(s.package + r" v(\S+)", read("go/go.mod"))[1] if s.package
                     else run("go", "env", "GOVERSION"))


def install_java(servers):
    is_fresh, done = fresh("java.stamp", read("java/pom.xml", "java/Servers.java"))
    if not is_fresh:
        run("mvn", "-q", "-B", "-f", HERE + "/java/pom.xml", "dependency:copy-dependencies",
            "-DoutputDirectory=" + KEPT + "/java/jars")
        run("javac", "-nowarn", "-cp", KEPT + "/java/jars/*", "-d", KEPT + "/java/classes", HERE + "/java/Servers.java")
        done()
    for s in servers:
        jar = re.search(r"<artifactId>%s[a-z-]*</artifactId><version>([^<]+)" % s.package, read("java/pom.xml"))
        s.version = jar[1] if jar else re.search(r"[0-9.]+", run("java", "-version"))[0]


# ---- one server, in its own network ----

def up():
    """Brings up the loopback interface of a new network."""
    with socket.socket() as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def accepted():
    """Connections that came in, by the kernel's count for this network."""
    with open("/proc/self/net/snmp") as f:
        names, values = [line.split() for line in f if line.startswith("Tcp:")]
    return int(values[names.index("PassiveOpens")])


def filled(text, dir, port):
    for sign, value in (("@D", dir), ("@P", str(port)), ("@K", KEPT), ("@R", KEPT + "/deb")):
        text = text.replace(sign, value)
    return text


def answers(port, path="/"):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), headers={"Connection": "close"})
    return urllib.request.urlopen(request, timeout=10).read().decode()


def listens(port):
    """Without a connection, which would count."""
    with open("/proc/self/net/tcp") as v4, open("/proc/self/net/tcp6") as v6:
        return any(line.split()[1].endswith(":%04X" % port) and line.split()[3] == "0A"
                   for line in list(v4) + list(v6) if ":" in line)


def load(dir, port, which, users, seconds, wait):
    report = os.path.join(dir, which + ".json")
    env = dict(os.environ, VERDICT_PATHS="/", VERDICT_WAIT=str(wait) if wait else "")
    p = subprocess.run([build("judged_users.c"), "--headless", "Get", "-u", str(users), "-r", str(users), "-t", str(seconds),
                        "--only-summary", "-H", "http://127.0.0.1:%d" % port, "--summary", report],
                       env=env, cwd=dir, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=120)
    check(os.path.exists(report), p.stderr.decode(errors="replace")[-500:])
    with open(report) as f:
        return json.load(f)


def one(name, dir, turn):
    """Starts the server, loads it, and writes result.json. `turn`: a file that who loads has locked."""
    s, result, port = SERVERS[name], {"loads": {}}, 8000
    with open(dir + "/server.json") as f:
        env = json.load(f)
    up()
    os.makedirs(dir + "/www")
    for file, text in {**s.files, "www/index.html": "hello"}.items():
        with open(os.path.join(dir, file), "w") as f:
            f.write(filled(re.sub(r"(?m)^ {8}", "", text), dir, port))
    subprocess.run(["chmod", "-R", "a+rX", dir])
    with open(turn, "w") as lock, open(dir + "/out", "w") as out, open(dir + "/err", "w") as err:
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = subprocess.Popen([filled(a, dir, port) for a in s.start], env=dict(os.environ, **env), cwd=dir, stdout=out,
                             stderr=err, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            until(lambda: p.poll() is not None or listens(port), 30, name + " listens")
            check(p.poll() is None, "it ended: " + open(dir + "/err").read()[-500:])
            for which, users, seconds, wait in LOADS:
                if wait:
                    fcntl.flock(lock, fcntl.LOCK_UN)
                seconds *= s.longer if which == "load" else 1
                result["loads"][which] = load(dir, port, which, users, seconds, wait)
                check(p.poll() is None, "it ended: " + open(dir + "/err").read()[-500:])
            result["connections"] = accepted()
            if not s.log:
                result["server"] = int(answers(port, "/count"))
        finally:
            for sign in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(p.pid, sign)
                    p.wait(5)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
    if s.log:
        with open(os.path.join(dir, s.log[0]), errors="replace") as f:
            result["server"] = sum(s.log[1] in line for line in f)
    with open(dir + "/result.json", "w") as f:
        json.dump(result, f)


# ---- rows ----

def judge(s, result):
    """(why it fails or None, the counts, what stands behind the row)"""
    loads = result["loads"]
    c = {"kit": sum(r["total"]["requests"] - r["total"]["failures"] for r in loads.values()),
         "failed": sum(r["total"]["failures"] for r in loads.values()),
         "server": result["server"], "connections": result["connections"],
         "rate": loads["load"]["total"]["requests"] / loads["load"]["duration_s"]}
    said = [(which, m["about"], m["key"], m["text"]) for which, r in loads.items() for m in r["remarks"]]
    again = sum(r.get("client", {}).get("sent_again", 0) for r in loads.values())
    cut = sum(loads[which]["total"].get("unanswered", users) for which, users, _, _ in LOADS)
    more, may, why, lines = c["server"] - c["kit"], again + cut, None, []
    if s.logs_ends and may < more <= may + c["connections"]:
        lines.append("%+d in the server's count: its log has one more line for most of %d connections" % (
            more, c["connections"]))
    elif 0 < more <= may:
        lines.append("%+d in the server's count: %d requests were sent again, %d unanswered at the end" % (
            more, again, cut))
    elif more:
        why = "the server counted %+d" % more
    for key, pattern in s.says.items():
        if not any(key == k and re.search(pattern, text) for _, _, k, text in said):
            why = why or "nothing was said of " + key
    opened = sum(r.get("client", {}).get("connections_opened", 0) for r in loads.values())
    if opened and opened != c["connections"]:
        lines.append("%d connections came in, %d were opened by the kit: it was cut while it connected" % (
            c["connections"], opened))
    if c["failed"]:
        lines.append("%d requests failed" % c["failed"])
    lines += ["%s: %s: %s" % (which, about, text) for which, about, _, text in said]
    return why, c, lines


def serve(s):
    """Runs one() in a network and with processes of its own, which end with it. The line of the row."""
    dir = os.path.join(WORK, re.sub(r"\W", "_", s.name))
    os.makedirs(dir)
    with open(dir + "/server.json", "w") as f:
        json.dump(s.env, f)
    own = ["unshare", "-n", "-p", "-f", "--kill-child"] + ([] if os.geteuid() == 0 else ["-r"])
    try:
        p = subprocess.run(own + [sys.executable, "-B", os.path.abspath(__file__), "--one", s.name, dir, WORK + "/turn"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900)
        if p.returncode:
            return "not ok %s %s: %s" % (s.name, s.version, p.stdout.strip()[-700:])
        with open(dir + "/result.json") as f:
            why, c, lines = judge(s, json.load(f))
    except subprocess.TimeoutExpired:
        return "not ok %s %s: it takes longer than 15 minutes" % (s.name, s.version)
    row = "%s %s %s: %.0f requests/s; counted %d by the kit, %d by the server; %d connections" % (
        "not ok" if why else "ok", s.name, s.version, c["rate"], c["kit"], c["server"], c["connections"])
    return "\n".join([row + ("; " + why if why else "")] + ["    " + line for line in lines])


def main():
    names = pick(sys.argv[1:], list(SERVERS) + PROTOCOLS)
    bad = sum(subprocess.call([HERE + "/" + name + ".py"]) for name in PROTOCOLS if name in names)
    picked = [SERVERS[name] for name in names if name in SERVERS]
    counts = {"ok": 0, "not": 0, "skip": 0}
    os.makedirs(KEPT, exist_ok=True)
    shutil.rmtree(WORK, ignore_errors=True)
    os.makedirs(WORK)
    build("judged_users.c")
    ready = []
    for kind in dict.fromkeys(s.kind for s in picked):
        these = [s for s in picked if s.kind == kind]
        try:
            globals()["install_" + kind](these)
            ready += these
        except Missing as why:
            for s in these:
                print("skip %s: %s" % (s.name, why), flush=True)
                counts["skip"] += 1
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for text in pool.map(serve, ready):
            print(text, flush=True)
            counts[text.split()[0]] += 1
    print("%d passed, %d failed, %d skipped" % (counts["ok"], counts["not"], counts["skip"]))
    sys.exit(1 if counts["not"] or bad else 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:])
    else:
        main()
