"""Adds the generated messages to what is built: see generate.py."""

import pathlib
import subprocess
import sys

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent


class BuildWithMessages(build_py):
    def run(self) -> None:
        super().run()
        subprocess.run([sys.executable, str(HERE / "generate.py"), self.build_lib], check=True)


setup(cmdclass={"build_py": BuildWithMessages})
