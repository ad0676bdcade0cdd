"""Two examples of every command, as its `--help` shows them."""

EXAMPLES: dict[str, tuple[str, str]] = {
    "separate": (
        "separator separate talk.wav -o out",
        'separator separate films/ -o out --format mp3 --name "{stem}_{source}" --start 1:30 --duration 20',
    ),
    "live": (
        "separator live -m runs/live/model -o out",
        "arecord -f S16_LE -r 16000 | separator live -m runs/live/model --input - -o out",
    ),
    "web": (
        "separator web",
        "separator web --host 0.0.0.0 --auth anna:secret --max-upload 500MB --keep-minutes 10",
    ),
    "train": (
        "separator train recipes/tiny.yaml --set data.root=DATA -o runs/tiny",
        "separator train recipes/speech-2spk.yaml --set data.root=DATA -o runs/mine --dry-run",
    ),
    "average": (
        "separator average runs/mine -o averaged",
        "separator average runs/mine -k 3 -o averaged",
    ),
    "prepare": (
        "separator prepare recipes/speech-2spk.yaml DATA -o prepared",
        "separator prepare musdb MUSDB18-HQ --check --deep",
    ),
    "evaluate": (
        "separator evaluate speech-2spk-16k --data recipes/speech-2spk.yaml --set data.root=DATA -o scores",
        "separator evaluate oracle-irm1 --data MUSDB18-HQ --split test -o irm",
    ),
    "score": (
        "separator score --references TRUTH --estimates THEIRS -o scores",
        "separator score --musdb MUSDB18 --estimates THEIRS -o scores --against earlier/scores",
    ),
    "compare": (
        "separator compare recipes/bricks --set data.root=DATA -o comparison",
        "separator compare a.yaml b.yaml --set data.root=DATA --seeds 0,1,2 -o comparison",
    ),
    "embed": (
        "separator embed anna.wav ben.wav talk/ --table",
        "separator embed recordings/ -o vectors.npz",
    ),
    "models": ("separator models", "separator models --json"),
    "import": (
        "separator import model.pth -o converted",
        "separator import CONVTASNET_BASE_LIBRI2MIX -o converted",
    ),
    "export": (
        "separator export speech-2spk-16k -o exported",
        "separator export runs/mine/model --format program -o exported",
    ),
    "push": ("separator push runs/mine/model anna/mine --dry-run", "separator push runs/mine/model anna/mine --public"),
    "info": (
        "separator info speech-2spk-16k",
        "separator info recipes/conv-tasnet-2spk.yaml --set model.config.num_blocks=4 --layers --depth 2",
    ),
    "bench": (
        "separator bench speech-2spk-16k",
        "separator bench recipes/conv-tasnet-2spk.yaml --seconds 4 --threads 2",
    ),
}
"""Commands as one types them, by the name of the command."""
