"""Decides the label lines of replies: every alternative of a line is scored in one forward pass.

A label's probability is the product of those of its tokens and of the line end that closes it
(so that no label gains by being the beginning of another), over the sum for all labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from inference.errors import CheckpointError
from inference.multimood.backbone import LOGITS_BYTES, Backbone, Step, suffix_width
from inference.multimood.kv_cache import ROW_MULTIPLE, SharedCache, round_up
from inference.multimood.label_tree import LabelTree, ReplyPlan, shared_length
from inference.multimood.sampling import Draws, choose_label

JUNK = 1
"""Slots beyond those in use, where padding is written."""


@dataclass(frozen=True)
class Branch:
    """A row of the cache. `ids` are the reply's tokens that it holds, `slots` where."""

    row: int
    labels: tuple[str, ...]
    ids: tuple[int, ...]
    slots: tuple[int, ...]


class LabelLines:
    """`rows` are answers, given by the prompt of each. Answers that are still the same share a
    branch."""

    def __init__(
        self, backbone: Backbone, cache: SharedCache, plan: ReplyPlan, prompts: Sequence[int]
    ) -> None:
        self.backbone, self.cache, self.plan = backbone, cache, plan
        self.prompts = list(dict.fromkeys(prompts))
        self.branches = [Branch(i, (), (), ()) for i in range(len(self.prompts))]
        self.branch_of = [self.prompts.index(prompt) for prompt in prompts]
        self.started = False

    def decide(
        self, labels: tuple[str, ...], temperature: float, draws: Sequence[Draws]
    ) -> list[tuple[int, torch.Tensor]]:
        """The next line of each answer: which label, and the probabilities of all."""
        trees = [self.plan.tree(branch.labels, labels) for branch in self.branches]
        kept = self._feed([tree.stem for tree in trees], [len(tree.tokens) for tree in trees])
        step = _tree_step(self.cache, trees, kept)
        hidden = self.backbone.advance(self.cache, step)
        scores = _scores(self.backbone, hidden, trees, kept)
        if scores.isnan().any():
            raise CheckpointError("The model computes no numbers (NaN): its weights are damaged.")
        shares = torch.softmax(scores, -1)
        by_branch = scores.tolist()
        decided = [
            choose_label(by_branch[branch], temperature, own)
            for branch, own in zip(self.branch_of, draws, strict=True)
        ]
        answers = [
            (label, shares[branch]) for label, branch in zip(decided, self.branch_of, strict=True)
        ]
        self._grow(trees, decided)
        return answers

    def open_response(self) -> torch.Tensor:
        """The fixed text up to the response is read; one row of the cache an answer from here on.
        Logits (answers, vocabulary) of what follows."""
        openings = [self.plan.opening(branch.labels) for branch in self.branches]
        trees = [LabelTree((), opening, (), (), (), ()) for opening in openings]
        kept = self._feed(openings, [0] * len(openings))
        step = _tree_step(self.cache, trees, kept)
        hidden = self.backbone.advance(self.cache, step)
        ends = [len(tree.stem) - count - 1 for tree, count in zip(trees, kept, strict=True)]
        logits = self.backbone.logits(hidden[torch.arange(len(ends)), ends])
        self.branches = [
            Branch(i, branch.labels, opening, tuple(range(len(opening))))
            for i, (branch, opening) in enumerate(zip(self.branches, openings, strict=True))
        ]
        return logits[self.branch_of]

    def spread(self, room: int) -> None:
        """One row of the cache for each answer, with room for as many more tokens."""
        branches = [self.branches[branch] for branch in self.branch_of]
        longest = max(len(branch.ids) for branch in branches)
        self.cache.branch(
            [branch.row for branch in branches],
            [branch.slots for branch in branches],
            longest + room,
        )

    def _feed(self, stems: Sequence[tuple[int, ...]], nodes: Sequence[int]) -> list[int]:
        """Makes the branches rows of the cache that hold of their stem what was computed before:
        how many tokens each. The last one is always left, for what it predicts."""
        kept = [
            min(shared_length([branch.ids, stem]), len(stem) - 1)
            for branch, stem in zip(self.branches, stems, strict=True)
        ]
        used = [len(stem) + count for stem, count in zip(stems, nodes, strict=True)]
        if not self.started:
            self.cache.start_rows(self.prompts, max(used) + JUNK)
            self.started = True
        else:
            self.cache.branch(
                [branch.row for branch in self.branches],
                [b.slots[:count] for b, count in zip(self.branches, kept, strict=True)],
                max(used) + JUNK,
            )
        return kept

    def _grow(self, trees: Sequence[LabelTree], decided: Sequence[int]) -> None:
        """A branch for each label that was decided at each branch."""
        pairs = list(dict.fromkeys(zip(self.branch_of, decided, strict=True)))
        place = {pair: i for i, pair in enumerate(pairs)}
        self.branch_of = [place[pair] for pair in zip(self.branch_of, decided, strict=True)]
        self.branches = [
            _grown(self.branches[branch], branch, trees[branch], label) for branch, label in pairs
        ]


def _grown(branch: Branch, row: int, tree: LabelTree, label: int) -> Branch:
    path = tree.paths[label]
    stem = len(tree.stem)
    return Branch(
        row,
        (*branch.labels, tree.labels[label]),
        (*tree.stem, *(tree.tokens[node] for node in path)),
        (*range(stem), *(stem + node for node in path)),
    )


def _tree_step(cache: SharedCache, trees: Sequence[LabelTree], kept: Sequence[int]) -> Step:
    """The rest of each stem, then the nodes: each sees the stem and the nodes above it."""
    longest = max(
        len(tree.stem) - count + len(tree.tokens) for tree, count in zip(trees, kept, strict=True)
    )
    shape = (cache.rows, round_up(longest, ROW_MULTIPLE))
    width = suffix_width(max(len(tree.stem) + len(tree.tokens) for tree in trees))
    ids, positions = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    slots = torch.full(shape, cache.room - 1)
    visible = torch.zeros(*shape, width, dtype=torch.bool)
    for row, (tree, count) in enumerate(zip(trees, kept, strict=True)):
        stem, nodes = len(tree.stem), len(tree.tokens)
        rest, end = stem - count, stem - count + nodes
        ids[row, :end] = torch.tensor([*tree.stem[count:], *tree.tokens])
        slots[row, :end] = torch.arange(count, stem + nodes)
        start = cache.prompt_lengths[cache.prompt_of_row[row]]
        positions[row, :end] = start + torch.tensor([*range(count, stem), *tree.depths(stem)])
        visible[row, :rest, :stem] = torch.ones(rest, stem, dtype=torch.bool).tril(count)
        visible[row, rest:end, :stem] = True
        visible[row, rest:end, stem : stem + nodes] = tree.ancestry
    device = cache.prefix.device
    return Step(*(part.to(device) for part in (ids, positions, slots, visible)))


def _scores(
    backbone: Backbone, hidden: torch.Tensor, trees: Sequence[LabelTree], kept: Sequence[int]
) -> torch.Tensor:
    """(rows, Q, hidden) -> (branches, labels) log-probabilities, float64."""
    places: list[int] = []
    pairs: list[tuple[int, int, int]] = []
    count = len(trees[0].labels)
    for row, (tree, cached) in enumerate(zip(trees, kept, strict=True)):
        first = len(places)
        end_of_stem = row * hidden.shape[1] + len(tree.stem) - cached - 1
        places.extend(range(end_of_stem, end_of_stem + len(tree.tokens) + 1))
        for label in range(count):
            pairs.extend(
                (first + node + 1, token, row * count + label) for node, token in tree.scored(label)
            )
    at, tokens, owners = torch.tensor(pairs).unbind(1)
    picked = hidden.flatten(0, 1)[torch.tensor(places, device=hidden.device)]
    found = torch.zeros(len(pairs), dtype=torch.float64)
    for start, logs in _log_shares(backbone, picked):
        here = (at >= start) & (at < start + logs.shape[0])
        places_here, tokens_here = (at[here] - start).to(logs.device), tokens[here].to(logs.device)
        found[here] = logs[places_here, tokens_here].double().cpu()
    scores = torch.zeros(len(trees) * count, dtype=torch.float64).index_add_(0, owners, found)
    return scores.view(len(trees), count)


def _log_shares(backbone: Backbone, hidden: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
    """In parts that keep the memory of a large vocabulary in bounds."""
    vocabulary = backbone.lm_head.weight.shape[0]
    rows = max(ROW_MULTIPLE, LOGITS_BYTES // (4 * vocabulary) // ROW_MULTIPLE * ROW_MULTIPLE)
    for start in range(0, hidden.shape[0], rows):
        yield start, torch.log_softmax(backbone.logits(hidden[start : start + rows]), -1)
