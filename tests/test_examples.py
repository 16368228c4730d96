"""The examples of the document: each has the form that it stands for, and is taken when it is sent as it stands."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import time_machine
from jsonschema_rs import Draft202012Validator, Registry

from dairy_app.web.http import DairyFlask
from tests.contract import URI
from tests.dairy import Dairy
from tests.test_access_matrix import NOBODYS_ID
from tests.test_hostile_input import House

#: An example may be about what is not there, a login that is not known, a state that is another; no more.
TAKEN = {200, 201, 202, 204, 401, 404, 409}


def shown(part: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Where in a document an example stands, as a pointer to its schema, and the example."""
    if isinstance(part, dict):
        if "example" in part:
            yield (f"{pointer}/schema" if "schema" in part else pointer), part["example"]
        for example in part.get("examples", {}).values() if "schema" in part else ():
            yield f"{pointer}/schema", example
        for name, each in part.items():
            if name not in {"example", "examples"}:
                yield from shown(each, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(part, list):
        for index, each in enumerate(part):
            yield from shown(each, f"{pointer}/{index}")


def test_every_example_has_the_form_it_stands_for(app: DairyFlask) -> None:
    document = app.extensions["openapi"]()
    registry = Registry([(URI, document)])
    found = list(shown({name: document[name] for name in ("paths", "components")}))
    wrong = []
    for pointer, example in found:
        if isinstance(example, dict) and "$ref" in example:
            example = document["components"]["examples"][example["$ref"].rpartition("/")[2]]["value"]
        schema = {"$ref": f"{URI}#{quote(pointer)}"}
        judge = Draft202012Validator(schema, registry=registry, validate_formats=True)
        wrong += [f"{pointer}: {error.message}" for error in judge.iter_errors(example)]
    assert wrong == []
    assert len(found) >= 500


def test_every_example_of_a_request_is_taken_as_it_stands(app: DairyFlask) -> None:
    with time_machine.travel("2026-11-22 01:00Z"):
        house = House(Dairy(app))
        document = app.extensions["openapi"]()
        ids = {"day": "2026-11-22", "code": "milk_fresh"} | house.ids
        refused = {}
        for path, item in document["paths"].items():
            for method, operation in item.items():
                example = example_of(operation) if method != "parameters" else None
                if example is None:
                    continue
                address = re.sub(r"\{(\w+)\}", lambda name: str(ids.get(name[1], NOBODYS_ID)), path)
                query = {
                    each["name"]: each["schema"].get("example") or each["schema"].get("default")
                    for each in operation["parameters"]
                    if each["in"] == "query" and each.get("required")
                }
                answer = house.dairy.admin.call(method.upper(), address, json=example, query_string=query)
                is_signed = answer.status_code == 400 and answer.get_json()["code"] == "bad_signature"  # by others
                if answer.status_code not in TAKEN and not is_signed:
                    refused[f"{method} {path}"] = (example, answer.get_data(as_text=True))
    assert refused == {}, "\n".join(f"{name}: {said}" for name, (_, said) in refused.items())


def example_of(operation: Any) -> Any:
    return operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
