#!/usr/bin/env -S python3 -B
"""Tests that do what they must not: named by task, and what was measured is not lost.

    tests/whole/test_misuse.py [WORD...]    only the tests whose name contains a word
"""
import os, re, resource, signal, subprocess, sys
from kit.lib import *


def no_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def misuse(dir, what, *args, program=None, **env):
    return run(dir, [program or build("broken_rules.c", "-O0"), "--headless", "--csv", "c", "-u", "2", "-r", "2", "-t", "1",
                     "-H", shared_target().url] + list(args), env=dict(env, MISUSE=what), before_exec=no_core)


def exceptions(dir):
    return [(int(row["Count"]), row["Message"], row["Traceback"]) for row in read_csv(dir + "/c", "exceptions")]


@test("a fault in a task names task and class, and ends by its signal")
def _(dir):
    def fault(what, number, says):
        r = misuse(dir, what, "Careless")
        same(r.rc, -number, r)  # 128 + number to a shell
        same([line for line in r.err.splitlines() if line.startswith("locust: ")], ["locust: " + says], r)
    each([("null", signal.SIGSEGV, "SIGSEGV in task bad of Careless: invalid access to memory at 0x0, as "
                                   "through a null pointer"),
          ("abort", signal.SIGABRT, "SIGABRT in task bad of Careless: abort() was called")]
         + [("division", signal.SIGFPE, "SIGFPE in task bad of Careless: invalid arithmetic, such as a division "
                                        "by zero")] * (os.uname().machine in ("x86_64", "i686")), fault)


@test("a shell sees the signal of a fault")
def _(dir):
    done = subprocess.run(["sh", "-c", "ulimit -c 0; MISUSE=null '%s' --headless -t 9 -H %s Careless; echo code $?"
                           % (build("broken_rules.c", "-O0"), shared_target().url)], capture_output=True, text=True)
    check("code 139\n" in done.stdout, done)


@test("AddressSanitizer still reports a fault")
def _(dir):
    program = build("broken_rules.c", "-O0", "-fsanitize=address")
    r = misuse(dir, "null", "Careless", program=program)
    r.says("SIGSEGV in task bad of Careless")
    r.says("ERROR: AddressSanitizer: SEGV on unknown address")
    check(re.search(r"#0 .* in crash", r.err), r)


@test("an on_start that failed: exit code 1, an exception, no on_stop")
def _(dir):
    r = misuse(dir, "on_start")  # as Locust 2.47
    same(r.rc, 1, r)
    same(r.out.count("stopped"), 1, r)  # of the other class
    same([row[:2] for row in exceptions(dir)], [(1, "cannot log in")], r)
    check("task" in r.out, r)


def goes_on(dir, r):
    """The run went on and was reported: exit code 1, good tasks and their requests."""
    same(r.rc, 1, r)
    check("never" not in r.out, r)
    rows, total = stats_csv(dir + "/c")
    good = r.out.count("task")
    check(good > 10 and abs(count(rows["GET", "/"]) - good) <= 2, good, r)  # 100 a second
    check(r.out.count("stopped") == 2, r)
    r.says("Shutting down (exit code 1)")
    r.says("Exceptions report")


IN_A_TASK = [  # what, the sentence, the place
    ("failure", "locust_failure() needs a response that waits for its verdict: made with .catch_response = true, "
                "and no later request of that user", "broken_rules.c:%d in in_a_task, task bad of Careless"),
    ("success", "locust_success() needs a response that waits for its verdict: made with .catch_response = true, "
                "and no later request of that user", "task bad of Careless"),
    ("pattern", "locust_match() cannot use the regular expression \"a(b\": ",
     "broken_rules.c:%d in in_a_task, task bad of Careless"),
    ("dead headers", "a request (locust_send, locust_get, ...) has a .headers of a function that has returned: ",
     "broken_rules.c:%d in in_a_task, task bad of Careless"),
    ("interrupt", "locust_interrupt() leaves a task set, and the tasks of a class itself are none: to end the user "
                  "call locust_stop_user()", "broken_rules.c:%d in in_a_task, task bad of Careless"),
    ("other user", "locust_sleep was called outside its user: call it from that user's own task, on_start or "
                   "on_stop", "broken_rules.c:%d in in_a_task, task bad of Careless"),
    ("no user", "a request (locust_send, locust_get, ...) was called outside its user: ",
     "broken_rules.c:%d in in_a_task, task bad of Careless"),
    ("no stream", "locust_write() was called without a stream: ", "task bad of Careless"),
    ("scope", "LOCUST_SCOPE(box) is left while another one inside it is not", "task bad of Careless"),
    ("context", "locust_context_run() was given a context that is entered already: ", "task bad of Careless"),
    ("run", "locust_run() was called inside a running test: ", "task bad of Careless"),
]


@test("a call that breaks a rule fails its task, which is named with its place")
def _(dir):
    lines = open(PROGRAMS + "broken_rules.c").read().splitlines()

    def breaks(what, text, place):
        r = misuse(dir, what, "Careful", "Careless", IN_A_TASK="1")
        goes_on(dir, r)
        at = 1 + next(n for n, line in enumerate(lines) if 'is("%s")' % what in line)
        rows = exceptions(dir)
        same(len(rows), 1, r)
        check(rows[0][0] > 1 and rows[0][1].startswith(text), rows)
        check(rows[0][2].strip() in [place % (at + k) if "%" in place else place for k in (1, 2)], rows, at)
        same(r.err.count("locust.user.task: " + text), 1, r)  # said once, counted each time
    each(IN_A_TASK, breaks)


CALLED_BACK = [  # what, the function that may not wait, the call
    ("defer", "a function of locust_defer", "locust_sleep"),
    ("fini", "the .fini of a LOCUST_LOCAL", "locust_sleep"),
    ("wait function", "the function of LOCUST_WAIT_FN", "locust_sleep"),
    ("on_body", ".on_body", "a request (locust_send, locust_get, ...)"),
    ("body_fn", ".body_fn", "locust_sleep"),
    ("get in a listener", "a listener of on_request", "a request (locust_send, locust_get, ...)"),
    ("sleep in a listener", "a listener of on_request", "locust_sleep"),
    ("stream in a listener", "a listener of on_request", "locust_connect"),
    ("join in a listener", "a listener of on_request", "locust_join_all"),
    ("spawning_complete", "a listener of on_spawning_complete", "a request (locust_send, locust_get, ...)"),
    ("quitting", "a listener of on_quitting", "a request (locust_send, locust_get, ...)"),
]


@test("a function that is called back may not wait: it is left, and what called it goes on")
def _(dir):
    def waits(what, function, call):
        r = misuse(dir, what, "Careful", "Careless", 
                   **({"IN_A_TASK": "1"} if what in ("defer", "fini", "on_body", "body_fn") else {}))
        same(r.rc, 1, r)
        check("never" not in r.out, r)
        text = "%s was called in %s, which may not wait: " % (call, function)
        rows = exceptions(dir)
        same(len(rows), 1, r)
        check(rows[0][1].startswith(text), rows)
        same(r.err.count("locust.user.task: " + text), 1, r)
        check(r.out.count("task") > 10, r)
        rows, total = stats_csv(dir + "/c")
        check(("GET", "/size/9") not in rows, rows)
        check("listener" not in what or (r.out.count("answer 200") == r.out.count("task")
                                         and r.out.count("second listener") >= count(total)), r)
        check(r.out.count("stopped") == 2, r)
    each(CALLED_BACK, waits)


@test("what a listener of on_request may do: fail the task, end the user, record another row")
def _(dir):
    r = misuse(dir, "listener fails", "Careless", IN_A_TASK="1")
    same(r.rc, 1, r)
    check("never" not in r.out, r)
    same([row[1] for row in exceptions(dir)], ["refused by the audit"], r)
    r = misuse(dir, "record in a listener", "Careful")  # for its own rows too: without end
    same(r.rc, 1, r)
    same([row[1] for row in exceptions(dir)], ["a listener of on_request records requests, and is called for "
                                               "each of them: let it leave out its own"], r)
    check(r.out.count("answer 200") == r.out.count("task") > 10, r)


@test("locust_fail in on_user_error is refused, and the first failure counts")
def _(dir):
    r = misuse(dir, "fail in on_user_error", "Careless")
    same(r.rc, 1, r)
    rows = {row[1]: row[0] for row in exceptions(dir)}
    same(set(rows), {"once", "locust_fail was called in a listener of on_user_error, which has to return"}, r)
    same(len(set(rows.values())), 1, rows)


@test("a bad pattern in a listener leaves the listener, not the task")
def _(dir):
    r = misuse(dir, "pattern in a listener", "Careful")
    same(r.rc, 1, r)
    check(exceptions(dir)[0][1].startswith("locust_match() cannot use the regular expression"), r)
    check(r.out.count("answer 200") == r.out.count("task") > 10 and "never" not in r.out, r)


@test("a variable of a user in on_test_stop: the reports are written")
def _(dir):
    r = misuse(dir, "test_stop", "Careful")
    same(r.rc, 1, r)
    check(exceptions(dir)[0][1].startswith("box() was used outside a user"), r)
    check(count(stats_csv(dir + "/c")[1]) > 10, r)


@test("a request before the first user ends the program: nothing is lost")
def _(dir):
    r = misuse(dir, "test_start", "Careful")
    same(r.rc, 2, r)
    r.says("locust: a request (locust_send, locust_get, ...) was called in a listener of on_test_start, which may "
           "not wait: ")
    check("task" not in r.out, r)


main(parallel=2)
