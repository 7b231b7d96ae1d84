"""Many events to many clients, while the bridge's pub/sub connections are cut every second.

SPANWIRE_FULL=1 ./dev test e2e (or pytest tests/e2e/load_test.py): 100,000 events in 40 s instead of 20,000 in 8.
"""

import time

from stack import BIN, FULL, Stack, wait_until

AGENTS = 4
CLIENTS = 20
RATE = 2_500  # events a second, all agents
EVENTS = 100_000 if FULL else 20_000
CHANNELS = [f"webgui:session:load_{number}" for number in range(10)]


def test_every_client_has_every_event_once_in_order_without_a_gap(stack: Stack) -> None:
    seconds = EVENTS / RATE
    browsers = stack.run("browsers", [
        BIN / "load-browsers", "--bridge", stack.bridge_address, "--clients", CLIENTS,
        "--channels", ",".join(CHANNELS), "--expect", EVENTS, "--seconds", int(seconds * 3 + 60)])
    wait_until(lambda: "live" in browsers.text() or browsers.code is not None, "all subscriptions live")
    assert browsers.code is None, browsers.text()

    agents = [stack.run(f"agent-{number}", [
        BIN / "load-agent", "--target", stack.broker_target, "--channels", ",".join(CHANNELS),
        "--rate", RATE // AGENTS, "--events", EVENTS // AGENTS, "--label", f"a{number}"]) for number in range(AGENTS)]
    cuts: list[int] = []  # connections at each, the bridge's among them
    began = time.monotonic()
    while browsers.code is None and any(agent.code is None for agent in agents):
        cuts.append(stack.redis("CLIENT", "KILL", "TYPE", "pubsub"))
        time.sleep(max(0.0, began + len(cuts) - time.monotonic()))

    for agent in agents:
        assert agent.wait(seconds * 2 + 60) == 0, agent.text()[-500:]
    took = time.monotonic() - began
    assert browsers.wait(seconds * 2 + 60) == 0, browsers.text()
    assert browsers.text().endswith("done\n")
    print(f"{EVENTS} events in {took:.1f} s to {CLIENTS} clients, connections cut: {cuts}")
    assert sum(cuts) >= seconds * 0.8, "a connection was to be cut every second"
    wait_until(lambda: stack.bridge.metric("spanwire_bridge_pubsub_losses_total") >= len(cuts) * 0.8,
               "the bridge has noticed the cuts")
    assert stack.bridge.metric("spanwire_bridge_feed_gaps_total") == 0
    if FULL:  # on a machine with nothing else to do
        assert took < seconds * 1.25, "slower than the rate that was promised"
