#!/usr/bin/env -S python3 -B
"""Options that a test declares, with types; options that are lists; options without effect; where what is
wrong stands.

    tests/whole/test_options.py [WORD...]    only the tests whose name contains a word
"""
import json, os, sys
from kit.lib import *

OWN = "typed_options.c"
DEFAULTS = {"note": "none", "size": "7 7", "part": "0.250", "pause": "90 1m30s", "kind": "small",
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
        r = configured(dir, conf, build(OWN, "-O0"), "--headless", "--only-summary", *args, env=env)
        same(r.rc, 0, r)
        same(dict(line.split(" ", 1) for line in r.out.splitlines()), dict(DEFAULTS, **want), r)

    each([([], {}, ""),
          (["--size", "12", "--part=0.5", "--pause", "2h", "--kind", "large", "--dry"], {}, "")],
         lambda *row: shows(*row, **({} if not row[0] else dict(
             size="12 12", part="0.500", pause="7200 2h", kind="large", dry="1"))))
    shows(["--size", "-3", "--part", "1e-3", "--bare=-9007199254740993"], {}, "",
          size="-3 -3", part="0.001", bare="-9007199254740993")  # no double has all its digits
    shows([], {"MY_SIZE": "4", "MY_KIND": "large", "MY_DRY": "yes"}, "", size="4 4", kind="large", dry="1")
    shows([], {}, "size = 4\npart: .5\nkind large\ndry\nnote = a = b\n",
          size="4 4", part="0.500", kind="large", dry="1", note="a = b")
    shows(["--size", "5"], {"MY_SIZE": "4"}, "size = 3\n", size="5 5")  # the later place wins
    shows([], {"MY_DRY": "off"}, "dry = on\n")


@test("own options of another type are one sentence")
def _(dir):
    def refused(args, env, conf, *words):
        sentence(configured(dir, conf, build(OWN, "-O0"), "--headless", *args, env=env), 2, *words)

    each([(["--size", "ten"], {}, "", "--size takes a whole number", '"ten"'),
          (["--size", "1.5"], {}, "", "--size", '"1.5"'), (["--size="], {}, "", "--size"),
          (["--bare", "99999999999999999999"], {}, "", "--bare"),
          (["--part", "half"], {}, "", "--part takes a number", '"half"'),
          (["--pause", "5x"], {}, "", "--pause takes a time span", '"5x"'),
          (["--kind", "medium"], {}, "", "--kind takes one of small,large", '"medium"'),
          (["--kind", "small,large"], {}, "", "small,large"), (["--dry=maybe"], {}, "", "--dry"),
          ([], {"MY_SIZE": "x"}, "", "MY_SIZE", '"x"'), ([], {"MY_KIND": "sma"}, "", "MY_KIND"),
          ([], {}, "size = x\n", "size", "locust.conf"), ([], {}, "dry = 2\n", "dry")], refused)
    r = run(dir, [build(OWN, "-O0"), "--headless"], env={"OPTIONS_FALLBACK": "many"})
    sentence(r, 2, "--size", "fallback", '"many"')


@test("own options read as what they are not")
def _(dir):
    def refused(ask, *words):
        r = run(dir, [build(OWN, "-O0"), "--headless"], env={"OPTIONS_ASK": ask})
        sentence(r, 2, *words)

    each([("number:none", "locust_option_number", '"none"'), ("whole:part", "locust_option_whole", "a number"),
          ("number:kind", "one of small,large"), ("flag:size", "locust_option_flag", "a whole number"),
          ("whole:dry", "true or false"), ("number:note", "a text")], refused)


@test("own options in --help")
def _(dir):
    r = run(dir, [build(OWN, "-O0"), "--help"])
    for text in (r"--note TEXT +any text \(none\)$", r"--size N +how many \(7\)$", r"also: MY_SIZE$",
                 r"--part PART +how much \(0.25\)$", r"--pause SPAN +how long \(1m30s\)$",
                 r"--kind CHOICE +what: small,large \(small\)$", r"--dry +nothing for real$",
                 r"--bare N +an option of this test$"):
        check(re.search(text, r.out, re.M), "no " + text, r)


# ---- options that are lists ----

TAGS = "tagged_tasks.c"


def tagged(dir, *args, conf="", **env):
    """What ran, as {(class, task)}, and the classes that were left without tasks."""
    r = configured(dir, conf, build(TAGS, "-O0"), "--headless", "--only-summary", "-u", "3", "-r", "3", *args, env=env)
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
        r = run(dir, [build(TAGS, "-O0"), "--headless", *args])
        same((r.rc, r.out), (2, ""), r)
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
    r = run(dir, [build(TAGS, "-O0"), "--headless", "--config-users", one, "none.json"])
    sentence(r, 2, "--config-users", '"none.json"')
    r = run(dir, [build(TAGS, "-O0"), "--headless", "--config-users", one, "{"])
    sentence(r, 2, "--config-users", "not JSON")


# ---- --seed ----

@test("--seed repeats what a user chooses, and processes that share a test choose differently")
def _(dir):
    def chosen(*args, **env):
        r = run(dir, [build(TAGS, "-O0"), "--headless", "--only-summary", "One", *args], env=env)
        same(len(r.out.splitlines()), 40, r)
        return r.out

    once = chosen("--seed", "5")
    same(chosen("--seed", "5"), once)
    same(chosen(LOCUST_SEED="5"), once)
    # 40 choices of two tasks: alike by chance once in 2^40 times
    check(chosen("--seed", "6") != once)
    check(chosen() != chosen())
    first = chosen("--seed", "5", "--worker-count", "2", "--worker-index", "0")
    check(first == once and chosen("--seed", "5", "--worker-count", "2", "--worker-index", "1") != once)
    for wrong in "0", "-1", "x", "":
        sentence(run(dir, [build(TAGS, "-O0"), "--headless", "--seed", wrong]), 2, "--seed")


# ---- where what is wrong stands ----

def checked(dir, *args, conf="", **env):
    return configured(dir, conf, build(TAGS, "-O0"), "--headless", "--only-summary", *args, env=env)


METRICS = ("p50, p99.9 or any percentile, intended_p99, med, min, avg, max, fail_ratio, rps, fps, requests, failures, "
           "shed")


@test("a check that cannot be read: the part, where it stands, and what there is")
def _(dir):
    def points(text, quoted, at, *words):
        for option in ("--check", "--find-max"):
            sentence(checked(dir, option, text), 2, option, '"%s" (character %d)' % (quoted, at), *words)

    each([("p99x<5", "p99x", 1, "no metric", METRICS), ("p101<5", "p101", 1, METRICS), ("<5", "", 1, METRICS),
          ("rp<5", "rp", 1, METRICS), ("p99<5mz", "mz", 6, "p99 takes us, ms or s"),
          ("p99 < 5 ms; avg<3h", "h", 6, "avg takes us, ms or s"),
          ("p99<5%", "%", 6, "us, ms or s"), ("fail_ratio<1ms", "ms", 13, "fail_ratio takes %"),
          ("rps>5/m", "/m", 6, "rps takes /s"), ("requests>5k", "k", 11, "requests takes no unit"),
          ("p99=5", "=5", 4, "<, <=, > and >="), ("p99", "", 4, "<, <=, > and >="), ("p99 5", "5", 5, "<="),
          ("p99<", "", 5, "no number"), ("p99<=abc ms", "abc", 6, "no number"), ("p99<-5", "-5", 5, "no number")],
         points)
    sentence(checked(dir, conf="\n# p99\ncheck = rps>5, p99x<5\n"), 2, "locust.conf:3")
    sentence(checked(dir, LOCUST_CHECK="p99x<5"), 2, "LOCUST_CHECK", '"p99x" (character 1)')


@test("a limit and its unit may have a blank between")
def _(dir):
    def reads(text, name=""):
        r = checked(dir, "--check", text, "--summary", "s.json")
        with open(dir + "/s.json") as f:
            one = json.load(f)["checks"][0]
        same((r.rc, one["check"], one.get("limit")), (3, text, one.get("limit")), r)
        return r

    # nothing is measured in a run without requests: no check holds, but all are read
    for text in ("p99<5 ms", "p99 < 5 ms", "p99<0.5 s /cart", "p99<5 us GET /cart", "rps>5 /s", "fail_ratio<1 %",
                 "p99<5 ms /a", "p99<5 /ms"):
        reads(text)
    r = checked(dir, "--check", "p99<5 ms", "--check", "p99<5 ms ms", "--check", "requests>=0 ms")
    same(r.rc, 3, r)
    check("ok       requests>=0" not in r.err, "a row of the name ms was not looked for", r)


@test("stages that cannot be read: the part, where it stands, and what there is")
def _(dir):
    def points(text, quoted, at, *words):
        sentence(checked(dir, "--stages", text), 2, "--stages", '"%s" (character %d)' % (quoted, at), *words)

    each([("1m:abc", "abc", 4, "users"), ("1x:5", "1x", 1, "20s"), ("1m", "1m", 1, "DURATION:USERS"),
          ("1m:100,2x:5", "2x", 8, "1h20m"), ("1m:100, 5", "5", 9, "DURATION:USERS"), ("1m:", "", 4, "users"),
          (":5", "", 1, "20s"), ("1m:50/m", "50/m", 4, "50/s"), ("1m:-5", "-5", 4, "users"),
          ("1m:99999999999", "99999999999", 4, "users"), ("1m:1.5", "1.5", 4, "users"),
          ("1m:10,1m:5/s", "1m:5/s", 7, "arrivals", '"1m:10"', "users")], points)
    sentence(checked(dir, "--stages", ","), 2, "--stages", "1m:100")
    sentence(checked(dir, conf="users = 3\n\nstages = 1m:x\n"), 2, "stages in locust.conf:3", '"x" (character 4)')


@test("an error in a config file names its line")
def _(dir):
    for conf, line, word in (("users = ten", 1, "ten"), ("# a\n\n; b\nusers = ten\n", 4, "ten"),
                             ("users = 3\r\n\r\nuserz = 4\r\n", 3, "userz"), ("list = true\nhost\n", 2, "host"),
                             ("\n\n\nheadless = maybe", 4, "maybe"), ("users = 1\nrun-time = 5x", 2, "5x"),
                             ("tls-min\n", 1, "tls-min"), ("profile = x\n", 1, "profile")):
        r = checked(dir, conf=conf)
        sentence(r, 2, word)
        same(re.findall(r"locust\.conf:(\d+)\b", r.err), [str(line)], r)
    with open(dir + "/own.conf", "w") as f:
        f.write("\nusers: many\n")
    sentence(checked(dir, "--config", "own.conf"), 2, "users in own.conf:2", "many")


@test("lists of addresses that cannot be read are quoted")
def _(dir):
    each(["--source", "--connect-to", "--resolve"],
         lambda option: sentence(checked(dir, option, "no such thing"), 2, option, '"no such thing"'))


# ---- options without effect ----

@test("options without effect say so, in a line each")
def _(dir):
    def warns(args, *lines, program=None, **env):
        r = run(dir, [program or build(TAGS, "-O0"), "--headless", "--only-summary", *args], env=env)
        got = [text for level, logger, text in r.log() if level == "WARNING" and logger == "locust.main"]
        same(got, list(lines), args, r)

    shape, open_, alone = ("on a test with a load shape", "on a test of arrivals, where no users are spawned",
                           "without arrivals by --rate, --find-max or --stages with /s")
    each([(["-u", "2", "-r", "2", "-t", "1", "-s", "1", "--seed", "4"],),
          (["--stages", ""], "--stages has no effect: its value is empty"),
          (["--host=", "--csv", ""], "--host has no effect: its value is empty",
           "--csv has no effect: its value is empty"),
          (["--tags"], "--tags has no effect: no value follows it"),
          (["--config-users"], "--config-users has no effect: no value follows it"),
          (["-f", "test.py"], "-f has no effect: the test is this program"),
          (["--stages", "1s:1", "-u", "2", "-r", "3", "-t", "9"],
           "--users, --spawn-rate and --run-time have no effect " + shape),
          (["--stages", "1s:1", "-t", "9"], "--run-time has no effect " + shape),
          (["--stages", "1s:1", "--rate", "5"], "--rate has no effect beside --stages"),
          (["--stages", "1s:5/s", "--rate", "5", "-t", "9"], "--rate has no effect beside --stages"),
          (["--stages", "1s:5/s", "--poisson", "-u", "2"], "--users has no effect " + open_),
          (["--rate", "5", "-t", "1", "-r", "3", "--reset-stats"],
           "--spawn-rate and --reset-stats have no effect " + open_),
          (["--poisson"], "--poisson has no effect " + alone),
          (["--max-in-flight", "5", "--patience", "3"], "--max-in-flight and --patience have no effect " + alone),
          (["--proxy-from-env"],
           "--proxy-from-env has no effect where neither http_proxy nor https_proxy nor all_proxy is set"),
          (["--proxy-from-env", "--proxy", "http://a"], "--proxy-from-env has no effect beside --proxy"),
          (["--proxy", "http://a", "--connect-to", "a:1:b:2", "--unix-socket", "/x"],
           "--proxy and --connect-to have no effect beside --unix-socket"),
          (["--insecure"], "--insecure has no effect on a test that was compiled without LOCUST_TLS"),
          (["--cacert", "a", "--tls-min", "1.3", "--no-tls-resume"],
           "--cacert, --tls-min and --no-tls-resume have no effect on a test that was compiled without LOCUST_TLS"),
          (["--proxy", ""],)], warns)
    warns(["--proxy-from-env"], http_proxy="http://127.0.0.1:1")
    warns([], LOCUST_STAGES="", LOCUST_HOST="", LOCUST_CSV="", LOCUST_TAGS="")  # how a script gives none
    # classes with .arrivals of their own take nothing of --rate and its like
    warns(["-t", "1", "--rate", "9", "--poisson"], "--rate has no effect on a test whose classes all have .arrivals",
          "--poisson has no effect " + alone, program=build("open_model.c"), OPEN_CLASSES="One:rate=9;Two:rate=3,users=1")


@test("--rate beside --stages leaves the users of the stages alone")
def _(dir):
    r = run(dir, [build(TAGS, "-O0"), "--headless", "--only-summary", "--stages", "0:4,1s:4", "--rate", "5"])
    check("Ramping to 4 users" in r.err and "arrivals" not in r.err, r)
    same(len(r.out.splitlines()), 4 * 40, r)


@test("--proxy '' is no proxy, whatever the environment says")
def _(dir):
    args = [build("ends_at_once.c", "-O0"), "--headless", "--only-summary", "-H", shared_target().url, "--proxy-from-env"]
    env = {"http_proxy": "http://127.0.0.1:%d" % free_port()}
    same(run(dir, args, env=env).rc, 1)
    r = run(dir, args + ["--proxy", ""], env=env)
    same(r.rc, 0, r)


@test("options of TLS say at the end that no connection used it")
def _(dir):
    program = build("ends_at_once.c", "-DLOCUST_TLS", libs=TLS)
    line = "run: --insecure and --tls-min had no effect: no connection used TLS"
    r = run(dir, [program, "--headless", "--only-summary", "-H", shared_target().url, "--insecure", "--tls-min", "1.2"])
    same((r.rc, r.err.splitlines().count(line)), (0, 1), r)
    r = run(dir, [program, "--headless", "--only-summary", "-H", shared_target().url])
    check("no effect" not in r.err, r)
    r = run(dir, [program, "--headless", "--only-summary", "-H", "https://" + shared_target().at, "--insecure",
                  "-t", "1"], env={"QUICK_STAY": "1"})
    check("no effect" not in r.err, "a handshake was tried", r)
    r = run(dir, [program, "--headless", "--only-summary", "-H", shared_target().url, "--insecure", "--cacert", "x"])
    r.says("--cacert has no effect beside --insecure")


main(parallel=4)
