"""What may befall the console's connection, by its own buttons and otherwise: nothing is lost, and the page says so."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from cdp import Browser
from stack import Stack

SESSION = "#session-list .card"


@pytest.fixture(name="browser")
def fixture_browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture(name="say")
def fixture_say(stack: Stack, browser: Browser) -> Any:
    """The page is live and has seen progress 1; call it with the next."""
    publish = stack.publisher("page-tester").publish

    def say(progress: int) -> None:
        publish(session_id="sess_1", session_status_changed=dict(status="running", progress=progress))

    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    say(1)
    browser.wait_text(SESSION, "1 %")
    browser.wait_text("#replayed", "1")  # the session's own channel is live, too
    browser.wait("[...document.querySelectorAll('#cut, #slow')].every((button) => button.ariaDisabled !== 'true')")
    return say


def offline(browser: Browser, off: bool) -> None:
    browser.call("Network.emulateNetworkConditions", offline=off, latency=0, downloadThroughput=-1, uploadThroughput=-1)


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def test_cutting_the_connection_replays_what_was_missed(stack: Stack, browser: Browser, say: Any) -> None:
    browser.click("#cut")
    browser.wait_text("#trial-cut", "You cut the connection")
    browser.wait("document.querySelector('#slow').ariaDisabled === 'true'")
    browser.wait_text("#pill", "Cut, back in")
    for progress in range(2, 12):
        say(progress)
    stack.flush()
    # Each came on the session's channel and on the global one.
    browser.wait_text("#trial-cut", "Back: 20 replayed, 0 lost. Every position is accounted for.", 40)
    browser.wait_text(SESSION, "11 %")
    browser.wait("document.querySelector('#cut').ariaDisabled !== 'true'")
    assert browser.text("#reconnects") == "1"
    assert "20 replayed, 0 lost" in browser.evaluate("document.querySelector('#announcer').textContent")


def test_who_takes_nothing_in_is_refilled_from_the_log(stack: Stack, browser: Browser, say: Any) -> None:
    browser.click("#slow")
    browser.wait_text("#trial-slow", "Nothing is taken in")
    # The bridge sends nothing any more once it has answered.
    browser.wait("[...document.querySelectorAll('#frame-list .kind')].some((kind) => "
                 "kind.textContent === '$unsubscribed')")
    received = browser.text("#received")
    for progress in range(2, 12):
        say(progress)
    stack.flush()
    assert browser.text("#received") == received
    browser.wait_text("#trial-slow", "Refilled: 20 from the log, 0 lost. Every position is accounted for.", 40)
    browser.wait_text(SESSION, "11 %")
    assert browser.text("#reconnects") == "0"


def test_what_was_trimmed_meanwhile_is_not_called_replayed(stack: Stack, browser: Browser, say: Any) -> None:
    browser.click("#cut")
    browser.wait_text("#trial-cut", "You cut the connection")
    stack.bridge.kill()  # it remembers the newest events by itself
    for progress in range(2, 12):
        say(progress)
    stack.flush()
    for channel in ("webgui:global", "webgui:session:sess_1"):
        stack.redis("XTRIM", f"webgui:log:{{{channel}}}", "MAXLEN", 0)
    stack.start_bridge()
    browser.wait_text("#trial-cut", "Back: ", 40)
    replayed, lost = numbers(browser.text("#trial-cut .trial-text"))
    assert (replayed, lost) == (0, 20)  # ten on each of two channels
    assert browser.evaluate("document.querySelector('#trial-cut').dataset.tone") == "bad"
    browser.wait_text("#lost", "20 lost")


@pytest.mark.parametrize("restart", [False, True], ids=["alone", "with-the-bridge"])
def test_the_network_goes_and_comes(stack: Stack, browser: Browser, say: Any, restart: bool) -> None:
    offline(browser, True)
    if restart:
        stack.bridge.kill()
    browser.wait("document.querySelector('#pill').dataset.phase === 'waiting'")
    for progress in range(2, 12):
        say(progress)
    stack.flush()
    if restart:
        stack.start_bridge()
    offline(browser, False)
    browser.wait_text("#banner", "Back: 20 replayed, 0 lost", 60)
    browser.wait_text(SESSION, "11 %")
    browser.wait_text("#lost", "0 lost")
    assert browser.text("#duplicates") == "0"


def test_three_windows_see_the_same_over_a_restart_of_the_bridge(stack: Stack, browser: Browser, say: Any) -> None:
    browser.evaluate("window.others = [1, 2].map((n) => window.open('/', `w${n}`, 'popup,width=900,height=700')); 0")
    text = "(w.document.querySelector('{}')?.textContent ?? '')"
    all_live = f"[window, ...others].every((w) => {text.format('#pill-text')} === 'Live')"
    browser.wait(all_live)
    browser.wait(f"others.every((w) => {text.format('.card .percent')} === '1 %')")
    say(2)
    browser.wait(f"[window, ...others].every((w) => {text.format('.card .percent')} === '2 %')")
    stack.bridge.kill()
    browser.wait("[window, ...others].every((w) => w.document.querySelector('#pill').dataset.phase === 'waiting')")
    for progress in range(3, 12):
        say(progress)
    stack.flush()
    stack.start_bridge()
    browser.wait(all_live, 60)
    say(12)
    browser.wait(f"[window, ...others].every((w) => {text.format('.card .percent')} === '12 %')")
    for place, words in (("#lost", "0 lost"), ("#duplicates", "0")):
        browser.wait(f"[window, ...others].every((w) => {text.format(place)} === '{words}')")


def test_a_reload_in_the_middle_of_a_cut_is_live_again(stack: Stack, browser: Browser, say: Any) -> None:
    browser.click("#cut")
    browser.wait_text("#pill", "Cut, back in")
    say(2)
    stack.flush()
    browser.open(stack.bridge_url + "/?again")
    browser.wait_text("#pill", "Live")
    browser.wait_text(SESSION, "2 %")
    browser.wait_text("#lost", "0 lost")
