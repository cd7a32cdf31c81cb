"""Runs the benchmarks one after the other, each in a process of its own; each prints a ratio to a stated
baseline or its figures, and fails where they are not what they must be.

    python -m benchmarks [NAME …]
"""

import pkgutil
import subprocess
import sys

import benchmarks

# An hour: only by name.
ON_REQUEST = frozenset({"soak"})
# Of others: nothing to run.
PARTS = frozenset(
    {"fault_soak_checks", "fault_soak_collector", "fault_soak_link", "fault_soak_usage"}
    | {"devtools", "prefilled", "usual_dash"}
)


def known() -> list[str]:
    """The names of all benchmarks."""
    found = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    return [name for name in found if not name.startswith("_") and name not in PARTS]


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all but those on request; one that fails keeps none from running."""
    unknown = sorted(set(names) - set(known()))
    if unknown:
        sys.exit(f"There is no benchmark {unknown[0]!r}; there are {', '.join(known())}.")
    failed = []
    for name in names or [one for one in known() if one not in ON_REQUEST]:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"\nNot as they should be: {', '.join(failed)}.")


if __name__ == "__main__":
    main(sys.argv[1:])
