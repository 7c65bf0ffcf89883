"""The same call written with greenswitch, as its README writes calls. Stores nothing."""

from __future__ import annotations

import sys

from gevent import monkey

monkey.patch_all()

import gevent  # noqa: E402
import greenswitch  # noqa: E402
from greenswitch.esl import OutboundSessionHasGoneAway  # noqa: E402

from benchmarks.scenario import ANSWERS, BETWEEN_MS, FIRST_MS, QUESTIONS, prompt_path  # noqa: E402


class Collect:
    def __init__(self, session) -> None:
        self.session = session

    def run(self) -> None:
        try:
            self.handle_call()
        except OutboundSessionHasGoneAway:
            pass
        finally:
            self.session.stop()

    def handle_call(self) -> None:
        self.session.connect()
        self.session.myevents()
        self.session.linger()
        self.session.call_command("answer", block=True)
        for question, keys in zip(QUESTIONS, ANSWERS, strict=True):
            digits = self.session.play_and_get_digits(
                min_digits=len(keys),
                max_digits=len(keys),
                max_attempts=1,
                timeout=FIRST_MS,
                terminators="#",
                prompt_file=prompt_path(question),
                error_file="silence_stream://100",
                variable=question,
                digits_regex="^\\d+$",
                digit_timeout=BETWEEN_MS,
                response_timeout=120,
            )
            if digits != keys:
                raise SystemExit("the switch did not bring the keys")
        self.session.hangup()


def main() -> None:
    server = greenswitch.OutboundESLServer(
        bind_address="127.0.0.1", bind_port=int(sys.argv[1]), application=Collect, max_connections=5000
    )
    print("ready", flush=True)
    gevent.spawn(server.listen).join()


if __name__ == "__main__":
    main()
