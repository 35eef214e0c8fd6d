"""Firefox and WebKitGTK, by the protocols that they speak: WebDriver BiDi, and WebDriver.

Playwright brings builds of its own for these two; a Linux distribution's are driven here.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from typing import Any, Literal

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Remote, WebKitGTKOptions, WebKitGTKService
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.remote_connection import RemoteConnection
from urllib3.exceptions import HTTPError
from websocket import WebSocket, WebSocketTimeoutException, create_connection

Engine = Literal["firefox", "webkit"]

START_S = 30.0
LOAD_S = 60.0
# How much longer a browser may take than what was asked of it, until it counts as hanging.
GRACE_S = 10.0

PROGRAMS: dict[Engine, tuple[str, ...]] = {
    "firefox": ("firefox-esr",),
    "webkit": ("WebKitWebDriver", "Xvfb"),
}

# Runs an expression, or calls a function, and always has an answer, as JSON.
EVALUATE = """
(async (late, ms, ...args) => {
  let timer;
  try {
    const work = async () => {
      const value = await (%s);
      return typeof value === 'function' ? value(...args) : value;
    };
    const tooLate = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(late)), ms);
    });
    return JSON.stringify({value: await Promise.race([work(), tooLate])});
  } catch (error) {
    return JSON.stringify({error: `${error}\\n${error?.stack ?? ''}`});
  } finally {
    clearTimeout(timer);
  }
})(...%s)
"""

# WebKitGTK's driver does not report errors; before this runs, and in workers, none is heard.
HEAR_ERRORS = """
globalThis.heardErrors = [];
const hear = text => globalThis.heardErrors.push(text);
const {error} = console;
console.error = (...args) => {
  hear(args.map(arg => (arg instanceof Error ? `${arg}\\n${arg.stack}` : String(arg))).join(' '));
  error.apply(console, args);
};
addEventListener('error', ({message, filename}) => hear(`${message} ${filename}`));
addEventListener('unhandledrejection', ({reason}) => hear(`${reason}\\n${reason?.stack ?? ''}`));
"""


class EngineError(Exception):
    """What a page has thrown, or a browser that does not answer."""


class EnginePage(ABC):
    """The only tab of a browser."""

    @abstractmethod
    def open(self, url: str) -> None:
        """Go to a URL."""

    @abstractmethod
    def errors(self) -> list[str]:
        """Return the errors that the page has reported since the last call."""

    @abstractmethod
    def _evaluate(self, script: str, timeout_s: float) -> str: ...

    def evaluate(self, source: str, *args: Any, timeout_s: float = 30) -> Any:
        """Evaluate JavaScript: an expression, or a function, which is called.

        Parameters
        ----------
        source : str
            Its value, or the promised one, is returned as far as JSON can say it.
        *args : Any
            What the function is called with, likewise.
        timeout_s : float
            When to give up.

        Raises
        ------
        EngineError
            With what the JavaScript has thrown, or if there is no answer in time.
        """
        name = " ".join(source.split())[:60]
        late = f"no answer within {timeout_s:g} s: {name}"
        given = json.dumps([late, timeout_s * 1000, *args])
        answer = json.loads(self._evaluate(EVALUATE % (source, given), timeout_s + GRACE_S))
        if "error" in answer:
            raise EngineError(answer["error"])
        return answer.get("value")


class _Firefox(EnginePage):
    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._commands = 0
        self._errors: list[str] = []
        self._ask("session.new", START_S, capabilities={})
        self._ask("session.subscribe", START_S, events=["log.entryAdded"])
        tree = self._ask("browsingContext.getTree", START_S)
        self._context: str = tree["contexts"][0]["context"]

    def open(self, url: str) -> None:
        where = {"context": self._context, "url": url}
        self._ask("browsingContext.navigate", LOAD_S, **where, wait="interactive")

    def errors(self) -> list[str]:
        self.evaluate("0")  # what the browser has reported until now is heard
        errors, self._errors = self._errors, []
        return errors

    def _evaluate(self, script: str, timeout_s: float) -> str:
        where = {"target": {"context": self._context}, "awaitPromise": True}
        done = self._ask("script.evaluate", timeout_s, expression=script, **where)
        if done["type"] == "exception":
            raise EngineError(done["exceptionDetails"]["text"])
        text: str = done["result"]["value"]
        return text

    def _ask(self, method: str, timeout_s: float, **params: Any) -> Any:
        self._commands += 1
        command = {"id": self._commands, "method": method, "params": params}
        self._socket.send(json.dumps(command))
        end = time.monotonic() + timeout_s
        while True:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                message = json.loads(self._socket.recv())
            except WebSocketTimeoutException:
                late = f"Firefox hangs: {method} has no answer within {timeout_s:g} s"
                raise EngineError(late) from None
            if message["type"] == "event":
                self._hear(message["params"])
            elif message["id"] == self._commands:
                if message["type"] == "error":
                    raise EngineError(f"{method}: {message['error']}: {message['message']}")
                return message["result"]

    def _hear(self, entry: dict[str, Any]) -> None:
        if entry["level"] == "error":
            frames = (entry.get("stackTrace") or {}).get("callFrames", [])
            self._errors.append(" ".join([entry["text"] or "", *(f["url"] for f in frames[:1])]))


class _WebKit(EnginePage):
    def __init__(self, driver: Remote, config: ClientConfig) -> None:
        self._driver = driver
        self._config = config

    def open(self, url: str) -> None:
        with self._in_time(LOAD_S):
            self._driver.get(url)
            self._driver.execute_script(HEAR_ERRORS)

    def errors(self) -> list[str]:
        errors: list[str] = self.evaluate("globalThis.heardErrors.splice(0)")
        return errors

    def _evaluate(self, script: str, timeout_s: float) -> str:
        with self._in_time(timeout_s):
            self._driver.set_script_timeout(timeout_s)
            done = f"{script.strip()}.then(arguments[0])"
            text: str = self._driver.execute_async_script(done)
        return text

    @contextmanager
    def _in_time(self, timeout_s: float) -> Iterator[None]:
        self._config.timeout = timeout_s
        try:
            yield
        except HTTPError as error:
            late = f"WebKit hangs: its driver has no answer within {timeout_s:g} s"
            raise EngineError(late) from error
        except WebDriverException as error:
            raise EngineError(error.msg) from error


def missing(engine: Engine) -> str:
    """Return which programs an engine needs and this machine lacks; empty if it has all."""
    return ", ".join(name for name in PROGRAMS[engine] if not shutil.which(name))


@contextmanager
def opened(engine: Engine, url: str, *, isolated: bool = False) -> Iterator[EnginePage]:
    """Open a URL in a new browser, which is gone at the end of the block.

    Parameters
    ----------
    engine : {'firefox', 'webkit'}
        Which browser.
    url : str
        Where to go.
    isolated : bool
        Whether the site is cross-origin isolated.
    """
    with _firefox() if engine == "firefox" else _webkit(shared_memory=isolated) as page:
        page.open(url)
        yield page


@contextmanager
def _firefox() -> Iterator[EnginePage]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        log = Path(profile, "output.txt")
        command = ["firefox-esr", "--headless", "--no-remote", "--profile", profile]
        command.append("--remote-debugging-port=0")
        with log.open("w") as output:
            process = Popen(command, stdout=output, stderr=STDOUT, start_new_session=True)
        with _ending(process):
            address = _bidi_session(process, log)
            connection = create_connection(address, timeout=START_S, suppress_origin=True)
            with closing(connection) as socket:
                yield _Firefox(socket)


def _bidi_session(process: Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)\n", log.read_text("utf-8")):
            return f"{found[1]}/session"
        time.sleep(0.05)
    raise EngineError(f"Firefox has not started within {START_S:g} s:\n{log.read_text('utf-8')}")


@contextmanager
def _webkit(*, shared_memory: bool) -> Iterator[EnginePage]:
    with _display() as display:
        environ = {**os.environ, "DISPLAY": display, "GDK_BACKEND": "x11"}
        if shared_memory:
            # Safari has it on an isolated page. WebKitGTK's page says that it is isolated, but has
            # it with this only: https://bugs.webkit.org/show_bug.cgi?id=317847
            environ["JSC_useSharedArrayBuffer"] = "1"
        own_group = {"start_new_session": True}
        service = WebKitGTKService(env=environ, popen_kw=own_group)
        service.start()
        try:
            config = ClientConfig(service.service_url, timeout=int(START_S))
            connection = RemoteConnection(client_config=config)
            yield _WebKit(Remote(connection, options=WebKitGTKOptions()), config)
        finally:
            _kill(service.process)
            service.stop()


@contextmanager
def _display() -> Iterator[str]:
    """Start a display that nobody sees."""
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1200x900x24", "-nolisten", "tcp"]
    server = Popen(command, stdout=PIPE, stderr=DEVNULL, start_new_session=True)
    with _ending(server):
        assert server.stdout is not None
        ready, _, _ = select.select([server.stdout], [], [], START_S)
        number = server.stdout.readline().decode().strip() if ready else ""
        if not number:
            raise EngineError("Xvfb has not started")
        yield f":{number}"


@contextmanager
def _ending(process: Popen[bytes]) -> Iterator[None]:
    """End a program, and all that it has started, at the end of the block."""
    with process:
        try:
            yield
        finally:
            _kill(process)


def _kill(process: Popen[bytes]) -> None:
    """Kill a program and all that it has started, also where it hangs."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
