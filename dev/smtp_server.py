"""The server that dev/smtp starts: python smtp_server.py PORT TLS_PORT CERTIFICATE KEY USER PASSWORD_FILE MAILS"""

import asyncio
import email
import email.policy
import hashlib
import json
import ssl
import sys
from pathlib import Path

import dkim
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

HOST = "127.0.0.1"
REFUSALS = {
    "nobody": "550 5.1.1 no such mailbox",
    "full": "452 4.2.2 the mailbox is full",
    "spam": "554 5.7.1 refused by policy",
}


def signed(content, record):
    """Whether a mail's signature is that of the key in this file, which stands for DNS; None: it has no signature."""
    if b"\nDKIM-Signature:" not in b"\n" + content:
        return None
    asked = []

    def dns(name, timeout=5):
        asked.append(name.decode())
        return record.read_bytes() if record.exists() else None

    return {"good": dkim.verify(content, dnsfunc=dns), "asked": asked}


class Handler:
    """Takes mails, and writes what Python's own parser reads in them."""

    def __init__(self, mails):
        self._mails = mails

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name in REFUSALS:
            return REFUSALS[name]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        bodies = {kind: message.get_body((kind,)) for kind in ("plain", "html")}
        contents = {kind: body and body.get_content() for kind, body in bodies.items()}
        line = {
            "tls": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name: str(value) for name, value in message.items()},
            "text": contents["plain"],
            "html": contents["html"],
            "files": [
                {
                    "name": part.get_filename(),
                    "type": part.get_content_type(),
                    "sha256": hashlib.sha256(part.get_payload(decode=True)).hexdigest(),
                }
                for part in message.iter_attachments()
            ],
            "dkim": signed(envelope.content, Path(self._mails).with_name("dkim.txt")),
            "defects": [str(defect) for part in message.walk() for defect in part.defects],
        }
        with open(self._mails, "a") as mails:
            mails.write(json.dumps(line) + "\n")
        return "250 OK"


async def serve(port, tls_port, certificate, key, user, password_file, mails):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    login = LoginPassword(user.encode(), Path(password_file).read_bytes())

    def authenticate(server, session, envelope, mechanism, data):
        return AuthResult(success=data == login, auth_data=data, handled=False)

    def session(**how):
        return SMTP(Handler(mails), hostname="localhost", authenticator=authenticate, auth_required=True, **how)

    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: session(tls_context=context, require_starttls=True), HOST, int(port))
    # aiosmtpd knows of STARTTLS alone; on a connection that was TLS before it, logging in is as safe.
    await loop.create_server(lambda: session(auth_require_tls=False), HOST, int(tls_port), ssl=context)
    await asyncio.Event().wait()


asyncio.run(serve(*sys.argv[1:]))
