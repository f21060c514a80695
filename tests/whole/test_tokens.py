#!/usr/bin/env -S python3 -B
"""Streamed answers (.stream): what events mean, what is broken, and times as the server noted them.

    tests/whole/test_tokens.py [WORD...]    only the tests whose name contains a word

The events of the table are written from the protocols' documents, the expected numbers by hand.
"""
import json
from kit.lib import *
from kit.notes import *

SCRIPTED = "scripted_tokens.c"
SSE, LINES, JSON = "text/event-stream", "application/x-ndjson", "application/json"
CUT = "connection closed inside the response body"
END = "the stream ended without its last event"
ERROR = "an error event came in the stream"
NONE = "an event of the stream is none of its protocol"


def events(*data):
    return "".join("data: %s\n\n" % (d if isinstance(d, str) else json.dumps(d)) for d in data)


def lines(*data):
    return "".join(json.dumps(d) + "\n" for d in data)


def say(text=None, index=0, **delta):
    if text is not None:
        delta["content"] = text
    return {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": index, "delta": delta}]}


def use(inputs, outputs, reasoning=None):
    usage = {"prompt_tokens": inputs, "completion_tokens": outputs, "total_tokens": inputs + outputs}
    if reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    return {"choices": [], "usage": usage}


def typed(kind, **more):
    return "event: %s\ndata: %s\n\n" % (kind, json.dumps({"type": kind, **more}))


ROLE, STOP, DONE = say("", role="assistant"), {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, "[DONE]"

# name, what asks, type, body, want: error, flags, output, input, reasoning, chunks, events, text; cut: the body ends early
ROWS = [
    ("chat, usage", "openai", SSE, events(ROLE, say("Once"), say(" upon"), STOP, use(9, 3), DONE),
     ("", "ended counted", 3, 9, 0, 2, 6, "Once upon")),
    ("chat, no usage: chunks", "openai", SSE, events(ROLE, say("a"), say("b"), say("c"), STOP, DONE),
     ("", "ended", 3, 0, 0, 3, 6, "abc")),
    ("a role, an empty content, a null content: no tokens", "openai", SSE,
     events(ROLE, say(""), {"choices": [{"index": 0, "delta": {"content": None}}]}, STOP, DONE), ("", "ended", 0, 0, 0, 0, 5, "")),
    ("comments and empty lines are no events", "openai", SSE, ": ping\n\n\n" + events(say("a")) + ": ping\n\n" + events(DONE),
     ("", "ended", 1, 0, 0, 1, 2, "a")),
    ("usage in each event: the last counts", "openai", SSE,
     events({**say("a"), "usage": {"prompt_tokens": 4, "completion_tokens": 1}},
            {**say("b"), "usage": {"prompt_tokens": 4, "completion_tokens": 2}}, DONE), ("", "ended counted", 2, 4, 0, 2, 3, "ab")),
    ("usage null in each but the last", "openai", SSE, events({**say("a"), "usage": None}, use(1, 1), DONE),
     ("", "ended counted", 1, 1, 0, 1, 3, "a")),
    ("reasoning apart, by usage", "openai", SSE,
     events(say(reasoning_content="hm"), say(reasoning_content="so"), say("x"), use(5, 7, 6), DONE),
     ("", "ended counted", 7, 5, 6, 3, 5, "x")),
    ("reasoning apart, by chunks", "openai", SSE, events(say(reasoning="hm"), say("x"), DONE), ("", "ended", 2, 0, 1, 2, 3, "x")),
    ("calls of tools are tokens", "openai", SSE,
     events(say(tool_calls=[{"index": 0, "function": {"arguments": "{"}}]), say(tool_calls=[]), DONE), ("", "ended", 1, 0, 0, 1, 3, "")),
    ("two answers: the text is that of the first", "openai", SSE, events(say("a"), say("z", 1), DONE), ("", "ended", 2, 0, 0, 2, 3, "a")),
    ("completions", "openai", SSE, events({"choices": [{"index": 0, "text": "x\u00e9\n"}]}, {"choices": [{"text": ""}]}, DONE),
     ("", "ended", 1, 0, 0, 1, 3, "x\u00e9\n")),
    ("escapes and a pair of surrogates", "openai", SSE, events(say('"\\\t\U0001f600'), DONE), ("", "ended", 1, 0, 0, 1, 2, '"\\\t\U0001f600')),
    ("an event in two lines of data", "openai", SSE, 'data: {"choices": [{"index": 0,\ndata: "delta": {"content": "a"}}]}\n\n' + events(DONE),
     ("", "ended", 1, 0, 0, 1, 2, "a")),
    ("CRLF, and no blank behind data", "openai", SSE, events(say("a"), DONE).replace("\n", "\r\n").replace("data: ", "data:"),
     ("", "ended", 1, 0, 0, 1, 2, "a")),
    ("no type", "openai", "", events(say("a"), DONE), ("", "ended", 1, 0, 0, 1, 2, "a")),
    ("something behind [DONE]", "openai", SSE, events(say("a"), DONE, "x"), ("", "ended", 1, 0, 0, 1, 3, "a")),
    ("no [DONE]", "openai", SSE, events(say("a"), STOP), (END, "", 1, 0, 0, 1, 2, "a")),
    ("nothing at all", "openai", SSE, "", (END, "", 0, 0, 0, 0, 0, "")),
    ("half an event", "openai", SSE, events(say("a")) + 'data: {"choices": [', (END, "", 1, 0, 0, 1, 1, "a")),
    ("cut", "openai", SSE, events(say("a"), say("b")), (CUT, "", 2, 0, 0, 2, 2, "ab"), True),
    ("cut behind [DONE]", "openai", SSE, events(say("a"), DONE), ("", "ended", 1, 0, 0, 1, 2, "a"), True),
    ("an error event", "openai", SSE, events(say("a"), {"error": {"message": "no memory 0x7f", "type": "server_error"}}),
     (ERROR, "", 1, 0, 0, 1, 2, "a")),
    ("an error that is null", "openai", SSE, events({**say("a"), "error": None}, DONE), ("", "ended", 1, 0, 0, 1, 2, "a")),
    ("no JSON", "openai", SSE, events("hello"), (NONE, "", 0, 0, 0, 0, 1, "")),
    ("half of JSON", "openai", SSE, events('{"choices": [{"delta": {"content": "a"}'), (NONE, "", 0, 0, 0, 0, 1, "")),
    ("JSON of other types", "openai", SSE, events([1]), (NONE, "", 0, 0, 0, 0, 1, "")),
    ("members of other types", "openai", SSE, events('{"choices": 7, "usage": [], "type": {}, "delta": 3}', '{"choices": [3, "x", {"delta": "y"}]}',
     '{"usage": {"completion_tokens": "x", "prompt_tokens": -4}}', DONE), ("", "ended", 0, 0, 0, 0, 4, "")),
    ("an answer in one piece", "openai", JSON, json.dumps({"choices": [{"message": {"content": "a"}}]}),
     ("the answer is not a stream", "", 0, 0, 0, 0, 0, '{"choices": [{"message": {"content": "a"}}]}')),
    ("responses", "openai", SSE,
     typed("response.created", response={"usage": None}) + typed("response.output_item.added", item={"type": "message"}) +
     typed("response.output_text.delta", delta="a") + typed("response.output_text.delta", delta="b") +
     typed("response.output_text.done", text="ab") + typed("response.completed", response={"usage": {
         "input_tokens": 11, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 3}}}),
     ("", "ended counted", 5, 11, 3, 2, 6, "ab")),
    ("responses: reasoning, refusal, arguments", "openai", SSE,
     typed("response.reasoning_text.delta", delta="a") + typed("response.reasoning_summary_text.delta", delta="b") +
     typed("response.refusal.delta", delta="c") + typed("response.function_call_arguments.delta", delta="{") +
     typed("response.incomplete", response={}), ("", "ended", 4, 0, 2, 4, 5, "")),
    ("responses: failed", "openai", SSE, typed("response.output_text.delta", delta="a") + typed("response.failed", response={}),
     (ERROR, "", 1, 0, 0, 1, 2, "a")),
    ("responses: an error", "openai", SSE, typed("error", message="x"), (ERROR, "", 0, 0, 0, 0, 1, "")),
    ("responses: cut before the last event", "openai", SSE, typed("response.output_text.delta", delta="a"), (END, "", 1, 0, 0, 1, 1, "a")),
    ("Ollama, chat", "ollama", LINES,
     lines({"message": {"role": "assistant", "content": "a"}, "done": False}, {"message": {"content": "b"}, "done": False},
           {"message": {"content": ""}, "done": True, "eval_count": 3, "prompt_eval_count": 26}), ("", "ended counted", 3, 26, 0, 2, 3, "ab")),
    ("Ollama, generate, the last line without its end", "ollama", LINES,
     lines({"response": "a", "done": False}, {"response": "b", "done": True})[:-1], ("", "ended", 2, 0, 0, 2, 2, "ab")),
    ("Ollama, thinking", "ollama", LINES, lines({"message": {"thinking": "hm"}, "done": False}, {"message": {"content": "a"}, "done": True}),
     ("", "ended", 2, 0, 1, 2, 2, "a")),
    ("Ollama, an error", "ollama", LINES, lines({"response": "a"}, {"error": "gone"}), (ERROR, "", 1, 0, 0, 1, 2, "a")),
    ("Ollama, no last line", "ollama", LINES, lines({"response": "a", "done": False}), (END, "", 1, 0, 0, 1, 1, "a")),
    ("Ollama, empty lines and CRLF", "ollama", LINES, "\r\n\n" + lines({"response": "a"}, {"done": True}).replace("\n", "\r\n\r\n"),
     ("", "ended", 1, 0, 0, 1, 2, "a")),
    ("Ollama, a line that is no JSON", "ollama", LINES, "hello\n", (NONE, "", 0, 0, 0, 0, 1, "")),
    ("TGI", "tgi", SSE,
     events({"index": 1, "token": {"id": 1, "text": "a", "special": False}, "generated_text": None, "details": None},
            {"index": 2, "token": {"id": 2, "text": "</s>", "special": True}, "generated_text": "a",
             "details": {"finish_reason": "eos_token", "generated_tokens": 2, "input_length": 6}}), ("", "ended counted", 2, 6, 0, 2, 2, "a")),
    ("TGI, an error", "tgi", SSE, events({"error": "Overloaded", "error_type": "overloaded"}), (ERROR, "", 0, 0, 0, 0, 1, "")),
    ("TGI, no last event", "tgi", SSE, events({"token": {"text": "a"}, "generated_text": None}), (END, "", 1, 0, 0, 1, 1, "a")),
    ("own events", "marked", SSE, events(".", "-", "?", "."), ("", "ended", 3, 0, 1, 3, 4, "")),
    ("own events, an end", "marked", SSE, events(".", "$"), ("", "ended", 1, 0, 0, 1, 2, "")),
    ("own events, an error", "marked", SSE, events(".", "!"), (ERROR, "", 1, 0, 0, 1, 2, "")),
    ("own events in lines", "marked", LINES, ".\n-\n.\n", ("", "ended", 2, 0, 0, 2, 3, "")),
    ("own events, cut", "marked", SSE, events("."), (CUT, "", 1, 0, 0, 1, 1, ""), True),
]


class Peer:
    """Answers POST /N with row N, in pieces of `piece` bytes, each a chunk; other paths by a function of the test."""

    def __init__(self, piece=0, other=None):
        self.piece, self.other = piece, other

    def __enter__(self):
        self.s = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.s.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.s.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                c, _ = self.s.accept()
                threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        with contextlib.suppress(OSError), c, c.makefile("rb") as f:
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                first, size = f.readline(), 0
                if not first:
                    return
                for line in iter(f.readline, b"\r\n"):
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.split(b":")[1])
                f.read(size)
                path = first.split()[1].decode()
                if not path[1:].isdigit():
                    if not self.other(c, path):
                        return
                    continue
                name, kind, media, body, want, *cut = ROWS[int(path[1:])]
                body = body.encode()
                piece = self.piece or max(len(body), 1)
                head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n%s\r\n" % (media and "Content-Type: %s\r\n" % media)
                c.sendall(head.encode() + b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + piece]), body[i:i + piece])
                                                   for i in range(0, len(body), piece)))
                if cut:
                    return
                c.sendall(b"0\r\n\r\n")


def ask(dir, url, script, args=(), rc=0, **more):
    r = run(dir, [build(SCRIPTED, "-O0"), "--headless", "--only-summary", "--iterations", "1", "--host", url, *args],
            env={"TOKENS_SCRIPT": "\n".join(script)}, **more)
    same(r.rc, rc, r)
    return r


def wanted(row):
    error, flags, out, inputs, think, chunks, count, text = row[4]
    return "200|%s|%s|out=%d in=%d think=%d chunks=%d events=%d|%s" % (
        error, flags + " " if flags else "", out, inputs, think, chunks, count, text)


@test("events of each protocol, whole and in pieces")
def _(dir):
    for piece in 0, 1, 7:
        with Peer(piece) as peer:
            r = ask(dir, peer.url, ["%s /%d" % (row[1], i) for i, row in enumerate(ROWS)], rc=1)
        got = re.split(r"\n(?=200\|)", r.out.rstrip("\n"))
        got = [g.rstrip("\n") for g in got]
        same(len(got), len(ROWS), r)
        each([(row[0], g, wanted(row).rstrip("\n")) for row, g in zip(ROWS, got)], lambda name, g, want: same(g, want, name))


@test("what is broken is a failure, and counted apart")
def _(dir):
    names = ["chat, usage", "no [DONE]", "an error event", "cut", "chat, no usage: chunks"]
    script = ["openai /%d" % next(i for i, row in enumerate(ROWS) if row[0] == name) for name in names]
    with Peer() as peer:
        r = ask(dir, peer.url, script, ["--csv", "out", "--summary", "out.json", "--check", "streams_broken<1", "--check",
                                        "goodput(ttft<10s)>0.9", "--check", "streams>=2"], rc=3)
    with open(dir + "/out.json") as f:
        report = json.load(f)
    all = report["streams"]["total"]
    want = {"completed": 2, "failed": 3, "broken": 3, "broken_chunks": 4, "total_output_tokens": 6, "usage_tokens": 3,
            "chunks": 3, "total_input_tokens": 9, "completed_with_usage": 1, "given_up": 0}
    same({k: all[k] for k in want}, want, r)
    same({c["check"]: (c["ok"], round(c["value"], 3)) for c in report["checks"]},
         {"streams_broken<1": (False, 3), "goodput(ttft<10s)>0.9": (False, 0.4), "streams>=2": (True, 2)})
    same(sorted(f["error"] for f in report["failures"]), sorted([END, ERROR, CUT]))
    r.says("3 by the usage of 1 stream, 3 chunks (events with content) of 1 without usage; 4 chunks of broken streams apart")
    with open(dir + "/out_streams.csv", newline="") as f:
        same(f.readline(), "Metric,avg,min,max,p99,p95,p90,p75,p50,p25\r\n")


def slow(c, path):
    """Sends three events, then nothing until the client leaves; /late does not even begin."""
    if path != "/late":
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + events(ROLE, say("a"), say("b")).encode())
    c.recv(1)


@test("who gives up in mid-stream has not failed; who gets no answer has")
def _(dir):
    with Peer(other=slow) as peer:
        r = ask(dir, peer.url, ["openai /x give_up=0.2", "openai /x stop_after=2", "openai /late give_up=0.2",
                                "openai /x timeout=0.2"], ["--summary", "out.json"], rc=1)
    same(r.out.splitlines(), [
        "200||left |out=2 in=0 think=0 chunks=2 events=3|ab", "200||left |out=1 in=0 think=0 chunks=1 events=2|a",
        "0|timed out||out=0 in=0 think=0 chunks=0 events=0|", "200|timed out||out=2 in=0 think=0 chunks=2 events=3|ab"])
    with open(dir + "/out.json") as f:
        all = json.load(f)["streams"]["total"]
    same({k: all[k] for k in ("completed", "given_up", "left_chunks", "failed", "broken", "broken_chunks")},
         {"completed": 0, "given_up": 2, "left_chunks": 3, "failed": 2, "broken": 1, "broken_chunks": 2})
    check(all["median_ttft_ms"] is not None and all["median_e2el_ms"] is None, all)


@test("a request that contradicts itself; a check of no stream; too many limits together")
def _(dir):
    program = build(SCRIPTED, "-O0")
    for wrong, words in (("ttft_p101<3", "is no metric"), ("goodput(ttft<200ms", "is no metric"),
                         ("goodput(ttft<x)>0.5", "is no metric"), ("tpot_p50<3%", "is no unit here: tpot_p50 takes us, ms or s")):
        r = run(dir, [program, "--headless", "--check", wrong])
        same(r.rc, 2, r)
        r.says(words)
    r = run(dir, [build("examples/demo.c", "-O0"), "--headless", "--check", "rps>1;ttf_p9<1"])
    same(r.rc, 2, r)


# ---- times ----

def timed(dir, query, users, seconds, *args):
    """Loads the server for so long; what it noted, and what the kit says."""
    with TokenServer(dir) as server:
        r = run(dir, [build(SCRIPTED, "-O0"), "--headless", "--only-summary", "--host", server.url, "--users", str(users),
                      "--spawn-rate", "1000", "--run-time", "%ds" % seconds, "--stop-timeout", "20", "--summary", "out.json", *args],
                env={"TOKENS_LOOP": "openai /v1/chat/completions?" + query})
    with open(dir + "/out.json") as f:
        report = json.load(f)
    return server.noted(), report["streams"]["total"], report, r


@test("times are those that the server noted: 20 ms a token, bursts of 8, a stall, no usage")
def _(dir):
    for query, users, seconds in (("n=20&gap_us=20000&first_us=30000", 16, 2), ("n=64&gap_us=5000&burst=8", 8, 2),
                                  ("n=10&gap_us=20000&stall_at=5&stall_us=400000", 8, 2), ("n=20&gap_us=10000&usage=0", 1, 1)):
        for attempt in range(4):  # other jobs take the core from the server between its note and its send
            noted, told, report, r = timed(dir, query, users, seconds)
            same(r.rc, 0, r)
            same(told["completed"], noted.streams, r)
            same(told["total_output_tokens"], noted.tokens, r)
            off = {**noted.off(told, "median"), **noted.off(told, "mean", names=("tpot",))}
            if not off:
                break
        # A generator that other programs kept from its core reads late, and several events at once: it says so.
        check(not off or not report["generator"]["ok"], query, off, r)


@test("--find-max over streams, and the open model's clock")
def _(dir):
    with TokenServer(dir) as server:
        r = run(dir, [build(SCRIPTED, "-O0"), "--headless", "--only-summary", "--host", server.url, "--rate", "10", "--find-step", "1",
                      "--find-max", "goodput(ttft<5s)>0.5;ttft_p50<10ms", "--run-time", "10s", "--summary", "out.json"],
                env={"TOKENS_LOOP": "openai /v1/chat/completions?n=3&gap_us=5000&first_us=30000"})
    same(r.rc, 3, r)
    r.says("no rate held goodput(ttft<5s)>0.5;ttft_p50<10ms: 10.0 arrivals/s, the lowest that was tried, did not (ttft_p50<10ms: ")
    with open(dir + "/out.json") as f:
        all = json.load(f)["streams"]["total"]
    check(all["completed"] > 3 and all["median_ttft_ms"] >= 29.9, all)
    for name in "ttft", "e2el":
        check(all["median_intended_%s_ms" % name] >= 0.99 * all["median_%s_ms" % name], all)


main(parallel=4)
