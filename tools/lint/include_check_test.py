"""The include check finds what it is there to find, and nothing in this tree."""

from pathlib import Path

import pytest
from include_check import check_file, check_tree


def test_this_tree_is_clean():
    assert check_tree(Path(__file__).parents[2]) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("core/base/a.cc", '#include "core/redis/reply.h"'),
        ("core/base/a.cc", '#include "core/channel/name.h"'),
        ("core/redis/a.cc", '#include "core/channel/name.h"'),
        ("core/channel/a.cc", '#include "bridge/frame.h"'),
        ("bridge/a.cc", '#include "broker/router.h"'),
        ("broker/a.cc", '#include "bridge/frame.h"'),
        ("clients/cpp/a.cc", '#include "core/base/log.h"'),
        ("tools/demo/a.cc", '#include "core/base/log.h"'),
        ("core/redis/client.cc", "#include <hiredis/hiredis.h>"),
        ("bridge/session.cc", "#include <websocketpp/frame.hpp>"),
        ("core/base/loop.cc", "#include <grpcpp/grpcpp.h>"),
        ("bridge/session.cc", "#  include <spdlog/spdlog.h>"),
        ("clients/cpp/a.cc", "#include <asio.hpp>"),
    ],
)
def test_wrong_directions_are_found(path, line):
    assert len(check_file(path, line + "\n")) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("core/channel/a.cc", '#include "core/redis/reply.h"'),
        ("broker/a.cc", '#include "spanwire/v1/event.pb.h"'),
        ("core/redis/resp.cc", "#include <hiredis.h>"),
        ("tests/unit/bridge/a_test.cc", '#include "core/base/log.h"'),
        ("tools/demo/a.cc", '#include "clients/cpp/publisher.h"'),
    ],
)
def test_right_directions_pass(path, line):
    assert check_file(path, line + "\n") == []


def test_a_header_says_what_it_is():
    assert len(check_file("core/base/a.h", "#include <string>\n")) == 2
    assert check_file("core/base/a.h", "// What it is.\n#pragma once\n") == []
