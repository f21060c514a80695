#!/usr/bin/env -S python3 -B
"""The page of a running test in headless Chromium: a test is started from its form, watched, changed, stopped and
run again, all is downloaded, and no request leaves the machine.

    tests/whole/test_page_live.py [WORD...]    only the tests whose name contains a word
"""
import json, os, sys, urllib.request
from kit.browser import *
from kit.lib import *
from kit.report import *

# Names and messages that are markup, failures, failed tasks, options of the test.
PROGRAM = r"""
#include "locust.h"
static void look(locust_user *u)
{
    locust_get(u, "/");
    locust_get(u, "/delay/5", .name = "<img src=x onerror=window.hacked=1>");
}
static void fails(locust_user *u)
{
    locust_get(u, "/status/404", .name = "</script>");
    if (locust_option_flag(u->env, "explode"))
        locust_fail(u, "task <b>fails</b>");
}
LOCUST_USER(Reader, .weight = 3, .wait_time = LOCUST_CONSTANT_THROUGHPUT(10), .tasks = LOCUST_TASKS(LOCUST_TASK(look)));
LOCUST_USER(Loser, .wait_time = LOCUST_CONSTANT_THROUGHPUT(10), .tasks = LOCUST_TASKS(LOCUST_TASK(fails)));
LOCUST_MAIN(.users = {&Reader, &Loser}, .options = {{.name = "explode", .help = "fail a task"},
    {.name = "token", .value = "TOKEN", .fallback = "abc", .secret = true},
    {.name = "size", .type = LOCUST_OWN_CHOICE, .choices = "small,large", .fallback = "small"}})
"""
OPEN_PROGRAM = r"""
#include "locust.h"
static void look(locust_user *u)
{
    locust_get(u, "/");
}
LOCUST_USER(Reader, .tasks = LOCUST_TASKS(LOCUST_TASK(look)));
LOCUST_MAIN(.users = {&Reader})
"""
TABS = "stats charts latency failures exceptions ratios reports logViewer generator".split()


def program(name, text):
    path = os.path.join(OUT, name)
    with open(path, "w") as f:
        f.write(text)
    return build(path, "-O0")


class Page(Program):
    """A program that serves its page, on a port of its own choice."""

    def __init__(self, dir, *args, program):
        super().__init__(dir, [program, "--web-port", "0", *args])
        said = until(lambda: re.search(r"Starting web interface at (http\S+)", self.read("err")) or self.p.poll() is not None,
                     20, "the line about the web interface")
        check(said is not True, self.read("err"))
        self.url = said[1].rstrip("/") + "/"

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return answer.read()

    def stats(self):
        return json.loads(self.get("stats/requests"))


def figure(browser, name):
    """A figure of the bar."""
    return browser.run("const d = [...document.querySelectorAll('#bar dt')].find((d) => d.textContent === arguments[0]);"
                       "return d && d.nextSibling.textContent", name)


def points(browser):
    """How many points each line of the charts has."""
    return browser.run("return [...document.querySelectorAll('#view-charts path.line')]"
                       ".map((p) => p.getAttribute('d').split('L').length)")


def choose(browser, tab):
    browser.run("document.getElementById('tab-' + arguments[0]).click()", tab)


def shows(browser, tab, text):
    choose(browser, tab)
    browser.wait("document.querySelector('#view-%s').innerText.includes(%s)" % (tab, json.dumps(text)), "%s: %s" % (tab, text))


def starts(browser, page):
    """From the form to a running test of 6 users."""
    browser.go(page.url)
    browser.wait("document.querySelector('#start') && document.querySelector('#start').checkVisibility()", "the form")
    same((figure(browser, "Status"), figure(browser, "Users")), ("READY", None))
    same(browser.run(CONTRAST) + browser.run(NAMELESS), [])
    browser.run("document.querySelectorAll('#main details').forEach((d) => { d.open = true; })")
    same(browser.run("return [...document.querySelectorAll('#main form label')]"
                     ".map((l) => l.firstChild.textContent.trim() || l.innerText.trim())"),
         ["Number of users (peak concurrency)", "Ramp up (users started/second)", "Host",
          "Run time (e.g. 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.)", "Profile", "Explode\nfail a task", "Size", "Token"])
    same(browser.run("return document.querySelector('[name=token]').type"), "password")
    browser.type("[name=spawn_rate]", "0")
    browser.click("#start")
    browser.wait("document.querySelector('.note[role=alert]').innerText.includes('spawn_rate')", "why it does not start")
    browser.type("[name=user_count]", "6")
    browser.type("[name=spawn_rate]", "100")
    browser.click("[name=explode]")
    browser.keys("\ue007")  # Enter in a form sends it
    browser.wait("document.querySelector('#bar').innerText.includes('RUNNING')", "RUNNING")
    until(lambda: figure(browser, "Users") == "6", 20, "6 users")


def has_tables(browser):
    rows = browser.wait("(() => { const r = document.querySelector('#view-stats table').tBodies[0].rows; return r.length === 4"
                        " && [...r].map((one) => [...one.cells].slice(0, 2).map((c) => c.textContent)); })()", "four rows")
    same(rows, [["GET", "/"], ["GET", "</script>"], ["GET", "<img src=x onerror=window.hacked=1>"], ["", "Aggregated"]])
    same(browser.run("return [...document.querySelectorAll('#view-stats th')].slice(0, 13)"
                     ".map((t) => t.innerText.replace(/\\s+/g, ' '))"),
         ["Type", "Name", "# Requests", "# Fails", "Median (ms)", "95%ile (ms)", "99%ile (ms)", "Average (ms)", "Min (ms)",
          "Max (ms)", "Average size (bytes)", "Current RPS", "Current Failures/s"])
    check(browser.text("#verdict").startswith("Generator: "), browser.text("#verdict"))
    browser.wait("document.querySelector('#verdict').innerText.includes('1 of 2 do not hold (rps>100000')", "the checks")


def looks_well(browser):
    """Every tab, light and dark, and on 420 pixels."""
    for scheme, width in ("light", 1280), ("dark", 1280), ("dark", 420):
        browser.size(width)
        browser.media(scheme)
        for tab in TABS:
            choose(browser, tab)
            check(browser.run("return document.getElementById('view-' + arguments[0]).checkVisibility()", tab), tab)
            check(browser.run("return document.documentElement.scrollWidth") <= width, "wider than the screen", tab, width)
            same(browser.run(CONTRAST) + browser.run(NAMELESS), [], tab, scheme, width)
            check(browser.run("return document.querySelector('#verdict').getBoundingClientRect().top") >= 0, "the verdict", tab)


def downloads(browser, page, dir):
    choose(browser, "reports")
    links = browser.run("return [...document.querySelectorAll('#view-reports a')].map((a) => [a.innerText, a.getAttribute('href')])")
    same([text for text, _ in links],
         ["Download requests CSV", "Download failures CSV", "Download exceptions CSV", "Download Report"])
    for i, (text, href) in enumerate(links[:3]):
        browser.run("document.querySelectorAll('#view-reports a')[arguments[0]].click()", i)
        end = "_%s.csv" % text.split()[1]
        file = until(lambda: [f for f in os.listdir(browser.downloads) if f.endswith(end)], 20, "a file " + end)
        with open(os.path.join(browser.downloads, file[0]), "rb") as f:
            same(f.read(), page.get(href), end)
    browser.go(page.url + links[3][1])
    browser.wait("document.querySelectorAll('#charts path.line').length >= 7", "the report")
    with open(dir + "/report.html", "wb") as f:
        f.write(page.get(links[3][1]))
    rows = {r["Name"]: int(r["# Requests"]) for r in Reading(dir + "/report.html").rows("requests")}
    same(rows, {r["name"]: r["num_requests"] for r in page.stats()["stats"]})


def open_model(browser, dir):
    """Arrivals are shown and changed; classes are picked."""
    made = program("page_open.c", OPEN_PROGRAM)
    with Page(dir, "-H", shared_target().url, "--rate", "50", "--class-picker", program=made) as page:
        browser.go(page.url)
        browser.wait("document.querySelector('#start')", "the form")
        same(browser.run("return [...document.querySelectorAll('[name=user_classes]')].map((c) => [c.value, c.checked])"),
             [["Reader", True]])
        browser.click("#start")
        browser.wait("document.querySelector('#do-edit')", "a running test")
        arrivals = "[...document.querySelectorAll('#view-stats dl div')].map((d) => d.innerText.split(/\\s*\\n\\s*/))"
        shown = dict(browser.wait("(%s).length === 6 && (%s)" % (arrivals, arrivals), "arrivals"))
        same((sorted(shown), shown["Rate a second"]),
             (["Late", "Rate a second", "Scheduled", "Shed", "Started", "Unanswered"], "50.0"))
        choose(browser, "latency")
        browser.wait("document.querySelectorAll('#view-latency path.line').length === 2", "both curves")
        browser.click("#do-edit")
        browser.type("dialog [name=rate]", "120")
        browser.click("#update")
        browser.wait("!document.querySelector('dialog')", "the dialog closes")
        until(lambda: json.loads(page.get("locust-h/state"))["arrivals"]["rate"] == 120, 10, "the new rate")
        same(browser.errors(), [])
        check(all(url.startswith(page.url) for url in browser.asked()), sorted(set(browser.asked())))
        browser.go("about:blank")  # the page would go on asking
        browser.forget()


@test("a test is started from the form, watched, changed, stopped, run again; everything is downloaded; arrivals are changed")
def _(dir):
    made = program("page_test.c", PROGRAM)
    args = "-H", shared_target().url, "--check", "p99<10s", "--check", "rps>100000", "--phases"
    with Page(dir, *args, program=made) as page, Browser(dir) as browser:
        open_model(browser, dir)
        browser.media("light")
        starts(browser, page)
        has_tables(browser)
        choose(browser, "charts")
        was = points(browser)
        same(len(was), 6, "requests, failures, three percentiles, users")
        until(lambda: all(n >= w + 3 for n, w in zip(points(browser), was)), 20, "charts move")
        same(browser.run("return location.search"), "?tab=charts")
        browser.click("#do-edit")
        same(browser.run("return [...document.querySelectorAll('dialog input')].map((i) => i.value)"), ["6", "100"])
        browser.type("dialog [name=user_count]", "9")
        browser.click("#update")
        browser.wait("!document.querySelector('dialog')", "the dialog closes")
        until(lambda: figure(browser, "Users") == "9" and page.stats()["user_count"] == 9, 20, "9 users")
        looks_well(browser)
        shows(browser, "exceptions", "task <b>fails</b>")
        shows(browser, "failures", "</script>")
        shows(browser, "ratios", "% Reader")
        shows(browser, "logViewer", "Ramping to")
        choose(browser, "stats")
        browser.run("document.querySelector('#tab-stats').focus()")
        browser.keys("\ue014")
        same(browser.run("return [document.activeElement.id, location.search]"), ["tab-charts", "?tab=charts"])
        browser.click("#menu")  # small screens have a drawer for the rest of the bar
        browser.wait("document.querySelector('#do-stop').checkVisibility()", "the drawer")
        browser.click("#do-reset")
        browser.keys("\ue00c")
        browser.size(1280)
        browser.click("#do-stop")
        browser.wait("document.querySelector('#do-new')", "a stopped test")
        same(figure(browser, "Status"), "STOPPED")
        downloads(browser, page, dir)
        # A second run is marked in the charts.
        browser.go(page.url + "?tab=charts")
        browser.wait("document.querySelector('#do-new')", "the page")
        browser.click("#do-new")
        browser.click("dialog #start")
        browser.wait("[...document.querySelectorAll('#view-charts text')].some((t) => t.textContent === 'Run #2')", "a mark")
        same(browser.run("return window.hacked"), None)
        same(browser.errors(), [])
        check(all(url.startswith(page.url) for url in browser.asked()), sorted(set(browser.asked())))
        page.p.send_signal(signal.SIGINT)
        page.wait()
        browser.wait("document.querySelector('#verdict').innerText.includes('No answer from the load generator')", "no answer", 30)


os.makedirs(OUT, exist_ok=True)
main(parallel=1)
