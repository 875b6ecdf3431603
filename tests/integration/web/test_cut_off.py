"""An export that breaks off, as its reader sees it on the wire."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from stage.polling import until
from stage.product import BIN, REPOSITORY, STOP_SECONDS, bare_environment

from ems.local.processes import free_port

pytestmark = pytest.mark.processes

HERE = Path(__file__).parent
THREADED = ("--worker-class", "gthread", "--threads", "4", "--no-control-socket")
"""As in the Procfile."""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The edge on fakes, served as the Procfile serves the real one."""
    port, log = free_port(), tmp_path / "gunicorn.log"
    with log.open("wb") as output:
        web = subprocess.Popen(
            [BIN / "gunicorn", "cut_off_app:app", "--bind", f"127.0.0.1:{port}", *THREADED],
            cwd=REPOSITORY,
            env=bare_environment(PYTHONPATH=f"{HERE}:{REPOSITORY / 'tests'}"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def answers() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=10).ok
        except requests.ConnectionError:
            return web.poll() is not None

    try:
        until(answers)
        assert web.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        web.terminate()
        web.wait(STOP_SECONDS)


def test_an_export_that_breaks_off_is_no_whole_transfer_and_its_last_line_says_why(url: str) -> None:
    received: list[bytes] = []
    headers = {"Authorization": "Bearer read"}
    with requests.get(f"{url}/campaigns/welcome/emails.ndjson", headers=headers, stream=True, timeout=30) as answer:
        assert answer.status_code == 200
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            received.extend(answer.iter_content(chunk_size=None))

    *mails, last = [json.loads(line) for line in b"".join(received).splitlines()]
    assert [mail["email_id"] for mail in mails] == ["em-0", "em-1"]
    assert last == {"incomplete": "DynamoDB is not available: cannot list mails"}
