"""What arrives equals what a server kernel delivers: the table through a real ipykernel."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable, Iterator

import pytest

from lite_comms import Comm, CommManager, MemoryTransport
from lite_comms._wire.codec import from_page, to_page
from tests.values.case import Case, Record, refused, seen
from tests.values.table import CASES, EXPLAINED, IN_SUMMER_TIME_ZONES, PAGE_VALUES

from .kernels import Received, ServerKernel

pytestmark = pytest.mark.server

# ipykernel's own comm. Each case is one message: of the comm "values", or of
# the comm "refused", with the record of the error.
SEND_ALL = """
import warnings
import comm
from tests.values.case import refused
from tests.values.table import CASES

warnings.simplefilter("ignore")
values = comm.create_comm(target_name="values", comm_id="values")
refusals = comm.create_comm(target_name="refusals", comm_id="refused")
for case in CASES:
    try:
        values.send(**case.arguments())
    except Exception as error:
        refusals.send(refused(error))
"""

HEAR = """
import comm

def target(opened, msg):
    opened.on_msg(lambda msg: opened.send({"repr": repr(msg["content"]["data"])}))

comm.get_comm_manager().register_target("hear", target)
"""

ON_ITS_OWN = "import sys; assert 'lite_comms' not in sys.modules"


def sent_records(received: Iterable[Received]) -> dict[str, Record]:
    """Read what has come of SEND_ALL."""
    messages = [msg for msg in received if msg.msg_type == "comm_msg"]
    records = {}
    for case, msg in zip(CASES, messages, strict=True):
        content = json.loads(msg.content)
        records[case.name] = (
            content["data"]
            if content["comm_id"] == "refused"
            else seen(json.dumps(content["data"]), msg.metadata, msg.buffers)
        )
    return records


@pytest.fixture(scope="module", params=["UTC", "Europe/Berlin", "America/New_York"])
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """A time zone, which this process is in as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.fixture(scope="module")
def on_server(zone: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    with ServerKernel(tmp_path_factory.mktemp("ipython"), TZ=zone) as kernel:
        records = sent_records(kernel.run(SEND_ALL))
        kernel.run(ON_ITS_OWN)
    return records


@pytest.fixture
def page_comm(zone: str) -> tuple[MemoryTransport, Comm]:
    page = MemoryTransport()
    comm = Comm("values", primary=False, manager=CommManager(page))
    return page, comm


def outcome(page: MemoryTransport, comm: Comm, case: Case) -> Record:
    """Send a case by lite_comms; what the page has received, or the error."""
    try:
        comm.send(**case.arguments())
    except Exception as error:
        return refused(error)
    page.deliver()
    (msg,) = page.received
    data, metadata = json.dumps(msg["content"]["data"]), json.dumps(msg["metadata"])
    return seen(data, metadata, msg["buffers"])


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name not in EXPLAINED], ids=lambda case: case.name
)
def test_a_value_arrives_as_from_a_server_kernel(
    case: Case, on_server: dict[str, Record], page_comm: tuple[MemoryTransport, Comm]
) -> None:
    assert outcome(*page_comm, case) == on_server[case.name]


def test_the_explained_differences_are_those_that_exist(
    on_server: dict[str, Record], page_comm: tuple[MemoryTransport, Comm]
) -> None:
    page, comm = page_comm
    different = set()
    for case in CASES:
        if outcome(page, comm, case) != on_server[case.name]:
            different.add(case.name)
        page.received.clear()

    expected = set(EXPLAINED) if time.daylight else set(EXPLAINED) - {IN_SUMMER_TIME_ZONES}
    assert different == expected


@pytest.fixture(scope="module")
def from_page_texts() -> dict[str, str]:
    """The JSON that a page makes of the expressions."""
    script = "process.stdout.write(JSON.stringify([{}].map(value => JSON.stringify(value))))"
    done = subprocess.run(
        ["node", "--eval", script.format(", ".join(f"({js})" for js in PAGE_VALUES.values()))],
        check=True,
        capture_output=True,
    )
    return dict(zip(PAGE_VALUES, json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def in_server(
    from_page_texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The repr of each value of the page in a server kernel."""
    records = {}
    with ServerKernel(tmp_path_factory.mktemp("ipython")) as kernel:
        kernel.run(HEAR)
        kernel.run(ON_ITS_OWN)
        kernel.tell("comm_open", {"comm_id": "c", "target_name": "hear", "data": {}})
        for name, text in from_page_texts.items():
            content = f'{{"comm_id": "c", "data": {text}}}'.encode()
            (answer,) = kernel.tell("comm_msg", content)
            records[name] = answer.data["repr"]
    return records


@pytest.mark.parametrize("name", PAGE_VALUES)
def test_a_value_of_the_page_arrives_as_in_a_server_kernel(
    name: str, from_page_texts: dict[str, str], in_server: dict[str, str]
) -> None:
    assert repr(from_page(to_page(from_page_texts[name]))) == in_server[name]
