"""What went wrong with a try: whether another may do better, and what to tell the researcher."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import openai

from inference.backends.completions import Completion, error_code, error_text
from inference.backends.pacing import seconds_asked
from inference.endpoints import ChatAnswer, Endpoint, EndpointError, EndpointRefusedError

PASSING = frozenset({408, 409, 425, 429})
"""Beside 5xx: statuses that may be others a little later."""
OF_THE_QUESTION = frozenset({400, 413, 414, 422, 431})
REFUSAL = re.compile("4[0-9][0-9]")
LONGEST_SAID = 300
"""Characters of what a server says that are told on."""
OUT_OF_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
OF_THE_OPTIONS = frozenset({"unsupported_parameter", "unsupported_value"})
NO_SCHEMA = re.compile(r"response_format|json_schema")
UNKNOWN_MODEL = re.compile(
    r"(unknown|invalid) model|model\b.{0,200}\b(not exist|not found|not available)", re.I | re.S
)
REMEDIES: Mapping[int, str] = {
    401: "Set the right key for this address.",
    402: "Top up the account, then resume.",
    403: "The account behind the key may not use this model.",
    404: "Check the address (it ends in /v1 as a rule) and the model's name.",
    413: "Show it fewer pictures, or give it a shorter history.",
}


class QuestionRefusedError(EndpointRefusedError):
    """This question is refused (too long, a picture it cannot read, against its rules); others
    may be answered."""


class NothingUsableError(EndpointError):
    """Every try failed, but some were counted: `answer` has no text and says what they cost."""

    def __init__(self, message: str, answer: ChatAnswer) -> None:
        super().__init__(message)
        self.answer = answer


def paid_before(error: BaseException) -> ChatAnswer | None:
    """What the tries of a question cost that were counted before it ended with this."""
    paid = error if isinstance(error, NothingUsableError) else error.__cause__
    return paid.answer if isinstance(paid, NothingUsableError) else None


@dataclass(frozen=True)
class PassingFault:
    reason: str
    quiet: float = 0.0
    """Seconds for which the server asks to be left alone."""


@dataclass(frozen=True)
class Faults:
    endpoint: Endpoint
    key: str
    """To be taken out of whatever a server sends back."""

    def of_try(self, error: openai.APIError) -> PassingFault:
        """Raises EndpointRefusedError where another try would be refused alike."""
        if isinstance(error, openai.APIStatusError):
            return self._of_status(error)
        if isinstance(error, openai.APITimeoutError):
            return PassingFault(f"no whole answer within {self.endpoint.timeout:g} s")
        cause = error.__cause__ or error
        return PassingFault(self.clean(f"{type(cause).__name__}: {cause}"))

    def of_completion(self, completion: Completion) -> PassingFault:
        """An error may also come with status 200; its code is then the status."""
        code = completion.code
        if REFUSAL.fullmatch(code) and not _passes(int(code)):
            self._refuse(int(code), completion.fault, code)
        return PassingFault(self.clean(completion.fault))

    def exhausted(self, reason: str, spent: ChatAnswer) -> EndpointError:
        """Also the cause of an end before the last try, where what was spent counts."""
        tries = "try" if spent.tries == 1 else "tries"
        message = f"{self.name} gave no answer in {spent.tries} {tries}: {reason}."
        if spent.prompt_tokens or spent.new_tokens or spent.cost:
            return NothingUsableError(message, spent)
        return EndpointError(message)

    @property
    def name(self) -> str:
        return f"The model “{self.endpoint.model}” at {self.endpoint.url}"

    def clean(self, said: str) -> str:
        """Cut only once the key is out: half a key is too much."""
        text = said.replace(self.key, "…") if self.key else said
        return text if len(text) <= LONGEST_SAID else f"{text[:LONGEST_SAID]}…"

    def _of_status(self, error: openai.APIStatusError) -> PassingFault:
        status, body = error.status_code, _error_of(error)
        code = error_code(body)
        if not _passes(status) or code in OUT_OF_CREDIT:
            self._refuse(status, error_text(body), code)
        quiet = seconds_asked(error.response.headers.get("retry-after"))
        return PassingFault(self.clean(f"status {status}, {error_text(body)}"), quiet)

    def _refuse(self, status: int, said: str, code: str) -> None:
        # Servers repeat a wrong key, or most of it, in their own words.
        told = "" if status == 401 else f": {self.clean(said)}"
        remedy = REMEDIES.get(status, "")
        if status == 401 and self.endpoint.key_variable:
            remedy = f"Set {self.endpoint.key_variable} to the right key for this address."
        if code in OUT_OF_CREDIT:
            remedy = REMEDIES[402]
        elif NO_SCHEMA.search(said):
            remedy = "Register the model as one that takes no JSON schema."
        elif code in OF_THE_OPTIONS:
            remedy = "Choose other options."
        message = f"{self.name} refuses (status {status}){told.rstrip('.')}. {remedy}".strip()
        if status in OF_THE_QUESTION and not _of_all(code, said):
            raise QuestionRefusedError(message)
        raise EndpointRefusedError(message)


def _passes(status: int) -> bool:
    return status in PASSING or status >= 500


def _of_all(code: str, said: str) -> bool:
    """A refusal of the model or of an option meets every question."""
    if "model_not" in code or code in OF_THE_OPTIONS:
        return True
    return any(pattern.search(said) for pattern in (UNKNOWN_MODEL, NO_SCHEMA))


def _error_of(error: openai.APIStatusError) -> Any:
    """The client has taken `error` out of the body where it was there."""
    if error.body is not None and error.body != "":
        return error.body
    return error.response.reason_phrase or "no reason given"
