#!/usr/bin/env python3
"""Generates the messages and stubs that the package needs: generate.py OUT [--proto FOLDER] [--plugin PROGRAM].

Writes OUT/spanwire/v1/*_pb2.py, their .pyi and publisher_pb2_grpc.py. Needs protoc; stubs need gRPC's Python plugin.
"""

import argparse
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ["options", "event", "publisher"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--proto", type=pathlib.Path, default=HERE.parent.parent / "proto")
    parser.add_argument("--protoc", default=shutil.which("protoc") or "protoc")
    parser.add_argument("--plugin", default=shutil.which("grpc_python_plugin") or "grpc_python_plugin")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    base = [arguments.protoc, f"-I{arguments.proto}"]
    messages = [f"spanwire/v1/{name}.proto" for name in NAMES]
    outputs = [f"--python_out={arguments.out}", f"--pyi_out={arguments.out}"]
    subprocess.run([*base, *outputs, *messages], check=True)
    stubs = [f"--plugin=protoc-gen-grpc_python={arguments.plugin}", f"--grpc_python_out={arguments.out}"]
    subprocess.run([*base, *stubs, "spanwire/v1/publisher.proto"], check=True)


if __name__ == "__main__":
    main()
