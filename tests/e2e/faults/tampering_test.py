"""The checker on real traffic: a proxy between bridge and browsers that drops, doubles or swaps an event must be found
out, and one that does not must not.
"""

import pytest

from browsers import Browser
from stack import wait_until
from websocket_wire import TEXT, Splitter
from world import CHANNELS, IDLE, PATIENCE, World

EVERY = 997
RATE = 1000  # of each agent
PASSED = "pass"


class Tamper:
    """What it does to the bytes of one connection: to every 997th event."""

    def __init__(self, how: str) -> None:
        self._how = how
        self._splitter = Splitter()
        self._events = 0
        self._held = b""  # the first of two that are swapped

    def __call__(self, data: bytes) -> bytes:
        out = bytearray()
        had_head = bool(self._splitter.head)
        frames = list(self._splitter.feed(data))
        if not had_head:
            out += self._splitter.head
        for opcode, payload, whole in frames:
            out += self._pass(whole) if opcode == TEXT and not payload.startswith(b'{"type":"$') else whole
        return bytes(out)

    def _pass(self, whole: bytes) -> bytes:
        self._events += 1
        if self._held:
            both, self._held = whole + self._held, b""
            return both
        if self._how == PASSED or self._events % EVERY != 0:
            return whole
        match self._how:
            case "drop":
                return b""
            case "double":
                return whole + whole
            case _:
                self._held = whole
                return b""


@pytest.mark.parametrize("how", [PASSED, "drop", "double", "swap"])
def test_tampering_is_found_out(world: World, how: str) -> None:
    world.start(brokers=1, bridges=1)
    # One channel, so that neighbours are of the same one.
    channels = CHANNELS[:1]
    honest = world.crowd.add(Browser("honest", world.addresses(), [*channels, IDLE]))
    proxy = world.proxy("", world.addresses()[0], lambda: Tamper(how))
    cheated = world.crowd.add(Browser("cheated", [proxy.listen], [*channels, IDLE]))
    world.publish(2, RATE, channels)
    wait_until(lambda: all(len(browser.record.frames) > 2 * EVERY for browser in (honest, cheated)), "enough events",
               PATIENCE)
    verdict = world.account(in_table=False)
    found = [what for what in verdict.violations if what.startswith("cheated")]
    assert len(found) == len(verdict.violations), "the honest browser saw nothing wrong"
    if how == PASSED:
        assert not found
        return
    assert {"drop": verdict.acked_lost > 0, "double": verdict.duplicates > 0,
            "swap": any("order" in what for what in found)}[how], found
    assert any("not continuous" in what for what in found)
