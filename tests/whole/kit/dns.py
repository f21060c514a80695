"""Name servers on free ports of 127.0.0.1, all with the same zone, and what they say they were asked.

    with Knot(dir) as server:         # Unbound, Bind, Dnsdist; a Skip where it is not installed
        server.port, server.tls       # UDP and TCP; TLS, where the server has it and `pki` was given
        server.asked()                # questions that it has seen, as it counts or logs them itself

The zone example.test has a record of every type that the servers read (RECORDS), the names h0 to h999, a
name with 60 TXT records (big: 9 kB, so cut over UDP), a wildcard, and an empty name (ent).
"""
import re, shutil, signal, socket, subprocess, tempfile
from kit.lib import *

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"

RECORDS = r"""
a A 192.0.2.7
aaaa AAAA 2001:db8::1
cname CNAME a
chain CNAME cname
minfo MINFO a b
mx MX 10 mail
txt TXT "one" "two \"quoted\"" "semi;colon back\\slash" "\001\200x"
_sip._tcp SRV 1 2 5060 sip
caa CAA 0 issue "ca.example.net; account=1"
https HTTPS 1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1
svcb SVCB 16 foo.example.org. alpn="h2,h3-19" ipv4hint=192.0.2.1
naptr NAPTR 100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.gatech.edu.
loc LOC 42 21 54 N 71 06 18 W -24m 30m
sshfp SSHFP 2 1 123456789abcdef67890123456789abcdef67890
tlsa TLSA 3 1 1 0C72AC70B745AC19998811B131D662C9AC69DBDBE7CB23E5B514B56664C5D3D6
dnskey DNSKEY 256 3 5 AQPSKmynfzW4kyBv015MUG2DeIQ3Cbl+BBZH4b/0PY1kxkmvHjcZc8nokfzj31GajIQKY+5CptLr3buXA10hWqTk
hinfo HINFO "PC-Intel-700mhz" "Redhat Linux 7.1"
rp RP mbox.example.com. txt
afsdb AFSDB 1 db
kx KX 10 kx
dname DNAME elsewhere.example.net.
apl APL 1:192.168.32.0/21 !1:192.168.38.0/28 2:2001:db8::/32
dhcid DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
eui48 EUI48 00-00-5e-00-53-2a
uri URI 10 1 "ftp://ftp1.example.com/public"
ptr PTR host.example.net.
unknown TYPE65280 \# 4 0A000001
"""
ZONE = ("""$ORIGIN example.test.
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
@ MX 10 mail
mail MX 10 mail
mail A 127.0.0.1
ns1 A 127.0.0.1
multi A 192.0.2.1
multi A 192.0.2.2
multi A 192.0.2.3
dangling CNAME nothing.example.net.
*.wild A 192.0.2.44
x.ent A 192.0.2.45
""" + RECORDS + "".join("h%d A 192.0.2.%d\n" % (i, i % 250 + 1) for i in range(1000)) +
    "".join('big TXT "%d %s"\n' % (i, "x" * 140) for i in range(60)))


def free_port():
    """One that UDP and TCP have free."""
    for _ in range(50):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", tcp.getsockname()[1]))
                return tcp.getsockname()[1]
    raise AssertionError("no port is free for both UDP and TCP")


def answers(port):
    """Does a question over UDP get an answer that is no fault?"""
    question = bytes.fromhex("123401000001000000000000") + b"\1a\7example\4test\0\0\1\0\1"
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        with contextlib.suppress(OSError):
            s.connect(("127.0.0.1", port))
            s.send(question)
            return s.recv(512)[3] & 15 == 0
    return False


class Server:
    PROGRAM, PACKAGE = "", ""

    def __init__(self, dir=None, before_exec=None, pki=None, **options):
        self.program = shutil.which(self.PROGRAM, path=PATH)
        if not self.program:
            raise Skip(self.PACKAGE + " is missing")
        self.dir = tempfile.mkdtemp(prefix=self.PROGRAM + "-", dir=dir)
        self.before_exec, self.pki, self.options, self.p = before_exec, pki, options, None
        self.write("zone", ZONE)

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def read(self, name):
        with open(os.path.join(self.dir, name), errors="replace") as f:
            return f.read()

    def __enter__(self):
        for _ in range(10):  # another may take a port before it does
            self.port, self.tls, self.http, self.control = (free_port() for _ in range(4))
            command = self.command()
            with open(os.path.join(self.dir, "log"), "w") as log:
                self.p = subprocess.Popen([self.program, *command], stdout=log, stderr=log, cwd=self.dir,
                                          stdin=subprocess.DEVNULL, preexec_fn=self.before_exec)
            deadline = time.monotonic() + 20
            while self.p.poll() is None and time.monotonic() < deadline:
                if answers(self.port):
                    self.before = self.count()
                    return self
                time.sleep(0.05)
            self.stop()
        raise AssertionError(self.PROGRAM + " does not start:\n" + self.read("log"))

    def asked(self):
        return self.count() - self.before

    def stop(self):
        if self.p and self.p.poll() is None:
            self.p.terminate()
            try:
                self.p.wait(5)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Knot(Server):
    """Authoritative; counts by its module stats."""
    PROGRAM, PACKAGE = "knotd", "knot"

    def command(self):
        threads = self.options.get("threads", 1)
        self.write("conf", f"""
server:
    listen: 127.0.0.1@{self.port}
    rundir: {self.dir}
    udp-workers: {threads}
    tcp-workers: {threads}
    background-workers: 1
    nsid: knot
control:
    listen: {self.dir}/sock
database:
    storage: {self.dir}
log:
  - target: stdout
    any: info
mod-stats:
  - id: all
    request-protocol: on
template:
  - id: default
    global-module: mod-stats/all
zone:
  - domain: example.test
    file: {self.dir}/zone
    zonefile-sync: -1
    journal-content: none
""")
        return ["-c", self.dir + "/conf"]

    def count(self):
        text = subprocess.run([shutil.which("knotc", path=PATH), "-s", self.dir + "/sock", "stats"],
                              capture_output=True, text=True).stdout
        return sum(int(n) for n in re.findall(r"mod-stats\.request-protocol\[\w+\] = (\d+)", text))


class Bind(Server):
    """Authoritative; UDP, TCP, TLS; logs each question."""
    PROGRAM, PACKAGE = "named", "bind9"

    def command(self):
        tls = (f'tls t {{ cert-file "{self.pki.chain}"; key-file "{self.pki.key}"; }};', f"listen-on port {self.tls} tls t {{ 127.0.0.1; }};") if self.pki else ("", "")
        self.write("conf", f"""{tls[0]}
options {{ directory "{self.dir}"; pid-file none; recursion no; listen-on port {self.port} {{ 127.0.0.1; }}; {tls[1]}
    listen-on-v6 {{ none; }}; session-keyfile none; lock-file none; managed-keys-directory "{self.dir}";
    dnssec-validation no; querylog yes; max-records-per-type 0; }};
controls {{ }};
zone "example.test" {{ type primary; file "{self.dir}/zone"; check-names ignore; notify no; }};
""")
        return ["-g", "-n", "1", "-c", self.dir + "/conf"]

    def count(self):
        return len(re.findall(r"\): query: \S*example\.test ", self.read("log")))


class Unbound(Server):
    """A resolver that has the zone as its own data; UDP, TCP, TLS; logs each question."""
    PROGRAM, PACKAGE = "unbound", "unbound"

    def command(self):
        tls = f"""    interface: 127.0.0.1@{self.tls}
    tls-port: {self.tls}
    tls-service-pem: "{self.pki.chain}"
    tls-service-key: "{self.pki.key}"
""" if self.pki else ""
        self.write("conf", f"""server:
    interface: 127.0.0.1@{self.port}
{tls}    username: ""
    chroot: ""
    pidfile: ""
    directory: "{self.dir}"
    logfile: ""
    use-syslog: no
    log-queries: yes
    verbosity: 1
    num-threads: 1
    incoming-num-tcp: 200
    module-config: "iterator"
    local-zone: "test." nodefault
    do-not-query-localhost: no
remote-control:
    control-enable: no
auth-zone:
    name: "example.test."
    zonefile: "{self.dir}/zone"
    for-upstream: no
    fallback-enabled: no
""")
        return ["-d", "-p", "-c", self.dir + "/conf"]

    def count(self):
        return len(re.findall(r" info: 127\.0\.0\.1 \S+\. \S+ IN", self.read("log")))


class Dnsdist(Server):
    """In front of `backend`, another server: DoH over HTTP/1.1, in plain HTTP and, with `pki`, TLS; DoT. The
    backend counts."""
    PROGRAM, PACKAGE = "dnsdist", "dnsdist"

    def command(self):
        doh = f'addDOHLocal("127.0.0.1:{self.http}", {{}}, {{}}, "/dns-query")\n'
        if self.pki:
            doh = (f'addDOHLocal("127.0.0.1:{self.http}", "{self.pki.chain}", "{self.pki.key}", "/dns-query")\n'
                   f'addTLSLocal("127.0.0.1:{self.tls}", "{self.pki.chain}", "{self.pki.key}")\n')
        self.write("conf", f"""setSecurityPollSuffix("")
setLocal("127.0.0.1:{self.port}")
{doh}newServer({{address="127.0.0.1:{self.options["backend"].port}", healthCheckMode="up"}})
""")
        return ["--supervised", "-C", self.dir + "/conf"]

    def count(self):
        return self.options["backend"].count()
