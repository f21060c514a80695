#!/usr/bin/env python3
"""make bench B=streams: times of streamed answers, beside what the server noted of them.

programs/token_server.c emits tokens at known times, and notes when the request arrived (the kernel's stamp) and when it
sent each token. Each line compares a client's figures with those notes: mean, median and p99 of ttft, itl and tpot.
"ok" is within 0.2 ms + 1 % of what was noted, by the medians: a mean shows what other programs did, too. The generator has one core, the server the other.
guidellm 0.2.1 and Locust's OpenAIUser, which are installed from PyPI into build/streams, do the same on the same server.

Usage: bench_streams.py [SECONDS]     of each run; 8
"""
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from benches import BUILD, GENERATOR_CORE, ROOT, SERVER_CORE, compile_program, pin
from kit.notes import TokenServer

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
NAMES = "ttft", "itl", "tpot"
OPENAI_USER = """
from locust import constant, task
from locust.contrib.oai import OpenAIUser

class Asker(OpenAIUser):
    wait_time = constant(0)

    @task
    def ask(self):
        stream = self.client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}], max_tokens=50, stream=True)
        for _ in stream:
            pass
"""
CASES = [  # name, users, query
    ("1 stream, 20 ms a token", 1, "n=50&gap_us=20000"),
    ("10 streams", 10, "n=50&gap_us=20000"),
    ("100 streams", 100, "n=50&gap_us=20000"),
    ("1,000 streams", 1000, "n=50&gap_us=20000"),
    ("100 streams, bursts of 8", 100, "n=64&gap_us=20000&burst=8"),
    ("100 streams, a stall of 2 s", 100, "n=50&gap_us=20000&stall_at=25&stall_us=2000000"),
    ("100 streams, no usage", 100, "n=50&gap_us=20000&usage=0"),
]


def line(who, told, notes, more=""):
    """told: figures by the names of the kit's JSON; None: it has none."""
    cells = []
    for name in NAMES:
        for of in "mean", "median", "p99":
            value = told.get("%s_%s_ms" % (of, name))
            cells.append("%+8.3f" % (value - notes.figure(of, name)) if value is not None else "%8s" % "-")
        cells.append("|")
    print("  %-14s %s %s" % (who, " ".join(cells[:-1]), more), flush=True)


def kit(program, users, query, dir):
    with TokenServer(dir, BUILD + "/token_server", pin(SERVER_CORE)) as server:
        report = dir + "/out.json"
        subprocess.run(
            [program, "--headless", "--only-summary", "--host", server.url, "--users", str(users), "--spawn-rate", str(users),
             "--run-time", "%ds" % SECONDS, "--stop-timeout", "30", "--summary", report],
            env=dict(os.environ, TOKENS_LOOP="openai /v1/chat/completions?" + query), capture_output=True,
            preexec_fn=pin(GENERATOR_CORE), timeout=SECONDS + 120)
    with open(report) as f:
        return server.noted(), json.load(f)


def peers():
    """Where guidellm and Locust are, installed if need be; None: they cannot be."""
    where = BUILD + "/streams"
    if not os.path.exists(where + "/ready"):
        try:
            for name, wants in ("guidellm", ["guidellm==0.2.1"]), ("locust", ["locust==2.47.0", "openai<2", "httpx"]):
                subprocess.run([sys.executable, "-m", "venv", "%s/%s" % (where, name)], check=True, timeout=300)
                subprocess.run(["%s/%s/bin/pip" % (where, name), "install", "-q", *wants], check=True, timeout=1200)
        except (subprocess.SubprocessError, OSError) as why:
            print("(guidellm and Locust cannot be installed: %s)" % why)
            return None
        open(where + "/ready", "w").close()
    return where


def guidellm(where, users, query, dir):
    with open(dir + "/prompts.jsonl", "w") as f:
        for i in range(2000):
            f.write(json.dumps({"prompt": "tell me %d" % i, "output_tokens_count": 50}) + "\n")
    with TokenServer(dir, BUILD + "/token_server", pin(SERVER_CORE), query) as server:
        done = subprocess.run(
            [where + "/guidellm/bin/guidellm", "benchmark", "--target", server.url, "--model", "m", "--rate-type",
             "concurrent", "--rate", "%d.0" % users, "--max-seconds", str(SECONDS), "--data", dir + "/prompts.jsonl",
             "--data-args", '{"prompt_column": "prompt"}', "--output-path", dir + "/out.json", "--disable-progress"],
            env=dict(os.environ, HF_HUB_OFFLINE="1"), capture_output=True, text=True, timeout=SECONDS + 240)
    if not os.path.exists(dir + "/out.json"):
        raise OSError((done.stderr.strip().splitlines() or ["exit code %d" % done.returncode])[-1][:100])
    with open(dir + "/out.json") as f:
        all = json.load(f)["benchmarks"][0]["metrics"]
    told = {}
    for name, key in (("ttft", "time_to_first_token_ms"), ("itl", "inter_token_latency_ms"), ("tpot", "time_per_output_token_ms")):
        of = all[key]["successful"]
        told.update({"mean_%s_ms" % name: of["mean"], "median_%s_ms" % name: of["median"],
                     "p99_%s_ms" % name: of["percentiles"]["p99"]})
    return server.noted(), told


def openai_user(where, users, query, dir):
    with open(dir + "/locustfile.py", "w") as f:
        f.write(OPENAI_USER)
    with TokenServer(dir, BUILD + "/token_server", pin(SERVER_CORE), query) as server:
        done = subprocess.run(
            [where + "/locust/bin/locust", "-f", dir + "/locustfile.py", "--headless", "-u", str(users), "-r", str(users), "-t",
             "%ds" % SECONDS, "--json", "--only-summary"], cwd=dir, text=True, capture_output=True, timeout=SECONDS + 120,
            env=dict(os.environ, OPENAI_API_KEY="k", OPENAI_BASE_URL=server.url + "/v1"))
    rows = json.loads(done.stdout or "[]")
    raised = sorted({l.split("(")[0].strip()[:60] for l in done.stderr.splitlines() if "Error" in l and not l.startswith(" ")})
    return server.noted(), "%d rows, no time of a token, of %d streams%s" % (
        len(rows), server.noted().streams, "; each raises " + raised[-1] if raised else "")


def main():
    program = compile_program("scripted_tokens")
    compile_program("token_server")
    print("client's figure less the server's note, in ms")
    print("  %-14s %s" % ("", " | ".join("%-26s" % (name + ": mean, median, p99") for name in NAMES)))
    where = peers()
    for name, users, query in CASES:
        print(name, flush=True)
        with tempfile.TemporaryDirectory(prefix="locust-bench-") as dir:
            notes, report = kit(program, users, query, dir)
            told, generator = report["streams"]["total"], report["generator"]
            off = notes.off(told, "median", names=NAMES)
            line("locust.h", told, notes, "%s; %d streams, %.0f %% of a core, verdict %s" % (
                "ok" if not off else "OFF: " + ", ".join(off), told["completed"], 100 * generator["cpu"],
                "ok" if generator["ok"] else "; ".join(generator["limits"])))
        if not where or users == 1000:
            continue  # guidellm 0.2.1 opens no more than some 500 connections
        with tempfile.TemporaryDirectory(prefix="locust-bench-") as dir:
            try:
                notes, told = guidellm(where, users, query, dir)
                off = notes.off(told, "median", names=NAMES)
                line("guidellm 0.2.1", told, notes, "ok" if not off else "OFF: " + ", ".join(off))
            except (OSError, KeyError, IndexError, subprocess.SubprocessError) as why:
                print("  %-14s no figures: %s" % ("guidellm 0.2.1", why))
        if users == 10:
            with tempfile.TemporaryDirectory(prefix="locust-bench-") as dir:
                print("  %-14s %s" % ("OpenAIUser", openai_user(where, users, query, dir)[1]))


main()
