"""The items of a running study, those that need somebody first."""

from __future__ import annotations

from dataclasses import dataclass

from annotations.models import Study
from annotations.selectors.progress import fetched

PAGE = 50
SHOWN = {
    "incomplete": ("Not complete", "answers < %(overlap)s"),
    "free": ("With a place that nobody holds", "held < %(overlap)s"),
    "disputed": ("Disputed", "rules IS NOT NULL"),
    "flagged": ("Flagged", "flags > 0"),
    "all": ("All", "true"),
}
"""Name in the address -> words, and which items."""

ITEMS = """
WITH counted AS (
  SELECT item.id, item.position, part.position AS part,
    count(given.id) FILTER (WHERE given.state = 'submitted') AS answers,
    count(given.id) AS held
  FROM annotations_item item
  JOIN annotations_studypart part ON part.id = item.part_id
  LEFT JOIN annotations_assignment given
    ON given.item_id = item.id AND given.role = 'independent'
    AND given.rater_id NOT IN
      (SELECT id FROM annotations_studyrater WHERE study_id = %(study)s AND kind = 'llm')
  WHERE part.study_id = %(study)s AND item.pool = 'study'
  GROUP BY item.id, part.id
),
disputed AS (
  SELECT item_id, array_agg(DISTINCT rule) AS rules
  FROM annotations_dispute WHERE settled_at IS NULL AND item_id IN (SELECT id FROM counted)
  GROUP BY item_id
),
flagged AS (
  SELECT given.item_id, count(*) AS flags
  FROM annotations_flag flag
  JOIN annotations_assignment given ON given.id = flag.assignment_id
  JOIN annotations_studyrater rater ON rater.id = given.rater_id
  WHERE rater.study_id = %(study)s
  GROUP BY given.item_id
)
SELECT counted.id, part, position, answers, held, coalesce(rules, '{}'), coalesce(flags, 0),
  count(*) OVER ()
FROM counted
LEFT JOIN disputed ON disputed.item_id = counted.id
LEFT JOIN flagged ON flagged.item_id = counted.id
WHERE {which}
ORDER BY answers, part, position
LIMIT %(limit)s OFFSET %(offset)s
"""
RULES = {
    "range": "scores far apart",
    "disagreement": "no majority",
    "flag": "flagged for harm",
}


@dataclass(frozen=True)
class ItemProgress:
    pk: int
    part: int
    position: int
    answers: int
    held: int
    rules: list[str]
    flags: int


@dataclass(frozen=True)
class ItemPage:
    items: list[ItemProgress]
    total: int
    number: int

    @property
    def before(self) -> int:
        return self.number - 1

    @property
    def after(self) -> int:
        return self.number + 1

    @property
    def last(self) -> int:
        return max(1, -(-self.total // PAGE))


def item_page(study: Study, which: str, number: int) -> ItemPage:
    number = max(1, number)
    rows = fetched(
        ITEMS.replace("{which}", SHOWN[which][1]),
        {
            "study": study.pk,
            "overlap": study.overlap,
            "limit": PAGE,
            "offset": (number - 1) * PAGE,
        },
    )
    items = [
        ItemProgress(pk, part, position, answers, held, [RULES[rule] for rule in rules], flags)
        for pk, part, position, answers, held, rules, flags, _ in rows
    ]
    return ItemPage(items, rows[0][-1] if rows else 0, number)
