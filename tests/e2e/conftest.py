"""Fixtures of the end-to-end tests. Binaries come from SPANWIRE_BIN, build/release/bin by default."""

import pytest

from stack import Stack


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        stack = getattr(item, "funcargs", {}).get("bare_stack")
        if stack is not None:
            report.sections.append(("what the processes said", stack.logs()))


@pytest.fixture(name="bare_stack")
def fixture_bare_stack():
    """Nothing runs yet."""
    stack = Stack()
    yield stack
    stack.close()
    stack.remove()


@pytest.fixture(name="stack")
def fixture_stack(bare_stack):
    """Redis, a broker and a bridge, ready."""
    bare_stack.start_redis()
    bare_stack.start_broker(wait=False)
    bare_stack.start_bridge(wait=False)
    bare_stack.broker.wait_ready()
    bare_stack.bridge.wait_ready()
    return bare_stack
