"""The OpenAPI document as a judge of answers: is this one described, and does it have the form that is promised?

Every answer that a test gets by ``tests.dairy.Client`` is judged, so the whole suite is a test of the document.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from jsonschema_rs import Draft202012Validator, Registry
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from dairy_app.web.http import DairyFlask
from dairy_app.web.openapi import path_of

URI = "urn:openapi"


class Contract:
    """What the document promises, operation by operation."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._registry = Registry([(URI, document)])
        self._validators: dict[str, Draft202012Validator] = {}

    def faults(self, method: str, path: str, status: int, media: str, body: Any = None) -> list[str]:
        """What is wrong with an answer to ``path`` as the document writes it; ``body`` None: not looked at."""
        operation = self.document["paths"].get(path, {}).get(method.lower())
        if operation is None:
            return ["is not described"]
        place = "/".join(["/paths", _token(path), method.lower(), "responses", str(status)])
        answer = operation["responses"].get(str(status))
        if answer is None:
            return ["this status is not described"]
        if "$ref" in answer:
            place = answer["$ref"].removeprefix("#")
            answer = self.document["components"]["responses"][place.rpartition("/")[2]]
        content = answer.get("content", {})
        if not content:
            return ["has a body"] if body is not None else []
        if media not in content:
            return [f"{media} is not described"]
        if body is None:
            return []
        found = self._validator(f"{place}/content/{_token(media)}/schema").iter_errors(body)
        return [f"{list(each.instance_path)}: {each.message[:300]}" for each in found]

    def judge(self, app: DairyFlask, method: str, path: str, answer: TestResponse) -> None:
        """Fail unless an answer is as promised. Pages for people and the routes of a laboratory are not described."""
        try:
            rule, _ = app.url_map.bind("localhost").match(path.partition("?")[0], method=method, return_rule=True)
        except HTTPException:
            return
        described = path_of(rule.rule)
        laboratory = rule.endpoint.startswith("lab.")
        if described not in self.document["paths"] or laboratory or method in {"HEAD", "OPTIONS"}:
            return
        body = answer.get_json() if answer.is_json and answer.data else None
        faults = self.faults(method, described, answer.status_code, answer.mimetype, body)
        assert faults == [], f"{method} {described} answered {answer.status_code} against the document: {faults}"

    def _validator(self, place: str) -> Draft202012Validator:
        if place not in self._validators:
            schema = {"$ref": f"{URI}#{quote(place)}"}
            self._validators[place] = Draft202012Validator(schema, registry=self._registry, validate_formats=True)
        return self._validators[place]


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def contract_of(app: DairyFlask) -> Contract:
    """What an application promises; read once."""
    if "contract" not in app.extensions:
        app.extensions["contract"] = Contract(app.extensions["openapi"]())
    contract: Contract = app.extensions["contract"]
    return contract
