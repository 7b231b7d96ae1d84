"""The console for everybody: keyboard, screen reader, any width, light and dark; and long lists."""

from collections.abc import Iterator
from typing import Any

import pytest

from cdp import Browser
from stack import ROOT, Stack

AXE = ROOT / "build" / "node" / "node_modules" / "axe-core" / "axe.min.js"
FILLED = "document.querySelector('#metric-list li') !== null && document.querySelector('#test-list .row') !== null"
PARTS = ["sessions", "agents", "tests", "notices", "metrics", "people", "frames"]


@pytest.fixture(name="browser")
def fixture_browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    assert [problem for problem in browser.problems if "ERR_" not in problem] == []
    browser.close()


def press(browser: Browser, key: str, text: str = "", code: int = 0) -> None:
    browser.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=code)
    browser.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)


def fill(stack: Stack) -> None:
    """Something in every part."""
    say = stack.publisher("page-tester").publish
    say(session_id="sess_1", session_status_changed=dict(status="running", progress=40, message="At work"))
    say(session_id="sess_1", message_delta=dict(message_id="m", delta="I will look at the form."))
    say(session_id="sess_2", session_status_changed=dict(status="waiting", progress=80, message="Waiting"))
    say(session_id="sess_2", interrupt_requested=dict(interrupt_id="i", reason="May I?"))
    say(session_id="sess_3", session_status_changed=dict(status="failed", progress=80, message="Broken"))
    say(session_id="sess_4", session_status_changed=dict(status="queued", progress=0))
    say(session_id="sess_1", test_result=dict(name="signs in", outcome="OUTCOME_PASSED", duration_ms=12))
    say(session_id="sess_1", test_result=dict(name="signs out", outcome="OUTCOME_FAILED", message="not within 5 s"))
    say(channels=["webgui:global"], notification=dict(title="Disk 83 % full", severity="SEVERITY_WARNING"))
    say(session_id="sess_1", typing=dict(user="maria", active=True, target="cart.ts"))
    say(session_id="sess_1", comment=dict(comment_id="c", author="maria", text="Nice."))
    say(metric=dict(name="cpu_percent", value=61.5, unit="%"))
    stack.flush()


def serious(browser: Browser) -> Any:
    """What axe finds, but for trifles."""
    browser.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    return browser.evaluate("""axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
        .filter((one) => one.impact === 'serious' || one.impact === 'critical')
        .map((one) => [one.id, ...one.nodes.slice(0, 5).map((node) => node.html.slice(0, 160))]))""")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("full", [True, False], ids=["full", "empty"])
def test_axe_finds_nothing_serious(stack: Stack, browser: Browser, scheme: str, width: int, full: bool) -> None:
    browser.emulate(width, 900, scheme, mobile=width < 700)
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    if full:
        fill(stack)
        browser.wait(FILLED)
    for part in PARTS if width < 700 and full else PARTS[:1]:
        if width < 700:
            browser.click(f"#tab-{part}")
        assert serious(browser) == [], part
    browser.click("#help-open")
    assert serious(browser) == [], "help"


def test_says_what_matters_to_a_screen_reader_and_never_floods_it(stack: Stack, browser: Browser) -> None:
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    assert browser.evaluate("document.documentElement.lang") == "en"
    live = browser.evaluate("[...document.querySelectorAll('[aria-live], [role=status], [role=log], output')]"
                            ".map((e) => e.id)")
    assert live == ["announcer", "notice-announcer"]
    assert browser.evaluate("document.querySelector('#announcer').textContent") == "Connected, live."
    browser.evaluate("""window.spoken = [];
        new MutationObserver(() => spoken.push(document.querySelector('#notice-announcer').textContent))
            .observe(document.querySelector('#notice-announcer'), { childList: true })""")
    say = stack.publisher("page-tester").publish
    for number in range(100):
        say(channels=["webgui:global"], notification=dict(title=f"Disk {number}", severity="SEVERITY_WARNING"))
    browser.wait_text("#notices-note", "100 need a look")
    assert 1 <= len(browser.evaluate("spoken")) <= 2
    assert browser.evaluate("spoken[0]").startswith("warning: Disk ")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles = {node["role"]["value"] for node in nodes if not node.get("ignored")}
    assert {"banner", "main", "contentinfo", "navigation", "region", "heading", "listbox"} <= roles


def test_works_by_keys_alone(stack: Stack, browser: Browser) -> None:
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    fill(stack)
    press(browser, "Tab", code=9)
    assert browser.evaluate("document.activeElement.className") == "skip"
    press(browser, "?", "?")
    browser.wait("document.querySelector('#help').open")
    assert browser.evaluate("document.querySelectorAll('#keys kbd').length") == 8
    press(browser, "Escape", code=27)
    browser.wait("!document.querySelector('#help').open")
    for theme in ("light", "dark", None):
        press(browser, "t", "t")
        assert browser.evaluate("document.documentElement.dataset.theme ?? null") == theme
    press(browser, "7", "7")
    assert browser.evaluate("document.activeElement.closest('section').id") == "frames"
    browser.evaluate("document.querySelector('#frame-list').focus()")
    browser.wait("document.querySelectorAll('#frame-list [role=option]:not([hidden])').length > 3")
    press(browser, "ArrowDown", code=40)
    browser.wait("document.querySelector('#frame-body').textContent.startsWith('{')")
    chosen = "document.getElementById(document.querySelector('#frame-list').getAttribute('aria-activedescendant'))"
    assert browser.evaluate(f"{chosen}.getAttribute('aria-selected')") == "true"
    press(browser, "c", "c")
    browser.wait_text("#pill", "Cut, back in")
    press(browser, "/", "/")
    assert browser.evaluate("document.activeElement.id") == "frame-filter"
    assert browser.evaluate("document.querySelector('#frame-filter').value") == ""


def test_one_key_shortcuts_can_be_switched_off(stack: Stack, browser: Browser) -> None:
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    browser.click("#help-open")
    browser.click("#keys-on")
    browser.click("#help-close")
    press(browser, "t", "t")
    press(browser, "c", "c")
    assert browser.evaluate("document.documentElement.dataset.theme ?? ''") == ""
    assert browser.text("#pill-text") == "Live"


def test_on_a_phone_the_parts_are_tabs(stack: Stack, browser: Browser) -> None:
    browser.emulate(390, 844, mobile=True)
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    visible = "[...document.querySelectorAll('.grid > section')].filter((e) => !e.hidden).map((e) => e.id).join()"
    assert browser.evaluate("document.querySelector('#parts').getAttribute('role')") == "tablist"
    assert browser.evaluate(visible) == "sessions"
    browser.evaluate("document.querySelector('#tab-sessions').focus()")
    press(browser, "ArrowRight", code=39)
    assert browser.evaluate(visible) == "agents"
    assert browser.evaluate("document.activeElement.id") == "tab-agents"
    press(browser, "End", code=35)
    assert browser.evaluate(visible) == "frames"
    assert browser.evaluate("document.querySelectorAll('#parts [tabindex=\"0\"]').length") == 1
    browser.emulate(1440, 900)
    browser.wait("document.querySelector('#parts').getAttribute('role') === null")
    assert browser.evaluate(visible).count(",") == len(PARTS) - 1


@pytest.mark.parametrize("width", [320, 390, 768, 1440])
def test_nothing_sticks_out_at_any_width(stack: Stack, browser: Browser, width: int) -> None:
    browser.emulate(width, 800, mobile=width < 700)
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    say = stack.publisher("page-tester").publish
    long = "x" * 128
    say(session_id=long, session_status_changed=dict(status="testing", progress=1, message="y" * 400))
    say(session_id=long, test_result=dict(name="t" * 300, outcome="OUTCOME_FAILED", message="m" * 400))
    say(session_id=long, metric=dict(name="n" * 100, value=1e15, unit="u" * 16))
    say(channels=["webgui:global"], notification=dict(title="z" * 200, body="b" * 500))
    contents = {"sessions": "#session-list li", "tests": "#test-list .row", "metrics": "#metric-list li",
                "notices": "#notice-list .row", "frames": "#frame-list .row"}
    for part, content in contents.items():
        if width < 700:
            browser.click(f"#tab-{part}")
        browser.wait(f"document.querySelector('{content}') !== null")
        assert browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_nothing_moves_while_events_stream(stack: Stack, browser: Browser) -> None:
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    places = ("[...document.querySelectorAll('section, .figure, .trial')]"
              ".map((e) => e.offsetTop + ' ' + e.offsetHeight).join()")
    before = browser.evaluate(places)
    fill(stack)
    browser.wait(FILLED)
    assert browser.evaluate(places) == before


def test_a_long_list_has_few_rows_and_its_reader_is_left_alone(stack: Stack, browser: Browser) -> None:
    browser.open(stack.bridge_url + "/")
    browser.wait_text("#pill", "Live")
    say = stack.publisher("page-tester").publish
    say(session_id="sess_1", session_status_changed=dict(status="testing"))
    browser.wait("document.querySelectorAll('#frame-list [data-kind=\"$live\"]').length >= 3")  # on all its channels
    for number in range(500):
        say(session_id="sess_1", test_result=dict(name=f"test {number}", outcome="OUTCOME_PASSED"))
    browser.wait_text("#tests-passed", "500 passed")
    browser.wait_text("#test-list", "test 499")
    assert browser.evaluate("document.querySelectorAll('#test-list .row').length") < 30
    at_the_top = """(() => { const list = document.querySelector('#test-list').getBoundingClientRect();
        const row = document.elementFromPoint(list.left + 60, list.top + 10).closest('.row'); // none before it is drawn
        return row?.querySelector('.name').textContent })()"""
    browser.evaluate("document.querySelector('#test-list').scrollTop = 54 * 100")
    browser.wait(f"{at_the_top} === 'test 399'")
    for number in range(500, 550):
        say(session_id="sess_1", test_result=dict(name=f"test {number}", outcome="OUTCOME_PASSED"))
    browser.wait_text("#tests-passed", "550 passed")
    assert browser.evaluate(at_the_top) == "test 399"
