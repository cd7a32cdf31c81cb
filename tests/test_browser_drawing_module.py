"""When stacks are drawn: several rows in one frame, errands with it, the rest after what was asked for."""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser_rig import rigged
from tests.test_browser_modules import page as page

pytestmark = pytest.mark.browser

# A page of two stacks whose frames and timers are run by hand; `log` is what was done, in order.
RIG = """async (stand) => {
  const { Drawing } = await import('/live/drawing.js');
  const log = [], frames = [], timers = [], errors = [];
  stand(window, 'requestAnimationFrame', (work) => frames.push(work));
  stand(window, 'setTimeout', (work, ms = 0) => timers.push({ work, ms }));
  stand(window, 'clearTimeout', (id) => id && (timers[id - 1].work = null));
  stand(window, 'reportError', (error) => errors.push(error.message));
  const stack = (name) => ({
    name, awaiting: false, tries: (step) => (step(), true),
    paint: () => log.push(`paint ${name}`), tell: () => log.push(`tell ${name}`),
  });
  const a = stack('a'), b = stack('b'), stacks = new Map([[1, a], [2, b]]);
  const easel = { flush: () => log.push('flush') };
  const view = { rate_hz: 10 }, drawing = new Drawing({ stacks, frozen: false, view, easel });
  const came = (one, at) => { [one.before, one.received] = [one.received, at]; drawing.fed(one); };
  const frame = () => frames.splice(0).forEach((work) => work());
  const pass = (ms) => timers.filter((one) => one.work && one.ms <= ms).forEach((one) => {
    const { work } = one;
    one.work = null;
    work();
  });
  const waits = () => timers.filter((one) => one.work).map((one) => one.ms);
  const tools = { drawing, view, a, b, frames, came, frame, pass, waits, said: [] };
  return { tools, told: { log, errors } };
}"""


def run(page: Page, act: str) -> dict[str, Any]:
    return rigged(page, RIG, act)


def test_rows_that_came_together_last_time_share_a_frame(page: Page) -> None:
    found = run(
        page,
        """() => {
          came(a, 0); came(b, 2); frame();
          came(a, 250); said.push(frames.length);
          came(b, 253); said.push(frames.length, ...waits());
          frame();
          return said;
        }""",
    )
    assert found["said"] == [0, 1]
    assert found["log"][-5:] == ["paint a", "paint b", "flush", "tell a", "tell b"]


@pytest.mark.parametrize(("rate_hz", "ms"), [(10, 24), (4, 40)])
def test_a_frame_waits_for_a_row_that_does_not_come_only_once_and_a_moment(
    page: Page, rate_hz: int, ms: int
) -> None:
    found = run(
        page,
        """() => {
          view.rate_hz = RATE; came(a, 0); came(b, 2); frame();
          came(a, 250); said.push(frames.length, ...waits());
          pass(MS); said.push(frames.length); frame();
          came(a, 500); said.push(frames.length);
          return said;
        }""".replace("RATE", str(rate_hz)).replace("MS", str(ms)),
    )
    assert found["said"] == [0, ms, 1, 1]


def test_errands_are_run_with_the_frame_and_one_that_fails_stops_nothing(page: Page) -> None:
    found = run(
        page,
        """() => {
          drawing.along('bad', () => { throw new Error('no grid'); });
          drawing.along('good', () => log.push('errand'));
          drawing.add(a); said.push(frames.length, log.length); frame();
          drawing.along('alone', () => log.push('alone'));
          pass(600);
          return said;
        }""",
    )
    assert found["said"] == [1, 0]
    assert found["log"] == ["paint a", "flush", "errand", "tell a", "alone"]
    assert found["errors"] == ["no grid"]


def test_what_waits_is_done_when_nothing_is_awaited_any_more_or_soon(page: Page) -> None:
    found = run(
        page,
        """() => {
          drawing.afterwards('wish', () => log.push('told'));
          b.awaiting = true;
          drawing.add(a); frame(); pass(0); said.push(log.includes('told'));
          b.awaiting = false;
          drawing.add(b); frame(); pass(0); said.push(log.includes('told'));
          drawing.afterwards('wish', () => log.push('again'));
          pass(250); said.push(log.includes('again'));
          drawing.afterwards('wish', () => log.push('now'));
          drawing.settle(); said.push(log.includes('now'), ...waits());
          return said;
        }""",
    )
    assert found["said"] == [False, True, True, True]
