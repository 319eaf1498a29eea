"""Drive Airflow's pages: click, type, and find the results.

The only file that depends on the structure of Airflow's pages. Of WeData it uses only the name of the connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from playwright.sync_api import Locator, Page

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


class Ui:
    """A browser's page on an Airflow.

    :param page: Playwright's.
    :param url: Airflow's.
    :param pictures: the folder for pictures; without one, none are taken.
    """

    def __init__(self, page: Page, url: str, pictures: Path | None = None) -> None:
        self.page = page
        self.url = url
        self._pictures = pictures

    def open(self, path: str) -> None:
        """Go to a page of Airflow."""
        self.page.goto(f"{self.url}{path}")

    def new_connection(self, connection_id: str, type_name: str) -> Locator:
        """Open the form for a new connection of a type, and return it."""
        self.open("/connections")
        self.page.get_by_role("button", name="Add Connection").click()
        form = self.page.get_by_role("dialog")
        form.locator("input[name=connection_id]").fill(connection_id)
        form.get_by_role("combobox").first.click()
        self.page.keyboard.type(type_name)
        self.page.get_by_role("option", name=type_name).click()
        form.locator("input[name=login]").wait_for()
        return form

    def unfold(self, form: Locator) -> None:
        """Show the extra fields."""
        form.get_by_role("button", name="Extra Fields", exact=True).click()
        self.input(form, "region").wait_for()

    def fill_standard(self, form: Locator, values: Mapping[str, str]) -> None:
        """Type values into the form's standard fields, by name."""
        for name, value in values.items():
            form.locator(f"[name={name}]").fill(value)

    def fill_extra(self, form: Locator, values: Mapping[str, str]) -> None:
        """Type values into the form's extra fields, by name; they must be unfolded."""
        for name, value in values.items():
            self.input(form, name).fill(value)

    def input(self, form: Locator, extra: str) -> Locator:
        """Return the input of an extra field."""
        return form.locator(f"[name=element_{extra}]")

    def choices(self, form: Locator, extra: str) -> list[str]:
        """Return the choices of an extra field."""
        form.locator(f"#element_{extra}").get_by_role("combobox").click()
        options = self.page.get_by_role("option")
        options.first.wait_for()
        found = options.all_inner_texts()
        self.page.keyboard.press("Tab")  # Escape would close the form
        return found

    def suggestions(self, form: Locator, extra: str) -> list[str]:
        """Return the suggestions of an extra field with free text."""
        options = form.locator(f"datalist#list_{extra} option").all()
        return [option.get_attribute("value") or "" for option in options]

    def save(self, form: Locator) -> None:
        """Save the form, and wait until it closes."""
        form.get_by_role("button", name="Save").click()
        form.wait_for(state="detached")

    def try_connection(self, connection_id: str) -> str:
        """Press the button that tests a saved connection, and return the message."""
        self.open("/connections")
        row = self.page.get_by_role("row", name=connection_id)
        row.get_by_role("button", name="Test Connection").click()
        toast = self.page.get_by_role("status").filter(has_text="Test Connection")
        toast.wait_for()
        return toast.inner_text()

    def open_task(self, dag_id: str, run_id: str, task_id: str, tab: str = "") -> None:
        """Go to a tab of a task instance; the first one is its log."""
        self.open(f"/dags/{dag_id}/runs/{quote(run_id)}/tasks/{task_id}{tab}")

    def see_state(self, state: str) -> None:
        """Wait until the task that is shown is in a state."""
        self.page.get_by_text(state, exact=True).first.wait_for()

    def see_text(self, text: str) -> None:
        """Wait until the tab that is shown, such as a log, has a text."""
        self.page.get_by_text(text).first.wait_for()

    def fold_traceback(self, error: str) -> None:
        """Collapse the traceback of an error in the log."""
        self.page.get_by_text(error).first.click()
        self.page.get_by_text('File "').first.wait_for(state="hidden")

    def follow_link(self, dag_id: str, run_id: str, task_id: str, name: str) -> Page:
        """Follow an extra link of a task, and return the page to which it leads."""
        self.open_task(dag_id, run_id, task_id, "/details")
        with self.page.context.expect_page() as opened:
            self.page.get_by_role("link", name=name).click()
        opened.value.wait_for_load_state()
        return opened.value

    def picture(self, name: str, of: Locator | None = None) -> None:
        """Take a picture for the documentation, if pictures are wanted."""
        if self._pictures:
            self._pictures.mkdir(parents=True, exist_ok=True)
            usual = self.page.viewport_size
            if of:  # the whole element, however long
                self.page.set_viewport_size({"width": 900, "height": 2400})
            self.page.wait_for_timeout(1_000)  # until animations end
            (of or self.page).screenshot(path=self._pictures / f"{name}.png")
            if usual:
                self.page.set_viewport_size(usual)
