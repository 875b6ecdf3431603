"""The embedded AWS as child processes: ministack for SQS, SNS and DynamoDB, the simulator for SES and signed SNS.

The product never learns that it runs locally: :meth:`LocalAws.environment` is all that differs.
"""

import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from ems.local.processes import LOOPBACK, Running, Service, ServiceError, free_port, port_of
from ems.local.simulator.certificate import certificate_url

__all__ = ["LocalAws", "ServiceError", "free_port", "run_local"]

DEFAULT_AWS_PORT = 4566
DEFAULT_SES_PORT = 4570
REGION = "us-east-1"
DEFAULT_STATE_DIR = Path(".var") / "local"
WATCH_SECONDS = 0.5


def ministack_python() -> Path:
    """Find a Python that has ministack: ``EMS_LOCAL_AWS_PYTHON``, else that of ``.venv-aws`` (``make install``).

    It has an environment of its own because it pins an exact botocore, and the product's boto3 stays free.

    Raises:
        ServiceError: It is not there.
    """
    named = os.environ.get("EMS_LOCAL_AWS_PYTHON")
    python = Path(named) if named else Path(sys.prefix).parent / ".venv-aws" / "bin" / "python"
    if not python.is_file():
        raise ServiceError(f"{python} does not exist: run `make install`, or set EMS_LOCAL_AWS_PYTHON")
    return python


class LocalAws(Running):
    """The embedded services; as a context manager it starts them, waits until they answer, and stops them.

    Args:
        aws_port: ministack's port.
        ses_port: The simulator's port; ``None`` leaves it out, and SNS is ministack's then.
        state_dir: Takes the services' logs and temporary files; created when missing.
        rate: The account's MaxSendRate in recipients a second.
        simulator_options: Further command-line options of ``python -m ems.local.simulator``.
    """

    def __init__(
        self,
        *,
        aws_port: int,
        ses_port: int | None,
        state_dir: Path,
        rate: float = 100,
        simulator_options: Sequence[str] = (),
    ) -> None:
        self.aws_port = aws_port
        self.ses_port = ses_port
        self._state_dir = state_dir
        self._rate = rate
        self._simulator_options = simulator_options
        self._services: list[Service] = []

    @property
    def aws_url(self) -> str:
        """Where SQS and DynamoDB answer."""
        return f"http://{LOOPBACK}:{self.aws_port}"

    @property
    def ses_url(self) -> str | None:
        """Where the simulator answers SES and SNS, and shows its mails; ``None`` without it."""
        return None if self.ses_port is None else f"http://{LOOPBACK}:{self.ses_port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that point an EMS process, or any AWS SDK, at these services."""
        variables = {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": self.aws_url,
            # Named one by one too: a variable for one service in the caller's environment would win over the general.
            "AWS_ENDPOINT_URL_SQS": self.aws_url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.aws_url,
            "AWS_ENDPOINT_URL_SNS": self.ses_url or self.aws_url,
            "AWS_ENDPOINT_URL_SESV2": self.ses_url or self.aws_url,
        }
        if self.ses_port is not None:
            variables["EMS_SNS_CERT_URL"] = certificate_url(self.ses_port)
        return variables

    def start(self) -> None:
        """Start the services and return when all answer.

        Raises:
            ServiceError: A port is taken, ministack is not installed, or a service does not come up.
        """
        self._state_dir.mkdir(parents=True, exist_ok=True)
        self._services = [self._ministack(), *([] if self.ses_port is None else [self._simulator(self.ses_port)])]
        try:
            for service in self._services:
                service.start()
            for service in self._services:
                service.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def check(self) -> None:
        """Raise :class:`ServiceError` when a service has ended."""
        for service in self._services:
            service.check()

    def stop(self) -> None:
        """Stop the services, the newest first."""
        while self._services:
            self._services.pop().stop()

    def _ministack(self) -> Service:
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "TMPDIR": str(self._state_dir),
            "STATE_DIR": str(self._state_dir / "aws"),
            "BIND_HOST": LOOPBACK,
            "GATEWAY_PORT": str(self.aws_port),
            "LOG_LEVEL": "WARNING",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        return Service(
            "ministack",
            [str(ministack_python()), str(Path(__file__).with_name("emulator.py")), str(self.aws_port)],
            port=self.aws_port,
            health="/_ministack/health",
            environment=environment,
            log=self._state_dir / "ministack.log",
        )

    def _simulator(self, port: int) -> Service:
        command = [sys.executable, "-m", "ems.local.simulator", "--port", str(port), "--rate", str(self._rate)]
        return Service(
            "the SES simulator",
            [*command, *self._simulator_options],
            port=port,
            health="/_simulator/health",
            environment={**os.environ, **self.environment()},
            log=self._state_dir / "simulator.log",
        )


def run_local(
    *,
    without_ses: bool = False,
    aws_port: int | None = None,
    ses_port: int | None = None,
    state_dir: Path = DEFAULT_STATE_DIR,
    rate: float = 100,
) -> None:
    """Serve the embedded AWS until Ctrl-C or SIGTERM; what ``ems local`` does.

    Ports left out come from ``EMS_LOCAL_AWS_PORT`` and ``EMS_LOCAL_SES_PORT``.

    Raises:
        ServiceError: A port is none or is taken, ministack is not installed, or a service does not come up or ends.
    """
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
    local = LocalAws(
        aws_port=aws_port or port_of("EMS_LOCAL_AWS_PORT", DEFAULT_AWS_PORT),
        ses_port=None if without_ses else ses_port or port_of("EMS_LOCAL_SES_PORT", DEFAULT_SES_PORT),
        state_dir=state_dir,
        rate=rate,
    )
    with local:
        _announce(local)
        while not stop.wait(WATCH_SECONDS):
            local.check()


def _announce(local: LocalAws) -> None:
    lines = [f"export {name}={value}" for name, value in local.environment().items()]
    if local.ses_url:
        lines.append(f"# mails, events and the report: {local.ses_url}/")
    lines.append("# the embedded AWS is up; Ctrl-C stops it")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
