#!/usr/bin/env -S python3 -B
"""make screenshots: pictures of what people look at, in build/screenshots, to be looked at.

A report of the open model and one of users with failures, light, dark, 420 pixels wide and on paper; and, of a program
with a web interface, its form, each tab, the drawer of small screens and its dialog. Needs chromium and chromium-driver.
"""
import os, re, sys, tempfile
from kit.browser import *
from kit.lib import *

FOLDER = os.path.join(ROOT, "build", "screenshots")
TABS = "stats charts latency failures exceptions ratios reports logViewer generator".split()
LOOKS = ("light", 1280), ("dark", 1280), ("light", 420), ("dark", 420)


def take(browser, name, looks=LOOKS):
    for scheme, width in looks:
        browser.size(width)
        browser.media(scheme)
        browser.run("document.documentElement.dataset.theme = arguments[0]", scheme)
        # Whatever was moving has been painted.
        browser.call("execute/async", {"script": "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))", "args": []})
        browser.picture("%s/%s-%s-%d.png" % (FOLDER, name, scheme, width))


def reports(browser, dir, url):
    for name, program, args, env in (
            ("report-users", "rows_for_reports.c", ("-u", "40", "-r", "4", "--phases", "--check", "p99<250ms", "--check", "rps>1000", "A", "B",
                                                    "Verdict"), {}),
            ("report-arrivals", "open_model.c", ("--rate", "300", "--poisson", "--check", "intended_p99<50ms"), {"OPEN_PATH": "/delay/5"})):
        run(dir, [build(program), "--headless", "-H", url, "-t", "15", "--only-summary", "--html", name + ".html", *args], env=env)
        browser.media("light")
        browser.go("file://%s/%s.html" % (dir, name))
        browser.wait("document.querySelector('#charts path.line')", "charts")
        take(browser, name)
        browser.size(1280)
        browser.media("light")
        browser.pdf("%s/%s.pdf" % (FOLDER, name))


def live(browser, dir, url):
    program = build("web_shop.c") if os.path.exists(PROGRAMS + "web_shop.c") else None
    if not program:
        return
    with Program(dir, [program, "--web-port", "0", "-H", url, "--check", "p99<250ms", "--phases"]) as p:
        at = until(lambda: re.search(r"Starting web interface at (http\S+)", p.read("err")), 20, "the web interface")[1]
        browser.go(at)
        browser.wait("document.querySelector('#start')", "the form")
        take(browser, "form")
        browser.type("[name=user_count]", "40")
        browser.type("[name=spawn_rate]", "4")
        browser.click("#start")
        browser.wait("document.querySelector('#do-stop')", "a running test")
        browser.run("document.querySelector('#tab-charts').click()")
        browser.wait("(document.querySelector('#view-charts path.line') || {getTotalLength: () => 0}).getTotalLength() > 300", "moving charts", 40)
        until(lambda: browser.run("return document.querySelector('#view-charts path.line').getAttribute('d').split('L').length") >= 12, 40,
              "twelve points")
        for tab in TABS:
            browser.run("document.getElementById('tab-' + arguments[0]).click()", tab)
            take(browser, tab, LOOKS if tab in ("stats", "charts", "latency") else LOOKS[:1])
        browser.size(420)
        browser.run("document.querySelector('#menu').click()")
        take(browser, "drawer", LOOKS[2:3])
        browser.run("document.querySelector('.close').click()")
        browser.size(1280)
        browser.click("#do-edit")
        take(browser, "edit", LOOKS[:2])
        browser.run("document.querySelector('dialog').close()")
        browser.click("#do-stop")
        browser.wait("document.querySelector('#do-new')", "a stopped test")
        take(browser, "stopped", LOOKS[:1])


os.makedirs(FOLDER, exist_ok=True)
with tempfile.TemporaryDirectory() as dir, Target(dir) as target, Browser(dir) as browser:
    reports(browser, dir, target.url)
    live(browser, dir, target.url)
print("%d pictures in build/screenshots" % len([f for f in os.listdir(FOLDER)]))
