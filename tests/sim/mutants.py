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
    also: tuple[tuple[str, str, str], ...] = ()  # further replacements: file, old, new


FOLLOWER_USERS = ("bridge/feed.cc", "bridge/feeds.cc", "bridge/subscription.cc", "bridge/hub.cc", "bridge/session.cc",
                  "bridge/page_server.cc", "tests/sim/browser.cc", "tests/sim/world.cc")
APPENDER = "core/channel/appender.cc"
BARRIER = "core/channel/replica_barrier.cc"
FEED = "bridge/feed.cc"
FEEDS = "bridge/feeds.cc"
MEMORY = "core/channel/append_memory.cc"
FOLLOWER = "core/channel/follower.h"
HISTORY = "core/channel/history.cc"
MODEL = "tests/sim/redis_model.cc"
PROBE = "core/redis/probe.cc"
READER = "core/channel/log_reader.cc"
STREAMS = "broker/streams.cc"
SUBSCRIPTION = "bridge/subscription.cc"

MUTANTS = [
    # Writing.
    Mutant("no open: an epoch is not begun on a new connection", APPENDER,
           'const char* mode = !channel.opened ', 'const char* mode = false '),
    Mutant("no salt", APPENDER, 'std::uniform_int_distribution<uint32_t>(1, limits::kEpochSalt)(random_)', '1'),
    Mutant("ack before all channels", "broker/publish_stream.cc",
           "if (--sent.outstanding == 0", "if ((sent.outstanding = 0) == 0"),
    Mutant("overtaking after a failure", APPENDER,
           "for (const std::string& id : producers) listener_->OnProducerFailed(id, why);", ""),
    Mutant("unknown outcomes retried", APPENDER, "if (absl::IsUnavailable(reply.status())) return;",
           "if (absl::IsUnavailable(reply.status())) {"
           " channel.retry = executor_->After(kRetryLast, [this, &channel] { Send(channel); }); return; }",
           also=((STREAMS, "appender_.Clear();\n  EndAll(absl::UnavailableError", "(void)(absl::UnavailableError"),)),
    Mutant("READONLY is not a lost connection", APPENDER, 'if (code == "READONLY") {', "if (false) {"),
    Mutant("streams outlive the Redis connection", STREAMS,
           'EndAll(absl::UnavailableError(absl::StrCat("redis is lost: ", why.message())));', ""),
    Mutant("what is appended again does not say so", MEMORY,
           "if (IsCopy(*entry.event)) return entry.event;", "if (true) return entry.event;"),
    Mutant("what is appended again may stand behind what is missing", MEMORY,
           "entry.before > reached.sequence", "false"),
    Mutant("no fence", MODEL, "reached = -Number(parts.first);", "reached = 0;"),
    Mutant("no duplicates are known", MODEL, "reached = Number(parts.second);", "reached = 0;"),
    Mutant("replicated is acknowledged as redis is", APPENDER, "if (item.producer->replicated) {", "if (false) {"),
    Mutant("WAIT without a write of its own connection", BARRIER, '{"GETEX", key_, "PX", ttl}', '{"GET", key_}'),
    # Reading.
    Mutant("prev ignored", HISTORY,
           "return position.seq == 1 && prev == last;", "return position.seq == 1 && prev.has_value();"),
    Mutant("tail read after XRANGE", READER, "SendTail(request);\n      return SendRange(request);",
           "SendRange(request);\n      return SendTail(request);",
           also=((READER, "if (request->ask.kind == Ask::Kind::kTail) Finish",
                  "if (request->ask.kind != Ask::Kind::kRange) Finish"),
                 (READER, "request->page.full = ", "if (request->ask.kind == Ask::Kind::kTailAndRange) return;"
                  " request->page.full = "))),
    Mutant("no stale drop", FOLLOWER,
           "for (size_t i = mark_; i < queue.size(); ++i)", "for (size_t i = 0; i < queue.size(); ++i)",
           FOLLOWER_USERS),
    Mutant("what comes during a Read is dropped", FOLLOWER,
           "if (queue_.size() < queue_limit_) {\n        queue_.push_back(std::move(entry));", "if (true) {",
           FOLLOWER_USERS),
    Mutant("no verify", FEEDS, "order_.front()->feed.Verify();", ";"),
    Mutant("pub/sub's return is not verified", FEED, "return follower_.Verify();", "return;"),
    Mutant("the probe's key is not watched", PROBE, "if (!gone && !went_back) return;", "return;"),
    Mutant("a slow browser is not refilled", SUBSCRIPTION, "if (!std::exchange(behind_, false)) return ShowHeld();",
           "return;"),
    Mutant("a feed's gap is not passed on", SUBSCRIPTION, "follower_.OfferGap(gap);", ";"),
    Mutant("a watched channel gets no tail", READER,
           '"SET", key, fresh.ToString(), "NX", "GET", "PX", ttl', '"GET", key'),
    # Reasons.
    Mutant("a rollback is told as trimmed", HISTORY, "return GapReason::kRollback;", "return GapReason::kTrimmed;"),
    Mutant("a loss is told as rollback", HISTORY, "return GapReason::kLost;", "return GapReason::kRollback;"),
    Mutant("slow is told of those who are not", SUBSCRIPTION,
           "if (slow_ && gap.reason", "if (gap.reason"),
]


def build(mutant: Mutant, folder: pathlib.Path, build_folder: pathlib.Path, commands: dict[str, dict[str, str]],
          link: list[str]) -> pathlib.Path:
    texts: dict[str, str] = {}
    for file, old, new in ((mutant.file, mutant.old, mutant.new), *mutant.also):
        text = texts.get(file) or (ROOT / file).read_text()
        if text.count(old) == 0:
            raise SystemExit(f"the mutant «{mutant.name}» no longer fits {file}: find its rule's new place")
        texts[file] = text.replace(old, new)
    for file, text in texts.items():
        copy = folder / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
    objects = []
    for source in (*mutant.users, *(file for file in texts if file.endswith(".cc"))):
        entry = commands[source]
        words = shlex.split(entry["command"])
        output = folder / (source.replace("/", "_") + ".o")
        path = folder / source if source in texts else ROOT / source
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
