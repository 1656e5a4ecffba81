"""A headless Chromium, driven over a pipe by its DevTools protocol; needs no package.

with Chromium("--use-fake-device-for-media-stream") as page:
    page.open("http://127.0.0.1:8000/")
    page.wait("document.title === 'done'", 30)
    page.value("document.title")
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

# Moves the pipes to where the browser expects them. Not by the shell: Debian's knows files up to 9.
MOVE_PIPES = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for place, pipe in zip((3, 4), pipes):
    os.dup2(pipe, place)
    os.close(pipe)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def find_chromium():
    """Path of an installed Chromium, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


class Chromium:
    """A browser with one page, of 1024 × 900 pixels.

    Args:
      *flags: further flags of its command line.
    """

    def __init__(self, *flags):
        self._folder = tempfile.mkdtemp()
        commands_in, self._commands = os.pipe()  # what the browser reads as file 3
        self._answers, answers_out = os.pipe()  # and writes as file 4
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-S", "-c", MOVE_PIPES, str(commands_in), str(answers_out)),
                *(find_chromium(), "--headless=new", "--no-sandbox", "--remote-debugging-pipe"),
                *("--disable-gpu", "--no-first-run", f"--user-data-dir={self._folder}"),
                *("--window-size=1024,900", *flags, "about:blank"),
            ],
            pass_fds=(commands_in, answers_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_in)
        os.close(answers_out)
        self._buffer, self._count, self._session = b"", 0, None
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = {"targetId": page["targetId"], "flatten": True}
        self._session = self._call("Target.attachToTarget", attached)["sessionId"]
        self._call("Page.enable")
        self._call("DOM.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
        shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, url):
        """Goes to a page."""
        self._call("Page.navigate", {"url": url})

    def before_pages(self, source):
        """Runs JavaScript in every page that is opened from now on, before its own."""
        self._call("Page.addScriptToEvaluateOnNewDocument", {"source": source})

    def value(self, expression):
        """What JavaScript says, awaited."""
        options = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        answer = self._call("Runtime.evaluate", options)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def wait(self, expression, seconds):
        """Waits until JavaScript says something true; its value."""
        until = time.monotonic() + seconds
        # While a page is being loaded there is no document.
        patient = f"(() => {{ try {{ return {expression} }} catch {{ return null }} }})()"
        while not (value := self.value(patient)):
            if time.monotonic() > until:
                status = self.value("document.querySelector('[role=status]')?.textContent")
                raise TimeoutError(f"{expression} is not true after {seconds} s; page: {status}")
            time.sleep(0.1)
        return value

    def choose_file(self, selector, path):
        """Puts a file into an input, as a person does."""
        root = self._call("DOM.getDocument")["root"]["nodeId"]
        query = {"nodeId": root, "selector": selector}
        node = self._call("DOM.querySelector", query)["nodeId"]
        self._call("DOM.setFileInputFiles", {"files": [str(path)], "nodeId": node})

    def press(self, key, code):
        """Presses a key, like "Tab" with its code 9."""
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            event = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
            self._call("Input.dispatchKeyEvent", event | text)

    def controls(self):
        """(role, name) of what a screen reader offers to operate, in the order of the page."""
        nodes = self._call("Accessibility.getFullAXTree")["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"]
            and any(
                p["name"] == "focusable" and p["value"]["value"] for p in node.get("properties", ())
            )
            and node["role"]["value"] != "RootWebArea"
        ]

    def screen(self, width, height):
        """Makes the window as large as a device's."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
        self._call("Emulation.setDeviceMetricsOverride", size)

    def screenshot(self):
        """PNG as base64 text."""
        return self._call("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]

    def _call(self, method, parameters=None):
        """One command and its answer; events between them are passed over."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters or {}}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _read(self):
        """The next message."""
        while b"\0" not in self._buffer:
            chunk = os.read(self._answers, 1 << 16)
            if not chunk:
                raise RuntimeError("Chromium ended")
            self._buffer += chunk
        text, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(text)
