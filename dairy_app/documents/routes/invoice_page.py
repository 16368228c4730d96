"""``/i/<token>``: a bill as a page for its customer, to read, to pay, to print, and as PDF.

The page is complete without a script and has none; it loads its style and its icon from here and nothing else. Whoever
has the link sees the bill, so the address is kept out of logs and of other sites' (``Referrer-Policy``), and no search
engine may list it. The token holds 128 bits that cannot be guessed, so wrong ones are not counted, just refused.
"""

from pathlib import Path
from typing import Any

from flask import Response, current_app, g, make_response, render_template, request, url_for

from dairy_app.business.queries import business_settings
from dairy_app.common.clock import now
from dairy_app.common.words import Words, choose_of, number
from dairy_app.documents.drawing import goods_table
from dairy_app.documents.drawing.codes import code_of, runs
from dairy_app.documents.drawing.document import Document
from dairy_app.documents.drawing.speech import amount_in_words, day_of, period_of, title_of
from dairy_app.documents.drawing.words import catalogues, languages
from dairy_app.documents.queries import online_link
from dairy_app.documents.routes.documents import pdf_of
from dairy_app.documents.rules import indian, percent
from dairy_app.documents.schemas import LanguageQuery
from dairy_app.documents.service import documents as service
from dairy_app.web.access import allow_anyone
from dairy_app.web.etags import etagged
from dairy_app.web.http import Blueprint, current_session
from dairy_app.web.page_files import PageFiles

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
#: What a refused link is told in words.
_REFUSED = {"link_expired": "page_expired", "link_revoked": "page_revoked"}

FILES = PageFiles(Path(__file__).parent.parent / "static", "invoice_pages.file")
invoice_pages = Blueprint("invoice_pages", __name__, template_folder="../templates")


@invoice_pages.route("/i/<token>")
@invoice_pages.arguments(LanguageQuery, location="query")
@allow_anyone()
def show_invoice(query: dict[str, Any], token: str) -> Response:
    """The bill of a link as a page."""
    document = _document(token)
    t = _words(query["lang"], document.language)
    return make_response(render_template("documents/invoice.html", **_view(document, t, token)))


@invoice_pages.route("/i/<token>/pdf")
@etagged
@invoice_pages.arguments(LanguageQuery, location="query")
@allow_anyone()
def show_pdf(query: dict[str, Any], token: str) -> Response:
    """The bill of a link as PDF."""
    document = _document(token)
    return pdf_of(document, _words(query["lang"], document.language))


@invoice_pages.route("/i/static/<version>/<name>")
@allow_anyone(own_transactions=True)
def file(version: str, name: str) -> Response:
    """A file of the page. Kept for good under its own version; another version gets the present file, unkept."""
    return FILES.answer(name, version)


@invoice_pages.after_request
def in_words(response: Response) -> Response:
    """Turn a refusal into a page for whoever asks for one; keep every answer out of search engines."""
    asks_for_page = any(media == "text/html" for media, _ in request.accept_mimetypes)
    if asks_for_page and response.mimetype == "application/problem+json":
        response = _refusal_page(response)
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = PAGE_POLICY
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _refusal_page(refused: Response) -> Response:
    """What a problem document says, in the reader's words and the other ones; its status and when to come back stay."""
    if refused.status_code == 422:
        # Somebody else's parameters (messengers add them): without them the page is fine.
        return Response(status=303, headers={"Location": request.script_root + request.path})
    t = choose_of(catalogues(), *_accepted())
    code = str((refused.get_json(silent=True) or {}).get("code"))
    kind = "page_not_found" if refused.status_code == 404 else _REFUSED.get(code, "page_fault")
    spoken = [t, *(each for each in catalogues().values() if each.code != t.code)]  # whose it is nobody knows
    names = {"t": t, "spoken": spoken, "kind": kind, "phone": g.get("phone")}
    page = make_response(render_template("documents/refusal.html", **names, asset=FILES.address))
    page.status_code = refused.status_code
    if "Retry-After" in refused.headers:
        page.headers["Retry-After"] = refused.headers["Retry-After"]
    return page


def _document(token: str) -> Document:
    session = current_session()
    g.phone = business_settings(session).phone  # for whoever has a link that does not work
    g.opened = service.open_link(session, service.links_of(session, current_app.config["DAIRY"]), token)
    document: Document = g.opened.document
    return document


def _words(asked: str | None, own: str | None) -> Words:
    """The language asked for, else the customer's, else one of the browser's, else the dairy's."""
    return service.words_for(current_session(), asked, own, *_accepted())


def _accepted() -> list[str]:
    return [tag for tag, _ in request.accept_languages]


def _view(document: Document, t: Words, token: str) -> dict[str, Any]:
    """Everything the template shows, in words."""
    link = document.pay_link
    second = business_settings(current_session()).second_language
    companion = g.opened.companion_token
    return {
        "t": t,
        "document": document,
        "all_words": languages(second).values(),
        "title": title_of(t, document.document_type),
        "columns": goods_table.columns_of(document, t),
        "notes_of": lambda line: goods_table.notes_of(document, line, t),
        "section_head": lambda section: goods_table.section_head(section, t),
        "section_foot": lambda section: goods_table.section_foot(section, t),
        "facts": goods_table.facts_of(document, t),
        "totals": goods_table.totals_of(document, t),
        "account": goods_table.account_rows(document, t),
        "balance": goods_table.balance_row(document, t),
        "in_words": amount_in_words(t, document.total),
        "registration": goods_table.registration_of(document, t),
        "signed": _drawn(document.registered.signed_qr, "l") if document.registered else None,
        "link": link,
        "online": online_link(current_session(), document, now()),
        "qr": _drawn(link) if link else None,
        "own_link": document.own_link,
        "own_qr": _drawn(document.own_link) if document.own_link else None,
        "companion_url": url_for(".show_invoice", token=companion, lang=t.code) if companion else None,
        "pdf_url": url_for(".show_pdf", token=token, lang=t.code),
        "page_url": url_for(".show_invoice", token=token),
        "asset": FILES.address,
        "indian": indian,
        "percent": percent,
        "number": number,
        "day_of": lambda day: day_of(t, day),
        "period_of": lambda first, last: period_of(t, first, last),
        "title_of": lambda document_type: title_of(t, document_type),
    }


def _drawn(text: str, error: str = "m") -> tuple[int, str]:
    """How many modules a side of the QR code has, and its dark ones as an SVG path."""
    rows = code_of(text, error)
    path = "".join(f"M{start} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for start, length in runs(row))
    return len(rows), path
