"""A theme switched in an open page: what the server drew in its colours is drawn anew."""

from __future__ import annotations

from playwright.sync_api import expect

from pages.ui.charts import DARK, LIGHT
from tests.browser.conftest import settled


def test_a_theme_switched_in_an_open_page_leaves_nothing_in_the_old_one(page, address):
    settled(page, address, "/explore")
    label, logo = page.locator(".js-plotly-plot text").first, page.locator("img[data-testid*=Logo]").first
    label.wait_for()
    before = logo.get_attribute("src")
    for theme, palette in (("dark", DARK), ("light", LIGHT)):
        page.emulate_media(color_scheme=theme)
        red, green, blue = (int(palette.text[at : at + 2], 16) for at in (1, 3, 5))
        expect(label).to_have_css("fill", f"rgb({red}, {green}, {blue})")
        expect(logo).not_to_have_attribute("src", before)
        before = logo.get_attribute("src")
