"""Parquet history of markets: update logs, best quotes, trades and gaps, and how to read them back."""

from app.archive.reader import Reader, StateBatch, TradeBatch
from app.archive.segments import Archive, Segment
from app.archive.writer import SegmentWriter

__all__ = ["Archive", "Reader", "Segment", "SegmentWriter", "StateBatch", "TradeBatch"]
