"""SES templates."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from ems.aws.patience import code_of, patiently
from ems.errors import ConflictError, InvalidError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

Answer = TypeVar("Answer")


class SesTemplates:
    """Creates and reads templates. Their names say their content, so a template is never changed, only created."""

    def __init__(self, client: "SESV2Client", *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep

    def create(self, name: str, *, subject: str, html: str | None, text: str | None) -> None:
        """Create a template; one of this name is taken for the same template from an earlier try.

        Raises:
            InvalidError: SES refuses the template.
            ConflictError: The account holds as many templates as SES allows.
            UnavailableError: SES cannot be reached or keeps throttling.
        """
        content = {"Subject": subject, "Html": html, "Text": text}
        given: Any = {part: source for part, source in content.items() if source is not None}
        try:
            self._patiently(lambda: self._client.create_email_template(TemplateName=name, TemplateContent=given))
        except ClientError as error:
            if code_of(error) == "AlreadyExistsException":
                return
            raise _refusal(error) from error

    def read(self, name: str) -> tuple[str | None, str | None]:
        """Return the HTML and the text of a template.

        Raises:
            UnavailableError: SES cannot be reached, keeps throttling, or has lost the template.
        """
        try:
            answer = self._patiently(lambda: self._client.get_email_template(TemplateName=name))
        except ClientError as error:
            raise UnavailableError("SES", f"cannot read the template {name} ({code_of(error)})") from error
        content = answer["TemplateContent"]
        return content.get("Html"), content.get("Text")

    def _patiently(self, call: Callable[[], Answer]) -> Answer:
        """Repeat a call that was throttled or lost: creating a template twice is creating it once."""
        return patiently(call, doing="the template call", sleep=self._sleep)


def _refusal(error: ClientError) -> Exception:
    code = code_of(error)
    if code == "BadRequestException":
        return InvalidError("template", f"SES refuses it: {error.response['Error'].get('Message', code)}")
    if code == "LimitExceededException":
        return ConflictError("the SES account holds as many templates as it may (10,000); delete old ems-* templates")
    return UnavailableError("SES", f"cannot create the template ({code})")
