# SPDX-License-Identifier: GPL-2.0-or-later
"""A Chromium without a window, told what to do through a pipe (the DevTools protocol), so that it can be in a network
namespace of its own while the test is not."""

import base64
import json
import os
import select
import shutil
import subprocess
import time

from umldtest import PATIENCE, wait_until

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

KEYS = {"\r": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}}


class Browser:
    """enter: the beginning of a command that is run where the browser is to be. directory: for its profile."""

    def __init__(self, enter, directory, log):
        to_us, from_it = os.pipe()
        to_it, from_us = os.pipe()
        # It reads from descriptor 3 and writes to 4.
        shell = ["bash", "-c", f'exec "$@" 3<&{to_it} 4>&{from_it}', "browser"]
        command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--hide-scrollbars",
                   "--force-color-profile=srgb", "--lang=en-US", f"--user-data-dir={directory}", "--remote-debugging-pipe", "about:blank"]
        with open(log, "wb") as output:
            self.process = subprocess.Popen([*enter, *shell, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            pass_fds=(to_it, from_it))
        os.close(to_it)
        os.close(from_it)
        self.reader, self.writer = to_us, from_us
        self.buffer, self.serial, self.session, self.events = b"", 0, None, []

    def close(self):
        os.close(self.writer)
        self.process.kill()
        self.process.wait()
        os.close(self.reader)

    # ---- the protocol: JSON that ends with a NUL ----

    def receive(self, deadline):
        while b"\0" not in self.buffer:
            if not select.select([self.reader], [], [], max(0, deadline - time.monotonic()))[0]:
                raise AssertionError("the browser does not answer")
            chunk = os.read(self.reader, 1 << 20)
            if not chunk:
                raise AssertionError(f"the browser ended with {self.process.wait()}")
            self.buffer += chunk
        text, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(text)

    def call(self, method, timeout=30, session=True, **parameters):
        self.serial += 1
        message = {"id": self.serial, "method": method, "params": parameters}
        if session and self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.writer, data):]
        deadline = time.monotonic() + timeout * PATIENCE
        while True:
            answer = self.receive(deadline)
            if answer.get("id") != self.serial:
                self.events.append(answer)
                continue
            if "error" in answer:
                raise AssertionError(f"{method}: {answer['error']}")
            return answer["result"]

    # ---- a page ----

    def open(self, url):
        target = self.call("Target.createTarget", session=False, url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", session=False, targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.resize(1400, 900)
        self.go(url)

    def go(self, url):
        self.call("Page.navigate", url=url)

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def theme(self, dark):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def run(self, script):
        """The value of an expression of JavaScript, which may be a promise."""
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise AssertionError(f"{script}: {result['exceptionDetails'].get('exception', {}).get('description')}")
        return result["result"].get("value")

    def wait(self, script, timeout=40, what=None):
        """Until that expression is true; one that fails, because an element is not there yet, is not."""
        return wait_until(lambda: self.run(f"(() => {{ try {{ const v = {script}; return v && v.nodeType ? true : v; }} "
                                           "catch (e) { return null; } })()"), timeout, what or script, 0.05)

    def press(self, key):
        event = KEYS[key]
        self.call("Input.dispatchKeyEvent", type="keyDown", **event)
        self.call("Input.dispatchKeyEvent", type="keyUp", **{k: v for k, v in event.items() if k != "text"})

    def type(self, text):
        """Key by key, as a terminal needs it."""
        for character in text:
            if character in KEYS:
                self.press(character)
                continue
            code = ord(character.upper()) if character.isalnum() else 0
            self.call("Input.dispatchKeyEvent", type="keyDown", text=character, key=character, windowsVirtualKeyCode=code)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=character, windowsVirtualKeyCode=code)

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def complaints(self):
        """What the page's scripts have complained about: exceptions, refusals of the security policy, files not found."""
        self.run("0")
        found = []
        for event in self.events:
            p = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(p["exceptionDetails"].get("exception", {}).get("description") or p["exceptionDetails"]["text"])
            elif event.get("method") == "Log.entryAdded" and p["entry"]["level"] == "error":
                found.append(f"{p['entry']['text']} {p['entry'].get('url', '')}")
            elif event.get("method") == "Runtime.consoleAPICalled" and p["type"] == "error":
                found.append(" ".join(str(a.get("value", a.get("description"))) for a in p["args"]))
        return found
