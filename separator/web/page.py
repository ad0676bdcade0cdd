"""The page itself: gradio's controls for the options, and the places where `static/` shows recordings."""

import json
from typing import get_args

import gradio as gr

from separator.inference.assignment.clustering import MOST_TALKERS
from separator.web.limits import Limits, format_bytes
from separator.web.options import CHOICES, DEFAULT, BitRate, Talkers

HEAD = """
<link rel="stylesheet" href="page/page.css"><link rel="stylesheet" href="page/tracks.css">
<link rel="icon" href="page/icon.svg"><script type="module" src="page/page.js"></script>
"""

TITLE = """
<header class="title"><h1>separator</h1><p>A recording goes in, its voices come out.</p></header>
"""

UPLOADS = """
<section id="uploads" aria-label="Recordings to separate" {limits}>
  <label class="drop"><input type="file" id="files" multiple aria-describedby="taken">
    <span><strong>Drop recordings here</strong>, or choose files</span>
    <small id="taken">Audio or video, up to {size} and {hours:g} h each</small></label>
  <button type="button" id="record" class="plain">Record</button>
  <details id="voices"><summary>Known voices</summary>
    <p>enrol: a clip of a voice, and the name that its output gets; others are talker2 and so on</p>
    <div class="clips"></div>
    <label class="plain">Add clips<input type="file" id="clips" multiple></label></details>
  <p id="notice" role="alert" hidden></p>
</section>
"""

RECORDINGS = """
<section id="recordings" aria-label="Recordings"></section><p id="news" role="status"></p>
"""

OPTION_HELP = {
    "talkers": "a file for each of several people who take turns, talker1 and so on; default: the model's own outputs",
    "timeline": "also write who speaks when, overlaps included",
    "only": "write only these outputs; empty: all",
    "start": "separate from there on: seconds, m:ss or h:mm:ss",
    "duration": "separate only so much: seconds, m:ss or h:mm:ss",
    "track": "audio track of a film with several: 1, 2 and so on; empty: the first",
    "no-voices": "do not tell talkers apart by their voices over the whole recording",
    "precision": "auto is bfloat16 where device and model bear it, else float32; int8 is for models of convolutions",
    "chunk-seconds": "length of the chunks that it is separated in; empty: the model's own",
    "format": "of the outputs",
    "bit-depth": "of wav and flac; default: float for wav, 24 for flac",
    "bitrate": "of mp3, m4a, opus and ogg",
    "mono": "mix the recording's channels to one",
    "residual": "write what the sources leave to residual.wav instead of sharing it",
}


def build_page(models: dict[str, str], limits: Limits) -> gr.Blocks:
    """Build the page; what its button asks for goes to the address of separations, and nothing through gradio.

    Args:
        models: What visitors may choose, by name, with what comes out; the first is chosen already.
        limits: What is taken.
    """
    with gr.Blocks(title="separator", analytics_enabled=False) as page:
        gr.HTML(TITLE, apply_default_css=False)
        with gr.Row(elem_classes="start"):
            with gr.Column(scale=3, min_width=280):
                gr.HTML(_uploads(limits), apply_default_css=False)
            with gr.Column(scale=2, min_width=280):
                gives = "; ".join(f"{name} gives {sources}" for name, sources in models.items())
                model = gr.Dropdown(list(models), value=next(iter(models)), label="model", info=gives)
                talkers = gr.Radio([DEFAULT, *get_args(Talkers)], value=DEFAULT, **_named("talkers"))
        with gr.Accordion("More options", open=False):
            others = _controls(models)
        controls = {"model": model, "talkers": talkers, **others}
        separate = gr.Button("Separate", variant="primary", elem_id="separate")
        gr.HTML(RECORDINGS, apply_default_css=False)
        ask = f"(...values) => window.separatorPage.separate({json.dumps(list(controls))}, values)"
        separate.click(None, list(controls.values()), None, js=ask, api_visibility="private")
    return page


def _uploads(limits: Limits) -> str:
    data = f'data-max-bytes="{limits.max_upload_bytes}" data-max-size="{format_bytes(limits.max_upload_bytes)}"'
    return UPLOADS.format(limits=data, size=format_bytes(limits.max_upload_bytes), hours=limits.max_hours)


def _named(name: str) -> dict[str, str]:
    return {"label": name, "info": OPTION_HELP[name]}


def _controls(models: dict[str, str]) -> dict[str, gr.components.Component]:
    """Make the options' controls, by their names on the command line."""
    sources = [name for gives in models.values() for name in gives.split(", ")]
    outputs = list(dict.fromkeys([*sources, "residual", *(f"talker{number}" for number in range(1, MOST_TALKERS + 1))]))
    with gr.Row():
        files: dict[str, gr.components.Component] = {
            "format": gr.Radio(list(CHOICES["format"]), value="wav", **_named("format")),
            "bit-depth": gr.Radio([DEFAULT, *CHOICES["bit_depth"]], value=DEFAULT, **_named("bit-depth")),
            "bitrate": gr.Dropdown([DEFAULT, *get_args(BitRate)], value=DEFAULT, **_named("bitrate")),
        }
    with gr.Row():
        chosen: dict[str, gr.components.Component] = {
            "timeline": gr.Radio([DEFAULT, *CHOICES["timeline"]], value=DEFAULT, **_named("timeline")),
            "only": gr.Dropdown(outputs, multiselect=True, allow_custom_value=True, **_named("only")),
        }
    with gr.Row():  # gradio makes 0 of a number that is not given
        part: dict[str, gr.components.Component] = {
            name: gr.Textbox("", **_named(name)) for name in ("start", "duration", "track")
        }
    with gr.Row():
        work: dict[str, gr.components.Component] = {
            "precision": gr.Radio(list(CHOICES["precision"]), value="auto", **_named("precision")),
            "chunk-seconds": gr.Textbox("", **_named("chunk-seconds")),
        }
    with gr.Row():
        work |= {name: gr.Checkbox(False, **_named(name)) for name in ("mono", "residual", "no-voices")}
    return files | chosen | part | work
