"""What agents published and were told, what browsers were shown, what the log has: is it what was promised?

The promise: an acknowledged event comes to every browser that follows its channel, once and in the order of its
producer, or the browser is told $gap before any later event. Nothing comes that nobody published, positions are
continuous as docs/protocol.md says, and one id is one event, whoever sees it.

Event number n of a label on a channel has the text "<label> <n>", n from 1 on each channel: so what is checked does not
rest on the positions, which are checked as well.
"""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

Position = tuple[int, int]
Row = tuple[Position, Position | None, str]  # of a log: position, the one before it if written down, text
FORGETS = ("lost", "rollback")  # reasons of a gap after which events that were seen may come again


def position(text: str) -> Position:
    epoch, _, seq = text.partition("-")
    return int(epoch), int(seq)


@dataclass
class Agent:
    """A load-agent: its event s went to channel (s - 1) modulo the number of channels."""

    label: str
    channels: list[str]
    published: int  # at most
    acked: int = 0  # everything up to this one

    def count(self, channel: str, sequence: int) -> int:
        """How many of the events up to a sequence are on a channel."""
        return (sequence - self.channels.index(channel) + len(self.channels) - 1) // len(self.channels)

    def sequence(self, channel: str, number: int) -> int:
        return (number - 1) * len(self.channels) + self.channels.index(channel) + 1


@dataclass(slots=True)
class Frame:
    """A frame that a browser got; of type "#connected" when it opened one more connection."""

    at: float
    type: str
    channel: str = ""
    id: str = ""
    prev: str = ""
    text: str = ""
    was: str = ""
    after: str = ""
    position: str = ""
    reason: str = ""


@dataclass
class Browser:
    """One that has followed these channels since before anything was published on them."""

    name: str
    channels: list[str]
    frames: list[Frame] = field(default_factory=list)


@dataclass
class History:
    agents: list[Agent]
    browsers: list[Browser]
    log: dict[str, list[Row]]
    log_is_whole: bool = True  # nothing was trimmed, lost or taken back


@dataclass
class Verdict:
    violations: list[str] = field(default_factory=list)
    delivered: int = 0
    gaps: Counter[str] = field(default_factory=Counter)  # by reason
    in_gaps: int = 0  # acknowledged, not delivered, and told
    acked_lost: int = 0  # acknowledged, not delivered, and not told
    duplicates: int = 0
    redelivered: int = 0  # seen, taken back by a gap that said so, and seen again
    copies: int = 0  # likewise, but they said so themselves and were dropped

    def wrong(self, what: str) -> None:
        if len(self.violations) < 50:
            self.violations.append(what)


class Follower:
    """One browser on one channel."""

    def __init__(self, check: "Check", browser: Browser, channel: str) -> None:
        self._check = check
        self._verdict = check.verdict
        self._name = f"{browser.name} on {channel}"
        self._channel = channel
        self._agents = {agent.label: agent for agent in check.history.agents if channel in agent.channels}
        self._log = check.log_positions.get(channel, set())
        self._last: Position | None = None
        self._gaps = 0  # so far
        self._forgotten = 0  # the number of the latest gap that forgets
        self._newest: dict[str, tuple[int, int]] = {label: (0, 0) for label in self._agents}  # number, gaps by then
        self._seen: dict[tuple[str, int], tuple[Position, int]] = {}
        self._seen_at: set[Position] = set()  # ids of events, or what they are copies of

    def _wrong(self, what: str) -> None:
        self._verdict.wrong(f"{self._name}: {what}")

    def take(self, frame: Frame) -> None:
        match frame.type:
            case "$subscribed":
                if self._last is not None and position(frame.position) != self._last:
                    self._wrong(f"subscribed at {frame.position} instead of {self._last}")
                self._last = position(frame.position)
            case "$gap":
                self._gap(frame)
            case "$live" | "$position":
                # Everything up to there was shown: only what a view hides may lie between.
                if position(frame.position) != self._last:
                    self._wrong(f"{frame.type} at {frame.position} after {self._last}")
            case "$error":
                self._wrong(f"$error {frame.reason}")
            case "log_line":
                self._event(frame)
            case other:
                self._wrong(f"phantom: a frame of type {other}")

    def _gap(self, frame: Frame) -> None:
        self._gaps += 1
        self._verdict.gaps[frame.reason] += 1
        if position(frame.after) != self._last:
            self._wrong(f"$gap after {frame.after}, but last seen was {self._last}")
        if frame.reason in FORGETS:
            self._forgotten = self._gaps
        self._last = position(frame.position)
        needless = [row for row in self._log if position(frame.after) < row <= self._last]
        if needless:
            self._wrong(f"$gap {frame.reason} from {frame.after} to {frame.position}, but the log has {needless[0]}")

    def _event(self, frame: Frame) -> None:
        self._verdict.delivered += 1
        here = position(frame.id)
        before = position(frame.prev) if frame.prev else (here[0], here[1] - 1)
        if self._last is None or not before <= self._last < here:
            self._wrong(f"not continuous: {frame.id} ({frame.text}, prev {frame.prev}) after {self._last}")
        self._last = here
        self._check.agree(self._channel, here, frame.text, self._name)
        label, _, digits = frame.text.partition(" ")
        agent = self._agents.get(label)
        if agent is None or not digits.isdigit() or not 1 <= int(digits) <= agent.count(self._channel, agent.published):
            self._wrong(f"phantom: {frame.text} at {frame.id}")
            return
        if not self._drops(frame, here):
            self._number(label, int(digits), here)

    def _drops(self, frame: Frame, here: Position) -> bool:
        """A copy of what was seen, as clients drop it."""
        first = position(frame.was) if frame.was else here
        if frame.was:
            self._check.agree(self._channel, first, frame.text, self._name)
            if first in self._log:
                self._wrong(f"a copy of what is still there: {frame.text} at {frame.id}, was {frame.was}")
            if first in self._seen_at:
                self._verdict.copies += 1
                return True
        self._seen_at.add(first)
        return False

    def _number(self, label: str, number: int, here: Position) -> None:
        newest, gaps = self._newest[label]
        taken_back = self._forgotten > gaps
        earlier = self._seen.get((label, number))
        if earlier is not None:
            if earlier[0] not in self._log and self._forgotten > earlier[1]:
                self._verdict.redelivered += 1
            else:
                self._verdict.duplicates += 1
                self._wrong(f"duplicate: {label} {number} at {earlier[0]} and {here}")
        elif number <= newest and not taken_back:
            self._wrong(f"order: {label} {number} after {label} {newest}")
        if number > newest + 1:
            self._missing(label, newest + 1, number - 1, self._gaps > gaps)
        self._newest[label] = (number, self._gaps)
        self._seen[label, number] = (here, self._gaps)

    def _missing(self, label: str, first: int, last: int, told: bool) -> None:
        agent = self._agents[label]
        acked = [number for number in range(first, last + 1)
                 if agent.sequence(self._channel, number) <= agent.acked and (label, number) not in self._seen]
        if told:
            self._verdict.in_gaps += len(acked)
        else:
            self._verdict.acked_lost += len(acked)
            self._wrong(f"lost: {label} {first} to {last}, not told ({len(acked)} of them acknowledged)")

    def end(self) -> None:
        for label, agent in self._agents.items():
            newest, gaps = self._newest[label]
            acked = agent.count(self._channel, agent.acked)
            if acked > newest:
                self._missing(label, newest + 1, acked, self._gaps > gaps)


class Check:
    def __init__(self, history: History) -> None:
        self.history = history
        self.verdict = Verdict()
        self.log_positions = {channel: {row[0] for row in rows} for channel, rows in history.log.items()}
        self._events: dict[tuple[str, Position], tuple[str, str]] = {}

    def agree(self, channel: str, here: Position, text: str, who: str) -> None:
        """One id is one event."""
        said, by = self._events.setdefault((channel, here), (text, who))
        if said != text:
            self.verdict.wrong(f"disagreement: {here} is {said} for {by} and {text} for {who}")

    def run(self) -> Verdict:
        for channel, rows in self.history.log.items():
            self._check_log(channel, rows)
        for browser in self.history.browsers:
            followers = {channel: Follower(self, browser, channel) for channel in browser.channels}
            for frame in browser.frames:
                if frame.channel in followers:
                    followers[frame.channel].take(frame)
                elif frame.channel or frame.type not in ("$hello", "$ping", "$slow", "#connected"):
                    self.verdict.wrong(f"{browser.name}: a frame of {frame.channel!r}, type {frame.type}")
            for follower in followers.values():
                follower.end()
        if self.history.log_is_whole:
            for (channel, here), (text, who) in self._events.items():
                if here not in self.log_positions.get(channel, ()):
                    self.verdict.wrong(f"phantom: {text} at {here} for {who}, which the log of {channel} has not")
        return self.verdict

    def _check_log(self, channel: str, rows: list[Row]) -> None:
        for (before, _, _), (here, prev, text) in itertools.pairwise(rows):
            if (prev or (here[0], here[1] - 1)) != before:
                self.verdict.wrong(f"log of {channel}: {here} ({text}) does not follow {before}")
        numbers: dict[str, int] = {}
        for here, _, text in rows:
            self.agree(channel, here, text, "the log")
            label, _, digits = text.partition(" ")
            if int(digits) <= numbers.get(label, 0):
                self.verdict.wrong(f"log of {channel}: {text} at {here} after number {numbers[label]}")
            numbers[label] = int(digits)
        if self.history.log_is_whole:
            present = {text for _, _, text in rows}
            for text in self._acked_texts(channel):
                if text not in present:
                    self.verdict.wrong(f"log of {channel}: {text} was acknowledged and is not there")

    def _acked_texts(self, channel: str) -> Iterator[str]:
        for agent in self.history.agents:
            if channel in agent.channels:
                for number in range(1, agent.count(channel, agent.acked) + 1):
                    yield f"{agent.label} {number}"


def check(history: History) -> Verdict:
    return Check(history).run()
