#!/usr/bin/env -S python3 -B
# straight http2
"""Redirects, encoded parameters, expectations and values out of answers, against a real nginx (and
tools/target as the other origin, whose /echo shows what body arrived).

    tests/whole/test_session.py [WORD...]    only the tests whose name contains a word
"""
import os, sys
from kit.lib import *
from kit.nginx import Nginx

CONFIG = r"""
events {}
http { access_log off; default_type text/plain;
  server { listen 127.0.0.1:@PORT;
    location = /end { return 200 "$request_method type=$http_content_type length=$http_content_length\n"; }
    location = /r301 { return 301 /end; }
    location = /r302 { return 302 /end; }
    location = /r303 { return 303 /end; }
    location = /r307 { return 307 /end; }
    location = /r308 { return 308 /end; }
    location = /c301 { return 301 /content; }
    location = /c302 { return 302 /content; }
    location = /c303 { return 303 /content; }
    location = /c307 { return 307 /content; }
    location = /content { return 200 "$request_method $http_content_type,$http_content_encoding,$http_content_language,$http_content_location,$http_content_md5,$http_content_digest,$http_digest,$http_last_modified,$http_trailer,$http_expect own=$http_x_own $http_accept_language\n"; }
    location = /dir/relative { return 302 "../fields?from=$arg_x#part"; }
    location = /loop { return 302 /loop; }
    location = /https { return 302 https://127.0.0.1:@PORT/end; }
    location = /two { return 302 /r301; }
    location = /304 { add_header Location /end always; return 304; }
    location = /fields { return 200 "$request_uri auth=$http_authorization cookie=$http_cookie own=$http_x_own\n"; }
    location = /to-fields { return 307 /fields; }
    location = /to-other { return 307 http://localhost:@PORT/fields; }
    location = /to-echo { return 307 @OTHER/echo; }
    location = /json { return 200 '{"user": {"ids": [1, 2.5], "name": "A\\u00e9"}, "ok": true, "big.id": 1234567890123456789}'; }
    location = /html { return 200 '<h1>Hi</h1><input name="csrf" value="abc123">'; } } }
"""


state = {}


def answers(dir):
    """One run for all tests: what is printed, by its first word, and the CSV rows."""
    if not state:
        other = shared_target().url
        with contextlib.ExitStack() as stack:
            if HTTP2:
                front = "events {} http { server { listen 127.0.0.1:@PORT; location / { proxy_pass @OTHER; } } }"
                os.makedirs(dir + "/front")
                other = stack.enter_context(Nginx(dir + "/front", front, PORT=None, OTHER=other)).url
            nginx = stack.enter_context(Nginx(dir, CONFIG, PORT=None, OTHER=other))
            url = nginx.url
            r = run(dir, [build("session_requests.c", "-O0"), "--headless", "-H", url, "--csv", "c", "-t", "30"],
                    env={"OTHER": other})
        state.update(r=r, url=url, other=other, rows=stats_csv(dir + "/c")[0],
                     failures={(f["Name"]): f["Error"] for f in read_csv(dir + "/c", "failures")},
                     lines={line.split("|")[0]: line.split("|")[1:] for line in r.out.splitlines()})
        same(r.rc, 1, r)  # some are failures on purpose
    return state


def answer(dir, what):
    error, status, url, body = answers(dir)["lines"][what]
    return error, int(status), url, body


@test("redirects keep or change the method as RFC 9110 15.4 says")
def _(dir):
    end = answers(dir)["url"] + "/end"
    for code in ("301", "302", "303", "307", "308"):
        same(answer(dir, "get " + code), ("", 200, end, "GET type= length="), code)
    for code in ("301", "302", "303"):
        same(answer(dir, "post " + code), ("", 200, end, "GET type= length="), code)
    for code in ("307", "308"):
        same(answer(dir, "post " + code),
             ("", 200, end, "POST type=application/x-www-form-urlencoded length=7"), code)


@test("a redirect to a GET leaves the fields of the content behind")
def _(dir):
    content = "text/x,gzip,de,/a,bWQ1,sha-256=:AA==:,sha-256=AA==,Fri,X-T,100-continue"
    none = "," * content.count(",")
    for what, method, fields in [("POST 301", "GET", none), ("POST 302", "GET", none), ("POST 303", "GET", none), ("PUT 303", "GET", none),
                                 ("POST 307", "POST", content), ("PUT 302", "PUT", content)]:
        same(answer(dir, "content of " + what)[3], "%s %s own=1 en" % (method, fields), what)


@test("a redirected request is one row, named after its first URL")
def _(dir):
    rows = answers(dir)["rows"]
    same(count(rows["GET", "/r302"]), 1)
    check(("GET", "/end") not in rows and ("POST", "post 303") in rows, rows)
    same(answer(dir, "two")[1:3], (200, answers(dir)["url"] + "/end"))


@test("relative locations, limits, and what is not followed")
def _(dir):
    url = answers(dir)["url"]
    same(answer(dir, "relative"), ("", 200, url + "/fields?from=1",
                                   "/fields?from=1 auth= cookie=c=1 own="))
    same(answer(dir, "loop")[:2], ("more than 30 redirects", 0))
    same(answer(dir, "none")[1:3], (301, url + "/r301"))
    same(answer(dir, "head")[1:3], (301, url + "/r301"))
    same(answer(dir, "no location")[1], 304)
    same(answer(dir, "https")[:2], ("redirect to an invalid or unsupported location", 0))


@test("credentials stay with their origin, bodies go along")
def _(dir):
    same(answer(dir, "same origin")[3], "/fields auth=Bearer t cookie=c=1 own=1")
    same(answer(dir, "other origin")[3], "/fields auth= cookie= own=1")
    same(answer(dir, "body to other"), ("", 200, answers(dir)["other"] + "/echo", '{"a": 1}'))
    same(answer(dir, "fields to other")[3], "a=x+y&b=%26%3D")


@test("parameters and form fields are encoded")
def _(dir):
    same(answer(dir, "params")[3].split()[0], "/fields?q=tea+%26+cake&page=2")
    same(answer(dir, "more params")[3].split()[0], "/fields?a=1&q=x")
    check(("GET", "/fields?q=tea+%26+cake&page=2") in answers(dir)["rows"], answers(dir)["rows"])
    same(answer(dir, "fields")[3], "csrf=a%2Bb&name=Ann+B")
    same(answer(dir, "no fields")[1:], (200, answers(dir)["other"] + "/echo", ""))


@test("expectations decide, unless the test gives a verdict")
def _(dir):
    failures = answers(dir)["failures"]
    same({k: v for k, v in failures.items() if not k.startswith("/")},
         {"not 201": "status 200 in place of 201", "has it not": 'no "strict" in the body',
          "no verdict": 'no "strict" in the body'})


@test("values out of answers")
def _(dir):
    lines = answers(dir)["lines"]
    same([lines[k] for k in ("number", "bool", "string", "missing", "match", "whole", "no match",
                             "no group", "between", "lazy", "int", "number as text", "length", "no length")],
         [["1", "2.5"], ["1", "1"], ["1", "Aé"], ["0"], ["1", "abc123"], ["1", 'value="abc123"'], ["0"],
          ["0"], ["1", "Hi"], ["1", "Hi"], ["1", "1234567890123456789"], ["1", "1234567890123456789"],
          ["1", "2"], ["0"]])


main(parallel=1, before=shared_target)
