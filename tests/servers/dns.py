#!/usr/bin/env -S python3 -B
"""Real name servers under load: the kit's count of questions against each server's own.

    tests/servers/dns.py [NAME...]       all, or those; `make servers S=dns` runs all

knot, bind9, unbound and dnsdist come from Debian, CoreDNS from Go's proxy. All have the zone of whole/kit/dns.py.
Each is asked for a record of every type, which must be as dig prints it, for what is not there and what is
too large for UDP; then by 64 users over each of UDP, TCP, TLS and HTTPS that it speaks, for names whose
addresses are checked. A row passes if nothing failed and both counts agree.
"""
import os, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "whole"))
from kit.lib import ROOT, Skip, TLS, build, check, run, same
from kit.pick import pick
from kit import certs, dns

KEPT = os.path.join(ROOT, "build", "servers")
COREDNS = "v1.12.4"
USERS, EACH = 64, 40


class Coredns(dns.Server):
    """UDP, TCP, TLS, HTTPS over HTTP/1.1; logs each question."""
    PROGRAM, PACKAGE = "coredns", "coredns"

    def __init__(self, dir, **more):
        os.makedirs(KEPT, exist_ok=True)
        if not os.path.exists(KEPT + "/coredns"):
            if not shutil.which("go"):
                raise Skip("go is missing")
            done = subprocess.run(["go", "install", "github.com/coredns/coredns@" + COREDNS], capture_output=True,
                                  text=True, env=dict(os.environ, GOBIN=KEPT, GOFLAGS="-mod=mod"), cwd="/")
            if done.returncode:
                raise Skip(done.stderr[-300:])
        os.environ["PATH"] = KEPT + ":" + os.environ["PATH"]
        dns.PATH = KEPT + ":" + dns.PATH
        super().__init__(dir, **more)

    def command(self):
        body = f"bind 127.0.0.1\n  file {self.dir}/zone\n  log\n  errors\n"
        self.write("conf", f"""example.test:{self.port} {{
  {body}}}
tls://example.test:{self.tls} {{
  tls {self.pki.chain} {self.pki.key}
  {body}}}
https://example.test:{self.http} {{
  tls {self.pki.chain} {self.pki.key}
  {body}}}
""")
        return ["-conf", self.dir + "/conf"]

    def count(self):
        return len(re.findall(r'\[INFO\] \S+ - \d+ "', self.read("log")))


SERVERS = {  # name: what makes it, the wires that it speaks
    "knot": (dns.Knot, "udp tcp"),
    "bind9": (dns.Bind, "udp tcp tls"),
    "unbound": (dns.Unbound, "udp tcp tls"),
    "dnsdist": (dns.Dnsdist, "udp tcp tls https"),
    "coredns": (Coredns, "udp tcp tls https"),
}
# What a server reads differently from its zone file, or does not serve.
WITHOUT = {"coredns": {"loc", "apl", "dname", "unknown", "minfo", "dhcid", "naptr"}, "unbound": {"dname"}}


def ask(dir, url, script, pki):
    return run(dir, [build("dns_script.c", "-O1", "-DLOCUST_TLS", libs=TLS), "--headless", "--only-summary", "-u", "1", "-i", "1",
                     "--host", url, "--cacert", pki.root], seconds=120,
               env={"DNS_SCRIPT": script})


def answers(r):
    """{name: [line, text...]} of what the script printed."""
    found, name = {}, None
    for line in r.out.splitlines():
        if line.startswith("  "):
            found[name].append(line[2:])
        else:
            name = line.split(":")[0]
            found[name] = [line[len(name) + 2:]]
    return found


def dig(port, *args):
    done = subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "+short", "+nosplit", *args], capture_output=True,
                          text=True, timeout=20)
    return done.stdout.splitlines()


def records(name, server, url, dir, pki):
    rows = [tuple(line.split()[:2]) for line in dns.RECORDS.strip().splitlines()]
    rows = [row for row in rows if row[0] not in WITHOUT.get(name, ())]
    want = {host: dig(server.port, "-q", host + ".example.test", "-t", kind) for host, kind in rows}
    r = ask(dir, url, "\n".join(f"ask {kind} {host}.example.test edns=1232" for host, kind in rows), pki)
    got = answers(r)
    for host, kind in rows:
        same(got[host + ".example.test"][1:], want[host], name, url, host, kind)
    same(r.rc, 0, r)
    r = ask(dir, url, "ask A nowhere.example.test rcode=3\nask MX a.example.test empty\nask TXT big.example.test", pki)
    same(r.rc, 0, r)
    same(len(answers(r)["big.example.test"]), 61, r)
    same("tcp" in answers(r)["big.example.test"][0], url.startswith("udp"), r)
    # What is truncated is asked for again: by the kit, or by dnsdist behind HTTPS.
    return 2 * len(rows) + 3 + (url.startswith("udp") or name == "dnsdist" and url.startswith("https"))


def load(server, url, dir, pki):
    sharing = f"connect {url} sharing=16\n" if url[:3] in ("tcp", "tls") else f"connect {url} get\n" if url.startswith("https") else ""
    script = f"times {USERS}\n" + sharing + "\n".join(
        f"ask A h{i}.example.test row=h text=192.0.2.{i % 250 + 1}" for i in range(EACH))
    r = ask(dir, url, script, pki)
    same(r.rc, 0, r)
    return USERS * EACH


def one(name, dir, pki):
    make, wires = SERVERS[name]
    kinds = {"udp": "port", "tcp": "port", "tls": "tls", "https": "http"}
    sums = []
    with contextlib_of(name, dir, pki) as (server, counter):
        for wire in wires.split():
            url = "%s://localhost:%d%s" % (wire, getattr(server, kinds[wire]), "/dns-query" * (wire == "https"))
            url = url.replace("localhost", "127.0.0.1")
            before = counter.count()
            kit = records(name, server, url, dir, pki) + load(server, url, dir, pki)
            same(counter.count() - before, kit, name, url)
            sums.append(f"{wire} {kit}")
    return ", ".join(sums)


def contextlib_of(name, dir, pki):
    import contextlib

    @contextlib.contextmanager
    def both():
        with contextlib.ExitStack() as stack:
            if name == "dnsdist":
                backend = stack.enter_context(dns.Bind(dir))
                server = stack.enter_context(dns.Dnsdist(dir, pki=pki, backend=backend))
                yield server, backend
            else:
                server = stack.enter_context(SERVERS[name][0](dir, pki=pki))
                yield server, server
    return both()


def main():
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    for name in pick(sys.argv[1:], list(SERVERS)):
        with tempfile.TemporaryDirectory(prefix="locust-dns-") as dir:
            authority = certs.Pki(dir + "/pki", "rsa")
            pki = authority.leaf("server", san="DNS:localhost,IP:127.0.0.1")
            pki.root = authority.root
            try:
                word, about = "ok", one(name, dir, pki)
            except Skip as why:
                word, about = "skip", str(why)
            except AssertionError as why:
                word, about = "not ok", str(why)[-3000:]
            counts[word] += 1
            print(f"{word} {name}: {about}", flush=True)
    print("%d passed, %d failed, %d skipped" % tuple(counts.values()))
    return counts["not ok"] > 0


if __name__ == "__main__":
    sys.exit(main())
