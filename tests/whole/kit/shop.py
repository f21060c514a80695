"""A shop of several pages, with a log-in, tokens against forged requests in forms and in a header, and ids that
each user finds in answers. Wrong or stale tokens are 403, who is not logged in goes to /login.

    kit/shop.py [PORT]     prints "listening on 127.0.0.1:PORT"
"""
import http.server, json, secrets, sys, threading, urllib.parse

PASSWORD = "correct horse; battery \"staple\""
STYLE = ("text/css", b"body { font: 16px sans-serif }")
FILES = {"/style.css": STYLE, "/print.css": STYLE, "/app.js": ("text/javascript", b"""
async function order() {
    const token = document.querySelector('meta[name=csrf-token]').content;
    const r = await fetch('/api/cart', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': token },
                                         body: JSON.stringify({ item: 7, note: 'a "quoted" note' }) });
    const made = await r.json();
    const s = await fetch('/api/orders/' + made.order.id + '?view=short');
    document.title = 'ordered ' + (await s.json()).state;
}"""), "/logo.svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"></svg>')}
HEAD = """<!doctype html><html><head><title>%s</title><link rel="stylesheet" href="/style.css">
<script src="/app.js"></script>%s</head><body><img src="/logo.svg">%s</body></html>"""


class Shop(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.sessions, self.statuses, self.lock = {}, [], threading.Lock()
        self.url = "http://127.0.0.1:%d" % self.server_address[1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind="text/html; charset=utf-8", **fields):
        with self.server.lock:
            self.server.statuses.append((self.command, urllib.parse.urlsplit(self.path).path, status))
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if self.fresh:
            self.send_header("Set-Cookie", "sid=%s; Path=/; HttpOnly" % self.sid)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def page(self, title, body, head=""):
        self.answer(200, (HEAD % (title, head, body)).encode())

    def open(self):
        """The session of the request's cookie, or a new one."""
        self.sid, self.fresh = "", False
        for pair in self.headers.get("Cookie", "").split("; "):
            if pair.startswith("sid=") and pair[4:] in self.server.sessions:
                self.sid = pair[4:]
        if not self.sid:
            self.sid, self.fresh = secrets.token_urlsafe(24), True
            self.server.sessions[self.sid] = {"token": secrets.token_hex(20), "user": None, "orders": set()}
        return self.server.sessions[self.sid]

    def do_GET(self):
        s, path = self.open(), urllib.parse.urlsplit(self.path).path
        form = '<form method="post" action="%%s"><input type="hidden" name="csrf" value="%s">' % s["token"]
        if path in FILES:
            self.answer(200, FILES[path][1], FILES[path][0])
        elif path == "/":
            self.page("shop", '<a id="in" href="/login">log in</a>')
        elif path == "/login":
            self.page("log in", form % "/login" + '<input name="user"><input name="password" type="password"><button id="go">go</button></form>')
        elif path == "/account" and not s["user"]:
            self.answer(302, Location="/login")
        elif path == "/account":
            self.page("account of " + s["user"], '<button id="order" onclick="order()">order</button>' + form % "/logout" +
                      '<button id="out">out</button></form>', '<meta name="csrf-token" content="%s">' % s["token"])
        elif path.startswith("/api/orders/"):
            known = path.rsplit("/", 1)[1] in s["orders"]
            self.answer(200 if known else 404, json.dumps({"state": "open" if known else "unknown"}).encode(), "application/json")
        else:
            self.answer(404, b"none")

    def do_POST(self):
        s, body = self.open(), self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fields = dict(urllib.parse.parse_qsl(body.decode()))
        if self.path == "/api/cart":
            if self.headers.get("X-CSRF-Token") != s["token"] or not s["user"] or json.loads(body)["item"] != 7:
                return self.answer(403, b"{}", "application/json")
            order = secrets.token_hex(12)
            s["orders"].add(order)
            return self.answer(200, json.dumps({"ok": True, "order": {"id": order, "items": [7]}}).encode(), "application/json")
        if fields.get("csrf") != s["token"]:
            return self.answer(403, b"forged")
        if self.path == "/login":
            if fields.get("user") != "ann" or fields.get("password") != PASSWORD:
                return self.answer(401, b"wrong password")
            del self.server.sessions[self.sid]
            self.sid, self.fresh = secrets.token_urlsafe(24), True
            self.server.sessions[self.sid] = {"token": secrets.token_hex(20), "user": "ann", "orders": set()}
            return self.answer(303, Location="/account")
        if self.path == "/logout":
            s["user"] = None
            return self.answer(303, Location="/")
        self.answer(404, b"none")


if __name__ == "__main__":
    shop = Shop(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    print("listening on " + shop.url[7:], flush=True)
    shop.serve_forever()
