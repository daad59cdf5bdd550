"""What the description of the API says of refusals, which every operation shares."""

from __future__ import annotations

from typing import Any

ERROR = "Refusal"
REFUSALS = {
    "400": "Something that was sent is not right: `detail` says what.",
    "403": "Nobody is signed in, or this is closed to you for now: `detail` says why.",
    "404": "There is no such thing for you.",
    "409": "This does not go with the present state: `detail` says why.",
    "default": "Refused on the level of HTTP, for example an unknown method or content type.",
}
BODY = {
    "type": "object",
    "properties": {
        "detail": {"type": "string", "description": "In words."},
        "fields": {
            "type": "object",
            "additionalProperties": {},
            "description": "Field -> what is wrong with it, where single fields are.",
        },
        "missing": {
            "type": "array",
            "description": "Of a submission: questions without an answer.",
            "items": {
                "type": "object",
                "properties": {
                    "question": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["question", "message"],
            },
        },
    },
    "required": ["detail"],
}
METHODS = ("get", "post", "put", "patch", "delete")


def add_refusals(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    result["components"].setdefault("schemas", {})[ERROR] = BODY
    for operations in result["paths"].values():
        for method in METHODS:
            if method in operations:
                for status, words in refusals_of(method, operations[method]).items():
                    operations[method]["responses"].setdefault(status, refusal(words))
    return result


def refusals_of(method: str, operation: dict[str, Any]) -> dict[str, str]:
    asks = any(parameter["in"] == "query" for parameter in operation.get("parameters", ()))
    left_out = {"400", "409"} if method == "get" and not asks else set()
    return {status: words for status, words in REFUSALS.items() if status not in left_out}


def refusal(words: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ERROR}"}}}
    return {"description": words, "content": content}
