"""Settings: `ofi.toml`, overridden by `OFI_…` variables, overridden by flags.

Nested keys are joined by two underscores in variables: `OFI_WEB__PORT=8050`. Values of variables are
read as TOML where they can be (`8050`, `true`, `["a", "b"]`), as JSON when they begin with a brace, as text
otherwise; a list may be written with commas. An unknown key is an error that names the nearest known one.
"""

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from app.errors import SettingsError
from app.market import MarketId

PREFIX = "OFI_"
# Variables of the same prefix that are not settings.
NOT_SETTINGS = frozenset({"OFI_CONFIG", "OFI_DATA", "OFI_REQUIRE_DATA"})
_VENUE_NAME = r"^[a-z0-9_-]+$"


def state_dir() -> Path:
    """Where the product keeps its data unless told otherwise."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "ofi"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WebSettings(_Section):
    """The page and its API."""

    host: str = "127.0.0.1"
    port: int = Field(8050, ge=1, le=65535)
    workers: int = Field(2, ge=1, le=64)
    token: SecretStr | None = None
    allowed_hosts: tuple[str, ...] = ()
    max_views: int = Field(16, ge=1, le=256)  # subscriptions of one /live connection
    max_clients: int = Field(1000, ge=1)  # /live connections of one worker


class StoreSettings(_Section):
    """The hot store."""

    url: str = ""
    keep_minutes: int = Field(240, ge=1, le=7 * 24 * 60)
    max_mb_per_market: int = Field(256, ge=8)

    @property
    def location(self) -> str:
        """The URL, with the default filled in."""
        return self.url or f"sqlite:///{state_dir() / 'hot'}"


class FeedSettings(_Section):
    """How feeds judge and retry."""

    stale_after_s: float = Field(10.0, gt=0)  # silence of a whole link before it counts as stale
    backoff_s: float = Field(0.5, gt=0)  # first wait after a failure
    backoff_max_s: float = Field(30.0, gt=0)
    open_timeout_s: float = Field(20.0, gt=0)


class VenueSettings(_Section):
    """A venue: a name of the user's for a ccxt exchange and how to construct it."""

    exchange: str = ""  # ccxt id; the venue's name when empty
    poll: bool = False  # ask for books by request, also where ccxt could stream them
    ccxt: dict[str, Any] = Field(default_factory=dict)  # merged deeply into the constructor's


class LogSettings(_Section):
    """Logs on stderr."""

    level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"


class Settings(_Section):
    """Everything that can be set; each has a default that works."""

    markets: tuple[str, ...] = ()
    web: WebSettings = WebSettings()
    store: StoreSettings = StoreSettings()
    feed: FeedSettings = FeedSettings()
    log: LogSettings = LogSettings()
    venues: dict[Annotated[str, Field(pattern=_VENUE_NAME)], VenueSettings] = Field(
        default_factory=dict
    )

    @field_validator("markets")
    @classmethod
    def _parse_markets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(MarketId.parse(text)) for text in value))

    @property
    def market_ids(self) -> tuple[MarketId, ...]:
        """The markets to collect, without duplicates."""
        return tuple(MarketId.parse(text) for text in self.markets)


def load(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
) -> Settings:
    """Settings from file, environment and flags (nested like the file; None means not given).

    Raises:
        SettingsError: an unknown key, a wrong value, or a file that cannot be read.
    """
    values = deep_merge(_from_file(environ, cwd or Path.cwd()), _from_environ(environ))
    values = deep_merge(values, _given(flags or {}))
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _from_file(environ: Mapping[str, str], cwd: Path) -> dict[str, Any]:
    named = environ.get("OFI_CONFIG")
    path = Path(named) if named else cwd / "ofi.toml"
    if not path.exists():
        if named:
            raise SettingsError(f"OFI_CONFIG names {named!r}, which does not exist.")
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from None


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS:
            continue
        keys = name.removeprefix(PREFIX).lower().split("__")
        target = values
        for key in keys[:-1]:
            target = target.setdefault(key, {})
            if not isinstance(target, dict):
                raise SettingsError(f"{name} sets a part of {key}, which another variable sets.")
        target[keys[-1]] = _value(keys, text)
    return values


def _value(keys: list[str], text: str) -> Any:
    if keys in (["markets"], ["web", "allowed_hosts"]) and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    if keys[-1] in ("token", "url", "host"):
        return text
    if text.lstrip().startswith("{"):
        return _json(keys, text)
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def _json(keys: list[str], text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        name = PREFIX + "__".join(keys).upper()
        raise SettingsError(f"{name} begins with {{ but is not JSON: {error}.") from None


def _given(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Flags without those that were not given."""
    result: dict[str, Any] = {}
    for key, value in flags.items():
        if isinstance(value, Mapping):
            if inner := _given(value):
                result[key] = inner
        elif value is not None:
            result[key] = value
    return result


def deep_merge(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merged at every depth, `high` over `low`; lists and values are replaced."""
    result = dict(low)
    for key, value in high.items():
        below = result.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        result[key] = deep_merge(below, value) if both else value  # type: ignore[arg-type]
    return result


def _explain(error: ValidationError) -> str:
    """The first fault as one sentence that says what to do."""
    fault = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    if fault["type"] == "extra_forbidden":
        known = _known(fault["loc"][:-1])
        near = get_close_matches(str(fault["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}."
        return f"The setting {where!r} is unknown; {hint}"
    if "SecretStr" in str(fault.get("type")) or "token" in where:
        return f"The setting {where!r} is wrong: {fault['msg']}."
    seen = repr(fault["input"])
    return f"The setting {where!r} was {seen[:80]}: {fault['msg'].removeprefix('Value error, ')}."


def _known(path: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in path:
        if part in model.model_fields:
            annotation = model.model_fields[str(part)].annotation
            args = [annotation, *get_args(annotation)]
            found = [a for a in args if isinstance(a, type) and issubclass(a, BaseModel)]
            if not found and not isinstance(annotation, UnionType):
                continue
            model = found[0]
    return list(model.model_fields)
