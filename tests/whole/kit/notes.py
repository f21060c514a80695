"""programs/token_server.c, and its notes of when it sent what, as figures of streams."""
import os, statistics, subprocess
from kit.lib import build, check


class TokenServer:
    """The server on a free port; its notes are there once the block has ended. before_exec: as of subprocess."""

    def __init__(self, dir, program=None, before_exec=None, query=""):
        self.path = os.path.join(dir, "notes")
        self.p = subprocess.Popen([program or build("token_server.c", "-O2"), self.path, query], stdout=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL, text=True, preexec_fn=before_exec)
        line = self.p.stdout.readline()
        check(line.startswith("listening on "), "token_server says: " + line)
        self.url = "http://" + line.split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.terminate()
        self.p.wait()

    def noted(self, last=None):
        """last: only the streams that ended last, so many."""
        with open(self.path) as f:
            return Notes([list(map(int, line.split())) for line in f][-last if last else None:])


class Notes:
    """Figures of what a server noted, in milliseconds, by the names of the kit's JSON."""

    def __init__(self, streams):
        self.streams, self.tokens = len(streams), sum(len(s) - 1 for s in streams)
        ms = lambda a, b: (b - a) / 1e6
        self.times = {
            "ttft": [ms(s[0], s[1]) for s in streams],
            "itl": [ms(a, b) for s in streams for a, b in zip(s[1:], s[2:])],
            "tpot": [ms(s[1], s[-1]) / (len(s) - 2) for s in streams if len(s) > 2],
            "e2el": [ms(s[0], s[-1]) for s in streams]}

    def figure(self, of, name):
        times = sorted(self.times[name])
        if of == "mean":
            return statistics.fmean(times)
        share = {"median": 0.5, "p90": 0.9, "p99": 0.99}[of]
        return times[min(int(len(times) * share), len(times) - 1)]

    def off(self, told, *which, names=("ttft", "itl", "tpot", "e2el")):
        """The figures that are more than 0.2 ms and 1 % from what was noted: {name: (told, noted)}."""
        pairs = {"%s_%s_ms" % (of, name): self.figure(of, name) for of in which for name in names}
        return {key: (told[key], want) for key, want in pairs.items() if abs(told[key] - want) > 0.2 + 0.01 * want}
