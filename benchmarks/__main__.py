"""Runs the benchmarks one after the other; each prints a ratio to a stated baseline or its figures.

python -m benchmarks [NAME …]
"""

import importlib
import pkgutil
import sys

import benchmarks

# Hours, or minutes of load: only by name.
ON_REQUEST = frozenset({"soak", "fault_soak"})
# Parts of others: nothing to run.
PARTS = frozenset(
    {
        "fault_soak_checks",
        "fault_soak_collector",
        "fault_soak_link",
        "fault_soak_usage",
        "prefilled",
    }
)


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all that take minutes at most."""
    found = [m.name for m in pkgutil.iter_modules(benchmarks.__path__)]
    known = [name for name in found if not name.startswith("_") and name not in PARTS]
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"There is no benchmark {unknown[0]!r}; there are {', '.join(known)}.")
    for name in names or [n for n in known if n not in ON_REQUEST]:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main([])


if __name__ == "__main__":
    main(sys.argv[1:])
