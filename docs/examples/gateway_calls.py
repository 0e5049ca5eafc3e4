"""Send a visitor's clicks to the gateway: `python gateway_calls.py VISITOR EVENT:ITEM ...`

GATEWAY_URL is the gateway's address, GATEWAY_TOKEN a token with the role collect.
"""

import json
import os
import sys
import urllib.error
import urllib.request

if len(sys.argv) < 3:
    sys.exit("give a visitor and at least one click: gateway_calls.py VISITOR EVENT:ITEM ...")
visitor, *path = sys.argv[1:]
address = os.environ.get("GATEWAY_URL") or "http://127.0.0.1:8080"
headers = {"Content-Type": "application/json"}
if token := os.environ.get("GATEWAY_TOKEN"):
    headers["Authorization"] = f"Bearer {token}"

for step in path:
    event, _, item = step.partition(":")
    click = {"visitor_id": visitor, "event": event, "item_id": item}
    call = urllib.request.Request(
        f"{address}/v1/events?answers=1&timeout_ms=5000", json.dumps(click).encode(), headers
    )
    try:
        with urllib.request.urlopen(call, timeout=30) as answer:
            status, body = answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        sys.exit(f"the gateway answered {error.code}: {json.load(error)['message']}")
    except OSError as error:
        sys.exit(f"no gateway answers at {address} ({error}): start one with `pathcast gateway`")
    if status == 202:  # it is on the topic, and can be asked for later: GET /v1/answers/EVENT_ID
        sys.exit(f"no answer within 5 s to {body['event_ids'][0]}: start a worker with `pathcast worker`")
    (told,) = body["answers"].values()
    likely = ", ".join(one["item_id"] for one in told["recommendations"]["items"][:4]) or "nothing yet"
    print(f"{visitor} {event} {item}: buys with {told['purchase_intent']['purchase_probability']:.1%}")
    print(f"  likely next: {likely}; to be shown: {told['ad_decisions'][0]['action']}")
