"""nginx on ports of its own, by a configuration of the test's.

    with Nginx(dir, CONFIG, PORT=None, OTHER=url) as nginx:   # a Skip where it is not installed
        nginx.port["PORT"], nginx.url                         # url: http on the first of the ports

In the configuration @D is the folder, which has a www/; @NAME is a free port where a value is None, else
the value as text. What every one of them says stands before it: one process, in the foreground, errors to
standard error, and its temporary files in the folder.
"""
from kit.lib import *

PROGRAM = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")
HEAD = """daemon off; master_process off; pid @D/pid; error_log stderr; worker_rlimit_nofile 8192;
"""
TEMPORARY = "".join("%s_temp_path @D/temp; " % what for what in "client_body proxy fastcgi uwsgi scgi".split())


class Process:
    """nginx on free ports, self.port {name: port}; a subclass says its configuration by text()."""
    before_exec = None  # called in its process

    def __init__(self, dir, names):
        if not PROGRAM:
            raise Skip("nginx-light is missing")
        self.dir, self.p = dir, None
        os.makedirs(dir + "/www", exist_ok=True)
        for _ in range(20):  # another may take a port before it does
            with contextlib.ExitStack() as stack:
                sockets = {name: stack.enter_context(socket.socket()) for name in names}
                for s in sockets.values():
                    s.bind(("127.0.0.1", 0))
                self.port = {name: s.getsockname()[1] for name, s in sockets.items()}
            with open(dir + "/n.conf", "w") as f:
                f.write(self.text())
            if self.start():
                return
        raise AssertionError("nginx does not start: " + self.errors())

    def start(self):
        """Whether it runs; also after stop(), on the same ports."""
        with open(self.dir + "/n.err", "w") as err:
            self.p = subprocess.Popen([PROGRAM, "-p", self.dir, "-e", "stderr", "-c", self.dir + "/n.conf"],
                                      stdin=subprocess.DEVNULL, stdout=err, stderr=err,
                                      preexec_fn=self.before_exec)

        def up():
            with contextlib.suppress(OSError):
                for port in self.port.values():
                    socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            return self.p.poll() is not None

        until(up, 20, "nginx listens")
        return self.p.poll() is None

    def errors(self):
        with open(self.dir + "/n.err") as f:
            return f.read()

    def finish(self):
        """Lets it end in order, which writes its logs to their end."""
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGQUIT)
            self.p.wait(10)

    def stop(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Nginx(Process):
    def __init__(self, dir, config, **values):
        self.config = HEAD + re.sub(r"\bhttp \{", lambda m: m[0] + " " + TEMPORARY, config, count=1)
        self.values = values
        super().__init__(dir, [name for name, value in values.items() if value is None])
        self.url = "http://127.0.0.1:%d" % next(iter(self.port.values()))

    def text(self):
        all = {**self.values, **self.port, "D": self.dir}
        names = "|".join(sorted(all, key=len, reverse=True))
        if HTTP2:  # what stands behind speaks HTTP/1.1, as servers behind a proxy do
            self.config = re.sub(r"(listen 127.0.0.1:@\w+)( ssl)?;", r"\1\2 http2;", self.config)
        return re.sub("@(%s)\\b" % names, lambda m: str(all[m[1]]), self.config)
