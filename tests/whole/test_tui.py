#!/usr/bin/env -S python3 -B
"""--tui on a pty: what it shows, keys, resizing, a terminal that takes nothing, every kind of end.

    tests/whole/test_tui.py [WORD...]    only the tests whose name contains a word
"""
import json, os, re, signal, termios, time
from kit.lib import *
from kit.terminal import Terminal


def show(dir, *args, rows=30, columns=110, program="rows_for_reports.c", **env):
    return Terminal([build(program, "-O0"), "--headless", "--tui", "-H", shared_target().url, "-r", "1000000", *args],
                    rows, columns, cwd=dir, env=env)


def shows(t, *words, seconds=10):
    t.until(lambda: all(re.search(word, "\n".join(t.text())) for word in words), seconds, words)


def given_back(t, before):
    check(not t.other and not t.hidden, "the terminal was not given back", t.data[-300:])
    same(t.modes(), before)
    check(t.data.rindex(b"\x1b[?1049l") > t.data.rindex(b"\x1b[?1049h"), t.data[-300:])


@test("progress, rates, history, verdict, checks, rows, log, keys; then the tables")
def _(dir):
    with show(dir, "-u", "4", "-t", "5", "--check", "p99<9s", "--check", "requests<1", "--summary", "s", "A", "B") as t:
        before = t.modes()
        t.until(lambda: t.other, 10, "the other screen")
        check(not t.modes()[3] & (termios.ICANON | termios.ECHO) and t.modes()[3] & termios.ISIG, t.modes())
        check(t.hidden, "the cursor is there")
        shows(t, r"4 users  0:0[23] of 0:05 #+\.+ \d+ %")
        shows(t, r"(?m)^ \d+\.\d req/s +\d+\.\d failures/s \(\d", r"(?m)^ req/s  [ .:=+*#-]+  now \d+\.\d, at most",
              r"(?m)^ p99 ms [ .:=+*#-]+  now \d+\.\d{3}, at most", r"(?m)^ generator: (ok|limited)",
              r"(?m)^ check holds: p99<9s: \d", r"(?m)^ check FAILED: requests<1: \d", r"(?m)^ Type +Name +# reqs +# fails",
              r"(?m)^ GET +/size/\[n\] +\d+ +0 ", r"(?m)^ POST +/status/500 +\d+ +\d+ ", r"(?m)^ +Aggregated +\d+ ",
              r"All users spawned", r"w W .*q  ends the test")
        same(t.end(), 3)
        given_back(t, before)
        said = t.said()
    # Log lines that came meanwhile, then the tables, as without it.
    check(re.search(r"(?s)Ramping to 4 users.*limit reached.*# reqs.*Response time percentiles.*generator: ", said), said)
    same(said.count("# reqs"), 2, said)  # the final tables alone
    total = json.load(open(dir + "/s"))["total"]["requests"]
    check(re.search(r"Aggregated +%d " % total, said), said)


@test("only lines that changed are written")
def _(dir):
    with show(dir, "-u", "1", "-t", "4", "First") as t:
        shows(t, r"0:02 of")
        before, lines = len(t.data), t.rewritten
        shows(t, r"0:03 of")
        check(0 < t.rewritten - lines <= 14, t.rewritten - lines)  # of 30
        check(b"\x1b[2J" not in t.data[before:], t.data[before:])
        t.end()


@test("keys w W s S change the users, q ends the test")
def _(dir):
    with show(dir, "-u", "2", "-t", "30", "Pace") as t:
        before = t.modes()
        shows(t, "  2 users")
        for keys, users in ("w", 3), ("W", 13), ("s", 12), ("S", 2):
            t.type(keys)
            shows(t, "  %d users  0:" % users, "All users spawned")
        t.type("S")
        shows(t, "  0 users")
        t.type("q")
        same(t.end(), 0)
        given_back(t, before)
        check("Ramping to 13 users at a rate of 100.00 per second" in t.said(), t.said())


@test("keys scroll the rows; a small screen; resizing")
def _(dir):
    rows = lambda t: [line.split()[1] for line in t.text() if re.match(r" (GET|POST) ", line)]
    with show(dir, "-u", "4", "-t", "30", "A", "B", rows=14, columns=60) as t:
        shows(t, r"(?m)^ GET +/ +\d+", "Aggregated")
        t.until(lambda: len(rows(t)) == 2, 5, "two rows")
        same(rows(t), ["/", "/delay/30"])
        t.type("\x1b[B")
        t.until(lambda: rows(t) == ["/delay/30", "/size/[n]"], 5, "one row down")
        t.type("jjjjjj")
        t.until(lambda: rows(t) == ["/status/404", "/status/500"], 5, "the last rows")
        t.type("k")
        t.until(lambda: rows(t) == ["/size/[n]", "/status/404"], 5, "one row up")
        for size in (40, 200), (5, 20), (1, 1), (24, 80), (60, 33):
            t.resize(*size)
            seen = len(t.data)
            t.until(lambda: len(t.data) > seen and b"\x1b[2J" in t.data[seen:], 5, "a frame of %dx%d" % size)
        t.resize(30, 120)
        shows(t, r"(?m)^ GET +/ +\d+", "Aggregated", "ends the test")
        t.until(lambda: len(rows(t)) == 5, 5, "all rows")
        t.type("q")
        t.end()


@test("UTF-8 where the terminal has it, colours unless NO_COLOR is set")
def _(dir):
    with show(dir, "-u", "1", "-t", "3", "Pace", LC_ALL="C.UTF-8") as t:
        shows(t, "[\u2581-\u2588]+  now", "\u2588+\u2591+ ")
        check(b"\x1b[32m" in t.data or b"\x1b[31m" in t.data, t.data)
        t.end()
    with show(dir, "-u", "1", "-t", "2", "Pace", NO_COLOR="1") as t:
        t.end()
        check(b"\x1b[32m" not in t.data and b"\x1b[31m" not in t.data and b"\x1b[7m" in t.data, t.data)


@test("given back after SIGINT, SIGTERM, two SIGINTs, SIGQUIT, SIGHUP and a fault")
def _(dir):
    def ends(how, want):
        with show(dir, "-u", "1", "-t", "30", "Pace") as t:
            before = t.modes()
            shows(t, "1 users  0:0")
            if how == "twice":  # the first one is taken note of, then the second
                os.kill(t.pid, signal.SIGINT)
                os.kill(t.pid, signal.SIGINT)
            elif how == "ctrl-c":
                t.type("\x03")
            else:
                os.kill(t.pid, how)
            rc = t.end()
            check(rc in want, how, rc, t.data[-500:])
            given_back(t, before)
            if how in (signal.SIGINT, signal.SIGTERM, "ctrl-c"):
                check("signal" in t.said() and "Response time percentiles" in t.said(), t.said())

    each([(signal.SIGINT, [0]), (signal.SIGTERM, [0]), ("ctrl-c", [0]), ("twice", [0, -2]), (signal.SIGQUIT, [-3]),
          (signal.SIGHUP, [-1]), (signal.SIGSEGV, [-11]), (signal.SIGABRT, [-6])], ends)


@test("what the program says last is seen: a broken rule, exit() in a task")
def _(dir):
    for rule, word in ("fault", "SIGSEGV|segmentation|fault"), ("exit", ""):
        with show(dir, "-u", "1", "-t", "30", program="leaves_terminal.c", HOW=rule) as t:
            before = t.modes()
            t.until(lambda: t.other, 10, "the other screen")
            t.end()
            given_back(t, before)
            check(re.search(word, t.said(), re.I), rule, t.said())


@test("Ctrl-Z gives the terminal back, fg takes it again")
def _(dir):
    # A shell with jobs, for the kernel stops no process that nobody could continue.
    shell = ["/bin/sh", "-mc", '"$0" "$@"; echo stopped; read x; fg; echo code $?']
    with Terminal(shell + [build("rows_for_reports.c", "-O0"), "--headless", "--tui", "-t", "30", "-H",
                           shared_target().url, "Pace"], cwd=dir) as t:
        before = t.modes()
        shows(t, "1 users  0:0")
        t.type("\x1a")
        t.until(lambda: "stopped\n" in t.said(), 5, "it is stopped")
        given_back(t, before)
        t.type("\n")
        t.until(lambda: t.other, 5, "the other screen again")
        shows(t, "1 users  0:0", "ends the test")
        t.type("q")
        same(t.end(), 0)
        same(t.entered, 2)
        given_back(t, before)
        check("code 0\n" in t.said(), t.said())


@test("SIGTSTP where nobody could continue it: the terminal is taken again")
def _(dir):
    with show(dir, "-u", "1", "-t", "30", "Pace") as t:
        before = t.modes()
        shows(t, "1 users  0:0")
        os.kill(t.pid, signal.SIGTSTP)
        t.until(lambda: t.entered == 2, 5, "the other screen again")
        shows(t, "1 users  0:0", "ends the test")
        t.type("q")
        same(t.end(), 0)
        given_back(t, before)


@test("a terminal that takes nothing does not stop the load")
def _(dir):
    with show(dir, "-u", "4", "-t", "5", "--summary", "s", "Pace") as t:
        shows(t, "4 users  0:00 of|4 users  0:01 of")
        # From here on nobody reads, and the pty fills up.
        until(lambda: os.path.exists(dir + "/s") and os.path.getsize(dir + "/s"), 20, "the end of the run")
        requests = json.load(open(dir + "/s"))["total"]["requests"]
        check(180 <= requests <= 204, requests)  # ten a second each
        same(t.end(), 0)
        check(not t.other, t.data[-200:])


@test("without a terminal, with --compact, or in the background: a line, and all as without it")
def _(dir):
    r = run(dir, [build("rows_for_reports.c", "-O0"), "--headless", "--tui", "-t", "1", "-H", shared_target().url, "Pace"])
    same(r.rc, 0, r)
    check("--tui has no effect: this is no terminal" in r.err and "\x1b" not in r.err + r.out, r)
    same(len(tables(r.err)), 2, r)
    with show(dir, "-t", "1", "--compact", "Pace") as t:
        same(t.end(), 0)
        check("--tui has no effect with --compact" in t.said() and not t.entered, t.said())
    with Terminal([build("rows_for_reports.c", "-O0"), "--headless", "-t", "1", "-H", shared_target().url, "Pace"],
                  cwd=dir, env={"LOCUST_TUI": "true"}) as t:  # asked for in a setting
        same(t.end(), 0)
        same(t.entered, 1)


main(parallel=4, before=lambda: (build("rows_for_reports.c", "-O0"), build("leaves_terminal.c", "-O0"), shared_target()))
