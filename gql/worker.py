"""A worker process: `python -m magistrate.worker LISTENER LINE`, with the file descriptors of two sockets from the supervisor.

Requests come in on the listener. On the line the supervisor sends the URI of the database once it listens, and the worker answers
with `Prepared`.
"""

import gc
import logging
import sys
from multiprocessing.connection import Connection
from socket import socket

from gql import faults, garbage
from gql.settings import LOG_FORMAT, read_settings


def main() -> None:
    gc.disable()  # imports leave hardly any garbage, and collecting it would take a fifth of the start
    settings = read_settings()
    logging.basicConfig(level=settings.log_level, format=LOG_FORMAT)
    listener, line = socket(fileno=int(sys.argv[1])), Connection(int(sys.argv[2]))
    from gql.app import schema_of  # noqa: PLC0415
    from gql.serving import serve  # noqa: PLC0415

    schema_of(settings)
    gc.freeze()  # modules and schema live as long as the process, so collections skip them
    garbage.put_off()
    gc.enable()
    with faults.ending():
        serve(settings, line.recv(), listener, line.send)
