"""Drive headless Chromium over its DevTools pipe (file descriptors 3 and 4), with the standard library alone."""

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--disable-dev-shm-usage", "--mute-audio",
         "--autoplay-policy=no-user-gesture-required", "--remote-debugging-pipe")  # fmt: skip


def find_chromium() -> str | None:
    """Return the path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Chromium:
    """One browser with one page; collects console errors, exceptions and network requests of that page."""

    def __init__(self, executable: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        self.problems: list[str] = []
        self.requests: list[str] = []
        self._answers: dict[int, dict] = {}
        self._buffer, self._last, self._loaded = b"", 0, False
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self._start(executable)
        target = self.call("Target.createTarget", {"url": "about:blank"}, session="")["targetId"]
        self._session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True}, session="")[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", metrics)
        self.set_dark(dark)

    def _start(self, executable: str) -> None:
        to_browser, ours_out = os.pipe()
        ours_in, from_browser = os.pipe()
        command = [executable, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        # the shell puts the pipe on descriptors 3 and 4, whatever their numbers are here
        redirected = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            ["bash", "-c", redirected, "chromium", *command],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._in, self._out = ours_in, ours_out

    def set_dark(self, dark: bool) -> None:
        """Show what a reader with a dark (or light) screen sees."""
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", {"features": [feature]})

    def open(self, url: str, timeout_s: float = 60.0) -> None:
        """Load a page and wait for its load event."""
        self._loaded = False
        self.call("Page.navigate", {"url": url})
        self._pump(lambda: self._loaded, timeout_s, f"{url} to load")

    def evaluate(self, expression: str) -> object:
        """Return the value of a JavaScript expression; promises are awaited."""
        wanted = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self.call("Runtime.evaluate", wanted)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_until(self, expression: str, timeout_s: float = 60.0) -> None:
        """Evaluate an expression again and again until it is true."""
        end = time.monotonic() + timeout_s
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise TimeoutError(f"waited {timeout_s} s for {expression}")
            time.sleep(0.1)

    def screenshot(self, path: str, *, whole: bool = False) -> None:
        """Save what the window shows, or the whole page, as PNG."""
        answer = self.call("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))

    def print_pdf(self, path: str) -> None:
        """Save the page as it prints."""
        answer = self.call("Page.printToPDF", {"printBackground": True, "preferCSSPageSize": True})
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))

    def call(self, method: str, parameters: dict | None = None, session: str | None = None) -> dict:
        """Send one DevTools command and return its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters or {}}
        session = self._session if session is None else session
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        number = self._last
        self._pump(lambda: number in self._answers, 120.0, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def _pump(self, finished, timeout_s: float, what: str) -> None:
        end = time.monotonic() + timeout_s
        while not finished():
            ready, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"waited {timeout_s} s for {what}")
            chunk = os.read(self._in, 1 << 20)
            if not chunk:
                raise AssertionError("the browser has ended")
            *whole, self._buffer = (self._buffer + chunk).split(b"\0")
            for message in whole:
                self._take(json.loads(message))

    def _take(self, message: dict) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
        method, details = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self._loaded = True
        elif method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(details["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning", "assert"):
            self.problems.append(json.dumps(details["args"])[:500])
        elif method == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
            self.problems.append(json.dumps(details["entry"])[:500])
        elif method == "Network.requestWillBeSent":
            self.requests.append(details["request"]["url"][:200])

    def __enter__(self) -> "Chromium":
        """Return the browser."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the browser that this object started."""
        with contextlib.suppress(Exception):
            self.call("Browser.close", session="")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._profile.cleanup()
