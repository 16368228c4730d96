"""The OpenAPI document as a judge of answers: is this one described, and does it have the form that is promised."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from flask_smorest.spec.plugins import FlaskPlugin
from jsonschema_rs import Draft202012Validator, Registry

URI = "urn:openapi"


class Contract:
    """What the document promises, operation by operation."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._registry = Registry([(URI, document)])
        self._validators: dict[str, Draft202012Validator] = {}

    def faults(self, method: str, rule: str, status: int, media: str, body: Any = None) -> list[str]:
        """What is wrong with an answer, nothing when it is as promised; ``body`` None: not looked at."""
        path = FlaskPlugin.flaskpath2openapi(rule)
        operation = self.document["paths"].get(path, {}).get(method.lower())
        if operation is None:
            return [f"{method} {path} is not described"]
        pointer = [path, method.lower(), "responses", str(status)]
        answer = operation["responses"].get(str(status))
        if answer is None:
            return [f"{method} {path}: {status} is not described"]
        place = "/paths/" + "/".join(map(_token, pointer))
        if "$ref" in answer:
            place = answer["$ref"].removeprefix("#")
            answer = self.document["components"]["responses"][place.rpartition("/")[2]]
        content = answer.get("content", {})
        if not content:
            return [f"{method} {path}: {status} has a body"] if body is not None else []
        if media not in content:
            return [f"{method} {path}: {status} as {media} is not described"]
        if body is None or "json" not in media:
            return []
        found = self._validator(f"{place}/content/{_token(media)}/schema").iter_errors(body)
        return [f"{method} {path}: {status} at {list(each.instance_path)}: {each.message[:300]}" for each in found]

    def _validator(self, place: str) -> Draft202012Validator:
        if place not in self._validators:
            schema = {"$ref": f"{URI}#{quote(place)}"}
            self._validators[place] = Draft202012Validator(schema, registry=self._registry, validate_formats=True)
        return self._validators[place]


def _token(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
