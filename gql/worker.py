"""One process that serves: `python -m gql.worker LISTENER LINE`, with two sockets that the supervisor hands down.

On the listener come requests. On the line comes where the database is, once there is one; what was found there goes back.
"""

import gc
import logging
import sys
from multiprocessing.connection import Connection
from socket import socket

from gql import faults
from gql.settings import LOG_FORMAT, read_settings


def main() -> None:
    gc.disable()  # hardly anything is garbage until it serves, and looking for it takes a fifth of the time
    settings = read_settings()
    logging.basicConfig(level=settings.log_level, format=LOG_FORMAT)
    listener, line = socket(fileno=int(sys.argv[1])), Connection(int(sys.argv[2]))
    from gql.app import schema_of  # noqa: PLC0415
    from gql.serving import serve  # noqa: PLC0415

    schema_of(settings)
    gc.freeze()  # nor is it later
    gc.enable()
    with faults.ending():
        serve(settings, line.recv(), listener, line.send)


if __name__ == "__main__":
    main()
