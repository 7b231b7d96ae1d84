"""A system under test: private Redis, brokers and bridges, in a folder of its own."""

import contextlib
import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

from resp import Redis, RedisError

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SPANWIRE_BIN", ROOT / "build" / "release" / "bin")).resolve()
sys.path[:0] = [str(BIN.parent / "python"), str(ROOT / "clients" / "python")]

FULL = os.environ.get("SPANWIRE_FULL") == "1"  # the sizes of the project's promises instead of those for every day
T = TypeVar("T")
Env = Mapping[str, str] | None
WAIT_SECONDS = 30.0  # for anything that happens in milliseconds on an idle machine


def wait_until(condition: Callable[[], T], what: str, seconds: float = WAIT_SECONDS) -> T:
    """Waits for a condition to hold and returns what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A child with its output in a file. Killed with its group at the end of the test."""

    def __init__(self, name: str, command: Sequence[object], folder: pathlib.Path, env: Env = None) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = [str(word) for word in command]
        self._folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPANWIRE_")}
        self._env = {**inherited, **(env or {})}
        self._popen: subprocess.Popen[bytes]

    def start(self) -> Self:
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._command, cwd=self._folder, env=self._env, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        return self

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._popen.poll()

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self, seconds: float = WAIT_SECONDS) -> int:
        return self._popen.wait(seconds)

    def signal(self, number: int) -> None:
        self._popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()

    def resident_bytes(self, what: str = "VmRSS") -> int:
        """VmRSS: now; VmHWM: at most since its start or forget_peak()."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{what}:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"no {what}")

    def forget_peak(self) -> None:
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")


class Daemon(Process):
    """A broker or a bridge, with its admin listener on a unix socket."""

    def __init__(self, name: str, program: str, listen: str, redis_url: str, folder: pathlib.Path,
                 env: Env = None) -> None:
        self._admin = folder / f"{name}-admin.sock"
        assert (BIN / program).is_file(), f"{BIN / program} is not built"
        command = [BIN / program, "--listen", listen, "--redis", redis_url,
                   "--admin", f"unix:{self._admin}"]
        super().__init__(name, command, folder, env)

    def get(self, path: str) -> tuple[int, str]:
        """The admin listener's answer: (status, body); (0, "") while there is none."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(5)
        try:
            connection.sock.connect(str(self._admin))
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()

    def ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def wait_ready(self) -> Self:
        def condition() -> bool:
            assert self.code is None, f"{self.name} has ended:\n{self.text()[-2000:]}"
            return self.ready()
        wait_until(condition, f"{self.name} ready")
        return self

    def metric(self, name: str) -> float:
        """The sum of a metric's samples, 0 when there are none."""
        lines = self.get("/metrics")[1].splitlines()
        samples = [line for line in lines if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in samples)


class Stack:
    def __init__(self) -> None:
        # In /tmp whatever TMPDIR says: the path of a unix socket may have 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spanwire-e2e-", dir="/tmp"))
        self.redis_socket = self.folder / "redis.sock"
        self.redis_url = f"unix://{self.redis_socket}"
        self.broker_target = f"unix:{self.folder / 'broker.sock'}"
        self.bridge_address = f"127.0.0.1:{free_port()}"
        self.processes: list[Process] = []
        self.redis_process: Process
        self.broker: Daemon
        self.bridge: Daemon
        self._redis: Redis | None = None
        self._publishers: list[Any] = []

    # Redis.

    def start_redis(self, *options: str) -> None:
        command = ["redis-server", "--port", "0", "--unixsocket", self.redis_socket, "--dir", self.folder,
                   "--save", "", "--appendonly", "no", *options]
        self.redis_process = self.run("redis", command)
        wait_until(self._redis_answers, "Redis answers")

    def _redis_answers(self) -> bool:
        try:
            client = Redis(self.redis_socket)
            client("PING")
            client.close()
            return True
        except (OSError, RedisError):  # not there yet, or loading its data
            return False

    def kill_redis(self) -> None:
        self._forget_redis()
        self.redis_process.kill()

    def _forget_redis(self) -> None:
        if self._redis is not None:
            self._redis.close()
            self._redis = None

    def redis(self, *words: object) -> Any:
        """A command's reply, on a connection of the test's own."""
        if self._redis is None:
            self._redis = Redis(self.redis_socket)
        return self._redis(*words)

    # Daemons.

    def start_broker(self, env: Env = None, wait: bool = True) -> Daemon:
        self.broker = self.add_daemon("broker", "spanwire-broker", self.broker_target, env)
        return self.broker.wait_ready() if wait else self.broker

    def start_bridge(self, env: Env = None, wait: bool = True) -> Daemon:
        self.bridge = self.add_daemon("bridge", "spanwire-bridge", self.bridge_address, env)
        return self.bridge.wait_ready() if wait else self.bridge

    def start_all(self) -> None:
        """Redis, a broker and a bridge, ready."""
        self.start_redis()
        self.start_broker(wait=False)
        self.start_bridge(wait=False)
        self.broker.wait_ready()
        self.bridge.wait_ready()

    def add_daemon(self, name: str, program: str, listen: str, env: Env = None,
                   redis_url: str | None = None) -> Daemon:
        """Starts one more, or the same one again."""
        daemon = Daemon(name, program, listen, redis_url or self.redis_url, self.folder, env)
        self.processes.append(daemon.start())
        return daemon

    def run(self, name: str, command: Sequence[object], env: Env = None) -> Process:
        process = Process(name, command, self.folder, env).start()
        self.processes.append(process)
        return process

    @property
    def bridge_url(self) -> str:
        return f"http://{self.bridge_address}"

    # Agents.

    def publisher(self, agent: str = "e2e", **options: Any) -> Any:
        """A Publisher of the Python client, closed at the end of the test."""
        import spanwire  # generated code, present once the project is built

        publisher = spanwire.Publisher(self.broker_target, agent=agent, **options)
        self._publishers.append(publisher)
        return publisher

    def flush(self, seconds: float = WAIT_SECONDS) -> None:
        """Waits until everything that publishers of this stack have published is acknowledged."""
        for publisher in self._publishers:
            publisher.flush(seconds)

    def close(self) -> None:
        import spanwire

        for publisher in self._publishers:
            with contextlib.suppress(TimeoutError, spanwire.Stopped):
                publisher.close(0)
        self._forget_redis()
        for process in reversed(self.processes):
            process.kill()

    def logs(self, lines: int = 40) -> str:
        """The last lines of everything that ran."""
        parts = []
        for log in sorted(self.folder.glob("*.log")):
            tail = log.read_text(errors="replace").splitlines()[-lines:]
            parts.append(f"--- {log.name}\n" + "\n".join(line[:400] for line in tail))
        return "\n".join(parts)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def stop_gently(process: Process, seconds: float = WAIT_SECONDS) -> int:
    process.signal(signal.SIGTERM)
    return process.wait(seconds)
