"""A browser without a screen: it keeps cookies, reads pages and their forms, and sends them as a person would."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from werkzeug.test import TestResponse

from dairy_app.web.http import DairyFlask
from tests.dairy import PASSWORD

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Form:
    """A form of a page: where it is sent, and what is in its fields before anybody types."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """What came back: status, words, elements, forms."""

    def __init__(self, response: TestResponse) -> None:
        super().__init__()
        self.response, self.status = response, response.status_code
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.forms: list[Form] = []
        self._words: list[str] = []
        self._speech: list[str] = []
        self._is_code = False
        self._select: str | None = None
        self._textarea: str | None = None
        self._is_first_option = False
        self.feed(response.get_data(as_text=True))

    @property
    def words(self) -> str:
        """Everything that is to be read, with single blanks."""
        return re.sub(r"\s+", " ", " ".join(self._words))

    @property
    def location(self) -> str | None:
        return self.response.headers.get("Location")

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def links(self) -> list[str]:
        return [each["href"] or "" for each in self.every("a") if each.get("href")]

    def form(self, action: str) -> Form:
        """The form that is sent to an address that ends so."""
        found = [each for each in self.forms if each.action.endswith(action)]
        assert found, f"no form for {action!r} among {[each.action for each in self.forms]}"
        return found[0]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append((tag, given))
        name, value = given.get("name"), given.get("value") or ""
        if tag == "code":
            self._is_code = True
        elif tag == "form":
            self.forms.append(Form(given.get("action") or "", given.get("method") or "get"))
        elif tag == "button" and (elsewhere := given.get("formaction")):  # the same fields, sent to another address
            self.forms.insert(-1, Form(elsewhere, self.forms[-1].method, self.forms[-1].fields))
        elif tag in {"input", "textarea"} and self.forms and name:
            if given.get("type") not in {"checkbox", "radio"} or "checked" in given:
                self.forms[-1].fields[name] = value
            self._textarea = name if tag == "textarea" else None
        elif tag == "select" and self.forms and name:
            self._select, self._is_first_option = name, True
        elif tag == "option" and self._select and (self._is_first_option or "selected" in given):
            self.forms[-1].fields[self._select], self._is_first_option = value, False

    @property
    def speech(self) -> str:
        """What is said to people: without what stands in ``code``."""
        return re.sub(r"\s+", " ", " ".join(self._speech))

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self._is_code = False
        if tag == "select":
            self._select = None
        if tag == "textarea":
            self._textarea = None

    def handle_data(self, data: str) -> None:
        self._words.append(data)
        if self._textarea:
            self.forms[-1].fields[self._textarea] += data.removeprefix("\n")
        if not self._is_code:
            self._speech.append(data)


class Visitor:
    """One browser."""

    def __init__(self, app: DairyFlask) -> None:
        self.http = app.test_client()

    @classmethod
    def of(cls, app: DairyFlask, login: str, password: str = PASSWORD) -> "Visitor":
        """A browser in which somebody has signed in."""
        visitor = cls(app)
        page = visitor.sign_in(login, password)
        assert page.status == 303, page.words
        return visitor

    def sign_in(self, login: str, password: str = PASSWORD) -> Page:
        return self.submit(self.open("/"), "/sign-in", login=login, password=password)

    def open(self, path: str, **headers: str) -> Page:
        """A page as it comes; redirections are for ``follow``."""
        return Page(self.http.get(path, headers=BROWSER | headers))

    def follow(self, page: Page) -> Page:
        """The page to which a page leads."""
        assert page.location is not None, f"{page.status}: {page.words}"
        return self.open(page.location.partition("#")[0])

    def submit(self, page: Page, action: str, /, **typed: Any) -> Page:
        """Type into a form and send it; a field that is typed as None is left out."""
        return self.send(page.form(action), typed)

    def send(self, form: Form, typed: dict[str, Any], **headers: str) -> Page:
        assert form.method == "post"
        data = {name: value for name, value in {**form.fields, **typed}.items() if value is not None}
        return Page(self.http.post(form.action, data=data, headers=BROWSER | headers))
