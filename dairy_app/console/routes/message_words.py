"""The words of messages: by kind, language and way, shown as somebody would read them; and what is sent by itself."""

from typing import Any
from urllib.parse import urlencode

from flask import Response, url_for
from marshmallow import fields

from dairy_app.common.errors import Problem
from dairy_app.console.routes import frame
from dairy_app.console.routes.frame import Form, PageQuery, console
from dairy_app.outbox.models import CHANNELS
from dairy_app.outbox.rules import BY_THEMSELVES, WITH_DOCUMENT
from dairy_app.web import validate
from dairy_app.web.access import Role, allow
from dairy_app.web.inside import act, admits, ask

WHO = (Role.ADMIN, Role.ACCOUNTANT)
#: More words than seven kinds, all languages and all ways have.
MOST = 200
_TEXTS = ("subject", "body")
_AT_WHATSAPP = ("whatsapp_name", "whatsapp_language")
_TICKS = ("whatsapp_numbered", "whatsapp_document")


class WordsQuery(PageQuery):
    """Which words of a kind."""

    language = fields.String(validate=validate.Length(max=3))
    channel = fields.String(validate=validate.OneOf(["", *CHANNELS]))


@console.route("/message-words")
@console.arguments(PageQuery, location="query")
@allow(*WHO, page=True)
def message_words(query: dict[str, str]) -> Response:
    """Every kind, whether it is sent by itself, and whose words it has in which language and by which way."""
    del query
    return _list()


def _list(**names: Any) -> Response:
    own = {(each["kind"], each["language"], each["channel"]) for each in ask("/message-templates", limit=MOST)["items"]}
    names |= {
        "usual": ask("/message-templates/usual")["items"],
        "kinds": ask("/message-kinds", limit=MOST)["items"],
        "own": own,
        "channels": (None, *CHANNELS),
        "may_change": admits("/message-kinds/low_balance", "PATCH"),
    }
    names.setdefault("form", {})
    return frame.page("message_words.html", **names)


@console.route("/message-words/kinds/<kind>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(Role.ADMIN, page=True)
def change_message_kind(form: dict[str, str], kind: str) -> Response:
    """Send a kind by itself from now on, or no more."""
    if kind not in BY_THEMSELVES:
        raise Problem("not_found")
    body: dict[str, Any] = {"is_on": form.get("is_on") == "yes"}
    body |= {name: form.get(name, "").strip() or None for name in ("quiet_from", "quiet_to")}
    body |= frame.fields_of(form, "below")
    address = url_for("console.message_words")
    refused = frame.send(
        lambda: act("PATCH", f"/message-kinds/{kind}", body),
        lambda **shown: _list(changing=kind, **shown),
        address,
    )
    return refused or frame.done(f"{address}#{kind}", "message_kind")


@console.route("/message-words/<kind>")
@console.arguments(WordsQuery, location="query")
@allow(*WHO, page=True)
def words_of_kind(query: dict[str, str], kind: str) -> Response:
    """The words of a kind in a language by a way: the dairy's own, else those that are taken without."""
    return _words(kind, query.get("language") or "en", query.get("channel") or None)


def _words(kind: str, language: str, channel: str | None, **names: Any) -> Response:
    found = [
        each
        for each in ask("/message-templates", limit=MOST)["items"]
        if (each["kind"], each["language"]) == (kind, language)
    ]
    by_way = {each["channel"]: each for each in found}
    known = ask("/message-templates/usual")["items"]
    usual = next((each for each in known if (each["kind"], each["language"]) == (kind, language)), None)
    if usual is None:
        raise Problem("not_found")
    own = by_way.get(channel)
    shown = own or by_way.get(None) or usual
    names.setdefault("form", {})
    typed = names["form"] or shown
    names |= {
        "kind": kind,
        "language": language,
        "channel": channel,
        "usual": usual,
        "own": own,
        "typed": typed,
        "ticked": {name: bool(typed.get(name)) for name in _TICKS},
        "has_subject": channel in (None, "email"),
        "has_document": kind in WITH_DOCUMENT,
        "may_change": admits("/message-templates", "POST"),
    }
    if "told" not in names and not names.get("refused"):
        names["told"] = act("POST", "/message-templates/preview", _body(kind, language, channel, _plain(shown)))
    return frame.page("words_of_kind.html", **names)


@console.route("/message-words/<kind>", methods=["POST"])
@console.arguments(Form, location="form")
@allow(*WHO, page=True)
def change_words(form: dict[str, str], kind: str) -> Response:
    """Show what a message would say, keep the words, or take the usual ones again."""
    language, channel = form.get("language", ""), form.get("channel") or None
    query = urlencode({name: value for name, value in (("language", language), ("channel", channel)) if value})
    address = f"{url_for('console.words_of_kind', kind=kind)}?{query}"
    body, told = _body(kind, language, channel, form), dict[str, Any]()

    def again(**names: Any) -> Response:
        return _words(kind, language, channel, **names)

    if form.get("do") == "usual":
        path = f"/message-templates/{frame.part_of_address(form, 'message_template_id')}"
        return frame.send(lambda: act("DELETE", path), again, address) or frame.done(address, "words_usual")
    if form.get("do") == "save":
        return frame.send(lambda: _keep(form, body), again, address) or frame.done(address, "words_kept")
    refused = frame.send(lambda: told.update(act("POST", "/message-templates/preview", body)), again, address)
    return refused or again(told=told, form=form)


def _keep(form: dict[str, str], body: dict[str, Any]) -> None:
    if form.get("message_template_id"):
        change = {name: value for name, value in body.items() if name not in ("kind", "language", "channel")}
        act("PATCH", f"/message-templates/{frame.part_of_address(form, 'message_template_id')}", change)
    else:
        act("POST", "/message-templates", body, key=form.get("key"))


def _body(kind: str, language: str, channel: str | None, form: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"kind": kind, "language": language, "channel": channel}
    body |= {name: form.get(name, "").replace("\r\n", "\n").strip() for name in _TEXTS}
    body["subject"] = (channel in (None, "email") and body["subject"]) or None
    if channel == "whatsapp":
        body |= {name: form.get(name, "").strip() or None for name in _AT_WHATSAPP}
        body |= {name: bool(form.get(name)) for name in _TICKS}
    return body


def _plain(words: dict[str, Any]) -> dict[str, Any]:
    """Words as a form would send them."""
    return {name: value or "" for name, value in words.items() if name in (*_TEXTS, *_AT_WHATSAPP, *_TICKS)}
