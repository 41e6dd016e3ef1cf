#!/usr/bin/python3
"""Does in a real Chromium what a person does: signs in, types words, sees the way to what is found, and downloads it.

  browse.py URL NAME PASSWORD WORDS WAY FOLDER [PICTURES]

WAY must stand on the pages ('' where the file is on the first server itself). The file comes into FOLDER; its path is
printed. PICTURES: a folder for screenshots of each page, on a desk and on a phone, light and dark.
The browser is driven by chromedriver over WebDriver (W3C), and by nothing else.
"""
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
SIZES = {"desk": (1280, 800, False), "phone": (390, 844, True)}
PATIENCE_S = 60


class Browser:
    """One browser with a profile of its own, which goes away with it."""

    def __init__(self, profile, downloads):
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.at = f"http://127.0.0.1:{self._port()}"
        flags = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={profile}",
        ]
        wishes = {"acceptInsecureCerts": True, "goog:chromeOptions": {"args": flags}}
        self.session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wishes}})["sessionId"]
        self.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))

    def _port(self):
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                return int(line.split("port")[1].strip(" .\n"))
        raise SystemExit("chromedriver does not start")

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.at + path, data=data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise LookupError(json.load(error)["value"]["message"]) from None

    def call(self, method, path, body=None):
        return self._call(method, f"/session/{self.session}{path}", body)

    def devtools(self, command, **params):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def find(self, css):
        return self.call("POST", "/element", {"using": "css selector", "value": css})[ELEMENT]

    def type(self, css, text):
        self.call("POST", f"/element/{self.find(css)}/value", {"text": text})

    def click(self, css):
        self.press({ELEMENT: self.find(css)})

    def press(self, element):
        self.call("POST", f"/element/{element[ELEMENT]}/click", {})
        return True

    def text(self):
        return self.call("GET", f"/element/{self.find('body')}/text")

    def run(self, script, *args):
        return self.call("POST", "/execute/sync", {"script": script, "args": list(args)})

    def wait(self, what, holds):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                found = holds()
                if found:
                    return found
            except LookupError:
                pass
            time.sleep(0.05)
        raise SystemExit(f"waited in vain for {what}; the page says:\n{self.text()}")

    def pictures(self, folder, name):
        for place, (width, height, is_phone) in SIZES.items():
            self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                          deviceScaleFactor=1, mobile=is_phone)
            for scheme in ("light", "dark"):
                colours = [{"name": "prefers-color-scheme", "value": scheme}]
                self.devtools("Emulation.setEmulatedMedia", features=colours)
                wide = self.run("return document.documentElement.scrollWidth")
                if wide > width:
                    raise SystemExit(f"{name} is {wide} pixels wide on a {place} of {width}")
                picture = base64.b64decode(self.call("GET", "/screenshot"))
                (folder / f"{name}-{place}-{scheme}.png").write_bytes(picture)
        self.devtools("Emulation.clearDeviceMetricsOverride")

    def quit(self):
        try:
            self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(timeout=10)


def downloaded(folder):
    there = [path for path in folder.iterdir() if path.suffix not in (".crdownload", ".tmp") and not path.name.startswith(".")]
    return there[0] if there and not list(folder.glob("*.crdownload")) else None


def main():
    url, name, password, words, way, folder = sys.argv[1:7]
    pictures = pathlib.Path(sys.argv[7]) if len(sys.argv) > 7 else None
    folder = pathlib.Path(folder)
    with tempfile.TemporaryDirectory() as profile:
        os.environ["HOME"] = profile
        browser = Browser(profile, folder)
        try:
            browser.open(f"{url}/sign-in")
            browser.type("input[name=name]", name)
            browser.type("input[name=password]", password)
            browser.click("main form button[type=submit]")
            browser.wait("the first page", lambda: browser.find("#q"))
            browser.open(url)
            for letter in words:
                browser.type("#q", letter)
            row = "return [...document.querySelectorAll('.row-link')].find(a => a.innerText.toLowerCase().includes(arguments[0]))"
            hit = lambda: browser.run(row, words.lower())
            browser.wait("a hit", hit)
            browser.wait("the way", lambda: way in browser.text())
            if pictures:
                browser.pictures(pictures, "search")
            # The list is drawn anew while words are typed, so the row may be another by now.
            browser.wait("the hit", lambda: browser.press(hit()))
            browser.wait("the page of the share", lambda: browser.find("a[download]"))
            if way not in browser.text():
                raise SystemExit(f"the page of the share does not show the way:\n{browser.text()}")
            if pictures:
                browser.pictures(pictures, "share")
            browser.click("a[download]")
            print(browser.wait("the download", lambda: downloaded(folder)))
        finally:
            browser.quit()


main()
