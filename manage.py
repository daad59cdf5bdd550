"""Django's commands; those that use the database find it running."""

import contextlib
import os
import sys

from django.core.management import execute_from_command_line

from mood_eval.embedded import EmbeddedServerError, using_servers

NEED_NO_SERVER = {
    "check",
    "collectstatic",
    "compilemessages",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "startapp",
    "startproject",
    "version",
}
ASK_FOR_HELP = {"-h", "--help", "--version"}


def needs_servers(arguments: list[str]) -> bool:
    if not arguments or ASK_FOR_HELP.intersection(arguments):
        return False
    if arguments[0] == "agreement" and any(word.split("=")[0] == "--csv" for word in arguments):
        return False
    return arguments[0] not in NEED_NO_SERVER or "--database" in arguments


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mood_eval.settings")
    servers = using_servers() if needs_servers(sys.argv[1:]) else contextlib.nullcontext()
    try:
        with servers:
            execute_from_command_line(sys.argv)
    except EmbeddedServerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
