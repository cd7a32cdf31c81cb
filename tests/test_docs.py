"""The documents keep their promises: every setting is described, every command exists."""

from pathlib import Path

from pydantic import BaseModel

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


def test_every_link_of_the_readme_leads_somewhere():
    text = (ROOT / "README.md").read_text()
    for word in text.replace(",", " ").replace(";", " ").split():
        if word.startswith("docs/"):
            assert (ROOT / word.rstrip(".")).exists(), word
