"""Chunks of several recordings through the model together."""

import threading
from collections.abc import Callable

import torch
from torch import Tensor


class ModelQueue:
    """Runs a model for callers in several threads: what waits while it is busy goes through it as one batch.

    Args:
        run: Maps `(B, C, T)` to `(B, S, C, T)`, each row by itself.
        most_rows: Rows of a batch, unless one caller alone brings more.
    """

    def __init__(self, run: Callable[[Tensor], Tensor], most_rows: int) -> None:
        self.run = run
        self.most_rows = most_rows
        self._device = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: list[_Request] = []

    def __call__(self, batch: Tensor) -> Tensor:
        """Separate a batch `(B, C, T)`; returns when it is done."""
        request = _Request(batch)
        with self._lock:
            self._waiting.append(request)
        try:
            with self._device:
                if request.result is None:  # else the caller before took it along
                    self._run(self._take(request))
        finally:
            with self._lock:  # a signal may come at any place
                if request in self._waiting:
                    self._waiting.remove(request)
        if request.result is None:  # what failed together may be another's fault
            with self._device:
                return self.run(batch)
        return request.result

    def _take(self, first: "_Request") -> "list[_Request]":
        """A caller's request and those that fit beside it."""
        with self._lock:
            taken, rows = [first], len(first.batch)
            for other in self._waiting:
                alike = other.batch.shape[1:] == first.batch.shape[1:]
                if other is not first and alike and rows + len(other.batch) <= self.most_rows:
                    taken.append(other)
                    rows += len(other.batch)
            self._waiting = [each for each in self._waiting if each not in taken]
            return taken

    def _run(self, requests: "list[_Request]") -> None:
        if len(requests) == 1:
            requests[0].result = self.run(requests[0].batch)
            return
        try:
            results = self.run(torch.cat([each.batch for each in requests]))
        except Exception:
            return  # each caller tries by itself
        for request, result in zip(requests, results.split([len(each.batch) for each in requests]), strict=True):
            request.result = result


class _Request:
    def __init__(self, batch: Tensor) -> None:
        self.batch = batch
        self.result: Tensor | None = None
