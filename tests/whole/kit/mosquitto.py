"""The broker mosquitto, on free ports of 127.0.0.1, and the bytes of MQTT for brokers of the tests' own.

    with Mosquitto(dir, "plain", "password", "tls", "client-cert") as broker:
        broker.url("plain")           # mqtt://127.0.0.1:PORT; "password" has user u, password p
        broker.sub("a/#", 3)          # mosquitto_sub: a Popen that ends after 3 messages
"""
import contextlib, socket, struct, subprocess
from kit.lib import check, until


def settings(dir, listeners, ports, pki=None):
    """The text of a configuration file."""
    lines = ["user root", "per_listener_settings true", "log_type all", "max_queued_messages 0"]
    for name in listeners:
        lines += ["listener %d 127.0.0.1" % ports[name],
                  "allow_anonymous " + ("false" if name == "password" else "true")]
        if name == "password":
            lines.append("password_file %s/pw" % dir)
        if name == "ws":
            lines.append("protocol websockets")
        if name in ("tls", "client-cert"):
            lines += ["cafile " + pki.root, "certfile " + pki.server.chain, "keyfile " + pki.server.key]
        if name == "client-cert":
            lines += ["require_certificate true", "use_identity_as_username true"]
    return "\n".join(lines) + "\n"


def free_ports(names):
    with contextlib.ExitStack() as open:  # all at once, so that no two are the same
        sockets = [open.enter_context(socket.socket()) for _ in names]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return {name: s.getsockname()[1] for name, s in zip(names, sockets)}


class Mosquitto:
    def __init__(self, dir, *listeners, pki=None):
        self.dir = dir
        self.ports = free_ports(listeners)
        self.scheme = {name: "mqtts" if name in ("tls", "client-cert") else "mqtt" for name in listeners}
        self.subs = []
        if "password" in listeners:
            subprocess.run(["mosquitto_passwd", "-c", "-b", dir + "/pw", "u", "p"], check=True,
                           stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(dir + "/m.conf", "w") as f:
            f.write(settings(dir, listeners, self.ports, pki))
        self.log_file = open(dir + "/mosquitto.log", "w+")
        self.p = subprocess.Popen(["mosquitto", "-c", dir + "/m.conf"], stdin=subprocess.DEVNULL,
                                  stdout=self.log_file, stderr=self.log_file, cwd=dir)
        until(self.listens, 30, "mosquitto listens")

    def listens(self):
        check(self.p.poll() is None, "mosquitto has ended", self.log())
        for port in self.ports.values():
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)):
                    return False
        return True

    def log(self):
        with open(self.dir + "/mosquitto.log") as f:
            return f.read()

    def url(self, name="plain"):
        return "%s://127.0.0.1:%d" % (self.scheme[name], self.ports[name])

    def sub(self, topic, n, *more):
        """Returns once it has subscribed."""
        before = self.log().count("Sending SUBACK")
        p = subprocess.Popen(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.ports["plain"]), "-t", topic,
                              "-C", str(n), "-W", "60", *more], stdout=subprocess.PIPE, text=True)
        self.subs.append(p)
        until(lambda: self.log().count("Sending SUBACK") > before, 30, "mosquitto_sub has subscribed")
        return p

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in [self.p, *self.subs]:
            if p.poll() is None:
                p.kill()
            p.wait()
            if p.stdout:
                p.stdout.close()
        self.log_file.close()


# ---- a broker in a test's own words ----

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, \
    PINGREQ, PINGRESP, DISCONNECT = range(1, 15)


def varint(n):
    out = b""
    while True:
        n, low = n >> 7, n & 127
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


def packet(first, body=b""):
    return bytes([first]) + varint(len(body)) + body


def text(s):
    return struct.pack(">H", len(s)) + s


class Peer:
    """One connection of a client, from the broker's side."""

    def __init__(self, c):
        self.c, self.buffer, self.version = c, b"", 4

    def take(self, n):
        while len(self.buffer) < n:
            more = self.c.recv(65536)
            if not more:
                raise ConnectionError("the client has gone")
            self.buffer += more
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def next(self):
        """(type, flags, body) of the client's next packet; ConnectionError at its end."""
        first = self.take(1)[0]
        length = shift = 0
        while True:
            byte = self.take(1)[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        return first >> 4, first & 15, self.take(length)

    def send(self, *packets):
        self.c.sendall(b"".join(packets))

    def accept(self, properties=b"", session=False):
        """Takes the CONNECT, and answers it; its body."""
        kind, flags, body = self.next()
        check(kind == CONNECT and flags == 0 and body[:6] == b"\0\4MQTT", kind, body)
        self.version = body[6]
        self.send(self.connack(properties, session))
        return body

    def connack(self, properties=b"", session=False):
        more = varint(len(properties)) + properties if self.version == 5 else b""
        return packet(0x20, bytes([session, 0]) + more)

    def publication(self, flags, body):
        """(topic, id, properties, payload) of a PUBLISH."""
        n = struct.unpack(">H", body[:2])[0]
        topic, rest, id, properties = body[2:2 + n], body[2 + n:], 0, b""
        if flags & 6:
            id, rest = struct.unpack(">H", rest[:2])[0], rest[2:]
        if self.version == 5:
            length = rest[0]
            properties, rest = rest[1:1 + length], rest[1 + length:]
        return topic, id, properties, rest
