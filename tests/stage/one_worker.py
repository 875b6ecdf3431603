"""Which worker of pytest-xdist runs which tests: those that share a stand run on one, so that it is started once."""

from xdist.scheduler import LoadFileScheduling

FOLDERS = ("tests/faults", "tests/integration/product")
"""Each has a stand for all of its files: a provisioned account, its web process and its workers."""


class OneWorkerForAStand(LoadFileScheduling):
    """Hands tests out by file, as ``--dist loadfile`` does, but a folder with a stand of its own as a whole."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        folder = file.rpartition("/")[0]
        return folder if folder in FOLDERS else file
