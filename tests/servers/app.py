"""app.py NAME PORT - one of the HTTP servers of Python on 127.0.0.1, with its defaults. Each answers /count with the
number of its other answers. Those with a command of their own load `wsgi` or `asgi` from here: one process each."""
import itertools, sys

answers, asked = itertools.count(), itertools.count()  # next() is atomic: servers with threads count right


def text(path):
    if path == "/count":
        return b"%d" % (next(answers) - next(asked))
    next(answers)
    return b"hello"


def wsgi(environ, start_response):
    body = text(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    body = text(scope["path"])
    fields = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def stdlib(port):
    import http.server

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = text(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def microdot(port):
    from microdot import Microdot
    app = Microdot()

    @app.get("/<path:path>")
    async def answer(request, path):
        return text("/" + path)

    @app.get("/")
    async def root(request):
        return text("/")

    app.run(host="127.0.0.1", port=port)


def waitress(port):
    import waitress
    waitress.serve(wsgi, host="127.0.0.1", port=port)


def cheroot(port):
    from cheroot.wsgi import Server
    Server(("127.0.0.1", port), wsgi).start()


def aiohttp(port):
    from aiohttp import web
    app = web.Application()

    async def answer(request):
        return web.Response(body=text(request.path))

    app.router.add_get("/{path:.*}", answer)
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


def tornado(port):
    import asyncio, tornado.web

    class Answer(tornado.web.RequestHandler):
        def get(self):
            self.write(text(self.request.path))

    async def main():
        tornado.web.Application([("/.*", Answer)], log_function=lambda _: None).listen(port, "127.0.0.1")
        await asyncio.Event().wait()

    asyncio.run(main())


def werkzeug(port):
    import logging
    from werkzeug.serving import run_simple
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    run_simple("127.0.0.1", port, wsgi, threaded=True)


def gevent(port):
    from gevent.pywsgi import WSGIServer
    WSGIServer(("127.0.0.1", port), wsgi, log=None).serve_forever()


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
