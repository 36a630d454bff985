#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page for Cockpit, in the real one and in a real browser: somebody logs in, starts a guest, uses its console, sees it
killed and come back, a condition with its remedy, a crash report and the log, and stops it.

With UMLD_TEST_SCREENSHOTS=DIRECTORY pictures of all parts of the page are left there."""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
import browser  # noqa: E402
import webconsole  # noqa: E402
from umldtest import DEBIAN_KERNEL, MAKE_GUEST, SOURCE, TestCase, main, wait_until  # noqa: E402

SCREENSHOTS = os.environ.get("UMLD_TEST_SCREENSHOTS")

FORMS = {"wide": (1400, 900, False), "dark": (1400, 900, True), "narrow": (400, 800, False)}

# What sticks out of the window to the right, of the page and of each element that does not scroll on purpose.
OVERFLOW = """[...D.querySelectorAll('body, main, .card, table, figure, dl, ul, header')]
    .filter(e => e.offsetParent !== null || e === D.body)
    .filter(e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > D.documentElement.clientWidth + 1)
    .map(e => e.tagName + '.' + e.className + ' ' + e.scrollWidth + '>' + e.clientWidth)"""

# Text that is hard to read on its background: a contrast below 4.5 (WCAG 2, AA).
FAINT = """(() => {
    const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const background = e => {
        for (; e; e = e.parentElement) {
            const c = parse(getComputedStyle(e).backgroundColor);
            if (c.length < 4 || c[3] > 0)
                return c;
        }
        return [255, 255, 255];
    };
    return [...D.querySelectorAll('main *')]
        .filter(e => e.offsetParent !== null && !e.disabled && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
        .map(e => {
            const [a, b] = [light(parse(getComputedStyle(e).color)), light(background(e))].sort((x, y) => y - x);
            return [(a + .05) / (b + .05), e];
        })
        .filter(([contrast]) => contrast < 4.5)
        .map(([contrast, e]) => `${e.tagName}.${e.className} "${e.textContent.slice(0, 40)}": ${contrast.toFixed(2)}`);
})()"""


class Page:
    """The page within Cockpit's own. In scripts D is its document."""

    def __init__(self, chromium):
        self.browser = chromium

    def script(self, script):
        return ("(D => " + script + ")([...document.querySelectorAll('iframe')]"
                ".find(f => f.name.endsWith('/umld')).contentDocument)")

    def run(self, script):
        return self.browser.run(self.script(script))

    def wait(self, script, timeout=40, what=None):
        return self.browser.wait(self.script(script), timeout, what or script)

    def text(self, selector):
        return self.run(f"D.querySelector({json.dumps(selector)}).innerText")

    def wait_text(self, selector, text, timeout=40):
        try:
            self.wait(f"D.querySelector({json.dumps(selector)}).innerText.replace(/\\u00a0/g, ' ').includes({json.dumps(text)})", timeout)
        except AssertionError as failure:
            raise AssertionError(f"{selector} does not say {text}: {self.run('D.body.innerText')}") from failure

    def click(self, selector):
        self.wait(f"D.querySelector({json.dumps(selector)}).checkVisibility()")
        self.wait(f"!D.querySelector({json.dumps(selector)}).disabled", what=f"{selector} is enabled")
        self.run(f"D.querySelector({json.dumps(selector)}).click()")

    def answer(self, selector, yes=True):
        """Clicks what asks first."""
        self.click(selector)
        self.click(f"#question[open] button[value={'yes' if yes else 'no'}]")

    def go(self, *path):
        self.run(f"D.defaultView.cockpit.location.go({json.dumps(path)})")

    def resize(self, width, height, dark=False):
        self.browser.resize(width, height)
        self.browser.theme(dark)
        self.wait(f"D.documentElement.classList.contains('pf-theme-dark') === {json.dumps(dark)}")


@unittest.skipUnless(browser.CHROMIUM and webconsole.WS.exists() and webconsole.TERMINAL.exists(),
                     "cockpit-ws, cockpit-system, libjs-term.js or chromium is not installed")
class InCockpit(TestCase):
    timeout = 180

    def setUp(self):
        super().setUp()
        image = self.world.dir / "guest.img"
        subprocess.run([MAKE_GUEST, "--overlay", SOURCE / "tests/guest/overlay", image], check=True, timeout=60)
        self.world.guest("web", kernel=DEBIAN_KERNEL, image=image, Guest={"Memory": "48M"},
                         Supervise={"Ready": "guest", "HangCheck": "1s", "RestartDelay": "0"}, Network={"Forward": "tcp/8080:80"})
        self.world.guest("mail", fake="boot,ready")
        self.cockpit = webconsole.WebConsole(self.world)
        self.cockpit.start()
        self.addCleanup(self.cockpit.stop)
        self.browser = browser.Browser(self.world.command("host", "env", "DBUS_SESSION_BUS_ADDRESS=none:", "HOME=" + str(self.world.dir)),
                                       self.world.dir / "chromium", self.world.dir / "chromium.log")
        self.addCleanup(self.browser.close)
        self.page = Page(self.browser)

    def status(self, name="web"):
        return self.world.umlctl("status", name, "--json").json

    def look(self, name):
        """Nothing sticks out or is hard to read, in any form."""
        for form, (width, height, dark) in FORMS.items():
            self.page.resize(width, height, dark)
            self.assertEqual(self.page.run(OVERFLOW), [], (name, form))
            self.assertEqual(self.page.run(FAINT), [], (name, form))
            if SCREENSHOTS:
                self.browser.screenshot(Path(SCREENSHOTS) / f"{name}-{form}.png")
        self.page.resize(*FORMS["wide"])

    def log_in(self):
        b = self.browser
        b.open(f"http://127.0.0.1:{webconsole.PORT}/umld")
        b.wait("document.querySelector('#login-button').checkVisibility()")
        for field, text in (("user", webconsole.USER), ("password", webconsole.PASSWORD)):
            b.run(f"document.querySelector('#login-{field}-input').value = {json.dumps(text)}")
        b.run("document.querySelector('#login-button').click()")
        self.page.wait("D.querySelector('tr[data-guest=web]')", 40)

    def become_administrator(self):
        """By Cockpit's own dialog."""
        b = self.browser
        find = "[...document.querySelectorAll('button')].find(b => b.innerText.trim() === '%s' && b.checkVisibility())"
        b.wait(find % "Limited access")
        b.run(find % "Limited access" + ".click()")
        b.wait("document.querySelector('[role=dialog] input[type=password]')")
        b.run("document.querySelector('[role=dialog] input[type=password]').focus()")
        b.type(webconsole.PASSWORD + "\r")
        b.wait(find % "Close" + " || " + find % "Administrative access", 30)
        if b.run(f"Boolean({find % 'Close'})"):
            b.run(find % "Close" + ".click()")
        b.wait(find % "Administrative access", 30)

    def test_all(self):
        page = self.page
        self.log_in()
        self.limited()
        self.become_administrator()
        page.click("tr[data-guest=web] button[data-verb=start]")
        page.wait_text("tr[data-guest=web]", "running", 60)
        self.look("list")
        self.foreign()
        self.console()
        self.left()
        self.killed()
        self.killed_from_here()
        self.trouble()
        self.log()
        self.curves()
        self.refusal()
        self.stop()
        self.assertEqual([text for text in self.browser.complaints() if "401" not in text], [])

    def limited(self):
        """A member of group umld sees everything, and may not give orders."""
        self.page.wait("D.querySelector('tr[data-guest=web] button[data-verb=start]').disabled")
        self.page.wait_text("tr[data-guest=mail]", "stopped")
        self.page.wait_text("#limited", "need administrative access")
        self.look("limited")

    def console(self):
        """A full screen program needs a terminal, whose size the guest gets to know."""
        page = self.page
        page.click("tr[data-guest=web] a")
        page.click(".tabs a[href='#/web/console']")
        page.wait_text(".terminal", "/ #", 60)
        page.run("D.querySelector('.terminal .terminal').focus()")
        self.browser.type("echo sum $((40+2)); stty size; printf '\\033[31mred\\033[0m'\r")
        page.wait_text(".terminal", "sum 42")
        page.wait(r"/^\d+\s\d+\s*$/m.test(D.querySelector('.terminal').innerText)")
        page.wait("[...D.querySelectorAll('.terminal span')].some(s => s.innerText === 'red' && getComputedStyle(s).color !== getComputedStyle(D.querySelector('.terminal')).color)")
        self.look("console")
        self.hostile()

    def hostile(self):
        """What is printed does not type into the console, nor hold up the browser."""
        page = self.page
        self.browser.type("clear; printf '\\033P+q\\necho ty$((3+4))ped\\n\\033\\\\\\033[99999999999L\\033[99999999999b\\033[1;99r'; echo first $((1+1))\r")
        # What is typed before the prompt is there, the shell may take for the terminal's answer to its question.
        page.wait(r"/first 2\s+\/ #/.test(D.querySelector('.terminal').innerText.replace(/\u00a0/g, ' '))", 20)
        self.browser.type("printf '\\033[r\\n\\n'; echo after $((2+3))\r")
        page.wait_text(".terminal", "after 5", 20)
        self.browser.type("echo still $((4+4))\r")
        page.wait_text(".terminal", "still 8", 20)
        self.assertNotIn("ty7ped", page.text(".terminal"))

    def foreign(self):
        """A link may lead to any name: umlctl is asked for none that is not a guest's, least of all an option."""
        page = self.page
        page.go("--host=elsewhere", "log")
        page.wait_text(".guest", "There is no guest --host=elsewhere.")
        self.assertFalse(page.run("Boolean(D.querySelector('.lines'))"))
        page.go()
        page.wait("D.querySelector('tr[data-guest=web]')")

    def left(self):
        """A console that is left no longer takes the keys of the page."""
        self.page.go("web")
        self.page.wait("D.querySelector('.facts')")
        self.assertTrue(self.page.run("D.defaultView.Terminal.focus === null"))

    def killed(self):
        """It comes back by itself, and its console with it."""
        page, before = self.page, self.status()["pid"]
        page.go("web", "crashes")
        page.wait_text(".guest", "has not crashed so far")
        os.kill(before, 9)
        page.wait_text(".crashes", "killed", 60)
        page.wait_text(".head", "running", 60)
        self.assertNotEqual(self.status()["pid"], before)
        page.click(".crash summary")
        page.wait_text(".crash", "Last console output")
        page.wait_text(".crash pre", "sum 42")
        self.look("crashes")
        page.go("web", "console")
        page.wait_text(".terminal", "/ #", 60)
        page.go("web")
        page.wait_text(".facts", "killed")
        self.assertRegex(page.text(".facts"), r"Restarts\s+1")

    def killed_from_here(self):
        """By the button, after a question; it stays down until it is started."""
        page, before = self.page, self.status()["pid"]
        page.go("web", "log")
        page.wait_text(".lines", "end killed")
        for pid, line in self.world.processes().items():
            if "umlctl log" in line:
                os.kill(pid, 9)
        page.wait("D.querySelector('section[aria-label=Log] p').innerText.length > 0", what="why the log is not followed")
        page.answer(".head button[data-verb=kill]", yes=False)
        self.assertEqual(self.status()["pid"], before)
        page.answer(".head button[data-verb=kill]")
        page.wait_text(".head .badge", "stopped", 30)
        page.click(".head button[data-verb=start]")
        page.wait_text(".head .badge", "running", 60)
        page.wait_text(".lines", "killed on request")
        page.answer(".head button[data-verb=kill]")
        page.wait_text(".head .badge", "stopped", 30)
        page.go("web")
        page.wait_text(".facts", "killed on request")
        page.click(".head button[data-verb=start]")
        page.wait_text(".head .badge", "running", 60)
        page.wait_text(".facts", "has not ended yet")

    def trouble(self):
        page = self.page
        page.wait_text("section[aria-label=Conditions]", "All that it relies on is as it should be")
        self.world.host("ip", "route", "delete", "default")
        page.wait_text(".conditions [data-condition=route]", "Remedy: ", 30)
        self.look("overview")
        page.go()
        page.wait_text("tr[data-guest=web] .trouble", "route: broken")
        self.world.host("ip", "route", "add", "default", "dev", "venet0")
        page.wait("D.querySelector('tr[data-guest=web] .trouble').hidden", 30)

    def log(self):
        page = self.page
        page.go("web", "log")
        page.wait_text(".lines", "sum 42")
        page.wait_text(".lines", "end killed")
        self.look("log")

    def curves(self):
        """What is drawn is what umlctl says."""
        page = self.page
        for _ in range(20):
            self.world.fetch_when_served()
        samples = wait_until(lambda: (lambda all: all if any(s["received"] and s["sent"] for s in all) else None)(
            self.world.umlctl("history", "web", "--json").json), 40, "a sample with traffic", 0.5)
        self.assertGreater(samples[-1]["memory"], 1 << 20)
        page.go("web")
        page.wait("D.querySelectorAll('.curve .memory:is(path, circle)').length > 0", 30)
        page.wait("D.querySelectorAll('.curve .received:is(path, circle)').length > 0")
        label = page.run("D.querySelector('.curve svg').getAttribute('aria-label')")
        self.assertRegex(label, r"^used: at most \d[\d.]*M in the last hour$")
        self.look("curves")

    def refusal(self):
        """What umlctl says of a failure is shown."""
        page = self.page
        with open(self.world.config_dir / "mail.conf", "a", encoding="utf-8") as config:
            config.write("[Guest]\nColour=blue\n")
        page.go()
        page.click("tr[data-guest=mail] button[data-verb=start]")
        page.wait_text("#problems", "Colour", 30)
        page.click("#problems button")
        page.wait("!D.querySelector('.problem')")

    def stop(self):
        """The log is followed meanwhile."""
        page = self.page
        page.go("web", "log")
        page.wait_text(".lines", "end killed")
        page.answer(".head button[data-verb=stop]", yes=False)
        self.assertEqual(self.status()["state"], "running")
        before = self.status()["pid"]
        page.answer(".head button[data-verb=restart]")
        wait_until(lambda: self.status()["state"] == "running" and self.status()["pid"] != before, 60, "the restart")
        page.wait_text(".lines", "end stopped")
        page.wait_text(".head .badge", "running")
        page.answer(".head button[data-verb=stop]")
        page.wait_text(".head .badge", "stopped", 30)
        page.go()
        page.wait_text("tr[data-guest=web]", "stopped")
        self.assertEqual(self.status()["last_exit"]["verdict"], "stopped")


if __name__ == "__main__":
    main()
