"""One simulated account, wired."""

import random
import time

from ems.local.simulator.account import Account
from ems.local.simulator.certificate import certificate_url
from ems.local.simulator.courier import Courier
from ems.local.simulator.delivery import Delivery
from ems.local.simulator.envelopes import Envelopes
from ems.local.simulator.faults import Faults
from ems.local.simulator.mails import Mailbox
from ems.local.simulator.options import Options
from ems.local.simulator.rate import Quotas
from ems.local.simulator.report import Ledger
from ems.local.simulator.sending import Sender
from ems.local.simulator.signing import Signer
from ems.local.simulator.templates import TemplateStore
from ems.local.simulator.topics import Topics


class Simulator:
    """The parts of a running simulator; the HTTP modules reach them through this."""

    def __init__(self, options: Options, *, quotas: Quotas) -> None:
        self.options = options
        self.quotas = quotas
        self.account = Account()
        self.templates = TemplateStore()
        self.topics = Topics()
        self.mailbox = Mailbox(kept_bodies=options.kept_bodies)
        self.ledger = Ledger()
        self.faults = Faults(random.Random(options.seed))  # noqa: S311 - faults by chance, no secrets
        self.signer = Signer()
        self.delivery = Delivery(
            Envelopes(base_url=options.base_url, certificate_url=certificate_url(options.port), signer=self.signer)
        )
        self.courier = Courier(
            options=options,
            account=self.account,
            topics=self.topics,
            delivery=self.delivery,
            ledger=self.ledger,
            faults=self.faults,
        )
        self.sender = Sender(
            account=self.account,
            templates=self.templates,
            quotas=quotas,
            mailbox=self.mailbox,
            ledger=self.ledger,
            faults=self.faults,
            deliver=self.courier.accept,
        )

    def reset(self) -> None:
        """Forget mails, figures and used quota; templates, topics and configuration sets stay."""
        self.quotas.rate.forgive(now=time.monotonic())
        self.quotas.daily.forget()
        self.mailbox.clear()
        self.ledger.reset()
