#!/usr/bin/env -S python3 -B
"""How a run ends: signals, run time, stop timeout, locust_stop_test; on_stop in every case.

    tests/whole/test_stop.py [WORD...]    only the tests whose name contains a word
"""
import os, sys
from kit.lib import *


def start(dir, *args, **env):
    env = {"STOP_" + k.upper(): str(v) for k, v in env.items()}
    return Program(dir, [build("how_users_end.c", "-O0"), "--headless", "-H", shared_target().url, "--csv", "c"]
                   + list(args) + ([] if "Eager" in args else ["Ender"]), env=env)


def stop(dir, *args, seconds=60, **env):
    with start(dir, *args, **env) as p:
        return p.wait(seconds)


def ids(r, word):
    return [int(n) for n in re.findall(r"^%s (\d+)$" % word, r if isinstance(r, str) else r.out, re.M)]


def all_stopped(r, users, word="stopped"):
    """on_stop ran exactly once for each user that started."""
    same(sorted(ids(r, "start")), list(range(1, users + 1)), r)
    same(sorted(ids(r, word)), sorted(ids(r, "start")), r)


def reported(r, dir, code, errors=None):
    """The whole end of a run is there: log line, final table, percentiles, CSV. `errors`: there is a report of them;
    None: if the exit code is not 0."""
    same(r.rc, code, r)
    r.says("locust.main: Shutting down (exit code %d)" % code)
    tail = r.err[r.err.index("Shutting down"):]
    check("Aggregated" in tail and "Response time percentiles (approximated)" in tail, r)
    errors = bool(code) if errors is None else errors
    same("Error report" in tail, errors, r)
    rows, total = stats_csv(dir + "/c")
    final = tables(tail)[0][-1].split()
    same(final[1], total["Request Count"], "table and CSV differ")
    history = read_csv(dir + "/c", "stats_history")
    same(history[-1]["Total Request Count"], total["Request Count"])
    same(len(read_csv(dir + "/c", "failures")), 1 if errors else 0)
    return rows, total


for number in (signal.SIGINT, signal.SIGTERM):
    for path, code in (("/", 0), ("/status/503", 1)):
        @test("%s in a run with%s failures" % (number.name, "" if code else "out"))
        def _(dir, number=number, path=path, code=code):
            with start(dir, "-u", "20", "-r", "1000000", wait=0.05, path=path) as p:
                until(lambda: len(ids(p.read(), "done")) > 60, 20, "60 tasks done")
                p.p.send_signal(number)
                r = p.wait(5)
            all_stopped(r, 20)
            rows, total = reported(r, dir, code)
            same(set(rows), {("GET", path)})
            check(count(total) >= len(ids(r, "done")) - 20, "fewer requests than tasks", total)
            same(failed(total), count(total) if code else 0)
            check("--run-time limit reached" not in r.err, r)


@test("--exit-code-on-error after a signal")
def _(dir):
    with start(dir, "--exit-code-on-error", "9", wait=0.05, path="/status/404") as p:
        until(lambda: ids(p.read(), "done"), 20, "a task")
        p.p.send_signal(signal.SIGINT)
        reported(p.wait(5), dir, 9)


@test("a signal while users are spawned")
def _(dir):
    with start(dir, "-u", "1000", "-r", "5", wait=1) as p:
        until(lambda: len(ids(p.read(), "start")) >= 5, 20, "five users")
        p.p.send_signal(signal.SIGTERM)
        r = p.wait(5)
    users = len(ids(r, "start"))
    check(5 <= users <= 20, users)
    all_stopped(r, users)
    reported(r, dir, 0)
    check("All users spawned" not in r.err, r)


for first, second in ((signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGTERM),
                      (signal.SIGINT, signal.SIGTERM)):
    @test("%s in a long on_stop, then %s" % (first.name, second.name))
    def _(dir, first=first, second=second):
        with start(dir, "-u", "3", "-r", "1000000", "--stop-timeout", "60", wait=0.05, end=60) as p:
            until(lambda: len(ids(p.read(), "done")) >= 6, 20, "tasks")
            p.p.send_signal(first)
            until(lambda: len(ids(p.read(), "stopping")) == 3, 5, "on_stop of all")
            check(p.p.poll() is None, "it ended at the first signal")
            at = time.monotonic()
            p.p.send_signal(second)
            r = p.wait(5)
            check(time.monotonic() - at < 1, "it took its time")
        same(r.rc, -second, r)
        same(ids(r, "stopped"), [])


@test("a second signal within the stop timeout")
def _(dir):
    with start(dir, "-u", "3", "-r", "1000000", "--stop-timeout", "60", task=60) as p:
        until(lambda: len(ids(p.read(), "task")) == 3, 20, "tasks")
        p.p.send_signal(signal.SIGINT)
        until(lambda: "SIGINT" in p.read("err"), 5, "the log line of the signal")
        time.sleep(0.3)
        check(p.p.poll() is None, "it did not wait for the tasks")
        p.p.send_signal(signal.SIGINT)
        r = p.wait(2)
    same(r.rc, -signal.SIGINT, r)


@test("a second signal much later is still the second one")
def _(dir):
    with start(dir, "-u", "1", "--stop-timeout", "60", task=2) as p:
        until(lambda: ids(p.read(), "task"), 20, "a task")
        p.p.send_signal(signal.SIGINT)
        r = p.wait(20)  # alone, it lets the task finish
    reported(r, dir, 0)
    same((len(ids(r, "done")), len(ids(r, "stopped"))), (1, 1), r)


@test("--stop-timeout lets tasks finish")
def _(dir):
    r = stop(dir, "-u", "10", "-r", "1000000", "-t", "1", "--stop-timeout", "20", task=2)
    all_stopped(r, 10)
    same(sorted(ids(r, "done")), list(range(1, 11)), r)
    check(1.9 <= r.seconds < 4, r)
    check("Not all users finished" not in r.err, r)
    reported(r, dir, 0)
    r.says("--run-time limit reached, shutting down")


@test("--stop-timeout lets a request finish, and it counts")
def _(dir):
    r = stop(dir, "-u", "5", "-r", "1000000", "-t", "1", "--stop-timeout", "20", path="/delay/1800")
    rows, total = reported(r, dir, 0)
    same((count(total), failed(total)), (5, 0), r)
    same(len(ids(r, "done")), 5)
    all_stopped(r, 5)


@test("without a stop timeout requests are cut, and do not count")
def _(dir):
    for args in ([], ["--stop-timeout", "0"]):
        r = stop(dir, "-u", "5", "-r", "1000000", "-t", "2", *args, path="/delay/20000")
        check(2 <= r.seconds < 3.5, r)
        same(ids(r, "done"), [])
        all_stopped(r, 5)
        same(count(reported(r, dir, 1, errors=False)[1]), 0)  # all of them had waited for two seconds
        r.says("run: 5 requests were unanswered at the end")
        check("Not all users finished" not in r.err, r)


@test("--stop-timeout cuts what is left")
def _(dir):
    r = stop(dir, "-u", "4", "-r", "1000000", "-t", "1", "--stop-timeout", "1", path="/delay/20000")
    r.says("locust.runners: Not all users finished their tasks & terminated in 1.0 seconds. "
           "Stopping them...")
    same(r.err.count("Not all users finished"), 1)
    check(2 <= r.seconds < 3.5, r)
    same(ids(r, "done"), [])
    all_stopped(r, 4)
    same(count(reported(r, dir, 1, errors=False)[1]), 0)
    r.says("run: 4 requests were unanswered at the end")


@test("--stop-timeout cuts a long on_stop")
def _(dir):
    r = stop(dir, "-u", "4", "-r", "1000000", "-t", "1", "--stop-timeout", "1", wait=0.1, end=30)
    check(2 <= r.seconds < 3.5, r)
    r.says("Not all users finished their tasks & terminated in 1.0 seconds. Stopping them...")
    all_stopped(r, 4, "stopping")
    reported(r, dir, 0)


@test("waiting users end at once, whatever the stop timeout")
def _(dir):
    r = stop(dir, "-u", "5", "-r", "1000000", "-t", "1", "--stop-timeout", "30", wait=60)
    check(1 <= r.seconds < 2.5, r)
    all_stopped(r, 5)
    same(count(reported(r, dir, 0)[1]), 5)
    check("Not all users finished" not in r.err, r)


@test("the run time ends while users are spawned")
def _(dir):
    r = stop(dir, "-u", "1000", "-r", "10", "-t", "2", wait=0.5)
    check(2 <= r.seconds < 3.5, r)
    users = len(ids(r, "start"))
    check(15 <= users <= 31, "%d users in 2 s at 10 a second" % users)
    all_stopped(r, users)
    reported(r, dir, 0)
    check("All users spawned" not in r.err, r)
    r.says("Ramping to 1000 users at a rate of 10.00 per second")
    r.says("--run-time limit reached, shutting down")


@test("locust_stop_test")
def _(dir):
    for args in ([], ["-t", "1h"]):
        r = stop(dir, "-u", "8", "-r", "1000000", *args, wait=0.05, after=30)
        check(r.seconds < 5, r)
        all_stopped(r, 8)
        rows, total = reported(r, dir, 0)
        check(count(total) >= 30, total)
        check("--run-time limit" not in r.err, r)


@test("no task begins after locust_stop_test")
def _(dir):
    # "The calling user goes on until it parks or its task ends": eighty short runs side by side,
    # of a user without a wait between its tasks.
    def one(i):
        own = "%s/%d" % (dir, i)
        os.makedirs(own)
        r = stop(own, "--only-summary", "Eager", after=1)
        return len(ids(r, "task")), count(stats_csv(own + "/c")[1])

    build("how_users_end.c", "-O0")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        same(sorted(pool.map(one, range(80))), [(1, 1)] * 80, "(tasks begun, requests counted)")


@test("locust_stop_test with a stop timeout")
def _(dir):
    r = stop(dir, "-u", "2", "-r", "1000000", "--stop-timeout", "20", after=1, task=0.7)
    same(sorted(ids(r, "done")), [1, 2], r)  # the one that called it too
    all_stopped(r, 2)
    reported(r, dir, 0)


main(parallel=8, before=lambda: (build("how_users_end.c", "-O0"), shared_target()))
