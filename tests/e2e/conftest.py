"""Fixtures of the end-to-end tests. Binaries come from SPANWIRE_BIN, build/release/bin by default."""

import itertools
import pathlib
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from browser_client import Client
from stack import ROOT, Stack, free_port

NODE = ROOT / "build" / "node"
SECRET = "s3cr3t"  # what tests put into content and passwords that no log may show

_sessions = itertools.count(1)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.failed:
        fixtures = getattr(item, "funcargs", {})
        stack = fixtures.get("bare_stack") or fixtures.get("module_stack")
        if stack is not None:
            report.sections.append(("what the processes said", stack.logs()))


@pytest.fixture(name="bare_stack")
def fixture_bare_stack() -> Iterator[Stack]:
    """Nothing runs yet."""
    stack = Stack()
    yield stack
    stack.close()
    stack.remove()


@pytest.fixture(name="stack")
def fixture_stack(bare_stack: Stack) -> Stack:
    """Redis, a broker and a bridge, ready."""
    bare_stack.start_all()
    return bare_stack


@pytest.fixture(name="module_stack", scope="module")
def fixture_module_stack() -> Iterator[Stack]:
    stack = Stack()
    try:
        stack.start_all()
        yield stack
    finally:
        stack.close()
        stack.remove()


@pytest.fixture(name="shared_stack")
def fixture_shared_stack(module_stack: Stack) -> Iterator[Stack]:
    """Like stack, but one for all tests of a file: for those that leave it as it was. Whatever they do, somebody
    else's agent and browser go on, the daemons live, and no content is logged."""
    from raw_agent import event, field, publish  # needs generated code

    with Client(module_stack.bridge_address, "webgui:session:bystander") as client:
        yield module_stack
        code, details = publish(module_stack.broker_target, field(1, event("still here", "bystander")))
        assert code == grpc.StatusCode.OK, details
        client.until_text("still here")
        assert client.types() == ["$hello", "$subscribed", "$live", "log_line"]
    assert module_stack.bridge.code is None and module_stack.broker.code is None
    assert SECRET not in module_stack.bridge.text() + module_stack.broker.text()


@pytest.fixture(name="publishing", scope="module")
def fixture_publishing(module_stack: Stack) -> str:
    """A bridge that may publish."""
    address = f"127.0.0.1:{free_port()}"
    env = {"SPANWIRE_BROKER_TARGET": module_stack.broker_target}
    module_stack.add_daemon("publishing", "spanwire-bridge", address, env).wait_ready()
    return address


@pytest.fixture(name="session")
def fixture_session() -> str:
    """One of the test's own."""
    return f"test{next(_sessions)}"


@pytest.fixture(name="channel")
def fixture_channel(session: str) -> str:
    return f"webgui:session:{session}"


@pytest.fixture(name="node_modules", scope="session")
def fixture_node_modules() -> pathlib.Path:
    """The packages of package-lock.json, installed once into build/node."""
    for tool in ("node", "npm"):
        assert shutil.which(tool), f"{tool} is not installed: ./dev setup does that"
    here = ROOT / "tests" / "e2e"
    lock = (here / "package-lock.json").read_bytes()
    installed = NODE / "installed-lock.json"
    if not installed.is_file() or installed.read_bytes() != lock:
        NODE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(here / name, NODE / name)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=NODE, check=True, timeout=600)
        installed.write_bytes(lock)
    return NODE / "node_modules"
