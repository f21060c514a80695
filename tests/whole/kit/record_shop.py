#!/usr/bin/env python3
"""record_shop.py FILE - has Chromium visit kit/shop.py, and records it as HAR: how kit/shop.har was made.

Needs Debian's chromium, and the Python package playwright (without its own browsers).
"""
import sys, threading, time

from playwright.sync_api import sync_playwright
from shop import PASSWORD, Shop

shop = Shop(18123)
threading.Thread(target=shop.serve_forever, daemon=True).start()
with sync_playwright() as p:
    browser = p.chromium.launch(executable_path="/usr/bin/chromium", headless=True, args=["--no-sandbox"])
    context = browser.new_context(record_har_path=sys.argv[1], record_har_content="embed")
    page = context.new_page()
    page.goto(shop.url + "/")
    time.sleep(0.4)  # as a user does, so that there are waits to record
    page.click("#in")
    page.wait_for_load_state()
    time.sleep(0.8)
    page.fill("input[name=user]", "ann")
    page.fill("input[name=password]", PASSWORD)
    page.click("#go")
    page.wait_for_url("**/account")
    time.sleep(0.5)
    page.click("#order")
    page.wait_for_function("document.title.startsWith('ordered')")
    page.click("#out")
    page.wait_for_load_state()
    time.sleep(0.3)
    context.close()
    browser.close()
