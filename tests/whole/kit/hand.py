"""A worker that does what a test says, on the wire of a real one: ZeroMQ's DEALER and MessagePack.

    with Hand(port) as w:              # says client_ready and waits for its ack; Hand(port, ready=False) says nothing
        spawn = w.get("spawn")         # the next message of that type; others are kept
        w.send("spawning")
        w.seen                         # all messages so far: (type, data)

It sends a heartbeat each half second with its `state`, unless beats=False; `follows`: and does what `spawn`, `stop` and
`quit` ask for, without a user; `last`: the report it sends before its `quit`.
"""
import threading, time, uuid
import msgpack, zmq
from kit.lib import check


def entry(name, requests, failures=0, ms=10, method="GET", **more):
    """A row of a report: that many requests of so many ms."""
    now = time.time()
    return {"name": name, "method": method, "last_request_timestamp": now, "start_time": now - 3,
            "num_requests": requests, "num_none_requests": 0, "num_failures": failures,
            "total_response_time": float(ms * requests), "max_response_time": float(ms), "min_response_time": float(ms),
            "total_content_length": 6 * requests, "response_times": {ms: requests} if requests else {},
            "num_reqs_per_sec": {int(now): requests} if requests else {},
            "num_fail_per_sec": {int(now): failures} if failures else {}, **more}


def report(*rows, users={}, errors={}):
    total = entry("Aggregated", sum(r["num_requests"] for r in rows), method="")
    return {"stats": list(rows), "stats_total": total, "errors": errors, "user_classes_count": users,
            "user_count": sum(users.values())}


class Hand:
    def __init__(self, port, id=None, ready=True, beats=True, follows=True, version="2.47.0"):
        self.id, self.beats, self.follows = id or "hand_" + uuid.uuid4().hex, beats, follows
        self.cpu = 12.5
        self.last, self.state, self.users, self.seen, self.taken, self.closing = None, "ready", {}, [], set(), False
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 200)
        self.socket.setsockopt(zmq.IDENTITY, self.id.encode())
        self.socket.connect("tcp://127.0.0.1:%d" % port)
        self.lock = threading.RLock()
        self.version, self.ready = version, ready
        if ready:
            self.send("client_ready", version)
        self.thread = threading.Thread(target=self.live, daemon=True)
        self.thread.start()
        if ready:
            self.get("ack")

    def live(self):
        beat, acked = 0, False
        while not self.closing:
            with self.lock:
                body = self.socket.recv() if self.socket.poll(0) else None
                if self.beats and acked and time.monotonic() >= beat:
                    self.send("heartbeat", {"state": self.state, "current_cpu_usage": self.cpu,
                                            "current_memory_usage": 1 << 20})
                    beat = time.monotonic() + 0.5
                if body:
                    type, data, id = msgpack.unpackb(body, raw=False, strict_map_key=False)
                    check(id == self.id, "a message for another", id)
                    acked |= type == "ack"
                    self.seen.append((type, data))
                    if self.follows:
                        self.follow(type, data)
            if not body:
                time.sleep(0.005)

    def follow(self, type, data):
        if type == "spawn":
            self.users, self.state = data["user_classes_count"], "running"
            self.send("spawning")
            self.send("spawning_complete", {"user_classes_count": self.users, "user_count": sum(self.users.values())})
        elif type == "stop":
            self.users, self.state = {}, "ready"
            self.send("client_stopped")
            self.send("client_ready", self.version)
        elif type == "quit":
            if self.last:
                self.send("stats", self.last)
            self.send("quit")

    def send(self, type, data=None):
        self.raw(msgpack.packb([type, data, self.id]))

    def raw(self, body):
        with self.lock:
            self.socket.send(body)

    def get(self, type, seconds=20, where=lambda data: True):
        """The data of the next message of that type that was not got before."""
        end = time.monotonic() + seconds
        while True:
            for i, (kind, data) in enumerate(self.seen):
                if i not in self.taken and kind == type and where(data):
                    self.taken.add(i)
                    return data
            check(time.monotonic() < end, "no %s came" % type, self.seen[-30:])
            time.sleep(0.01)

    def close(self):
        if not self.closing:
            self.closing = True
            self.thread.join()
            self.socket.close()
            self.context.term()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
