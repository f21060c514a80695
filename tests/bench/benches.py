"""What the benches share: servers, compiled tests, generators that run and what they take."""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.path.join(ROOT, "build")
sys.path.insert(0, ROOT + "/tests/whole")
from kit import nginx
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


def compile_program(name):
    """Of tests/whole/programs, into build/."""
    path = os.path.join(BUILD, name)
    os.makedirs(BUILD, exist_ok=True)
    source = f"{ROOT}/tests/whole/programs/{name}.c"
    subprocess.check_call([os.environ.get("CC", "cc"), "-O2", "-I" + ROOT, source, "-o", path])
    return path


class Nginx(nginx.Process):
    """nginx, one process, on a free port: its answers are 12 bytes of body."""
    NAMES = ("http",)  # of its ports
    before_exec = staticmethod(pin(SERVER_CORE))

    def __init__(self, dir=None):
        try:
            super().__init__(dir or tempfile.mkdtemp(prefix="locust-bench-"), self.NAMES)
        except nginx.Skip as why:
            sys.exit(f"bench: {why}: run make deps")
        self.url = f"http://127.0.0.1:{self.port['http']}"

    def servers(self):
        """What its http section holds beside the settings for all."""
        return f"""server {{ listen 127.0.0.1:{self.port["http"]} backlog=4096;
    location / {{ return 200 "hello world\\n"; }} }}"""

    def text(self):
        return ("daemon off; master_process off; pid @D/pid; error_log stderr;\nevents { worker_connections 20100; multi_accept on; }\nhttp { " + nginx.TEMPORARY +
                "access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;\n" + self.servers() +
                "\n}\n").replace("@D", self.dir)

    @property
    def process(self):
        return self.p

    def __exit__(self, *unused):
        super().__exit__()
        shutil.rmtree(self.dir, ignore_errors=True)


class Target:
    """programs/target.c on a free port."""

    def __enter__(self):
        program = compile_program("target")
        self.process = subprocess.Popen([program, "--port", "0"], stdout=subprocess.PIPE, text=True,
                                        preexec_fn=pin(SERVER_CORE))
        self.port = int(self.process.stdout.readline().split(":")[1])
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait()


def nanoseconds(pid):
    """CPU of all threads of a process, as the scheduler has it."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            total += int(f.read().split()[0])
    return total


def all_cpu():
    """Seconds of CPU that everybody took since the machine began."""
    with open("/proc/stat") as f:
        user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:")) * 1024


def user_share(pid):
    """(ticks of user time, ticks in all) of a process: sampled by the kernel's clock."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]), int(fields[11]) + int(fields[12])


class Running:
    """A generator on its core, until the block ends."""

    def __init__(self, command, env=None):
        self.command, self.env = command, dict(os.environ, **(env or {}))

    def __enter__(self):
        self.out = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdout=self.out, stderr=subprocess.STDOUT,
                                        env=self.env, preexec_fn=pin(GENERATOR_CORE))
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()

    def text(self):
        return os.pread(self.out.fileno(), 1 << 20, 0).decode(errors="replace")

    def wait_for(self, true, seconds=60):
        """False: the program ended before. Longer than that ends the bench."""
        deadline = time.monotonic() + seconds
        while not true():
            if self.process.poll() is not None:
                return bool(true())
            if time.monotonic() > deadline:
                sys.exit(f"bench: {self.command[0]} takes over {seconds} s:\n{self.text()}")
            time.sleep(0.02)
        return True


median = statistics.median
