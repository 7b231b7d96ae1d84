"""A browser for tests: Debian's Chromium, headless, driven over the DevTools protocol."""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import websockets

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-popup-blocking",
    "--remote-debugging-port=0",
]


class Browser:
    """One Chromium with one page. Synchronous: every call returns when it is done."""

    def __init__(self, width=1440, height=900):
        self._loop = asyncio.new_event_loop()
        self._profile = tempfile.mkdtemp(prefix="spanwire-browser-")
        self._process = subprocess.Popen(
            ["chromium", *FLAGS, f"--window-size={width},{height}",
             f"--user-data-dir={self._profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._next = 1
        self.problems = []  # console errors, exceptions, security violations, as text
        self._socket = None
        try:
            self._socket = self._loop.run_until_complete(self._connect(self._page_address()))
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    @staticmethod
    async def _connect(address):
        return await websockets.connect(address, max_size=None, ping_interval=None)

    def _page_address(self):
        # Chromium writes its port into the profile once it listens.
        port_file = os.path.join(self._profile, "DevToolsActivePort")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "Chromium ended before it listened"
            with contextlib.suppress(FileNotFoundError, IndexError, urllib.error.URLError):
                with open(port_file, encoding="ascii") as file:
                    port = file.read().split()[0]
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as answer:
                    pages = [target for target in json.load(answer) if target["type"] == "page"]
                if pages:
                    return pages[0]["webSocketDebuggerUrl"]
            time.sleep(0.05)
        raise AssertionError("Chromium shows no page within 60 s")

    def call(self, method, **params):
        """Sends one command and returns its result; events that arrive meanwhile are noted."""
        return self._loop.run_until_complete(asyncio.wait_for(self._call(method, params), 60))

    async def _call(self, method, params):
        number = self._next
        self._next += 1
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(await self._socket.recv())
            if message.get("id") == number:
                if "error" in message:
                    raise AssertionError(f"{method}: {message['error']}")
                return message["result"]
            self._note(message)

    def _note(self, message):
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif message.get("method") == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.problems.append(" ".join(str(arg.get("value", "")) for arg in params["args"]))
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    def open(self, url):
        result = self.call("Page.navigate", url=url)
        assert "errorText" not in result, result["errorText"]
        self.wait(f"document.readyState === 'complete' && location.href === {json.dumps(url)}")

    def evaluate(self, expression):
        """The expression's value, which must be JSON."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"]["exception"].get("description"))
        return answer["result"].get("value")

    def text(self, selector):
        """What a person reads there; '' when nothing is there or it is hidden."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait(self, expression, seconds=20):
        """Waits until the expression is true and returns its value."""
        deadline = time.monotonic() + seconds
        while True:
            value = self.evaluate(expression)
            if value:
                return value
            assert time.monotonic() < deadline, f"not true within {seconds} s: {expression}"
            time.sleep(0.05)

    def wait_text(self, selector, part, seconds=20):
        """Waits until the text there contains `part`."""
        script = (f"(document.querySelector({json.dumps(selector)})?.innerText ?? '')"
                  f".includes({json.dumps(part)})")
        try:
            self.wait(script, seconds)
        except AssertionError:
            raise AssertionError(
                f"{selector} does not show {part!r} but {self.text(selector)!r}") from None

    def click(self, selector):
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def go_behind(self):
        """Another tab is in front of the page: it is hidden, draws nothing, and its timers slow down."""
        self.call("Target.createTarget", url="about:blank")
        self.wait("document.hidden")

    def come_to_front(self):
        self.call("Page.bringToFront")
        self.wait("!document.hidden")

    def emulate(self, width, height, scheme="light", mobile=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=2 if mobile else 1, mobile=mobile)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path, full=False):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=full)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        with contextlib.suppress(Exception):
            if self._socket:
                self._loop.run_until_complete(asyncio.wait_for(self._socket.close(), 2))
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._loop.close()
        shutil.rmtree(self._profile, ignore_errors=True)
