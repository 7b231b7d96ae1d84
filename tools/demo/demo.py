#!/usr/bin/env python3
"""The demonstration: a private Redis, a broker, a bridge and six sample agents, until Ctrl-C.

Everything lives in a temporary folder (sockets, logs), which goes at the end. Nothing is restarted: when a process
dies, its last words are shown and everything ends. Only Python's standard library is used here.
"""

import argparse
import ctypes
import http.client
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

READY_SECONDS = 20.0
PORTS_TRIED = 50
LAST_LINES = 15
# The end, all in all below 3 s.
AGENTS_END_SECONDS = 1.3
DAEMONS_END_SECONDS = 1.0
REDIS_END_SECONDS = 0.5
PR_SET_PDEATHSIG = 1

# The six kinds of work: name, kind, and who plays it.
AGENTS = [
    ("coder", "sessions", "c++"),
    ("ui-tester", "tests", "c++"),
    ("monitor", "metrics", "c++"),
    ("builder", "tasks", "python"),
    ("herald", "notifications", "python"),
    ("reviewers", "collaboration", "python"),
]

# The architecture record's own example, as today's agents publish it.
SAMPLE = (
    '{"type":"session_status_changed","timestamp":"2024-01-01T12:00:00Z","session_id":"sess_123",'
    '"data":{"status":"testing","progress":45,"message":"Executing UI tests..."}}'
)


class Ending(BaseException):
    """SIGINT or SIGTERM."""


class Failure(Exception):
    """Something that the demonstration cannot go on with; its text says what."""


class Process:
    def __init__(self, name: str, command: list[str], folder: pathlib.Path, env: dict[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **env},
                start_new_session=True,  # Ctrl-C reaches us only, and we end them in order
                preexec_fn=_die_with_parent,
            )

    def check(self) -> None:
        code = self.popen.poll()
        if code is None:
            return
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        said = "\n".join(f"    {line}" for line in lines) or "    (nothing)"
        raise Failure(f"{self.name} ended by itself ({how}). Its last words:\n{said}")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Demo:
    def __init__(self, build: pathlib.Path, folder: pathlib.Path) -> None:
        self._build = build
        self._folder = folder
        self._processes: list[Process] = []
        self._redis = folder / "redis.sock"
        self._broker = ""

    def start(self, port: int, broker_port: int) -> None:
        self._broker = f"127.0.0.1:{broker_port}"
        self._start_redis()
        self._start_daemon("spanwire-broker", self._broker)
        self._start_daemon("spanwire-bridge", f"127.0.0.1:{port}")
        for name, kind, language in AGENTS:
            self._start_agent(name, kind, language)
        self._await("broker", lambda: self._ready("spanwire-broker"))
        self._await("bridge", lambda: self._ready("spanwire-bridge"))

    def _start(self, name: str, command: list[str], env: dict[str, str] | None = None) -> None:
        self._processes.append(Process(name, command, self._folder, env or {}))

    def _start_redis(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            raise Failure("redis-server is not installed: ./dev setup installs what is missing.")
        options = {
            "--port": "0",
            "--unixsocket": str(self._redis),
            "--dir": str(self._folder),
            "--save": "",
            "--appendonly": "no",
        }
        self._start("redis", [program, *(word for pair in options.items() for word in pair)])
        self._await("redis", lambda: _accepts(self._redis))

    def _start_daemon(self, name: str, listen: str) -> None:
        program = self._program(name)
        arguments = ["--listen", listen, "--redis", f"unix://{self._redis}"]
        arguments += ["--admin", f"unix:{self._admin(name)}"]
        self._start(name, [program, *arguments])

    def _start_agent(self, name: str, kind: str, language: str) -> None:
        arguments = [kind, "--target", self._broker, "--name", name]
        if language == "c++":
            self._start(name, [self._program("demo-agent"), *arguments])
            return
        path = f"{self._build / 'python'}:{ROOT / 'clients' / 'python'}"
        env = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        self._start(name, [sys.executable, str(HERE / "agents.py"), *arguments], env)

    def _program(self, name: str) -> str:
        path = self._build / "bin" / name
        if not path.is_file():
            raise Failure(f"{path} is not there: ./dev build makes it.")
        return str(path)

    def _admin(self, name: str) -> pathlib.Path:
        return self._folder / f"{name.rpartition('-')[2]}-admin.sock"

    def _ready(self, name: str) -> bool:
        try:
            connection = _UnixConnection(self._admin(name))
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def _await(self, what: str, done) -> None:
        began = time.monotonic()
        while not done():
            self.check()
            if time.monotonic() - began > READY_SECONDS:
                raise Failure(f"the {what} was not ready within {READY_SECONDS:.0f} s; see its log.")
            time.sleep(0.02)
        print(f"  {what:8} ready after {time.monotonic() - began:.1f} s", flush=True)

    def check(self) -> None:
        for process in self._processes:
            process.check()

    def say_hello(self, port: int) -> None:
        names = ", ".join(f"{name} ({language})" for name, _, language in AGENTS)
        redis = shlex.quote(str(self._redis))
        admin = shlex.quote(str(self._admin("spanwire-bridge")))
        print(f"  agents   {names}")
        print(f"  broker   {self._broker}, for agents of your own: README.md has two")
        print(f"  logs     {self._folder}/*.log")
        print()
        print(f"Open http://127.0.0.1:{port}/ and watch them work. Ctrl-C ends everything.")
        print()
        print("To try in another terminal:")
        print(f"  redis-cli -s {redis} SUBSCRIBE webgui:global")
        print(f"  redis-cli -s {redis} PUBLISH webgui:global \\")
        print(f"    {shlex.quote(SAMPLE)}")
        print(f"  curl --unix-socket {admin} http://localhost/readyz")
        print(flush=True)

    def watch(self) -> None:
        while True:
            self.check()
            time.sleep(0.2)

    def end(self) -> None:
        """Agents first, so that they can have their last events acknowledged; then daemons; Redis last."""
        daemons = ("spanwire-broker", "spanwire-bridge")
        fixed = ("redis", *daemons)
        self._end([p for p in self._processes if p.name not in fixed], AGENTS_END_SECONDS)
        self._end([p for p in self._processes if p.name in daemons], DAEMONS_END_SECONDS, twice=True)
        self._end([p for p in self._processes if p.name == "redis"], REDIS_END_SECONDS)

    @staticmethod
    def _end(processes: list[Process], seconds: float, twice: bool = False) -> None:
        """SIGTERM, for daemons a second one (now, without draining), and after `seconds` SIGKILL."""
        deadline = time.monotonic() + seconds
        for process in processes:
            process.popen.terminate()
        while time.monotonic() < deadline:
            if all(process.popen.poll() is not None for process in processes):
                return
            if twice and time.monotonic() > deadline - seconds * 0.6:
                twice = False
                for process in processes:
                    process.popen.terminate()
            time.sleep(0.02)
        for process in processes:
            process.popen.kill()
            process.popen.wait()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: pathlib.Path) -> None:
        super().__init__("localhost", timeout=1)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _accepts(path: pathlib.Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
            return True
        except OSError:
            return False


def free_port(wanted: int) -> int:
    for port in range(wanted, min(wanted + PORTS_TRIED, 65_536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port != wanted:
            print(f"Port {wanted} is busy: taking {port}.", flush=True)
        return port
    raise Failure(f"no port from {wanted} on is free on 127.0.0.1.")


def _on_signal(number: int, _frame: object) -> None:
    raise Ending(signal.Signals(number).name)


def run(arguments: argparse.Namespace, folder: pathlib.Path) -> int:
    demo = Demo(arguments.build.resolve(), folder)
    code = 0
    try:
        print(f"Spanwire: the demonstration starts, in {folder}", flush=True)
        port = free_port(arguments.port)
        demo.start(port, free_port(arguments.broker_port))
        demo.say_hello(port)
        if not arguments.no_browser and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            webbrowser.open(f"http://127.0.0.1:{port}/")
        demo.watch()
    except Ending as ending:
        print(f"\n{ending}: ending everything.", flush=True)
    except Failure as failure:
        print(f"\nThe demonstration cannot go on: {failure}", file=sys.stderr, flush=True)
        code = 1
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    demo.end()
    return code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--port", type=int, default=7480, help="of the page; the next free one if it is busy")
    parser.add_argument("--broker-port", type=int, default=7400, help="where agents connect; likewise")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page by itself")
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _on_signal)
    # In /tmp whatever TMPDIR says: the path of a unix socket may have 107 bytes.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="spanwire-demo-", dir="/tmp"))
    try:
        return run(arguments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Ending:
        sys.exit(0)
