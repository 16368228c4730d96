"""WhatsApp, by its Cloud API: ``POST /{phone id}/messages`` with a template that WhatsApp approved.

A business may write as it likes only within 24 hours after a customer wrote to it. Everything that this program sends
begins a conversation, so it goes as a template, filled with what the message tells.
"""

import json
from collections.abc import Mapping
from typing import Any

from dairy_app.sending.rules import WHATSAPP_LATER, WHATSAPP_OF_ALL, WhatsappAccount, whatsapp_words
from dairy_app.sending.senders.http import Asking
from dairy_app.sending.senders.letters import ANSWER, PATIENCE, NotNow, Outgoing, Refused, said

_READ = 20_000
#: For a name that stands for nothing: an empty parameter is refused.
_NOTHING = "–"


class WhatsappSender:
    """One telephone of a business."""

    def __init__(self, account: WhatsappAccount, *, patience: float = PATIENCE, answer: float = ANSWER) -> None:
        self._account, self._asking = account, Asking(patience, answer)

    def send(self, letter: Outgoing) -> str:
        """Ask once; returns the id by which receipts name the message. Raises Refused or NotNow."""
        account = self._account
        headers = {"Authorization": f"Bearer {account.token}", "Content-Type": "application/json"}
        body, path = json.dumps(message_of(letter)).encode(), f"{account.server.path}/{account.phone_id}/messages"
        code, text = self._asking.ask(account.server, "POST", path, body, headers, _READ)
        answer = _read(text)
        if 200 <= code < 300:
            made = answer.get("messages")
            if isinstance(made, list) and made and isinstance(made[0], dict) and isinstance(made[0].get("id"), str):
                return str(made[0]["id"])
            raise NotNow("what was answered is no answer", is_down=True)
        raise _judged(letter, code, text, answer)

    def close(self) -> None:
        """Nothing stays open."""


def message_of(letter: Outgoing) -> dict[str, Any]:
    """The request. Raises Refused when there is no template for it, or it cannot be filled.

    ``biz_opaque_callback_data`` comes back with every receipt, also when this answer never arrived.
    """
    approved = letter.approved
    if approved is None:
        raise Refused(
            f"no template that WhatsApp approved for {letter.kind}, {letter.language}: name it on the page Words"
        )
    if letter.told is None:
        raise Refused("it was queued without what a template needs: send it anew")
    components: list[dict[str, Any]] = []
    if approved.has_document:
        components.append({"type": "header", "parameters": [_document(letter.told)]})
    if approved.parameters:
        filled = [_text(each, letter.told, is_numbered=approved.is_numbered) for each in approved.parameters]
        components.append({"type": "body", "parameters": filled})
    template = {"name": approved.name, "language": {"code": approved.language}, "components": components}
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": letter.recipient.lstrip("+"),
        "type": "template",
        "template": template,
        "biz_opaque_callback_data": str(letter.id),
    }


def _text(name: str, told: Mapping[str, str], *, is_numbered: bool) -> dict[str, str]:
    """A parameter; neither line breaks nor rows of spaces are taken in one."""
    value = " ".join(told.get(name, "").split()) or _NOTHING
    named = {} if is_numbered else {"parameter_name": name}
    return {"type": "text", **named, "text": value}


def _document(told: Mapping[str, str]) -> dict[str, Any]:
    name = f"{told['number'].replace('/', '-')}.pdf"
    return {"type": "document", "document": {"link": f"{told['link']}/pdf", "filename": name}}


def _read(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _judged(letter: Outgoing, status: int, text: bytes, answer: dict[str, Any]) -> Exception:
    error = answer.get("error")
    if not isinstance(error, dict) or not isinstance(error.get("code"), int):
        words = said(letter, status, text)
        if status in {401, 403, 404, 408, 429} or not 400 <= status < 500:
            return NotNow(words, is_down=True)
        return Refused(words)
    code = error["code"]
    words = whatsapp_words(code, error)
    if code in WHATSAPP_OF_ALL or status == 429:
        return NotNow(words, is_down=True)
    return NotNow(words) if code in WHATSAPP_LATER or status >= 500 else Refused(words)
