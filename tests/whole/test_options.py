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


# ---- options that are lists ----

TAGS = "tags.c"


def tagged(dir, *args, conf="", **env):
    """What ran, as {(class, task)}, and the classes that were left without tasks."""
    r = configured(dir, conf, build(TAGS), "--headless", "--only-summary", "-u", "3", "-r", "3", *args, env=env)
    same(r.rc, 0, r)
    left = re.findall(r"WARNING/root: (\w+) had no tasks left after filtering: it gets no users$", r.err, re.M)
    return {tuple(line.split()[:2]) for line in r.out.splitlines()}, left, r


A, BOTH, B, NONE = ("One", "a"), ("One", "both"), ("Two", "b"), ("Three", "none")
ALL = {A, BOTH, B, NONE}


@test("lists of tags in arguments, as argparse takes nargs='*'")
def _(dir):
    def runs(args, want, left):
        got = tagged(dir, *args)
        same(got[:2], (want, left), got[2])

    # each row was run by Locust 2.12 and 2.47 (with classes of these tags)
    each([(["--tags", "a"], {A, BOTH}, ["Three", "Two"]), (["--tags", "a", "b"], {A, BOTH, B}, ["Three"]),
          (["-T", "a", "b", "-E", "b"], {A}, ["Three", "Two"]), (["-E", "a", "b"], {NONE}, ["One", "Two"]),
          (["-Eb"], {A, NONE}, ["Two"]), (["--tags=a"], {A, BOTH}, ["Three", "Two"]),
          (["--tags"], ALL, []), (["--tags", "--exclude-tags", "a"], {B, NONE}, ["One"]),
          (["One", "--tags", "a"], {A, BOTH}, []), (["--tags=b", "One"], {BOTH}, []),
          (["--tags", "a", "--", "One"], {A, BOTH}, []), (["--tags", "a", "Two"], {A, BOTH}, ["Three", "Two"]),
          (["--tags", "a", "--tags", "b"], {BOTH, B}, ["Three"])], runs)  # the last one, as argparse has it
    got = tagged(dir, "--tags", "a,b")  # several in one argument: Locust takes them for one tag
    same(got[:2], ({A, BOTH, B}, ["Three"]), got[2])


@test("lists of tags in variables and config files, as ConfigArgParse takes them")
def _(dir):
    def runs(value, want):
        for places in ({"LOCUST_TAGS": value}, {"conf": "tags = %s\n" % value}, {"conf": "tags: %s\n" % value}):
            got = tagged(dir, **places)
            same(got[0], want, places, got[2])

    each([("a", {A, BOTH}), ("[a, b]", {A, BOTH, B}), ("[a,b]", {A, BOTH, B}), ('["a", "b"]', {A, BOTH, B}),
          ("[b]", {BOTH, B}), ("[]", ALL), ("[ a ,  b ]", {A, BOTH, B}),
          # one tag with a blank or a comma or quotes in Locust, which no task has
          ("a b", {A, BOTH, B}), ("a,b", {A, BOTH, B}), ("['a', 'b']", {A, BOTH, B}),
          ("", ALL)], runs)
    # the later place replaces the lists of those before it
    got = tagged(dir, "--tags", "b", conf="tags = [a, x]\nexclude-tags = [x]\n", LOCUST_TAGS="a")
    same(got[0], {BOTH, B}, got[2])
    got = tagged(dir, conf="tags = a\ntags = b\n")
    same(got[0], {BOTH, B}, got[2])
    got = tagged(dir, LOCUST_EXCLUDE_TAGS="[a, b]")
    same(got[0], {NONE}, got[2])
    for names in ("One Two", " One  Two ", "[One, Two]", "One,Two", "One\tTwo\n"):  # blanks alone in Locust
        got = tagged(dir, LOCUST_USER_CLASSES=names)
        same(got[0], {A, BOTH, B}, got[2])


@test("tags that leave nothing are one sentence")
def _(dir):
    for args, words in ((["--tags", "x"], "no user class with a weight has tasks left"),
                        (["One", "--tags", "x"], "user class One has no tasks left")):
        r = run(dir, [build(TAGS), "--headless", *args])
        same((r.rc, r.out), (1, ""), r)
        check("locust: " + words in r.err.splitlines()[-1], r)


@test("--config-users takes several, in all places")
def _(dir):
    config = lambda name, host: json.dumps({"user_class_name": name, "host": host})
    one, two, three = config("One", "http://1"), config("Two", "http://2"), config("Three", "http://3")
    with open(dir + "/two three.json", "w") as f:
        f.write("[%s,\n%s]" % (two, three))
    with open(dir + "/one.json", "w") as f:
        f.write(one)

    def hosts(args, conf="", **env):
        lines = tagged(dir, *args, conf=conf, **env)[2].out.splitlines()
        got = {line.split()[0]: line.split()[2] for line in lines}
        same(got, {"One": "http://1", "Two": "http://2", "Three": "http://3"}, args, conf, env)

    files = ["one.json", "two three.json"]
    each([(["--config-users", one, two, three],), (["--config-users", *files],),
          (["--config-users", "[%s, %s]" % (one, two), three],), (["--config-users", one, files[1]],),
          (["--config-users", files[1], one],),
          # given twice: in Locust the second alone counts
          (["--config-users", one, "--config-users", two, "--config-users", three],),
          (["--config-users=" + one, "--config-users=" + files[1]],)], hosts)
    for value in ("[one.json, two three.json]", '["one.json", "two three.json"]', "[%s, %s, %s]" % (one, two, three),
                  "[%s, two three.json]" % one, json.dumps([one, two, three])):
        hosts([], LOCUST_CONFIG_USERS=value)
        hosts([], conf="config-users = %s\n" % value)
        hosts(["--config-users", one, two, three], LOCUST_CONFIG_USERS=config("One", "http://9"))
    r = run(dir, [build(TAGS), "--headless", "--config-users", one, "none.json"])
    sentence(r, 2, "--config-users", '"none.json"')
    r = run(dir, [build(TAGS), "--headless", "--config-users", one, "{"])
    sentence(r, 2, "--config-users", "not JSON")


main(parallel=4)
