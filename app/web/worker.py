"""Gunicorn's ASGI worker whose pages leave when it is told to end.

A page keeps `/live` open for as long as somebody looks. Without a word gunicorn would wait for it until it
kills the worker, before the store is closed.
"""

from gunicorn.workers.gasgi import ASGIWorker


class LeavingWorker(ASGIWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves `app.web.server`; told to end, it tells the pages to come again."""

    def handle_exit_signal(self) -> None:
        """SIGTERM: no new connections, and the open ones end."""
        super().handle_exit_signal()
        dismiss = getattr(self.asgi, "dismiss", None)  # an app that failed to load has none
        if dismiss is not None:
            dismiss()
