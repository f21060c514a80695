"""A server of Qdrant's REST interface that answers what a test says.

    with Qdrant(lambda method, path, body: found(1, 2)) as s:       # s.url, s.seen: (method, path, body)
"""
import json, re, threading
from kit.lib import Script, read_head


class Qdrant(Script):
    """Answers each request by answer(method, path, body), which returns (status, JSON or bytes); keeps the requests."""

    def __init__(self, answer):
        self.seen, self.keys, self.lock = [], set(), threading.Lock()

        def serve(c):
            while True:
                head = read_head(c).decode()
                if not head:
                    return
                size, body = int(re.search(r"content-length: *(\d+)", head, re.I)[1]), b""
                while len(body) < size:
                    body += c.recv(size - len(body))
                method, path = head.split()[:2]
                with self.lock:
                    self.seen.append((method, path, json.loads(body)))
                    self.keys.add(tuple(re.findall(r"^(api-key: \S+|content-type: \S+)\r$", head, re.I | re.M)))
                status, said = answer(method, path, json.loads(body))
                said = said if isinstance(said, bytes) else json.dumps(said).encode()
                c.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n%s"
                          % (status, len(said), said))
        super().__init__(serve)


def found(*ids):
    return 200, {"result": {"points": [{"id": i, "version": 0, "score": 0.5, "payload": {}} for i in ids]},
                 "status": "ok", "time": 0.001}


def done(*_):
    return 200, {"result": {"operation_id": 0, "status": "completed"}, "status": "ok", "time": 0.001}
