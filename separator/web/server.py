"""The server of the page: one port, one temporary folder, one queue, until it is stopped."""

import logging
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from separator.checkpoint import BUNDLED, ModelDescription, find_model, list_models, read_description
from separator.errors import InputError
from separator.web.limits import Limits

if TYPE_CHECKING:
    from fastapi import FastAPI

    from separator.web.queue import Queue

FOLDER_PREFIX = "separator-web-"

SECONDS_TO_END = 1
"""What a stop waits for requests that are being answered."""


def serve(
    models: list[str], device: str, limits: Limits, host: str, port: int, auth: str | None, ready: Callable[[str], None]
) -> None:
    """Serve the page until Ctrl-C or SIGTERM; every file of it is gone then.

    Args:
        models: What visitors may choose; the first is chosen already.
        device: Where models run.
        limits: What is taken.
        host: Address to listen on.
        port: As well; 0 takes a free one.
        auth: `user:password`, or None.
        ready: Called with the page's address when it can be opened.

    Raises:
        InputError: If a model is not there, or the address cannot be listened on.
    """
    offered = describe_models(models)
    listening = listen(host, port)
    remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
    try:
        _keep_gradio_here(folder)
        _run(offered, device, limits, listening, auth, folder, ready)
    finally:
        listening.close()
        shutil.rmtree(folder, ignore_errors=True)


def _run(
    models: dict[str, str],
    device: str,
    limits: Limits,
    listening: socket.socket,
    auth: str | None,
    folder: Path,
    ready: Callable[[str], None],
) -> None:
    import uvicorn

    from separator.web.gate import Gate
    from separator.web.options import SeparationOptions
    from separator.web.queue import Queue
    from separator.web.separation import RecordingSeparation

    host, port = listening.getsockname()[:2]
    separation = RecordingSeparation(device, limits)
    separation.separator(SeparationOptions(model=next(iter(models))))  # what is wrong with it is known before any visit
    with Queue(folder, limits, separation, separation.check) as queue:
        gate = Gate(build_app(queue, models, limits), auth, port)
        config = uvicorn.Config(gate, log_level="error", timeout_graceful_shutdown=SECONDS_TO_END, lifespan="on")

        class Server(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")

        # A stop cuts off what a browser still listens to, which is none of our errors.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        with suppress(KeyboardInterrupt):
            Server(config).run(sockets=[listening])


def build_app(queue: "Queue", models: dict[str, str], limits: Limits) -> "FastAPI":
    """Build what answers behind the gate: the recordings' addresses, and gradio's for all others."""
    import gradio as gr
    from fastapi import FastAPI

    from separator.web.page import HEAD, build_page
    from separator.web.routes import Routes

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.routes.extend(Routes(queue, tuple(models)).routes())
    font = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]  # of the visitor's machine
    theme = gr.themes.Base(
        primary_hue="teal", neutral_hue="slate", font=font, font_mono=["ui-monospace", "Consolas", "monospace"]
    ).set(  # enough contrast for small text
        body_text_color_subdued="*neutral_500",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
    )
    page = build_page(models, limits)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        show_error=False,
        theme=theme,
        head=HEAD,
    )
    return app


def describe_models(names: list[str]) -> dict[str, str]:
    """Return what comes out of each model that visitors may choose: those asked for, then the released ones.

    Raises:
        InputError: If one is not there, or separates nothing.
    """
    described = {}
    for name in names:
        description = read_description(find_model(name))
        if not isinstance(description, ModelDescription):
            raise InputError(f"{name}: expected a model that separates, found a voice model")
        described[name] = ", ".join(description.sources)
    for name in list_models():
        description = read_description(BUNDLED / name)
        if isinstance(description, ModelDescription):
            described.setdefault(name, ", ".join(description.sources))
    return described


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address.

    Raises:
        InputError: If that cannot be listened on.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        why = (getattr(error, "strerror", None) or str(error)).partition(" (while")[0]
        raise InputError(f"cannot listen on {host}, port {port}: {why}; --port 0 takes a free port") from None


def remove_leftovers() -> None:
    """Delete the temporary folders that killed servers of this user have left."""
    for path in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        found = re.fullmatch(rf"{FOLDER_PREFIX}(\d+)-\w+", path.name)
        if found is None or os.name != "posix" or path.is_symlink() or path.lstat().st_uid != os.getuid():
            continue
        try:
            os.kill(int(found[1]), 0)
        except ProcessLookupError:
            shutil.rmtree(path, ignore_errors=True)
        except (OSError, OverflowError):
            continue


def _keep_gradio_here(folder: Path) -> None:
    """Tell gradio, before it is imported, to send nothing to anyone, and where its files go."""
    os.environ |= {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_RUN_HISTORY": "False",
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
