"""Which worker of pytest-xdist runs which tests: those that share a stand run on one, so that it is started once."""

from xdist.scheduler import LoadFileScheduling

STANDS = {
    "tests/faults": "faults",
    "tests/integration/product": "product",
    "tests/browser": "product",
}
"""By folder: a provisioned account, its web process and its workers."""


class OneWorkerForAStand(LoadFileScheduling):
    """Hands tests out by file, as ``--dist loadfile`` does, but the folders of one stand together."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        folder = file.rpartition("/")[0]
        return STANDS.get(folder, file)
