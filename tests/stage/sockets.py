"""Which process is at the other end of a connection on this machine. Linux only (``/proc``)."""

from pathlib import Path

PROC = Path("/proc")
ESTABLISHED = "01"


def owner(*, client_port: int, server_port: int) -> int:
    """Return the process that holds the client's end of a loopback connection.

    Raises:
        LookupError: Nobody does; the client has ended meanwhile.
    """
    inode = _inode(client_port=client_port, server_port=server_port)
    link = f"socket:[{inode}]"
    for process in PROC.iterdir():
        if process.name.isdigit() and link in _open_files(process):
            return int(process.name)
    raise LookupError(f"no process holds port {client_port}")


def _inode(*, client_port: int, server_port: int) -> str:
    """Find the socket (proc(5), ``/proc/net/tcp``: local and remote address in hex, state, ..., inode)."""
    for line in (PROC / "net" / "tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *_rest = fields = line.split()
        if state == ESTABLISHED and (_port(local), _port(remote)) == (client_port, server_port):
            return fields[9]
    raise LookupError(f"no connection from port {client_port}")


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _open_files(process: Path) -> set[str]:
    try:
        return {str(file.readlink()) for file in (process / "fd").iterdir()}
    except OSError:  # it has ended meanwhile, or is not ours
        return set()
