"""What is tried of each widget package: a widget, a change from Python, and a person's hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator

# Packages that the site has anyway, for its own notebooks.
OWN = ("anywidget", "ipywidgets")


def click(selector: str) -> Callable[[Locator], None]:
    """Click on something in the output."""
    return lambda shown: shown.locator(selector).first.click()


def key(selector: str, name: str) -> Callable[[Locator], None]:
    """Press a key on something in the output."""
    return lambda shown: shown.locator(selector).first.press(name)


def drag(selector: str, times: int = 1) -> Callable[[Locator], None]:
    """Drag the mouse from near the upper left corner to the right and down.

    It is released beyond the middle: a slider that is set there may have begun there.
    """

    def once(shown: Locator) -> None:
        place = shown.locator(selector).first
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        assert box is not None
        mouse = place.page.mouse
        mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
        mouse.down()
        mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6, steps=10)
        mouse.up()

    def do(shown: Locator) -> None:
        for _ in range(times):
            once(shown)

    return do


@dataclass(frozen=True)
class Case:
    """A package, and what one does with it.

    Parameters
    ----------
    package : str
        Its name on the index.
    show : str
        The cell that shows a widget.
    first : str
        A selector for what is there then.
    change : str
        The cell that changes the widget.
    then : str
        A selector for what is there after that.
    value : str
        A Python expression that the person's hand changes.
    touch : callable
        What the person does, given the output or the page; None if there is nothing to do.
    needs : tuple of str
        The packages that it needs besides those of the site.
    inside : bool
        Whether the widget is in the output of its cell.
    """

    package: str
    show: str
    first: str
    change: str
    then: str
    value: str = ""
    touch: Callable[[Locator], None] | None = None
    needs: tuple[str, ...] = ()
    inside: bool = True

    @property
    def wheels(self) -> tuple[str, ...]:
        """The wheels that the site must have for it."""
        return tuple(name for name in (self.package, *self.needs) if name not in OWN)


SLIDER = ".noUi-handle"

CASES = (
    Case(
        "ipywidgets",
        "from ipywidgets import IntSlider\nw = IntSlider()\nw",
        ".widget-slider",
        "w.value = 7",
        ".widget-readout:text-is('7')",
        "w.value",
        key(SLIDER, "ArrowRight"),
    ),
    Case(
        "anywidget",
        """\
import anywidget, traitlets
class Counter(anywidget.AnyWidget):
    _esm = '''export default { render({model, el}) {
      const button = el.appendChild(document.createElement('button'));
      const show = () => { button.textContent = 'n ' + model.get('n'); };
      model.on('change:n', show);
      show();
      button.onclick = () => { model.set('n', model.get('n') + 1); model.save_changes(); };
    } }'''
    n = traitlets.Int(0).tag(sync=True)
w = Counter()
w""",
        "button:text-is('n 0')",
        "w.n = 7",
        "button:text-is('n 7')",
        "w.n",
        click("button"),
    ),
    Case(
        "ipyevents",
        """\
from ipyevents import Event
from ipywidgets import HTML
w, heard = HTML('press here'), []
event = Event(source=w, watched_events=['click'])
event.on_dom_event(heard.append)
w""",
        ".widget-html:has-text('press here')",
        "w.value = 'and here'",
        ".widget-html:has-text('and here')",
        "len(heard)",
        click(".widget-html"),
    ),
    Case(
        "ipytree",
        "from ipytree import Node, Tree\nw = Tree(nodes=[Node('one', [Node('two')])])\nw",
        ".jstree-anchor:has-text('one')",
        "w.nodes[0].name = 'three'",
        ".jstree-anchor:has-text('three')",
        "w.nodes[0].selected",
        click(".jstree-anchor"),
    ),
    Case(
        "ipyvue",
        """\
import ipyvue, traitlets
class Counter(ipyvue.VueTemplate):
    template = traitlets.Unicode('''
      <template><button @click="n = n + 1">n {{ n }}</button></template>
    ''').tag(sync=True)
    n = traitlets.Int(0).tag(sync=True)
w = Counter()
w""",
        "button:text-is('n 0')",
        "w.n = 7",
        "button:text-is('n 7')",
        "w.n",
        click("button"),
    ),
    Case(
        "ipyvuetify",
        """\
import ipyvuetify
w, heard = ipyvuetify.Btn(children=['press here']), []
w.on_event('click', lambda *event: heard.append(event))
w""",
        "button:has-text('press here')",
        "w.children = ['and here']",
        "button:has-text('and here')",
        "len(heard)",
        click("button"),
        needs=("ipyvue",),
    ),
    Case(
        "ipyleaflet",
        "from ipyleaflet import Map\nw = Map(center=(10, 20), zoom=3, layers=())\nw",
        ".leaflet-container",
        "from ipyleaflet import Marker\nw.add(Marker(location=(10, 20)))",
        ".leaflet-marker-icon",
        "w.zoom",
        click(".leaflet-control-zoom-in"),
        needs=("jupyter-leaflet", "branca", "jinja2", "markupsafe", "traittypes", "xyzservices"),
    ),
    Case(
        "ipycytoscape",
        """\
from ipycytoscape import CytoscapeWidget
w, heard = CytoscapeWidget(), []
w.graph.add_graph_from_json({'nodes': [{'data': {'id': 'one'}}], 'edges': []})
w.on('node', 'click', heard.append)
w""",
        "canvas",
        "w.layout.height = '123px'",
        "[style*='123px']",
        "len(heard)",
        click("canvas"),
        needs=("spectate",),
    ),
    Case(
        "plotly",
        """\
import plotly.graph_objects as go
w = go.FigureWidget([go.Scatter(y=[1, 3, 2])])
w""",
        ".main-svg",
        "w.layout.title.text = 'changed'",
        ".gtitle:has-text('changed')",
        "w.layout.xaxis.range",
        drag(".nsewdrag"),
        needs=("narwhals", "packaging"),
    ),
    Case(
        "drawdata",
        "from drawdata import ScatterWidget\nw = ScatterWidget()\nw",
        ".dd-scatter-svg",
        # Not its data: after that the widget itself does not send what is drawn.
        "w.layout.height = '456px'",
        "[style*='456px']",
        "len(w.data)",
        # drawdata 0.5.2 sends each second stroke: it changes the list that the model has, and what
        # it then sets is equal to that.
        drag(".dd-scatter-svg", times=2),
    ),
    Case(
        "jupyter-ui-poll",
        """\
from ipywidgets import Button
from jupyter_ui_poll import ui_events
w, heard = Button(description='press here'), []
w.on_click(heard.append)
def polled():
    with ui_events() as poll:
        poll(1)
    return len(heard)
w""",
        "button:has-text('press here')",
        "w.description = 'and here'",
        "button:has-text('and here')",
        "polled()",
        click("button"),
    ),
    Case(
        "ipyreact",
        """\
import ipyreact
w = ipyreact.ValueWidget(value=0, _esm='''
import * as React from "react";
export default function({value, setValue}) {
  return <button onClick={() => setValue(value + 1)}>n {value}</button>;
}''')
w""",
        "button:text-is('n 0')",
        "w.value = 7",
        "button:text-is('n 7')",
        "w.value",
        click("button"),
    ),
    Case(
        "tqdm",
        "from tqdm.notebook import tqdm\nw = tqdm(total=10)",
        ":text('0/10')",
        "w.update(5);",
        ":text('5/10')",
    ),
    Case(
        "ipyfilechooser",
        "from ipyfilechooser import FileChooser\nw = FileChooser('/')\nw",
        "button:has-text('Select')",
        "w.title = 'changed'",
        ":text('changed')",
        "w._gb.layout.display",
        click("button:has-text('Select')"),
    ),
    Case(
        "sidecar",
        """\
from ipywidgets import IntSlider
from sidecar import Sidecar
w = IntSlider()
with Sidecar(title='aside'):
    display(w)""",
        ".widget-slider",
        "w.value = 7",
        ".widget-readout:text-is('7')",
        "w.value",
        key(SLIDER, "ArrowRight"),
        inside=False,
    ),
    Case(
        "ipylab",
        """\
from ipylab import JupyterFrontEnd, Panel
from ipywidgets import IntSlider
w = IntSlider()
JupyterFrontEnd().shell.add(Panel(children=[w]), 'main', {'mode': 'split-right'})""",
        ".widget-slider",
        "w.value = 7",
        ".widget-readout:text-is('7')",
        "w.value",
        key(SLIDER, "ArrowRight"),
        inside=False,
    ),
    Case(
        "reacton",
        """\
import reacton, reacton.ipywidgets
@reacton.component
def Counter():
    global n, set_n
    n, set_n = reacton.use_state(0)
    return reacton.ipywidgets.Button(description=f'n {n}', on_click=lambda: set_n(n + 1))
display(Counter())""",
        "button:has-text('n 0')",
        "set_n(7)",
        "button:has-text('n 7')",
        "n",
        click("button"),
    ),
    Case(
        "wigglystuff",
        "from wigglystuff import Slider2D\nw = Slider2D()\nw",
        "canvas, svg",
        "w.layout.height = '456px'",
        "[style*='456px']",
        "w.x",
        drag("canvas, svg"),
        needs=("drawdata",),
    ),
    Case(
        "perspective-python",
        """\
from perspective.widget import PerspectiveWidget
w = PerspectiveWidget({'a': [1, 2, 3]})
w""",
        "perspective-viewer",
        "w.plugin = 'X Bar'",
        "perspective-viewer-d3fc-xbar",
    ),
    Case(
        "ipyopenlayers",
        "from ipyopenlayers import Map\nw = Map(center=[0, 0], zoom=2)\nw",
        ".ol-viewport",
        "from ipyopenlayers import ZoomSlider\nw.add_control(ZoomSlider())",
        ".ol-zoomslider",
        "w.zoom",
        click(".ol-zoom-in"),
    ),
    Case(
        "bqplot",
        """\
from bqplot import pyplot
w, heard = pyplot.figure(), []
bars = pyplot.bar(['a', 'b'], [1, 2])
bars.on_element_click(lambda *event: heard.append(event))
w""",
        ".bqplot svg",
        "w.title = 'changed'",
        ":text('changed')",
        "len(heard)",
        click("rect.bar"),
        needs=("bqscales", "numpy", "pandas", "traittypes"),
    ),
    Case(
        "ipycanvas",
        """\
from ipycanvas import Canvas
w, heard = Canvas(width=200, height=100), []
w.on_mouse_down(lambda *place: heard.append(place))
w""",
        "canvas",
        "w.width = 300",
        "canvas[width='300']",
        "len(heard)",
        click("canvas"),
        needs=("numpy", "pillow"),
    ),
)
