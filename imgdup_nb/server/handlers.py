"""HTTP: the token, limits, parameters, answers and errors.

Jupyter's identity provider and authorizer check the token (D27). Bodies are counted as they
arrive. What exceeds the limit is dropped, and the request is answered at its end. So a client that
sends too much, or without a token, gets a reason instead of a broken connection.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable
from typing import Any
from urllib.parse import quote

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler
from tornado import iostream, web

from ..engine.checks import check_percent
from .contexts import Contexts
from .errors import Refused, refusal_for
from .openapi import describe
from .operation import Operation, Parameter
from .request import Begun, File, Request, Stream
from .uploads import read_contents, read_form, read_picture, read_tag_list

MAX_SMALL_BODY = 2**20  # bytes of a body without a picture
TOKEN_SECONDS = 86_400  # after which clients ask again; Jupyter's token itself stays the same
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@web.stream_request_body
class Handler(APIHandler):
    """What all routes share: authentication, limits of the body, and errors."""

    auth_resource = "searchcontexts"
    needs_user = True
    max_bytes = MAX_SMALL_BODY

    def initialize(self) -> None:
        """Begin with an empty body."""
        self.body = bytearray()
        self.n_received = 0
        self.is_gone = False
        self.refusal: Refused | None = None

    async def prepare(self) -> None:  # type: ignore[override]
        """Authenticate; a refusal is sent after the body was read."""
        try:
            await super().prepare()
        except web.HTTPError as error:
            self.refusal = _as_refusal(error)
        # without a user the answer is 401, whatever else Jupyter found (such as no XSRF cookie),
        # except for a foreign host name
        if self.needs_user and not self.current_user and self.check_host():
            self.refusal = Refused(
                401,
                "the token is missing or wrong",
                "send Authorization: Bearer TOKEN, the server's own token",
            )

    def data_received(self, chunk: bytes) -> None:
        """Keep what arrives, up to the limit."""
        self.n_received += len(chunk)
        if self.n_received > self.max_bytes:
            self.refusal = self.refusal or Refused(
                413,
                f"the body is larger than {self.max_bytes:,} bytes",
                "SearchContexts.max_bytes sets the limit for pictures",
            )
        if self.refusal is None:
            self.body += chunk
        else:
            self.body.clear()

    def on_connection_close(self) -> None:
        """Note that nobody waits for the answer any more."""
        self.is_gone = True
        super().on_connection_close()

    @property
    def verbs(self) -> str:
        """The verbs of the route."""
        return "GET"

    async def answer(self) -> None:
        """Answer the request."""
        raise NotImplementedError

    # `prepare` has authenticated: without a token the answer is 401, not a login page
    @allow_unauthenticated
    async def get(self, *_path: str) -> None:
        """Answer, or refuse with a reason."""
        try:
            if self.refusal is not None:
                raise self.refusal
            await self._check_allowed()
            await self.answer()
        except Exception as error:
            if isinstance(error, web.HTTPError):
                refusal: Refused | None = _as_refusal(error)
            else:
                refusal = refusal_for(error)
            if refusal is None:
                self.log.exception(
                    "a fault while answering %s %s", self.request.method, self.request.path
                )
                refusal = Refused(500, "a fault of the server; its log has the details")
            self.refuse(refusal)

    head = post = put = patch = delete = get

    async def _check_allowed(self) -> None:
        if not self.needs_user:
            return
        action = "read" if self.request.method == "GET" else "write"
        if not await ensure_async(
            self.authorizer.is_authorized(self, self.current_user, action, self.auth_resource)
        ):
            raise Refused(403, f"this user may not {action} search contexts")

    def refuse(self, refusal: Refused) -> None:
        """Answer with an error."""
        self.set_status(refusal.status)
        if refusal.status == 401:
            self.set_header("WWW-Authenticate", "Bearer")
        if refusal.status == 405:
            self.set_header("Allow", self.verbs)
        self.finish(json.dumps(refusal.body))

    def write_error(self, status_code: int, **given: Any) -> None:
        """Answer errors that were found before a route was chosen."""
        error = given.get("exc_info", (None, None, None))[1]
        self.refuse(
            _as_refusal(error)
            if isinstance(error, web.HTTPError)
            else Refused(status_code, self._reason)
        )


class OperationHandler(Handler):
    """Answers the operations of one path."""

    def initialize(  # type: ignore[override]
        self, contexts: Contexts, operations: dict[str, Operation], limits: dict[str, int]
    ) -> None:
        """Store the operations of the path and the limits."""
        super().initialize()
        self.contexts, self.operations, self.limits = contexts, operations, limits
        operation = operations.get(self.request.method or "")
        if operation is not None and operation.body in {"image", "file"}:
            self.max_bytes = limits["max_bytes"]

    @property
    def verbs(self) -> str:
        """The verbs of the path."""
        return ", ".join(sorted(self.operations))

    async def answer(self) -> None:
        """Run the operation and write its result."""
        operation = self.operations.get(self.request.method or "")
        if operation is None:
            raise Refused(
                405,
                f"{self.request.method} is not a verb of this path",
                f"its verbs are {self.verbs}",
            )
        answer = await operation.run(self._read_request(operation))
        if isinstance(answer, Begun):
            self._go_on(answer.work)
            self.set_status(202)
        elif isinstance(answer, File):
            self._name_download(answer.name)
            self.finish(answer.data, set_content_type=answer.kind)
        elif isinstance(answer, Stream):
            await self._stream(answer)
        elif answer is not None:
            self.write(json.dumps(answer, allow_nan=False))
        if not (self._finished or self.is_gone):
            self.finish()

    def _read_request(self, operation: Operation) -> Request:
        values = {parameter.name: self._read(parameter) for parameter in operation.parameters}
        body, kind = bytes(self.body), self.request.headers.get("Content-Type", "")
        name = self.path_args[0] if self.path_args else ""
        is_of_context = "{searchContextId}" in operation.path
        return Request(
            self.contexts,
            name if is_of_context else "",
            values,
            path="" if is_of_context else name,
            contents=read_contents(kind, body) if operation.body == "file" else b"",
            upload=read_picture(kind, body) if operation.body == "image" else None,
            tags=read_tag_list(kind, body) if operation.body == "tags" else [],
            max_pixels=self.limits["max_pixels"],
            is_wanted=lambda: not self.is_gone,
        )

    def _read(self, parameter: Parameter) -> Any:
        """Return the value of a parameter, None where it was not sent."""
        sent = self.request.query_arguments.get(parameter.name, [])
        try:
            # tornado's own reading would change control characters to spaces
            text = sent[-1].decode() if sent else None
        except UnicodeDecodeError:
            raise Refused(
                400, f"{parameter.name} must be written in UTF-8, percent-encoded"
            ) from None
        # client libraries send unset parameters as empty text
        if text is None or (text == "" and parameter.kind == "string"):
            if parameter.required:
                raise Refused(400, f"{parameter.name} is needed: {parameter.meaning}")
            return None
        try:
            return parse_value(parameter, text)
        except ValueError as error:
            raise Refused(400, str(error)) from error

    def _name_download(self, name: str) -> None:
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
        self.set_header(
            "Content-Disposition",
            f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        )

    async def _stream(self, answer: Stream) -> None:
        """Send an answer piece by piece, and make the next when the client has taken the last."""
        piece = await self.contexts.in_thread(next, answer.pieces, None)
        self.set_header("Content-Type", answer.kind)
        if answer.name:
            self._name_download(answer.name)
        while piece is not None and not self.is_gone:
            self.write(piece)
            try:
                await self.flush()
            except iostream.StreamClosedError:
                return
            piece = await self.contexts.in_thread(next, answer.pieces, None)
        if not self.is_gone:
            self.finish(set_content_type=answer.kind)

    def _go_on(self, work: Awaitable[Any]) -> None:
        """Continue work after the answer; its errors are logged."""

        async def finish() -> None:
            try:
                await work
            except Exception as error:
                self.log.error(
                    "indexing a folder ended early: %s", error, exc_info=refusal_for(error) is None
                )

        going_on.add(task := asyncio.ensure_future(finish()))
        task.add_done_callback(going_on.discard)


going_on: set[asyncio.Future[None]] = set()  # asyncio keeps only weak references to tasks


class TokenHandler(Handler):
    """Exchanges the token for itself: client libraries ask for one first."""

    needs_user = False
    verbs = "POST"

    def check_xsrf_cookie(self) -> None:
        """Cookies are not used here: the secret is in the body."""

    async def answer(self) -> None:
        """Let Jupyter check the secret as if it were in a header."""
        if self.request.method != "POST":
            raise Refused(
                405, f"{self.request.method} is not a verb of this path", "its verb is POST"
            )
        fields = read_form(self.request.headers.get("Content-Type", ""), bytes(self.body))[0]
        grant, secret = (
            fields.get(name, [b""])[-1].decode("utf-8", "replace")
            for name in ("grant_type", "client_secret")
        )
        if grant != "client_credentials":
            raise Refused(400, f"grant_type must be client_credentials, and {grant!r} is not")
        if not await self._is_good(secret):
            raise Refused(
                401,
                "client_secret is not the token of this Jupyter server",
                "jupyter server list shows it",
            )
        self.set_header("Cache-Control", "no-store")
        self.finish(
            json.dumps(
                {"access_token": secret, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}
            )
        )

    async def _is_good(self, secret: str) -> bool:
        if not self.identity_provider.auth_enabled:
            return True  # the user has switched tokens off
        if not secret.isprintable() or not secret.isascii():
            return False
        for name in ("Authorization", "Cookie"):  # only the secret is checked
            if name in self.request.headers:
                del self.request.headers[name]
        self.request.arguments.pop("token", None)
        self.request.query_arguments.pop("token", None)
        self.request.headers["Authorization"] = f"token {secret}"
        self._jupyter_current_user = None
        self._token_authenticated = False
        await ensure_async(self.identity_provider.get_user(self))
        return bool(self.token_authenticated)


class DescriptionHandler(Handler):
    """Serves the OpenAPI description."""

    def initialize(self, contexts: Contexts) -> None:  # type: ignore[override]
        """Store the contexts, whose method is described."""
        super().initialize()
        self.contexts = contexts

    async def answer(self) -> None:
        """Write the description of this server."""
        if self.request.method != "GET":
            raise Refused(
                405, f"{self.request.method} is not a verb of this path", "its verb is GET"
            )
        self.finish(json.dumps(describe(self.base_url, self.contexts.method)))


class UnknownHandler(Handler):
    """Answers everything else below the prefixes."""

    async def answer(self) -> None:
        """Refuse: there is no such operation."""
        raise Refused(
            404,
            f"nothing is served at {self.request.path}",
            "GET /v3.0/openapi.json lists the calls",
        )


def parse_value(parameter: Parameter, text: str) -> Any:
    """Return the value of a parameter that was sent as text.

    Raises
    ------
    ValueError
        if it is not a value of this parameter.

    Examples
    --------
    >>> parse_value(Parameter("similarityThreshold", "percent", ""), "90.0")
    90.0
    """
    if parameter.choices and text not in parameter.choices:
        raise ValueError(
            f"{parameter.name} must be one of {', '.join(parameter.choices)}, and {text!r} is not"
        )
    if parameter.kind == "string":
        return text
    if parameter.kind == "percent":
        if not NUMBER.fullmatch(text):
            raise ValueError(
                f"{parameter.name} must be a number from 0 to 100, and {text!r} is not"
            )
        return check_percent(parameter.name, float(text))
    if parameter.kind == "flag":
        if text.lower() not in {"true", "false"}:
            raise ValueError(f"{parameter.name} must be true or false, and {text!r} is not")
        return text.lower() == "true"
    if not re.fullmatch(r"\+?\d{1,9}", text, re.ASCII) or int(text) < 1:
        raise ValueError(f"{parameter.name} must be a whole number from 1 up, and {text!r} is not")
    return int(text)


def _as_refusal(error: web.HTTPError | Refused) -> Refused:
    if isinstance(error, Refused):
        return error
    message = (error.log_message or "").replace("%%", "%") if not error.args[1:] else str(error)
    return Refused(error.status_code, message or error.reason or "refused")
