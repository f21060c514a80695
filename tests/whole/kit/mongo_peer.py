"""A MongoDB server that does what a test says: OP_MSG, hello, logins by SCRAM, a small store.

    with Mongo(store) as s: s.to()           # serve(peer) is called for each connection; or a list, in turn
    peer.command()                           # the next command: a dict, its documents in their field
    peer.answer({"ok": 1.0})                 # to the last command
    peer.hello(maxWriteBatchSize=3)          # takes the client's hello
    peer.login({"u": "p"})                   # SCRAM-SHA-256 or SCRAM-SHA-1, as the client says

The documents are read and written by pymongo's bson, the rest is written from MongoDB's specifications.
"""
import base64, hashlib, hmac, os, queue, ssl, struct, threading
import bson
from bson import Binary, Int64
from kit.lib import Script, check

HELLO = {"isWritablePrimary": True, "maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000,
         "maxWriteBatchSize": 100000, "minWireVersion": 0, "maxWireVersion": 21, "logicalSessionTimeoutMinutes": 30,
         "ok": 1.0}


class Gone(OSError):
    pass


def message(id, to, document, flags=0, code=2013):
    """The bytes of an answer; a document that is bytes is taken as it is."""
    body = document if isinstance(document, bytes) else bson.encode(document)
    return struct.pack("<iiiiIB", 21 + len(body), id, to, code, flags, 0) + body


class Peer:
    def __init__(self, connection):
        self.c, self.sent, self.id, self.sizes, self.flags = connection, 0, 0, [], 0

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.c.recv(n - len(data))
            if not more:
                raise Gone("the client has gone")
            data += more
        return data

    def command(self):
        length, self.id, to, code = struct.unpack("<iiii", self.read(16))
        check(code == 2013 and to == 0 and 26 <= length <= 48000000, length, to, code)
        self.sizes.append(length)
        body = self.read(length - 16)
        self.flags = struct.unpack("<I", body[:4])[0]
        at, document, lists = 4, None, {}
        while at < len(body):
            kind, size = body[at], struct.unpack("<i", body[at + 1:at + 5])[0]
            part = body[at + 1:at + 1 + size]
            check(len(part) == size and kind in (0, 1), "a section that is cut", kind, size)
            at += 1 + size
            if kind == 0:
                check(document is None, "two documents")
                document = bson.decode(part)
            else:
                name, part = part[4:].split(b"\0", 1)
                lists[name.decode()] = bson.decode_all(part)
        check(not set(lists) & set(document), "a field that is there twice")
        document.update(lists)
        return document

    def raw(self, data):
        self.c.sendall(data)

    def answer(self, document, **how):
        self.sent += 1
        self.raw(message(self.sent, self.id, document, **how))

    def hello(self, **more):
        got = self.command()
        name = next(iter(got))
        check(name == "hello" and got["$db"] == "admin" and got["client"]["driver"]["name"] == "locust.h", got)
        mechanisms = more.pop("mechanisms", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
        answer = {**HELLO, **more}
        if "saslSupportedMechs" in got and mechanisms:
            answer["saslSupportedMechs"] = mechanisms
        self.answer({k: v for k, v in answer.items() if v is not None})
        return got

    def login(self, users, rounds=4096, spoil=lambda step, text: text, empty=False, salt=b"0123456789abcdef"):
        """Serves one login; returns the mechanism, and whether it succeeded. spoil(step, text) may replace what
        the server says; `empty`: the server does not know skipEmptyExchange."""
        start = self.command()
        check(start["saslStart"] == 1 and start["options"] == {"skipEmptyExchange": True}, start)
        name = start["mechanism"]
        digest = "sha1" if name == "SCRAM-SHA-1" else "sha256"
        first = bytes(start["payload"]).decode()
        check(first.startswith("n,,"), first)
        fields = dict(f.split("=", 1) for f in first[3:].split(","))
        user = fields["n"].replace("=2C", ",").replace("=3D", "=")
        nonce = fields["r"] + base64.b64encode(os.urandom(9)).decode()
        challenge = "r=%s,s=%s,i=%d" % (nonce, base64.b64encode(salt).decode(), rounds)
        said = spoil(1, challenge)
        if said is None:
            self.answer({"ok": 0.0, "errmsg": "Authentication failed.", "code": 18, "codeName": "AuthenticationFailed"})
            return name, False
        self.answer({"conversationId": 7, "done": False, "payload": Binary(said.encode()), "ok": 1.0})
        go = self.command()
        check(go["saslContinue"] == 1 and go["conversationId"] == 7 and go["$db"] == start["$db"], go)
        final = bytes(go["payload"]).decode()
        bare, proof = final.rsplit(",p=", 1)
        check(bare == "c=biws,r=" + nonce, final)
        password = users.get(user, "no such user")
        if digest == "sha1":
            password = hashlib.md5((user + ":mongo:" + password).encode()).hexdigest()
        key = hashlib.pbkdf2_hmac(digest, password.encode(), salt, rounds)
        sign = lambda key, text: hmac.new(key, text, digest).digest()
        text = (first[3:] + "," + challenge + "," + bare).encode()
        client = sign(key, b"Client Key")
        wanted = bytes(a ^ b for a, b in zip(client, sign(hashlib.new(digest, client).digest(), text)))
        if base64.b64decode(proof) != wanted or user not in users:
            self.answer({"ok": 0.0, "errmsg": "Authentication failed.", "code": 18, "codeName": "AuthenticationFailed"})
            return name, False
        verifier = "v=" + base64.b64encode(sign(sign(key, b"Server Key"), text)).decode()
        said = spoil(2, verifier)
        self.answer({"conversationId": 7, "done": not empty, "payload": Binary(said.encode()), "ok": 1.0})
        if empty:
            last = self.command()
            check(last["saslContinue"] == 1 and bytes(last["payload"]) == b"", last)
            self.answer({"conversationId": 7, "done": True, "payload": Binary(b""), "ok": 1.0})
        return name, True


class Store:
    """A server with documents in memory: what the tests that count need, no more."""

    def __init__(self, **hello):
        self.hello, self.lock = hello, threading.Lock()
        self.collections, self.cursors, self.counts, self.commands = {}, {}, {}, []

    def __call__(self, peer):
        peer.hello(**self.hello)
        while True:
            got = peer.command()
            name = next(iter(got))
            with self.lock:
                self.counts[name] = self.counts.get(name, 0) + 1
                self.commands.append(got)
                if peer.flags & 2:
                    continue
                answer = getattr(self, name, lambda got: {"ok": 0.0, "errmsg": "no such command: '%s'" % name,
                                                          "code": 59})(got)
            peer.answer(answer)

    def ping(self, got):
        return {"ok": 1}

    def insert(self, got):
        kept = self.collections.setdefault(got["insert"], {})
        errors, n = [], 0
        for i, document in enumerate(got["documents"]):
            check(next(iter(document)) == "_id", "no _id in front", document)
            if document["_id"] in kept:
                errors.append({"index": i, "code": 11000, "errmsg": "E11000 duplicate key error collection: t.c index: "
                               "_id_ dup key: { _id: %s }" % document["_id"]})
                if got.get("ordered", True):
                    break
            else:
                kept[document["_id"]] = document
                n += 1
        answer = {"n": n, "ok": 1.0}
        return {**answer, "writeErrors": errors} if errors else answer

    def find(self, got):
        documents = list(self.collections.get(got["find"], {}).values())
        if got.get("limit"):
            documents = documents[:got["limit"]]
        return self.batch(got, documents, got["find"], "firstBatch", got.get("batchSize", 101))

    def batch(self, got, documents, collection, name, size):
        id = 0
        if len(documents) > size and not got.get("singleBatch"):
            id = len(self.cursors) + (1 << 40)
            self.cursors[id] = (collection, documents[size:])
        return {"cursor": {name: documents[:size], "id": Int64(id), "ns": got["$db"] + "." + collection}, "ok": 1.0}

    def getMore(self, got):
        collection, documents = self.cursors.pop(got["getMore"])
        check(collection == got["collection"], got)
        return self.batch(got, documents, collection, "nextBatch", got.get("batchSize", len(documents)))

    def killCursors(self, got):
        for id in got["cursors"]:
            check(self.cursors.pop(id, None), "a cursor that is not open", id)
        return {"cursorsKilled": got["cursors"], "ok": 1.0}


class Mongo(Script):
    """Serves connections: by one function of a Peer, or by a list of them in turn. What goes wrong in one is raised
    by fine()."""

    def __init__(self, serve, tls=None):
        self.wrong, turns = queue.Queue(), iter(serve) if isinstance(serve, (list, tuple)) else None
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.chain, tls.key)

        def one(c):
            try:
                if context:
                    c = context.wrap_socket(c, server_side=True)
                (next(turns) if turns else serve)(Peer(c))
            except OSError:
                pass
            except StopIteration:
                self.wrong.put(AssertionError("a connection too many"))
            except Exception as why:
                self.wrong.put(why)
            finally:
                c.close()
        super().__init__(one)

    def to(self, user="", more=""):
        return "mongodb://%s127.0.0.1:%d/t%s" % (user, self.port, more)

    def fine(self):
        if not self.wrong.empty():
            raise self.wrong.get()
