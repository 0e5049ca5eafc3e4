"""The file of tokens: what may stand in it, what it is followed for, and how a token gets into it."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from deploy.cli import main
from gateway.http import token_file
from gateway.http.guard import TokenGuard
from gateway.http.problems import HttpProblem
from gateway.http.rate_limits import RateLimits
from gateway.http.token_file import Role, TokenFileError
from tests.gateways import TOKENS, gateway_settings, token_texts, with_tokens

ENTRY = token_file.line("shop", "secret", [Role.READ], datetime(2099, 1, 1, tzinfo=UTC))


def test_an_entry_holds_no_token():
    assert "secret" not in ENTRY
    assert token_file.find(token_file.parse(ENTRY), "secret").roles == [Role.READ]
    assert token_file.find(token_file.parse(ENTRY), "Secret") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[token]", "does not fit"),
        (ENTRY.replace("read", "king"), "Invalid enum value 'king'"),
        (ENTRY.replace("sha256 = ", "sha256 = 5 # "), "Expected `str`"),
        (ENTRY + "role = 1", "unknown field `role`"),
        (ENTRY + ENTRY, "shop occur twice"),
        (ENTRY.replace("Z", ""), "names no zone"),
        (ENTRY + "requests_per_second = " + "9" * 5_000, "does not fit"),
        ("a = " + "[" * 5_000, "does not fit"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(text, said):
    with pytest.raises(TokenFileError, match=said):
        token_file.parse(text)


def test_a_name_with_quotes_is_written_so_that_it_can_be_read():
    text = token_file.line('a "b" \\', "x", [Role.READ], datetime(2099, 1, 1, tzinfo=UTC))
    assert token_file.parse(text)[0].name == 'a "b" \\'


def test_a_removed_entry_counts_at_the_next_look_and_a_broken_file_changes_nothing(tmp_path):
    settings = with_tokens(tmp_path)
    guard, token = TokenGuard(settings), TOKENS[Role.READ]
    settings.tokens.write_text("[[broken")
    guard.look()
    assert guard.identify(token).name == "read"
    settings.tokens.write_text(token_texts().replace(token_file.digest(token), "0" * 64))
    guard.look()
    with pytest.raises(HttpProblem, match="is not known"):
        guard.identify(token)


def test_others_can_reach_the_gateway_only_where_there_are_tokens():
    with pytest.raises(TokenFileError, match="PATHCAST_GATEWAY_TOKENS is not set"):
        TokenGuard(gateway_settings(host="0.0.0.0"))


def test_the_command_prints_a_token_that_the_file_knows_and_does_not_hold(tmp_path):
    path = tmp_path / "tokens.toml"
    for name in ("one", "two"):
        words = [
            "gateway",
            "token",
            "--name",
            name,
            "--role",
            "read",
            "--role",
            "privacy",
            "--file",
            str(path),
        ]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
        entry = token_file.find(token_file.parse(path.read_text()), done.output.strip())
        assert (entry.name, entry.roles) == (name, [Role.READ, Role.PRIVACY])
        assert done.output.strip() not in path.read_text()
    before = path.read_text()
    done = CliRunner().invoke(
        main, ["gateway", "token", "--name", "one", "--role", "read", "--file", str(path)]
    )
    assert done.exit_code == 1
    assert "occur twice" in done.output
    assert path.read_text() == before


def test_a_bucket_fills_steadily():
    now = [0.0]
    limits = RateLimits(2.0, lambda: now[0])
    assert [limits.wait("a", None) for _ in range(3)] == [0, 0, 1]
    assert limits.wait("b", 0.1) == 0
    assert limits.wait("b", 0.1) == 10
    now[0] = 0.5
    assert [limits.wait("a", None) for _ in range(2)] == [0, 1]
