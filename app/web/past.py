"""A view of the past: read, computed and serialised at once, for a page that is frozen or looks back."""

from collections.abc import Callable

from app.errors import StoreError
from app.market import Market, MarketId
from app.store.sqlite import SqliteStore
from app.web.desk import find_past, whole_end
from app.web.loading import past
from app.web.quality import LIVE, past_incidents
from app.web.spec import QUALITY, ViewSpec
from app.web.views import View, fine_ns, needed_ns


def render_past(
    store: SqliteStore, markets: Callable[[], dict[MarketId, Market]], key: str, spec: ViewSpec
) -> bytes:
    """The snapshot of a view of the past.

    Raises:
        StoreError: the store failed, or does not hold the market.
    """
    assert spec.end_ns is not None
    held = markets()
    market = held.get(spec.market)
    if market is None:
        raise StoreError(f"{spec.market} is not collected, so there is no past of it to show.")
    end_ns = spec.end_ns
    history = past(store, market, end_ns - needed_ns(spec), end_ns - fine_ns(spec), end_ns)
    view = View(key, spec, history)
    if spec.tab == QUALITY:
        view.everywhere = past_incidents(store, held, end_ns, LIVE)
    view.start(store, spec.end_ns)
    if spec.question is not None:
        view.tell(find_past(store, market, spec.question, whole_end(end_ns, spec.question)))
    return view.snapshot(spec.end_ns)
