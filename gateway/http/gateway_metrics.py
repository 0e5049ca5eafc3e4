"""The gateway's metrics. A metric is one line."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

#: Bounds of durations (s).
SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.08, 0.15, 0.3, 1.0, 5.0, 30.0)


class GatewayMetrics:
    """All metrics of one gateway process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = at = CollectorRegistry()
        self.requests = Counter(
            "pathcast_gateway_requests_total", "Requests answered.", ["route", "status"], registry=at
        )
        self.seconds = Histogram(
            "pathcast_gateway_request_seconds",
            "Time from a request's first byte to its answer.",
            ["route"],
            buckets=SECONDS,
            registry=at,
        )
        self.events = Counter(
            "pathcast_gateway_events_total",
            "Events by what became of them: `accepted` are on the topic, `refused` do not fit, `undelivered` "
            "were not acknowledged in time.",
            ["outcome"],
            registry=at,
        )
        self.waiting = Gauge(
            "pathcast_gateway_waiting_events", "Events that wait for Kafka's acknowledgement.", registry=at
        )
        self.answered = Counter(
            "pathcast_gateway_answers_total",
            "Calls that wait for answers: `complete` in time, or `late`.",
            ["outcome"],
            registry=at,
        )
        self.kept = Gauge("pathcast_gateway_kept_answers", "Events whose answers are kept.", registry=at)
