#!/usr/bin/env -S python3 -B
"""Milvus over gRPC, against a server of the test's own that says what a table says. Milvus Lite is loaded by
`make servers`.

    tests/whole/test_milvus.py [WORD...]    only the tests whose name contains a word
"""
from kit.lib import *
from kit.h2 import *
from kit.milvus import *


def speak(dir, answers, *script, users=1, env=None):
    said = []

    def answer(_, stream):
        row = answers[len(said)] if isinstance(answers, list) else answers
        said.append(stream)
        return reply(stream, row)

    with Scripted(answer) as server:
        r = run(dir, [build("scripted_milvus.c", "-O0"), "--headless", "--only-summary", "--csv", "c", "-H", server.url, "-u",
                      str(users), "-r", "1000", "--exit-code-on-error", "0"], env={"MILVUS_SCRIPT": "\n".join(script), **(env or {})})
        sent = [payload for _, type, _, _, payload in server.said if type == DATA and payload]
    same(r.rc, 0, r)
    rows, _ = stats_csv(dir + "/c")
    return r.out.splitlines(), {key: (count(row), failed(row)) for key, row in rows.items()}, sent


HIT = m(2, 1) + m(4, struct.pack("<ff", 0, 4)) + m(5, m(1, m(1, b"\x07\x09"))) + m(6, b"\x02")
ROWS = [  # what is said to a search, and the line
    ("two hits", m(2, HIT), "search n=2 7 9 @0 @4 | - | X"),
    ("an empty status", m(1, b"") + m(2, HIT), "search n=2 7 9 @0 @4 | - | X"),
    ("nothing at all", b"", "search n=0 | - | []"),
    ("unpacked ids", m(2, m(4, struct.pack("<f", 1)) + m(5, m(1, m(1, 300)))), "search n=1 300 @1 | - | X"),
    ("ids that are texts", m(2, m(4, struct.pack("<f", 1)) + m(5, m(2, m(1, b"a\"b")))),
     'search n=1 @1 | - | [{"id": "a\\"b", "distance": 1}]'),
    ("an error", m(1, m(1, 1) + m(2, b"no such\nthing") + m(3, 100)), "search n=0 | no such thing (100) | []"),
    ("an old error", m(1, m(1, 4) + m(2, b"gone")), "search n=0 | gone (4) | []"),
    ("an error without a reason", m(1, m(3, 5)), "search n=0 | error (5) | []"),
    ("no message", b"\x0a\x05a", "search n=0 | the answer is no message of Milvus | []"),
    ("a status that is a number", m(1, 7), "search n=0 | the answer is no message of Milvus | []"),
    ("a group", b"\x0b", "search n=0 | the answer is no message of Milvus | []"),
    ("hits that are cut", m(2, m(5, b"\x0a\x7f")), "search n=0 | - | []"),
    ("fewer scores than ids", m(2, m(4, struct.pack("<f", 1)) + m(5, m(1, m(1, b"\x01\x02")))),
     "search n=2 1 2 | the answer has not as many scores as ids | []"),
    ("scores that are cut", m(2, m(4, b"\0\0\0") + m(5, m(1, m(1, b"\x01")))),
     "search n=1 1 | the answer has not as many scores as ids | []"),
    ("an id that is cut", m(2, m(5, m(1, m(1, b"\x81")))), "search n=0 | - | []"),
]


@test("what a server may say to a search")
def _(dir):
    lines, rows, sent = speak(dir, [row[1] for row in ROWS], *["search c 1,0.5"] * len(ROWS))
    wrong = ["%s: got %s, want %s" % (r[0], l, r[2]) for l, r in zip(lines, ROWS)
             if l != r[2] and not (r[2].endswith("X") and l.startswith(r[2][:-1]))]
    check(not wrong and len(lines) == len(ROWS), *wrong, len(lines))
    same(rows, {("milvus", "search"): (len(ROWS), sum(" | - | " not in row[2] for row in ROWS))})
    # SearchRequest by milvus.proto: collection, placeholder group, language, parameters, number of vectors, consistency
    want = (m(3, b"c") + m(6, m(1, m(1, b"$0") + m(2, 101) + m(3, struct.pack("<ff", 1, 0.5)))) + m(7, 1) +
            m(9, m(1, b"topk") + m(2, b"10")) + m(9, m(1, b"round_decimal") + m(2, b"-1")) +
            m(9, m(1, b"params") + m(2, b"{}")) + m(12, 1) + m(15, 1))
    same({text for text in sent}, {b"\0" + struct.pack(">I", len(want)) + want})


@test("its counts are ours, and what is wrong is told before anything is sent")
def _(dir):
    lines, rows, sent = speak(dir, m(2, HIT), "loop 20", "search c 1", users=10, env={"MILVUS_QUIET": "1"})
    same((rows, len(sent)), ({("milvus", "search"): (200, 0)}, 200))
    lines, rows, sent = speak(dir, b"", "search c -", "search c nan", "search c 1 params=[]", "delete c -", "create c -",
                              "create c [{}]", "search c 1 consistency=Some")
    same([line.split(" | ")[1] for line in lines],
         ["invalid request: no vector", "invalid request: the vector has something else than numbers",
          "invalid request: .params: no JSON object", "invalid request: no filter", "invalid collection: no .dimension",
          'invalid .fields: one has no "name", or no "type" of Milvus',
          "invalid request: .consistency is none of Strong, Bounded, Eventually"])
    same(sent, [])


if __name__ == "__main__":
    main(parallel=4)
