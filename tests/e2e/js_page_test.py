"""Pages that follow a bridge: by @spanwire/client, by each transport, and by nothing but what browsers have."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from cdp import Browser
from stack import Stack


def publish(stack: Stack, first: int, last: int) -> None:
    publisher = stack.publisher()
    for number in range(first, last):
        publisher.publish(session_id="s0", log_line=dict(text=str(number)))
    stack.flush()


def numbers(first: int, last: int) -> str:
    return ",".join(str(number) for number in range(first, last))


@pytest.fixture(name="browser")
def fixture_browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture(name="page_url", scope="module")
def fixture_page_url() -> Iterator[str]:
    """An empty page, of another origin than the bridge's."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Page</title>")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(name="stack")
def fixture_stack(bare_stack: Stack, page_url: str) -> Stack:
    """The bridge is open to that page."""
    bare_stack.start_redis()
    bare_stack.start_broker()
    bare_stack.start_bridge({"SPANWIRE_BRIDGE_ALLOWED_ORIGINS": page_url.rstrip("/")})
    return bare_stack


FOLLOW = """(async () => {
  const { connect } = await import('%s/spanwire.js');
  window.texts = [];
  window.client = connect('%s', %s);
  client.subscribe('webgui:session:s0', {
    onEvent: ({ data }) => texts.push(data.text),
    onLive: () => { window.live = 1; },
  });
})()"""


@pytest.mark.parametrize("transport", ["ws", "sse", "poll"])
def test_the_client_from_the_bridge_in_a_page_of_another_origin(
        stack: Stack, browser: Browser, page_url: str, transport: str) -> None:
    """Over a reload, which keeps its position, and without network."""
    follow = FOLLOW % (stack.bridge_url, stack.bridge_url, json.dumps({"transports": [transport]}))
    browser.open(page_url)
    browser.evaluate(follow)
    browser.wait("window.live")
    assert browser.evaluate("client.state + client.transport") == f"online{transport}"
    publish(stack, 0, 10)
    browser.wait("texts.length === 10")
    browser.open(page_url + "?again")
    publish(stack, 10, 20)
    browser.evaluate(follow)
    browser.wait("texts.length === 10")
    assert browser.evaluate("texts.join()") == numbers(10, 20)
    offline = dict(latency=0, downloadThroughput=-1, uploadThroughput=-1)
    browser.call("Network.emulateNetworkConditions", offline=True, **offline)
    browser.wait("client.state !== 'online'")
    publish(stack, 20, 30)
    browser.call("Network.emulateNetworkConditions", offline=False, **offline)
    browser.wait("texts.length === 20")
    assert browser.evaluate("texts.join()") == numbers(10, 30)
    browser.evaluate("client.close()")
    assert browser.evaluate("client.state") == "closed"


def test_the_browsers_own_eventsource_resumes_by_itself(stack: Stack, browser: Browser, page_url: str) -> None:
    browser.open(page_url)
    url = f"{stack.bridge_url}/v1/sse?channel=webgui:session:s0"
    browser.evaluate(f"window.source = new EventSource('{url}'); 0")
    browser.evaluate("""window.texts = [];
        window.live = 0;
        source.onmessage = ({ data }) => texts.push(JSON.parse(data).data.text);
        source.addEventListener('$live', () => { window.live += 1; }); 0""")
    browser.wait("live === 1")
    publish(stack, 0, 10)
    browser.wait("texts.length === 10")
    stack.bridge.kill()
    publish(stack, 10, 20)
    stack.bridge.start().wait_ready()
    browser.wait("live === 2", 60)
    publish(stack, 20, 30)
    browser.wait("texts.length >= 30")
    assert browser.evaluate("texts.join()") == numbers(0, 30)
