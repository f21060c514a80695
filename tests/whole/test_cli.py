#!/usr/bin/env -S python3 -B
"""The command line: flags, variables, config files, what is refused and how, exit codes.

    tests/whole/test_cli.py [WORD...]    only the tests whose name contains a word

programs/ends_at_once.c ends its run in the first task, so most runs here take no time.
"""
import os, sys
from kit.lib import *

QUICK = "ends_at_once.c"


def quick(dir, *args, host=True, headless=True, conf=None, home=None, seconds=30, **options):
    """One run of ends_at_once.c. conf and home: the text of ./locust.conf and of ~/.locust.conf."""
    for path, text in (("locust.conf", conf), ("home/.locust.conf", home)):
        path = os.path.join(dir, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.exists(path):
            os.remove(path)
        if text is not None:
            with open(path, "w") as f:
                f.write(text)
    args = list(args)
    if host:
        args = ["-H", shared_target().url] + args
    if headless:
        args = ["--headless"] + args
    return run(dir, [build(QUICK, "-O0")] + args, seconds=seconds, **options)


def sentence(r, rc, *words):
    """One line on standard error, `locust: ` and a sentence, nothing on standard output."""
    about = "%s" % r
    same(r.rc, rc, about)
    same(r.out, "", about)
    check(r.err.endswith("\n") and r.err.count("\n") == 1, "not one line on standard error", about)
    # lower case, unless it begins with a word of the person who typed it (LOCUST_USERS)
    check(re.match(r"locust: ([^A-Z]|[A-Z_]+\b)", r.err), "not of the form `locust: a sentence`", about)
    check(not r.err.endswith(".\n"), "a full stop at its end", about)
    for word in words:
        check(word in r.err, "the line does not name " + word, about)


def ramping(r):
    """(users, rate) of the log line."""
    m = re.search(r"locust\.runners: Ramping to (-?\d+) users at a rate of (\S+) per second", r.err)
    check(m, "no Ramping line", r)
    return int(m[1]), m[2]


def limit(r):
    m = re.search(r"locust\.main: Run time limit set to (\d+) seconds", r.err)
    return int(m[1]) if m else None


# ---- each option, from each of its places ----

# key, value, variable (None: it has none in Locust), what a run with it shows, options beside it
def shows_host(r, dir):
    return "host=http://127.0.0.1:9/" in r.out


OPTIONS = [
    ("host", "http://127.0.0.1:9/", "LOCUST_HOST", shows_host, []),
    ("users", "3", "LOCUST_USERS", lambda r, d: ramping(r) == (3, "1.00"), []),
    ("spawn-rate", "2.5", "LOCUST_SPAWN_RATE", lambda r, d: ramping(r) == (1, "2.50"), []),
    ("run-time", "1m30s", "LOCUST_RUN_TIME", lambda r, d: limit(r) == 90, []),
    ("headless", None, "LOCUST_HEADLESS", lambda r, d: "Starting web interface" not in r.err,
     ["--autostart", "--autoquit", "0", "--web-port", "0"]),
    ("csv", "out", "LOCUST_CSV", lambda r, d: csv_files(d + "/out") == list(FILES), []),
    ("csv-full-history", None, "LOCUST_CSV_FULL_HISTORY",
     lambda r, d: any(h["Name"] == "/" for h in read_csv(d + "/full", "stats_history")),
     ["--csv", "full"]),
    ("only-summary", None, "LOCUST_ONLY_SUMMARY", lambda r, d: len(tables(r.err)) == 1, []),
    ("compact", None, "LOCUST_COMPACT",
     lambda r, d: "reqs=" in r.out and "# reqs" not in r.err, []),
    ("reset-stats", None, "LOCUST_RESET_STATS",
     lambda r, d: "locust.runners: Resetting stats" in r.err, []),
    ("stop-timeout", "9s", "LOCUST_STOP_TIMEOUT", lambda r, d: "finished" in r.out, []),
    ("loglevel", "warning", "LOCUST_LOGLEVEL", lambda r, d: "/INFO/" not in r.err, []),
    ("logfile", "run.log", "LOCUST_LOGFILE",
     lambda r, d: os.path.exists(d + "/run.log") and "/INFO/" not in r.err, []),
    ("exit-code-on-error", "7", "LOCUST_EXIT_CODE_ON_ERROR", lambda r, d: r.rc == 7, []),
]


def option_test(key, value, variable, shows, beside):
    @test("--%s from every place" % key)
    def _(dir):
        env = {"QUICK_PATH": "/status/404"} if key == "exit-code-on-error" else {}
        if key == "host":
            env["QUICK_PATH"] = shared_target().url + "/"
        if key == "csv-full-history":
            env["QUICK_SLEEP"] = "1.3"
        n = [0]

        def go(*args, **more):
            n[0] += 1
            own = os.path.join(dir, str(n[0]))
            os.makedirs(own)
            with open(own + "/other.conf", "w") as f:
                f.write(line if "other.conf" in args else "")
            r = quick(own, *beside, *args, host=key != "host", headless=key != "headless",
                      env=dict(env, **more.pop("env", {})), **more)
            return shows(r, own), "%s %s\n%s" % (args, more, r)

        line = "%s = %s\n" % (key, "true" if value is None else value)
        flag = ["--" + key] + ([value] if value is not None else [])
        if key != "host":  # it has to be given
            shown, about = go()
            check(not shown, "it shows without the option", about)
        for what, args, more in [
                ("flag", flag, {}),
                ("variable", [], {"env": {variable: value or "true"}}),
                ("locust.conf", [], {"conf": line}),
                ("~/.locust.conf", [], {"home": line}),
                ("--config", ["--config", "other.conf"], {})]:
            shown, about = go(*args, **more)
            check(shown, "no effect as " + what, about)
        if value is None:  # off again, from the environment over a file
            for off in ("false", "no", "off", "0"):
                shown, about = go(env={variable: off}, conf=line)
                check(not shown, "%s=%s does not switch it off" % (variable, off), about)
            for on in ("yes", "on", "1"):
                shown, about = go(env={variable: on})
                check(shown, "%s=%s does not switch it on" % (variable, on), about)


for option in OPTIONS:
    option_test(*option)


@test("the order of the places")
def _(dir):
    with open(dir + "/c.conf", "w") as f:
        f.write("users = 3\n")
    places = dict(home="users = 1\n", conf="users = 2\n", args=["--config", "c.conf"],
                  env={"LOCUST_USERS": "4"}, last=["-u", "5"])
    for winner, gone in ((5, []), (4, ["last"]), (3, ["last", "env"]), (2, ["last", "env", "args"]),
                         (1, ["last", "env", "args", "conf"])):
        have = {k: v for k, v in places.items() if k not in gone}
        r = quick(dir, *have.get("last", []), *have.get("args", []), conf=have.get("conf"),
                  home=have.get("home"), env=have.get("env"))
        same(ramping(r)[0], winner, gone, r)
    r = quick(dir, "-u", "5", "--users", "6")  # the last one given, as argparse has it
    same(ramping(r)[0], 6, r)


@test("ways of writing a config file")
def _(dir):
    for text in ("users = 4", "users=4", "users: 4", "users 4", "--users 4", "--users = 4",
                 "  users = 4  ", "# users = 9\nusers = 4\n; users = 8", "users = '4'",
                 'users = "4"', "\n\nusers = 4\n\n", "users = 4\r", "[section]\nusers = 4"):
        if text.startswith("["):
            continue  # Locust reads sections in TOML files alone
        r = quick(dir, conf=text + "\n")
        check("Ramping" in r.err and ramping(r)[0] == 4, repr(text), r)
    r = quick(dir, conf="users = 4")  # no line end
    same(ramping(r)[0], 4, r)
    for text in ("only-summary", "--only-summary", "only-summary = true", "only-summary: yes",
                 "only-summary on", "only-summary = 1", "only-summary = True"):
        r = quick(dir, conf=text + "\n")
        same(len(tables(r.err)), 1, repr(text), r)
    r = quick(dir, conf="host = %s/\nheadless\n" % shared_target().url, host=False, headless=False)
    same(r.rc, 0, r)
    check("headless" not in r.err, r)
    r = quick(dir, conf="list = true\n")
    same(r.out, "Available Users:\n    Alpha\n    Beta\n", r)
    r = quick(dir, conf="show-task-ratio = true\n")
    check(r.out.startswith("\n Task ratio per User class\n"), r)


@test("config files that are refused")
def _(dir):
    def refused(text, word):
        for where in ("conf", "home"):
            r = quick(dir, "--csv", "c", **{where: text + "\n"})
            sentence(r, 2, word, "locust.conf")
            same(csv_files(dir + "/c"), [])

    each([("userz = 4", "userz"), ("num-users = 4", "num-users"), ("users = ten", "ten"),
          ("spawn-rate = 0", "spawn-rate"), ("headless = maybe", "maybe"), ("run-time = 5x", "5x"),
          ("users", "users"), ("users =", "users"), ("equal-weights = true", "equal-weights")], refused)
    os.mkdir(dir + "/folder")
    each(["missing.conf", "folder"],
         lambda name: sentence(quick(dir, "--config", name), 2, name))


@test("variables that are refused")
def _(dir):
    def refused(name, value):
        r = quick(dir, "--csv", "c", env={name: value})
        sentence(r, 2, name, value)
        same(csv_files(dir + "/c"), [])

    each([("LOCUST_USERS", "abc"), ("LOCUST_USERS", "-1"), ("LOCUST_SPAWN_RATE", "0"),
          ("LOCUST_HEADLESS", "maybe"), ("LOCUST_RUN_TIME", "5x"), ("LOCUST_LOGLEVEL", "FOO"),
          ("LOCUST_EXIT_CODE_ON_ERROR", "x"), ("LOCUST_STOP_TIMEOUT", "x"),
          ("LOCUST_ONLY_SUMMARY", "2")], refused)
    r = quick(dir, env={"LOCUST_CSV_FULL_HISTORY": "true"})
    sentence(r, 2, "csv-full-history")
    r = quick(dir, env={"LOCUST_USER_CLASSES": "Beta"})
    r.says('All users spawned: {"Beta": 1} (1 total users)')


# ---- writing options ----

@test("spellings of options")
def _(dir):
    for args in (["--users=7"], ["--users", "7"], ["-u7"], ["-u", "7"], ["-u=7"], ["--user", "7"],
                 ["--us=7"], ["-u", "07"]):
        r = quick(dir, *args)
        check("Ramping" in r.err and ramping(r)[0] == 7, args, r)
    for args in (["--only"], ["--only-summ"], ["--only-summary"]):
        same(len(tables(quick(dir, *args).err)), 1, args)
    r = quick(dir, "--headles", headless=False)
    check("headless" not in r.err and r.rc == 0, r)
    r = quick(dir, "--run", "10", "--spawn=4.25")
    same((limit(r), ramping(r)), (10, (1, "4.25")))
    r = quick(dir, "--csv", "c")  # whole, though --csv-full-history begins so too
    same(csv_files(dir + "/c"), list(FILES), r)
    r = quick(dir, "--csv-f", "--csv=d")
    same((r.rc, csv_files(dir + "/d")), (0, list(FILES)), r)


@test("ambiguous beginnings")
def _(dir):
    each([(["--log", "x"], "--loglevel", "--logfile"), (["--lo=x"], "--loglevel", "--logfile"),
          (["--l"], "--list", "--loglevel", "--logfile"), (["--h"], "--help", "--host", "--headless")],
         lambda args, *candidates: sentence(quick(dir, *args), 2, args[0].split("=")[0], *candidates))


@test("did you mean")
def _(dir):
    def meant(wrong, right):
        for args in ([wrong, "3"], [wrong + "=3"]):
            sentence(quick(dir, *args), 2, wrong, "did you mean " + right)

    each([("--userz", "--users"), ("--headlees", "--headless"), ("--cvs", "--csv"),
          ("--run-tme", "--run-time"), ("--spwan-rate", "--spawn-rate"), ("--uesrs", "--users"),
          ("--only-sumary", "--only-summary"), ("--stoptimeout", "--stop-timeout"),
          ("--log-level", "--loglevel"), ("--spawn_rate", "--spawn-rate")], meant)
    r = quick(dir, "--zzzzzzzzzzz")
    sentence(r, 2, "--zzzzzzzzzzz")
    check("did you mean" not in r.err, r)
    sentence(quick(dir, "-z"), 2, "-z")
    r = quick(dir, conf="userz = 3\n")
    sentence(r, 2, "userz", "did you mean users")


@test("bad values: one line, exit code 2, no file")
def _(dir):
    bad = [("--users", v) for v in ("ten", "-5", "1.5", "", "5x", "99999999999", "1e3", "0x10")]
    bad += [("-u", "ten"), ("-r", "0"), ("-t", "5x"), ("-s", "x"), ("-L", "FOO")]
    bad += [("--spawn-rate", v) for v in ("0", "-1", "ten", "nan", "inf", "", "1x")]
    for option in ("--run-time", "--stop-timeout"):
        bad += [(option, v) for v in ("5x", "-5", "1.5", "1 h", "1h1h", "1m1h", "3d", "", "s", "5s3",
                                      "1h ", "99999999999999999999")]
    bad += [("--loglevel", v) for v in ("FOO", "", "IN")]
    bad += [("--exit-code-on-error", v) for v in ("x", "", "1.5")]

    def refused(option, value):
        sentence(quick(dir, "--csv", "c", option, value), 2, option, value)
        if value or option[1] == "-":
            glue = "=" if option[1] == "-" else ""
            sentence(quick(dir, "--csv", "c", option + glue + value), 2, option, value)
        same(csv_files(dir + "/c"), [])

    each(bad, refused)
    each(["--users", "-u", "--host", "-H", "--csv", "--config", "--run-time", "--logfile"],
         lambda option: sentence(quick(dir, option), 2, option))
    each(["--users", "-u", "--spawn-rate", "--run-time", "--exit-code-on-error"],
         lambda option: sentence(quick(dir, option, "--only-summary"), 2, option))
    each(["--headless=1", "--only-summary=true", "--list=x", "-lx"],
         lambda arg: sentence(quick(dir, arg), 2, arg.split("=")[0][:2]))
    sentence(quick(dir, "--csv-full-history"), 2, "--csv-full-history", "--csv")


@test("time spans")
def _(dir):
    for text, want in (("20", 20), ("20s", 20), ("3m", 180), ("2h", 7200), ("1h20m", 4800),
                       ("3h30m10s", 12610), ("1h5s", 3605), ("90m", 5400), ("100s", 100), ("007", 7)):
        r = quick(dir, "-t", text)
        same(limit(r), want, text, r)
        same(r.rc, 0)
    for text in ("0", "0s"):
        r = quick(dir, "-t", text)
        same(limit(r), None, r)
        r.says("locust.main: No run time limit set, use CTRL+C to interrupt")
    quick(dir).says("locust.main: No run time limit set, use CTRL+C to interrupt")
    for text in ("1s", "1m", "0"):
        r = quick(dir, "--stop-timeout", text)
        same((r.rc, "finished" in r.out), (0, text != "0"), text, r)


# ---- options that print and end ----

FLAGS = ("--help --version --host --users --spawn-rate --run-time --headless --csv "
         "--csv-full-history --only-summary --reset-stats --stop-timeout --loglevel --logfile "
         "--exit-code-on-error --list --show-task-ratio --compact --config").split()


@test("-V and -h")
def _(dir):
    with open("locust.h") as f:
        version = re.search(r'#define LOCUST_VERSION +"(.*)"', f.read())[1]
    for flag in ("-V", "--version"):
        r = quick(dir, flag, host=False, headless=False)
        same((r.rc, r.err, r.out.count("\n")), (0, "", 1), r)
        check(version in r.out and r.out.startswith("locust"), r)
    for flag in ("-h", "--help"):
        r = quick(dir, flag, host=False, headless=False)
        same((r.rc, r.err), (0, ""), r)
        for name in FLAGS:
            check(re.search(r"(^|[\s,])%s([\s,=]|$)" % name, r.out, re.M), "no " + name, r)
        for letter in "hVHurtlsL":
            check(re.search(r"(^|\s)-%s[\s,]" % letter, r.out, re.M), "no -" + letter, r)
        for option in OPTIONS:
            check(option[2] in r.out, "no " + option[2], r)
        check(all(len(line) <= 100 for line in r.out.splitlines()), "lines over 100 columns", r.out)


@test("--list")
def _(dir):
    for args in (["-l"], ["--list"], ["--headless", "-u", "3", "--list"]):
        r = quick(dir, *args, host=False, headless=False)
        same((r.rc, r.out, r.err), (0, "Available Users:\n    Alpha\n    Beta\n", ""), args)
    r = quick(dir, "--list", "--csv", "c", host=False)
    same((r.rc, csv_files(dir + "/c")), (0, []))


def ratio(*rows):
    return "".join(" %-10s %-50s\n" % ("  " * level + "%-6.1f" % share, "  " * level + name)
                   for level, share, name in rows)


RATIO = "\n %s\n" + "-" * 80 + "\n"


@test("--show-task-ratio, as Locust 2.47 prints it")
def _(dir):
    want = (RATIO % "Task ratio per User class"
            + ratio((0, 75, "Alpha"), (1, 75, "quick"), (1, 25, "rare"), (0, 25, "Beta"), (1, 100, "quick"))
            + RATIO % "Total task ratio"
            + ratio((0, 75, "Alpha"), (1, 56.25, "quick"), (1, 18.75, "rare"), (0, 25, "Beta"), (1, 25, "quick")))
    # Locust indents names by two for each level too: " %-10s %-50s" % (pad + share, pad + name)
    r = quick(dir, "--show-task-ratio", host=False, headless=False)
    same((r.rc, r.out, r.err), (0, want, ""))
    want = (RATIO % "Task ratio per User class"
            + ratio((0, 80, "Alpha"), (1, 75, "quick"), (1, 25, "rare"), (0, 20, "Beta"), (1, 100, "quick"))
            + RATIO % "Total task ratio"
            + ratio((0, 80, "Alpha"), (1, 60, "quick"), (1, 20, "rare"), (0, 20, "Beta"), (1, 20, "quick")))
    r = quick(dir, "--show-task-ratio", "-u", "10", host=False, headless=False)
    same((r.rc, r.out, r.err), (0, want, ""))
    r = quick(dir, "--show-task-ratio", "Beta", host=False, headless=False)
    want = (RATIO % "Task ratio per User class" + ratio((0, 100, "Beta"), (1, 100, "quick"))
            + RATIO % "Total task ratio" + ratio((0, 100, "Beta"), (1, 100, "quick")))
    same((r.rc, r.out, r.err), (0, want, ""))


@test("--show-task-ratio with a fixed_count class")
def _(dir):
    program = build("fixed_count.c", "-O0")
    per_class = lambda heavy, light, admin: RATIO % "Task ratio per User class" + ratio(
        (0, heavy, "Heavy"), (1, 62.5, "one"), (1, 25, "two"), (1, 12.5, "three"),
        (0, light, "Light"), (1, 100, "one"), (0, admin, "Admin"), (1, 50, "two"), (1, 50, "three"))
    r = run(dir, [program, "--show-task-ratio", "-u", "9"])
    same(r.out, per_class(66.67, 22.22, 11.11) + RATIO % "Total task ratio" + ratio(
        (0, 66.67, "Heavy"), (1, 41.67, "one"), (1, 16.67, "two"), (1, 8.33, "three"),
        (0, 22.22, "Light"), (1, 22.22, "one"), (0, 11.11, "Admin"), (1, 5.56, "two"), (1, 5.56, "three")))
    r = run(dir, [program, "--show-task-ratio"])  # without --users Locust counts the fixed ones
    same(r.out, per_class(0, 0, 100) + RATIO % "Total task ratio" + ratio(
        (0, 0, "Heavy"), (1, 0, "one"), (1, 0, "two"), (1, 0, "three"), (0, 0, "Light"), (1, 0, "one"),
        (0, 100, "Admin"), (1, 50, "two"), (1, 50, "three")))


# ---- classes ----

@test("user classes by name")
def _(dir):
    for args, want in ((["-u", "4"], '{"Alpha": 3, "Beta": 1} (4 total users)'),
                       (["-u", "4", "Beta"], '{"Beta": 4} (4 total users)'),
                       (["Alpha", "-u", "2"], '{"Alpha": 2} (2 total users)'),
                       (["Beta", "-u", "4", "Alpha"], '{"Alpha": 3, "Beta": 1} (4 total users)'),
                       (["-u", "4", "--", "Beta"], '{"Beta": 4} (4 total users)'),
                       (["Beta", "Beta", "-u", "4"], '{"Beta": 4} (4 total users)')):
        r = quick(dir, "-r", "9000", *args, env={"QUICK_SLEEP": "0.1"})
        same(r.rc, 0, r)
        r.says("All users spawned: " + want)
        same(set(re.findall(r"class (\w+)", r.out)), set(re.findall(r'"(\w+)"', want)), r)
    r = quick(dir, "--list", "Beta", host=False)
    same(r.out, "Available Users:\n    Beta\n", r)


@test("unknown user classes")
def _(dir):
    def refused(args, *names):
        r = quick(dir, "--csv", "c", *args)
        sentence(r, 2, *names)
        same(csv_files(dir + "/c"), [])

    each([(["Nope"], "Nope"), (["Beta", "Nope"], "Nope"), (["beta"], "beta"),
          (["Nope", "--list"], "Nope"), (["--", "-u"], "-u"), ([""],),
          (["Beta", "Nope", "Bad"], "Nope", "Bad")], refused)  # Locust names them all


# ---- files and hosts that cannot be had ----

@test("no host")
def _(dir):
    # A request may carry an absolute URL, so the first one without any host ends the run.
    def none(*args):
        r = quick(dir, "--csv", "c", "-t", "20", *args, host=False)
        same(r.rc, 1, r)
        r.says("INFO/locust.main: exit code 1: the test's own set-up failed\n")
        same(len([line for line in r.err.splitlines() if "--host" in line]), 1, r)
        check(r.seconds < 5, "it went on", r)
        check(csv_files(dir + "/c") in ([], list(FILES)), "half of the files")
        if csv_files(dir + "/c"):
            rows, total = stats_csv(dir + "/c")
            same((rows, count(total)), ({}, 0))

    each([(), ("-u", "50", "-r", "1000000"), ("Beta",)], none)
    r = quick(dir, host=False, env={"QUICK_PATH": shared_target().url + "/"})
    same(r.rc, 0, r)
    r = run(dir, [build("fixed_count.c", "-O0"), "--headless"])  # each class has its own
    same(r.rc, 0, r)


@test("hosts that are none")
def _(dir):
    def refused(host):
        r = quick(dir, "-H", host, "--csv", "d", "-t", "1", host=False)
        same(r.rc, 1 if host[:4] in ("ftp:", "") else 2, r)  # a protocol of the test's own; no host at all
        check([line for line in r.err.splitlines() if host in line or "invalid URL" in line or
               "unknown URL scheme" in line], r)

    each(["127.0.0.1:80", "ftp://127.0.0.1", "http://", "http://a b", "http://127.0.0.1:99999",
          "http://127.0.0.1:x", ""], refused)


@test("hosts and proxies of a form that cannot be: one line, exit code 2")
def _(dir):
    def refused(args, *words):
        r = quick(dir, "--csv", "d", *args, host=False)
        sentence(r, 2, *words)
        same(csv_files(dir + "/d"), [])

    here = ["-H", shared_target().url]
    each([(["-H", "htp://a.test/"], "htp://a.test/", "did you mean http://a.test/"),
          (["-H", "htps://a.test"], "did you mean https://a.test"),
          (["-H", "htp://"], "htp://"), (["-H", "HTTP//a.test"], "HTTP//a.test"),
          (["-H", "http://"], "http://"), (["-H", "http://a b"], "a b"), (["-H", "a.test"], "a.test"),
          (here + ["--proxy", "htp://a"], "--proxy", "htp://a"),
          (here + ["--proxy", "a:x"], "--proxy", "a:x"),
          (here + ["--proxy", "socks5://a:1"], "--proxy", "socks5://a:1")], refused)
    for scheme in "https", "HTTPS":  # one letter from http, but what this test lacks is TLS
        sentence(quick(dir, "-H", scheme + "://a.test", host=False), 2, "LOCUST_TLS")


@test("targets that are not there: a back-off, and their names at the end")
def _(dir):
    def beyond(url, texts, remark, *args):
        r = quick(dir, "-H", url, "-u", "4", "-r", "4", "-t", "2", "--csv", "c", *args, host=False,
                  env={"QUICK_STAY": "1"})
        same(r.rc, 1, r)
        # four users: at most 0.05 + 0.1 + 0.2 + 0.4 s to the fourth request, then 0.5 s each at least
        n = count(stats_csv(dir + "/c")[1])
        check(4 <= n <= 4 * 8, n, r)
        says = [t for t in texts if "GET /: " + t in r.err]
        check(says, r)
        same(r.err.count("requests reach no server (%s)" % says[0]), 1, r)
        same(re.findall(r"^server: refused (\d+) of (\d+) connections$", r.err, re.M),
             [(str(n), str(n))] if remark else [], r)

    refusing = "http://127.0.0.1:%d" % free_port()
    nobody = "host name lookup failed: no usable answer from a name server"  # no network at all
    beyond(refusing, ["connection refused"], True)
    beyond("http://no-such-host.invalid", ["host name not found", nobody], False)
    beyond(refusing, ["host name of the proxy not found", nobody], False, "--proxy", "no-such-host.invalid")
    beyond("http://a.test", ["connection refused by the proxy"], True, "--proxy", refusing)


@test("refused arrivals of the open model keep their schedule")
def _(dir):
    r = quick(dir, "-H", "http://127.0.0.1:%d" % free_port(), "--rate", "200", "-t", "1", "--csv", "c",
              host=False, env={"QUICK_STAY": "1"})
    same(r.rc, 1, r)
    check(count(stats_csv(dir + "/c")[1]) >= 190, r)
    check("requests reach no server" not in r.err, r)


@test("CSV files that cannot be written")
def _(dir):
    for prefix in ("/proc/nothing/here/stats", "/dev/null/stats", "/proc/stats"):
        r = quick(dir, "--csv", prefix)
        sentence(r, 2, prefix)
    for which in FILES:  # one of them is in the way
        os.makedirs("%s/w_%s.csv" % (dir, which))
        r = quick(dir, "--csv", "w")
        sentence(r, 2, "w_")
        os.rmdir("%s/w_%s.csv" % (dir, which))
        same(csv_files(dir + "/w"), [], "left after %s could not be made" % which)
    with open(dir + "/w_stats.csv", "w") as f:
        f.write("old\n")
    os.makedirs(dir + "/w_failures.csv")
    sentence(quick(dir, "--csv", "w"), 2, "w_")
    with open(dir + "/file", "w"):
        pass
    sentence(quick(dir, "--csv", "file/x"), 2, "file/x")


@test("CSV directories are made")
def _(dir):
    r = quick(dir, "--csv", "a/b/c/run")
    same((r.rc, csv_files(dir + "/a/b/c/run")), (0, list(FILES)), r)
    r = quick(dir, "--csv", "a/b/again")
    same((r.rc, csv_files(dir + "/a/b/again")), (0, list(FILES)), r)
    r = quick(dir, "--csv", dir + "/abs/run")
    same((r.rc, csv_files(dir + "/abs/run")), (0, list(FILES)), r)


@test("--logfile and --loglevel")
def _(dir):
    r = quick(dir, "--logfile", "run.log", "-u", "2")
    with open(dir + "/run.log") as f:
        log = f.read()
    same(r.rc, 0, r)
    same(log_lines(r.err), [], r)
    check(len(tables(r.err)) >= 2 and "Response time percentiles" in r.err, r)
    check(all(LOG.match(line) for line in log.splitlines()), log)
    check("Ramping to 2 users" in log and "Shutting down (exit code 0)" in log, log)
    quick(dir, "--logfile", "run.log", "-u", "3")  # appended, as Python's logging does
    with open(dir + "/run.log") as f:
        again = f.read()
    check(again.startswith(log) and "Ramping to 3 users" in again, again)
    for path in ("/proc/nothing/log", "/dev/null/log", "."):
        r = quick(dir, "--logfile", path, "--csv", "c")
        sentence(r, 2, path)
        same(csv_files(dir + "/c"), [])
    for level, info in (("DEBUG", True), ("info", True), ("Info", True), ("WARNING", False),
                        ("error", False), ("CRITICAL", False)):
        r = quick(dir, "--loglevel", level)
        same((r.rc, "/INFO/" in r.err), (0, info), level, r)
        check(tables(r.err), "the tables went too", r)
    same("/INFO/" in quick(dir, "-L", "ERROR").err, False)


# ---- exit codes ----

@test("exit codes")
def _(dir):
    bad = {"QUICK_PATH": "/status/500"}
    for args, env, want in (([], {}, 0), ([], bad, 1), (["--exit-code-on-error", "7"], bad, 7),
                            (["--exit-code-on-error", "0"], bad, 0),
                            (["--exit-code-on-error=7"], {}, 0)):
        r = quick(dir, *args, env=env)
        same(r.rc, want, args, r)
        r.says("locust.main: Shutting down (exit code %d)" % want)
        check(r.log()[-1][2] == "Shutting down (exit code %d)" % want, r)
        why = re.findall(r"INFO/locust.main: exit code (\d+): (\d+) of (\d+) requests failed$", r.err, re.M)
        same([int(code) for code, _, _ in why], [want] if want else [], r)
        check(all(0 < int(bad) <= int(of) for _, bad, of in why), why)


@test("options of Locust that are not in this version")
def _(dir):
    def refused(*args):
        r = quick(dir, "--csv", "c", *args)
        sentence(r, 2, args[0])
        same(csv_files(dir + "/c"), [])
        check("did you mean" not in r.err, "a real option of Locust taken for a misspelling", r)

    each([("--equal-weights",), ("--skip-log-setup",), ("--profile", "x")],
         refused)


@test("without a web interface compiled in a test runs as with --headless, and one line says so")
def _(dir):
    r = run(dir, [build(QUICK, "-O0", "-DLOCUST_NO_WEB"), "-H", shared_target().url])
    same(r.rc, 0, r)
    lines = [line for line in r.err.splitlines() if "headless" in line]
    same(len(lines), 1, r)
    check(tables(r.err), r)


@test("no users")
def _(dir):
    r = quick(dir, "-u", "0", "-t", "1", "--csv", "c")
    same(r.rc, 0, r)
    check(1 <= r.seconds < 4, r)
    r.says("Ramping to 0 users at a rate of 1.00 per second")
    r.says('All users spawned: {"Alpha": 0, "Beta": 0} (0 total users)')
    r.says("--run-time limit reached, shutting down")
    same(raw_csv(dir + "/c", "stats").split("\r\n")[1:],
         [",Aggregated,0,0,0,0.0,0,0,0,0.0,0.0" + ",N/A" * 11, ""])


main(parallel=6, before=lambda: (build(QUICK, "-O0"), shared_target()))
