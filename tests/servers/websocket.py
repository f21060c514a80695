#!/usr/bin/env -S python3 -B
"""WebSocket and Socket.IO against the cases of Autobahn, and against real servers whose counts must agree with ours.

    tests/servers/websocket.py [NAME...]     all, or those: autobahn ws gorilla jetty nginx socket.io

kosoku (PyPI) plays Autobahn's cases in a server; the kit echoes, by examples' own calls, and each case must be OK or
NON-STRICT. The other servers come from npm, the Go proxy, Maven and Debian, into build/servers; each echoes what 20 users say for
3 s, and counts. Outside CI: it takes minutes.
"""
import json, os, re, shutil, signal, socket, subprocess, sys, time
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "whole"))
from kit.lib import ROOT, build, check, count, failed, free_port, run, same, stats_csv, until
from kit.pick import pick

KEPT = os.path.join(ROOT, "build", "servers", "websocket")
# Sections of Autobahn's cases: as many clients play side by side, each with a server of its own.
SECTIONS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*", "12.1.*", "12.2.*", "12.3.*", "12.4.*",
            "12.5.*", "13.1.*", "13.2.*", "13.3.*", "13.4.*", "13.5.*", "13.6.*", "13.7.*"]

NODE = {"ws": """
const { WebSocketServer } = require('ws')
const n = { connections: 0, messages: 0 }
const s = new WebSocketServer({ port: +process.argv[1], host: '127.0.0.1' })
s.on('connection', c => { n.connections++; c.on('message', (m, b) => { n.messages++; c.send(m, { binary: b }) }) })
process.on('SIGTERM', () => { console.log(JSON.stringify(n)); process.exit() })
""", "socket.io": """
const { Server } = require('socket.io')
const n = { connections: 0, join: 0, sum: 0 }
const io = new Server(+process.argv[1])
io.of('/room').use((c, go) => go(c.handshake.auth.token === 'x' ? undefined : new Error('who are you')))
io.of('/room').on('connection', c => {
  n.connections++
  c.on('join', d => { n.join++; c.emit('hello', { room: d.room, picture: Buffer.from('123') }); c.emit('bye') })
  c.on('sum', (a, b, done) => { n.sum++; done(a + b) })
})
process.on('SIGTERM', () => { console.log(JSON.stringify(n)); process.exit() })
"""}
GO = """package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/gorilla/websocket"
)

func main() {
	var connections, messages int64
	up := websocket.Upgrader{Subprotocols: []string{"chat.v1"}}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		atomic.AddInt64(&connections, 1)
		for {
			kind, m, err := c.ReadMessage()
			if err != nil {
				return
			}
			atomic.AddInt64(&messages, 1)
			if c.WriteMessage(kind, m) != nil {
				return
			}
		}
	})
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go http.ListenAndServe("127.0.0.1:"+os.Args[1], nil)
	<-end
	fmt.Printf("{\\"connections\\": %d, \\"messages\\": %d}\\n", connections, messages)
}
"""
JAVA = """import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.websocket.api.*;
import org.eclipse.jetty.websocket.server.WebSocketUpgradeHandler;
import java.util.concurrent.atomic.AtomicLong;

public class Echo {
    static final AtomicLong connections = new AtomicLong(), messages = new AtomicLong();

    public static class Talk extends Session.Listener.AbstractAutoDemanding {
        @Override public void onWebSocketOpen(Session s) { super.onWebSocketOpen(s); connections.incrementAndGet(); }
        @Override public void onWebSocketText(String m) {
            messages.incrementAndGet();
            getSession().sendText(m, Callback.NOOP);
        }
    }

    public static void main(String[] args) throws Exception {
        Server server = new Server(new java.net.InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
        server.setHandler(WebSocketUpgradeHandler.from(server, c -> c.addMapping("/*", (q, r, cb) -> new Talk())));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println(
            "{\\"connections\\": " + connections + ", \\"messages\\": " + messages + "}")));
        server.start();
        server.join();
    }
}
"""
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>x</groupId><artifactId>x</artifactId><version>1</version><dependencies>
<dependency><groupId>org.eclipse.jetty.websocket</groupId><artifactId>jetty-websocket-jetty-server</artifactId>
<version>12.1.14</version></dependency>
<dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>2.0.17</version></dependency>
</dependencies></project>
"""
NGINX = """daemon off; master_process off; pid @D/pid; error_log stderr; events {}
http { access_log @D/log; client_body_temp_path @D/a; proxy_temp_path @D/b; fastcgi_temp_path @D/c;
uwsgi_temp_path @D/d; scgi_temp_path @D/e; server { listen 127.0.0.1:@P; location / { proxy_pass http://127.0.0.1:@B;
proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } } }
"""


def folder(name, **files):
    path = os.path.join(KEPT, name)
    os.makedirs(path, exist_ok=True)
    for file, text in files.items():
        with open(os.path.join(path, file.replace("_", ".")), "w") as out:
            out.write(text)
    return path


def once(path, *command):
    """Runs a command that installs, unless it has run."""
    stamp = os.path.join(path, "done")
    if not os.path.exists(stamp):
        subprocess.run(command, cwd=path, check=True, stdout=subprocess.DEVNULL)
        open(stamp, "w").close()


class Server:
    """A process that listens on a free port, and tells at its end what it saw."""

    def __init__(self, *command, **more):
        self.port = free_port()
        self.p = subprocess.Popen([c.replace("@P", str(self.port)) for c in command], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, **more)
        until(self.listens, 40, "a server that listens")

    def listens(self):
        check(self.p.poll() is None, "it ended")
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self):
        self.p.send_signal(signal.SIGTERM)
        out = self.p.communicate(timeout=20)[0]
        return json.loads(out.splitlines()[-1]) if out.strip() else {}


def node(name):
    path = folder("node")
    once(path, "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", path, "ws@8.23.0", "socket.io@4.8.4")
    return Server("node", "-e", NODE[name], "@P", env=dict(os.environ, NODE_PATH=path + "/node_modules"))


def gorilla():
    path = folder("go", main_go=GO, go_mod="module echo\n\ngo 1.21\n\nrequire github.com/gorilla/websocket v1.5.3\n")
    once(path, "go", "build", "-mod=mod", "-o", "echo", ".")
    return Server(path + "/echo", "@P")


def jetty():
    path = folder("java", Echo_java=JAVA, pom_xml=POM)
    once(path, "sh", "-c", "mvn -q -B dependency:copy-dependencies -DoutputDirectory=jars && javac -nowarn -cp 'jars/*' Echo.java")
    return Server("java", "-cp", path + "/jars/*:" + path, "Echo", "@P")


def chat(server, url=None, strays=0):
    """Loads an echo server; its counts are ours, but for messages that the end cut short."""
    dir = folder("run")
    r = run(dir, [build("examples/websocket.c"), "--headless", "-u", "20", "-r", "1000", "-t", "3", "-H",
                  url or "ws://127.0.0.1:%d" % server.port, "--csv", "c", "--only-summary"])
    seen = server.end()
    rows, total = stats_csv(dir + "/c")
    same((r.rc, failed(total), seen["connections"] - strays), (0, 0, count(rows["WS", "connect"])), r, seen)
    check(0 <= seen["messages"] - count(rows["WS", "echo"]) <= 20, seen, rows)
    return "%d connections, %d messages" % (seen["connections"], seen["messages"])


def behind_nginx():
    ws = node("ws")
    dir = folder("nginx")
    with open(dir + "/conf", "w") as out:
        out.write(NGINX.replace("@D", dir).replace("@B", str(ws.port)))
    port = free_port()
    with open(dir + "/conf") as f:
        text = f.read().replace("@P", str(port))
    with open(dir + "/conf", "w") as out:
        out.write(text)
    p = subprocess.Popen(["nginx", "-p", dir, "-e", "stderr", "-c", dir + "/conf"], stderr=subprocess.DEVNULL,
                         env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
    try:
        def up():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", port)) == 0
        until(up, 10, "nginx")
        return chat(ws, "ws://127.0.0.1:%d" % port)
    finally:
        p.kill()
        p.wait()


def rooms(server):
    dir = folder("run")
    done = []
    with open("examples/socketio.c") as f:
        source = f.read()
    for name, text in ("sio", source), ("poll", source.replace("u->host, .auth", "u->host, .polling = true, .auth")):
        with open("%s/%s.c" % (dir, name), "w") as out:
            out.write(text)
        done.append(run(dir, [build("%s/%s.c" % (dir, name)), "--headless", "-u", "10", "-r", "1000", "-t", "4", "-H",
                              "http://127.0.0.1:%d" % server.port, "--csv", name, "--only-summary"]))
    seen = server.end()
    both = [stats_csv(dir + "/" + name)[0] for name in ("sio", "poll")]
    for r in done:
        same(r.rc, 0, r)
    for key, row in (("connections", ("WS", "connect")), ("join", ("WSE", "join"))):
        same(seen[key], sum(count(rows[row]) for rows in both), seen)
    check(0 <= seen["sum"] - sum(count(rows["WSC", "sum"]) for rows in both) <= 20, seen)
    return "%d connections, %d calls" % (seen["connections"], seen["sum"])


AUTOBAHN = """
import asyncio, sys
from kosoku import FailureError, run_fuzzingserver
async def main():
    try:
        async with run_fuzzingserver(sys.argv[2:], [], host="127.0.0.1", port=int(sys.argv[1])) as server:
            print("up", flush=True)
            results = await server.get_result()
    except FailureError as failure:
        results = failure.results
    for r in results:
        print("case", getattr(r, "case_id", getattr(r, "id", "?")), r.behavior.value, r.behavior_close.value, flush=True)
asyncio.run(main())
"""


def autobahn(sections=SECTIONS):
    path = folder("kosoku")
    once(path, "sh", "-c", "python3 -m venv . && bin/pip install -q kosoku==0.1.0")
    program = build("scripted_websocket.c", "-O2", "-DLOCUST_ZLIB", libs=("-lz",))
    cases, wrong = 0, []
    for section in sections:
        port = free_port()
        server = subprocess.Popen([path + "/bin/python", "-c", AUTOBAHN, str(port), section], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        try:
            same(server.stdout.readline().strip(), "up", section)
            url = "connect ws://127.0.0.1:%d/" % port
            r = run(path, [program, "--headless", "--only-summary"], env={"WS_SCRIPT": url + "getCaseCount\nreceive 5"})
            n = int(re.search(r"receive\t(\d+)", r.out)[1])
            script = [line for i in range(1, n + 1) for line in (url + "runCase?case=%d&agent=kit deflate" % i, "echo")]
            script += [url + "updateReports?agent=kit", "receive 5"]
            run(path, [program, "--headless", "--only-summary"], env={"WS_SCRIPT": "\n".join(script)}, seconds=900)
            out, err = server.communicate(timeout=60)
        finally:
            server.kill()
        lines = [line.split() for line in out.splitlines() if line.startswith("case ")]
        check(len(lines) == n, "%s: %d of %d cases" % (section, len(lines), n), err[-500:])
        cases += n
        wrong += [line for line in lines if line[2] not in ("OK", "NON-STRICT", "INFORMATIONAL")]
        print("    %-7s %3d cases, %d NON-STRICT, %d wrong" % (
            section, n, sum(line[2] == "NON-STRICT" for line in lines), len(wrong)), flush=True)
    check(not wrong, *wrong[:10])
    return "%d cases" % cases


ALL = {"autobahn": autobahn, "ws": lambda: chat(node("ws")), "gorilla": lambda: chat(gorilla()),
       "jetty": lambda: chat(jetty()), "nginx": behind_nginx, "socket.io": lambda: rooms(node("socket.io"))}


def main():
    bad = 0
    for name in pick(sys.argv[1:], list(ALL)):
        try:
            print("ok      %-10s %s" % (name, ALL[name]()), flush=True)
        except Exception as why:  # a package that cannot be had is a failure here: nothing is skipped unseen
            bad += 1
            print("not ok  %-10s %s" % (name, str(why)[:1500]), flush=True)
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
