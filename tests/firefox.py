"""Firefox, without a window, told what to do over WebDriver BiDi (https://w3c.github.io/webdriver-bidi/).

Playwright drives only a Firefox of its own; this speaks to the one that the machine has.
"""

import json
import re
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websocket import WebSocket, create_connection

SECONDS = 120  # for an answer, on a busy machine


class Firefox:
    """A browser with one tab; `with Firefox(command)` ends it.

    Attributes:
        complaints: what pages wrote to the console as errors, and errors that nobody caught.
    """

    def __init__(self, command: str) -> None:
        self.complaints: list[str] = []
        self.sent = 0
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = ["--headless", "--no-remote", "--profile", self.profile.name, "--remote-debugging-port", "0"]
        self.told = Path(self.profile.name) / "told"
        with self.told.open("w") as told:
            self.process = subprocess.Popen([command, *options], stdout=told, stderr=told)
        self.socket = self._connect()
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        self.tab = self.ask("browsingContext.getTree")["contexts"][0]["context"]

    def _connect(self) -> WebSocket:
        """It says where it listens, some seconds after its start."""
        while self.process.poll() is None:
            if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", self.told.read_text()):
                return create_connection(f"{found[1]}/session", timeout=SECONDS, suppress_origin=True)
            time.sleep(0.1)
        raise RuntimeError(f"Firefox ended before it could be spoken to: {self.told.read_text()}")

    def ask(self, method: str, **parameters: object) -> Any:
        """Send a command and wait for its answer; what happens meanwhile is noted.

        Raises:
            RuntimeError: if Firefox answers with an error.
        """
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": parameters}))
        while True:
            said = json.loads(self.socket.recv())
            if said["type"] == "event" and said["params"]["level"] == "error":
                self.complaints.append(said["params"]["text"])
            elif said.get("id") == self.sent:
                if said["type"] == "error":
                    raise RuntimeError(f"{method}: {said['error']}: {said['message']}")
                return said["result"]

    def size(self, width: int, height: int) -> None:
        """How large the page is seen, in pixels."""
        self.ask("browsingContext.setViewport", context=self.tab, viewport={"width": width, "height": height})

    def open(self, address: str) -> None:
        """Load a page with all that it needs at first."""
        self.ask("browsingContext.navigate", context=self.tab, url=address, wait="complete")

    def run(self, script: str) -> Any:
        """What an expression is in the page, as JSON could say it; a promise is waited for."""
        answer = self.ask(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({script})))()",
            target={"context": self.tab},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise RuntimeError(f"{script}: {answer['exceptionDetails']['text']}")
        value = answer["result"].get("value")
        return json.loads(value) if value else None

    def wait(self, script: str) -> None:
        """Until an expression is true.

        Raises:
            TimeoutError: if it does not become true.
        """
        end = time.monotonic() + SECONDS
        while not self.run(script):
            if time.monotonic() > end:
                raise TimeoutError(script)
            time.sleep(0.1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()
        self.process.kill()
        self.process.wait()
        self.profile.cleanup()
