"""Ends connections that keep the server waiting for a request; those that wait for the server are let be."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

WITHIN = 15.0  # seconds, from the connection or the first byte of a request, for the request to be whole or be read by the app


class Impatient(HttpToolsProtocol):
    """Uvicorn's protocol, which itself waits without end for a first byte, for the rest of the headers, and for an unread body.

    A body that the app reads is its own matter: it answers 408. Between requests a connection is kept as Uvicorn keeps it, and
    what becomes a WebSocket, or waits for an answer or events, is not limited.
    """

    _watch: asyncio.TimerHandle | None = None
    _whole = True  # whether the last request that began has arrived
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self.timeout_keep_alive_task is None and not self._upgraded:
            self._await_request()  # these bytes ended the wait between requests, and were no request

    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        self._whole = False
        self._await_request()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._whole = True
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete and not self.pipeline:
            self._stop_waiting()
            self._keep_alive()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._whole and not self.pipeline:
            self._unset_keepalive_if_required()
            self._await_request()

    def _keep_alive(self) -> None:
        self._unset_keepalive_if_required()
        if not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _await_request(self) -> None:
        if self._watch is None and not self.transport.is_closing():
            self._watch = self.loop.call_later(WITHIN, self._end)

    def _stop_waiting(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _end(self) -> None:
        self._watch = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self._await_request()  # a request was begun behind one that is still answered
