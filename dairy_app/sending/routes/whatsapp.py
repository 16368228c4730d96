"""``/gateways/whatsapp/webhook``: WhatsApp says what became of messages."""

import hmac
from typing import Any

from flask import Response, current_app

from dairy_app.common.errors import Problem
from dairy_app.sending.schemas import ReceivedOut, WhatsappReceiptsIn, WhatsappVerifyQuery
from dairy_app.sending.service import receipts as service
from dairy_app.web.access import allow_anyone
from dairy_app.web.http import Blueprint, current_session

gateways = Blueprint("whatsapp", __name__, description="What other servers tell of messages")
_CHALLENGE = {"type": "string", "description": "What was in `hub.challenge`.", "example": "1158201444"}


@gateways.route("/gateways/whatsapp/webhook")
@gateways.arguments(WhatsappVerifyQuery, location="query")
@gateways.response(200, _CHALLENGE, content_type="text/plain")
@allow_anyone()
def verify_whatsapp(query: dict[str, Any]) -> Response:
    """WhatsApp asks whether receipts shall go here, and is answered if it knows the word for that."""
    token = current_app.config["DAIRY"].whatsapp_verify_token
    if not (token and hmac.compare_digest(query["verify_token"].encode(), token.encode())):
        raise Problem("bad_signature")
    return Response(query["challenge"], content_type="text/plain")


@gateways.route("/gateways/whatsapp/webhook", methods=["POST"])
@gateways.arguments(WhatsappReceiptsIn)
@gateways.response(200, ReceivedOut)
@allow_anyone()
def whatsapp_receipts(told: dict[str, Any]) -> dict[str, int]:
    """Receipts, in whatever order and however often: delivered is delivered, and what failed says why."""
    return {"messages": service.receive_whatsapp(current_session(), told["entry"])}
