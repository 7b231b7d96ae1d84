"""A system under test: private Redis, brokers and bridges, in a folder of its own."""

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

from resp import Redis, RedisError

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SPANWIRE_BIN", ROOT / "build" / "release" / "bin")).resolve()
sys.path[:0] = [str(BIN.parent / "python"), str(ROOT / "clients" / "python")]

FULL = os.environ.get("SPANWIRE_FULL") == "1"  # the sizes of the project's promises instead of those for every day
WAIT_SECONDS = 30.0  # for anything that happens in milliseconds on an idle machine


def wait_until(condition, what, seconds=WAIT_SECONDS):
    """Waits for a condition to hold and returns what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A child with its output in a file. Killed with its group at the end of the test."""

    def __init__(self, name, command, folder, env=None):
        self.name = name
        self.log = folder / f"{name}.log"
        self._command = [str(word) for word in command]
        self._folder = folder
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPANWIRE_")}
        self._env = {**inherited, **(env or {})}
        self._popen = None

    def start(self):
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._command, cwd=self._folder, env=self._env, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True)
        return self

    @property
    def pid(self):
        return self._popen.pid

    @property
    def code(self):
        """Its exit code, None while it runs."""
        return self._popen.poll()

    def text(self):
        return self.log.read_text(errors="replace")

    def wait(self, seconds=WAIT_SECONDS):
        return self._popen.wait(seconds)

    def signal(self, number):
        self._popen.send_signal(number)

    def kill(self):
        """SIGKILL; returns when it is gone."""
        if self._popen is not None and self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()

    def resident_bytes(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")


class Daemon(Process):
    """A broker or a bridge, with its admin listener on a unix socket."""

    def __init__(self, name, program, listen, redis_url, folder, env=None):
        self._admin = folder / f"{name}-admin.sock"
        assert (BIN / program).is_file(), f"{BIN / program} is not built"
        command = [BIN / program, "--listen", listen, "--redis", redis_url,
                   "--admin", f"unix:{self._admin}"]
        super().__init__(name, command, folder, env)

    def get(self, path):
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

    def ready(self):
        return self.get("/readyz")[0] == 200

    def wait_ready(self):
        def condition():
            assert self.code is None, f"{self.name} has ended:\n{self.text()[-2000:]}"
            return self.ready()
        wait_until(condition, f"{self.name} ready")
        return self

    def metric(self, name):
        """The sum of a metric's samples, 0 when there are none."""
        lines = self.get("/metrics")[1].splitlines()
        samples = [line for line in lines if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in samples)


class Stack:
    def __init__(self):
        # In /tmp whatever TMPDIR says: the path of a unix socket may have 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spanwire-e2e-", dir="/tmp"))
        self.redis_socket = self.folder / "redis.sock"
        self.redis_url = f"unix://{self.redis_socket}"
        self.broker_target = f"unix:{self.folder / 'broker.sock'}"
        self.bridge_address = f"127.0.0.1:{free_port()}"
        self.processes = []
        self.redis_process = None
        self.broker = None
        self.bridge = None
        self._redis = None
        self._publishers = []

    # Redis.

    def start_redis(self, *options):
        command = ["redis-server", "--port", "0", "--unixsocket", self.redis_socket, "--dir", self.folder,
                   "--save", "", "--appendonly", "no", *options]
        self.redis_process = self.run("redis", command)
        wait_until(self._redis_answers, "Redis answers")

    def _redis_answers(self):
        try:
            client = Redis(self.redis_socket)
            client("PING")
            client.close()
            return True
        except (OSError, RedisError):  # not there yet, or loading its data
            return False

    def kill_redis(self):
        self._forget_redis()
        self.redis_process.kill()

    def _forget_redis(self):
        if self._redis is not None:
            self._redis.close()
            self._redis = None

    def redis(self, *words):
        """A command's reply, on a connection of the test's own."""
        if self._redis is None:
            self._redis = Redis(self.redis_socket)
        return self._redis(*words)

    # Daemons.

    def start_broker(self, env=None, wait=True):
        self.broker = self.add_daemon("broker", "spanwire-broker", self.broker_target, env)
        return self.broker.wait_ready() if wait else self.broker

    def start_bridge(self, env=None, wait=True):
        self.bridge = self.add_daemon("bridge", "spanwire-bridge", self.bridge_address, env)
        return self.bridge.wait_ready() if wait else self.bridge

    def kill_bridge(self):
        self.bridge.kill()

    def add_daemon(self, name, program, listen, env=None, redis_url=None):
        """Starts one more, or the same one again."""
        daemon = Daemon(name, program, listen, redis_url or self.redis_url, self.folder, env)
        self.processes.append(daemon.start())
        return daemon

    def run(self, name, command, env=None):
        process = Process(name, command, self.folder, env).start()
        self.processes.append(process)
        return process

    @property
    def bridge_url(self):
        return f"http://{self.bridge_address}"

    # Agents.

    def publisher(self, agent="e2e", **options):
        """A Publisher of the Python client, closed at the end of the test."""
        import spanwire  # generated code, present once the project is built

        publisher = spanwire.Publisher(self.broker_target, agent=agent, **options)
        self._publishers.append(publisher)
        return publisher

    def flush(self, seconds=WAIT_SECONDS):
        """Waits until everything that publishers of this stack have published is acknowledged."""
        for publisher in self._publishers:
            publisher.flush(seconds)

    def close(self):
        import spanwire

        for publisher in self._publishers:
            try:
                publisher.close(0)
            except (TimeoutError, spanwire.Stopped):
                pass
        self._forget_redis()
        for process in reversed(self.processes):
            process.kill()

    def logs(self, lines=40):
        """The last lines of everything that ran."""
        parts = []
        for log in sorted(self.folder.glob("*.log")):
            tail = log.read_text(errors="replace").splitlines()[-lines:]
            parts.append(f"--- {log.name}\n" + "\n".join(line[:400] for line in tail))
        return "\n".join(parts)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def stop_gently(process, seconds=WAIT_SECONDS):
    process.signal(signal.SIGTERM)
    return process.wait(seconds)
