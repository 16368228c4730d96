"""What the routes declare, told as OpenAPI 3.1: apispec writes schemas and parameters, the rest is said here.

A request refuses what it does not know; an answer has every field it names and may get more. What an operation
refuses is read from its code (``web.refusals``), what a field means from one table of words.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from flask import Flask
from marshmallow import Schema

from dairy_app.common.errors import CODES, Problem
from dairy_app.web import examples
from dairy_app.web.access import Policy, Role, policy_of
from dairy_app.web.http import Answered, Declared, declared_by
from dairy_app.web.refusals import codes_of

PROBLEM = "application/problem+json"
JSON = "application/json"
#: Of a field: the form of what is sent is in ``pattern``, of what is answered here.
ANSWERED_PATTERN = "x-answered-pattern"
_OF_REQUESTS = frozenset({ANSWERED_PATTERN, "default", "readOnly"})
#: Statuses of what may be asked again later.
_TRY_AGAIN = frozenset({429, 503})
_NULL_MEANS = re.compile(r"[;,] null: [^.;]*")
_SECURITY_SCHEMES = {"bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
#: A part of an address as Flask's rules write it: ``<name>``, ``<uuid:name>``.
_PART = re.compile(r"<(?:(\w+):)?(\w+)>")
#: What stands above every message of ours, as Standard Webhooks asks.
WEBHOOK_HEADERS = {
    "webhook-id": "Names the message: the same at every try, so that a repeat is known.",
    "webhook-timestamp": "When it was sent, in seconds since 1970: refuse what is older than some minutes.",
    "webhook-signature": "`v1,` and the HMAC-SHA256 of id, timestamp and body, by each secret that is good.",
}
#: What its converter takes.
_CONVERTED: dict[str, dict[str, Any]] = {
    "": {"type": "string", "minLength": 1},
    "path": {"type": "string"},
    "uuid": {"type": "string", "format": "uuid"},
}
#: Parts of an address that are no id.
_IN_PATH = {"day": {"type": "string", "format": "date", "example": "2026-11-22"}}


@dataclass(frozen=True, slots=True)
class Words:
    """Texts by field or ``Schema.field``: what it usually holds, and what it means."""

    samples: Mapping[str, str]
    meanings: Mapping[str, str]


def _conflict_schema() -> dict[str, Any]:
    day = {"type": "string", "format": "date"}
    return {
        "type": "object",
        "description": "Only where days overlap (`overlaps`): the entry that is there, `to` null without an end.",
        "required": ["id", "from", "to"],
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": "Its id."},
            "from": day | {"description": "Its first day."},
            "to": {"type": ["string", "null"], "format": "date", "description": "Its last day."},
        },
    }


def problem_schema() -> dict[str, Any]:
    """The one shape of every refusal."""
    text = {"type": "string"}
    names = {
        "pointer": "Where it stands: a JSON pointer into the body, below `/query` a parameter.",
        "code": "What is wrong with it, in one stable word.",
        "detail": "What is wrong with it, for people.",
    }
    error = {
        "type": "object",
        "required": list(names),
        "properties": {name: text | {"description": meaning} for name, meaning in names.items()}
        | {"conflicts_with": _conflict_schema()},
    }
    code = text | {"enum": list(CODES), "description": "Why, in one stable word; the list may grow."}
    return {
        "type": "object",
        "description": "Why a request was refused (RFC 9457). Some codes add facts of their own.",
        "required": ["type", "title", "status", "code", "detail", "instance", "errors"],
        "properties": {
            "type": text | {"format": "uri", "description": "The code as a URI."},
            "title": text | {"description": "The code in words; always the same for a code."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "code": code,
            "detail": text | {"description": "What was wrong this time, for people."},
            "instance": text | {"description": "Names this occurrence by its `X-Request-Id`."},
            "errors": {"type": "array", "items": error, "description": "The fields that are wrong, if any."},
        },
    }


def _refusal(codes: list[str]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem", "properties": {"code": {"enum": codes}}}
    shown = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    means = "; ".join(f"`{code}`: {CODES[code][1].lower()}" for code in codes)
    answer = {"description": f"{means}.", "content": {PROBLEM: {"schema": schema, "examples": shown}}}
    if CODES[codes[0]][0] in _TRY_AGAIN:
        _answered_header(answer, "Retry-After", "After how many seconds to try again.")
    return answer


def path_of(rule: str) -> str:
    """The address of a rule of Flask as OpenAPI writes it."""
    return _PART.sub(r"{\2}", rule)


def parameters_of(rule: str) -> list[dict[str, Any]]:
    """The parameters in the address of a rule of Flask."""
    return [
        {"in": "path", "name": name, "required": True, "schema": _CONVERTED[converter]}
        for converter, name in _PART.findall(rule)
    ]


def operation_of(view: Callable[..., Any], tag: str) -> dict[str, Any]:
    """What a view declares, and its docstring; schemas are left to apispec."""
    declared = declared_by(view)
    operation: dict[str, Any] = {"responses": _responses(declared)}
    if declared.parameters:
        operation["parameters"] = [{"in": "query", "schema": schema} for schema in declared.parameters]
    for schema in declared.bodies:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    if (raw := declared.raw) is not None:
        operation["requestBody"] = {"required": True, "description": raw.description, "content": {JSON: raw.content}}
        operation["parameters"] = [_header(name, said, 500) for name, said in raw.headers.items()]
    summary, _, description = cleandoc(view.__doc__ or "").partition("\n\n")
    operation |= {"summary": summary} if summary else {}
    operation |= {"description": description} if description else {}
    return operation | {"tags": [tag]}


def _responses(declared: Declared) -> dict[int, dict[str, Any]]:
    """The answers by status; one of several content types has all that is said of it in one place."""
    responses: dict[int, dict[str, Any]] = {}
    for each in declared.answers:
        told = _told(each)
        if each.status in responses:  # the decorator above is said first
            told["content"] |= responses[each.status]["content"]
        responses[each.status] = told
    return responses


def _told(answer: Answered) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.description}
    told |= {"headers": answer.headers} if answer.headers else {}
    return told | ({"content": {answer.content_type: {"schema": answer.schema}}} if answer.schema is not None else {})


def webhook(kind: str, schema: str) -> dict[str, Any]:
    """A message of ours to an address of another program, with a component as its body."""
    named = {name: f"#/components/parameters/{name}" for name in WEBHOOK_HEADERS}
    return {
        "post": {
            "summary": kind,
            "operationId": f"webhook_{kind.replace('.', '_')}",
            "parameters": [{"$ref": each} for each in named.values()],
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
            },
            "responses": {
                "2XX": {"description": "Taken."},
                "410": {"description": "Send nothing here any more."},
                "default": {"description": "Not taken: it comes again later."},
            },
        }
    }


def complete(app: Flask, document: dict[str, Any], classes: Mapping[str, type[Schema]], words: Words) -> dict[str, Any]:
    """Add to each operation what its route declares, to each schema what its fields mean.

    ``classes``: the schemas behind the components, by name.
    """
    document["servers"] = [{"url": "/"}]
    endpoints = {
        (path_of(rule.rule), method.lower()): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for path, operations in document["paths"].items():
        _describe_path(operations, words)
        for method, operation in operations.items():
            if method == "parameters":
                continue
            endpoint = endpoints[path, method]
            view = app.view_functions[endpoint]
            policy = policy_of(view)
            operation["operationId"] = endpoint.replace(".", "_")
            operation["summary"] = operation.get("summary", "").replace("`", "")
            operation["description"] = _plain(operation.get("description", ""))
            operation["responses"] = {str(status): each for status, each in operation["responses"].items()}
            declared = declared_by(view)
            _add_body(operation, declared, document["components"]["schemas"], words)
            _add_answers(operation, declared, words)
            _add_headers(operation, view, method, makes_resource=_makes_resource(document["paths"], path, method))
            _describe_parameters(operation, declared, words)
            if policy is not None:  # else check_policies stops the start-up
                _add_policy(operation, policy)
                codes = codes_of(view, policy, method, has_path="{" in path)
                _add_refusals(operation, codes)
    responses, shown = _share_refusals(document)
    document["components"] |= {
        "responses": responses,
        "parameters": {
            name: {"in": "header", "name": name, "required": True, "description": said, "schema": {"type": "string"}}
            for name, said in WEBHOOK_HEADERS.items()
        },
        "securitySchemes": _SECURITY_SCHEMES,
        "examples": shown,
    }
    _complete_schemas(document, classes, words)
    return document


def _plain(text: str) -> str:
    """A docstring as Markdown."""
    return text.replace("``", "`")


def _add_policy(operation: dict[str, Any], policy: Policy) -> None:
    if policy.roles is None:
        who, operation["security"] = "Public: no login.", []
    else:
        names = [role.value for role in Role if role in policy.roles]
        everyone = len(names) == len(Role)
        who = "Every login." if everyone else "Roles: " + ", ".join(f"`{name}`" for name in names) + "."
        operation["security"] = [{"bearerAuth": []}]
    operation["description"] = "\n\n".join(filter(None, [operation.get("description"), who]))


def _add_refusals(operation: dict[str, Any], codes: list[str]) -> None:
    responses = operation["responses"]
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(CODES[code][0], []).append(code)
    for status, own in sorted(by_status.items()):
        responses[str(status)] = _refusal(own)


def _share_refusals(document: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Say once what most operations answer with a status.

    Gives those answers, and examples of the codes that are answered.
    """
    operations = list(_operations(document))
    refusals = [(status, each) for operation in operations for status, each in operation["responses"].items()]
    said = Counter((status, each["description"]) for status, each in refusals if PROBLEM in each.get("content", {}))
    shared: dict[str, Any] = {}
    for (status, description), count in said.most_common():
        if count > 1 and status not in shared:
            shared[status] = next(each for at, each in refusals if (at, each["description"]) == (status, description))
    for operation in operations:
        for status, each in operation["responses"].items():
            if each == shared.get(status):
                operation["responses"][status] = {"$ref": f"#/components/responses/Refused{status}"}
    codes = {code for _, each in refusals for code in each.get("content", {}).get(PROBLEM, {}).get("examples", ())}
    shown = {code: {"value": Problem(code).document("urn:request:5f0c1d2e")} for code in CODES if code in codes}
    return {f"Refused{status}": each for status, each in sorted(shared.items())}, shown


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for item in document["paths"].values():
        yield from (operation for method, operation in item.items() if method != "parameters")


def _makes_resource(paths: Mapping[str, Any], path: str, method: str) -> bool:
    """Whether what a POST makes has a GET of its own: the rule of ``web.http.register_locations``."""
    own = re.compile(rf"{re.escape(path)}/{{\w+}}")
    return method == "post" and any("get" in item for other, item in paths.items() if own.fullmatch(other))


def _add_headers(operation: dict[str, Any], view: Callable[..., Any], method: str, *, makes_resource: bool) -> None:
    parameters = operation.setdefault("parameters", [])
    responses = operation["responses"]
    if getattr(view, "idempotent", False):
        parameters.append(_header("Idempotency-Key", "Makes a repeat safe: same key and body, same answer.", 200))
    if getattr(view, "etagged", False) and method == "get":
        parameters.append(_header("If-None-Match", "The `ETag` you have; when it still holds: 304, no body.", 500))
        _answered_header(responses["200"], "ETag", "Names this state of the resource.")
        responses["304"] = {"description": "Unchanged."}
    elif getattr(view, "etagged", False):
        parameters.append(_header("If-Match", "The `ETag` you read; when it changed since: 412.", 500))
    for status in ("201", "202"):
        if makes_resource and status in responses:
            _answered_header(responses[status], "Location", "Where what was made is read.")


def _header(name: str, description: str, longest: int) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": longest}
    return {"in": "header", "name": name, "required": False, "description": description, "schema": schema}


def _answered_header(response: dict[str, Any], name: str, description: str) -> None:
    response.setdefault("headers", {})[name] = {"description": description, "schema": {"type": "string"}}


def _add_body(operation: dict[str, Any], declared: Declared, schemas: Mapping[str, Any], words: Words) -> None:
    for schema in declared.bodies:
        body = operation["requestBody"]
        _add_example(body, schema, words)
        component = schemas[body["content"][JSON]["schema"]["$ref"].rpartition("/")[2]]
        body["required"] = bool(component.get("required"))
        options = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "query"}
        beside = {
            name: options[name] | {"description": _meaning(type(declared.parameters[0]), name, words)}
            for name in getattr(schema, "beside_file", ())
        }
        body["content"] |= {media: _uploaded(media, beside) for media in getattr(schema, "other_media", ())}
        body["description"] = _docstring(type(schema))


def _uploaded(media: str, beside: Mapping[str, Any]) -> dict[str, Any]:
    """A file as the body; in a form beside it what else may be in the query string."""
    if media == "text/csv":
        return {"schema": {"type": "string", "description": "The file, in UTF-8."}}
    file = {"type": "string", "format": "binary", "description": "The file."}
    if media == "multipart/form-data":
        return {"schema": {"type": "object", "required": ["file"], "properties": {"file": file, **beside}}}
    return {"schema": file}


def _add_answers(operation: dict[str, Any], declared: Declared, words: Words) -> None:
    for answer in declared.answers:
        if isinstance(answer.schema, Schema):
            _add_example(operation["responses"][str(answer.status)], answer.schema, words)


def _add_example(part: dict[str, Any], schema: Schema, words: Words) -> None:
    content = part.get("content", {}).get(JSON)
    if content is not None and not content.keys() & {"example", "examples"}:
        one = examples.of_schema(schema, words.samples)
        content["example"] = [one] if schema.many else one


def _describe_path(operations: dict[str, Any], words: Words) -> None:
    for parameter in operations.get("parameters", ()):
        name = parameter["name"]
        parameter["schema"] = _IN_PATH.get(name, parameter["schema"])
        parameter.setdefault("description", words.meanings.get(f"path.{name}") or words.meanings.get(name, ""))


def _describe_parameters(operation: dict[str, Any], declared: Declared, words: Words) -> None:
    for schema in declared.parameters:
        for parameter in operation["parameters"]:
            if parameter["in"] == "query":
                meaning = _meaning(type(schema), parameter["name"], words)
                parameter.setdefault("description", without_null(meaning))
                parameter["schema"] = _as_sent(parameter["schema"])


def _meaning(schema: type[Schema] | None, name: str, words: Words) -> str:
    """What a field means: as said of its schema or one that it builds on, else as everywhere."""
    for each in schema.__mro__ if schema is not None else ():
        if f"{each.__name__}.{name}" in words.meanings:
            return words.meanings[f"{each.__name__}.{name}"]
    return words.meanings.get(name, "")


def without_null(meaning: str) -> str:
    """A meaning without what null would mean, for a field that never is."""
    return _NULL_MEANS.sub("", meaning)


def _takes_null(form: Mapping[str, Any]) -> bool:
    return "null" in form.get("type", ()) or {"type": "null"} in form.get("anyOf", ())


def _complete_schemas(document: dict[str, Any], classes: Mapping[str, type[Schema]], words: Words) -> None:
    schemas = document["components"]["schemas"]
    operations = list(_operations(document))
    said = [operation["responses"] for operation in operations]
    answered = _reached(schemas, [*said, document.get("webhooks")])
    for name in set(schemas) - answered - _reached(schemas, [operation.get("requestBody") for operation in operations]):
        if name != "Problem":
            del schemas[name]
    for name, component in schemas.items():
        if name not in classes:
            continue
        schema = classes[name]
        component.setdefault("description", _docstring(schema))
        for field, form in component.get("properties", {}).items():
            if not form.get("description"):
                meaning = _meaning(schema, field, words)
                form["description"] = meaning if _takes_null(form) else without_null(meaning)
        if name in answered:
            sometimes = getattr(schema, "sometimes", ())
            always = [field for field in component.get("properties", {}) if field not in sometimes]
            component.pop("additionalProperties", None)
            component.pop("required", None)
            component |= {"required": always} if always else {}
        schemas[name] = (_as_answered if name in answered else _as_sent)(component)


def _docstring(schema: type[Schema]) -> str:
    lines = (schema.__doc__ or "").strip().splitlines()
    return _plain("\n".join(line.strip() for line in lines))


def _as_sent(form: Any) -> Any:
    """A form without what is said of answers."""
    if isinstance(form, list):
        return [_as_sent(each) for each in form]
    if isinstance(form, dict):
        return {key: _as_sent(value) for key, value in form.items() if key != ANSWERED_PATTERN}
    return form


def _as_answered(form: Any) -> Any:
    """A form without what is said of requests: what was kept need not be asked for in that way again."""
    if isinstance(form, list):
        return [_as_answered(each) for each in form]
    if isinstance(form, dict):
        kept = {key: _as_answered(value) for key, value in form.items() if key not in _OF_REQUESTS}
        return kept | ({"pattern": form[ANSWERED_PATTERN]} if ANSWERED_PATTERN in form else {})
    return form


def _reached(schemas: Mapping[str, Any], begin: Any) -> set[str]:
    """The components that something refers to, directly or through others."""
    found: set[str] = set()
    waiting = set(_references(begin))
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= set(_references(schemas[name])) - found
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref" and each.startswith("#/components/schemas/"):
                yield each.rpartition("/")[2]
            elif key not in {"example", "examples"}:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
