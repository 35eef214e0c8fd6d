"""The values and the bytes that arrive, seen on both sides of one real notebook."""

from __future__ import annotations

from playwright.sync_api import expect

from pages import Notebook, said


def test_the_page_receives_what_a_server_would_send(notebook: Notebook) -> None:
    page = notebook.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('values', comm => {
          comm.on_msg(msg => say(msg.content.data));
        });
        """
    )
    notebook.python(
        """
values = lite_comms.Comm('values')
values.send({'none': None, 'big': 2**53 + 1, 'tuple': (1, None), 'bytes': b'abc', 1: 'key'})
values.send({'nan': float('nan'), 'inf': [float('inf')]})
values.send(None)
"""
    )
    expect(said(page)).to_have_text(
        [
            '{"1":"key","none":null,"big":9007199254740992,"tuple":[1,null],"bytes":"YWJj"}',
            '{"nan":"nan","inf":["inf"]}',
            "{}",
        ]
    )


def test_python_receives_what_a_server_would_deliver(notebook: Notebook) -> None:
    notebook.python(
        """
def keep(comm, msg):
    comm.on_msg(lambda msg: kept.append(msg['content']['data']))

kept = []
get_ipython().kernel.comm_manager.register_target('keep', keep)
"""
    )
    notebook.javascript(
        """
        const comm = Jupyter.notebook.kernel.comm_manager.new_comm('keep');
        comm.send({none: null, list: [null], left_out: undefined, nan: NaN});
        comm.send({big: 2**53 + 1, whole: 2.0, half: 0.5, huge: 1e21});
        comm.send();
        """
    )
    assert notebook.python("kept") == (
        "[{'none': None, 'list': [None], 'nan': None},\n"
        " {'big': 9007199254740992, 'whole': 2, 'half': 0.5, 'huge': 1e+21},\n"
        " {}]"
    )


def test_the_bytes_of_views_arrive_exactly_and_the_page_can_still_use_them(
    notebook: Notebook,
) -> None:
    notebook.python(
        """
def hold(comm, msg):
    @comm.on_msg
    def _recv(msg):
        held.extend(msg['buffers'])

held = []
get_ipython().kernel.comm_manager.register_target('hold', hold)
"""
    )
    page = notebook.javascript(
        """
        const numbers = new Float64Array([0, 1.5, -2.25, 3]);
        const part = numbers.subarray(1, 3);
        const view = new DataView(new Uint8Array([9, 8, 7, 6]).buffer, 1, 2);
        const whole = new Uint16Array([258]).buffer;
        const empty = new Uint8Array();
        const comm = Jupyter.notebook.kernel.comm_manager.new_comm('hold');
        comm.send({}, {}, {}, [part, view, whole, empty]);
        say([Array.from(numbers), view.getUint8(0), whole.byteLength]);
        """
    )
    expect(said(page)).to_have_text(["[[0,1.5,-2.25,3],8,2]"])
    assert notebook.python("[held[0].cast('d').tolist(), *map(bytes, held[1:])]") == (
        "[[1.5, -2.25], b'\\x08\\x07', b'\\x02\\x01', b'']"
    )
    assert notebook.python("{(type(b).__name__, b.format, b.readonly) for b in held}") == (
        "{('memoryview', 'B', False)}"
    )


def test_the_bytes_of_python_arrive_as_data_views(notebook: Notebook) -> None:
    page = notebook.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('bytes', (comm, msg) => {
          say(msg.buffers.map(view => [
            Object.prototype.toString.call(view),
            Array.from({length: view.byteLength}, (_, i) => view.getUint8(i))
          ]));
        });
        """
    )
    notebook.python(
        """
import array

grid = memoryview(bytes(range(6))).cast('B', (2, 3))
strided = memoryview(b'abcdef')[::2]
views = [b'\\x00\\xff', bytearray(b'ab'), strided, grid, array.array('h', [1]), b'']
lite_comms.Comm('bytes', buffers=views).close()
"""
    )
    expect(said(page)).to_have_text(
        [
            (
                '[["[object DataView]",[0,255]],["[object DataView]",[97,98]],'
                '["[object DataView]",[97,99,101]],["[object DataView]",[0,1,2,3,4,5]],'
                '["[object DataView]",[1,0]],["[object DataView]",[]]]'
            )
        ]
    )
