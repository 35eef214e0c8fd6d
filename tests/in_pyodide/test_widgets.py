"""ipywidgets and anywidget on lite_comms, in JupyterLite's kernel."""

from __future__ import annotations

import json

import pytest

from .kernel import Kernel, plain

pytestmark = pytest.mark.pyodide

SLIDER = """
import ipywidgets

slider = ipywidgets.IntSlider(value=3)
moves = []
slider.observe(lambda change: moves.append(change["new"]), "value")
"""

ANY = """
import anywidget, traitlets

class Picture(anywidget.AnyWidget):
    _esm = "export default {render() {}}"
    # A buffer of the page is a memoryview, as on a server.
    pixels = traitlets.Bytes().tag(sync=True, from_json=lambda view, widget: bytes(view))
    size = traitlets.Dict().tag(sync=True)

picture = Picture(pixels=b"\\0\\1", size={"width": None})
heard = []
picture.on_msg(lambda widget, content, buffers: heard.append((content, *map(bytes, buffers))))
"""


@pytest.mark.parametrize(
    "output",
    [
        'type("Output", (), {})',
        # Its methods cannot be replaced.
        'type("M", (type,), {"__setattr__": 0})("Output", (), {"__enter__": 1, "__exit__": 1})',
    ],
)
def test_a_stand_in_for_the_output_widget_harms_no_cell(kernel: Kernel, output: str) -> None:
    kernel.run(f"""
import sys, types
standin = types.ModuleType("ipywidgets.widgets.widget_output")
standin.Output = {output}
before = sys.modules.get(standin.__name__)
sys.modules[standin.__name__] = standin
""")
    assert kernel.run("print(1)") == "1\n"
    kernel.run("""
if before is None:
    del sys.modules[standin.__name__]
else:
    sys.modules[standin.__name__] = before
""")


def update(kernel: Kernel, widget: str, state: str, paths: str = "[]", buffers: str = "[]") -> None:
    """Change a widget as its view on the page does."""
    model_id = kernel.run(f"print({widget}.comm.comm_id)").strip()
    data = f"{{method: 'update', state: {state}, buffer_paths: {paths}}}"
    kernel.tell("comm_msg", f"{{comm_id: '{model_id}', data: {data}}}", buffers=buffers)


def test_a_slider_opens_its_comms_with_its_state(kernel: Kernel) -> None:
    kernel.run(SLIDER)

    opened = {
        msg.content["data"]["state"]["_model_name"]: msg
        for msg in kernel.comm_messages()
        if msg.msg_type == "comm_open"
    }
    slider = opened["IntSliderModel"]
    assert sorted(opened) == ["IntSliderModel", "LayoutModel", "SliderStyleModel"]
    assert slider.content["target_name"] == "jupyter.widget"
    assert slider.metadata == {"version": "2.1.0"}
    state = slider.content["data"]["state"]
    assert (state["value"], state["tabbable"]) == (3, None)


def test_a_slider_moved_in_python_tells_the_page(kernel: Kernel) -> None:
    kernel.run(SLIDER)

    kernel.run("slider.value = 7")

    assert [msg.content["data"] for msg in kernel.comm_messages()] == [
        {"method": "update", "state": {"value": 7}, "buffer_paths": []}
    ]


def test_a_slider_moved_on_the_page_tells_python(kernel: Kernel) -> None:
    kernel.run(SLIDER)

    update(kernel, "slider", "{value: 9}")

    echoes = [msg.content["data"] for msg in kernel.comm_messages()]
    assert echoes == [{"method": "echo_update", "state": {"value": 9}, "buffer_paths": []}]
    assert json.loads(kernel.run("print(moves + [slider.value])")) == [9, 9]


def test_a_closed_widget_closes_its_comm(kernel: Kernel) -> None:
    kernel.run(SLIDER)

    kernel.run("comm_id = slider.comm.comm_id\nslider.close()")

    comm_id = kernel.comm_messages()[0].content["comm_id"]
    assert [msg.msg_type for msg in kernel.comm_messages()] == ["comm_close"]
    assert kernel.run("print(comm_id)") == f"{comm_id}\n"


def test_prints_of_an_observer_belong_to_the_message_of_the_page(kernel: Kernel) -> None:
    kernel.run(SLIDER)
    kernel.run("slider.observe(lambda change: print('moved to', change['new']), 'value')")

    update(kernel, "slider", "{value: 5}")

    assert kernel.shown("stdout") == "moved to 5\n"
    assert len({msg.parent_id for msg in kernel.received}) == 1


def test_an_anywidget_sends_its_bytes_as_buffers(kernel: Kernel) -> None:
    kernel.run(ANY)
    opened = [msg for msg in kernel.comm_messages() if msg.msg_type == "comm_open"][-1]

    kernel.run("picture.pixels = b'abc'")

    assert opened.content["data"]["buffer_paths"] == [["pixels"]]
    assert opened.content["data"]["state"]["size"] == {"width": None}
    assert opened.buffers == (b"\0\1",)
    assert [(msg.content["data"], msg.buffers) for msg in kernel.comm_messages()] == [
        ({"method": "update", "state": {}, "buffer_paths": [["pixels"]]}, (b"abc",))
    ]


def test_an_anywidget_hears_state_and_buffers_of_the_page(kernel: Kernel) -> None:
    kernel.run(ANY)

    bytes_ = "[new Uint8Array([5, 6])]"
    update(kernel, "picture", "{pixels: null, size: {width: null}}", "[['pixels']]", bytes_)

    assert (
        kernel.run("print(bytes(picture.pixels), picture.size)")
        == "b'\\x05\\x06' {'width': None}\n"
    )


def test_a_value_that_a_trait_refuses_is_an_error_that_is_seen(kernel: Kernel) -> None:
    kernel.run(ANY.replace(", from_json=lambda view, widget: bytes(view)", ""))

    bytes_ = "[new Uint8Array([5, 6])]"
    update(kernel, "picture", "{size: {width: 1}, pixels: null}", "[['pixels']]", bytes_)

    # JupyterLite's own path has no way for error messages; those of a port are in test_errors.py.
    shown = plain(kernel.shown("stderr"))
    assert "TraitError: The 'pixels' trait of a Picture instance expected a bytes object" in shown
    # Nothing of the message is set, as on a server.
    assert kernel.run("print(bytes(picture.pixels), picture.size)") == (
        "b'\\x00\\x01' {'width': None}\n"
    )


def test_an_anywidget_hears_custom_messages_of_the_page(kernel: Kernel) -> None:
    kernel.run(ANY)
    model_id = kernel.run("print(picture.comm.comm_id)").strip()

    data = "{method: 'custom', content: {a: null, n: 2 ** 60}}"
    kernel.tell(
        "comm_msg", f"{{comm_id: '{model_id}', data: {data}}}", buffers="[new Uint8Array([1])]"
    )

    assert kernel.run("print(heard)") == ("[({'a': None, 'n': 1152921504606847000}, b'\\x01')]\n")
