"""``/bank-statements``: lines of a bank, whose payments they may be, and booking them."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from dairy_app.collecting.models import BankStatement, BankStatementLine
from dairy_app.collecting.queries.statements import line_list, read_statement, statement_list
from dairy_app.collecting.rules.statements import NewStatement
from dairy_app.collecting.schemas.statements import (
    AcceptLinesIn,
    BankLinePage,
    BankLinesQuery,
    BankStatementIn,
    BankStatementOut,
    BankStatementPage,
    BankStatementQuery,
    BankStatementUpload,
    DismissLinesIn,
    LinesAcceptedOut,
)
from dairy_app.collecting.service import statements as service
from dairy_app.web.access import Role, allow
from dairy_app.web.http import Blueprint, current_actor, current_session
from dairy_app.web.idempotency import idempotent
from dairy_app.web.pages import Page, read_page

bank_statements = Blueprint("bank_statements", __name__, description="Statements of the dairy's bank")


@bank_statements.route("/bank-statements", methods=["POST"])
@idempotent
@bank_statements.arguments(BankStatementUpload, location="query")
@bank_statements.arguments(BankStatementIn)
@bank_statements.response(201, BankStatementOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def upload_statement(query: dict[str, Any], body: NewStatement) -> Any:
    """Keep a statement as the bank's file has it: all of it or nothing. What was in one before is not kept again."""
    session = current_session()
    sent = body if query["account"] is None else replace(body, account=query["account"])
    return read_statement(session, service.keep_statement(session, current_actor(), sent))


@bank_statements.route("/bank-statements")
@bank_statements.arguments(BankStatementQuery, location="query")
@bank_statements.response(200, BankStatementPage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_statements(query: dict[str, Any]) -> Page:
    """Statements, the latest first."""
    found, keys = statement_list(query["account"]), [BankStatement.id]  # ids ascend with time
    limit, cursor = query["limit"], query["cursor"]
    return read_page(current_session(), found, keys, limit=limit, cursor=cursor, descending=True)


@bank_statements.route("/bank-statements/<uuid:statement_id>")
@bank_statements.response(200, BankStatementOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def get_statement(statement_id: UUID) -> Any:
    """One statement."""
    return read_statement(current_session(), statement_id)


@bank_statements.route("/bank-statements/<uuid:statement_id>/lines")
@bank_statements.arguments(BankLinesQuery, location="query")
@bank_statements.response(200, BankLinePage)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def list_lines(query: dict[str, Any], statement_id: UUID) -> Page:
    """The lines of a statement as the file has them, with whose payments the open ones may be as of now."""
    session = current_session()
    read_statement(session, statement_id)
    found, keys = line_list(statement_id, only_open=query["open"]), [BankStatementLine.line_no]
    page = read_page(session, found, keys, limit=query["limit"], cursor=query["cursor"])
    return Page(service.with_proposals(session, [row._mapping for row in page.items]), page.next_cursor)


@bank_statements.route("/bank-statements/<uuid:statement_id>/accept", methods=["POST"])
@idempotent
@bank_statements.arguments(AcceptLinesIn)
@bank_statements.response(200, LinesAcceptedOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def accept_lines(body: dict[str, Any], statement_id: UUID) -> dict[str, Any]:
    """Book lines as payments of the customers that are named: all of them or none. They settle what is oldest."""
    return {"items": service.accept(current_session(), current_actor(), statement_id, body["lines"])}


@bank_statements.route("/bank-statements/<uuid:statement_id>/dismiss", methods=["POST"])
@idempotent
@bank_statements.arguments(DismissLinesIn)
@bank_statements.response(200, BankStatementOut)
@allow(Role.ADMIN, Role.ACCOUNTANT)
def dismiss_lines(body: dict[str, Any], statement_id: UUID) -> Any:
    """Say that lines are no customer's payments (interest, a transfer of one's own); they can still be booked later."""
    session = current_session()
    service.dismiss(session, current_actor(), statement_id, body["lines"], body["reason"])
    return read_statement(session, statement_id)
