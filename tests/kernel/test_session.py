"""Messages that are sent by hand."""

from __future__ import annotations

from lite_comms._kernel.session import IOPUB, Output, Session


def test_a_message_that_is_sent_without_a_parent_has_that_of_what_runs() -> None:
    sent: list[Output] = []

    def publish(output: Output) -> bool:
        sent.append(output)
        return True

    session = Session(publish)

    session.send(IOPUB, "mine", {"a": 1})
    session.send(IOPUB, session.msg("mine", {"a": 1}))
    session.send(IOPUB, "mine", parent={"msg_id": "x"})

    assert [output.header for output in sent] == [None, None, {"msg_id": "x"}]
