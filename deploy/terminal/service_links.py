"""Variables that Kubernetes sets for the services of a namespace ("service links")."""

import re
from collections.abc import MutableMapping
from typing import Final

#: Settings of a port. A service `pathcast-web` makes Kubernetes set the first to `tcp://10.1.2.3:80`.
PORTS: Final = ("PATHCAST_WEB_PORT", "PATHCAST_BROKER_PORT", "PATHCAST_GATEWAY_PORT")
_LINK = re.compile(r"(tcp|udp|sctp)://")


def dropped(environment: MutableMapping[str, str]) -> list[str]:
    """Remove such variables where their names are those of settings; a line for each."""
    links = {name: environment[name] for name in PORTS if _LINK.match(environment.get(name, ""))}
    for name in links:
        del environment[name]
    return [
        f"{name}={value} is ignored: Kubernetes sets it for a service of that name. To set a port "
        "yourself, set enableServiceLinks: false, or name the service otherwise"
        for name, value in links.items()
    ]
