"""What the benches share: a stock nginx, compiled tests, measured commands."""
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
GENERATOR_CORE, SERVER_CORE = 0, (os.cpu_count() or 1) - 1


def pin(core):
    return lambda: os.sched_setaffinity(0, {core})


def compile_test(name, source, flags=(), libs=()):
    os.makedirs(BUILD, exist_ok=True)
    path = os.path.join(BUILD, name)
    with open(path + ".c", "w") as f:
        f.write(source)
    subprocess.check_call([os.environ.get("CC", "cc"), "-O2", *flags, "-I" + ROOT, path + ".c", "-o", path,
                           *libs])
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    """A single-process nginx on a free port: its answers are 12 bytes of body."""

    def servers(self):
        """What its http section holds beside the settings for all: one listens on self.port."""
        return f"""server {{ listen 127.0.0.1:{self.port} backlog=4096;
    location / {{ return 200 "hello world\\n"; }} }}"""

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="locust-bench-")
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if not nginx:
            sys.exit("bench: nginx is not installed: run make deps")
        self.port = free_port()
        d = self.dir
        with open(d + "/n.conf", "w") as f:
            f.write(f"""daemon off; master_process off; pid {d}/pid; error_log stderr;
events {{ worker_connections 20100; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path {d}; proxy_temp_path {d}; fastcgi_temp_path {d}; uwsgi_temp_path {d};
  scgi_temp_path {d};
  {self.servers()} }}
""")
        log = open(d + "/log", "w")
        self.process = subprocess.Popen([nginx, "-p", d, "-e", "stderr", "-c", d + "/n.conf"],
                                        stdout=log, stderr=log, preexec_fn=pin(SERVER_CORE))
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    sys.exit("bench: nginx did not start: " + open(d + "/log").read())
                time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(command, core=GENERATOR_CORE):
    """Runs a command on one core. Returns output, seconds of wall, user and system time."""
    begin = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, preexec_fn=pin(core))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
    if process.returncode:
        sys.exit(f"bench: {command[0]} failed with {process.returncode}:\n{text}")
    return text, time.monotonic() - begin, usage.ru_utime, usage.ru_stime


median = statistics.median
