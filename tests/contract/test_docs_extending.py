"""docs/extending.md quotes every worked example exactly, each with a walk through it."""

import re

from tests import extending_page
from tests.extending.project_copy import names

PAGE = extending_page.PAGE.read_text()


def test_the_page_quotes_every_patch_as_it_is():
    assert extending_page.filled(PAGE) == PAGE, "run `python -m tests.extending_page`"
    assert sorted(extending_page.MARKED.findall(PAGE)) == sorted(names())


def test_every_example_has_a_walk_beside_its_patch():
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    walks = [section for section in sections if extending_page.MARKED.search(section)]
    assert len(walks) == len(names()) == 10
    for section in sections:
        prose = extending_page.MARKED.sub("", section)
        assert len(prose.split()) > 50, section.splitlines()[0]
        assert re.findall(r"`(?:models|streams|trainer|deploy)/[\w/]+\.py`", prose), section.splitlines()[0]
