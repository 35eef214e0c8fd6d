"""What the classic Notebook's documentation of comms shows, typed by a user into a new notebook."""

from __future__ import annotations

from playwright.sync_api import expect

from pages import Notebook, said


def test_the_kernel_opens_a_comm_and_both_sides_speak(notebook: Notebook) -> None:
    page = notebook.javascript(
        """
        Jupyter.notebook.kernel.comm_manager.register_target('my_comm_target', function(comm, msg) {
          say(['opened', msg.content.data]);
          comm.on_msg(function (msg) { say(['heard', msg.content.data]); });
          comm.on_close(function (msg) { say(['closed', msg.content.data]); });
          comm.send({'foo': 0});
        });
        """
    )
    notebook.python(
        """
from ipykernel.comm import Comm

my_comm = Comm(target_name='my_comm_target', data={'foo': 1})
my_comm.send({'foo': 2})

@my_comm.on_msg
def _recv(msg):
    my_comm.send({'python heard': msg['content']['data']})
"""
    )
    expect(said(page)).to_have_text(
        ['["opened",{"foo":1}]', '["heard",{"foo":2}]', '["heard",{"python heard":{"foo":0}}]']
    )
    notebook.python("my_comm.close({'bye': True})")
    expect(said(page).last).to_have_text('["closed",{"bye":true}]')


def test_the_page_opens_a_comm_and_both_sides_speak(notebook: Notebook) -> None:
    notebook.python(
        """
def target_func(comm, open_msg):
    @comm.on_msg
    def _recv(msg):
        comm.send({'echo': msg['content']['data']})

    @comm.on_close
    def _close(msg):
        closed.append(msg['content']['data'])

    comm.send({'opened': open_msg['content']['data']})

closed = []
get_ipython().kernel.comm_manager.register_target('my_comm_target', target_func)
"""
    )
    page = notebook.javascript(
        """
        const comm = Jupyter.notebook.kernel.comm_manager.new_comm('my_comm_target', {'foo': 6});
        comm.send({'foo': 7});
        comm.on_msg(function (msg) {
          say(msg.content.data);
          if (msg.content.data.echo) { comm.close({'bye': true}); }
        });
        """
    )
    expect(said(page)).to_have_text(['{"opened":{"foo":6}}', '{"echo":{"foo":7}}'])
    assert notebook.python("closed") == "[{'bye': True}]"


def test_any_of_the_arguments_of_new_comm_can_be_given(notebook: Notebook) -> None:
    notebook.python(
        """
import sys

def all_of_it(comm, msg):
    comm.send([comm.comm_id, msg['content'], msg['metadata'], bytes(msg['buffers'][0]).hex()])
    sys.stdout.write('a word')

get_ipython().kernel.comm_manager.register_target('all_of_it', all_of_it)
"""
    )
    page = notebook.javascript(
        """
        const callbacks = {
          shell: {reply: msg => say(['reply', msg.header.msg_type])},
          iopub: {
            output: msg => say(['output', msg.content.text]),
            status: msg => say(['status', msg.content.execution_state])
          }
        };
        const comm = Jupyter.notebook.kernel.comm_manager.new_comm(
          'all_of_it', {a: 1}, callbacks, {b: 2}, 'an-id', [new Uint8Array([1, 255])]
        );
        comm.on_msg(msg => say(msg.content.data));
        """
    )
    expect(said(page)).to_have_text(
        [
            '["status","busy"]',
            '["an-id",{"comm_id":"an-id","target_name":"all_of_it","data":{"a":1}},{"b":2},"01ff"]',
            '["output","a word"]',
            '["status","idle"]',
        ]
    )
