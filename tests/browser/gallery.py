"""``make screenshots``: a picture of every page of the console on a phone and a desk, of the sample dairy.

Pages are found as a reader finds them: from the first page on by their links, one of each kind (two customers' pages
are of one kind), for each role what it is shown. Written are PNG files and an ``index.html`` that shows them all.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import chromium

PORT = 8055
#: Folder of the pictures, its window, colours and language.
LOOKS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light", "locale": "en-IN"},
    "phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light", "locale": "en-IN"},
    "phone-dark-hindi": {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark", "locale": "hi-IN"},
}
ROLES = ("admin", "customer", "ravi")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: What is no page: files to download, documents, the API.
IS_FILE = re.compile(r"/downloads/|/pdf$|\.(csv|xlsx|zip|xml)$|^/api/")


def kind_of(address: str) -> str:
    """What a page is one of: its path with its ids left out."""
    return UUID.sub("ID", urlsplit(address).path)


@contextmanager
def sample_dairy(folder: Path) -> Iterator[str]:
    """What the sample dairy prints about itself once it serves: logins, and the addresses of a round and a bill."""
    environment = {**os.environ, "DAIRY_DATA_DIR": str(folder / "data"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "dairy_app.cli", "demo", "--port", str(PORT)]
    serving = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    assert serving.stdout is not None
    said = ""
    try:
        for line in serving.stdout:
            said += line
            if "serving at" in line:
                yield said
                return
        raise SystemExit(said)
    finally:
        serving.terminate()
        serving.wait(30)
        subprocess.run([sys.executable, "-m", "dairy_app.cli", "db", "stop"], env=environment, check=False)


def walk(page: Page, first: str) -> Iterator[str]:
    """One page of every kind that links lead to, breadth first."""
    seen, waiting = {kind_of(first)}, [first]
    while waiting:
        address = waiting.pop(0)
        answer = page.goto(address)
        if answer is None or "text/html" not in answer.headers.get("content-type", ""):
            continue
        yield address
        for link in page.eval_on_selector_all("a[href]", "all => all.map((each) => each.getAttribute('href'))"):
            kind = kind_of(link)
            if link.startswith("/") and kind not in seen and not IS_FILE.search(kind):
                seen.add(kind)
                waiting.append(link)


def take(browser: Browser, folder: Path, said: str) -> dict[str, list[str]]:
    """The pictures: for each page (role and kind) its files."""
    passwords = dict(re.findall(r"│ \w+ +│ (\S+@\S+) +│ (\S+) +│", said))
    outside = re.findall(r"(?:Round|Bill) +(http://\S+)", said)
    pictures: dict[str, list[str]] = {}
    for look, options in LOOKS.items():
        for role in ROLES:
            context = browser.new_context(base_url=f"http://127.0.0.1:{PORT}", **options)
            page = context.new_page()
            page.goto("/")
            shoot(page, folder, look, "nobody /", pictures)
            login = f"{role}@dairy.example"
            page.fill("#login", login)
            page.fill("#password", passwords[login])
            page.click("main button")
            page.wait_for_selector(".menu")
            for address in walk(page, "/"):
                shoot(page, folder, look, f"{role} {kind_of(address)}", pictures)
            for address in outside if role == ROLES[0] else ():
                page.goto(address)
                shoot(page, folder, look, f"nobody {urlsplit(address).path[:3]}", pictures)
            context.close()
    return pictures


def shoot(page: Page, folder: Path, look: str, name: str, pictures: dict[str, list[str]]) -> None:
    """A picture of the whole page, once."""
    file = f"{look}/{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-')}.png"
    if file not in pictures.setdefault(name, []):
        page.screenshot(path=folder / file, full_page=True, animations="disabled")
        pictures[name].append(file)


def write_index(folder: Path, pictures: dict[str, list[str]]) -> None:
    """One page that shows all pictures side by side."""
    rows = (
        f"<h2>{escape(name)}</h2><p>" + " ".join(f'<a href="{each}"><img src="{each}" alt=""></a>' for each in files)
        for name, files in pictures.items()
    )
    style = "body { font: 1rem sans-serif } img { height: 24rem; vertical-align: top; border: 1px solid gray }"
    text = f"<!doctype html><meta charset=utf-8><title>Pages</title><style>{style}</style><h1>Pages</h1>{''.join(rows)}"
    (folder / "index.html").write_text(text)


def main(folder: Path) -> None:
    """Write the gallery into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with sample_dairy(folder) as said, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        pictures = take(browser, folder, said)
        browser.close()
    write_index(folder, pictures)
    sys.stdout.write(f"{sum(map(len, pictures.values()))} pictures of {len(pictures)} pages: {folder}/index.html\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
