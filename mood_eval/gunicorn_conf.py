"""How the launcher runs the web server: one process, several threads."""

from mood_eval.embedded.keeper import die_with_this_parent

worker_class = "gthread"
workers = 1
threads = 16  # a clip that plays holds one
timeout = 60
graceful_timeout = 3
keepalive = 5
control_socket_disable = True


def post_fork(_arbiter: object, _worker: object) -> None:
    die_with_this_parent()
