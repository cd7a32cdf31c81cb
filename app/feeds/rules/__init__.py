"""What each venue family promises of its book updates, and how it is held to that."""
