#!/usr/bin/env python3
"""Generates src/payloads.d.ts, the types of events' data, from event.proto: generate.py [OUT] [--protoc PROGRAM].

They are what the bridge's JSON has (docs/protocol.md, "Events"), not what protobuf's own JSON mapping has.
"""

import argparse
import pathlib
import shutil
import subprocess
import tempfile

from google.protobuf import descriptor_pb2

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"
HEADER = """// Generated from proto/spanwire/v1/event.proto by generate.py. Do not edit.

/** JSON whose shape is the publisher's own. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
"""
UNKNOWN = """/** A payload that the bridge does not know, from a newer agent. */
export interface Unknown {
  /** The payload's field number in Event. */
  field: number;
  /** Its content, base64. */
  bytes: string;
}
"""

Field = descriptor_pb2.FieldDescriptorProto
FLOATS = (Field.TYPE_DOUBLE, Field.TYPE_FLOAT)
LONGS = (Field.TYPE_INT64, Field.TYPE_UINT64, Field.TYPE_SINT64, Field.TYPE_FIXED64, Field.TYPE_SFIXED64)
TEXTS = (Field.TYPE_STRING, Field.TYPE_BYTES)


class Generator:
    def __init__(self, file: descriptor_pb2.FileDescriptorProto) -> None:
        self.file = file
        self.comments = {tuple(one.path): one.leading_comments for one in file.source_code_info.location}
        self.lines: list[str] = []

    def say(self, path: tuple[int, ...], indent: str = "") -> None:
        lines = [line.strip() for line in self.comments.get(path, "").strip().splitlines()]
        if lines:
            self.lines.append(f"{indent}/** " + f"\n{indent} * ".join(lines) + " */")

    def scalar(self, field: Field) -> str:
        if field.type == Field.TYPE_MESSAGE:
            name = field.type_name.rsplit(".", 1)[1]
            return {"Struct": "{ [key: string]: Json }", "Timestamp": "string"}.get(name, name)
        if field.type == Field.TYPE_ENUM:
            return "".join(field.type_name.split(".")[3:])
        if field.type == Field.TYPE_BOOL:
            return "boolean"
        if field.type in FLOATS:
            return "number | 'NaN' | 'Infinity' | '-Infinity'"
        # 64 bits do not fit into a number.
        return "string" if field.type in TEXTS + LONGS else "number"

    def field_type(self, message: descriptor_pb2.DescriptorProto, field: Field) -> tuple[str, bool]:
        """The field's type, and whether it may be absent."""
        if field.label == Field.LABEL_REPEATED:
            for nested in message.nested_type:
                if nested.options.map_entry and field.type_name.endswith("." + nested.name):
                    return f"{{ [key: string]: {self.scalar(nested.field[1])} }}", True
            kind = self.scalar(field)
            return (kind if kind.isalpha() else f"({kind})") + "[]", True
        return self.scalar(field), field.proto3_optional or field.type == Field.TYPE_MESSAGE

    def message(self, index: int) -> None:
        message = self.file.message_type[index]
        for i, enum in enumerate(message.enum_type):
            self.lines.append("")
            self.say((4, index, 4, i))
            values = " | ".join(f"'{value.name}'" for value in enum.value)
            self.lines.append(f"export type {message.name}{enum.name} =\n  {values} | number;")
        self.lines.append("")
        self.say((4, index))
        self.lines.append(f"export interface {message.name} {{")
        for i, field in enumerate(message.field):
            kind, absent = self.field_type(message, field)
            self.say((4, index, 2, i), "  ")
            self.lines.append(f"  {field.name}{'?' if absent else ''}: {kind};")
        self.lines.append("}")

    def run(self) -> str:
        event = next(i for i, one in enumerate(self.file.message_type) if one.name == "Event")
        payloads = []
        for i, field in enumerate(self.file.message_type[event].field):
            if field.HasField("oneof_index") and field.name != "custom":
                payloads.append((i, field.name, field.type_name.rsplit(".", 1)[1]))
        wanted = {name for _, _, name in payloads}
        for index, message in enumerate(self.file.message_type):
            if message.name in wanted:
                self.message(index)
        self.lines += ["", UNKNOWN, "/** An event's `data`, by its `type`. */", "export interface Payloads {"]
        for i, field, name in payloads:
            self.say((4, event, 2, i), "  ")
            self.lines.append(f"  {field}: {name};")
        self.lines += ["  unknown: Unknown;", "}", ""]
        return HEADER + "\n".join(self.lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=pathlib.Path, nargs="?", default=HERE / "src" / "payloads.d.ts")
    parser.add_argument("--protoc", default=shutil.which("protoc") or "protoc")
    arguments = parser.parse_args()
    with tempfile.NamedTemporaryFile() as described:
        subprocess.run([arguments.protoc, f"-I{PROTO}", "--include_source_info", "-o", described.name,
                        "spanwire/v1/event.proto"], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(described.name).read_bytes())
    arguments.out.write_text(Generator(files.file[0]).run())


if __name__ == "__main__":
    main()
