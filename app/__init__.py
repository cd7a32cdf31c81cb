"""Live order flow imbalance: from the venue's message to the pixel."""

__version__ = "0.1.0"
