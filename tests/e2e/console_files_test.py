"""The console's files: none can make markup of text, nothing comes from elsewhere, all are served as they are."""

import pathlib
import re
import urllib.error
import urllib.request

import pytest

from stack import ROOT, Stack

CONSOLE = ROOT / "clients" / "console"
CLIENT = ROOT / "clients" / "js" / "src"
VENDOR = CONSOLE / "vendor"
OWN = sorted(file for file in CONSOLE.iterdir() if file.is_file())
CLIENT_FILES = sorted(file for file in CLIENT.glob("*.js") if file.name != "react.js")


def test_text_can_never_become_markup() -> None:
    """No file of the console uses what turns strings into elements or code."""
    dangerous = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\s*\.\s*write|\beval\s*\(|new\s+Function|"
                           r"createContextualFragment|DOMParser|srcdoc|setHTML|setTimeout\s*\(\s*['\"`]|javascript:")
    found = [f"{file.name}: {match.group(0)}" for file in [*OWN, *CLIENT_FILES, *VENDOR.glob("*.js")]
             for match in dangerous.finditer(file.read_text(encoding="utf-8"))]
    assert found == []


def test_nothing_in_the_page_is_inline_or_from_elsewhere() -> None:
    page = (CONSOLE / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", page) == []
    for file in [*OWN, *CLIENT_FILES]:
        outside = re.findall(r"https?://[^\s'\"`)]+", file.read_text(encoding="utf-8"))
        assert [url for url in outside if url != "http://www.w3.org/2000/svg"] == [], file.name
    for file in VENDOR.glob("*.css"):
        assert "url(" not in file.read_text(encoding="utf-8")


def test_what_is_vendored_is_what_its_package_has() -> None:
    package = ROOT / "build" / "node" / "node_modules" / "uplot"
    assert package.is_dir(), "./dev test installs the Node packages of the tests"
    origin = {"uPlot.iife.min.js": "dist/uPlot.iife.min.js", "uPlot.min.css": "dist/uPlot.min.css",
              "uPlot.LICENSE": "LICENSE"}
    assert {file.name for file in VENDOR.iterdir()} == set(origin)
    for name, path in origin.items():
        assert (VENDOR / name).read_bytes() == (package / path).read_bytes(), name


def test_every_file_is_one_idea() -> None:
    """Long ones are several."""
    assert [file.name for file in OWN if len(file.read_text(encoding="utf-8").splitlines()) > 310] == []


@pytest.mark.parametrize("file", [*OWN, *CLIENT_FILES, *VENDOR.glob("uPlot.*[sj]s")], ids=lambda file: file.name)
def test_the_bridge_serves_each_file_as_it_is_with_the_policy(module_stack: Stack, file: pathlib.Path) -> None:
    path = f"/spanwire/{file.name}" if file.parent == CLIENT else f"/{file.relative_to(CONSOLE)}"
    path = "/" if path == "/index.html" else path
    with urllib.request.urlopen(module_stack.bridge_url + path, timeout=30) as answer:
        assert answer.read() == file.read_bytes()
        policy = answer.headers["Content-Security-Policy"]
        tag = answer.headers["ETag"]
    for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'",
                 "require-trusted-types-for 'script'", "trusted-types 'none'", "frame-ancestors 'none'"):
        assert part in policy.split("; ")
    assert "unsafe" not in policy and "data:" not in policy
    again = urllib.request.Request(module_stack.bridge_url + path, headers={"If-None-Match": tag})
    with pytest.raises(urllib.error.HTTPError) as unchanged:
        urllib.request.urlopen(again, timeout=30)
    assert unchanged.value.code == 304
