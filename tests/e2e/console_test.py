"""The console page in a real browser, on a real bridge, broker and Redis."""

import json
import re
import time

import pytest

from cdp import Browser

EVIL = "<img src=x onerror=\"document.body.dataset.evil='1'\"><script>document.body.dataset.evil='2'</script>"


@pytest.fixture(name="browser")
def fixture_browser():
    browser = Browser()
    yield browser
    browser.close()


def test_shows_all_kinds_of_work_live(stack, browser):
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    say = stack.publisher("page-tester").publish
    status = dict(status="testing", progress=45, message="Executing UI tests...")
    say(session_id="sess_1", session_status_changed=status)
    browser.wait_text("#session-list", "Executing UI tests...")
    browser.wait_text("#session-list", "45 %")
    browser.wait_text("#session-list .badge", "testing")
    say(session_id="sess_1", task_started=dict(task_id="t", name="Compile"))
    say(session_id="sess_1", task_progress=dict(task_id="t", progress=30, message="12 workers"))
    browser.wait_text("#session-list", "Compile: 12 workers")
    say(session_id="sess_1", message_start=dict(message_id="m", role="assistant"))
    for piece in ("I will ", "look at ", "the form."):
        say(session_id="sess_1", message_delta=dict(message_id="m", delta=piece))
    browser.wait_text("#session-list .speech", "I will look at the form.")
    say(session_id="sess_1", test_result=dict(name="signs in", outcome="OUTCOME_PASSED", duration_ms=12))
    say(session_id="sess_1", test_result=dict(name="signs out", outcome="OUTCOME_FAILED", message="not within 5 s"))
    browser.wait_text("#test-list", "not within 5 s")
    assert browser.text("#tests-passed") == "1 passed"
    assert browser.text("#tests-bad") == "1 failed"
    say(channels=["webgui:global"], notification=dict(title="Disk 83 % full", severity="SEVERITY_WARNING"))
    browser.wait_text("#notice-list", "Disk 83 % full")
    say(metric=dict(name="cpu_percent", value=61.5, unit="%"))
    say(metric=dict(name="cpu_percent", value=73.5, unit="%"))
    browser.wait_text("#metric-list", "73.5")
    browser.wait("document.querySelectorAll('#metric-list canvas').length === 1")
    say(session_id="sess_1", typing=dict(user="maria", active=True, target="cart.ts"))
    browser.wait_text("#people-list", "types in cart.ts")
    say(session_id="sess_1", comment=dict(comment_id="c", author="maria", text="Nice."))
    browser.wait_text("#comment-list", "Nice.")
    browser.wait_text("#agent-list", "page-tester")
    browser.evaluate("document.querySelector('#frames').scrollIntoView()")
    browser.wait_text("#frame-list", "session_status_changed")
    browser.wait_text("#lost", "0 lost")
    assert browser.text("#duplicates") == "0"
    assert browser.evaluate("document.querySelectorAll('#session-list .card').length") == 1
    assert browser.problems == []


def test_a_reload_shows_what_happened_before(stack, browser):
    say = stack.publisher("page-tester").publish
    say(session_id="sess_old", session_status_changed=dict(status="running", progress=0, message="Begun before"))
    say(session_id="sess_old", test_result=dict(name="came before", outcome="OUTCOME_PASSED"))
    stack.flush()
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#session-list", "Begun before")
    browser.wait_text("#session-list", "0 %")  # a zero that was set is a zero, not nothing
    browser.wait_text("#test-list", "came before")


def test_markup_in_events_is_text(stack, browser):
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    say = stack.publisher("page-tester").publish
    say(session_id="sess_evil", session_status_changed=dict(status=EVIL, progress=1, message=EVIL))
    say(session_id="sess_evil", message_delta=dict(message_id="m", delta=EVIL))
    say(session_id="sess_evil", test_result=dict(name=EVIL, suite=EVIL, outcome="OUTCOME_FAILED", message=EVIL))
    say(session_id="sess_evil", comment=dict(comment_id="c", author=EVIL, text=EVIL, target=EVIL))
    say(session_id="sess_evil", metric=dict(name=EVIL, value=1, unit=EVIL, labels={EVIL: EVIL}))
    say(channels=["webgui:global"], notification=dict(title=EVIL, body=EVIL, url="javascript:alert(1)"))
    for place in ("#session-list", "#test-list", "#comment-list", "#metric-list", "#notice-list"):
        browser.wait_text(place, "<img src=x onerror=")
    browser.evaluate("document.querySelector('#frames').scrollIntoView()")
    browser.wait_text("#frame-list", "<img src=x onerror=")
    browser.evaluate("[...document.querySelectorAll('#frame-list [data-kind=event]')].find((row) => "
                     "row.textContent.includes('onerror')).click()")
    browser.wait_text("#frame-body", "<img src=x onerror=")
    assert browser.evaluate("document.querySelectorAll('img:not(.brand img), main script, main a[href]').length") == 0
    assert browser.evaluate("document.body.dataset.evil ?? ''") == ""
    assert browser.problems == []


def test_plain_json_published_straight_to_redis_is_shown(stack, browser):
    browser.open(stack.bridge_url + "/?channel=webgui:session:sess_123")
    browser.wait_text("#pill", "Live")
    browser.wait_text("#integrity-note", "Waiting")
    browser.evaluate("document.querySelector('#channel-details').open = true")
    browser.wait("[...document.querySelectorAll('#channel-list tr')].every((row) => row.dataset.phase === 'live')")
    record = {"type": "session_status_changed", "timestamp": "2024-01-01T12:00:00Z", "session_id": "sess_123",
              "data": {"status": "testing", "progress": 45, "message": "Executing UI tests..."}}
    assert stack.redis("PUBLISH", "webgui:session:sess_123", json.dumps(record)) == 1
    browser.wait_text("#session-list", "Executing UI tests...")


def test_a_bridge_that_dies_costs_nothing(stack, browser):
    say = stack.publisher("page-tester").publish
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    say(session_id="sess_1", session_status_changed=dict(status="running", progress=1))
    browser.wait_text("#session-list", "1 %")
    stack.bridge.kill()
    browser.wait("['waiting', 'connecting'].includes(document.querySelector('#pill').dataset.phase)")
    for progress in range(2, 32):
        say(session_id="sess_1", session_status_changed=dict(status="running", progress=progress))
    stack.flush()
    stack.start_bridge()
    browser.wait_text("#pill", "Live", 60)
    browser.wait_text("#session-list", "31 %")
    browser.wait_text("#banner", "replayed, 0 lost")
    browser.wait_text("#lost", "0 lost")
    assert browser.text("#duplicates") == "0"
    assert int(re.search(r"([\d,]+) replayed", browser.text("#banner")).group(1)) >= 60  # on both channels


def test_the_first_event_is_there_within_ten_seconds(stack, browser):
    say = stack.publisher("page-tester").publish
    began = time.monotonic()
    browser.open(stack.bridge_url + "/")
    say(session_id="sess_1", session_status_changed=dict(status="running", progress=1, message="Here"))
    browser.wait_text("#session-list", "Here", 10)
    assert time.monotonic() - began < 10


def test_a_channel_that_was_left_can_be_followed_again(stack, browser):
    """By the console's link, which counts what the client gives it."""
    browser.open(stack.bridge_url + "/")
    browser.evaluate("""import('/link.js').then(({ Link }) => {
        window.seen = [];
        const nothing = () => {};
        window.link = new Link({ url: '/', onEvent: (event) => seen.push(event.data.title), onControl: nothing,
                                 onLive: nothing, onStatus: nothing, onCaughtUp: nothing, onRefilled: nothing });
        link.subscribe('webgui:global', {});
    })""")
    live = "link.channels.get('webgui:global').phase === 'live'"
    browser.wait(live)
    browser.evaluate("link.unsubscribe('webgui:global')")
    say = stack.publisher("left").publish
    say(channels=["webgui:global"], notification={"title": "missed"})
    stack.flush()
    browser.evaluate("link.subscribe('webgui:global', {})")
    browser.wait(live)
    say(channels=["webgui:global"], notification={"title": "seen"})
    browser.wait("seen.length === 2")
    assert browser.evaluate("seen") == ["missed", "seen"]
    assert browser.problems == []


def test_a_page_can_load_the_client_from_the_bridge(stack, browser):
    browser.open(stack.bridge_url + "/favicon.svg")  # a page of the same origin that loads nothing
    browser.evaluate("""import('/spanwire.js').then((library) => {
        window.names = Object.keys(library);
        window.seen = [];
        window.client = library.connect('/');
        client.subscribe('webgui:global', { onEvent: (event) => seen.push(event.data.title) });
    })""")
    assert browser.evaluate("names") == ["connect"]
    browser.wait("client.state === 'online'")
    stack.publisher("page").publish(channels=["webgui:global"], notification={"title": "Hello"})
    browser.wait("seen.length === 1")
    assert browser.evaluate("seen") == ["Hello"]
