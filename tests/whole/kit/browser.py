"""Debian's Chromium without a window, driven through its chromedriver by WebDriver (W3C) and its own protocol.

    with Browser(dir) as browser:
        browser.go("file:///...")
        browser.wait("document.querySelector('h1')", "a heading")
        browser.run("return document.title")
        browser.click("#start");  browser.type("#users", "20");  browser.keys("\\ue007")
        browser.picture("page.png");  browser.pdf("page.pdf")
        browser.errors()       what the console says; browser.asked()  the URLs that were asked for

The profile is a folder of its own below `dir`; downloads go to `dir`/downloads.
"""
import base64, contextlib, json, os, re, shutil, subprocess, time, urllib.request
from kit.lib import Skip, check, until

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
NAMES = ("chromium", "chromium-browser", "google-chrome")


def missing():
    """What is not installed; "" if nothing."""
    chromium = any(shutil.which(name) for name in NAMES)
    return " and ".join(([] if chromium else ["chromium"]) +
                        ([] if shutil.which("chromedriver") else ["chromium-driver"]))


class Browser:
    def __init__(self, dir, size=(1280, 900)):
        if missing():
            raise Skip(missing() + " missing")
        self.dir = os.path.join(dir, "browser")
        self.downloads = os.path.join(dir, "downloads")
        for folder in self.dir, self.downloads:
            os.makedirs(folder, exist_ok=True)
        self.log = open(os.path.join(self.dir, "driver.log"), "w+")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=self.log, stderr=subprocess.STDOUT,
                                       env=dict(os.environ, HOME=self.dir), start_new_session=False)
        self.session = None
        try:
            self.port = until(self._port, 20, "chromedriver says its port")
            flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--disable-extensions", "--mute-audio", "--disable-default-apps", "--metrics-recording-only",
                     "--hide-scrollbars", "--force-device-scale-factor=1", "--user-data-dir=" + self.dir + "/profile",
                     "--window-size=%d,%d" % size]
            options = {"args": flags, "prefs": {"download.default_directory": self.downloads,
                       "profile.default_content_setting_values.automatic_downloads": 1},
                       "binary": next(p for p in map(shutil.which, NAMES) if p)}
            wanted = {"browserName": "chrome", "goog:chromeOptions": options, "unhandledPromptBehavior": "accept",
                      "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
            value = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self.session = value["sessionId"]
            self.size(*size)
        except BaseException:
            self.close()
            raise
        self._asked, self._errors = [], []

    def _port(self):
        self.log.seek(0)
        found = re.search(r"started successfully on port (\d+)", self.log.read())
        return found and int(found[1])

    def _call(self, method, path, body=None):
        request = urllib.request.Request("http://127.0.0.1:%d%s" % (self.port, path), method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            why = json.load(e)["value"]
            raise AssertionError("%s %s: %s" % (method, path, why.get("message", "")[:600])) from None

    def call(self, path, body=None, method="POST"):
        return self._call(method, "/session/%s/%s" % (self.session, path), {} if body is None and method == "POST" else body)

    def cdp(self, command, **params):
        return self.call("goog/cdp/execute", {"cmd": command, "params": params})

    def close(self):
        with contextlib.suppress(Exception):
            if self.session:
                self._call("DELETE", "/session/" + self.session)
        self.driver.terminate()
        try:
            self.driver.wait(10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def size(self, width, height=900):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, scheme="light", kind=""):
        self.cdp("Emulation.setEmulatedMedia", media=kind, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def go(self, url):
        self.call("url", {"url": url})

    def run(self, script, *arguments):
        return self.call("execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, expression, what, seconds=20):
        """Waits until an expression of JavaScript is true; returns its value."""
        return until(lambda: self.run("return (%s)" % expression), seconds, what)

    def find(self, css):
        return self.call("element", {"using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self.call("element/%s/click" % self.find(css))

    def type(self, css, text):
        element = self.find(css)
        self.call("element/%s/clear" % element)
        self.call("element/%s/value" % element, {"text": text})

    def keys(self, *keys):
        """Presses keys where the focus is."""
        steps = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": steps}]})

    def text(self, css):
        return self.run("return document.querySelector(arguments[0]).innerText", css)

    def picture(self, path, whole=True):
        """A picture of the page, in its whole length."""
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.cdp("Page.captureScreenshot", captureBeyondViewport=whole,
                                                 format="png")["data"]))

    def pdf(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("print", {"background": True})))

    def _logs(self):
        for entry in self.call("se/log", {"type": "browser"}):
            if entry["level"] in ("SEVERE", "WARNING"):
                self._errors.append(entry["message"])
        for entry in self.call("se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self._asked.append(message["params"]["request"]["url"])

    def errors(self):
        """Errors and warnings of the console so far."""
        self._logs()
        return list(self._errors)

    def forget(self):
        """Errors and URLs count from here on."""
        self._logs()
        self._errors, self._asked = [], []

    def asked(self):
        """The URLs that the page asked for so far, but for those of its own memory."""
        self._logs()
        return [url for url in self._asked if not url.startswith(("data:", "blob:", "chrome"))]
