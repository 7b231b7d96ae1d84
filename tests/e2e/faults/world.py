"""The system that faults befall: Redis, brokers, bridges, agents that never pause and browsers that write down
everything; and the account of what became of the events.
"""

import contextlib
import pathlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from background import Background
from browsers import Browser, Crowd
from history import Agent, History, Verdict, check
from proxy import Change, Proxy
from redis_server import RedisServer, quiet_port
from stack import BIN, FULL, Daemon, Env, Process, Stack, wait_until

CHANNELS = [f"webgui:session:fault_{number}" for number in range(3)]
IDLE = "webgui:session:idle"  # has a few events from the beginning, then nothing
RATE = 500 if FULL else 200  # events a second, of each agent
PATIENCE = 60.0  # seconds for what takes at most a few on an idle machine
WHOLE_LOG = {"SPANWIRE_LOG_MAX_EVENTS": "100000", "SPANWIRE_LOG_MAX_BYTES": "1GiB"}
ENDLESS = 10_000_000
AROUND = 5.0 if FULL else 1.0  # seconds of load before the fault, and after the recovery


@dataclass
class Result:
    """A line of the table."""

    scenario: str
    events: int
    browsers: int
    verdict: Verdict
    recovery: float | None
    notes: list[str] = field(default_factory=list)


results: list[Result] = []


class LoadAgent:
    """A load-agent whose broker can be changed: its target is a link to the broker's socket."""

    def __init__(self, world: "World", name: str, rate: int, channels: Sequence[str], pad: int = 0) -> None:
        """pad: bytes that each event has in addition."""
        self._link = world.stack.folder / f"{name}.sock"
        self._rate = rate
        label = name + "x" * pad
        self.record = Agent(label, list(channels), 0)
        self._target(world.brokers[0])
        self._began = time.monotonic()
        self.process: Process = world.stack.run(f"agent-{name}", [
            BIN / "load-agent", "--target", f"unix:{self._link}", "--channels", ",".join(channels),
            "--rate", rate, "--events", ENDLESS, "--label", label])
        self.lead_to = self._target

    def _target(self, broker: Daemon) -> None:
        """Its next connection goes there."""
        new = self._link.with_suffix(".new")
        new.symlink_to(World.broker_socket(self._link.parent, broker.name))
        new.replace(self._link)

    def acked(self) -> int:
        """The highest sequence of which it was told that it is committed."""
        lines = [line for line in self.process.text().splitlines() if line.startswith("acked ")]
        return int(lines[-1].split()[1]) if lines else 0

    def stop(self) -> None:
        self.process.kill()
        self.record.published = int((time.monotonic() - self._began) * self._rate) + self._rate // 50 + 1
        self.record.acked = self.acked()


class World:
    def __init__(self, scenario: str) -> None:
        self.scenario = scenario
        self.stack = Stack()
        self.background = Background()
        self.crowd = Crowd(self.background)
        self.redis: RedisServer
        self.servers: list[RedisServer] = []
        self.brokers: list[Daemon] = []
        self.bridges: list[Daemon] = []
        self.agents: list[LoadAgent] = []
        self.notes: list[str] = []
        self.restarts = 0
        self._listens: dict[str, str] = {}
        self._over: float | None = None  # when the fault was
        self._acked_then: dict[str, int] = {}

    # Starting.

    @staticmethod
    def broker_socket(folder: pathlib.Path, name: str) -> pathlib.Path:
        return folder / f"{name}.sock"

    def start(self, brokers: int = 2, bridges: int = 2, redis_options: Sequence[object] = (),
              env: Env = None, redis_env: Env = None, redis_folder: pathlib.Path | None = None) -> None:
        self.redis = self.server("redis", *redis_options, env=redis_env, folder=redis_folder)
        self.start_daemons(brokers, bridges, lambda _: self.redis.path, env)

    def server(self, name: str, *options: object, env: Env = None, folder: pathlib.Path | None = None) -> RedisServer:
        """One more Redis."""
        self.servers.append(RedisServer(self.stack, name, *options, env=env, folder=folder).start())
        return self.servers[-1]

    def start_daemons(self, brokers: int, bridges: int, redis_of: Callable[[str], object], env: Env = None) -> None:
        """redis_of: where the daemon of this name finds Redis."""
        self._env = {**WHOLE_LOG, **(env or {})}
        self._redis_of = redis_of
        for number in range(brokers):
            name = f"broker{number}"
            self._listens[name] = f"unix:{self.broker_socket(self.stack.folder, name)}"
            self.brokers.append(self._daemon(name, "spanwire-broker"))
        for number in range(bridges):
            name = f"bridge{number}"
            self._listens[name] = f"127.0.0.1:{quiet_port()}"
            self.bridges.append(self._daemon(name, "spanwire-bridge"))
        for daemon in self.brokers + self.bridges:
            daemon.wait_ready()

    def _daemon(self, name: str, program: str) -> Daemon:
        return self.stack.add_daemon(name, program, self._listens[name], self._env,
                                     f"unix://{self._redis_of(name)}")

    def restart(self, daemon: Daemon) -> Daemon:
        """Starts it again, after it has ended."""
        kind, daemons = (("spanwire-broker", self.brokers) if daemon in self.brokers else
                         ("spanwire-bridge", self.bridges))
        self.restarts += 1
        again = self._daemon(daemon.name, kind)
        daemons[daemons.index(daemon)] = again
        return again

    def addresses(self, first: int = 0) -> list[str]:
        """The bridges, beginning with one of them."""
        all_of_them = [self._listens[bridge.name] for bridge in self.bridges]
        first %= len(all_of_them)
        return all_of_them[first:] + all_of_them[:first]

    def proxy(self, name: str, upstream: object, change: Callable[[], Change] | None = None) -> Proxy:
        """In front of a unix socket, at one of this name; or of a port, if there is no name."""
        listen = str(self.stack.folder / f"{name}.sock") if name else f"127.0.0.1:{quiet_port()}"
        return Proxy(self.background, listen, str(upstream), change)

    def load(self, agents: int = 2, browsers: int = 6, rate: int = RATE, pad: int = 0) -> None:
        """Browsers on all channels, half of them at each bridge, then agents; until everybody sees what all publish."""
        for number in range(browsers):
            self.crowd.add(Browser(f"browser{number}", self.addresses(number), [*CHANNELS, IDLE]))
        self.publish(agents, rate, CHANNELS, pad)

    def publish(self, agents: int, rate: int, channels: Sequence[str], pad: int = 0) -> None:
        wait_until(self.crowd.all_live, "all browsers are live", PATIENCE)
        self._make_idle_channel()
        for number in range(agents):
            self.agents.append(LoadAgent(self, f"a{number}", rate, channels, pad))
            self.agents[-1].lead_to(self.brokers[number % len(self.brokers)])
        wait_until(self._all_see_all, "everybody sees what all publish", PATIENCE)
        self.proceed(AROUND)

    def _make_idle_channel(self) -> None:
        idle = LoadAgent(self, "idle", 1000, [IDLE])
        wait_until(lambda: idle.acked() > 0, "the idle channel has events")
        idle.stop()
        self.agents_gone = [idle.record]

    def _all_see_all(self) -> bool:
        return all(self._sees(browser, agent, self._acked_then.get(agent.record.label, 0))
                   for browser in self.crowd.browsers for agent in self.agents)

    @staticmethod
    def _sees(browser: Browser, agent: LoadAgent, sequence: int) -> bool:
        """Whether it got an event of this agent that is newer than that one."""
        return any(agent.record.sequence(channel, number) > sequence
                   for channel in browser.record.channels if channel in agent.record.channels
                   if (number := browser.newest.get((channel, agent.record.label))))

    def proceed(self, seconds: float) -> None:
        """Lets agents and browsers go on for this long."""
        time.sleep(seconds)

    # The fault and what follows.

    def over(self) -> None:
        """The fault is: from here on the recovery is measured."""
        self._over = time.monotonic()
        self._acked_then = {agent.record.label: agent.acked() for agent in self.agents}

    def recovered(self, seconds: float = PATIENCE) -> None:
        """Everybody sees events that were acknowledged after the fault."""
        wait_until(self._all_see_all, "every browser sees new events of every agent", seconds)

    def _recovery(self) -> float | None:
        if self._over is None:
            return None
        longest = 0.0
        for browser in self.crowd.browsers:
            for agent in self.agents:
                longest = max(longest, self._first_new(browser, agent) - self._over)
        return longest

    def _first_new(self, browser: Browser, agent: LoadAgent) -> float:
        known = self._acked_then[agent.record.label]
        for frame in browser.record.frames:
            label, _, number = frame.text.partition(" ")
            if frame.at > self._over and label == agent.record.label and (  # type: ignore[operator]
                    agent.record.sequence(frame.channel, int(number)) > known):
                return frame.at
        raise AssertionError(f"{browser.record.name} never saw {agent.record.label} again")

    def first_gaps(self, since: float) -> list[float]:
        """How long after a moment each channel of each browser was told its first $gap, those that were."""
        first: dict[tuple[str, str], float] = {}
        for browser in self.crowd.browsers:
            for frame in browser.record.frames:
                if frame.type == "$gap" and frame.at >= since:
                    first.setdefault((browser.record.name, frame.channel), frame.at - since)
        return list(first.values())

    def _settled(self) -> bool:
        tails = {channel: self.redis.tail(channel) for browser in self.crowd.browsers
                 for channel in browser.record.channels}
        return all(
            tails[channel] is None or browser.last.get(channel) == "{}-{}".format(*tails[channel])  # type: ignore[misc]
            for browser in self.crowd.browsers for channel in browser.record.channels)

    def finish(self, gaps: Collection[str] = (), log_is_whole: bool = True) -> Verdict:
        """Recovery, the end of the load, and the account: no violation, and no $gap but for these reasons."""
        self.recovered()
        self.proceed(AROUND)
        verdict = self.account(log_is_whole)
        assert not verdict.violations, "\n".join([f"{len(verdict.violations)} violations:", *verdict.violations])
        assert set(verdict.gaps) <= set(gaps), f"gaps told: {verdict.gaps}"
        assert verdict.delivered > 0 and (verdict.acked_lost, verdict.duplicates) == (0, 0)
        return verdict

    def account(self, log_is_whole: bool = True, in_table: bool = True) -> Verdict:
        """Stops agents, lets browsers come to the end, stops them, and checks all of it."""
        for agent in self.agents:
            assert agent.process.code is None, f"an agent has ended: {agent.process.text()[-500:]}"
            agent.stop()
        with contextlib.suppress(AssertionError):  # the check says it better
            wait_until(self._settled, "all browsers have come to the end of all channels", PATIENCE)
        self.crowd.stop()
        browsers = [browser.record for browser in self.crowd.browsers]
        channels = {channel for browser in browsers for channel in browser.channels}
        records = [*self.agents_gone, *(agent.record for agent in self.agents)]
        log = {channel: self.redis.log(channel) for channel in sorted(channels)}
        verdict = check(History(records, browsers, log, log_is_whole))
        events = sum(record.acked for record in records)
        if in_table:
            results.append(Result(self.scenario, events, len(browsers), verdict, self._recovery(), self.notes))
        return verdict

    def ends(self) -> Counter[int]:
        """Close codes of all connections that ended."""
        return Counter(code for browser in self.crowd.browsers for _, code, _ in browser.ends)

    @contextlib.contextmanager
    def closing(self) -> Iterator["World"]:
        try:
            yield self
        finally:
            self.crowd.stop()
            for server in self.servers:
                server.forget()
            self.stack.close()  # before the proxies, to which the daemons would come back
            self.background.close()
