#!/usr/bin/env -S python3 -B
"""Texts that a server sent or a test made up, through every writer: what is not UTF-8, what XML or JSON has to
escape, what a terminal would obey.

    tests/whole/test_texts.py [WORD...]    only the tests whose name contains a word

Whether a file is valid says Python's own reader of its format; what broken UTF-8 becomes, Python's decoder, which
replaces by U+FFFD as Unicode recommends.
"""
import json, os, sys, unicodedata, xml.etree.ElementTree
from kit.lib import *
from kit.judged import *


def strange(names):
    """Names by which they fail, and their bytes."""
    cut = [b"\xe2\x82", b"\xf0\x9f\x98"]
    return {name: text for name, text in {
        "plain": b"plain", "letters": "\u00e4\u20ac\U0001f600".encode(), "latin-1": b"caf\xe9",
        "a byte that never occurs": b"a\xffb", "a lone continuation": b"a\x80\xbfb", "overlong": b"\xc0\xaf\xe0\x80\xaf",
        "a surrogate": b"\xed\xa0\x80 \xed\xb0\x80", "beyond Unicode": b"\xf4\x90\x80\x80\xf8\x88\x80\x80\x80",
        "cut": b" ".join(cut), "a noncharacter": b"\xef\xbf\xbe\xef\xbf\xbf\xf0\x9f\xbf\xbe", "quotes": b"\"'\\<&>]]>",
        "controls": bytes(c for c in range(1, 32) if c not in (30, 31)) + b"\x7f\xc2\x85\xc2\x9b2J",
        "an escape sequence": b"\x1b[2J\x1b]0;title\x07\x9b2J", "lines": b"one\ntwo\r\nthree\rfour\xe2\x80\xa8five",
        "turned around": b"\xe2\x80\xaetxt.exe", "commands": b"100%\n::error::no, % 0A: 25", "a comma": b"a,b",
        "a byte order mark": b"\xef\xbb\xbfx", "blanks": b" x\ty "}.items() if not names or name in names}


def every_sequence():
    """All second bytes behind each first one, and third and fourth ones at their bounds."""
    some = (0x7F, 0x80, 0xBF, 0xC0)
    skip = {0, 30, 31}
    two = [bytes((a, b)) for a in range(0x80, 256) for b in range(1, 256) if b not in skip]
    three = [bytes((a, b, c)) for a in range(0xE0, 256) for b in range(0x70, 0xD0) for c in some]
    four = [bytes((a, b, c, d)) for a in range(0xF0, 0xF8) for b in range(0x7E, 0xC2) for c in some for d in some]
    return [b"|".join(part) for part in (two, three, four)]


def told(text):
    """What a file of UTF-8 has for these bytes."""
    return text.decode("utf-8", "replace")


def of_xml(text):
    """The same where XML 1.0 has to hold it."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", told(text))


def harmless(data):
    """Text for a terminal: nothing in it but what is printed, and ends of lines."""
    text = data.decode("utf-8")  # or it raises
    bad = {c for c in text if c != "\n" and (unicodedata.category(c) in ("Cc", "Zl", "Zp") or
                                             unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "PDF"))}
    check(not bad, "a terminal would obey", bad)
    return text


def outputs(dir):
    """What a run wrote to its two streams."""
    found = []
    for kind in ("out", "err"):
        (path,) = glob.glob("%s/%s.*" % (dir, kind))
        with open(path, "rb") as f:
            found.append(f.read())
    return found


def read(path):
    with open(path, "rb") as f:
        return f.read()


REPORTS = ("--summary", "s.json", "--junit", "j.xml", "--csv", "c", "--request-log", "log.csv", "--hgrm", "h")


def reports(dir, texts, *args, **more):
    """A run that records each text as a method, as a name and as a failure; its folder."""
    as_text = [os.fsdecode(text) for text in texts]
    rows = [(text, "m%d" % i, [1.0], "") for i, text in enumerate(as_text)]
    rows += [("GET", text, [2.0], "") for text in as_text]
    rows += [("GET", "f%d" % i, [3.0], text) for i, text in enumerate(as_text)]
    r = known(dir, rows, *REPORTS, *args, **more)
    same(r.rc, 1, r)
    return r.dir


def in_files(dir, texts):
    """Holds the files against the texts, as a set: rows are in the order of their names."""
    want = {told(text) for text in texts}
    s = json.loads(read(dir + "/s.json"))
    same({row["method"] for row in s["rows"]} - {"GET"}, want - {"GET"})
    same({row["name"] for row in s["rows"] if not re.fullmatch(r"[mf]\d+", row["name"])}, want)
    same({f["error"] for f in s["failures"]}, want)
    rows = read_csv(dir + "/c", "stats")
    same({row["Type"] for row in rows} - {"GET", ""}, want - {"GET"})
    same({row["Name"] for row in rows if not re.fullmatch(r"[mf]\d+|Aggregated", row["Name"])}, want)
    same({row["Error"] for row in read_csv(dir + "/c", "failures")}, want)
    log = request_log(dir + "/log.csv")
    same({row["error"] for row in log} - {""}, want)
    same([row["name"] for row in log if row["response_time_ms"] == "2.000"], [told(text) for text in texts])
    same([row["method"] for row in log if row["response_time_ms"] == "1.000"], [told(text) for text in texts])
    for path in ("s.json", "j.xml", "h", "log.csv", "c_stats.csv", "c_stats_history.csv", "c_exceptions.csv",
                 "c_generator.csv"):
        read(dir + "/" + path).decode("utf-8")
    xml.etree.ElementTree.parse(dir + "/j.xml")
    for stream in outputs(dir):
        harmless(stream)


@test("every writer: methods, names and failures")
def _(dir):
    def one(name):
        in_files(reports(dir, [strange(None)[name]]), [strange(None)[name]])

    csv.field_size_limit(1 << 24)
    each(list(strange(None)), one)
    for compact in ([], ["--compact"]):
        in_files(reports(dir, list(strange(None).values()), *compact), list(strange(None).values()))


@test("every writer: all sequences of two bytes, and those of three and four at their bounds")
def _(dir):
    csv.field_size_limit(1 << 24)
    in_files(reports(dir, every_sequence()), every_sequence())


@test("checks, annotations: their texts in every writer")
def _(dir):
    # a check is a line, and may end at a ;
    texts = {name: text.replace(b";", b"").replace(b"\n", b"") for name, text in strange(None).items()
             if name != "blanks"}

    def one(name):
        text = texts[name]
        r = known(dir, [("GET", os.fsdecode(text), [5.0], "")], *REPORTS, "--check", b"p50<1ms " + text,
                  "--check", b"p50<1us none " + text, GITHUB_ACTIONS="true")
        same(r.rc, 3, r)
        want = "p50<1ms " + told(text)
        checks = json.loads(read(r.dir + "/s.json"))["checks"]
        same([(c["check"], c["value"]) for c in checks], [(want, 5.0), ("p50<1us none " + told(text), None)])
        cases = xml.etree.ElementTree.parse(r.dir + "/j.xml").getroot()[0].findall("testcase[@classname='check']")
        same(cases[0].get("name"), "p50<1ms " + of_xml(text))
        out, err = map(harmless, outputs(r.dir))
        commands = [line for line in out.split("\n") if line.startswith("::error title=locust.h::p50<1ms")]
        same(len(commands), 1, out)
        back = commands[0].split("::", 2)[2]
        check(not re.search("%(?!25|0A|0D)", back), "a percent sign that is no escape", back)
        back = back.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")  # as the runner does
        shown = "".join(c if c in "\r\n" else " " if unicodedata.category(c) in ("Cc", "Zl") or c == "\u202e" else c
                        for c in told(text))
        same(back, "p50<1ms %s does not hold: 5.000 ms" % shown)
        same(len([line for line in err.split("\n") if line.startswith("FAILED")]), 2, err)
        r = known(dir, [("GET", os.fsdecode(text), [5.0], "")], "--compact", "--check", b"p50<1ms " + text)
        out = harmless(outputs(r.dir)[0])
        same(len(re.findall("(?m)^check ok=0", out)), 1, out)
        check(all(re.match(r"t=|(row|total|error|generator|generator_time|check) ", line) for line in out.splitlines()), out)

    each(list(texts), one)


@test("names of classes and failed tasks")
def _(dir):
    def one(name):
        text = strange(None)[name]
        r = judged(dir, text, *REPORTS, VERDICT_CLASS=os.fsdecode(text), VERDICT_FAIL=os.fsdecode(text))
        same(r.rc, 1, r)
        (row,) = read_csv(r.dir + "/c", "exceptions")
        check(told(text) in row["Message"], row)
        out, err = map(harmless, outputs(r.dir))
        check("Exceptions report" in err, err)
        for line in err.split("Exceptions report")[1].splitlines()[2:4]:
            check(re.match(r"-+\||1 ", line), line)
        r = judged(dir, text, "--compact", VERDICT_CLASS=os.fsdecode(text), VERDICT_FAIL=os.fsdecode(text))
        same(len(re.findall("(?m)^exception count=1 ", harmless(outputs(r.dir)[0]))), 1, r)
        for option in ("--list", "--show-task-ratio"):
            r = judged(dir, option, text, VERDICT_CLASS=os.fsdecode(text))
            same(r.rc, 0, r)
            harmless(outputs(r.dir)[0])

    each(list(strange(None)), one)


@test("a server's own words: its reason, its fields and its body")
def _(dir):
    body = b"\x1b[2Ja\nb\0\xffc\xe2\x82\xacde\n"

    def serve(c):
        while read_head(c):
            c.sendall(b"HTTP/1.1 503 no\xff\xc3\xa4\xc2\x9b\xe2\x80\xaemore\r\nX-A: \x80\xc2\x9b\r\n"
                      b"Content-Length: %d\r\n\r\n" % len(body) + body)

    with Script(serve) as server:
        r = judged(dir, "Get", "-t", "1", *REPORTS, url=server.url, wait=0.2)
        want = "503 Server Error: no\ufffd\u00e4\u009b\u202emore"
        (failure,) = json.loads(read(r.dir + "/s.json"))["failures"]
        check(failure["error"].startswith(want), failure)
        check(read_csv(r.dir + "/c", "failures")[0]["Error"].startswith(want), r)
        for stream in outputs(r.dir):
            harmless(stream)
        r = run(dir, [build("order_of_events.c", "-O0"), "single", server.url, "Look"])
        out = harmless(outputs(dir)[0])
        check("503 no\ufffd\u00e4  more" in out and "  X-A: \ufffd \n" in out and "\n [2Ja\nb \ufffdc\u20acde\n" in out, out)


main(parallel=4, before=lambda: build(VERDICT))
