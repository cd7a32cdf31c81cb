"""The background poller: feeds → compute → store, one supervised task per market."""

from app.collector.service import Collector

__all__ = ["Collector"]
