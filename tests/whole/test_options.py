#!/usr/bin/env -S python3 -B
"""Options that a test declares, with types; options that are lists; options without effect; where what is
wrong stands.

    tests/whole/test_options.py [WORD...]    only the tests whose name contains a word
"""
import json, os, sys
from kit.lib import *

OWN = "options.c"
DEFAULTS = {"note": "none", "size": "7 7", "share": "0.250", "pause": "90 1m30s", "kind": "small",
            "dry": "0", "bare": "0"}


def sentence(r, rc, *words):
    """One line on standard error, `locust: ` and a sentence that has these words, and no run."""
    same(r.rc, rc, r)
    check(r.err.startswith("locust: ") and r.err.endswith("\n") and r.err.count("\n") == 1,
          "not one line on standard error", r)
    for word in words:
        check(word in r.err, "the line does not name " + word, r)


def configured(dir, conf, *argv, **options):
    with open(dir + "/locust.conf", "w") as f:
        f.write(conf)
    r = run(dir, list(argv), **options)
    os.remove(dir + "/locust.conf")
    return r


# ---- options that a test declares ----

@test("own options have types and defaults, from every place")
def _(dir):
    def shows(args, env, conf, **want):
        r = configured(dir, conf, build(OWN), "--headless", "--only-summary", *args, env=env)
        same(r.rc, 0, r)
        same(dict(line.split(" ", 1) for line in r.out.splitlines()), dict(DEFAULTS, **want), r)

    each([([], {}, ""),
          (["--size", "12", "--share=0.5", "--pause", "2h", "--kind", "large", "--dry"], {}, "")],
         lambda *row: shows(*row, **({} if not row[0] else dict(
             size="12 12", share="0.500", pause="7200 2h", kind="large", dry="1"))))
    shows(["--size", "-3", "--share", "1e-3", "--bare=-9007199254740993"], {}, "",
          size="-3 -3", share="0.001", bare="-9007199254740993")  # no double has all its digits
    shows([], {"MY_SIZE": "4", "MY_KIND": "large", "MY_DRY": "yes"}, "", size="4 4", kind="large", dry="1")
    shows([], {}, "size = 4\nshare: .5\nkind large\ndry\nnote = a = b\n",
          size="4 4", share="0.500", kind="large", dry="1", note="a = b")
    shows(["--size", "5"], {"MY_SIZE": "4"}, "size = 3\n", size="5 5")  # the later place wins
    shows([], {"MY_DRY": "off"}, "dry = on\n")


@test("own options of another type are one sentence")
def _(dir):
    def refused(args, env, conf, *words):
        sentence(configured(dir, conf, build(OWN), "--headless", *args, env=env), 2, *words)

    each([(["--size", "ten"], {}, "", "--size takes a whole number", '"ten"'),
          (["--size", "1.5"], {}, "", "--size", '"1.5"'), (["--size="], {}, "", "--size"),
          (["--bare", "99999999999999999999"], {}, "", "--bare"),
          (["--share", "half"], {}, "", "--share takes a number", '"half"'),
          (["--pause", "5x"], {}, "", "--pause takes a time span", '"5x"'),
          (["--kind", "medium"], {}, "", "--kind takes one of small,large", '"medium"'),
          (["--kind", "small,large"], {}, "", "small,large"), (["--dry=maybe"], {}, "", "--dry"),
          ([], {"MY_SIZE": "x"}, "", "MY_SIZE", '"x"'), ([], {"MY_KIND": "sma"}, "", "MY_KIND"),
          ([], {}, "size = x\n", "size", "locust.conf"), ([], {}, "dry = 2\n", "dry")], refused)
    r = run(dir, [build(OWN), "--headless"], env={"OPTIONS_FALLBACK": "many"})
    sentence(r, 1, "--size", "fallback", '"many"')


@test("own options read as what they are not")
def _(dir):
    def refused(ask, *words):
        r = run(dir, [build(OWN), "--headless"], env={"OPTIONS_ASK": ask})
        sentence(r, 2, *words)

    each([("number:none", "locust_option_number", '"none"'), ("whole:share", "locust_option_whole", "a number"),
          ("number:kind", "one of small,large"), ("flag:size", "locust_option_flag", "a whole number"),
          ("whole:dry", "true or false"), ("number:note", "a text")], refused)


@test("own options in --help")
def _(dir):
    r = run(dir, [build(OWN), "--help"])
    for text in (r"--note TEXT +any text \(none\)$", r"--size N +how many \(7\)$", r"also: MY_SIZE$",
                 r"--share PART +how much \(0.25\)$", r"--pause SPAN +how long \(1m30s\)$",
                 r"--kind CHOICE +what: small,large \(small\)$", r"--dry +nothing for real$",
                 r"--bare N +an option of this test$"):
        check(re.search(text, r.out, re.M), "no " + text, r)


main(parallel=4)
