"""The page of `separator web` (extra `web`): recordings dropped in a browser, separated by the same runner as in a terminal."""
