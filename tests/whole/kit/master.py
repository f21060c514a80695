"""A master that does what a test says, on the wire of a real one: ZeroMQ's ROUTER and MessagePack.

    with Master() as m:                    # on a free port of 127.0.0.1; Master(port) on that one
        worker = m.get("client_ready")     # the first message of that type, in order of arrival; others are kept
        m.send(worker.id, "ack", {"index": 0})
        m.spawn(worker.id, {"Few": 3})
        m.seen                             # all messages so far

It acknowledges client_ready and answers heartbeats by itself, unless answers=False.
"""
import threading, time
import msgpack, zmq
from kit.lib import check


class Message:
    def __init__(self, type, data, id):
        self.type, self.data, self.id, self.at = type, data, id, time.monotonic()

    def __repr__(self):
        return "%s %.300r" % (self.type, self.data)


class Master:
    def __init__(self, port=0, answers=True):
        self.answers, self.seen, self.taken, self.bad = answers, [], set(), []
        self.index, self.last, self.closing = {}, 0, False
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 200)
        if port:
            self.socket.bind("tcp://127.0.0.1:%d" % port)
        self.port = port or self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()

    def receive(self):
        while not self.closing:
            with self.lock:
                ready = self.socket.poll(0)
                frames = self.socket.recv_multipart() if ready else None
            if not frames:
                time.sleep(0.005)
                continue
            try:
                identity, body = frames
                type, data, id = msgpack.unpackb(body, raw=False, strict_map_key=False)
                if id != identity.decode():
                    raise ValueError("identity %r, id %r" % (identity, id))
            except Exception as why:
                self.bad.append((frames, why))
                continue
            self.seen.append(Message(type, data, id))
            if self.answers and type == "client_ready":
                self.send(id, "ack", {"index": self.index.setdefault(id, len(self.index))})
            if self.answers and type == "heartbeat" and id in self.index:
                self.send(id, "heartbeat", None)

    def send(self, id, type, data):
        with self.lock:
            self.socket.send_multipart([id.encode(), msgpack.packb([type, data, id])])

    def spawn(self, id, counts, timestamp=None, **more):
        self.last = max(time.time(), self.last + 0.001) if timestamp is None else timestamp
        options = {"tags": None, "exclude_tags": None, "expect_workers": 1, **more.pop("options", {})}
        self.send(id, "spawn", {"timestamp": self.last, "user_classes_count": counts, "host": None,
                                "stop_timeout": 0.0, "parsed_options": options, **more})

    def get(self, type, seconds=20, where=lambda m: True):
        """The next message of that type that was not got before."""
        end = time.monotonic() + seconds
        while True:
            for i, m in enumerate(self.seen):
                if i not in self.taken and m.type == type and where(m):
                    self.taken.add(i)
                    return m
            check(time.monotonic() < end, "no %s came" % type, self.seen[-30:], self.bad)
            time.sleep(0.01)

    def close(self):
        self.closing = True
        self.thread.join()
        self.socket.close()
        self.context.term()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.closing:
            self.close()
