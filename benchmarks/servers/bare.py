"""The floor: bare sockets on gevent, doing only this one call. No errors, no hang-ups, no second kind of call."""

from __future__ import annotations

import sys

from gevent.server import StreamServer

from benchmarks.scenario import ANSWERS, BETWEEN_MS, FIRST_MS, QUESTIONS, prompt_path


def execute(app: str, arg: str, uuid: str) -> bytes:
    text = f"sendmsg\ncall-command: execute\nexecute-app-name: {app}\nexecute-app-arg: {arg}\nEvent-UUID: {uuid}\n"
    return text.encode() + b"event-lock: true\n\n"


def handle(sock, address) -> None:
    buffer = b""

    def message() -> tuple[bytes, bytes]:
        """The next message: its head and its body."""
        nonlocal buffer
        while (end := buffer.find(b"\n\n")) < 0:
            buffer += sock.recv(65536)
        head = buffer[:end]
        at = head.find(b"Content-Length: ") if not head.startswith(b"Event-Name") else -1
        length = int(head[at + 16 : head.find(b"\n", at) if b"\n" in head[at:] else end]) if at >= 0 else 0
        while len(buffer) < end + 2 + length:
            buffer += sock.recv(65536)
        body, buffer = buffer[end + 2 : end + 2 + length], buffer[end + 2 + length :]
        return head, body

    def command(data: bytes) -> bytes:
        sock.sendall(data)
        while True:
            head, _ = message()
            if b"command/reply" in head:
                return head

    def run(app: str, arg: str, uuid: str) -> bytes:
        command(execute(app, arg, uuid))
        mark = f"Application-UUID: {uuid}\n".encode()
        while True:
            _, body = message()
            if mark in body:
                return body

    head = command(b"connect\n\n")
    at = head.find(b"\nUnique-ID: ") + 12
    call = head[at : head.find(b"\n", at)].decode()
    command(b"linger 5\n\n")
    command(b"event plain CHANNEL_EXECUTE_COMPLETE\n\n")
    command(f"filter Unique-ID {call}\n\n".encode())
    run("answer", "", "answer")
    for question, keys in zip(QUESTIONS, ANSWERS, strict=True):
        n = len(keys)
        arg = f"{n} {n} 1 {FIRST_MS} # {prompt_path(question)} silence_stream://100 {question} ^\\d+$ {BETWEEN_MS}"
        body = run("play_and_get_digits", arg, question)
        at = body.find(f"variable_{question}: ".encode())
        if body[at : body.find(b"\n", at)].split(b": ")[1] != keys.encode():
            raise SystemExit("the switch did not bring the keys")
    command(b"sendmsg\ncall-command: hangup\n\n")
    command(b"exit\n\n")
    sock.close()


def main() -> None:
    server = StreamServer(("127.0.0.1", int(sys.argv[1])), handle, backlog=1024)
    server.start()
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
