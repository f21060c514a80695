#!/usr/bin/env -S python3 -B
"""The web interface of stock Locust beside ours: the same script of HTTP requests, compared field by field.

    tests/servers/web.py            the differences; exit code 1 if there are any that are not intended
    tests/servers/web.py --record   writes what Locust answered to tests/whole/kit/web_recorded.json, for test_web.py
"""
import json, os, re, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests/whole"))
os.chdir(ROOT)
from kit import lib, web

VERSION = "2.47.0"
RECORDED = "tests/whole/kit/web_recorded.json"


def locust():
    """Locust from PyPI, in an environment of its own."""
    home = os.path.abspath("build/servers/locust-" + VERSION)
    if not os.path.exists(home + "/bin/locust"):
        os.makedirs(os.path.dirname(home), exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", home], check=True, timeout=300)
        subprocess.run([home + "/bin/pip", "install", "-q", "locust==" + VERSION], check=True, timeout=600)
    return home + "/bin/locust"


def answers(dir, argv, port, target, cwd):
    with lib.Program(dir, argv, cwd=cwd) as program:
        lib.until(lambda: "Starting web interface" in program.read("err") or program.p.poll() is not None, 60, "it starts")

        def up():
            try:
                return web.ask(port, "GET", "/worker-count")[0] == 200
            except OSError:
                return False
        lib.until(up, 30, "it answers")
        return web.script(port, target)


def main():
    record = "--record" in sys.argv[1:]
    os.makedirs(lib.OUT, exist_ok=True)
    with tempfile.TemporaryDirectory() as dir, lib.Target(dir) as target:
        port = lib.free_port()
        theirs = answers(dir, [locust(), "-f", "web_shop.py", "--web-host", "127.0.0.1", "--web-port", str(port)],
                         port, target.url, os.path.join(ROOT, "tests/whole/kit"))
        if record:
            with open(RECORDED, "w") as f:
                json.dump(theirs, f, indent=1)
                f.write("\n")
            print("%d answers recorded" % len(theirs))
            return 0
        port = lib.free_port()
        ours = answers(dir, [lib.build("web_shop.c"), "--web-port", str(port)], port, target.url, dir)
        found = [d for (name, a), (_, b) in zip(ours, theirs) for d in web.differences(name, a, b)]
        print("\n".join(found))
        print("web: %d answers compared with Locust %s, %d differ" % (len(theirs), VERSION, len(found)))
        return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
