"""The gate: who gets in, what there is, and whose is whose."""

import base64

import pytest

pytest.importorskip("httpx", reason="needs httpx, which gradio brings (extra web)")
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from separator.web.gate import Gate


def client(auth: str | None = None, port: int = 7860) -> TestClient:
    def session(request: Request) -> JSONResponse:
        return JSONResponse(request.scope["session"])

    return TestClient(Gate(Starlette(routes=[Route("/{path:path}", session)]), auth, port))


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


@pytest.mark.parametrize("path", ["/", "/recordings", "/page/page.js", "/separations", "/config"])
def test_nothing_is_open_without_the_password(path: str) -> None:
    page = client("änne:geheim:1")
    refused = [{}, basic("änne:geheim"), basic("änne:geheim:2"), {"authorization": "Basic ???"}, {"authorization": "x"}]
    for headers in refused:
        answer = page.get(path, headers=headers)
        assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Basic ")
        assert "set-cookie" not in answer.headers
    assert page.get(path, headers=basic("änne:geheim:1")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file//etc/passwd",
        "/gradio_api/upload",
        "/gradio_api/proxy=https://huggingface.co",
        "/gradio_api/stream/x",
        "/gradio_api/runs",
        "/gradio_api/run-history/connect",
        "/gradio_api/queue/join",
        "/gradio_api/queue/data",
        "/gradio_api/call/submit",
        "/gradio_api/heartbeat/../file=/etc/passwd",
        "/file=/etc/passwd",
        "/docs",
        "/openapi.json",
        "/monitoring",
    ],
)
def test_gradios_other_doors_are_closed(path: str) -> None:
    assert client().get(path).status_code == 404


def test_each_browser_has_a_session_that_none_can_guess_or_read() -> None:
    one, other = client(), client()
    assert one.get("/recordings").json() is None
    cookie = one.get("/").headers["set-cookie"]
    assert cookie.startswith("separator-7860=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    session = one.get("/recordings").json()
    assert len(session) >= 40 and one.get("/recordings").json() == session
    assert "set-cookie" not in one.get("/").headers
    other.get("/")
    assert other.get("/recordings").json() != session
    for wrong in ("separator-7860=short", "separator-7861=" + session, "separator-7860=" + "ä" * 50, ";;=;"):
        assert client().get("/recordings", headers={"cookie": wrong.encode()}).json() is None


def test_a_browser_is_told_to_ask_nobody_else() -> None:
    policy = client().get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy and "http" not in policy and "*" not in policy
