"""Modules of the page between stand-ins that a test runs by hand."""

from typing import Any

from playwright.sync_api import Page

_RUN = """async ([rig, act]) => {
  const undo = [];
  const stand = (owner, name, value) => {
    const real = owner[name];
    undo.push(() => (owner[name] = real));
    owner[name] = value;
    return real;
  };
  try {
    const { tools, told } = await (0, eval)(rig)(stand);
    const said = await new Function('r', `with (r) { return (${act})(); }`)({ ...tools, ...told });
    return JSON.parse(JSON.stringify({ ...told, said }));
  } finally {
    undo.forEach((one) => one());
  }
}"""


def rigged(page: Page, rig: str, act: str) -> dict[str, Any]:
    """What was `told` while `act` ran, and under `said` what it gave back.

    `rig` is a function of `stand(owner, name, value)`, which puts a stand-in in the place of what is put back
    afterwards and gives that; it makes `{tools, told}`. `act` is a function that finds both as its variables.
    """
    found: dict[str, Any] = page.evaluate(_RUN, [rig, act])
    return found


def call(page: Page, module: str, name: str, *arguments: Any) -> Any:
    """What a function of a module of the page gives back."""
    script = "async ([module, name, args]) => (await import(`/live/${module}.js`))[name](...args)"
    return page.evaluate(script, [module, name, list(arguments)])
