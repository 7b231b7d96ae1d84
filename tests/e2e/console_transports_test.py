"""The console where no WebSocket gets through, or no stream either; and where its page is not looked at."""

from collections.abc import Iterator

import pytest

from cdp import Browser
from picky_proxy import PickyProxy
from stack import Stack

WS, SSE = "/v1/ws", "/v1/sse"
TRY_NOW = "window.dispatchEvent(new Event('online'))"  # a client tries a better transport by itself after half a minute


@pytest.fixture(name="browser")
def fixture_browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    assert [problem for problem in browser.problems if "ERR_" not in problem and "WebSocket" not in problem
            and "403" not in problem] == []
    browser.close()


@pytest.fixture(name="proxy")
def fixture_proxy(stack: Stack) -> Iterator[PickyProxy]:
    proxy = PickyProxy(stack.bridge_address)
    yield proxy
    proxy.close()


class Results:
    """Results of tests, of which the page must show each once."""

    def __init__(self, stack: Stack, browser: Browser) -> None:
        self._stack = stack
        self._browser = browser
        self._publish = stack.publisher("page-tester").publish
        self.count = 0

    def publish(self, count: int) -> None:
        for _ in range(count):
            self.count += 1
            self._publish(session_id="sess_1", test_result=dict(name=f"test {self.count}", outcome="OUTCOME_PASSED"))
        self._stack.flush()

    def wait_shown(self, seconds: float = 20) -> None:
        self._browser.wait_text("#tests-passed", f"{self.count} passed", seconds)
        assert self._browser.text("#lost") == "0 lost"
        assert self._browser.text("#duplicates") == "0"


@pytest.fixture(name="results")
def fixture_results(stack: Stack, browser: Browser) -> Results:
    # The session is there before the page: it is followed from the beginning.
    stack.publisher("page-tester").publish(session_id="sess_1", session_status_changed=dict(status="testing"))
    stack.flush()
    return Results(stack, browser)


def wait_live(browser: Browser, transport: str, seconds: float = 40) -> None:
    browser.wait("document.querySelector('#pill-text').textContent === 'Live' && "
                 f"document.querySelector('#pill-transport').textContent === '{transport}'", seconds)
    # On the session's channel, too.
    browser.wait("document.querySelector('#session-list .card') !== null")
    browser.evaluate("document.querySelector('#channel-details').open = true")
    browser.wait("document.querySelectorAll('#channel-list [data-phase=live]').length >= 2")


def test_falls_to_streams_and_to_polling_where_nothing_else_gets_through_and_climbs_back(
        stack: Stack, browser: Browser, proxy: PickyProxy, results: Results) -> None:
    proxy.let_through_all_but([WS])
    browser.open(proxy.url + "/")
    wait_live(browser, "server-sent events")
    results.publish(20)
    results.wait_shown()
    proxy.let_through_all_but([WS, SSE])
    results.publish(20)
    wait_live(browser, "polling")
    results.publish(20)
    results.wait_shown()
    stack.bridge.kill()
    results.publish(20)
    stack.bridge.start().wait_ready()
    wait_live(browser, "polling")
    results.publish(20)
    results.wait_shown()
    proxy.let_through_all_but([WS])
    browser.evaluate(TRY_NOW)
    wait_live(browser, "server-sent events")
    results.publish(20)
    proxy.let_through_all_but([])
    browser.evaluate(TRY_NOW)
    wait_live(browser, "WebSocket")
    results.publish(20)
    results.wait_shown()


def test_polls_where_a_proxy_keeps_streams_until_their_end(
        browser: Browser, proxy: PickyProxy, results: Results) -> None:
    proxy.let_through_all_but([WS], held=[SSE])
    results.publish(20)
    browser.open(proxy.url + "/")
    wait_live(browser, "polling")
    results.publish(20)
    results.wait_shown()
    assert any(path.startswith(SSE) for path in proxy.asked)


def test_the_button_blocks_websocket_then_streams_then_nothing(
        stack: Stack, browser: Browser, results: Results) -> None:
    browser.open(stack.bridge_url + "/")
    wait_live(browser, "WebSocket")
    results.publish(20)
    for label, words, transport in (
            ("Block WebSocket", "No WebSocket: now over server-sent events, 0 lost.", "server-sent events"),
            ("Block streams, too", "Neither WebSocket nor streams: now over polling, 0 lost.", "polling"),
            ("Let all through", "All gets through: back over WebSocket, 0 lost.", "WebSocket"),
    ):
        browser.wait("document.querySelector('#block').ariaDisabled !== 'true'")
        assert browser.text("#block") == label
        browser.click("#block")
        results.publish(20)  # while it is looking for another way
        browser.wait_text("#trial-block", words, 40)
        wait_live(browser, transport)
        results.publish(20)
        results.wait_shown()
        assert browser.evaluate("document.querySelector('#announcer').textContent") == f"Now over {transport}, 0 lost"
    assert browser.text("#block") == "Block WebSocket"
    assert browser.evaluate("document.querySelector('#trial-block').dataset.tone") == "ok"


def test_the_other_buttons_work_without_a_websocket(stack: Stack, browser: Browser, results: Results) -> None:
    browser.open(stack.bridge_url + "/")
    wait_live(browser, "WebSocket")
    browser.wait("document.querySelector('#block').ariaDisabled !== 'true'")
    browser.click("#block")
    wait_live(browser, "server-sent events")
    for button, going, done in (("#slow", "Nothing is taken in", "Refilled: 20 from the log, 0 lost."),
                                ("#cut", "You cut the connection", "Back: 20 replayed, 0 lost.")):
        browser.wait(f"document.querySelector('{button}').ariaDisabled !== 'true'")
        browser.click(button)
        browser.wait_text(f"#trial-{button[1:]}", going)
        browser.wait("document.querySelector('#pill-transport').textContent === ''")  # nothing is connected
        results.publish(20)
        browser.wait_text(f"#trial-{button[1:]}", done, 40)
        results.wait_shown()
        wait_live(browser, "server-sent events")


def test_more_channels_than_a_url_may_have_wait_for_a_websocket(stack: Stack, browser: Browser) -> None:
    channels = [f"webgui:session:s{number}" for number in range(32)]
    browser.open(stack.bridge_url + "/?" + "&".join(f"channel={channel}" for channel in channels))
    browser.wait_text("#pill", "WebSocket")
    browser.evaluate("document.querySelector('#channel-details').open = true")
    phases = "(phase) => document.querySelectorAll(`#channel-list [data-phase=${phase}]`).length"
    browser.wait(f"({phases})('live') === 33")  # and the global one
    browser.wait("document.querySelector('#block').ariaDisabled !== 'true'")
    browser.click("#block")
    browser.wait_text("#pill", "server-sent events")
    browser.wait(f"({phases})('live') === 32 && ({phases})('waiting') === 1")
    publish = stack.publisher("page-tester").publish
    for number in range(32):
        publish(session_id=f"s{number}", test_result=dict(name=f"test {number}", outcome="OUTCOME_PASSED"))
    browser.wait_text("#tests-passed", "31 passed")
    for _ in range(2):
        browser.click("#block")
    browser.wait_text("#pill", "WebSocket")
    browser.wait_text("#tests-passed", "32 passed")
    assert browser.text("#lost") == "0 lost"


def test_a_reload_shows_everything_once(stack: Stack, browser: Browser, results: Results) -> None:
    browser.open(stack.bridge_url + "/")
    wait_live(browser, "WebSocket")
    results.publish(20)
    results.wait_shown()
    for _ in range(3):
        browser.evaluate("location.reload()")
        results.publish(20)
        results.wait_shown()


@pytest.mark.parametrize("transport", ["WebSocket", "server-sent events"])
def test_a_page_in_the_background_and_a_frozen_one_miss_nothing(
        stack: Stack, browser: Browser, proxy: PickyProxy, results: Results, transport: str) -> None:
    proxy.let_through_all_but([] if transport == "WebSocket" else [WS])
    browser.open(proxy.url + "/")
    wait_live(browser, transport)
    results.publish(20)
    results.wait_shown()
    browser.go_behind()
    results.publish(100)
    browser.come_to_front()
    results.wait_shown()
    browser.go_behind()
    browser.call("Page.setWebLifecycleState", state="frozen")
    results.publish(100)
    stack.bridge.kill()  # and the page cannot know
    results.publish(100)
    stack.bridge.start().wait_ready()
    browser.call("Page.setWebLifecycleState", state="active")
    browser.come_to_front()
    wait_live(browser, transport)
    results.publish(20)
    results.wait_shown()
