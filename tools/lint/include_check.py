#!/usr/bin/env python3
"""Holds the include directions of docs/architecture.md: which folder may include which, and where a library's headers
may stand.

    include_check.py [ROOT]     prints one line a violation; exit 1 if there is one
"""

import re
import sys
from pathlib import Path

# Each folder and the project's folders that it may include, besides itself. The longest prefix of a file's path counts.
ALLOWED = {
    "core/base": ["spanwire/v1"],
    "core/redis": ["core/base", "spanwire/v1"],
    "core/channel": ["core/base", "core/redis", "spanwire/v1"],
    "broker": ["core", "spanwire/v1"],
    "bridge": ["core", "spanwire/v1"],
    "clients": ["spanwire/v1"],
    "tools": ["clients", "spanwire/v1"],
    "tests": ["core", "broker", "bridge", "clients", "spanwire/v1"],
}

# Libraries whose headers stand in few files: the include's beginning, and the files that may have it.
LIBRARIES = {
    r"hiredis": ["core/redis/resp.cc"],
    r"websocketpp/": ["bridge/http.cc", "bridge/websocket.cc"],
    r"grpc(pp|\+\+)?/": [
        "bridge/upstream.cc",
        "broker/",
        "clients/cpp/",
        "tools/",
        "tests/unit/broker/",
        "tests/unit/clients/",
        "tests/integration/broker_",
        "tests/integration/client_",
    ],
    r"spdlog/": ["core/base/log.cc"],
    r"yaml-cpp/": ["core/base/"],
    r"prometheus/": ["core/base/metrics.cc"],
    r"openssl/": ["bridge/websocket_handshake.cc", "bridge/websocket.cc"],
    r"asio(/|\.hpp)": ["core/base/", "core/redis/", "bridge/", "tests/", "tools/load/"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ROOTS = ("core/", "broker/", "bridge/", "clients/", "tools/", "tests/", "spanwire/v1/")


def area_of(path: str) -> str | None:
    """The entry of ALLOWED that `path` belongs to."""
    fitting = [area for area in ALLOWED if path == area or path.startswith(area + "/")]
    return max(fitting, key=len, default=None)


def check_include(path: str, included: str) -> str | None:
    """Why `path` may not include `included`; None: it may."""
    for library, places in LIBRARIES.items():
        if re.match(library, included) and not path.startswith(tuple(places)):
            return f"includes <{included}>, which only {', '.join(places)} may"
    if not included.startswith(ROOTS):
        return None
    area = area_of(path)
    if area is None:
        return None
    for allowed in [area, *ALLOWED[area]]:
        if included.startswith(allowed + "/"):
            return None
    return f"includes {included}, but {area} may only include {', '.join([area, *ALLOWED[area]])}"


def check_file(path: str, text: str) -> list[str]:
    """The violations of one file, one line each."""
    problems = []
    if path.endswith(".h"):
        if "#pragma once" not in text:
            problems.append(f"{path}: has no #pragma once")
        if not text.startswith("//"):
            problems.append(f"{path}: does not begin with a comment that says what it is")
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            problem = check_include(path, include[2])
            if problem:
                problems.append(f"{path}:{number}: {problem}")
    return problems


def check_tree(root: Path) -> list[str]:
    """The violations of all C++ files below `root`."""
    problems = []
    for top in ("core", "broker", "bridge", "clients", "tools", "tests"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix in (".h", ".cc"):
                problems += check_file(file.relative_to(root).as_posix(), file.read_text())
    return problems


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2]
    problems = check_tree(root)
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
