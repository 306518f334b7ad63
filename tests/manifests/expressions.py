# SPDX-License-Identifier: Apache-2.0
"""CEL as kube-apiserver offers it to admission policies, as far as ours need it.

The parser, checker and evaluator are Google's C++ runtime; kube-apiserver has the Go one.
What is ours here: the names ``object``, ``oldObject``, ``variables`` and ``vmi``, the type
``JSONPatch``, and types like ``Object.spec.containers``. Protocol buffers cannot spell
those (a field and a type of one name in one scope), so they are renamed with underscores;
their fields come from the expressions, and the pod schema judges the result.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache

from cel_expr_python import cel  # type: ignore[import-untyped]  # the wheel lacks py.typed
from cel_expr_python.ext import (  # type: ignore[import-untyped]  # as above
    ext_optional,
    ext_strings,
)
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, struct_pb2
from google.protobuf.message import Message

_OBJECT_TYPE = re.compile(r"\bObject(?:\.\w+)+(?=\{)")
_FIELD = re.compile(r"(\w+):")


class CelError(Exception):
    """An expression does not compile, or ends in an error."""


@cache
def _environment(types: tuple[str, ...], fields: tuple[str, ...]) -> cel.Env:
    file = descriptor_pb2.FileDescriptorProto(
        name="policy.proto", syntax="proto3", dependency=["google/protobuf/struct.proto"]
    )
    _add_type(file, "JSONPatch", ("op", "path", "from"), ("value",))
    for name in types:
        _add_type(file, name, (), fields)
    struct = descriptor_pb2.FileDescriptorProto()
    struct_pb2.DESCRIPTOR.CopyToProto(struct)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(struct)
    pool.Add(file)
    names = ("object", "oldObject", "variables", "vmi")
    escape = cel.FunctionDecl(
        "jsonpatch.escapeKey",
        [
            cel.Overload(
                "jsonpatch_escape_key_string",
                return_type=cel.Type.STRING,
                parameters=[cel.Type.STRING],
                impl=lambda key: key.replace("~", "~0").replace("/", "~1"),
            )
        ],
    )
    return cel.NewEnv(
        pool,
        variables=dict.fromkeys(names, cel.Type.DYN),
        extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional()],
        functions=[escape],
    )


def _add_type(
    file: descriptor_pb2.FileDescriptorProto,
    name: str,
    strings: Iterable[str],
    values: Iterable[str],
) -> None:
    message = file.message_type.add(name=name)
    optional = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
    for field in strings:
        kind = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
        number = len(message.field) + 1
        message.field.add(name=field, number=number, label=optional, type=kind)
    for field in values:
        kind = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
        number = len(message.field) + 1
        any_json = ".google.protobuf.Value"
        message.field.add(name=field, number=number, label=optional, type=kind, type_name=any_json)


def object_types(expression: str) -> list[str]:
    """Return the types that the expression constructs, e.g. ``Object.spec.containers``."""
    return sorted(set(_OBJECT_TYPE.findall(expression)))


@cache
def compile_expression(expression: str) -> cel.Expression:
    """Parse and check.

    Raises:
        CelError: the expression has no meaning.
    """
    types = object_types(expression)
    fields = tuple(sorted(set(_FIELD.findall(expression)))) if types else ()
    renamed = _OBJECT_TYPE.sub(lambda match: match[0].replace(".", "_"), expression)
    environment = _environment(tuple(name.replace(".", "_") for name in types), fields)
    try:
        return environment.compile(renamed)
    except RuntimeError as error:
        raise CelError(f"{error}\n{expression}") from error


def evaluate(expression: str, variables: Mapping[str, object]) -> object:
    """Return the expression's value as plain Python; a patch operation is a dict.

    Raises:
        CelError: it does not compile, or ends in an error.
    """
    result = compile_expression(expression).eval(data=dict(variables))
    if result.type() == cel.Type.ERROR:
        raise CelError(f"{result.value()}\n{expression}")
    return _plain(result.plain_value())


def _plain(value: object) -> object:
    if isinstance(value, Message):
        return json_format.MessageToDict(value)
    if isinstance(value, list):
        return [_plain(element) for element in value]
    return value
