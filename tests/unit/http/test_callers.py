from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aiohttp.test_utils import make_mocked_request

from proxy.http.auth import Keys
from proxy.http.callers import KEPT, Caller, Callers
from proxy.http.ready_request import ReadyRequest
from proxy.http.request_heads import RequestHeads

if TYPE_CHECKING:
    from proxy.http.client_connection import ClientConnection

HEADERS = {"Host": "h", "User-Agent": "u", "Authorization": "Bearer sk-one", "Content-Length": "12"}


def callers() -> Callers:
    return Callers(Keys((), "authorization"))


def test_each_caller_has_its_own_token_whatever_else_is_the_same() -> None:
    known = callers()
    for token in ("sk-one", "sk-two", "sk-one"):
        headers = {**HEADERS, "Authorization": f"Bearer {token}"}
        assert known.read(make_mocked_request("POST", "/", headers)).credentials.bearer == token


def test_bodies_of_any_length_come_from_the_same_caller_wherever_the_length_stands() -> None:
    known = callers()
    first = known.read(make_mocked_request("POST", "/", HEADERS))
    longer = known.read(make_mocked_request("POST", "/", {**HEADERS, "Content-Length": "999"}))
    assert longer is first
    moved = {"Content-Length": "12", "X-Trace": "t", "Host": "h"}
    assert known.read(make_mocked_request("POST", "/", moved)).headers == (("X-Trace", "t"),)
    without = {"X-Trace": "t", "Host": "h"}
    assert known.read(make_mocked_request("POST", "/", without)).headers == (("X-Trace", "t"),)


def test_who_names_an_episode_is_told_apart_and_not_remembered() -> None:
    known = callers()
    for episode in ("one", "two"):
        headers = {**HEADERS, "X-TensorZero-Episode-Id": episode}
        caller = known.read(make_mocked_request("POST", "/", headers))
        assert caller.says_more
        assert known.read(make_mocked_request("POST", "/", headers)) is not caller
    assert not known.read(make_mocked_request("POST", "/", HEADERS)).says_more


def test_more_callers_than_are_kept_and_headers_that_are_too_long_are_read_all_the_same() -> None:
    known = callers()
    for number in range(2 * KEPT):
        headers = {**HEADERS, "traceparent": str(number)}
        passed = dict(known.read(make_mocked_request("POST", "/", headers)).headers)
        assert passed["traceparent"] == str(number)
    long = {**HEADERS, "X-Long": "x" * 5000}
    assert dict(known.read(make_mocked_request("POST", "/", long)).headers)["X-Long"] == "x" * 5000


def test_a_callers_token_is_not_shown() -> None:
    assert "sk-one" not in repr(callers().read(make_mocked_request("POST", "/", HEADERS)))


async def test_a_head_that_is_known_is_a_caller_that_is_known() -> None:
    known = callers()
    lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in HEADERS.items())]
    data = "\r\n".join([*lines, "Content-Type: application/json", "", ""]).encode()

    def read_by(heads: RequestHeads) -> Caller:
        found = heads.read(data, data.index(b"\r\n\r\n"))
        assert found is not None
        return known.read(ReadyRequest(found[0], b"{}", cast("ClientConnection", None)))

    heads = RequestHeads()
    first = read_by(heads)
    assert first.credentials.bearer == "sk-one" and first.user_agent == "u"
    assert read_by(heads) is first
    assert read_by(RequestHeads()) == first
