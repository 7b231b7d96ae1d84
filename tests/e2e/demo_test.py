"""The demonstration: agents at work, seen in a browser within seconds, and nothing left when it ends."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from cdp import Browser
from stack import BIN, FULL, ROOT, WAIT_SECONDS, free_port, wait_until

FIRST_EVENT_SECONDS = 10  # from the start of the processes, on an idle machine
KINDS = ("sessions", "agents", "tests", "notices", "metrics", "people")


def processes_below(folder: str) -> list[int]:
    """Those with the demonstration's folder in their command line."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and folder.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:  # it has just ended
            continue
    return found


def test_all_six_kinds_of_work_are_seen_and_nothing_is_left(tmp_path: pathlib.Path) -> None:
    port = free_port()
    log = tmp_path / "demo.log"
    browser = Browser()  # its own start is not the demonstration's
    with log.open("wb") as output:
        demo = subprocess.Popen(
            [sys.executable, ROOT / "tools" / "demo" / "demo.py", "--build", BIN.parent, "--port", str(port),
             "--broker-port", str(free_port()), "--no-browser"], stdout=output, stderr=output)
    began = time.monotonic()
    try:
        wait_until(lambda: "Open http://" in log.read_text() or demo.poll() is not None, "the address is printed")
        assert demo.poll() is None, log.read_text()
        browser.open(f"http://127.0.0.1:{port}/")
        browser.wait("document.querySelector('#session-list').childElementCount > 0", WAIT_SECONDS)
        took = time.monotonic() - began
        print(f"the first event was seen {took:.1f} s after the start")
        assert not FULL or took < FIRST_EVENT_SECONDS
        for kind in KINDS:
            item = f"#{kind} :is(li, tbody tr, [role=listitem])"
            browser.wait(f"document.querySelector('{item}') !== null", 2 * WAIT_SECONDS)
        assert "0 lost" in browser.text("body")
        assert browser.problems == []
        demo.send_signal(signal.SIGINT)
        assert demo.wait(WAIT_SECONDS) == 0, log.read_text()
    finally:
        browser.close()
        demo.terminate()
        demo.wait(WAIT_SECONDS)
    (folder,) = set(re.findall(r"/tmp/spanwire-demo-\w+", log.read_text()))
    assert not os.path.exists(folder)
    assert processes_below(folder) == []
