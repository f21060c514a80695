"""A program for some machine against nginx on this one: what both of them counted, http and https.

    pkis = make_pkis(dir)                            # certificates, once for all
    with Site(dir, pkis) as site:
        site.load([*runner, mix], "http")            # programs/every_request.c; ("rsa", 13) for https by TLS 1.3
        site.refuse([*runner, tls])                  # programs/tls_users.c: certificates that will not do
        site.transfer([*runner, tls])                # big bodies, there and back, compared byte by byte

`runner` is what runs such programs here, such as qemu-arm-static. Each call fails by an exception.
"""
import zlib
from kit.lib import *
from kit import certs, nginx

SLOW = 120  # seconds; the largest of these runs takes 10 under qemu
TASKS = 60  # of every_request.c, with six requests each
USERS = 10
BIG = 1000000

CONFIG = """
daemon off; master_process off; pid D/pid; error_log stderr; events { worker_connections 512; }
http {
    default_type text/plain; root D/www; keepalive_requests 1000000; client_max_body_size 16m;
    client_body_temp_path D/body; proxy_temp_path D; fastcgi_temp_path D; uwsgi_temp_path D; scgi_temp_path D;
    log_format lines '$status $body_bytes_sent $request_method $uri $connection $ssl_protocol';
    SERVERS
}
"""
SERVER = """
    server {
        listen 127.0.0.1:PORT TLS
        access_log D/NAME.log lines;
        location = /r301 { return 301 /page.txt; }
        location = /204 { return 204; }
        location = /post { return 200 "thanks\\n"; }
        location /up/ { dav_methods PUT; }
    }
"""
LEAVES = {"good": {}, "expired": dict(days=(-30, -1)), "future": dict(days=(1, 30)),
          "other": dict(san="DNS:other.test")}
REFUSED = {"expired": "certificate has expired", "future": "certificate is not valid yet",
           "other": "certificate is for another host"}


def counter(n):
    """The same as counter() of tls_users.c: every four bytes are a number of their own."""
    return b"".join(i.to_bytes(4, "little") for i in range((n + 3) // 4))[:n]


def make_pkis(dir):
    """{kind: Pki}, each with a `made` {name: Cert}"""
    pkis = {}
    for kind in "rsa", "ec":
        pki = pkis[kind] = certs.Pki("%s/%s" % (dir, kind), kind)
        pki.made = {name: pki.leaf(name, **how) for name, how in LEAVES.items()}
    return pkis


class Site(nginx.Process):
    """nginx with a server for http and one for each pair of key and TLS version, on ports of its own."""

    def __init__(self, dir, pkis):
        self.pkis = pkis
        os.makedirs(dir + "/www/up")
        for name, data in ("page.txt", b"a page\n" * 100), ("big", counter(BIG)):
            with open("%s/www/%s" % (dir, name), "wb") as f:
                f.write(data)
        self.ca = certs.join(dir + "/ca.pem", *(pki.root for pki in pkis.values()))
        self.servers = {"http": None}  # name: certificate and TLS version
        for kind, pki in pkis.items():
            for v in 12, 13:
                self.servers[kind, v] = pki.made["good"], v
        for name in REFUSED:
            self.servers[name] = pkis["ec"].made[name], 12
        super().__init__(dir, self.servers)

    def text(self):
        text = ""
        for name, leaf in self.servers.items():
            tls = leaf and "ssl; ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.%d;" % (
                leaf[0].chain, leaf[0].key, leaf[1] - 10)
            text += (SERVER.replace("PORT", str(self.port[name])).replace("TLS", tls or ";")
                     .replace("NAME", self.log_name(name)))
        text = CONFIG.replace("SERVERS", text)
        return text.replace(" D/", " %s/" % self.dir).replace(" D;", " %s;" % self.dir)

    def log_name(self, name):
        return name if isinstance(name, str) else "%s%d" % name

    def log(self, name):
        """(status, bytes, method, uri, connection, TLS version or "-") of each line"""
        with open("%s/%s.log" % (self.dir, self.log_name(name))) as f:
            return [(int(line[0]), int(line[1]), *line[2:]) for line in map(str.split, f)]

    def url(self, name):
        return "%s:%d" % ("http://127.0.0.1" if name == "http" else "https://localhost", self.port[name])

    def load(self, argv, name):
        """Tasks of every_request.c; compares every figure with the log. Returns what the program printed."""
        seen = len(self.log(name))
        dir = tempfile.mkdtemp(dir=self.dir)
        r = run(dir, [*argv, "--headless", "-u", str(USERS), "-r", "1000000", "-i", str(TASKS), "--csv", "c",
                      "-H", self.url(name), "Mixed"] + ([] if name == "http" else ["--cacert", self.ca]),
                seconds=SLOW)
        lines = 6 * TASKS
        with contextlib.suppress(AssertionError):  # nginx writes its line after its answer
            until(lambda: len(self.log(name)) - seen >= lines, 5, "")
        log = self.log(name)[seen:]
        same(len(log), lines, "lines of nginx's log", r)
        rows, total = stats_csv(dir + "/c")
        sums = {}
        for status, size, method, uri, *_ in log:
            at = sums.setdefault((method, uri), [0, 0, 0, set()])
            at[0] += 1
            at[1] += status >= 400
            at[2] += size
            at[3].add(status)
        same({key: at[3] for key, at in sums.items()},
             {("GET", "/page.txt"): {200}, ("GET", "/r301"): {301}, ("GET", "/missing"): {404},
              ("GET", "/204"): {204}, ("HEAD", "/page.txt"): {200}, ("POST", "/post"): {200}})
        same({key: (count(row), failed(row), content(row)) for key, row in rows.items()},
             {key: tuple(at[:3]) for key, at in sums.items()}, "ours first, then nginx's", r)
        same((count(total), failed(total), content(total)),
             (lines, TASKS, sum(at[2] for at in sums.values())), r)
        same([(f["Method"], f["Name"], int(f["Occurrences"])) for f in read_csv(dir + "/c", "failures")],
             [("GET", "/missing", TASKS)])
        same({line[5] for line in log}, {"-" if name == "http" else "TLSv1.%d" % (name[1] - 10)})
        same(len({line[4] for line in log}), USERS, "connections, one kept by each user", r)
        same(r.rc, 1, r)  # the 404s
        times = [float(total[p]) for p in ("50%", "90%", "100%")]
        check(0 <= times[0] <= times[1] <= times[2] < SLOW * 1000, times)
        for row in rows.values():
            check(0 < float(row["Average Response Time"]) <= float(row["Max Response Time"]), row)
        return r

    def plan(self, argv, lines):
        """Runs lines of tls_users.c; {name of the line: [[user, i, error, status, reused, length, crc]]}"""
        dir = tempfile.mkdtemp(dir=self.dir)
        with open(dir + "/plan", "w") as f:
            for line in lines:
                f.write(" ".join("%s=%s" % pair for pair in dict(ca=self.ca, timeout=SLOW, **line).items()) + "\n")
        r = run(dir, [*argv, "--headless", "-u", str(len(lines)), "-r", "100", "--only-summary"], seconds=SLOW,
                env={"PLAN": dir + "/plan"})
        answers = {}
        for line in r.out.splitlines():
            name, *fields = line.split("|")
            answers.setdefault(name, []).append(fields[:7])
        same(set(answers), {line["name"] for line in lines}, r)
        return answers

    def refuse(self, argv):
        """Certificates that will not do, and one that nobody is told to trust."""
        lines = [dict(name=name, host=self.url(name), get="/page.txt") for name in REFUSED]
        answers = self.plan(argv, lines)
        same({name: [a[2:4] for a in got] for name, got in answers.items()},
             {name: [[sentence, "0"]] for name, sentence in REFUSED.items()})
        for name in REFUSED:
            same(self.log(name), [], "a request was sent in spite of the certificate: " + name)
        self.ca, ca = self.pkis["rsa"].root, self.ca
        try:
            answers = self.plan(argv, [dict(name="unknown", host=self.url(("ec", 13)), get="/page.txt")])
        finally:
            self.ca = ca
        same(answers["unknown"][0][2:4], ["certificate has an unknown issuer", "0"])

    def transfer(self, argv):
        """A megabyte and an odd number of bytes in each direction, by each way, then by a new connection."""
        names = [name for name in self.servers if name not in REFUSED]
        n = BIG - 3
        answers = self.plan(argv, [
            dict(name=self.log_name(name), host=self.url(name), get="/big", put="/up/" + self.log_name(name),
                 bytes=n, times=2, close=1) for name in names])
        crc = "%08x" % zlib.crc32(counter(BIG))
        for name in map(self.log_name, names):
            same([(a[2], a[3]) for a in answers[name]], [("", "200"), ("", "201"), ("", "200"), ("", "204")],
                 name, answers[name])
            same([a[5:7] for a in answers[name]][::2], [[str(BIG), crc]] * 2, name)
            with open("%s/www/up/%s" % (self.dir, name), "rb") as f:
                check(f.read() == counter(n), "nginx has got other bytes by " + name)


def content(row):
    return round(float(row["Average Content Size"]) * count(row))
