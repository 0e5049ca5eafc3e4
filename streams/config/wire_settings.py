"""Settings of what stands on the shop's topics: formats of keys and values, forms of clicks."""

from pydantic import Field
from pydantic_settings import BaseSettings

from models.contract.wire_formats import KeyFormat, ValueFormat, WireFormat
from models.forms.table import FormName


class WireSettings(BaseSettings):
    """The part of `WorkerSettings` that says how records stand on the topics that the shop writes."""

    key_format: KeyFormat = Field(
        default="raw",
        description="How keys stand on `clicks`, `profiles` and `items`: the bare id, JSON (in "
        "quotes, as REST proxies write it, or in an object with one field), or either behind a schema "
        "registry's prefix of 5 bytes. Bare ids are always read.",
    )
    value_format: ValueFormat = Field(
        default="json",
        description="How values stand there: bare JSON, or behind a schema registry's prefix of 5 bytes; "
        "bare JSON is always read.",
    )

    input_form: FormName = Field(
        default="auto",
        description="Form of the clicks that are not exactly in the contract's own (docs/contract/forms.md); "
        "`auto`: each is recognised by its shape.",
    )

    def wire_format(self) -> WireFormat:
        """How keys and values stand on the shop's topics."""
        return WireFormat(self.key_format, self.value_format)
