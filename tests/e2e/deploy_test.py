"""What deploy/ hands out: configurations that are accepted and complete, Redis users that may do what is needed."""

import hashlib
import re
import subprocess

import pytest

from browser_client import Client
from stack import BIN, ROOT, Stack, wait_until

DEPLOY = ROOT / "deploy"
DAEMONS = ["broker", "bridge"]
PASSWORD = "correct horse battery staple"


@pytest.mark.parametrize("name", DAEMONS)
def test_the_example_configuration_is_accepted(name: str) -> None:
    command = [BIN / f"spanwire-{name}", "--check-config", "--config", DEPLOY / f"{name}.yaml"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "configuration ok\n"), checked.stderr


@pytest.mark.parametrize("name", DAEMONS)
def test_the_example_configuration_has_every_setting_at_its_default(name: str) -> None:
    told = subprocess.run([BIN / f"spanwire-{name}", "--help"], capture_output=True, text=True, check=True).stdout
    told = told.partition("\nSettings.")[2]
    settings = re.findall(r"^  --([a-z-]+)(?:, --[a-z-]+)? \S+(?:   \[(.*)\])?$", told, re.MULTILINE)
    assert len(settings) > 10
    lines = [line.strip() for line in (DEPLOY / f"{name}.yaml").read_text().splitlines()]
    for flag, default in settings:
        key = re.sub("^(redis|admin|logging|log|bridge|broker|replication)-", "", flag).replace("-", "_")
        if key == "threads" or not default:  # the machine's, or none: shown in a comment or as an empty list
            assert any(line.startswith((f"# {key}: ", f"{key}: [")) for line in lines), flag
        else:
            assert f"{key}: {default}" in lines, flag


@pytest.fixture(name="guarded_stack")
def fixture_guarded_stack(bare_stack: Stack) -> Stack:
    """Redis as deploy/redis.conf has it, with passwords, and both daemons as its users."""
    configuration = (DEPLOY / "redis.conf").read_text()
    password_hash = hashlib.sha256(PASSWORD.encode()).hexdigest()
    included = bare_stack.folder / "spanwire.conf"
    included.write_text(re.sub(r"^(user \S+ on) ", rf"\1 #{password_hash} ", configuration, flags=re.MULTILINE))
    bare_stack.start_redis("--include", included)
    password_file = bare_stack.folder / "password"
    password_file.write_text(f"{PASSWORD}\n")
    for name in DAEMONS:
        env = {"SPANWIRE_REDIS_USERNAME": f"spanwire-{name}", "SPANWIRE_REDIS_PASSWORD_FILE": str(password_file)}
        if name == "broker":
            env["SPANWIRE_REPLICATION_REPLICAS"] = "1"
        getattr(bare_stack, f"start_{name}")(env)
    return bare_stack


def check_that_replicas_are_asked(stack: Stack) -> None:
    """There are none, and that is the answer: not that it may not be asked."""
    import spanwire

    told: list[str] = []
    publisher = stack.publisher(
        ack_level=spanwire.AckLevel.REPLICATED, on_state=lambda _state, code, why: told.append(why) if code else None)
    publisher.publish(session_id="s", log_line={"text": "safe"})
    wait_until(lambda: told, "the agent is told")
    assert told[0].endswith("0 of 1 replicas within 1s")


def test_the_daemons_need_no_right_that_their_redis_users_do_not_have(guarded_stack: Stack) -> None:
    channel = "webgui:session:s"
    with Client(guarded_stack.bridge_address, channel) as live:
        guarded_stack.publisher().publish(session_id="s", log_line={"text": "one"})
        live.until_text("one")
        live.send({"cmd": "unsubscribe", "id": 1, "channel": channel})
        for number, start in enumerate([{"from": "start"}, {"last": 1}], 2):
            live.send({"cmd": "subscribe", "id": number, "channel": channel, **start})
            live.until_text("one")
            live.send({"cmd": "unsubscribe", "id": number, "channel": channel})
    check_that_replicas_are_asked(guarded_stack)
    assert guarded_stack.redis("ACL", "LOG") == []
    assert guarded_stack.broker.get("/readyz")[0] == guarded_stack.bridge.get("/readyz")[0] == 200
    for daemon in (guarded_stack.broker, guarded_stack.bridge):
        assert "level=error" not in daemon.text() and "eviction policy" not in daemon.text()
