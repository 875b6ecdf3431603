"""``POST /webhooks/ses``: what SNS posts."""

from http import HTTPStatus

from ems.web.answers import WebhookTaken
from ems.web.operations import Post, operation
from ems.web.problems import ProblemError
from ems.web.services import Intake


class Webhooks:
    """Takes SNS posts. The signature is the authentication, so there is no key."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    @operation("POST /webhooks/ses", scope=None, tag="webhooks", problems=(400, 403, 413, 503))
    def receive_ses_event(self, post: Post) -> WebhookTaken:
        """Take an SNS envelope with an SES event.

        Any content type. 200 settles it, 4xx refuses a forged or broken one for good, 503 asks SNS to post it again.
        """
        result = self._intake.receive(post.body, post.headers)
        if result.status_code != HTTPStatus.OK:
            raise ProblemError(result.status_code, result.reason)
        return WebhookTaken(reason=result.reason)
