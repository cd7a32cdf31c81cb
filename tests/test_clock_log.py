"""The clock is anchored; logs are limited and masked."""

import time

import pytest
import structlog

from app import log
from app.clock import FakeClock, SystemClock
from app.log import RateLimit, mask


def test_wall_time_is_anchored_and_a_step_is_seen_not_followed(monkeypatch):
    clock = SystemClock()
    before = clock.now_ns()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + 3_600_000_000_000)
    assert 0 <= clock.now_ns() - before < 1_000_000_000
    assert clock.wall_step_ns() == pytest.approx(3_600_000_000_000, abs=1_000_000_000)


def test_sleep_of_the_machine_is_counted(monkeypatch):
    clock = SystemClock()
    real = time.clock_gettime_ns
    monkeypatch.setattr(time, "clock_gettime_ns", lambda c: real(c) + 5_000_000_000)
    assert clock.slept_ns() == pytest.approx(5_000_000_000, abs=100_000_000)


async def test_fake_clock_sleeps_at_once():
    clock = FakeClock()
    start = clock.now_ns()
    await clock.sleep(3)
    assert clock.now_ns() - start == 3_000_000_000
    assert clock.sleeps == [3]


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET /?token=abc&x=1", "abc"),
        ("redis://user:abc@host/0", "abc"),
        ("rediss://:abc@host", "abc"),
        ("GET /account?apiKey=abc", "abc"),
    ],
)
def test_secrets_are_masked(text, secret):
    assert secret not in mask(text)
    assert "***" in mask(text)


def test_secrets_in_tracebacks_are_masked(capsys):
    before = structlog.get_config()
    log.configure(json=True)
    try:
        raise ValueError("GET https://user:abc@host/account?signature=def")
    except ValueError:
        structlog.get_logger().exception("failed")
    finally:
        structlog.configure(**before)
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert "abc" not in told
    assert "def" not in told.partition("ValueError")[2]


def test_a_flood_of_one_event_is_held_back():
    limit = RateLimit(per_minute=3)
    passed = 0
    for _ in range(10):
        try:
            limit(None, "info", {"event": "x"})
            passed += 1
        except structlog.DropEvent:
            pass
    assert 3 <= passed <= 6  # a minute may turn while the test runs
    limit(None, "info", {"event": "y"})
