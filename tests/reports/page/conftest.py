"""Small results with markup in their names, and a browser that is driven over a pipe."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from rnnbench import load_results, run
from rnnbench.results.reading import Results

EVIL = "</script><script>pwned=1</script><img src=x onerror=pwned=1>"
ALSO_EVIL = "\"'><svg/onload=pwned=1>&lt;&amp;{{ 7*7 }}"
TASK = {"use": "fixed_points", "duration": 6, "loss_start": 3}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two tasks, two g and two seeds, whose labels and description hold markup."""
    home = tmp_path_factory.mktemp("results")
    benchmark = {
        "name": "evil",
        "description": f"<b>bold</b> {EVIL}",
        "tasks": [{**TASK, "label": EVIL}, {**TASK, "label": ALSO_EVIL, "drive": 0.5}],
        "architectures": [{"use": "vanilla_rnn", "units": 16, "sweep": {"g": [0.5, 1.0]}}],
        "rules": [{"use": "gradient_descent", "learning_rate": 0.01}],
        "seeds": 2,
        "training": {
            "batch": 4,
            "max_updates": 40,
            "evaluate_every": 4,
            "evaluation_trials": 8,
            "criterion": {"relative_loss": 0.9},
        },
    }
    run(benchmark, home, workers=1, device="cpu")
    return home / "evil"


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A copy of the folder, to be damaged."""
    return Path(shutil.copytree(folder, tmp_path / "evil", ignore=shutil.ignore_patterns("cells", "figures")))


@pytest.fixture(scope="session")
def results(folder: Path) -> Results:
    return load_results(folder)


EMPTY = {"meta", "link", "br", "img", "wbr"}


class Parsed(HTMLParser):
    """The elements of a page and their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]

    @property
    def data(self) -> dict:
        return json.loads(self.text("script")[0])


@pytest.fixture(scope="session")
def parse() -> type[Parsed]:
    return Parsed


NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--remote-debugging-pipe"),
]


class Browser:
    """One page of Chromium, driven by the DevTools protocol: JSON messages that end in a zero byte."""

    def __init__(self, program: str, profile: Path) -> None:
        browser_in, self._out = _pipe()
        self._in, browser_out = _pipe()

        def as_3_and_4() -> None:
            os.dup2(browser_in, 3)
            os.dup2(browser_out, 4)

        self._process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=as_3_and_4,
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(browser_in)
        os.close(browser_out)
        self._number, self._session, self._rest = 0, "", b""
        self.events: list[dict[str, Any]] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.send("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method and wait for its answer; events that arrive in the meantime are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._in, 1 << 16)
            assert more, "the browser has exited"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(self, path: Path, width: int = 1280, height: int = 800) -> None:
        """Show a file in a window of the given size; earlier events are discarded."""
        self.events.clear()
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._receive())

    def value(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key."""
        code = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowRight": 39, "ArrowDown": 40}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)
            text = {}

    def point(self, selector: str, click: bool = False) -> None:
        """Move the pointer to the middle of an element, and click it if asked."""
        target = f"document.querySelector({selector!r})"
        self.value(f"{target}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")
        box = self.value(f"{target}.getBoundingClientRect().toJSON()")
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        self.send("Input.dispatchMouseEvent", type="mouseMoved", **at)
        for kind in ("mousePressed", "mouseReleased") if click else ():
            self.send("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    @property
    def requests(self) -> list[str]:
        """Requested addresses, except data: addresses."""
        sent = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [address for address in sent if not address.startswith("data:")]

    @property
    def complaints(self) -> list[Any]:
        """Console messages, exceptions and blocked requests."""
        kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [event["params"] for event in self.events if event.get("method") in kinds]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._out)
        os.close(self._in)


def _pipe() -> tuple[int, int]:
    """A pipe whose file descriptors are not 3 or 4, which the browser uses."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    started = Browser(program, tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Results]:
    """Function that loads the reference results of the project by name."""
    home = Path(__file__).parents[3] / "results/reference"
    return lambda name: load_results(home / name)
