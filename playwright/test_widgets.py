"""ipywidgets' controls, each changed from Python and by hand; anywidget's commands and buffers."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from pages import Notebook, Tab
from widget_controls import CONTROLS

MAKE = f"""
import ipywidgets as W
controls = {{}}
{"\n".join(f"controls['{name}'] = W.{name}({c.make})" for name, c in CONTROLS.items())}
for name, w in controls.items():
    w.add_class(f'control-{{name}}')
W.VBox(list(controls.values()))
"""
CHANGE = "from datetime import date, datetime, time\n" + "\n".join(
    f"w = controls['{name}']; {control.change}" for name, control in CONTROLS.items()
)
TOUCHED = {name: control for name, control in CONTROLS.items() if control.touch}
READ = (
    """
import json
seen = {}
"""
    + "".join(
        f"w = controls['{name}']; seen['{name}'] = repr({control.value})\n"
        for name, control in TOUCHED.items()
    )
    + "print(json.dumps(seen))"
)


@pytest.fixture(scope="module")
def widgets(new_shared_tab: Callable[[str], Tab], host: str) -> Notebook:
    """A notebook with ipywidgets and anywidget."""
    notebook = new_shared_tab(host).notebook()
    notebook.python(notebook.tab.first_cell)
    notebook.run("%pip install -q ipywidgets anywidget")
    return notebook


def test_each_control_of_ipywidgets_is_changed_from_python_and_by_hand(widgets: Notebook) -> None:
    output = widgets.run(MAKE)
    assert widgets.python(CHANGE) == ""
    for name, control in CONTROLS.items():
        control.shown(output.locator(f".control-{name}"))
    for name, control in TOUCHED.items():
        assert control.touch is not None
        control.touch(output.locator(f".control-{name}"))
    expected = {name: control.after for name, control in TOUCHED.items()}
    for _ in range(20):  # some take a moment: Play counts, a file is read
        seen = json.loads(widgets.python(READ))
        if seen == expected:
            break
    assert seen == expected


def test_no_control_of_ipywidgets_is_left_out(widgets: Notebook) -> None:
    names = widgets.python(
        "import ipywidgets as W\nfrom ipywidgets.widgets.domwidget import DOMWidget\n"
        "print(*sorted(n for n, c in vars(W).items() if isinstance(c, type)"
        " and issubclass(c, DOMWidget) and c.__module__.startswith('ipywidgets')))"
    ).split()
    # A base class, and layouts that are made of the boxes.
    others = {"DOMWidget", "AppLayout", "GridspecLayout", "TwoByTwoLayout", "interactive"}
    assert set(names) - others == set(CONTROLS)


COMMANDS = """
import anywidget, traitlets
from anywidget.experimental import command
from ipywidgets.widgets.trait_types import bytes_serialization

class Adder(anywidget.AnyWidget):
    _esm = '''
    const text = view => new TextDecoder().decode(view);
    export default {
      render({model, el, experimental}) {
        const say = line => { el.appendChild(document.createElement('p')).textContent = line; };
        model.on('change:raw', () => say('raw ' + text(model.get('raw'))));
        model.on('msg:custom', (content, buffers) => {
          if (content.name !== 'sent') return;    // the answer of a command comes here, too
          say(content.name + ' ' + buffers.map(text));
          model.send({name: 'answer'}, undefined, [new TextEncoder().encode('by page').buffer]);
        });
        const button = el.appendChild(document.createElement('button'));
        button.textContent = 'ask';
        button.onclick = async () => {
          const asked = {buffers: [new TextEncoder().encode('bytes').buffer]};
          const [answer, buffers] = await experimental.invoke('_shout', {loud: true}, asked);
          say(answer.done + ' ' + buffers.map(text));
          model.set('raw', new DataView(new TextEncoder().encode('set by page').buffer));
          model.save_changes();
        };
      }
    };
    '''
    raw = traitlets.Bytes(b'').tag(sync=True, **bytes_serialization)

    @command
    def _shout(self, msg, buffers):
        return {'done': msg['loud']}, [bytes(buffers[0]).upper()]

adder, heard = Adder(), []

@adder.on_msg
def _(widget, content, buffers):
    if content['name'] == 'answer':    # not a command
        heard.append([bytes(buffer) for buffer in buffers])

adder
"""


def test_commands_messages_and_traits_of_anywidget_carry_buffers_both_ways(
    widgets: Notebook,
) -> None:
    output = widgets.run(COMMANDS)
    lines = output.locator(".jp-OutputArea-output").get_by_role("paragraph")
    expect(output.get_by_role("button")).to_be_visible()
    widgets.python("adder.raw = b'from Python'\nadder.send({'name': 'sent'}, [b'one', b'two'])")
    expect(lines).to_have_text(["raw from Python", "sent one,two"])
    output.get_by_role("button", name="ask").click()
    expect(lines.nth(2)).to_have_text("true BYTES")
    expect(lines.nth(3)).to_have_text("raw set by page")
    assert widgets.python("adder.raw, heard") == "(b'set by page', [[b'by page']])"
