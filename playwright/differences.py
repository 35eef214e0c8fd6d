"""Where other kernels differ from a plain server kernel, line by line of the conformance checks.

docs/server.md lists the same for users.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Difference:
    """What a plain server kernel says otherwise.

    Parameters
    ----------
    why : str
        The reason.
    lines : dict
        By check: the lines of that kernel only, with ``-``, and of the other only, with ``+``; in
        them ``...`` stands for any text.
    ours : bool
        It is lite_comms that makes it: also on a server.
    site : bool
        It is seen on a site that has the extension, not only where a notebook has loaded it.
    """

    why: str
    lines: dict[str, str] = field(default_factory=dict)
    ours: bool = False
    site: bool = True


DIFFERENCES = {
    "a comm for a target that the kernel lacks, or whose function raises": Difference(
        "who opened it should learn why",
        {
            "a target that the kernel lacks": r"""
- comm_open 1: stderr "No such comm target registered: nobody\n"
- comm_open 1: comm_close {"data":{},"comm_id":"<comm of the page 1>"}
+ comm_open 1: stderr "lite_comms: comm 'nobody' ... no comm target 'nobody' is registered ...
+ comm_open 1: comm_close ... metadata {"lite_comms":{"ename":"LookupError",...
""",
            "a target function that fails": r"""
- comm_open 1: comm_close {"data":{},"comm_id":"<comm of the page 1>"}
+ comm_open 1: comm_close ... metadata {"lite_comms":{"ename":"ZeroDivisionError",...
""",
        },
        ours=True,
    ),
    "an exception in a callback or in a target function": Difference(
        "it is shown as that of a cell is",
        {
            "an on_msg callback that fails": r"""
- comm_msg 1: stderr "... ZeroDivisionError: division by zero\n"
+ comm_msg 1: error ZeroDivisionError: division by zero
""",
            "a target function that fails": r"""
- comm_open 1: stderr "... ZeroDivisionError: division by zero\n"
+ comm_open 1: error ZeroDivisionError: division by zero
""",
            "an on_close callback that fails": r"""
- comm_close 1: stderr "... ZeroDivisionError: division by zero\n"
+ comm_close 1: error ZeroDivisionError: division by zero
""",
        },
        ours=True,
    ),
    "`async def` callbacks": Difference(
        "what they print and raise would be lost",
        {"an awaited callback": r'+ comm_msg 1: stdout "one\ntwo\n"'},
        ours=True,
    ),
    "`onClose` of a comm of the page, when the kernel restarts": Difference(
        "its other end is gone", {"restart": "+ onClose"}
    ),
    "a message for a comm that the kernel does not have": Difference(
        "the page's end would wait for an answer for ever",
        {
            "comms that the kernel does not know": r"""
- comm_msg 1: stderr "No such comm: <comm of the page 1>\n"
- comm_close 1: stderr "No such comm: <comm of the page 2>\n"
+ comm_msg 1: comm_close ... metadata {"lite_comms":{"ename":"LookupError",...
""",
            "a message that crosses the close of the kernel": r"""
- comm_msg 2: stderr "No such comm: <comm of the page 1>\n"
""",
        },
        ours=True,
    ),
    "a message, or the close, before the comm has a callback for it": Difference(
        "in a live cell it comes before the next line has set one",
        {
            "what comes before there is a callback": r"""
+ ...hears {'n': 1}...
+ ...hears {}...
"""
        },
        ours=True,
    ),
    "`send` on a closed comm": Difference(
        "the page drops the message, and you should know",
        {
            "a message after the close of the kernel": r"""
+ cell 1: stderr "<a cell>:3: CommWarning: send on the closed ... the page drops the message...
""",
        },
        ours=True,
    ),
    "`on_msg`, `on_close`": Difference(
        "they work as decorators",
        {"the classes": "+ cell 1: execute_result <function __main__.say(*words, **options)> {}"},
        ours=True,
    ),
    "`create_comm`": Difference(
        "there is one class of comms",
        {
            "the classes": r"""
- cell 1: stdout "True False\nTrue t True 32 b'comm-<comm of the kernel 1>'\n"
+ cell 1: stdout "True True\nTrue t True 32 b'comm-<comm of the kernel 1>'\n"
""",
        },
        ours=True,
    ),
    "`ipykernel.comm.CommManager`": Difference(
        "JupyterLite's stand-in for ipykernel has it so",
        {
            "the classes": r"""
- cell 1: stdout "True True\nTrue\n"
+ cell 1: stdout "True True\nFalse\n"
""",
        },
    ),
    "`post_execute` of IPython, after a callback that fails": Difference(
        "what `pre_execute` has begun must come to its end",
        {
            "events of IPython": r"""
- comm_msg that fails: {"post_execute":1,"post_run_cell":1,"pre_execute":2,"pre_run_cell":1}
+ comm_msg that fails: {"post_execute":2,"post_run_cell":1,"pre_execute":2,"pre_run_cell":1}
""",
        },
        ours=True,
    ),
    "messages while a cell computes, if comms have no subshells": Difference(
        "a cell in the browser is [live](live.md)",
        {
            "messages while a cell computes": r"""
- cell 3: stdout "begins\nends []\n"
+ cell 3: stdout "begins\n"
+ cell 3: stdout "ends [1, 2]\n"
""",
            "Stop while a cell computes, and messages wait": r"""
- cell 2: error KeyboardInterrupt:...
+ cell 2: error KeyboardInterrupt:...
""",
        },
    ),
    "a text that is printed without `flush=True`": Difference(
        "an ipykernel collects what is printed",
        {
            "text that waits for its end": r"""
+ cell 2: stdout "one"
- cell 2: stdout "onetwo\n"
+ cell 2: stdout "two\n"
""",
        },
    ),
    "a strided buffer of Python": Difference(
        "its bytes are well defined",
        {
            "buffers of the kernel": r"""
- strided: {"refused":"ValueError"} []
- reversed: {"refused":"ValueError"} []
+ strided: {"n":1} [[97,99,101]] DataView
+ reversed: {"n":1} [[99,98,97]] DataView
""",
        },
        ours=True,
    ),
    "a view on a part of a buffer, sent by JupyterLab's own comm": Difference(
        "JupyterLab's serializer takes the offset twice",
        {
            "buffers of the page": r"""
- part of one: RangeError
- part of bytes: RangeError
- DataView on a part: RangeError
+ "part of one 1 16...
+ "part of bytes 1 2\nmemoryview B False b'\\x08\\x07'\n"
+ "DataView on a part 1 2\nmemoryview B False b'\\x08\\x07'\n"
""",
        },
    ),
    "`set_parent` of the shell": Difference(
        "there is one parent",
        {
            "set_parent": r"""
- cell 1: stdout "by the kernel True\nby the shell False\n"
+ cell 1: stdout "by the kernel True\nby the shell True\n"
""",
        },
    ),
    "`set_parent` with something else than a message with a header": Difference(
        "the page would not know where to show what follows",
        {
            "set_parent": r"""
- cell 3: stdout "without a header False\n"
+ cell 3: stdout "without a header True\n"
""",
        },
    ),
    '`kernel.get_parent("control")`, `set_parent` with `channel="control"`': Difference(
        "there is no such channel",
        {
            "set_parent": r"""
- cell 2: stdout "by the control channel False True\n"
+ cell 2: stdout "by the control channel False False\n"
""",
        },
    ),
    "the session in the header of a message": Difference(
        "JupyterLab drops messages when it changes",
        {"what a message of the kernel is on the page": "- false\n+ true"},
        site=False,
    ),
    "a result whose display fails": Difference(
        "the cell itself has not failed",
        {
            "a result whose display fails": r"""
- {"status":"error","ename":"NoneType",...
+ {"status":"ok",...
""",
            "cells behind one whose display fails": r"""
- {"status":"error","ename":"NoneType",...
- {"status":"aborted",...
+ cell 2: execute_input
+ cell 2: stdout "second\n"
+ {"status":"ok",...
+ {"status":"ok",...
""",
        },
    ),
    "`silent` of an execute_request": Difference(
        "JupyterLite does not know it",
        {
            "a silent cell": r"""
+ cell 1: execute_input
+ cell 1: execute_result 3 {}
""",
            "replies": r"""
- counted 0
- not kept 1
+ counted 2
+ not kept 3
""",
        },
    ),
    "`user_expressions`, and the metadata of an execute_reply": Difference(
        "JupyterLite does not have them",
        {
            "replies": r"""
- [...,"user_expressions"] [...,"started","status"]
- {"status":"ok","data":{"text/plain":"2"},...} ZeroDivisionError []
- ["ename","engine_info",...] [...,"started","status"]
+ ["execution_count","payload","status"] []
+ undefined undefined []
+ ["ename","evalue","execution_count","payload","status","traceback"] []
""",
        },
    ),
    "kernel_info_reply": Difference(
        "there are no threads, and no debugger",
        {
            "kernel_info_request": r"""
- ["banner",...,"status","supported_features"]
+ ["banner",...,"status"]
- {"name":"python",...,"codemirror_mode":{"name":"ipython","version":3}}
- {"supported_features":["kernel subshells","debugger"]}
+ {"name":"python",...,"codemirror_mode":{"name":"python","version":3}}
+ {"supported_features":[]}
""",
        },
    ),
}
