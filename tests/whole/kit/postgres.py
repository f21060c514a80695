"""PostgreSQL, on a free port of 127.0.0.1 and a unix socket, in a cluster of its own; and the bytes of its protocol for
servers of the tests' own.

    with Postgres(dir, pki=pki, ssl=True) as pg:
        pg.url("scram_u")      # postgresql://scram_u:secret@127.0.0.1:PORT/shop
        pg.psql("select 1")    # what psql prints: the independent reader
        pg.log()               # its log, each statement in it

Roles trust_u, clear_u, md5_u, scram_u, ssl_u, cert_u and deny_u log in as their names say, all with the password "secret".
"""
import glob, os, pwd, shutil, signal, struct, subprocess, tempfile
from kit.lib import check, free_port, until

PASSWORD = "secret"
HBA = """local all all trust
host all postgres 127.0.0.1/32 trust
host all trust_u 127.0.0.1/32 trust
host all clear_u 127.0.0.1/32 password
host all md5_u 127.0.0.1/32 md5
host all scram_u 127.0.0.1/32 scram-sha-256
hostssl all ssl_u 127.0.0.1/32 scram-sha-256
hostnossl all nossl_u 127.0.0.1/32 scram-sha-256
hostssl all cert_u 127.0.0.1/32 cert
host all deny_u 127.0.0.1/32 reject
"""
USERS = ["trust_u", "clear_u", "md5_u", "scram_u", "ssl_u", "nossl_u", "cert_u", "deny_u"]


def where():
    """The folder of the newest PostgreSQL's programs."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[-2].split(".")[0]))
    check(found, "PostgreSQL is not installed: tools/deps.sh test")
    return found[-1]


def as_user():
    """What runs a command as somebody that PostgreSQL does not refuse."""
    return ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []


class Postgres:
    def __init__(self, pki=None, settings=()):
        self.bin, self.port, self.p = where(), free_port(), None
        self.dir = tempfile.mkdtemp(prefix="locust-pg-")
        self.socket_dir = self.dir
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.dir, user.pw_uid, user.pw_gid)
        os.chmod(self.dir, 0o755)
        try:
            self.start(pki, settings)
        except BaseException:
            self.__exit__()
            raise

    def do(self, *argv):
        done = subprocess.run([*as_user(), *argv], capture_output=True, text=True, cwd="/", timeout=120)
        check(done.returncode == 0, " ".join(argv), done.stdout, done.stderr)
        return done.stdout

    def start(self, pki, settings):
        data = self.dir + "/data"
        self.do(self.bin + "/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C",
                "--no-sync", "--no-instructions")
        self.write("data/pg_hba.conf", HBA)
        options = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.socket_dir,
                   "fsync": "off", "log_statement": "all", "log_line_prefix": "%p ", "logging_collector": "off",
                   "max_connections": "300", "shared_buffers": "16MB", "password_encryption": "scram-sha-256",
                   **dict(settings)}
        if pki:
            for name, path in ("server.crt", pki.server.chain), ("server.key", pki.server.key), ("root.crt", pki.root):
                with open(path) as f:
                    self.write("data/" + name, f.read(), 0o600)
            options.update(ssl="on", ssl_ca_file="root.crt")
        self.log_file = open(self.dir + "/log", "w+")
        argv = [self.bin + "/postgres", "-D", data]
        for name, value in options.items():
            argv += ["-c", "%s=%s" % (name, value)]
        self.p = subprocess.Popen([*as_user(), *argv], stdin=subprocess.DEVNULL, stdout=self.log_file,
                                  stderr=self.log_file, cwd="/")
        until(self.answers, 60, "PostgreSQL answers")
        script = ["create database shop"]
        for user in USERS:
            how = "md5" if user == "md5_u" else "scram-sha-256"
            script.append("set password_encryption='%s'; create role %s login password '%s'" % (how, user, PASSWORD))
        self.psql(";\n".join(script), "postgres")

    def write(self, name, text, mode=0o644):
        path = self.dir + "/" + name
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(path, user.pw_uid, user.pw_gid)

    def answers(self):
        check(self.p.poll() is None, "PostgreSQL has ended", self.log())
        return subprocess.run([self.bin + "/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0

    def psql(self, text, database="shop"):
        done = subprocess.run([self.bin + "/psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
                               "-p", str(self.port), "-U", "postgres", database], input=text, capture_output=True,
                              text=True, timeout=60)
        check(done.returncode == 0, text, done.stdout, done.stderr)
        return done.stdout.strip()

    def log(self):
        with open(self.dir + "/log") as f:
            return f.read()

    def url(self, user="trust_u", more="", password=PASSWORD, host=None):
        return "postgresql://%s:%s@%s:%d/shop%s" % (user, password, host or "127.0.0.1", self.port, more)

    def postmaster(self):
        """The process, as text; "": there is none."""
        with open(self.dir + "/data/postmaster.pid") if self.p.poll() is None else open(os.devnull) as f:
            return f.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p:
            if self.postmaster():
                os.kill(int(self.postmaster()), signal.SIGQUIT)  # at once
            try:
                self.p.wait(20)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
            self.log_file.close()
        shutil.rmtree(self.dir, ignore_errors=True)


# ---- a server in a test's own words ----

def m(kind, body=b""):
    """A message."""
    return kind.encode() + struct.pack(">I", len(body) + 4) + body


def auth(code, body=b""):
    return m("R", struct.pack(">I", code) + body)


def columns(*names, format=0):
    return m("T", struct.pack(">H", len(names)) + b"".join(
        name.encode() + b"\0" + struct.pack(">IHIHIH", 0, 0, 25, 65535, 0xFFFFFFFF, format) for name in names))


def row(*values):
    return m("D", struct.pack(">H", len(values)) + b"".join(
        struct.pack(">i", -1) if v is None else struct.pack(">I", len(v)) + v for v in values))


def done(tag):
    return m("C", tag.encode() + b"\0")


def error(code="42P01", text='relation "nosuch" does not exist', severity="ERROR", kind="E"):
    return m(kind, b"".join(k + v.encode() + b"\0" for k, v in
                            ((b"S", severity), (b"V", severity), (b"C", code), (b"M", text))) + b"\0")


READY, OK = m("Z", b"I"), auth(0)
KEY = m("K", struct.pack(">II", 4711, 42))
LOGGED_IN = OK + m("S", b"server_version\x0015.0\0") + KEY + READY


class Peer:
    """One connection of a client, from the server's side."""

    def __init__(self, c):
        self.c, self.buffer = c, b""

    def take(self, n):
        while len(self.buffer) < n:
            more = self.c.recv(65536)
            if not more:
                raise ConnectionError("the client has gone")
            self.buffer += more
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def startup(self):
        """(code, body) of what has no type."""
        n, code = struct.unpack(">II", self.take(8))
        return code, self.take(n - 8)

    def next(self):
        """(type, body) of the client's next message; ConnectionError at its end."""
        kind = self.take(1).decode()
        return kind, self.take(struct.unpack(">I", self.take(4))[0] - 4)

    def until(self, *kinds):
        """The messages up to one of those, as text of their types."""
        got = ""
        while not got or got[-1] not in kinds:
            got += self.next()[0]
        return got

    def send(self, *messages):
        self.c.sendall(b"".join(messages))
