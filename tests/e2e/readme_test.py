"""What the README shows works as it stands there."""

import re
import subprocess
import sys

from browser_client import Client
from cdp import Browser
from stack import BIN, ROOT, WAIT_SECONDS, Stack

README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The README's only block of a language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    return text


def statuses(client: Client, session: str) -> list[tuple[str, int]]:
    client.until(lambda frame: frame.get("session_id") == session and frame["data"]["status"] == "completed")
    return [(frame["data"]["status"], frame["data"]["progress"])
            for frame in client.frames if frame.get("session_id") == session]


EXPECTED = [("testing", percent) for percent in range(0, 100, 5)] + [("completed", 100)]


def test_the_cpp_agent(stack: Stack) -> None:
    with Client(stack.bridge_address, "webgui:global") as client:
        subprocess.run([BIN / "readme-agent"], env={"SPANWIRE_TARGET": stack.broker_target}, check=True,
                       timeout=WAIT_SECONDS)
        assert statuses(client, "sess_123") == EXPECTED


def test_the_python_agent_and_the_browser(stack: Stack) -> None:
    agent = block("python").replace("127.0.0.1:7400", stack.broker_target)
    page = block("js").replace("127.0.0.1:7480", stack.bridge_address)
    browser = Browser()
    try:
        browser.open(stack.bridge_url + "/favicon.svg")  # any page of the bridge's origin, without the console
        browser.evaluate(
            "window.said = []; console.log = (...words) => window.said.push(words);"
            f"{page} new Promise((resolve) => socket.addEventListener('message', resolve, {{ once: true }}))")
        with Client(stack.bridge_address, "webgui:global") as client:
            subprocess.run([sys.executable, "-c", agent], env={"PYTHONPATH": ":".join(sys.path)}, check=True,
                           timeout=WAIT_SECONDS)
            assert statuses(client, "sess_456") == EXPECTED
        browser.wait("window.said.length === 21")
        assert browser.evaluate("window.said[20]") == ["sess_456", "completed", 100]
    finally:
        browser.close()
