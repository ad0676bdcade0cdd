"""The page of `separator web` (extra `web`): recordings dropped in a browser, separated as in a terminal."""
