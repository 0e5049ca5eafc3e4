"""The contract's own form, in any spelling and nesting."""

from models.forms.form import Form

OWN = Form("own", "Pathcast's own form", lambda raw: True, open=True)
