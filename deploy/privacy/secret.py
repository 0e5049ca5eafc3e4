"""Check that a command has the workers' secret for pseudonyms, before it writes or shows an id."""

from collections.abc import Collection

from deploy.privacy.copy_confirmations import copies
from models.contract.pseudonyms import Pseudonyms
from models.errors import PathcastError
from streams.config.connection import Connection
from streams.config.topics import TopicNames


class WrongSecret(PathcastError):
    """A command and the workers use different secrets; `then` says what was done before this was noticed."""

    def __init__(self, theirs: Collection[str], own: str, then: str) -> None:
        said = ", ".join(sorted(one or "none" for one in theirs))
        super().__init__(
            f"workers make pseudonyms by the secret of fingerprint {said}, this command by {own or 'none'}: "
            f"name the workers' own file (PATHCAST_PSEUDONYM_KEY_FILE) and ask again; {then}"
        )


def check_secret(to: Connection, names: TopicNames, pseudonymiser: Pseudonyms | None) -> None:
    """Raises WrongSecret where workers have a secret and this command has none; KafkaUnreachable.

    The last announcement of each partition counts, because an old datadir may name an old secret.
    """
    if pseudonymiser is not None:
        return
    said = {}
    for copy in sorted(copies(to, names.state_copies), key=lambda copy: copy.at):
        said[copy.partition] = copy.pseudonyms
    theirs = {*said.values()} - {""}
    if theirs:
        raise WrongSecret(theirs, "", "nothing was written")
