"""docs/extending.md quotes every worked example exactly."""

from tests import extending_page
from tests.extending.project_copy import names

PAGE = extending_page.PAGE.read_text()


def test_the_page_quotes_every_patch_as_it_is():
    assert extending_page.filled(PAGE) == PAGE, "run `python -m tests.extending_page`"
    assert sorted(extending_page.MARKED.findall(PAGE)) == sorted(names())
