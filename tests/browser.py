"""A browser for the tests: Chromium of the system, a server for a folder, and what is asked of every page."""

import contextlib
import functools
import gzip
import http.server
import os
import shutil
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

HEAVIEST = 200_000  # bytes of a page without the theme and MathJax, as a server sends them: text compressed
SCREEN = 900  # pixels: the height of every visit
PHONE = 390
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="Chromium is missing: apt install chromium"
)


@contextlib.contextmanager
def chromium():
    """A running Chromium, driven by playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        yield browser
        browser.close()


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(folder: Path):
    """The address of a server for the files of a folder."""
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Visit:
    """A page in a window of its own, with all that it asks for and complains of."""

    def __init__(self, browser, address: str, width: int = 1280, scheme: str = "light", **options):
        self.context = browser.new_context(
            viewport={"width": width, "height": SCREEN}, color_scheme=scheme, reduced_motion="reduce", **options
        )
        self.context.set_default_timeout(120_000)  # milliseconds: machines may be busy
        self.page = self.context.new_page()
        self.asked, self.complaints = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.on("console", self._console)
        self.page.on("response", self._response)
        self.page.goto(address)
        if self.page.evaluate("!!window.MathJax"):
            self.page.evaluate("MathJax.startup && MathJax.startup.promise")
        self.page.wait_for_load_state("networkidle")

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _response(self, response):
        if response.status >= 400:
            self.complaints.append(f"{response.status} for {response.url}")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.context.close()


def serious(visit: Visit) -> list[str]:
    """What axe-core finds on a page that is critical or serious."""
    from axe_playwright_python.sync_playwright import Axe

    complaints = list(visit.complaints)
    found = Axe().run(visit.page).response["violations"]
    visit.complaints[:] = complaints  # axe-core asks for style sheets of its own accord, some in the wrong place
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found
        if one["impact"] in ("critical", "serious")
        for node in one["nodes"]
    ]


def look_at(browser, site: str, built: Path, entry: str) -> None:
    """One visit of a page, light, then dark, then as narrow as a phone: it asks nobody else, is small, for everyone,
    and fits; the sidebar fits the screen, and so does a part's whole page."""
    with Visit(browser, f"{site}/{entry}.html") as visit:
        asked = list(visit.asked)  # before axe-core asks too
        foreign = [url for url in asked if urlsplit(url).netloc != urlsplit(site).netloc and "data:" not in url]
        assert foreign == [] and visit.complaints == []
        assert serious(visit) == []
        levels = visit.page.evaluate(
            "[...document.querySelectorAll('article :is(h1,h2,h3,h4,h5,h6)')].map(h => +h.tagName[1])"
        )
        assert levels[0] == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False)), levels
        assert sidebar_height(visit) <= SCREEN
        if entry.endswith("/index") and entry != "book/index":
            bottom = visit.page.evaluate("document.querySelector('article').getBoundingClientRect().bottom")
            assert bottom <= SCREEN, f"{entry} has {bottom:.0f} pixels; a part's page is one screen, {SCREEN}"

        visit.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        visit.page.wait_for_selector("html[data-theme=dark]")  # the page is told by an event
        assert visit.complaints == [] and serious(visit) == []

        visit.page.set_viewport_size({"width": PHONE, "height": SCREEN})
        assert visit.complaints == []
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE
    own = {urlsplit(url).path for url in asked if url.startswith(site)}
    own = {path for path in own if not path.startswith(("/_static/", "/mathjax/"))}
    files = [built / path.lstrip("/") for path in own]
    sent = {f.name: len(gzip.compress(f.read_bytes())) if f.suffix == ".html" else f.stat().st_size for f in files}
    assert sum(sent.values()) <= HEAVIEST, sent


def sidebar_height(visit: Visit) -> int:
    """Pixels that the sidebar needs: more than SCREEN, and it scrolls."""
    return visit.page.evaluate("document.querySelector('.bd-sidebar-primary').scrollHeight")
