"""Locust itself, the installed one and those of other versions, as master or worker of ours."""
import os, shutil, subprocess, sys
from kit.lib import Skip, check

VERSIONS = "2.12.1", "2.24.0", "2.46.7", "2.47.0"
LOCUSTFILE = """
import locust.runners
from locust import HttpUser, constant, task
if not locust.runners.__version__:
    locust.runners.__version__ = "2"  # Debian's own has none, and its master then refuses its workers

class Few(HttpUser):
    wait_time = constant(3600)
    @task
    def few(self):
        for _ in range(20):
            self.client.get("/")
        self.client.get("/status/404", name="/missing")
"""


def locust_of(version):
    """A Locust of that version, in a folder of its own."""
    venv = os.path.abspath("build/locust/" + version)
    if not os.path.exists(venv + "/complete"):
        old = ["flask<2.3", "werkzeug<2.3", "setuptools"] if version == "2.12.1" else []
        for line in [sys.executable, "-m", "venv", venv], [venv + "/bin/pip", "install", "-q",
                                                           "locust==" + version, *old]:
            done = subprocess.run(line, capture_output=True, text=True)
            check(done.returncode == 0, " ".join(line), done.stderr)
        open(venv + "/complete", "w").close()
    return venv + "/bin/locust"


def installed():
    if not shutil.which("locust"):
        raise Skip("locust is missing")
    return shutil.which("locust")
