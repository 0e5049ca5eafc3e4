"""A worker says what is missing once it knows it."""

from structlog.testing import capture_logs

from streams.service.start_up_warnings import start_up_warnings


async def test_a_worker_without_model_and_catalogue_says_what_answers_and_what_to_do() -> None:
    with capture_logs() as lines:
        await start_up_warnings(lambda: None, [])()
    assert [line["event"] for line in lines] == ["no model", "no catalogue"]
    assert "popular items answer" in lines[0]["meaning"]
    assert "pathcast train" in lines[0]["advice"]


async def test_with_both_it_says_nothing() -> None:
    with capture_logs() as lines:
        await start_up_warnings(lambda: "a version", ["an item"])()
    assert lines == []
