"""Settings: precedence, types, and errors that name what to do."""

import pytest

from app import settings
from app.errors import InputError, SettingsError


def load(tmp_path, toml="", environ=None, flags=None):
    (tmp_path / "ofi.toml").write_text(toml)
    return settings.load(flags, environ or {}, tmp_path)


def test_defaults_work(tmp_path):
    given = load(tmp_path)
    assert given.web.host == "127.0.0.1"
    assert given.store.location.startswith("sqlite:////")


def test_flags_over_environment_over_file(tmp_path):
    toml = "[web]\nport = 1\nworkers = 3\nhost = 'file'"
    environ = {"OFI_WEB__PORT": "2", "OFI_WEB__WORKERS": "4"}
    given = load(tmp_path, toml, environ, {"web": {"port": 3, "host": None}})
    assert (given.web.port, given.web.workers, given.web.host) == (3, 4, "file")


def test_markets_from_the_environment_may_be_a_comma_list(tmp_path):
    given = load(tmp_path, environ={"OFI_MARKETS": "binance:BTC/USDT, kraken:BTC/USD"})
    assert given.markets == ("binance:BTC/USDT", "kraken:BTC/USD")


def test_a_repeated_market_counts_once(tmp_path):
    given = load(tmp_path, flags={"markets": ["a:X/Y", "a:X/Y"]})
    assert given.markets == ("a:X/Y",)


def test_venues_carry_a_table_for_ccxt(tmp_path):
    toml = '[venues.lo]\nexchange = "binance"\n[venues.lo.ccxt.urls.api]\npublic = "http://127.0.0.1/api"'
    venue = load(tmp_path, toml).venues["lo"]
    assert venue.exchange == "binance"
    assert venue.ccxt["urls"]["api"]["public"].startswith("http://127.0.0.1")


@pytest.mark.parametrize(
    ("toml", "environ", "message"),
    [
        ("[web]\nprot = 1", {}, "'web.prot' is unknown; did you mean 'port'"),
        ("makrets = []", {}, "did you mean 'markets'"),
        ("", {"OFI_STORE__URI": "x"}, "'store.uri' is unknown; did you mean 'url'"),
        ("", {"OFI_WEB__PORT": "eighty"}, "'web.port' was 'eighty'"),
        ("[web]\nport = 0", {}, "'web.port' was 0"),
        ("[log]\nlevel = 'loud'", {}, "log.level"),
        ("[venues.lo]\nexchnage = 'x'", {}, "did you mean 'exchange'"),
        ("[venues.'L O']\nexchange = 'x'", {}, "venues"),
        ("", {"OFI_VENUES": "{not json"}, "OFI_VENUES begins with { but is not JSON"),
        ("web = 3", {}, "'web' was 3"),
        ("[web", {}, "is not valid TOML"),
        ("", {"OFI_CONFIG": "/does/not/exist.toml"}, "does not exist"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, toml, environ, message):
    with pytest.raises(SettingsError, match=message):
        load(tmp_path, toml, environ)


def test_a_wrong_market_is_named(tmp_path):
    with pytest.raises(InputError, match="binance"):
        load(tmp_path, flags={"markets": ["binance"]})


def test_the_token_never_shows(tmp_path):
    given = load(tmp_path, environ={"OFI_WEB__TOKEN": "hush-hush"})
    assert "hush-hush" not in repr(given)
    assert given.web.token.get_secret_value() == "hush-hush"
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, toml="[web]\ntoken = ['hush-hush']")
    assert "hush-hush" not in str(caught.value)


def test_a_token_of_digits_stays_text(tmp_path):
    given = load(tmp_path, environ={"OFI_WEB__TOKEN": "12345"})
    assert given.web.token.get_secret_value() == "12345"


def test_a_variable_may_hold_json_with_keys_as_ccxt_spells_them(tmp_path):
    environ = {"OFI_VENUES": '{"lo": {"ccxt": {"options": {"fetchMarkets": {"types": ["spot"]}}}}}'}
    venue = load(tmp_path, environ=environ).venues["lo"]
    assert venue.ccxt["options"]["fetchMarkets"] == {"types": ["spot"]}
