"""Fixtures of the fault scenarios, and the table of what they showed."""

import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from world import Result, World, results


@pytest.fixture(name="world")
def fixture_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Nothing runs yet."""
    world = World(request.node.name.removeprefix("test_"))
    with world.closing():
        yield world
    world.stack.remove()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    world = getattr(item, "funcargs", {}).get("world")
    if report.failed and world is not None:
        report.sections.append(("what the processes said", world.stack.logs()))


def line(result: Result) -> str:
    verdict = result.verdict
    gaps = ", ".join(f"{count} {reason}" for reason, count in sorted(verdict.gaps.items())) or "0"
    recovery = "" if result.recovery is None else f"{result.recovery:.2f}"
    cells = [result.scenario, result.events, result.browsers, gaps, verdict.in_gaps, verdict.redelivered,
             verdict.duplicates, verdict.acked_lost, recovery, "; ".join(result.notes)]
    return "| " + " | ".join(map(str, cells)) + " |"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not results:
        return
    head = ["scenario", "events", "browsers", "gaps told", "acked in gaps", "again after a gap", "duplicates",
            "acked lost", "recovery s", "notes"]
    terminalreporter.write_line("")
    terminalreporter.write_line("| " + " | ".join(head) + " |")
    terminalreporter.write_line("|" + "---|" * len(head))
    for result in results:
        terminalreporter.write_line(line(result))
