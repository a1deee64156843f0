# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that a test drives, and the tools from npm that judge what it shows."""
import base64
import json
from pathlib import Path
import shutil
import subprocess
from typing import Any, Callable

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webelement import WebElement

from harness import places
from harness.waiting import wait_until

HERE = Path(__file__).resolve().parent
PICTURES = places.ROOT / "build" / "screenshots"
NODE = places.ROOT / "build" / "node"
OPTIONS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars"]
WIDE, PHONE = (1280, 800), (360, 740)
TALLEST = 4000  # pixels of a picture
# Ten seconds pass in one, for what the page's script waits for.
HURRY = """(() => {
  const real = Date.now.bind(Date), begin = real(), every = window.setInterval.bind(window);
  Date.now = () => begin + (real() - begin) * 10;
  window.setInterval = (work, wait) => every(work, wait / 10);
})();"""
# A switch's word for its state is for eyes only.
FIND_NAMED = """const text = (e) => [...e.childNodes].map((n) => n.nodeType === 3 ? n.nodeValue : n.nodeType === 1 && n.ariaHidden !== "true" ? text(n) : "").join("");
return [...document.querySelectorAll(arguments[0])].flatMap((e) => [...e.querySelectorAll("a, button, summary")])
  .filter((e) => text(e).replace(/\\s+/g, " ").trim() === arguments[1]);"""
AXE_RUN = """const done = arguments[0];
axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(
  (result) => done(result.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(" | ")}`)), (error) => done([String(error)]));"""


def node_tools() -> Path:
    """What package-lock.json names, installed once. @return the folder node_modules"""
    lock, mark = HERE / "package-lock.json", NODE / "installed"
    if not mark.exists() or mark.read_bytes() != lock.read_bytes():
        NODE.mkdir(parents=True, exist_ok=True)
        for file in (lock, HERE / "package.json"):
            shutil.copy(file, NODE)
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=NODE, check=True, timeout=300, capture_output=True)
        mark.write_bytes(lock.read_bytes())
    return NODE / "node_modules"


def invalid_html(folder: Path) -> list[str]:
    """What the checker says of the *.html files of a folder."""
    command = [str(node_tools() / ".bin" / "html-validate"), "--config", str(HERE / "htmlvalidate.json"), "--formatter", "json", f"{folder}/*.html"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    found = json.loads(done.stdout)
    return [f"{Path(file['filePath']).name}:{each['line']}: {each['message']}" for file in found for each in file["messages"]]


class Browser:
    """One window."""

    def __init__(self, profile: Path, has_script: bool = True) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for option in [*OPTIONS, f"--user-data-dir={profile}"]:
            options.add_argument(option)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        if not has_script:
            options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(60)
        self.driver.set_script_timeout(60)
        self.resize(WIDE)

    def command(self, name: str, **parameters: Any) -> Any:
        """Of the DevTools protocol."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def resize(self, size: tuple[int, int], is_dark: bool = False) -> None:
        """The viewport, and which colours the person prefers."""
        self.size = size
        self.command("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=size[0] < 600)
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}])

    def hurry(self) -> None:
        """Pages loaded from now on have a script that waits a tenth of the time."""
        self.command("Page.addScriptToEvaluateOnNewDocument", source=HURRY)

    def open(self, url: str) -> None:
        """Loads a page. An alert that it opens fails the test: the next command raises."""
        self.driver.get(url)

    def run(self, script: str, *arguments: Any) -> Any:
        """JavaScript; "return" gives a value."""
        return self.driver.execute_script(script, *arguments)

    def find(self, css: str) -> WebElement:
        """The first that matches."""
        return self.driver.find_element("css selector", css)

    def find_all(self, css: str) -> list[WebElement]:
        """All that match."""
        return self.driver.find_elements("css selector", css)

    def text(self, css: str = "body") -> str:
        """What a person reads there."""
        return self.find(css).text

    def press(self, name: str, within: str = "main") -> None:
        """Clicks the link, button or summary whose whole text, hidden words too, is this, and waits for the next page if there is one."""
        found = [each for each in self.run(FIND_NAMED, within, name) if each.is_displayed()]
        assert found, f'there is nothing named "{name}" to press in: {self.text(within)}'
        found[0].click()

    def type(self, name: str, text: str) -> None:
        """Replaces what a field holds."""
        field = self.find(f"main [name={name}]:not([type=hidden])")
        field.clear()
        field.send_keys(text)

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 15) -> Any:
        """Until something holds. While a page is on its way, there is nothing to look at."""
        def holds() -> Any:
            try:
                return condition()
            except (NoSuchElementException, StaleElementReferenceException):
                return None
        return wait_until(holds, seconds, what)

    def complaints(self) -> list[str]:
        """The console's errors and warnings since the last call."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def overflow(self) -> int:
        """Pixels that the page is wider than the window."""
        return self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def inaccessible(self) -> list[str]:
        """What axe-core says."""
        self.run((node_tools() / "axe-core" / "axe.min.js").read_text() + "; window.axe = axe;")
        return self.driver.execute_async_script(AXE_RUN)

    def picture(self, name: str, is_whole: bool = False) -> None:
        """Into build/screenshots."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        height = min(self.run("return document.documentElement.scrollHeight"), TALLEST) if is_whole else self.size[1]
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=is_whole, clip={"x": 0, "y": 0, "width": self.size[0], "height": height, "scale": 1})
        (PICTURES / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))

    def close(self) -> None:
        """Ends it."""
        self.driver.quit()
