"""Parquet history of markets: update logs, best quotes, trades and gaps, and how to read them back."""

from app.archive.books import Books
from app.archive.reader import Reader, StateBatch, TradeBatch
from app.archive.segments import Archive, Segment
from app.archive.writer import SegmentWriter

__all__ = ["Archive", "Books", "Reader", "Segment", "SegmentWriter", "StateBatch", "TradeBatch"]
