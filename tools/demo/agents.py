"""agents.py tasks|notifications|collaboration --target ADDRESS --name NAME: a sample agent, until SIGTERM or SIGINT.

Three of the six kinds of work; sessions, test results and metrics are played by the C++ demo-agent (acts.cc).
"""

import argparse
import math
import random
import signal
import sys
import threading
from typing import Any

import spanwire

FINISH_SECONDS = 1.0


class Agent:
    """A publisher, and pauses that end when the agent shall."""

    def __init__(self, target: str, name: str) -> None:
        self._ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._ending.set())
        self._publisher = spanwire.Publisher(
            target,
            agent=name,
            on_nack=lambda nack: log("refused:", nack.message),
            on_state=self._on_state,
        )

    @staticmethod
    def _on_state(state: spanwire.State, code: int, message: str) -> None:
        if state is spanwire.State.OPEN:
            log("connected")
        elif state is spanwire.State.CONNECTING:
            log("not connected:", message)

    @property
    def ending(self) -> bool:
        return self._ending.is_set()

    def say(self, **fields: Any) -> None:
        """Publishes; what cannot be published is told, and life goes on."""
        try:
            self._publisher.publish(**fields)
        except (spanwire.QueueFull, spanwire.Stopped, ValueError) as error:
            log("not published:", error)

    def pause(self, least: float, most: float) -> bool:
        """False: the agent was asked to end."""
        return not self._ending.wait(random.uniform(least, most))

    def finish(self) -> None:
        self._publisher.close(FINISH_SECONDS)


def log(*words: object) -> None:
    print(*words, file=sys.stderr, flush=True)


def new_id(prefix: str) -> str:
    return f"{prefix}_{random.getrandbits(32):08x}"


# Tasks: a build pipeline, one run after the other.

STEPS = ["Fetch sources", "Resolve dependencies", "Compile", "Run linters", "Package", "Upload"]
DETAILS = ["reading the cache", "12 workers", "nothing to do for 3 targets", "hashing", "verifying checksums"]


def play_tasks(agent: Agent) -> None:
    while not agent.ending:
        session = new_id("build")
        if not play_build(agent, session):
            status(agent, session, "cancelled", 100, "The pipeline was stopped")
        agent.pause(2, 4)


def play_build(agent: Agent, session: str) -> bool:
    for number, step in enumerate(STEPS):
        status(agent, session, "building", 100 * number // len(STEPS), step)
        if not play_step(agent, session, step):
            return False
    status(agent, session, "completed", 100, "The build is green")
    return True


def play_step(agent: Agent, session: str, step: str) -> bool:
    task = new_id("task")
    agent.say(session_id=session, task_started=dict(task_id=task, name=step))
    progress = 0.0
    steps = random.randint(4, 8)
    for done in range(1, steps + 1):
        if not agent.pause(0.3, 0.7):
            return False
        if done == 3 and random.random() < 0.08:
            failure = dict(task_id=task, error="connection reset", code="network", will_retry=True)
            agent.say(session_id=session, task_failed=failure)
            return agent.pause(1, 2) and play_step(agent, session, step)
        progress = 100 * done / steps
        agent.say(
            session_id=session,
            task_progress=dict(
                task_id=task,
                progress=round(progress),
                message=f"{step}: {random.choice(DETAILS)}",
                steps_done=done,
                steps_total=steps,
            ),
        )
    agent.say(session_id=session, task_completed=dict(task_id=task, duration_ms=steps * 500))
    return True


def status(agent: Agent, session: str, word: str, progress: int, message: str) -> None:
    changed = dict(status=word, progress=progress, message=message)
    agent.say(session_id=session, session_status_changed=changed)


# Notifications: what a person should notice, for everybody.

NOTICES = [
    ("INFO", "Maintenance tonight", "The staging cluster restarts at 22:00 UTC."),
    ("SUCCESS", "Release 4.2 is out", "All 312 checks passed."),
    ("WARNING", "Disk 83 % full", "node-7 has 41 GiB left; the oldest artifacts go next."),
    ("INFO", "Two agents joined", "The pool has 14 agents now."),
    ("ERROR", "Deployment rolled back", "Error rate over 2 % for five minutes; 4.1 serves again."),
    ("SUCCESS", "Backup verified", "Restored 61 GiB in 4 min and compared it."),
    ("WARNING", "Certificate expires soon", "registry.example.org: 9 days left."),
]


def play_notifications(agent: Agent) -> None:
    number = random.randrange(len(NOTICES))
    while not agent.ending:
        severity, title, body = NOTICES[number % len(NOTICES)]
        number += 1
        agent.say(
            channels=["webgui:global"],
            notification=dict(title=title, body=body, severity=f"SEVERITY_{severity}"),
        )
        agent.pause(4, 8)


# Collaboration: people reviewing a change together.

PEOPLE = ["maria", "jonas", "aiko"]
FILES = ["src/checkout.ts", "src/cart.ts", "docs/README.md"]
REMARKS = [
    "Could this be a constant?",
    "Nice, much easier to read.",
    "What happens when the list is empty?",
    "This needs a test for the second branch.",
    "I would name it after what it returns.",
    "Agreed. Merging once the tests are green.",
]


def play_collaboration(agent: Agent) -> None:
    while not agent.ending:
        session = new_id("review")
        status(agent, session, "reviewing", 0, "Reviewing the change together")
        talk = play_review(agent, session)
        word, message = ("completed", "Approved") if talk else ("cancelled", "The review was stopped")
        status(agent, session, word, 100, message)
        agent.pause(2, 4)


def play_review(agent: Agent, session: str) -> bool:
    previous = ""
    remarks = random.sample(REMARKS, k=len(REMARKS))
    for number, remark in enumerate(remarks):
        author = random.choice(PEOPLE)
        target = random.choice(FILES)
        if not wander(agent, session, author, target):
            return False
        agent.say(session_id=session, typing=dict(user=author, active=True, target=target))
        if not agent.pause(1.0, 2.0):
            return False
        agent.say(session_id=session, typing=dict(user=author, active=False, target=target))
        comment = dict(comment_id=new_id("comment"), author=author, text=remark, target=target)
        if previous and random.random() < 0.4:
            comment["in_reply_to"] = previous
        agent.say(session_id=session, comment=comment)
        previous = comment["comment_id"]
        status(agent, session, "reviewing", 100 * (number + 1) // len(remarks), f"{author} on {target}")
    return True


def wander(agent: Agent, session: str, user: str, target: str) -> bool:
    """A cursor on its way through a file."""
    turn = random.uniform(0, math.tau)
    for step in range(random.randint(6, 12)):
        x = round(400 + 300 * math.cos(turn + step / 4))
        y = round(300 + 200 * math.sin(turn + step / 3))
        agent.say(session_id=session, cursor_moved=dict(user=user, x=x, y=y, target=target))
        if not agent.pause(0.2, 0.4):
            return False
    return True


ACTS = {
    "tasks": play_tasks,
    "notifications": play_notifications,
    "collaboration": play_collaboration,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(ACTS))
    parser.add_argument("--target", required=True)
    parser.add_argument("--name", required=True)
    arguments = parser.parse_args()
    agent = Agent(arguments.target, arguments.name)
    ACTS[arguments.kind](agent)
    try:
        agent.finish()
    except (TimeoutError, spanwire.Stopped) as error:
        log("at the end:", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
