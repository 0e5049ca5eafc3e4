"""The latest answers: found by visitor, bounded by clicks, gone when they are forgotten."""

from streams.partition_state.latest_answers import ANSWERS_KEPT, AnsweredChunk, KeptAnswers, LatestAnswers


def chunk(*visitors, name=b"a"):
    answers = [((None, b"%b%d" % (name, place), []),) for place in range(len(visitors))]
    return AnsweredChunk(list(visitors), answers, [b"row%d" % place for place in range(len(visitors))])


def test_the_latest_click_of_a_visitor_is_found():
    kept = LatestAnswers()
    kept.add(chunk("v", "w", "v"))
    assert kept.of("v") == KeptAnswers(((None, b"a2", []),), b"row2")
    kept.add(chunk("v", name=b"b"))
    assert kept.of("v") == KeptAnswers(((None, b"b0", []),), b"row0")
    assert kept.of("w") == KeptAnswers(((None, b"a1", []),), b"row1")
    assert kept.of("x") is None


def test_old_chunks_go_and_a_chunk_beyond_the_bound_stays():
    kept = LatestAnswers()
    kept.add(chunk("first"))
    kept.add(chunk(*["v"] * (ANSWERS_KEPT - 1)))
    assert kept.of("first") is not None
    kept.add(chunk("w"))
    assert kept.of("first") is None
    kept.add(chunk(*["x"] * (2 * ANSWERS_KEPT)))
    assert [len(one.visitors) for one in kept.chunks] == [2 * ANSWERS_KEPT]


def test_a_forgotten_visitor_leaves_nothing():
    kept = LatestAnswers()
    kept.add(chunk("v", "w"))
    kept.add(chunk("w", "v", "v"))
    kept.forget("v")
    assert kept.of("v") is None
    assert kept.of("w") is not None
    assert "'v'" not in repr(kept.chunks)
    assert sum(row != b"" for one in kept.chunks for row in one.rows) == 2
