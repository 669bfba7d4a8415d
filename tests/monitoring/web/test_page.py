"""The page in a real browser: what moves, what appears, what a key does."""

import math

import pytest

from biosig.monitoring.tables import ACTIONS

CANVAS = "document.querySelector('.tile .trace')"
FIBRILLATING = ".tile .bar.patient[data-priority='high'][data-flashing='on']"

INK = f"""() => {{
  const canvas = {CANVAS};
  if (!canvas || !canvas.width) return '';
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const columns = [];
  for (let x = 0; x < canvas.width; x += 4) {{
    let inked = 0;
    for (let y = 0; y < canvas.height; y++) inked += pixels[4 * (y * canvas.width + x) + 3] > 100;
    columns.push(inked);
  }}
  return columns.join();
}}"""
"""How many pixels of every fourth column are written on."""


def test_the_waveform_moves(served, screen, passage):
    window = screen()
    served.watch({"207": passage}, speed=4)
    window.wait_for_function(f"() => ({INK})().split(',').filter(Number).length > 20")
    before = window.evaluate(INK)
    window.wait_for_function(f"(before) => ({INK})() !== before", arg=before)
    assert {url.split("/")[2] for url in window.fetched} == {f"127.0.0.1:{served.door.port}"}


def test_an_alarm_appears_within_a_second_of_being_raised(served, screen, passage):
    window = screen()
    window.evaluate(
        f"""() => new MutationObserver(() => {{
          if (document.querySelector("{FIBRILLATING}")) window.appeared ??= Date.now() / 1000;
        }}).observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }})"""
    )
    served.watch({"207": passage}, speed=10)
    window.wait_for_function("() => window.appeared")
    high = ("ventricular-fibrillation", "asystole", "ventricular-tachycardia", "extreme-tachycardia")
    first = min(served.raised[name] for name in high if name in served.raised)
    assert window.evaluate("() => window.appeared") - first < 1.0
    assert "priority: 207" in window.text_content("#cried")
    assert "207" in window.title()


def test_acknowledging_by_key_reaches_the_store_and_stops_the_flashing(served, screen, passage):
    window = screen()
    window.fill("#who", "Dr N")
    served.watch({"207": passage}, speed=1e6)
    window.wait_for_selector(".tile .bar.patient:has-text('V-Fib')")
    window.wait_for_selector(".tile.ended")
    window.focus(".tile h2 a")
    window.keyboard.press("Enter")
    row = window.wait_for_selector(".alarms li:has-text('ventricular fibrillation')")
    assert row.get_attribute("data-flashing") == "on"
    window.wait_for_selector(".bed .time:has-text('0:00:30')")
    window.keyboard.press("a")
    window.wait_for_selector(".alarms li[data-flashing='']:has-text('ventricular fibrillation'), .alarms.none")
    window.keyboard.press("p")
    window.wait_for_selector(".log li:has-text('all patient alarms paused')")
    served.end()
    with served.session.store.engine.connect() as connection:
        rows = connection.execute(ACTIONS.select().order_by(ACTIONS.c.action)).all()
    assert [(row.patient, row.kind, row.alarm, row.for_s, row.who) for row in rows] == [
        ("207", "acknowledge", "", 0.0, "Dr N at 127.0.0.1"),
        ("207", "pause", "", 120.0, "Dr N at 127.0.0.1"),
    ]
    alarms = served.session.frame("alarms", "207")
    done = alarms[(alarms.kind == "acknowledged") & (alarms.alarm == "ventricular-fibrillation")]
    assert done.detail.str.endswith("by Dr N at 127.0.0.1").all()
    assert len(done) == 1


@pytest.mark.parametrize("served", [5], indirect=True)
def test_after_a_resumption_the_alarm_log_goes_on_newest_first(served, screen, passage):
    before = served.session.frame("alarms", "207")
    told = before[before.kind != "suppressed"].iloc[::-1]
    assert told.kind.tolist() == ["acknowledged", "raised"]
    window = screen()
    served.watch({"207": passage}, speed=1e6)
    window.wait_for_selector(".tile.ended")
    window.evaluate("location.hash = '#/bed/207'")
    window.wait_for_selector(".log li")
    rows = window.eval_on_selector_all(".log li", "(all) => all.map((e) => e.innerText)")
    assert len(rows) > len(told)
    for row, alarm, kind in zip(rows[-len(told) :], told.alarm, told.kind, strict=True):
        assert f"{alarm.replace('-', ' ')} {kind}" in row
    assert "by Dr N" in rows[-2]


DRAWN = """() => {
  window.plots = [];
  window.uPlot = new Proxy(window.uPlot, {
    construct(target, given) {
      const plot = new target(...given);
      window.plots.push(plot);
      return plot;
    },
  });
}"""
"""Keeps hold of the trends' plots."""


@pytest.mark.parametrize("served", [25], indirect=True)
def test_after_a_resumption_the_trends_go_back_to_the_beginning(served, screen, passage):
    window = screen()
    window.evaluate(DRAWN)
    served.watch({"207": passage}, speed=1e6)
    window.wait_for_selector(".tile.ended")
    window.evaluate("location.hash = '#/bed/207'")
    window.wait_for_function("() => window.plots[0]?.data[0].length >= 3")
    times, rates = window.evaluate("window.plots[0].data.map((column) => [...column])")
    assert times == [10, 20, 30]
    assert all(rate > 20 for rate in rates[:2])


@pytest.mark.parametrize("token", ["", "#wrong"])
def test_a_wrong_token_gets_nothing(served, screen, passage, token):
    served.watch({"207": passage}, speed=1e6)
    window = screen(url=f"http://127.0.0.1:{served.door.port}/{token}")
    window.wait_for_selector("#said:has-text('link')")
    assert "207" not in window.content()
    assert "wrong" not in window.url
    assert window.query_selector("canvas") is None
    assert window.context.cookies() == []
    assert not any("/live" in url or "app.js" in url for url in window.fetched)


def test_the_token_does_not_stay_in_the_address_and_no_script_can_read_the_cookie(served, screen):
    window = screen()
    assert served.door.url.split("#")[1] not in window.url
    assert window.evaluate("document.cookie") == ""
    assert len(window.context.cookies()) == 1


FLASHING = """(element) => {
  const animation = element.getAnimations()[0];
  if (!animation) return null;
  const frames = animation.effect.getKeyframes().map((frame) => [frame.offset, frame.backgroundColor]);
  return [animation.effect.getTiming().duration / 1000, frames];
}"""


def test_colours_and_flash_rates_are_those_of_the_standard(served, screen):
    """IEC 60601-1-8:2006+A2:2020, table 2: red at 1.4 to 2.8 Hz, yellow at 0.4 to 0.8 Hz, both lit for 20 to 60 % of
    the time; cyan or yellow that does not flash. The help shows one of each."""
    window = screen()
    window.keyboard.press("?")
    found = {}
    for priority in ("high", "medium", "low"):
        bar = window.wait_for_selector(f"#help .bar[data-priority='{priority}']")
        found[priority] = (
            bar.evaluate(FLASHING),
            bar.evaluate("(element) => getComputedStyle(element).backgroundColor"),
        )
    for priority, (slowest, fastest) in {"high": (1.4, 2.8), "medium": (0.4, 0.8)}.items():
        seconds, frames = found[priority][0]
        assert slowest <= 1 / seconds <= fastest
        assert 0.2 <= frames[1][0] - frames[0][0] <= 0.6
    assert found["low"][0] is None
    red, green, blue = rgb(found["high"][0][1][0][1])
    assert red > 180
    assert max(green, blue) < 60
    red, green, blue = rgb(found["medium"][0][1][0][1])
    assert min(red, green) > 180
    assert blue < 60
    red, green, blue = rgb(found["low"][1])
    assert min(green, blue) > 180
    assert red < 60


def rgb(colour):
    return [int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]


def test_one_who_wants_no_motion_sees_nothing_flash(served, screen):
    window = screen(reduced_motion="reduce")
    window.keyboard.press("?")
    for bar in window.query_selector_all("#help .bar"):
        assert bar.evaluate("(element) => element.getAnimations().length") == 0


def test_a_millimetre_is_a_millimetre_of_the_style_sheet_and_zoom_scales_it(served, screen, passage):
    """25 mm/s and 10 mm/mV: 96 CSS pixels are 25.4 mm."""
    window = screen(width=1440, height=900)
    served.watch({"207": passage}, speed=1e6)
    window.wait_for_selector(".tile.ended")
    window.evaluate("location.hash = '#/bed/207'")
    window.wait_for_selector(".bed .trace")
    geometry = """async () => {
      const { settings } = await import('/page/settings.js');
      const { lookOf } = await import('/page/looks.js');
      const card = { patient: 'x', channels: ['MLII'], units: ['mV'], fs: 360 };
      const { secondPx, tracks } = lookOf(card, { heightMm: 42 }).layout(900, { card });
      return [secondPx, tracks[0].perMillivolt, settings.zoom];
    }"""
    second, millivolt, zoom = window.evaluate(geometry)
    assert zoom == 1
    assert math.isclose(second, 25 * 96 / 25.4)
    assert math.isclose(millivolt, 10 * 96 / 25.4)
    window.keyboard.press("+")
    assert window.evaluate(geometry)[0] == pytest.approx(1.25 * second)
    assert window.text_content(".scale") == "125 %"


def test_what_is_old_is_called_old_when_the_monitor_has_gone(served, screen, passage):
    window = screen()
    served.watch({"207": passage}, speed=1e6)
    window.wait_for_selector(".tile.ended")
    served.end()
    served.server.__exit__(None, None, None)
    window.wait_for_selector("#trouble:has-text('The monitor has ended')")
    assert "stale" in window.get_attribute("body", "class")
    for what in ("#view", "#loudest"):
        assert "grayscale(1)" in window.eval_on_selector(what, "(element) => getComputedStyle(element).filter")


def test_nothing_is_cut_off_and_alarms_can_be_read_from_three_metres(served, screen, passage):
    """Letters of 6.4 mm are read at 3 m with an eye of 6/9: capitals are 0.72 of a font's size. On a phone, which is at
    hand, letters may be smaller."""
    window = screen()
    served.watch({"207": passage}, speed=1e6)
    window.wait_for_selector(".tile.ended .bar.patient:has-text('V-Fib')")
    wall, bed = ("#/", ".tile .bar.patient", ".tile .digits"), ("#/bed/207", ".bars .patient", ".rate .digits")
    for width, height in ((390, 844), (1280, 800), (1920, 1080)):
        window.set_viewport_size({"width": width, "height": height})
        for route, alarm, rate in (wall, bed):
            window.evaluate("(hash) => { location.hash = hash }", route)
            window.wait_for_selector(rate)
            assert window.evaluate("document.documentElement.scrollWidth <= innerWidth")
            capitals_mm = "(element) => 0.72 * parseFloat(getComputedStyle(element).fontSize) / 96 * 25.4"
            assert window.eval_on_selector(alarm, capitals_mm) >= (6.4 if width > 640 else 5.0)
            assert window.eval_on_selector(rate, capitals_mm) >= 15.0
            fits = "(element) => element.scrollWidth <= element.clientWidth + 1"
            assert window.eval_on_selector(f"{alarm} .words", fits)


FOCUSED = """() => {
  const element = document.activeElement;
  const outlined = getComputedStyle(element).outlineStyle !== 'none';
  return element.matches('.bed button') && outlined ? [...document.querySelectorAll('button')].indexOf(element) : null;
}"""
"""Number of the button that has the keyboard, if that can be seen."""


def test_every_control_has_a_name_and_the_keyboard_reaches_it(served, screen, passage):
    window = screen()
    served.watch({"207": passage}, speed=1e6)
    window.wait_for_selector(".tile.ended")
    window.evaluate("location.hash = '#/bed/207'")
    window.wait_for_selector(".alarms li button")
    names = "(all) => all.map((e) => (e.getAttribute('aria-label') || e.textContent || '').trim())"
    assert all(window.eval_on_selector_all("button, a", names))
    wanted = window.eval_on_selector_all(".bed button:not([disabled])", "(all) => all.length")
    reached = set()
    for _ in range(60):
        window.keyboard.press("Tab")
        reached.add(window.evaluate(FOCUSED))
    reached.discard(None)
    assert len(reached) == wanted
    window.focus("#who")
    window.keyboard.press("Escape")
    window.wait_for_selector(".wall")
    assert window.evaluate("document.activeElement.textContent") == "207"
