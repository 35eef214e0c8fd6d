"""Cells that the page runs itself, which takes less time than typing them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pages import Notebook

# `heard` is what has come since `begin`; for each of the first 20 messages `on` is called.
TARGET = """
import asyncio, io, json, logging, queue, threading, time, warnings
from comm import get_comm_manager

N = 20

def begin(callback=None):
    global heard, on, start
    heard = []
    on = callback
    start = time.monotonic()

def is_over(n=N):
    # By the time only if the messages do not come.
    return len(heard) >= n or time.monotonic() > start + 20

def collect(comm, msg):
    @comm.on_msg
    def _(msg):
        heard.append(msg["content"]["data"])
        if on and len(heard) <= N:
            return on()

def echo(comm, msg):
    @comm.on_msg
    def _(msg):
        heard.append(msg["content"]["data"])
        comm.send(heard[-1])

get_comm_manager().register_target("collect", collect)
get_comm_manager().register_target("echo", echo)
begin()
"""

# The global `page` of the page.
PAGE = """
(() => {
  const {comm_manager, connection} = Jupyter.notebook.kernel;

  /** Start a cell; its future has what it shows as `shown`. */
  const execute = code => {
    const future = connection.requestExecute({code});
    future.shown = '';
    future.onIOPub = ({content}) => {
      future.shown += content.text ?? content.data?.['text/plain'] ?? '';
    };
    return future;
  };

  /** Run a cell; what it shows. */
  const run = async code => {
    const future = execute(code);
    const {content} = await Promise.race([future.done, tooLong(code)]);
    if (content.status !== 'ok') {
      throw new Error(`${content.ename}: ${content.evalue}`);
    }
    return future.shown.trim();
  };

  const tooLong = code =>
    new Promise((_, reject) => {
      setTimeout(() => reject(new Error(`this cell does not end: ${code}`)), 40_000);
    });

  /** The next message that the kernel sends on a comm. */
  const next = comm => new Promise(resolve => comm.on_msg(msg => resolve(msg.content.data)));

  window.page = {
    execute, run, next,
    open: (...args) => comm_manager.new_comm(...args),
    during: async (code, every_ms) => {
      const comm = comm_manager.new_comm('collect');
      let n = 0;
      const timer = setInterval(() => comm.send(n++), every_ms);
      try {
        return await run(code);
      } finally {
        clearInterval(timer);
        comm.close();
      }
    }
  };
})()
"""


@contextmanager
def page_cells(notebook: Notebook) -> Iterator[Notebook]:
    """Give the page a global `page`, which runs cells and sends messages."""
    notebook.page.evaluate(PAGE)
    run(notebook, TARGET)
    yield notebook
    notebook.page.evaluate("delete window.page")


def run(kernel: Notebook, code: str) -> str:
    """Run a cell; what it shows."""
    shown: str = kernel.page.evaluate("code => page.run(code)", code)
    return shown
