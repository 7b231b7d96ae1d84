#!/usr/bin/env python3
"""Shows that the simulator sees: breaks one rule at a time in a copy of the code and expects a seed to fail.

    mutants.py BUILD_FOLDER [--seeds N] [NAME…]     all mutants, or some; exit 1 if one survives

A mutant is a replacement in one file. The files that it concerns are compiled anew, in front of the project's own
folder, and linked in front of its libraries; the sources stay as they are.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Mutant:
    name: str
    file: str
    old: str
    new: str
    users: tuple[str, ...] = ()  # what includes it, for a header


FEED = ("bridge/feed.cc", "bridge/feeds.cc", "bridge/subscription.cc", "bridge/hub.cc", "bridge/session.cc",
        "bridge/page_server.cc", "tests/sim/browser.cc", "tests/sim/world.cc")
APPENDER = "core/channel/appender.cc"
MEMORY = "core/channel/append_memory.cc"
READER = "core/channel/log_reader.cc"
FOLLOWER = "core/channel/follower.h"
MODEL = "tests/sim/redis_model.cc"

MUTANTS = [
    Mutant("an epoch is not begun on a new connection", APPENDER,
           'const char* mode = !channel.opened ', 'const char* mode = false '),
    Mutant("epochs have no salt", APPENDER,
           'std::uniform_int_distribution<uint32_t>(1, limits::kEpochSalt)(random_)', '1'),
    Mutant("prev is ignored", "core/channel/history.cc",
           "return position.seq == 1 && prev == last;", "return position.seq == 1 && prev.has_value();"),
    Mutant("what waited for a Read is delivered though the Read saw it gone", FOLLOWER,
           "for (size_t i = mark_; i < queue.size(); ++i)", "for (size_t i = 0; i < queue.size(); ++i)", FEED),
    Mutant("acknowledged before all channels have it", "broker/publish_stream.cc",
           "if (--sent.outstanding == 0", "if ((sent.outstanding = 0) == 0"),
    Mutant("a failed call lets what is behind it pass", APPENDER,
           "for (const std::string& id : producers) listener_->OnProducerFailed(id, why);", ""),
    Mutant("streams outlive the Redis connection", "broker/streams.cc",
           'EndAll(absl::UnavailableError(absl::StrCat("redis is lost: ", why.message())));', ""),
    Mutant("what is appended again does not say so", MEMORY,
           "if (IsCopy(*entry.event)) return entry.event;", "if (true) return entry.event;"),
    Mutant("what is appended again may stand behind what is missing", MEMORY,
           "(entry.before > reached.sequence && !anew)", "false"),
    Mutant("no fence", MODEL, "reached = -Number(parts.first);", "reached = 0;"),
    Mutant("no duplicates are known", MODEL, "reached = Number(parts.second);", "reached = 0;"),
    Mutant("nothing is verified", "bridge/feeds.cc", "order_.front()->feed.Verify();", ";"),
    Mutant("a slow browser is not refilled", "bridge/subscription.cc",
           "if (!std::exchange(behind_, false)) return;", "return;"),
    Mutant("a feed's gap is not passed on", "bridge/subscription.cc", "follower_.OfferGap(gap);", ";"),
    Mutant("a watched channel gets no tail", READER,
           '"SET", key, fresh.ToString(), "NX", "GET", "PX", ttl', '"GET", key'),
]


def build(mutant: Mutant, folder: pathlib.Path, build_folder: pathlib.Path, commands: dict[str, dict[str, str]],
          link: list[str]) -> pathlib.Path:
    text = (ROOT / mutant.file).read_text()
    if text.count(mutant.old) == 0:
        raise SystemExit(f"the mutant «{mutant.name}» no longer fits {mutant.file}: find its rule's new place")
    copy = folder / mutant.file
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(text.replace(mutant.old, mutant.new))
    objects = []
    for source in mutant.users or (mutant.file,):
        entry = commands[source]
        words = shlex.split(entry["command"])
        output = folder / (source.replace("/", "_") + ".o")
        path = copy if source == mutant.file else ROOT / source
        words[words.index("-o") + 1] = str(output)
        words[words.index("-c") + 1] = str(path)
        compiler = next(i for i, word in enumerate(words) if word.endswith(("c++", "g++", "clang++")))
        words[compiler + 1:compiler + 1] = ["-I", str(folder), "-w", "-O1"]
        subprocess.run(words, cwd=entry["directory"], check=True)
        objects.append(str(output))
    binary = folder / "spanwire-sim"
    words = list(link)
    words[words.index("-o") + 1] = str(binary)
    first = next(i for i, word in enumerate(words) if word.endswith(".o"))
    subprocess.run(words[:first] + objects + words[first:], cwd=build_folder, check=True)
    return binary


def link_command(build_folder: pathlib.Path) -> list[str]:
    lines = subprocess.run(["ninja", "-t", "commands", "spanwire-sim"], cwd=build_folder, check=True, text=True,
                           capture_output=True).stdout.splitlines()
    return [word for word in shlex.split(lines[-1]) if word not in (":", "&&")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    build_folder = arguments.build.resolve()
    entries = json.loads((build_folder / "compile_commands.json").read_text())
    commands = {str(pathlib.Path(entry["file"]).relative_to(ROOT)): entry for entry in entries
                if pathlib.Path(entry["file"]).is_relative_to(ROOT)}
    link = link_command(build_folder)
    chosen = [mutant for mutant in MUTANTS if not arguments.names or any(n in mutant.name for n in arguments.names)]

    def run(mutant: Mutant) -> bool:
        with tempfile.TemporaryDirectory(prefix="spanwire-mutant-") as folder:
            binary = build(mutant, pathlib.Path(folder), build_folder, commands, link)
            result = subprocess.run([binary, "--count", str(arguments.seeds), "--most-failures", "1", "--jobs", "1"],
                                    text=True, capture_output=True)
        seen = result.returncode != 0
        first = next((line for line in result.stderr.splitlines() if ": " in line), "a run that does not end")
        print(f"{'seen    ' if seen else 'SURVIVED'}  {mutant.name}" + (f"\n          {first[:160]}" if seen else ""),
              flush=True)
        return seen

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, chosen))
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
