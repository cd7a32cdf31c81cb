"""The documents keep their promises: every setting is described, every command exists."""

import re
from pathlib import Path

from pydantic import BaseModel

from app.cli import app
from app.settings import Settings, VenueSettings

ROOT = Path(__file__).parents[1]


def leaves(model, prefix=""):
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from leaves(annotation, f"{prefix}{name}.")
        elif name == "venues":
            yield from (f"venues.NAME.{key}" for key in VenueSettings.model_fields)
        else:
            yield f"{prefix}{name}"


def test_every_setting_is_described():
    text = (ROOT / "docs/settings.md").read_text()
    missing = [name for name in leaves(Settings) if f"`{name}`" not in text]
    assert not missing


def test_every_link_of_the_documents_leads_somewhere():
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", path.read_text()):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_command_is_named_in_the_readme():
    text = (ROOT / "README.md").read_text()
    names = [c.name or c.callback.__name__ for c in app.registered_commands]
    names += [g.name for g in app.registered_groups]
    missing = [name for name in names if name and f"ofi {name}" not in text]
    assert not missing
