"""The frames of the port, held to the cases that the page's half is held to as well."""

from __future__ import annotations

import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lite_comms import CommError
from lite_comms._wire.frames import TO_KERNEL, TO_PAGE, FrameError, from_wire, to_wire

CASES = json.loads(Path(__file__).parent.with_name("frames.json").read_text("utf-8"))


def plain(value: Any) -> Any:
    """Read a field of a case: binary data is {"bytes": [...]} there, memory {"shared": nbytes}.

    Any other object of JavaScript is {"object": its class}.
    """
    if not isinstance(value, dict):
        return value
    if "object" in value:
        return SimpleNamespace(js_id=1, constructor=SimpleNamespace(name=value["object"]))
    return bytes(value["bytes"]) if "bytes" in value else memory("SharedArrayBuffer")


def memory(kind: str, words: str = "Int32Array") -> Any:
    """Stand for what Pyodide makes of a typed array."""

    def made_by(name: str, **fields: Any) -> SimpleNamespace:
        return SimpleNamespace(js_id=1, constructor=SimpleNamespace(name=name), **fields)

    return made_by(words, buffer=made_by(kind))


def frame_of(case: dict[str, Any], table: dict[str, Any]) -> Any:
    fields = {key: value for key, value in case["frame"].items() if key != "type"}
    for field in fields.keys() & {"attachments", "buffers", "can", "ids", "places"}:
        fields[field] = tuple(map(plain, fields[field]))
    return table[case["frame"]["type"]](**fields)


@pytest.mark.parametrize("case", CASES["to_page"], ids=lambda case: str(case["wire"]))
def test_a_frame_to_the_page_is_written(case: dict[str, Any]) -> None:
    assert to_wire(frame_of(case, TO_PAGE)) == tuple(map(plain, case["wire"]))


@pytest.mark.parametrize("case", CASES["to_kernel"], ids=lambda case: str(case["wire"]))
def test_a_frame_to_the_kernel_is_read(case: dict[str, Any]) -> None:
    frame = frame_of(case, TO_KERNEL)
    read = from_wire([plain(field) for field in case["wire"]])
    assert (type(read), read) == (type(frame), frame)


@pytest.mark.parametrize("case", CASES["to_kernel"], ids=lambda case: str(case["wire"]))
def test_a_frame_is_read_as_it_was_written(case: dict[str, Any]) -> None:
    frame = frame_of(case, TO_KERNEL)
    assert from_wire(to_wire(frame)) == frame


@pytest.mark.parametrize("case", CASES["refused_by_kernel"], ids=lambda case: str(case["wire"]))
def test_what_is_no_frame_is_refused_with_the_field(case: dict[str, Any]) -> None:
    with pytest.raises(FrameError, match=case["field"]):
        from_wire([plain(field) for field in case["wire"]])


@pytest.mark.parametrize(
    "place",
    [
        memory("ArrayBuffer"),
        memory("SharedArrayBuffer", "Uint8Array"),
        SimpleNamespace(js_id=1),
    ],
)
def test_memory_that_is_not_shared_words_is_refused(place: object) -> None:
    with pytest.raises(FrameError, match="places"):
        from_wire(["watch", place, 0])


def test_a_refusal_is_an_error_of_lite_comms() -> None:
    assert issubclass(FrameError, CommError)


def test_spoilt_frames_are_read_or_refused_and_never_crash() -> None:
    chance = random.Random(1)
    junk: list[Any] = [None, True, -1, 2**70, "", "comm", "{}", b"x", [], {}, 1.5]
    refused = 0
    for _ in range(3000):
        wire = [plain(field) for field in chance.choice(CASES["to_kernel"])["wire"]]
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(wire) + 1)
            wire[at : at + chance.randint(0, 2)] = [chance.choice(junk)]
        try:
            read = from_wire(wire)
        except FrameError:
            refused += 1
        else:
            if wire[0] != "hello":  # which passes over what a later version may add
                assert to_wire(read) == tuple(wire)
    assert refused > 1000
