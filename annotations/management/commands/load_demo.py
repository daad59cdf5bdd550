from __future__ import annotations

from typing import Any

from annotations.services.demo import load_demo
from inference.management.base import DomainCommand
from mood_eval.demo_accounts import DEMO_ACCOUNTS


class Command(DomainCommand):
    help = (
        "Load the demonstration: accounts, a fictional corpus with clips, two models that answered "
        "it, and an open study. What is there already stays as it is."
    )
    reports = True

    def act(self, **options: Any) -> dict[str, Any]:
        study = load_demo(self.tell)
        return {
            "study": study.name,
            "accounts": [
                {"email": one.email, "name": one.name, "role": one.role, "password": one.password}
                for one in DEMO_ACCOUNTS
            ],
        }

    def describe(self, report: dict[str, Any]) -> str:
        people = "\n".join(
            f"  {one['role']:<11}{one['email']:<22}password {one['password']}"
            for one in report["accounts"]
        )
        return f"The demonstration is loaded.\n{people}"
