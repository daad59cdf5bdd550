"""The lines of a reply that hold labels, as token trees.

What a label's tokens are depends on the text around it (tokens may reach over its borders), so
the whole text is tokenised with every label in its place, and the tree begins where they differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from transformers import PreTrainedTokenizerBase

from inference.multimood.prompt import PromptTemplate


@dataclass(frozen=True)
class LabelTree:
    """`stem` are the tokens before the labels differ. Nodes are the labels' tokens but for the one
    that closes each; parents stand before children, -1 is the end of the stem."""

    labels: tuple[str, ...]
    stem: tuple[int, ...]
    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]
    """By label, the nodes on its way."""
    closing: tuple[int, ...]
    """By label, the token that holds the first character after it."""

    @cached_property
    def ancestry(self) -> torch.Tensor:
        """(nodes, nodes): row n is n and the nodes above it."""
        above = torch.eye(len(self.tokens), dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                above[node] |= above[parent]
        return above

    def depths(self, stem: int) -> list[int]:
        """The position of each node in the reply, behind `stem` tokens."""
        found: list[int] = []
        for parent in self.parents:
            found.append(stem if parent < 0 else found[parent] + 1)
        return found

    def scored(self, label: int) -> list[tuple[int, int]]:
        """(node, the token that must follow it), from the stem to the closing token."""
        path = self.paths[label]
        following = [*(self.tokens[node] for node in path), self.closing[label]]
        return list(zip([-1, *path], following, strict=True))


class ReplyPlan:
    """The fixed text of a reply, and the trees of its label lines."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, template: PromptTemplate) -> None:
        self.tokenizer = tokenizer
        self.fields = tuple(field for field, _ in template.scaffold)
        self.texts = tuple(text for _, text in template.scaffold)
        self.names = tuple(text.strip() for text in self.texts)
        self.tree = lru_cache(maxsize=4096)(self._tree)
        self.opening = lru_cache(maxsize=4096)(self._opening)

    def _tree(self, before: tuple[str, ...], labels: tuple[str, ...]) -> LabelTree:
        """Of the line after those that hold the labels `before`."""
        start = self._written(before)
        following = self.texts[len(before) + 1].rstrip()
        encoded = [self._until_closed(start + label, following) for label in labels]
        shared = min(shared_length(encoded), min(map(len, encoded)) - 1)
        tokens: list[int] = []
        parents: list[int] = []
        paths = []
        for ids in encoded:
            path: list[int] = []
            for token in ids[shared:-1]:
                path.append(_node(tokens, parents, path[-1] if path else -1, token))
            paths.append(tuple(path))
        return LabelTree(
            labels,
            tuple(encoded[0][:shared]),
            tuple(tokens),
            tuple(parents),
            tuple(paths),
            tuple(ids[-1] for ids in encoded),
        )

    def _opening(self, before: tuple[str, ...]) -> tuple[int, ...]:
        """All tokens up to the response."""
        ids: list[int] = self.tokenizer(self._written(before).rstrip(), add_special_tokens=False)[
            "input_ids"
        ]
        return tuple(ids)

    def _written(self, labels: Sequence[str]) -> str:
        lines = zip(self.texts, [*labels, ""], strict=False)
        return "".join(text + label for text, label in lines)

    def _until_closed(self, text: str, following: str) -> list[int]:
        """The tokens of `text` as they are before `following`, and the one that begins it."""
        encoded = self.tokenizer(
            text + following, add_special_tokens=False, return_offsets_mapping=True
        )
        ends = [end for _, end in encoded["offset_mapping"]]
        closing = next(i for i, end in enumerate(ends) if end > len(text))
        ids: list[int] = encoded["input_ids"][: closing + 1]
        return ids


def shared_length(rows: Sequence[Sequence[int]]) -> int:
    """How many first tokens all rows share."""
    return next(
        (i for i, tokens in enumerate(zip(*rows, strict=False)) if len(set(tokens)) > 1),
        min(map(len, rows)),
    )


def _node(tokens: list[int], parents: list[int], parent: int, token: int) -> int:
    for node, known in enumerate(zip(tokens, parents, strict=True)):
        if known == (token, parent):
            return node
    tokens.append(token)
    parents.append(parent)
    return len(tokens) - 1
