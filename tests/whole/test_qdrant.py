#!/usr/bin/env -S python3 -B
"""Qdrant over REST, against a server of the test's own, written from Qdrant's public interface and from what Locust's
QdrantUser sends. Qdrant itself is in no package registry; one that speaks its REST is loaded by `make servers`.

    tests/whole/test_qdrant.py [WORD...]    only the tests whose name contains a word
"""
from kit.lib import *
from kit.qdrant import Qdrant, done, found

PROGRAM = "scripted_qdrant.c"


def speak(dir, url, *script, users=1, rc=0, env=None):
    r = run(dir, [build(PROGRAM, "-O0"), "--headless", "--only-summary", "--host", url, "--users", str(users),
                  "--spawn-rate", "1000", "--csv", "out"], env={"QDRANT_SCRIPT": "\n".join(script), **(env or {})})
    same(r.rc, rc, r)
    rows, _ = stats_csv(dir + "/out")
    check(all(kind == "qdrant" for kind, _ in rows), rows)
    return r.out.splitlines(), {n: (count(x), failed(x)) for (_, n), x in rows.items()}


@test("verbs as they go over the wire, with their rows")
def _(dir):
    def answer(method, path, body):
        return found(1, 7, "5c56c793-69f3-4fbf-87e6-c4bf54c28c26") if "query" in path or "scroll" in path else done()
    with Qdrant(answer) as s:
        lines, rows = speak(
            dir, s.url, "create docs 2", 'create docs 3 distance=Dot more={"shard_number":2}', "create docs 4 more={}",
            'upsert docs [{"id":1,"vector":[0.5,1]}] name=write', "upsert docs [] no_wait=1",
            "search docs 0.1,-2 limit=3", 'search docs 1 filter={"must":[]} params={"exact":true} with_vector=1 '
            'no_payload=1 more={"score_threshold":0.5}', "recommend docs [1,2]", "recommend docs [1] negative=[[0,1]] limit=5",
            'scroll docs limit=2 offset="a"', "delete docs [1]", 'delete docs - filter={"must":[]}')
    same(s.seen, [
        ("PUT", "/collections/docs", {"vectors": {"size": 2, "distance": "Cosine"}}),
        ("PUT", "/collections/docs", {"vectors": {"size": 3, "distance": "Dot"}, "shard_number": 2}),
        ("PUT", "/collections/docs", {"vectors": {"size": 4, "distance": "Cosine"}}),
        ("PUT", "/collections/docs/points?wait=true", {"points": [{"id": 1, "vector": [0.5, 1]}]}),
        ("PUT", "/collections/docs/points?wait=false", {"points": []}),
        ("POST", "/collections/docs/points/query",
         {"query": {"nearest": [0.100000001, -2]}, "limit": 3, "with_payload": True, "with_vector": False}),
        ("POST", "/collections/docs/points/query",
         {"query": {"nearest": [1]}, "limit": 10, "with_payload": False, "with_vector": True, "filter": {"must": []},
          "params": {"exact": True}, "score_threshold": 0.5}),
        ("POST", "/collections/docs/points/query",
         {"query": {"recommend": {"positive": [1, 2]}}, "limit": 10, "with_payload": True, "with_vector": False}),
        ("POST", "/collections/docs/points/query",
         {"query": {"recommend": {"positive": [1], "negative": [[0, 1]]}}, "limit": 5, "with_payload": True,
          "with_vector": False}),
        ("POST", "/collections/docs/points/scroll", {"offset": "a", "limit": 2, "with_payload": True, "with_vector": False}),
        ("POST", "/collections/docs/points/delete?wait=true", {"points": [1]}),
        ("POST", "/collections/docs/points/delete?wait=true", {"filter": {"must": []}})])
    same({tuple(sorted(k.lower() for k in keys)) for keys in s.keys}, {("api-key: secret", "content-type: application/json")})
    same(rows, {"create": (3, 0), "write": (1, 0), "upsert": (1, 0), "search": (2, 0), "recommend": (2, 0),
                "scroll": (1, 0), "delete": (2, 0)})
    same(lines[5], "search 200 n=3 1 7 -1 | -")


@test("answers that are no success, and what counts as one")
def _(dir):
    error = lambda text: {"status": {"error": text}, "time": 0.0}
    rows = [  # the verb, the answer, the line
        ("create c 2", (409, error("Wrong input: Collection `c` already exists!")), "create 409 n=0 | -"),
        ("create c 2", (400, error("Collection already exists")), "create 400 n=0 | -"),
        ("create c 2", (400, error("Wrong input: size")), "create 400 n=0 | Wrong input: size (400)"),
        ("search c 1", (404, error("Not found: Collection `c` doesn't exist!")),
         "search 404 n=0 | Not found: Collection `c` doesn't exist! (404)"),
        ("search c 1", (401, b"Must provide an API key"), "search 401 n=0 | X (401)"),
        ("search c 1", (500, b""), "search 500 n=0 | X (500)"),
        ("search c 1", (503, error("a\x1b[31m\nb\u00e9" + "x" * 400)), "search 503 n=0 | X (503)"),
        ("search c 1", (503, error("a\x1b[31m\nb\u00e9")), "search 503 n=0 | a [31m b\u00e9 (503)"),
        ("search c 1", (422, {"status": "error"}), "search 422 n=0 | X (422)"),
        ("search c 1", (200, b"ok"), "search 200 n=0 | the answer does not say that it is ok"),
        ("search c 1", (200, b""), "search 200 n=0 | the answer does not say that it is ok"),
        ("search c 1", (200, {"status": "acknowledged"}), "search 200 n=0 | the answer does not say that it is ok"),
        ("search c 1", (200, {"status": {"error": "x"}}), "search 200 n=0 | the answer does not say that it is ok"),
        ("search c 1", (200, b'{"status":"ok","result":{"points":[{"id":1},'), "search 200 n=0 | the answer does not say that it is ok"),
        ("search c 1", (200, {"status": "ok"}), "search 200 n=0 | -"),
        ("search c 1", (200, {"status": "ok", "result": {"points": 5}}), "search 200 n=0 | -"),
        ("search c 1 not_empty=1", found(), "search 200 n=0 | nothing was found"),
        ("search c 1 truth=1,2", found(), "search 200 n=0 recall=0.00 | -"),
        ("search c 1", (200, {"status": "ok", "result": [{"id": 4}]}), "search 200 n=1 4 | -"),
        ("search c 1", (200, {"status": "ok", "result": {"points": [{}, {"id": "x"}, {"id": 2 ** 63}, 5]}}),
         "search 200 n=4 -1 -1 -1 -1 | -"),
        ("search c 1 truth=1,2,3,4", found(4, 1, 9), "search 200 n=3 4 1 9 recall=0.50 | -"),
        ("search c 1 truth=1,2,3,4 limit=2", found(1, 2), "search 200 n=2 1 2 recall=1.00 | -"),
        ("scroll c truth=5", found(5), "scroll 200 n=1 5 recall=1.00 | -"),
        ("search c 1", (307, b""), "search 307 n=0 | X (307)"),
    ]
    answers = iter([answer for _, answer, _ in rows])
    with Qdrant(lambda *_: next(answers)) as s:
        lines, _ = speak(dir, s.url, *[row[0] for row in rows], rc=1)
    wrong = ["got  %s\nwant %s" % (l, r[2]) for l, r in zip(lines, rows) if l != r[2]]
    check(not wrong and len(lines) == len(rows), *wrong, len(lines))


@test("what a test gives wrong is told before anything is sent")
def _(dir):
    rows = [("search c -", "no vector"), ("search c nan", "the vector has something else than numbers"),
            ("search c 1 filter=[]", ".filter: no JSON object"), ("search c 1 params=5", ".params: no JSON object"),
            ("search c 1 more=x", ".more: no JSON object"), ("upsert c {}", "the points: no JSON array"),
            ("upsert c -", "the points: no JSON array"), ("recommend c -", "the positive examples: no JSON array"),
            ("recommend c [1] negative={}", ".negative: no JSON array"), ("scroll c offset=x", ".offset: no JSON"),
            ("delete c -", "the ids: no JSON array"), ("delete c - filter=1", ".filter: no JSON object"),
            ("create c 2 more=[]", ".more: no JSON object")]
    with Qdrant(done) as s:
        lines, _ = speak(dir, s.url, *[row[0] for row in rows], rc=1)
    same([line.split(" | ")[1] for line in lines], ["invalid request: " + why for _, why in rows])
    same(s.seen, [])


@test("its counts are ours, and a server that is not there")
def _(dir):
    with Qdrant(lambda method, *_: done() if method == "PUT" else found(1)) as s:
        _, rows = speak(dir, s.url, "loop 10", 'upsert c [{"id":%u,"vector":[1]}]', "loop 10", "search c 1", users=50,
                        env={"QDRANT_QUIET": "1"})
        url = s.url
    same(rows, {"upsert": (500, 0), "search": (500, 0)})
    same(len(s.seen), 1000)
    lines, rows = speak(dir, url, "search c 1", rc=1)
    same((lines, rows), (["search 0 n=0 | connection refused"], {"search": (1, 1)}))


if __name__ == "__main__":
    main(parallel=4)
