"""TLS contexts from settings."""

from __future__ import annotations

import ssl

from mergelaw.server.config import ConfigError
from mergelaw.server.settings import Settings


def for_clients(settings: Settings) -> ssl.SSLContext | None:
    """The context of the client port over TLS; None where there is none. Raises: ConfigError."""
    if not settings.tls_port:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load(context, "tls", settings.tls_cert_file, settings.tls_key_file, settings.tls_key_file_pass)
    if settings.tls_auth_clients != "no":
        _trust(context, "tls-ca-cert-file", settings.tls_ca_cert_file)
        context.verify_mode = ssl.CERT_REQUIRED if settings.tls_auth_clients == "yes" else ssl.CERT_OPTIONAL
    return context


def for_peers(settings: Settings) -> tuple[ssl.SSLContext, ssl.SSLContext] | None:
    """The contexts of the peer port: of who is dialed and of who dials; None without. Raises: ConfigError.

    Both sides show a certificate of the same authority. Names are not compared: an instance is told by its id, which it
    proves with the shared secret, and may be reached under any address.
    """
    if not settings.peer_tls_cert_file:
        return None
    contexts = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context in contexts:
        context.check_hostname = False
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        _load(context, "peer-tls", settings.peer_tls_cert_file, settings.peer_tls_key_file, "")
        _trust(context, "peer-tls-ca-cert-file", settings.peer_tls_ca_cert_file)
    return contexts


def _load(context: ssl.SSLContext, kind: str, certificate: str, key: str, password: str) -> None:
    try:
        # A password is always given: without one OpenSSL would ask at the terminal.
        context.load_cert_chain(certificate, key, password or "")
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"{kind}-cert-file",
            "the files",
            f"{certificate} and {key} do not open: {error}",
            "Name a pair in PEM form.",
        ) from None


def _trust(context: ssl.SSLContext, name: str, file: str) -> None:
    try:
        context.load_verify_locations(file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(name, "the file", f"{file} holds no certificate: {error}", "Name a PEM file.") from None
