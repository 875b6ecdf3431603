"""All mails of a campaign or a batch, as files that are written while they are read."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from flask import Response

from ems.history.formats import FORMATS, FormatName, written
from ems.sending.emails import EmailView
from ems.web.bodies import ExportQuery
from ems.web.operations import operation
from ems.web.services import Exports as ExportService

Handler = TypeVar("Handler", bound=Callable[..., Response])


def _export(mails: str, form: FormatName) -> Callable[[Handler], Handler]:
    """Describe the operation that writes *mails*, a path, in one format."""
    media_type = FORMATS[form].media_type
    return operation(f"GET {mails}.{form}", scope="read", tag="emails", problems=(404, 503), media_type=media_type)


class Exports:
    """Writes mails into files."""

    def __init__(self, exports: ExportService) -> None:
        self._exports = exports

    @_export("/campaigns/{campaign_id}/emails", "csv")
    def export_campaign_csv(self, campaign_id: str, query: ExportQuery) -> Response:
        """Export the mails of a campaign as CSV.

        One row a mail, of any number, with first and last time and count for each type of event. A text that a
        spreadsheet would run as a formula has an apostrophe before it. An export that cannot be finished ends with a
        row that begins with #incomplete, and its transfer without the last chunk. Mails of a batch appear once a sender
        has come to them.
        """
        return _file(self._exports.campaign(campaign_id, status=query.status), campaign_id, "csv")

    @_export("/campaigns/{campaign_id}/emails", "ndjson")
    def export_campaign_ndjson(self, campaign_id: str, query: ExportQuery) -> Response:
        """Export the mails of a campaign as lines of JSON.

        One object a mail, of any number; moments holds first and last time and count by type of event. An export that
        cannot be finished ends with an object that has incomplete alone, and its transfer without the last chunk. Mails
        of a batch appear once a sender has come to them.
        """
        return _file(self._exports.campaign(campaign_id, status=query.status), campaign_id, "ndjson")

    @_export("/batches/{batch_id}/emails", "csv")
    def export_batch_csv(self, batch_id: str, query: ExportQuery) -> Response:
        """Export the mails of a batch as CSV, in the form of a campaign's export."""
        return _file(self._exports.batch(batch_id, status=query.status), batch_id, "csv")

    @_export("/batches/{batch_id}/emails", "ndjson")
    def export_batch_ndjson(self, batch_id: str, query: ExportQuery) -> Response:
        """Export the mails of a batch as lines of JSON, in the form of a campaign's export."""
        return _file(self._exports.batch(batch_id, status=query.status), batch_id, "ndjson")


def _file(export: Iterator[Sequence[EmailView]], name: str, form: FormatName) -> Response:
    """Answer with a file of unknown length; an error on the way breaks the connection off (gunicorn does)."""
    response = Response(written(export, FORMATS[form]), mimetype=FORMATS[form].media_type)
    response.headers.set("Content-Disposition", "attachment", filename=f"{name}.{form}")
    response.headers["Cache-Control"] = "no-store"
    return response
