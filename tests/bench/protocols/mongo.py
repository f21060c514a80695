"""MongoDB: CPU of the generator for a find of one document, beside Locust's MongoDBUser (PyPI, in a virtual
environment under build/), and resident bytes for an idle client. The server is a small one of this file, on a
core of its own, which answers each find with the same document: what it takes is nobody's CPU but its own.

Of both the CPU and the finds of a short run are taken off those of a long one, so that starting is not
counted. The runs take turns; what is printed is the median of the ratios.
"""
import csv
import os
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading

from benches import BUILD, GENERATOR_CORE, SERVER_CORE, compile_test, pin, resident

USERS, ROUNDS, SHORT, LONG, IDLE = 20, 3, 2, 6, 10000

TEST = """#include "locust.h"
static void find(locust_user *u)
{
    locust_mongo_result *r = locust_mongo_find(u, "items", "{\\"_id\\": 7}", .limit = 1);
    locust_mongo_document(r, 0);
}
LOCUST_USER(Reader, .tasks = LOCUST_TASKS(LOCUST_TASK(find)));
LOCUST_MAIN(.users = { &Reader })
"""

LOCUST = """from locust import task
from locust.contrib.mongodb import MongoDBUser

class Reader(MongoDBUser):
    conn_string = "mongodb://127.0.0.1:%d/"
    db_name = "shop"

    @task
    def find(self):
        self.client.execute_query("items", {"_id": 7})
"""

WAIT = """#include "locust.h"
static void wait_here(locust_user *u)
{
%s    locust_sleep(u, 600);
}
LOCUST_USER(Waiter, .tasks = LOCUST_TASKS(LOCUST_TASK(wait_here)));
LOCUST_MAIN(.users = { &Waiter })
"""
CONNECT = """    if (!locust_mongo_connect(u, u->host))
        locust_stop_user(u);
"""


def element(kind, name, value):
    return bytes([kind]) + name + b"\0" + value


def document(*elements):
    body = b"".join(elements) + b"\0"
    return struct.pack("<i", len(body) + 4) + body


def number(name, value):
    return element(16, name, struct.pack("<i", value))


OK = element(1, b"ok", struct.pack("<d", 1.0))
HELLO = document(element(8, b"ismaster", b"\1"), element(8, b"isWritablePrimary", b"\1"), element(8, b"helloOk", b"\1"),
                 number(b"maxBsonObjectSize", 16777216), number(b"maxMessageSizeBytes", 48000000),
                 number(b"maxWriteBatchSize", 100000), number(b"minWireVersion", 0), number(b"maxWireVersion", 21), OK)
ITEM = document(number(b"_id", 7), element(2, b"name", struct.pack("<i", 11) + b"0123456789\0"),
                element(1, b"price", struct.pack("<d", 9.5)))
FOUND = document(element(3, b"cursor", document(
    element(4, b"firstBatch", document(element(3, b"0", ITEM))), element(18, b"id", struct.pack("<q", 0)),
    element(2, b"ns", struct.pack("<i", 11) + b"shop.items\0"))), OK)


def answer(head, body):
    """The answer to a message: OP_MSG, or OP_QUERY by which drivers say hello."""
    _, id, _, code = head
    if code == 2004:
        return struct.pack("<iiiiiqii", 36 + len(HELLO), 1, id, 1, 8, 0, 0, 1) + HELLO
    name = body[10:body.index(b"\0", 10)]
    said = FOUND if name == b"find" else HELLO if name.lower() in (b"hello", b"ismaster") else document(OK)
    return struct.pack("<iiiiIB", 21 + len(said), 1, id, 2013, 0, 0) + said


def serve(port):
    """The server, in a process of its own: one thread that polls."""
    import select
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    listener.setblocking(False)
    poll, sockets, left = select.epoll(), {}, {}
    poll.register(listener.fileno(), select.EPOLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                c = listener.accept()[0]
                c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sockets[c.fileno()], left[c.fileno()] = c, b""
                poll.register(c.fileno(), select.EPOLLIN)
                continue
            try:
                data = sockets[fd].recv(65536)
            except OSError:
                data = b""
            if not data:
                poll.unregister(fd)
                sockets.pop(fd).close()
                continue
            data = left[fd] + data
            while len(data) >= 16 and len(data) >= struct.unpack("<i", data[:4])[0]:
                head = struct.unpack("<iiii", data[:16])
                sockets[fd].sendall(answer(head, data[16:head[0]]))
                data = data[head[0]:]
            left[fd] = data


class Server:
    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="locust-bench-")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.p = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(self.port)], preexec_fn=pin(SERVER_CORE),
                                  env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.abspath(__file__)))})
        while True:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()
        shutil.rmtree(self.dir)


def virtual():
    """The locust command of PyPI, installed once."""
    where = BUILD + "/bench_mongo_python"
    if not os.path.exists(where + "/bin/locust"):
        subprocess.check_call(["python3", "-m", "venv", where])
        subprocess.check_call([where + "/bin/pip", "-q", "install", "locust", "pymongo"])
    return where + "/bin/locust"


def cpu_of(command, dir, seconds):
    """(seconds of CPU, finds) of one run."""
    before = os.times()
    subprocess.run(command + ["--headless", "-u", str(USERS), "-r", "100", "-t", f"{seconds}s", "--csv", dir + "/out",
                              "--only-summary"], cwd=dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   preexec_fn=pin(GENERATOR_CORE), timeout=120)
    after = os.times()
    with open(dir + "/out_stats.csv") as f:
        n = sum(int(row["Request Count"]) - int(row["Failure Count"]) for row in csv.DictReader(f)
                if row["Name"] in ("find items", "QUERY"))
    return (after.children_user - before.children_user) + (after.children_system - before.children_system), n


def cost(command, dir):
    """Microseconds of CPU for a find. On a busy machine a run may end before its users have begun: once more then."""
    for _ in range(3):
        (short, n_short), (long, n_long) = cpu_of(command, dir, SHORT), cpu_of(command, dir, LONG)
        if n_long > n_short > 0:
            return (long - short) / (n_long - n_short) * 1e6
    sys.exit(f"bench: {command[0]} found nothing")


def finding(server):
    ours = [compile_test("bench_mongo", TEST), "-H", f"mongodb://127.0.0.1:{server.port}/shop"]
    with open(server.dir + "/locustfile.py", "w") as f:
        f.write(LOCUST % server.port)
    theirs = [virtual(), "-f", server.dir + "/locustfile.py"]
    rounds = [(cost(ours, server.dir), cost(theirs, server.dir)) for _ in range(ROUNDS)]
    our, their = (statistics.median(r[i] for r in rounds) for i in (0, 1))
    ratio = statistics.median(a / b for a, b in rounds)
    print(f"find of one document, CPU of the generator: {our:.1f} us, Locust's MongoDBUser {their:.0f} us: {ratio:.3f} of it "
          "(at most 0.1)", flush=True)


def settled(program, server):
    """Resident bytes of a process whose users wait, all connected if they connect."""
    import time
    p = subprocess.Popen([program, "-H", f"mongodb://127.0.0.1:{server.port}", "--headless", "-u", str(IDLE), "-r", "2000",
                          "-t", "90s", "--only-summary"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in p.stderr:
        if "All users spawned" in line:
            break
    threading.Thread(target=p.stderr.read, daemon=True).start()
    last, now = -1, resident(p.pid)
    while now != last:
        time.sleep(3)
        last, now = now, resident(p.pid)
    sockets = sum(os.readlink(f"/proc/{p.pid}/fd/{fd}").startswith("socket:") for fd in os.listdir(f"/proc/{p.pid}/fd"))
    p.kill()
    p.wait()
    return now, sockets


def idle(server):
    with_client, sockets = settled(compile_test("bench_mongo_idle", WAIT % CONNECT), server)
    without, _ = settled(compile_test("bench_mongo_none", WAIT % ""), server)
    print(f"{sockets} idle clients in one process: {(with_client - without) / IDLE:.0f} resident bytes each, beside those of "
          "their users", flush=True)


def bench():
    with Server() as server:
        finding(server)
        idle(server)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
