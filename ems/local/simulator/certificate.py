"""Where the simulator's SNS signing certificate lives; known without asking it, so that a launcher can tell EMS."""

CERTIFICATE_PATH = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"


def certificate_url(port: int) -> str:
    """Return the URL of the certificate that a simulator on *port* signs its SNS messages with."""
    return f"http://127.0.0.1:{port}{CERTIFICATE_PATH}"
