"""An SMTP server that keeps what it gets: smtp_server.py PORT OUT [OPTION=VALUE...]

One JSON object a line in OUT for each mail. Options: cert and key (files) give it STARTTLS, or with
implicit=1 TLS from the start; user and password a login; refuse an address that it does not take.
"""

import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Keeper:
    def __init__(self, out, refused):
        self.out, self.refused = out, refused

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail = {
            "sender": envelope.mail_from,
            "recipients": envelope.rcpt_tos,
            "login": session.auth_data,
            "tls": session.ssl is not None or self.implicit,
            "from": message["From"],
            "to": message["To"],
            "subject": message["Subject"],
            "dated": message["Date"] is not None,
            "numbered": message["Message-ID"] is not None,
            "mime": message["MIME-Version"],
            "type": message.get_content_type(),
            "body": message.get_content().replace("\r\n", "\n").rstrip("\n"),
        }
        with open(self.out, "a") as out:
            out.write(json.dumps(mail) + "\n")
        return "250 OK"


def main():
    options = dict(word.split("=", 1) for word in sys.argv[3:])
    keeper = Keeper(sys.argv[2], options.get("refuse"))
    keeper.implicit = "implicit" in options
    context = None
    if "cert" in options:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["cert"], options["key"])
    settings = {}
    if keeper.implicit:
        settings["ssl_context"] = context
    elif context:
        settings["tls_context"] = context
    if "user" in options:
        wanted = (options["user"].encode(), options["password"].encode())

        def authenticate(server, session, envelope, mechanism, data):
            right = (data.login, data.password) == wanted
            return AuthResult(success=right, handled=False, auth_data=data.login.decode())

        settings.update(authenticator=authenticate, auth_require_tls=False)
    controller = Controller(keeper, hostname="127.0.0.1", port=int(sys.argv[1]), **settings)
    controller.start()
    sys.stdin.read()
    controller.stop()


main()
