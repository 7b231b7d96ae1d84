"""An asyncio loop in a thread of its own, for what goes on beside a test: proxies and browsers."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 30) -> T:
        """Runs it there and waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def call(self, function: Callable[[], T]) -> T:
        """Likewise, for what needs no awaiting."""
        async def work() -> T:
            return function()
        return self.run(work())

    def close(self) -> None:
        async def cancel_all() -> None:
            tasks: list[Awaitable[Any]] = []
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()
                    tasks.append(task)
            await asyncio.gather(*tasks, return_exceptions=True)
        self.run(cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()
